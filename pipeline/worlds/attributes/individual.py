"""individual: another individual, of the same world or of another one, such as a mother or an employer."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

import pydantic

from pipeline.core.errors import KeyPath, SpecError, suggest
from pipeline.core.key import Key
from pipeline.core.spec import Name
from pipeline.worlds.attributes.attribute import SIZE, AttributeKind, AttributeSpec
from pipeline.worlds.attributes.choice import Weights, chances
from pipeline.worlds.relations.many_to_one import Drawn
from pipeline.worlds.relations.one_to_one import Couples, Into, Ring
from pipeline.worlds.relations.relation import Relation
from pipeline.worlds.relations.tree import Tree

MOST_WEIGHTED = 100_000  # individuals who are drawn by weights: their table is kept
KEYS_OF = {
    "one_to_one": ("mutual", "oneself"),
    "many_to_one": ("oneself", "weights"),
    "tree": ("roots", "children"),
}


class IndividualSpec(AttributeSpec):
    """Another individual. Templates show its name, `{{ mother }}`, and all that is true of it: `{{ mother.city }}`.

    one_to_one points to nobody twice, many_to_one draws for each individual anew, tree gives everybody but the roots a
    parent of the generation before. Nobody is related to oneself, unless `oneself` allows it. Nobody's relation depends
    on the size of its world, except where that is a bijection of it or excludes oneself from a draw.
    """

    kind: Literal["individual"]
    of: Name = pydantic.Field(description="The world of the other individual, which may be its own.")
    map: Literal["one_to_one", "many_to_one", "tree"] = pydantic.Field(
        "many_to_one", description="one_to_one, many_to_one, or tree: a parent of the generation before."
    )
    mutual: bool = pydantic.Field(False, description="one_to_one: whether whoever one points to points back.")
    oneself: bool = pydantic.Field(False, description="Of the same world: whether one may be related to oneself.")
    weights: Weights = pydantic.Field(
        "uniform", description="many_to_one: how often each is drawn; uniform, zipf, {zipf: exponent}, or a list."
    )
    roots: int | None = pydantic.Field(
        None, ge=1, lt=2**40, description="tree: how many individuals, the first ones, have no parent."
    )
    children: int = pydantic.Field(2, ge=2, le=1000, description="tree: how many each has, where the world has them.")

    def relation(self, key: Key, world: str, sizes: Mapping[str, int]) -> Relation:
        """The relation, drawn from `key`, of the individuals of `world`. sizes: of all worlds, by name.

        SpecError, `at` below the spec, where there is no such relation.
        """
        if self.of not in sizes:
            among = [("of",), ("..", "..", "..", self.of)]
            raise SpecError(f"no world '{self.of}'", suggest(self.of, sizes), ("of",), among)
        for name in sorted(self.model_fields_set & {"mutual", "oneself", "weights", "roots", "children"}):
            if name not in KEYS_OF[self.map] and getattr(self, name) != type(self).model_fields[name].default:
                maps = " or ".join(map for map, keys in KEYS_OF.items() if name in keys)
                raise SpecError(f"'{name}' goes with map: {maps}", "Remove one.", (name,), [(name,), ("map",)])
        own = self.of == world
        if self.oneself and not own:
            raise SpecError(f"nobody of '{world}' is in '{self.of}'", "Remove `oneself`.", ("oneself",))
        if self.map == "tree":
            return self._tree(key, world, sizes[world])
        if self.map == "many_to_one":
            return self._many_to_one(key, sizes[world], sizes[self.of], own=own)
        return self._one_to_one(key, sizes[world], sizes[self.of], own=own)

    def _one_to_one(self, key: Key, size: int, targets: int, *, own: bool) -> Relation:
        among: list[KeyPath] = [("map",), ("of",), SIZE, ("..", "..", "..", self.of, "size")]
        if self.mutual and not own:
            raise SpecError(f"nobody of '{self.of}' points back", "Name its own world, or remove it.", ("mutual",))
        if self.mutual and self.oneself:
            raise SpecError("in a couple nobody is alone", "Remove `mutual` or `oneself`.", ("oneself",))
        if self.mutual and size % 2:
            problem = f"{size:,} individuals are {size // 2:,} couples, and one is left"
            raise SpecError(problem, "Take an even number.", ("mutual",), [("mutual",), SIZE])
        if size > targets:
            problem = f"each of {size:,} individuals needs its own, and '{self.of}' has {targets:,}"
            raise SpecError(problem, "Make it larger, or take map: many_to_one.", ("map",), among)
        if not own or self.oneself:
            return Into(self.of, size, targets, key)
        self._check_others(size)
        return (Couples if self.mutual else Ring)(self.of, size, key)

    def _many_to_one(self, key: Key, size: int, targets: int, *, own: bool) -> Relation:
        alone = own and not self.oneself
        if alone:
            self._check_others(size)
        if self.weights != "uniform" and targets > MOST_WEIGHTED:
            raise SpecError(
                f"weights of {targets:,} individuals", f"At most {MOST_WEIGHTED:,} are drawn by weights.", ("weights",)
            )
        weights = chances(self.weights, targets, "individuals", [("weights",), ("..", "..", "..", self.of, "size")])
        if alone and weights and Fraction(1) in weights:
            problem = "one individual has all the weight, and nobody is related to oneself"
            raise SpecError(problem, "Give others a weight, or set oneself: true.", ("weights",))
        return Drawn(self.of, size, targets, key, weights, alone=alone)

    def _tree(self, key: Key, world: str, size: int) -> Relation:
        if self.of != world:
            raise SpecError(f"a parent is one of '{world}', not of '{self.of}'", f"Write of: {world}.", ("of",))
        if self.roots is None:
            raise SpecError("a tree needs `roots`", "Say how many individuals have no parent.", ("map",))
        if self.roots >= size:
            problem = f"{self.roots:,} of {size:,} individuals have no parent, so nobody has one"
            raise SpecError(problem, "Lower it, or make the world larger.", ("roots",), [("roots",), SIZE])
        return Tree(self.of, size, self.roots, self.children, key)

    def _check_others(self, size: int) -> None:
        if size < 2:
            raise SpecError("the only individual has nobody else", "Make the world larger.", ("of",), [("of",), SIZE])


KIND = AttributeKind(IndividualSpec, "another individual, of this or of another world")
