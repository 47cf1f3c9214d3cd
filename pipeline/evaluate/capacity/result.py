"""Capacity: what a model knows of the individuals of a source, as numbers and as printed lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

BIT = log(2)  # in nats


@dataclass(frozen=True)
class Learned:
    """What a model knows of one attribute; means are over the documents that state it.

    documents: their number. loss: mean loss of its first span, in nats. bits: its entropy for one individual; None for
    a lookup. first_token: share of the documents in which the model predicts the first token of the span.
    """

    documents: int
    loss: float
    bits: float | None
    first_token: float

    @property
    def learned(self) -> float | None:
        """How many of the bits the model knows; None for a lookup."""
        return None if self.bits is None else self.bits - self.loss / BIT


@dataclass(frozen=True)
class Capacity:
    """What a model knows of the individuals of a source, by its losses on some documents of a split.

    p1, p2, p3: in nats, see formulas.py. p2 is the sum of attributes' mean losses, K times the p2 of Definition 4.1.
    p3 and set_bits are None without codes. They are also None where the number of tokens of a first chunk is unknown;
    then max_bits, R^max · P, includes the bits of codes, and total_bits does not. attributes: those that documents
    state, in the order of the world. not_stated: the others, which no number includes. exact: whether first_token was
    counted with predictions; else it is a lower bound, the share of losses below ln 2.
    """

    split: str
    source: str
    individuals: int
    documents: int
    p1: float
    p2: float
    p3: float | None
    name_bits: float
    value_bits: float
    set_bits: float | None
    max_bits: float
    parameters: int | None
    exact: bool
    attributes: Mapping[str, Learned]
    not_stated: tuple[str, ...]

    @property
    def total_bits(self) -> float:
        """Bits learned, R · P."""
        return self.name_bits + self.value_bits + (self.set_bits or 0.0)

    @property
    def ratio(self) -> float | None:
        """R, bits a parameter."""
        return None if self.parameters is None else self.total_bits / self.parameters

    @property
    def max_ratio(self) -> float | None:
        """R^max, bits a parameter."""
        return None if self.parameters is None else self.max_bits / self.parameters

    def lines(self) -> list[str]:
        """Lines to print: a table of the attributes, and the totals."""
        wide = max(map(len, ("attribute", *self.attributes)))
        first = "first token" + " ≥" * (not self.exact)
        lines = [f"{self.documents:,} documents of {self.source} in {self.split}; {self.individuals:,} individuals"]
        lines += [f"{'attribute':<{wide}} {'documents':>12} {'loss':>9} {'bits':>9} {'learned':>9} {first:>14}"]
        for attribute, of in self.attributes.items():
            numbers = f"{of.loss:>9,.3f} {_shown(of.bits):>9} {_shown(of.learned):>9} {of.first_token:>14.2%}"
            lines += [f"{attribute:<{wide}} {of.documents:>12,} {numbers}"]
        if self.not_stated:
            lines += [f"not counted, as none of these documents states it: {', '.join(self.not_stated)}"]
        if self.set_bits is None:
            lines += ["not counted: sets of chunks, as of codes in text nobody knows where the first of several ends"]
        losses = {"p1": self.p1, "p2": self.p2, "p3": self.p3}
        lines += [" · ".join(f"{p} {loss:.4f}" for p, loss in losses.items() if loss is not None) + " nats"]
        terms = {"names": self.name_bits, "values": self.value_bits, "sets of chunks": self.set_bits}
        sums = " · ".join(f"{term} {bits:,.0f}" for term, bits in terms.items() if bits)
        lines += [f"learned {self.total_bits:,.0f} bits of {self.max_bits:,.0f}: {sums}"]
        if self.parameters is not None:
            lines += [f"{self.ratio:.4f} bits for each of {self.parameters:,} parameters, at most {self.max_ratio:.4f}"]
        return lines


def _shown(bits: float | None) -> str:
    return "–" if bits is None else f"{bits:,.3f}"
