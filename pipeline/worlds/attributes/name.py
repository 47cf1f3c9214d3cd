"""name: a name that no other item has, by a bijection over pools of words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import chain
from math import prod
from typing import Any, Literal, Self

import pydantic

from pipeline.core.draws import I32, I64
from pipeline.core.errors import SpecError, specified_at
from pipeline.core.files import Files
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.core.spec import Name
from pipeline.text.fields import Column, Field
from pipeline.worlds.attributes.attribute import SIZE, VALUES_KEYS, Attribute, AttributeKind, AttributeSpec
from pipeline.worlds.joined_words import two_ways
from pipeline.worlds.values import Pool


class NameSpec(AttributeSpec):
    """A name that no other item has: one word or more from each pool, joined by spaces or by another text.

    Part 3.1, section A.1 draws 400 × 400 × 1000 names and rejects repetitions; here item i's name is the i-th of a
    keyed bijection, so it is unique without a set, and it stays when the world grows.
    """

    kind: Literal["name"]
    pools: dict[Name, Pool] = pydantic.Field(min_length=1, description="A path, a list, or a mapping as of a choice.")
    joined: str = pydantic.Field(
        " ", description='What stands between the words: a hyphen, or "" in Chinese and Japanese.'
    )

    def materialise(self, files: Files) -> Self:
        pools = {}
        for name, pool in self.pools.items():
            with specified_at("pools", name):
                pools[name] = pool.materialise(files.child("pools", name))
        return self.model_copy(update={"pools": pools})

    def compile(self, key: Key, size: int) -> Attribute:
        pools = {name: tuple(pool.values or ()) for name, pool in self.pools.items()}
        self._check_unique(pools)
        names = prod(map(len, pools.values()))
        if names >= 2**62:
            raise SpecError(f"{names:,} names are more than can be counted with", "Take fewer pools.", ("pools",))
        if size > names:
            sizes = " × ".join(f"{len(values)}" for values in pools.values())
            problem = f"{size:,} items but only {names:,} names ({sizes})"
            among = [("pools",), *(("pools", name, *key) for name in pools for key in ((), *VALUES_KEYS)), SIZE]
            raise SpecError(problem, "Enlarge a pool or lower the size.", ("pools",), among)
        return UniqueName(key, pools, self.joined)

    def _check_unique(self, pools: Mapping[str, tuple[str, ...]]) -> None:
        """SpecError if two choices of words could give one name."""
        several_words = [name for name, values in pools.items() if any(" " in value for value in values)]
        if self.joined == " ":
            if len(several_words) > 1:
                raise SpecError(
                    f"the pools {' and '.join(several_words)} both hold values of several words, so two items could "
                    "get one name",
                    "Only one pool may: join the words of the others with hyphens.",
                    ("pools",),
                )
            return
        if not self.joined.isprintable():
            raise SpecError("names are joined by what cannot be printed", "Take another text.", ("joined",))
        try:
            name = two_ways(list(pools.values()), self.joined)
        except ValueError as error:
            problem = f"it cannot be told whether two items could get one name: {error}"
            raise SpecError(problem, "Join them by a space.", ("joined",)) from None
        if name:
            raise SpecError(
                f"two items could get the name {name!r}, which the pools give in two ways",
                "Remove a word, or join them by another text.",
                ("joined",),
                [("joined",), ("pools",)],
            )


class UniqueName(Attribute):
    """A slot for each pool. Worlds that share a bijection, and take names from different ends of it, share no name."""

    def __init__(self, key: Key, pools: Mapping[str, tuple[str, ...]], joined: str = " ") -> None:
        self._key, self._pools, self._joined, self._end = key, pools, joined, ENDS[0]
        self.sizes = tuple(map(len, pools.values()))

    def share(self, key: Key, end: int) -> None:
        """Take names from the bijection with this key instead, starting at ENDS[end]."""
        self._key, self._end = key, ENDS[end]
        self.__dict__.pop("_order", None)

    def taken(self, size: int) -> range:
        """Which names of the bijection, by number, are used for `size` items."""
        first, last = (self._end(self._order.n, item) for item in (0, size - 1))
        return range(min(first, last), max(first, last) + 1)

    @cached_property
    def _order(self) -> Permutation:
        return Permutation(prod(self.sizes), self._key)

    def draw(self, item: I64, out: I32) -> None:
        rest = self._order(self._end(self._order.n, item))
        for slot in reversed(range(len(self.sizes))):
            above = rest // self.sizes[slot]
            out[:, slot] = rest - above * self.sizes[slot]
            rest = above

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        columns = {name: Column(first + i, values) for i, (name, values) in enumerate(self._pools.items())}
        between = [self._joined] if self._joined else []
        joined: list[str | Column] = list(chain.from_iterable((*between, column) for column in columns.values()))
        return Field(tuple(joined[len(between) :]), columns, label)


def _from_start(names: int, item: Any) -> Any:
    return item


def _from_end(names: int, item: Any) -> Any:
    return names - 1 - item


def _up_from_middle(names: int, item: Any) -> Any:
    return names // 2 + item


def _down_from_middle(names: int, item: Any) -> Any:
    return names // 2 - 1 - item


ENDS = (_from_start, _from_end, _up_from_middle, _down_from_middle)
"""(number of names, item) → number of the item's name. Four ways to count, so that worlds can grow without overlap."""

KIND = AttributeKind(NameSpec, "a name that no other individual has")
