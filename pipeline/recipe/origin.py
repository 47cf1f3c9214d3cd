"""Where the keys of a recipe stand, and which of several a user is pointed at.

A recipe may extend others, and keys may be set on the command line: what is wrong is often said in one file together
with something in another. The user can change what is nearest to her: a key of her own file, not one of the library's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipeline.core.errors import KeyPath, SpecError
from pipeline.core.system.escaping import shortened

OVERRIDE = Path("--set")
LONGEST_KEY = 60  # characters of a key, in a place
MOST_KEYS = 12  # of a path, in a place


class Mark(NamedTuple):
    """Where a key stands.

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

    def __str__(self) -> str:
        if self.file == OVERRIDE:
            return str(OVERRIDE)
        cwd = Path.cwd()
        shown = self.file.relative_to(cwd) if self.file.is_relative_to(cwd) else self.file
        return f"{shown}:{self.line}"


Marks = dict[KeyPath, Mark]


@dataclass(frozen=True)
class Origin:
    """Where the keys of a recipe stand: path → mark. The nearest key above answers for one not written.

    replaced: path of a mapping → what it was written over, in words: `biography (recipes/bios.yaml:12)`.
    """

    name: str
    marks: Mapping[KeyPath, Mark]
    replaced: Mapping[KeyPath, str]

    def place(self, path: KeyPath) -> str:
        """`file:line: dotted.path`."""
        dotted, mark = dotted_path(path), self.mark(path)
        return f"{mark} {dotted}" if mark.file == OVERRIDE else f"{mark}: {dotted}" if dotted else str(mark)

    def file(self, path: KeyPath) -> Path:
        """The file in which the key stands."""
        return self.mark(path).file

    def mark(self, path: KeyPath) -> Mark:
        """Where the key stands, or the nearest one above it."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, Mark(Path(self.name), 1))

    def nearest_to_user(self, paths: Iterable[KeyPath], instead: KeyPath) -> KeyPath:
        """Of keys that are wrong together the one that is nearest to the user, and of several such the first.

        `instead` where none of them is nearer than the others, nor than it: then it is not known which one is at fault.
        Keys that nobody wrote, which have their defaults, are not at fault.
        """
        written = [path for path in paths if path in self.marks]
        if not written:
            return instead
        nearest = min(written, key=lambda path: self.marks[path].nearness)
        least = self.marks[nearest].nearness
        others = [self.mark(instead).nearness, *(self.marks[path].nearness for path in written if path != nearest)]
        return nearest if any(least < other for other in others) else instead

    def pointed(self, base: KeyPath, error: SpecError) -> tuple[str, str]:
        """The place and the remedy of a refusal of what stands at `base`."""
        among = [_upwards((*base, *one)) for one in error.among]
        path = self.nearest_to_user(among, (*base, *error.at))
        remedy = self._without(among, path) if error.exclusive else error.remedy
        if path in self.replaced and (path in among or error.lacking):
            remedy = f"What stands there replaces all of {self.replaced[path]}: write beside it what else is needed."
        return self.place(path), remedy

    def _without(self, paths: Iterable[KeyPath], nearest: KeyPath) -> str:
        """What to do about keys that exclude each other."""
        mark = self.mark(nearest)
        others = [path for path in paths if path in self.marks and mark.nearness < self.marks[path].nearness]
        if not others:
            return "Remove all but one; null takes an inherited one away."
        if mark.file == OVERRIDE:
            nulls = "Add " + " ".join(f"--set {dotted_path(path)}=null" for path in others)
        else:
            nulls = f"Write {' and '.join(f'`{path[-1]}: null`' for path in others)} beside it"
        return f"{nulls}, which takes away what is inherited ({self.marks[others[0]]})."


def _upwards(path: KeyPath) -> KeyPath:
    """The path without its ".."."""
    taken: list[str | int] = []
    for step in path:
        if step == "..":
            taken.pop()
        else:
            taken.append(step)
    return tuple(taken)


def dotted_path(path: KeyPath) -> str:
    """`worlds.people.size`, cut where it is long."""
    steps = [shortened(str(step), LONGEST_KEY) for step in path]
    if len(steps) > MOST_KEYS:
        steps = [*steps[: MOST_KEYS // 2], "…", *steps[-MOST_KEYS // 2 :]]
    return ".".join(steps)
