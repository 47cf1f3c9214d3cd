"""Parses strings: whether it is a sentence of a grammar, how probable it is, and the distribution of its next symbol.

    symbols            0  1  0               numbers of terminals; other numbers are unknown symbols
    next_symbols    ·  ·  ·  ·               a distribution before each symbol, and one after the last

Probabilities are sums over all trees. Those of long strings are too small for a float, so each position is scaled by a
power of two: by the average bits of a symbol, or, if a string is far from that, by the bits of its first symbols.

Letters: d strings, n symbols in a string, T terminals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.core.draws import I32, I64
from pipeline.grammars.grammar import F64, Grammar
from pipeline.grammars.tables import Rules

_SMALL = 2.0**-450  # scaled probabilities must lie between it and its inverse, so that their ratios fit a float
_NOTHING = np.zeros((0, 0))


class Parser:
    """The parser of one grammar. Strings are integers (n,): numbers of terminals."""

    def __init__(self, grammar: Grammar) -> None:
        tables = grammar.tables()
        self._rules = Rules(tables.first, tables.start, tables.children, tables.shortest, tables.longest)
        self._share = tables.share
        self._terminals = len(grammar.terminals)
        self._longest = grammar.longest
        self._bits = grammar.derivation_bits / float(grammar.mean_length)

    def accepts(self, symbols: ArrayLike) -> bool:
        """Whether a string (n,) is a sentence."""
        string = self._string(symbols)
        return bool(self.accepts_all(string, np.array([0, len(string)], np.int64))[0])

    def accepts_all(self, values: ArrayLike, offsets: I64) -> NDArray[np.bool_]:
        """Whether each string values[offsets[i] : offsets[i + 1]] is a sentence: (d,)."""
        from pipeline.grammars.kernels import parser as kernels

        out = np.empty(len(offsets) - 1, np.uint8)
        kernels.accept(self._string(values), np.ascontiguousarray(offsets, np.int64), self._rules, out)
        return out.astype(bool)

    def log2_probability(self, symbols: ArrayLike) -> float:
        """log₂ of the probability of a string (n,), summed over its trees; -inf if it is no sentence."""
        string = self._string(symbols)
        if not self.accepts(string):
            return -np.inf
        ways, scale = self._ways(string)
        return float(np.log2(ways[-1, -1]) - scale[-1])

    def next_symbols(self, symbols: ArrayLike) -> F64:
        """The true distribution of the next symbol after each prefix of a string (n,): float64 (n + 1, T + 1).

        The last column is the end of the sentence. A row is NaN if no sentence begins with that prefix.
        """
        string = self._string(symbols)
        ways, _ = self._ways(string[: self._longest])
        rows = np.full((len(string) + 1, self._terminals + 1), np.nan)
        known = np.flatnonzero(ways.any(axis=1))
        rows[known] = ways[known] / ways[known].sum(axis=1, keepdims=True)
        return rows

    def derivations(self, symbols: ArrayLike) -> int:
        """The number of trees of a string, exact up to 2⁵³. OverflowError from 2¹⁰²⁴ on."""
        string = self._string(symbols)
        if not self.accepts(string):
            return 0
        return int(self._weighed(string, np.ones_like(self._share), np.ones(len(string)), _NOTHING))

    def entropy(self, values: ArrayLike, offsets: I64) -> tuple[float, float]:
        """The entropy of a sentence in bits, estimated from a sample, and the standard error of the estimate.

        values, offsets: the sample of d sentences, as in `accepts_all`.
        """
        strings = np.split(self._string(values), offsets[1:-1])
        bits = -np.array([self.log2_probability(string) for string in strings])
        return float(bits.mean()), float(bits.std(ddof=1) / np.sqrt(len(bits)))

    def _string(self, symbols: ArrayLike) -> I32:
        """Symbols as kernels take them: int32, -1 for unknown symbols. TypeError if they are no integers."""
        string = np.asarray(symbols)
        if string.size and string.dtype.kind not in "iu":
            raise TypeError("a string is given as numbers of terminals, their places in `grammar.terminals`")
        known = (string >= 0) & (string < self._terminals)
        return np.where(known, string, -1).astype(np.int32)

    def _weighed(self, string: I32, share: F64, factor: F64, ways: F64) -> float:
        from pipeline.grammars.kernels import parser as kernels

        return float(kernels.weigh(string, self._rules, share, factor, ways))

    def _ways(self, string: I32) -> tuple[F64, I64]:
        """For each prefix, the probability that a sentence begins with it and goes on with each terminal, or ends.

        float64 (n + 1, T + 1), each row multiplied by a power of two; exponents: int64 (n + 1,).
        """
        n, settled = len(string), 0
        scale = np.rint(np.arange(n + 1) * self._bits).astype(np.int64)
        while True:
            outside = np.zeros((len(self._rules.shortest) + 1, n + 1))
            self._weighed(string, self._share, np.ldexp(1.0, np.diff(scale)), outside)
            ways = outside[-self._terminals - 1 :]
            total = ways.sum(axis=0)
            lost = np.flatnonzero((total != 0) & ~((total > _SMALL) & (total < 1 / _SMALL)))
            if not len(lost):
                return ways.T, scale
            assert lost[0] > settled, "one symbol takes hundreds of bits"
            settled = lost[0]
            scale[:settled] -= np.rint(np.log2(total[:settled])).astype(np.int64)  # their true bits
            lately = min(settled - 1, 64)  # assume that the rest goes on like the latest symbols
            bits = (scale[settled - 1] - scale[settled - 1 - lately]) / max(1, lately)
            scale[settled:] = scale[settled - 1] + np.rint(np.arange(1, n + 2 - settled) * bits).astype(np.int64)


def divergence(true: F64, model: F64, smoothing: float = 0.0) -> F64:
    """KL(true ‖ model) in bits, row by row: float64 (n,).

    true, model: float64 (n, T + 1), rows summing to 1. smoothing: added to every probability of the model, which is
    then normalized. Infinite if the model gives 0 to a possible symbol; NaN if `true` is.
    """
    raised = model + smoothing
    raised = raised / raised.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(true == 0, 0.0, true * (np.log2(true) - np.log2(raised)))
    return np.asarray(bits.sum(axis=-1))
