"""What a grammar says of a string: whether it is a sentence, how probable it is, and what truly comes next.

    symbols            0  1  0               numbers of terminals; any other number is no symbol of the grammar
    next_symbols    ·  ·  ·  ·               one distribution before each symbol, and one behind the last

Probabilities are sums over all trees. Those of long strings are too small for a float, so symbols are scaled by powers
of two, place by place: by what a symbol takes on average, and, where a string is far from that, by what its first
symbols turn out to take.

Letters: d strings, n symbols of one, T terminals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.core.draws import I32, I64
from pipeline.grammars.grammar import F64, Grammar
from pipeline.grammars.tables import Rules

_SMALL = 2.0**-450  # of probabilities between it and its inverse, the ratios, which are those of parts, are floats
_NOTHING = np.zeros((0, 0))


class Parser:
    """The parser of a grammar."""

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
        """Whether each string values[offsets[i] : offsets[i + 1]] is one: (d,)."""
        from pipeline.grammars.kernels import parser as kernels

        out = np.empty(len(offsets) - 1, np.uint8)
        kernels.accept(self._string(values), np.ascontiguousarray(offsets, np.int64), self._rules, out)
        return out.astype(bool)

    def log2_probability(self, symbols: ArrayLike) -> float:
        """The logarithm of how probable a string (n,) is, summed over its trees; -inf where it is no sentence."""
        string = self._string(symbols)
        if not self.accepts(string):
            return -np.inf
        ways, scale = self._ways(string)
        return float(np.log2(ways[-1, -1]) - scale[-1])

    def next_symbols(self, symbols: ArrayLike) -> F64:
        """How probable each next symbol is after each prefix of a string (n,): float64 (n + 1, T + 1).

        The last column is the sentence's end. A row is NaN where no sentence begins with the prefix.
        """
        string = self._string(symbols)
        ways, _ = self._ways(string[: self._longest])
        rows = np.full((len(string) + 1, self._terminals + 1), np.nan)
        known = np.flatnonzero(ways.any(axis=1))
        rows[known] = ways[known] / ways[known].sum(axis=1, keepdims=True)
        return rows

    def derivations(self, symbols: ArrayLike) -> int:
        """How many trees a string has, exactly up to 2⁵³. OverflowError from 2¹⁰²⁴ on."""
        string = self._string(symbols)
        if not self.accepts(string):
            return 0
        return int(self._weighed(string, np.ones_like(self._share), np.ones(len(string)), _NOTHING))

    def entropy(self, values: ArrayLike, offsets: I64) -> tuple[float, float]:
        """The entropy of a sentence in bits, estimated from a sample of them (d,), and the standard error of that.

        values, offsets: the sample, as `accepts_all` takes it.
        """
        strings = np.split(self._string(values), offsets[1:-1])
        bits = -np.array([self.log2_probability(string) for string in strings])
        return float(bits.mean()), float(bits.std(ddof=1) / np.sqrt(len(bits)))

    def _string(self, symbols: ArrayLike) -> I32:
        """Symbols as kernels take them: -1 for those that the grammar does not have."""
        string = np.asarray(symbols)
        if string.size and string.dtype.kind not in "iu":
            raise TypeError("a string is given as numbers of terminals, their places in `grammar.terminals`")
        known = (string >= 0) & (string < self._terminals)
        return np.where(known, string, -1).astype(np.int32)

    def _weighed(self, string: I32, share: F64, factor: F64, ways: F64) -> float:
        from pipeline.grammars.kernels import parser as kernels

        return float(kernels.weigh(string, self._rules, share, factor, ways))

    def _ways(self, string: I32) -> tuple[F64, I64]:
        """How probable it is that a sentence begins as the string does, and goes on with each terminal, or ends there.

        float64 (n + 1, T + 1), rows multiplied by powers of two, whose exponents are int64 (n + 1,).
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
            scale[:settled] -= np.rint(np.log2(total[:settled])).astype(np.int64)  # what they take in truth
            lately = min(settled - 1, 64)  # the rest may go on as it went lately
            bits = (scale[settled - 1] - scale[settled - 1 - lately]) / max(1, lately)
            scale[settled:] = scale[settled - 1] + np.rint(np.arange(1, n + 2 - settled) * bits).astype(np.int64)


def divergence(true: F64, model: F64, smoothing: float = 0.0) -> F64:
    """How far a model's distributions are from the true ones: KL(true ‖ model) in bits, float64 (n,), row by row.

    true, model: float64 (n, T + 1), rows adding up to 1. smoothing: what every probability of the model is raised by,
    before they are divided by their sum. Infinite where the model excludes what may come, NaN where `true` is.
    """
    raised = model + smoothing
    raised = raised / raised.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(true == 0, 0.0, true * (np.log2(true) - np.log2(raised)))
    return np.asarray(bits.sum(axis=-1))
