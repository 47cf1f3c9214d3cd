"""Worlds whose individuals have no name in common: they take names from one bijection, at different ends of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.worlds.attributes.attribute import Attribute, AttributeSpec
from pipeline.worlds.attributes.name import ENDS, UniqueName


@dataclass(frozen=True)
class Naming:
    """How the individuals of a world get their names.

    world: its name. attribute: that of names, "" if it has none. specs, compiled: all its attributes. root, end: names
    are taken from the bijection with this key, from ENDS[end] on.
    """

    world: str
    size: int
    attribute: str
    specs: Mapping[str, AttributeSpec]
    compiled: Mapping[str, Attribute]
    root: Key
    end: int = 0

    def apart_from(self, others: Sequence[Naming], known: Iterable[Naming]) -> Naming:
        """The same in the bijection of `others`, from an end of it that no known world uses.

        SpecError, `at` below `disjoint_from`, where they have no bijection in common, or too few names.
        """
        if not others:
            return self
        names = self.compiled.get(self.attribute)
        if not isinstance(names, UniqueName) or any(
            other.specs.get(self.attribute) != self.specs[self.attribute] for other in others
        ):
            raise SpecError(
                f"the names of '{self.world}' are not from the pools of '{others[0].world}'",
                "Let the one world extend the other.",
            )
        if len({other.root for other in others}) > 1:
            raise SpecError("these worlds do not share their names", "Make them disjoint from one of them first.")
        root = others[0].root
        taken = {naming.end for naming in known if naming.root == root}
        free = [end for end in range(len(ENDS)) if end not in taken]
        if not free:
            raise SpecError("five worlds cannot be kept apart", f"At most {len(ENDS)} can.")
        names.share(root.child(self.attribute), free[0])
        for other in others:
            self._check_room(names, other)
        return replace(self, root=root, end=free[0])

    def _check_room(self, names: UniqueName, other: Naming) -> None:
        """SpecError where both worlds together have more individuals than there are names between their ends."""
        theirs = other.compiled[self.attribute]
        assert isinstance(theirs, UniqueName), "they are of the same spec"
        count = prod(names.sizes)
        if _overlap(names.taken(self.size), theirs.taken(other.size), count):
            raise SpecError(
                f"{self.size:,} and {other.size:,} individuals are more than the names between those of "
                f"'{self.world}' and '{other.world}', out of {count:,}",
                "Enlarge a pool or lower a size.",
                among=[(), ("..", "size"), ("..", "..", other.world, "size")],
            )


def _overlap(a: range, b: range, names: int) -> bool:
    """Whether two ranges of names overlap, or one exceeds 0 … names - 1."""
    beyond = any(run.start < 0 or run.stop > names for run in (a, b))
    return beyond or max(a.start, b.start) < min(a.stop, b.stop)
