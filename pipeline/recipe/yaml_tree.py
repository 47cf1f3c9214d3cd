"""A recipe as it was written: values, and with each of them the file and line in which it stands.

A recipe may extend others, and keys may be set on the command line, so the values of one tree come from several files.
A tree is never changed: what is merged or set gives another one, which shares with the first what is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.core.errors import KeyPath, dotted_path

OVERRIDE = Path("--set")

Scalar = None | bool | int | Fraction | str


class Mark(NamedTuple):
    """Where a value stands.

    distance: of its file, in steps of `extends` from the user's own; -1 for what is set on the command line.
    inherited: steps of `extends` between worlds, or sources, of a recipe.
    """

    file: Path
    line: int
    distance: int = 0
    inherited: int = 0

    @property
    def nearness(self) -> tuple[int, int]:
        """What marks are compared by: the lowest is nearest to the user."""
        return self.distance, self.inherited

    def place(self, path: KeyPath) -> str:
        """`file:line: dotted.path`, as a message begins that is about the key at this path.

        >>> Mark(Path("bios.yaml"), 7).place(("worlds", "people", "size"))
        'bios.yaml:7: worlds.people.size'
        """
        dotted = dotted_path(path)
        return f"{self} {dotted}" if self.file == OVERRIDE else f"{self}: {dotted}" if dotted else str(self)

    def __str__(self) -> str:
        if self.file == OVERRIDE:
            return str(OVERRIDE)
        cwd = Path.cwd()
        shown = self.file.relative_to(cwd) if self.file.is_relative_to(cwd) else self.file
        return f"{shown}:{self.line}"


SET = Mark(OVERRIDE, 0, -1)
"""The mark of all that is set on the command line."""


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, a list of nodes or a mapping of nodes, and where it stands.

    mark: where the value's key stands in its mapping; of the entry of a list, where the value itself begins.
    replaces: of a mapping, what it was written over and nothing is left of, in words: `biography (bios.yaml:12)`.
    """

    value: Scalar | list[Node] | dict[str, Node]
    mark: Mark
    replaces: str = ""

    @property
    def members(self) -> Mapping[str, Node]:
        """The keys of a mapping and what stands there; of anything else, none."""
        return self.value if isinstance(self.value, dict) else {}

    def child(self, step: str | int) -> Node | None:
        """What stands under a key of a mapping, or at a place of a list; None where there is no such."""
        if isinstance(self.value, list):
            return self.value[step] if isinstance(step, int) and step in range(len(self.value)) else None
        return self.members.get(step) if isinstance(step, str) else None

    def find(self, path: KeyPath) -> Node | None:
        """What stands at a path below; None where nobody has written that."""
        node: Node | None = self
        for step in path:
            node = node.child(step) if node else None
        return node

    def nearest(self, path: KeyPath) -> Node:
        """What stands at a path below, or else at the longest part of it that somebody has written."""
        node = self
        for step in path:
            if (below := node.child(step)) is None:
                break
            node = below
        return node

    def with_child(self, step: str | int, child: Node) -> Node:
        """The same mapping or list with something else under a key, which may be a new one, or at a place."""
        if isinstance(self.value, list) and isinstance(step, int):
            return replace(self, value=[*self.value[:step], child, *self.value[step + 1 :]])
        return replace(self, value={**self.members, str(step): child})

    def without(self, key: str) -> Node:
        """The same mapping without a key; anything else as it is."""
        if key not in self.members:
            return self
        return replace(self, value={other: child for other, child in self.members.items() if other != key})

    def plain(self, *, nulls: bool = True) -> Any:
        """The values alone. nulls: whether mappings keep the keys that are null, which take away what is inherited.

        >>> Node({"seed": Node(None, SET), "sizes": Node([Node(1, SET)], SET)}, SET).plain(nulls=False)
        {'sizes': [1]}
        """
        if isinstance(self.value, dict):
            kept = (item for item in self.value.items() if nulls or item[1].value is not None)
            return {key: child.plain(nulls=nulls) for key, child in kept}
        return [child.plain() for child in self.value] if isinstance(self.value, list) else self.value


def node_of(value: Any, mark: Mark) -> Node:
    """Plain values as a tree all of which stands at one mark."""
    if isinstance(value, dict):
        return Node({key: node_of(child, mark) for key, child in value.items()}, mark)
    if isinstance(value, list):
        return Node([node_of(child, mark) for child in value], mark)
    return Node(value, mark)
