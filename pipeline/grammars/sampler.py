"""Draws sentences of a grammar, many at a time; each is a pure function of keys, item and exposure.

    sentence     .  2  1  1  3  1  .      lead = 1 free place before it, trail = 1 after it
    ancestors   -1  0  0  0  0  0 -1      for each place the symbols above it, from the root down
                -1  5  5  5  6  6 -1
    ends         0  0  0  1  0  2  0      how many of these constituents end there: 5, then 6 and the root

Letters: d sentences, T places in all of them, free places included.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I32, I64, U64, threshold
from pipeline.core.errors import SpecError
from pipeline.core.slack import VECTOR
from pipeline.grammars.grammar import Grammar
from pipeline.grammars.tables import Distribution, Frame, Sentences

U8 = NDArray[np.uint8]
MOST = 2**22  # terminals of a sentence
MOST_ABOVE = 2**26  # symbols of its tree


@dataclass(frozen=True)
class Noise:
    """Noise: in a `share` of the sentences, each symbol of one level is replaced with the probability `rate`.

    level: counted from the terminals, which are level 0. kind: "random" replaces a symbol by any other of its level,
    "shift" by the next one. The part of the tree below is drawn from the new symbol.
    """

    share: Fraction
    rate: Fraction
    level: int = 0
    kind: Literal["random", "shift"] = "random"


class Sampler:
    """Draws sentences of one grammar. SpecError if they may be too long, or if noise has no symbol to replace with."""

    def __init__(self, grammar: Grammar, keys: U64, noise: Noise | None = None) -> None:
        """keys: uint64 (2, 2), one row for sentences and one for noise."""
        self._distribution, self._keys, self._noise = _distribution(grammar, noise), keys, noise
        self._depth, self._mean = len(grammar.levels) - 1, grammar.mean_length
        self.longest = _longest(grammar, noise)
        """The number of terminals in the longest sentence, with noise."""
        if self.longest > MOST:
            raise SpecError(f"sentences of up to {self.longest:,} symbols", f"At most {MOST:,} can be drawn.")
        if self.longest * self._depth > MOST_ABOVE:
            raise SpecError(
                f"sentences of up to {self.longest:,} symbols, with {self._depth} levels above them",
                f"Their trees may have {MOST_ABOVE:,} symbols.",
            )

    def sentences(self, item: I64, exposure: I64, lead: int = 0, trail: int = 0) -> tuple[I32, I64]:
        """Sentences, as terminals (T,) and offsets (d + 1,), each with `lead` zeros before it and `trail` after it.

        item, exposure: (d,). A sentence depends on its item only; its noise, if any, on item and exposure.
        """
        drawn = self._drawn(item, exposure, lead, trail)
        return drawn.terminals, drawn.offsets

    def flagged(self, item: I64, exposure: I64, lead: int = 0, trail: int = 0) -> tuple[I32, I64, U8]:
        """As `sentences`, and uint8 (T,): whether the terminal at each place, or a symbol above it, was replaced."""
        drawn = self._drawn(item, exposure, lead, trail)
        flags = drawn.replaced if self._noise else np.zeros(len(drawn.terminals), np.uint8)
        return drawn.terminals, drawn.offsets, flags

    def trees(self, item: I64, exposure: I64, lead: int = 0, trail: int = 0) -> tuple[I32, I64, I32, I32]:
        """As `sentences`, and their trees: the symbols above each place, from the root down, int32 (T, levels - 1), -1
        for free places; and how many of these constituents end with it, int32 (T,).
        """
        drawn = self._drawn(item, exposure, lead, trail, trees=True)
        return drawn.terminals, drawn.offsets, drawn.ancestors, drawn.ends

    def _drawn(self, item: I64, exposure: I64, lead: int, trail: int, *, trees: bool = False) -> Sentences:
        from pipeline.grammars.kernels import sampler as kernels

        frame = Frame(lead, trail, self.longest, self._depth * self.longest)
        rows = np.ascontiguousarray(item, np.int64), np.ascontiguousarray(exposure, np.int64)
        more = int(item.size * (self._mean + lead + trail) * Fraction(9, 8)) + self.longest + lead + trail + VECTOR
        out, done = self._room(more, trees, np.zeros(item.size + 1, np.int64)), 0
        while (done := kernels.draw(self._distribution, self._keys, frame, *rows, done, out)) < item.size:
            out = _extended(out, self._room(more, trees, out.offsets))
        used = out.offsets[-1]
        return Sentences(out.terminals[:used], out.offsets, out.replaced[:used], out.ancestors[:used], out.ends[:used])

    def _room(self, size: int, trees: bool, offsets: I64) -> Sentences:
        return Sentences(
            np.empty(size, np.int32),
            offsets,
            np.zeros(size if self._noise else 0, np.uint8),
            np.full((size if trees else 0, self._depth), -1, np.int32),
            np.zeros(size if trees else 0, np.int32),
        )


def _extended(drawn: Sentences, room: Sentences) -> Sentences:
    """The sentences drawn so far, with `room` appended."""
    return Sentences(
        np.concatenate([drawn.terminals, room.terminals]),
        drawn.offsets,
        np.concatenate([drawn.replaced, room.replaced]),
        np.concatenate([drawn.ancestors, room.ancestors]),
        np.concatenate([drawn.ends, room.ends]),
    )


def _longest(grammar: Grammar, noise: Noise | None) -> int:
    if noise is None:
        return grammar.longest
    level = len(grammar.levels) - 1 - noise.level
    above = Grammar(grammar.levels[: level + 1], grammar.rules[:level], grammar.weights[:level])
    tables = grammar.tables()
    return above.longest * int(tables.longest[tables.level[level] : tables.level[level + 1]].max())


def _distribution(grammar: Grammar, noise: Noise | None) -> Distribution:
    """The tables from which kernels draw sentences. SpecError if noise has no symbol to replace with."""
    tables = grammar.tables()
    last = tables.start[tables.first[tables.level[-3]]]  # from here on, children are terminals
    children = np.concatenate([tables.children, np.zeros(VECTOR, np.int32)])
    children[last:-VECTOR] -= tables.level[-2]
    return Distribution(
        tables.level,
        _halves(tables.first),
        tables.threshold,
        tables.alias.astype(np.uint64),
        _halves(tables.start),
        children,
        *_thresholds(grammar, noise),
    )


def _halves(start: I32) -> U64:
    """uint64 (n,) from start (n + 1,): start[i] in the upper 32 bits, start[i + 1] - start[i] in the lower."""
    return start[:-1].astype(np.uint64) << np.uint64(32) | np.diff(start).astype(np.uint64)


def _thresholds(grammar: Grammar, noise: Noise | None) -> tuple[np.uint64, np.uint64, int, bool]:
    """The fields of `Distribution` about noise."""
    if noise is None:
        return np.uint64(0), np.uint64(0), 0, False
    sizes = [len(level) for level in reversed(grammar.levels)]
    if not 0 <= noise.level < len(sizes) or sizes[noise.level] < 2:
        levels = ", ".join(str(level) for level, size in enumerate(sizes) if size > 1)
        raise SpecError(f"no symbols of level {noise.level} to be replaced by others", f"Levels that have: {levels}.")
    return threshold(noise.share), threshold(noise.rate), len(sizes) - 1 - noise.level, noise.kind == "shift"
