"""What gets lost in the wordings of a source: doubled full stops, and more paraphrases or orders than there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import factorial, prod

import numpy as np

from pipeline.core.draws import I32, I64
from pipeline.core.notices import Notice
from pipeline.sources.knowledge.choices import Choices
from pipeline.text.rendered import Program
from pipeline.text.shown import doubled_stop

LOOKED_AT = 5_000  # exposures of the first item, of which two are to be alike


def doubled_stops(programs: Sequence[Program], places: Sequence[str]) -> list[Notice]:
    """One notice for each value that ends in the full stop that templates add. places: `file:line` of each program."""
    found: dict[str, list[str]] = {}
    for program, place in zip(programs, places, strict=False):
        if (text := doubled_stop(program)) is not None and place not in found.setdefault(text, []):
            found[text].append(place)
    return [
        Notice(
            f"the value {text[:-1]!r} ends in the {text[-1]!r} that the template adds ({_first(lines)})",
            "Leave the mark out of the template where the value has it ({% if … %}), or take it from the value.",
            repr(text),
        )
        for text, lines in found.items()
    ]


def said_bare(places: Mapping[tuple[str, str], str]) -> list[Notice]:
    """One notice for each form that templates ask for and values lack. places: (variable, form) → `file:line`."""
    return [
        Notice(
            f"'{name}' has no form '{form}', so {place} says its values as they are",
            f"Give it forms: {{{form}: …}}, or {{{form}: []}} where that is right.",
            lost=False,
        )
        for (name, form), place in places.items()
    ]


def _first(places: Sequence[str]) -> str:
    others = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return places[0] + others


def repeated_wordings(
    paraphrases: int, counts: Sequence[Sequence[int]], shares: Sequence[Fraction], drawn: Callable[[int], Choices]
) -> list[Notice]:
    """Where an item has more paraphrases than there are combinations of its sentences' wordings, in some language.

    counts[language][sentence]: wordings. drawn(e): how the first item is told at its first e exposures.
    """
    notices = []
    for share, of_language in zip(shares, counts, strict=True):
        if paraphrases * share > prod(of_language):
            asked = float(paraphrases * share)
            language = f" in a language with a share of {float(share):.4g}" if len(counts) > 1 else ""
            notices.append(
                Notice(
                    f"{asked:,.10g} paraphrases of everybody are asked{language}, but there are "
                    f"{prod(of_language):,} combinations of wordings, drawn with replacement, so paraphrases repeat",
                    "Lower `paraphrases`, or write more wordings.",
                    "" if language else _alike(drawn(min(paraphrases, LOOKED_AT)).wordings, "is worded alike"),
                    at=("paraphrases",),
                )
            )
    return notices


def repeated_lines(paraphrases: int, counts: Mapping[str, int]) -> list[Notice]:
    """Where an item has more paraphrases than its question has lines. counts: question → lines."""
    few = {question: count for question, count in counts.items() if count < paraphrases}
    if not few:
        return []
    question, count = min(few.items(), key=lambda one: one[1])
    others = f", as have {len(few) - 1} other questions" * (len(few) > 1)
    return [
        Notice(
            f"{paraphrases:,} paraphrases of everybody are asked, but '{question}' has {count} wordings{others}; they "
            "are drawn with replacement, so paraphrases repeat",
            "Lower `paraphrases`, or write more lines.",
            at=("paraphrases",),
        )
    ]


def repeated_orders(permutations: int, groups: int, drawn: Callable[[int], Choices]) -> list[Notice]:
    """Where an item has more orders of its sentences than there are. drawn: as in `repeated_wordings`."""
    if groups > 20 or permutations <= factorial(groups):
        return []
    return [
        Notice(
            f"{permutations:,} orders of the sentences of everybody are asked, but there are {factorial(groups):,}, "
            "drawn with replacement, so orders repeat",
            "Lower `permutations`, or tell more sentences.",
            _alike(drawn(min(permutations, LOOKED_AT)).order, "has one order"),
            at=("permutations",),
        )
    ]


def _alike(choices: I32 | None, what: str) -> str:
    """Two exposures of the first item at which the same was drawn, int (e, …)."""
    if choices is None:
        return ""
    _, first, number = np.unique(choices, axis=0, return_index=True, return_inverse=True)
    again: I64 = np.flatnonzero(first[number.reshape(-1)] != np.arange(len(choices)))
    if not again.size:
        return ""
    return f"item 0 {what} at the exposures {first[number.reshape(-1)[again[0]]]} and {again[0]}"
