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
from pipeline.core.escaping import shortened

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

    def nearest_to_user(self, paths: Iterable[KeyPath]) -> KeyPath | None:
        """Of keys that are wrong together the one that is nearest to the user, and of several such the first.

        None where all of them are equally near: it is not known which one is at fault. Keys that nobody wrote, which
        have their defaults, are not at fault.
        """
        written = [path for path in paths if path in self.marks]
        ways = {self.marks[path].nearness for path in written}
        if len(ways) < 2:
            return written[0] if len(written) == 1 else None
        return next(path for path in written if self.marks[path].nearness == min(ways))

    def pointed(self, base: KeyPath, error: SpecError) -> tuple[str, str]:
        """The place and the remedy of a refusal of what stands at `base`."""
        path = (*base, *error.at)
        nearest = self.nearest_to_user([(*base, *one) for one in error.among])
        remedy = error.remedy
        if error.exclusive:
            remedy = self._without([(*base, *one) for one in error.among], nearest)
        for above in range(len(path), 0, -1):
            if before := self.replaced.get(path[:above]):
                remedy = f"{remedy} What stands at {dotted_path(path[:above])} replaces all of {before}.".lstrip()
                break
        return self.place(nearest or path), remedy

    def _without(self, paths: list[KeyPath], nearest: KeyPath | None) -> str:
        """What to do about keys that exclude each other."""
        if nearest is None:
            return "Remove all but one; null takes an inherited one away."
        others = [path for path in paths if path in self.marks and path != nearest]
        if self.marks[nearest].file == OVERRIDE:
            taken = " ".join(f"--set {dotted_path(path)}=null" for path in others)
            return f"Add {taken}: what is inherited is taken away so ({self.marks[others[0]]})."
        taken = " and ".join(f"`{path[-1]}: null`" for path in others)
        return f"Write {taken} beside it: what is inherited is taken away so ({self.marks[others[0]]})."


def dotted_path(path: KeyPath) -> str:
    """`worlds.people.size`, cut where it is long."""
    steps = [shortened(str(step), LONGEST_KEY) for step in path]
    if len(steps) > MOST_KEYS:
        steps = [*steps[: MOST_KEYS // 2], "…", *steps[-MOST_KEYS // 2 :]]
    return ".".join(steps)
