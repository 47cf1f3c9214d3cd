"""numba's decorators, with a cache of machine code that belongs to the contents of all the files it was made from.

numba itself looks at the file of a function alone: where a helper in another file changed, the old machine code of its
callers stayed, and with it their old output. Here the name of a cached file holds a hash of the function's file, of
every file of this package that it imports, directly or not, and of the versions of numba, llvmlite and numpy. So code
of other sources is never loaded, nor written over, and a copy of the same sources finds the same code. (numba adds the
processor.) The place is numba's: beside the file, or in the user's cache where that cannot be written.

Every kernel imports `njit` and `vectorize` from here, never from numba.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import caching, config

PACKAGE = Path(__file__).parents[1]


@lru_cache
def stamp_of(file: Path) -> str:
    """What the machine code of the functions in a file of this package depends on, as 16 hexadecimal digits."""
    state = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {np.__version__}".encode())
    for source in sorted(sources_of(file)):
        state.update(f"\0{source.relative_to(PACKAGE).as_posix()}\0".encode() + source.read_bytes())
    return state.hexdigest()[:16]


def sources_of(file: Path) -> set[Path]:
    """A file of this package and all those of the package that it imports, directly or by way of others."""
    reached, new = {file}, [file]
    while new:
        new = list({other for source in new for other in _imported(source)} - reached)
        reached.update(new)
    return reached


@lru_cache
def _imported(file: Path) -> frozenset[Path]:
    """The files of this package that a file imports, wherever in it."""
    return frozenset(_files_of(ast.parse(file.read_bytes())))


def _files_of(tree: ast.Module) -> Iterator[Path]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            package, *steps = name.split(".")
            if package == PACKAGE.name and steps:
                path = PACKAGE.joinpath(*steps)
                yield from (found for found in (path.with_suffix(".py"), path / "__init__.py") if found.is_file())


class _OfContents:
    """A place for machine code, whose files are named after all that they were made from."""

    def get_source_stamp(self) -> str:
        return stamp_of(Path(self._py_file))  # type: ignore[attr-defined]  # numba's

    def get_disambiguator(self) -> str:
        return f"{self._lineno}-{self.get_source_stamp()}"  # type: ignore[attr-defined]  # numba's

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        """The place, where it can be written and the function is of this package; None elsewhere."""
        inside = Path(py_file).is_relative_to(PACKAGE)
        return super().from_function(py_func, py_file) if inside else None  # type: ignore[misc]  # numba's


class _Provided(_OfContents, caching.UserProvidedCacheLocator):
    """NUMBA_CACHE_DIR, where that is set."""


class _Beside(_OfContents, caching.InTreeCacheLocator):
    """The folder __pycache__ beside the file."""


class _OfUser(_OfContents, caching.UserWideCacheLocator):
    """The user's cache."""


_PLACES = (_Provided, _Beside, _OfUser)
caching.CacheImpl._locator_classes[:0] = _PLACES  # before numba's own, which other packages go on using
if getattr(config, "CACHE_LOCATOR_CLASSES", ""):  # names of classes that numba would take instead
    ours = [f"{place.__module__}.{place.__name__}" for place in _PLACES]
    config.CACHE_LOCATOR_CLASSES = ",".join([*ours, config.CACHE_LOCATOR_CLASSES])  # type: ignore[attr-defined]

njit = partial(numba.njit, cache=True)
vectorize = partial(numba.vectorize, cache=True)
