"""Which file and line of a recipe a refusal points at, and which remedy it gives.

Often two keys are wrong together, in two files. The refusal points at the one that the user can change: a key of her
own file, not one of the library's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import KeyPath, PipelineError, RecipeError, SpecError, dotted_path
from pipeline.core.files import Files
from pipeline.recipe.model import Recipe
from pipeline.recipe.yaml_tree import OVERRIDE, SET, Node


@dataclass(frozen=True)
class Origin:
    """Where the keys of a recipe are written. A key that nobody wrote has the place of the nearest key above it."""

    tree: Node

    def place(self, path: KeyPath) -> str:
        """`file:line: dotted.path`."""
        return self.tree.nearest(path).mark.place(path)

    def file(self, path: KeyPath) -> Path:
        """The file in which the key stands."""
        return self.tree.nearest(path).mark.file

    def nearest_to_user(self, paths: Iterable[KeyPath], instead: KeyPath) -> KeyPath:
        """The one of several keys, wrong together, that is nearest to the user; the first of several equally near.

        `instead` where all of them, and `instead` itself, are equally near, so that none is more at fault than the
        others. Keys that nobody wrote (defaults) do not count.
        """
        written = self._written(paths)
        if not written:
            return instead
        nearest = min(written, key=lambda path: written[path].mark.nearness)
        least = written.pop(nearest).mark.nearness
        others = [self.tree.nearest(instead), *written.values()]
        return nearest if any(least < other.mark.nearness for other in others) else instead

    def pointed(self, base: KeyPath, error: SpecError) -> tuple[str, str]:
        """(place, remedy) for an error in the spec at `base`."""
        among = [_upwards((*base, *path)) for path in error.among]
        path = self.nearest_to_user(among, _upwards((*base, *error.at)))
        remedy = self._without(among, path) if error.exclusive else error.remedy
        node = self.tree.find(path)
        if node and node.replaces and (path in among or error.lacking):
            remedy = f"What stands there replaces all of {node.replaces}: write beside it what else is needed."
        return self.place(path), remedy

    def _without(self, paths: Iterable[KeyPath], nearest: KeyPath) -> str:
        """What to do about keys that exclude each other."""
        mark = self.tree.nearest(nearest).mark
        others = {path: node for path, node in self._written(paths).items() if mark.nearness < node.mark.nearness}
        if not others:
            return "Remove all but one; null takes an inherited one away."
        if mark.file == OVERRIDE:
            nulls = "Add " + " ".join(f"{SET} {dotted_path(path)}=null" for path in others)
        else:
            nulls = f"Write {' and '.join(f'`{path[-1]}: null`' for path in others)} beside it"
        return f"{nulls}, which takes away what is inherited ({next(iter(others.values())).mark})."

    def _written(self, paths: Iterable[KeyPath]) -> dict[KeyPath, Node]:
        """Path → node for the paths that somebody wrote, in order."""
        return {path: node for path in paths if (node := self.tree.find(path))}


def _upwards(path: KeyPath) -> KeyPath:
    """The path with each ".." applied: ("a", "b", "..", "c") → ("a", "c")."""
    taken: list[str | int] = []
    for step in path:
        if step == "..":
            taken.pop()
        else:
            taken.append(step)
    return tuple(taken)


@dataclass(frozen=True)
class Loaded:
    """A recipe with everything written into it, and where its keys came from. title: the comment in its first line.

    allow_code: whether code that the recipe names may run.
    """

    recipe: Recipe
    origin: Origin
    title: str
    allow_code: bool = False

    @contextmanager
    def refusing(self, *path: str | int, kind: type[PipelineError] = RecipeError) -> Iterator[None]:
        """Turn a SpecError raised in the block, about the spec at `path`, into a `kind` with file and line."""
        try:
            yield
        except SpecError as error:
            place, remedy = self.origin.pointed(path, error)
            raise kind(error.problem, remedy, place) from None

    @contextmanager
    def placing(self, path: KeyPath, kind: type[PipelineError]) -> Iterator[None]:
        """Give a `kind` raised in the block without a place the place of the key at `path`."""
        try:
            yield
        except kind as error:
            raise kind(error.problem, error.remedy, error.place or self.origin.place(path)) from None

    def files(self, *path: str) -> Files:
        """The files that the part of the recipe at `path` may name."""
        key = self.recipe.key("files", *path)
        return Files(path, lambda at: self.origin.file(at).parent, key, self.origin.place, self.allow_code)
