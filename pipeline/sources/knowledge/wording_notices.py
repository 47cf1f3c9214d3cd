"""Notices about wordings: doubled full stops, missing forms, and paraphrases or orders that repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import factorial, prod

import numpy as np

from pipeline.core.draws import I32, I64
from pipeline.core.notices import Notice
from pipeline.sources.knowledge.biography_variants import Choices
from pipeline.text.expressions import Program
from pipeline.text.pieces import Piece

STOPS = (".．。…", "!！", "?？")  # marks that end a sentence; a reader takes marks in one text for the same
LOOKED_AT = 5_000  # exposures of the first item that are searched for two equal ones


def doubled_stops(programs: Sequence[Program], places: Sequence[str]) -> list[Notice]:
    """A notice for each value that ends in the full stop that templates add. places: `file:line` of each program."""
    places_of: dict[str, list[str]] = {}
    for program, place in zip(programs, places, strict=True):
        if (text := doubled_stop(program)) is not None and place not in places_of.setdefault(text, []):
            places_of[text].append(place)
    return [
        Notice(
            f"the value {text[:-1]!r} ends in the {text[-1]!r} that the template adds ({_first(lines)})",
            "Leave the mark out of the template where the value has it ({% if … %}), or take it from the value.",
            repr(text),
        )
        for text, lines in places_of.items()
    ]


def missing_forms(places: Mapping[tuple[str, str], str]) -> list[Notice]:
    """A notice for each form that templates use and values lack. places: (variable, form) → `file:line`."""
    return [
        Notice(
            f"'{name}' has no form '{form}', so {place} shows its values as they are",
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
    """A notice if an item has more paraphrases than combinations of its sentences' wordings, in some language.

    counts[language][sentence]: number of wordings. drawn(e): the variants of the first item at its first e exposures.
    """
    notices = []
    for share, of_language in zip(shares, counts, strict=True):
        if paraphrases * share > prod(of_language):
            count = float(paraphrases * share)
            language = f" in a language with a share of {float(share):.4g}" if len(counts) > 1 else ""
            notices.append(
                Notice(
                    f"{count:,.10g} paraphrases of everybody are asked{language}, but there are "
                    f"{prod(of_language):,} combinations of wordings, drawn with replacement, so paraphrases repeat",
                    "Lower `paraphrases`, or write more wordings.",
                    "" if language else _alike(drawn(min(paraphrases, LOOKED_AT)).wordings, "is worded alike"),
                    at=("paraphrases",),
                )
            )
    return notices


def repeated_lines(paraphrases: int, counts: Mapping[str, int]) -> list[Notice]:
    """A notice if an item has more paraphrases than its question has lines. counts: question → number of lines."""
    few = {question: count for question, count in counts.items() if count < paraphrases}
    if not few:
        return []
    question, count = min(few.items(), key=lambda entry: entry[1])
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
    """A notice if an item has more orders of its sentences than exist. drawn: as in `repeated_wordings`."""
    if groups > 20 or permutations <= factorial(groups):
        return []
    return [
        Notice(
            f"{permutations:,} orders of the sentences of everybody are asked, but there are {factorial(groups):,}, "
            "drawn with replacement, so orders repeat",
            "Lower `permutations`, or give more sentences.",
            _alike(drawn(min(permutations, LOOKED_AT)).order, "has one order"),
            at=("permutations",),
        )
    ]


def _alike(choices: I32 | None, what: str) -> str:
    """Names two exposures of the first item with equal choices, int (e, …); "" if there are none."""
    if choices is None:
        return ""
    _, first, number = np.unique(choices, axis=0, return_index=True, return_inverse=True)
    again: I64 = np.flatnonzero(first[number.reshape(-1)] != np.arange(len(choices)))
    if not again.size:
        return ""
    return f"item 0 {what} at the exposures {first[number.reshape(-1)[again[0]]]} and {again[0]}"


def doubled_stop(program: Program) -> str | None:
    """The first value that ends in the mark which the template adds after it, with that mark; None if there is none.

    Example: "Speer MBA..", from the value "Speer MBA." and the template "… {{ name }}.".
    """
    for i, (part, after) in enumerate(pairwise(program)):
        if not isinstance(part, Piece) or not part.slot or not isinstance(after, Piece) or after.slot:
            continue
        marks = next((marks for marks in STOPS if after.text[:1] and after.text[0] in marks), "")
        value = next((part.texts.last[mark] for mark in marks if mark in part.texts.last), None)
        if value is not None:
            return _around(program[:i], part) + value + after.text[0]
    return None


def _around(before: Program, part: Piece) -> str:
    """The words of a value before those that `part` shows, taking row 0 of other slots."""
    words = ""
    for piece in reversed(before):
        if not part.label or piece.label != part.label or not isinstance(piece, Piece):
            break
        words = piece.texts.rows[0] + words
    return words
