"""codes: random strings over a vocabulary, the knowledge of bioD in Part 3.3."""

from __future__ import annotations

import string
from collections.abc import Mapping
from functools import cached_property
from math import log2
from typing import Literal

import numpy as np
import pydantic

from pipeline.core.draws import I32, I64, below
from pipeline.core.errors import SpecError
from pipeline.core.files import MOST_VALUES
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.text.fields import Column, Field
from pipeline.worlds.attributes.attribute import Attribute, AttributeKind, AttributeSpec

MOST_SYMBOLS = 10_000_000  # in all strings of the set


class CodesSpec(AttributeSpec):
    """Attributes `<name>_1` … `<name>_K` of Part 3.3, Definition 2.2 (bioD): rows of chunks, each out of an own set.

    In the paper's letters: repeat K, chunks C, diversity D, length L, vocabulary T.
    """

    kind: Literal["codes"]
    repeat: int = pydantic.Field(1, ge=1, le=200, description="K: how many attributes of this kind.")
    chunks: int = pydantic.Field(
        1, ge=1, le=200, description="C: chunks of a value, each drawn from the attribute's set."
    )
    diversity: int = pydantic.Field(ge=2, le=MOST_VALUES, description="D: how many different chunks the set holds.")
    length: int = pydantic.Field(1, ge=1, le=1000, description="L: symbols of a chunk.")
    vocabulary: int = pydantic.Field(ge=1, lt=2**31, description="T: how many symbols there are.")
    symbols: Literal["ids", "text"] = pydantic.Field(
        "ids",
        description="ids: a symbol is a token of the tokenizer. text: letters, the same number for all.",
    )
    first_id: int = pydantic.Field(0, ge=0, lt=2**31, description="The token id of symbol 0.")

    def compile(self, key: Key, size: int) -> Attribute:
        if self.vocabulary**self.length < self.diversity:
            raise SpecError(
                f"{self.diversity:,} different chunks of {self.length} symbols out of {self.vocabulary} do not exist",
                f"There are {self.vocabulary**self.length:,}.",
                ("diversity",),
                [("diversity",), ("length",), ("vocabulary",)],
            )
        if (symbols := self.repeat * self.diversity * self.length) > MOST_SYMBOLS:
            raise SpecError(
                f"{symbols:,} symbols in all chunks (repeat × diversity × length)",
                f"There may be {MOST_SYMBOLS:,}: all are kept in memory.",
                ("diversity",),
            )
        return Codes(key, self)

    def repeated(self, name: str) -> dict[str, tuple[str | int, ...]]:
        return {f"{name}_{k}": (name, k) for k in range(1, self.repeat + 1)}


class Codes(Attribute):
    """A slot for each chunk, with one table for all: the attribute's set of D distinct strings out of T^L."""

    def __init__(self, key: Key, spec: CodesSpec) -> None:
        self._key, self._spec = key, spec
        self.sizes = (spec.diversity,) * spec.chunks

    @property
    def rows(self) -> int:
        return self._spec.diversity  # all slots share one table

    @property
    def bits_of_tables(self) -> float:
        spec = self._spec
        return spec.diversity * (spec.length * log2(spec.vocabulary) - log2(spec.diversity))

    def draw(self, item: I64, out: I32) -> None:
        for slot, n in enumerate(self.sizes):
            below(self._key.child("chunk", slot), n, item, out=out[:, slot])

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        strings = self.strings
        if self._spec.symbols == "ids":
            codes = tuple(tuple(symbol + self._spec.first_id for symbol in chunk) for chunk in strings)
            values, between = tuple(" ".join(map(str, code)) for code in codes), ","
        else:
            codes, values, between = None, tuple(map(self._letters, strings)), ", "
        table = Column(first, values, codes)
        columns = [table.at(first + slot) for slot in range(self._spec.chunks)]
        spaced = [piece for column in columns for piece in (between, column)]
        return Field(tuple(spaced[1:]), label=label)

    @cached_property
    def strings(self) -> list[tuple[int, ...]]:
        """The set: D distinct strings of L symbols below T."""
        spec, key = self._spec, self._key.child("set")
        if (count := spec.vocabulary**spec.length) < 2**40:
            numbers = Permutation(count, key)(np.arange(spec.diversity, dtype=np.int64)).tolist()
            return [_digits(number, spec.vocabulary, spec.length) for number in numbers]
        distinct: dict[tuple[int, ...], None] = {}
        first = 0
        while len(distinct) < spec.diversity:  # rarely repeats, with 2⁴⁰ or more strings to choose from
            place = np.arange(first, first + spec.diversity, dtype=np.int64)
            drawn = [below(key.child("symbol", i), spec.vocabulary, place) for i in range(spec.length)]
            distinct |= dict.fromkeys(zip(*(column.tolist() for column in drawn), strict=True))
            first += spec.diversity
        return list(distinct)[: spec.diversity]

    def _letters(self, symbols: tuple[int, ...]) -> str:
        width = 1
        while 26**width < self._spec.vocabulary:
            width += 1
        letters = (_digits(symbol, 26, width) for symbol in symbols)
        return "".join(string.ascii_lowercase[letter] for symbol in letters for letter in symbol)


def _digits(number: int, base: int, width: int) -> tuple[int, ...]:
    """`width` digits of a number in another base, most significant first."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, base)
        digits.append(digit)
    return tuple(reversed(digits))


KIND = AttributeKind(CodesSpec, "random strings over a vocabulary (bioD), each attribute with a set of its own")
