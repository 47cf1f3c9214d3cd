"""A recipe as it was written: a tree of values, each with its file and line.

A recipe may extend others, and keys may be set on the command line, so the values of one tree come from several files.
A tree is immutable: merging and setting return a new tree, which shares the unchanged nodes.
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
    """Where a value is written.

    distance: steps of `extends` from the user's file to this one; -1 for a value set on the command line.
    inherited: steps of `extends` between worlds (or sources) of one recipe.
    """

    file: Path
    line: int
    distance: int = 0
    inherited: int = 0

    @property
    def nearness(self) -> tuple[int, int]:
        """The sort key of marks: the lowest is nearest to the user."""
        return self.distance, self.inherited

    def place(self, path: KeyPath) -> str:
        """`file:line: dotted.path`: the beginning of a message about the key at this path.

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

    mark: the place of the value's key in its mapping; for an entry of a list, of the value itself.
    replaces: for a mapping that replaced an inherited value, that value in words: `the biography (bios.yaml:12)`.
    """

    value: Scalar | list[Node] | dict[str, Node]
    mark: Mark
    replaces: str = ""

    @property
    def members(self) -> Mapping[str, Node]:
        """Key → node of a mapping; {} for a list or a scalar."""
        return self.value if isinstance(self.value, dict) else {}

    def child(self, step: str | int) -> Node | None:
        """The node under a key of a mapping, or at an index of a list; None where there is none."""
        if isinstance(self.value, list):
            return self.value[step] if isinstance(step, int) and step in range(len(self.value)) else None
        return self.members.get(step) if isinstance(step, str) else None

    def find(self, path: KeyPath) -> Node | None:
        """The node at a path below this one; None where nobody wrote it."""
        node: Node | None = self
        for step in path:
            node = node.child(step) if node else None
        return node

    def nearest(self, path: KeyPath) -> Node:
        """The node at a path below this one, or at the longest beginning of the path that somebody wrote."""
        node = self
        for step in path:
            if (below := node.child(step)) is None:
                break
            node = below
        return node

    def with_child(self, step: str | int, child: Node) -> Node:
        """This mapping with `child` under a key, which may be new; or this list with `child` at an index."""
        if isinstance(self.value, list) and isinstance(step, int):
            return replace(self, value=[*self.value[:step], child, *self.value[step + 1 :]])
        return replace(self, value={**self.members, str(step): child})

    def without(self, key: str) -> Node:
        """This mapping without a key; a list or a scalar unchanged."""
        if key not in self.members:
            return self
        return replace(self, value={step: child for step, child in self.members.items() if step != key})

    def plain(self, *, nulls: bool = True) -> Any:
        """The values without their marks. nulls: whether mappings keep keys that are null.

        >>> Node({"seed": Node(None, SET), "sizes": Node([Node(1, SET)], SET)}, SET).plain(nulls=False)
        {'sizes': [1]}
        """
        if isinstance(self.value, dict):
            kept = (item for item in self.value.items() if nulls or item[1].value is not None)
            return {key: child.plain(nulls=nulls) for key, child in kept}
        return [child.plain() for child in self.value] if isinstance(self.value, list) else self.value


def node_of(value: Any, mark: Mark) -> Node:
    """Plain values as a tree; every node has this mark."""
    if isinstance(value, dict):
        return Node({key: node_of(child, mark) for key, child in value.items()}, mark)
    if isinstance(value, list):
        return Node([node_of(child, mark) for child in value], mark)
    return Node(value, mark)
