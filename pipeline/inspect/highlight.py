"""Documents as runs: stretches of text with one meaning, which a terminal colours and a page highlights.

    tokens   |<Wikipedia.org>| Anya| Bri|ar| was| born| in| Boston|,| MA|.| [BACK]|
    runs     |tag            |name         | was born in  |birth_city   |.|back   |

A token may end inside a character (up to four bytes). Runs always end between characters, and together they are the
text that the tokens decode to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import ROLES, Documents, Ragged
from pipeline.sources.source import Source
from pipeline.text.tokenizer import Tokenizer

WRONG = "(wrong)"  # the label of a value that is not true
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Run:
    """A stretch of a document. role: one of ROLES or "". attribute: whose value it is, or "". masked: without loss."""

    text: str
    role: str = ""
    attribute: str = ""
    masked: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is ordinary text: no role, no attribute, not masked."""
        return not (self.role or self.attribute or self.masked)


def runs_of(tokenizer: Tokenizer, source: Source, documents: Documents, i: int, most: int | None = None) -> list[Run]:
    """The runs of document i, of its first `most` tokens. documents: made with spans and parts."""
    ids = documents.tokens.values[documents.tokens.offsets[i] : documents.tokens.offsets[i + 1]][:most]
    role, label = (numbers_by_token(len(ids), _entries_of(marked, i)) for marked in (documents.parts, documents.spans))
    masked = np.isin(role, [ROLES.index(name) for name in source.mask])
    return runs(tokenizer, ids, role, label, masked, source.labels)


def runs(
    tokenizer: Tokenizer,
    ids: NDArray[np.generic],
    role: I64,
    label: I64,
    masked: NDArray[np.bool_],
    labels: Sequence[str],
) -> list[Run]:
    """The runs of tokens ids (t,). For each token: role (t,), label (t,), an index of labels, and masked (t,)."""
    kinds = np.column_stack([role, label, masked])
    bounds = [0, *(np.flatnonzero((kinds[1:] != kinds[:-1]).any(axis=1)) + 1).tolist(), len(ids)]
    text = tokenizer.decode(ids)
    ends = [0]
    for bound in bounds[1:-1]:  # where a bound cuts a character, the two texts differ in it
        ends.append(max(ends[-1], _alike(text, tokenizer.decode(ids[:bound]))))
    ends.append(len(text))
    cut: list[Run] = []
    for token, (begin, end) in zip(bounds, pairwise(ends), strict=False):
        if begin < end:
            run = Run(text[begin:end], ROLES[role[token]], labels[label[token]], bool(masked[token]))
            cut += _without_leading_space(run, cut[-1].role if cut else "")
    return _merged(cut)


def _alike(left: str, right: str) -> int:
    """The length of the longest common prefix of two texts."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(left), len(right)))


def numbers_by_token(tokens: int, entries: Iterable[tuple[int, int, int]]) -> I64:
    """For each token, the number of the last entry (start, length, number) that covers it: int64 (tokens,).

    >>> numbers_by_token(5, [(0, 4, 1), (2, 1, 7)]).tolist()  # 0 for none
    [1, 1, 7, 1, 0]
    """
    numbers = np.zeros(tokens, np.int64)
    for start, length, number in entries:
        numbers[start : start + length] = number
    return numbers


def _entries_of(marked: Ragged | None, i: int) -> list[tuple[int, int, int]]:
    """The rows (start, length, number) of document i."""
    return [] if marked is None else marked.values[marked.offsets[i] : marked.offsets[i + 1]].tolist()


def _without_leading_space(run: Run, before: str) -> list[Run]:
    """The run, its leading space split off: the space belongs to the token, but not to the value or part."""
    rest = run.text.lstrip()
    space = run.text[: len(run.text) - len(rest)]
    if not (rest and space) or run.plain:
        return [run]
    return [Run(space, run.role if run.role == before else "", "", run.masked), replace(run, text=rest)]


def _merged(runs: list[Run]) -> list[Run]:
    """Runs, with neighbours of the same meaning joined."""
    merged: list[Run] = []
    for run in runs:
        if merged and replace(merged[-1], text=run.text) == run:
            merged[-1] = replace(run, text=merged[-1].text + run.text)
        else:
            merged.append(run)
    return merged
