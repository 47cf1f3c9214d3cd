"""numba's decorators, with a cache of machine code that belongs to the contents of all the files it was made from.

    @njit(signature("i8", "i8[::1]", Options, PROBLEM))      numba's text, a NamedTuple of arrays, records of a dtype

numba itself looks at the file of a function alone: where a helper in another file changed, the old machine code of its
callers stayed, and with it their old output. Here the name of a cached file holds a hash of the function's file, of
every file of this package that it imports, directly or not, and of the versions of numba, llvmlite and numpy (numba
adds those of Python and the processor). So code of other sources is never loaded, nor written over, and a copy of the
same sources finds the same code. The place is numba's: NUMBA_CACHE_DIR where that is set, the folder __pycache__ beside
the file, or the user's cache; where none can be written, a private folder that is removed when the process ends, with a
notice (caches.py). The last two begin with a copy of the code beside the file: what was compiled where the package was
installed need not be again.

Machine code is loaded with pickle, so whoever wrote it decides what runs: a place is used only if it is `trusted`.

Every kernel imports `njit` and `cfunc` from here, never from numba.
"""

from __future__ import annotations

import ast
import hashlib
import shutil
import sys
import uuid
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, get_args, get_type_hints

import llvmlite
import numba
import numpy as np
from numba.core import caching, config, sigutils

from pipeline.core.system.caches import say_if_temporary, temporary_cache, trusted, user_cache
from pipeline.core.system.open_files import expanded

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
    reached, new = {file}, {file}
    while new:
        new = {imported for source in new for imported in _imported(source)} - reached
        reached |= new
    return reached


@lru_cache
def _imported(file: Path) -> frozenset[Path]:
    """The files of this package that a file imports, wherever in it.

    Of this one none: what it imports decides where code is kept, not what it is.
    """
    if file == Path(__file__):
        return frozenset()
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
        """The place, where it can be written and trusted and the function is of this package; None elsewhere."""
        if not Path(py_file).is_relative_to(PACKAGE):
            return None
        place = super().from_function(py_func, py_file)  # type: ignore[misc]  # numba's
        return place if place and trusted(Path(place.get_cache_path()), Path(py_file)) else None


class _Provided(_OfContents, caching.UserProvidedCacheLocator):
    """NUMBA_CACHE_DIR, where that is set."""

    def get_cache_path(self) -> str:
        return str(expanded(super().get_cache_path()))  # type: ignore[no-untyped-call]  # numba's


class _Beside(_OfContents, caching.InTreeCacheLocator):
    """The folder __pycache__ beside the file."""


class _OfUser(_OfContents, caching.InTreeCacheLocator):
    """The user's cache, or what stands in for it where there is none."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)  # type: ignore[no-untyped-call]  # numba's
        below = self.get_suitable_cache_subpath(py_file)  # type: ignore[no-untyped-call]  # numba's
        self._cache_path = str(self.cache() / "numba" / below)

    cache = staticmethod(user_cache)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        if place := super().from_function(py_func, py_file):
            folder, source = Path(place.get_cache_path()), Path(py_file)
            code = f"{source.stem}.*-{stamp_of(source)}.*.nb[ci]"
            _copy_beside(source, code, folder)
            if not any(folder.glob(code)):
                say_if_temporary(folder)
        return place


class _OfProcess(_OfUser):
    """What stands in for the user's cache, also where there is one that cannot be used."""

    cache = staticmethod(temporary_cache)


def _copy_beside(source: Path, code: str, folder: Path) -> None:
    """The machine code beside a file, where it can be trusted, put into a folder that has not got it; indices last."""
    beside = source.with_name("__pycache__")
    if beside.is_dir() and trusted(beside, source):
        for file in sorted(beside.glob(code)):
            if not (copy := folder / file.name).exists():
                partial = copy.with_name(f"{file.name}.{uuid.uuid4().hex}")
                shutil.copy(file, partial)
                partial.replace(copy)


def note_of(file: Path) -> Path:
    """The empty file that says that all functions of a file of this package have machine code: beside that code."""
    places = (place.from_function(note_of, str(file)) for place in _PLACES)
    folder = Path(next(place for place in places if place).get_cache_path())
    return folder / f"{file.stem}.all-{stamp_of(file)}.{sys.implementation.cache_tag}.nbi"


_PLACES = (_Provided, _Beside, _OfUser, _OfProcess)
caching.CacheImpl._locator_classes[:0] = _PLACES  # before numba's own, which other packages go on using
if getattr(config, "CACHE_LOCATOR_CLASSES", ""):  # names of classes that numba would take instead
    ours = [f"{place.__module__}.{place.__name__}" for place in _PLACES]
    config.CACHE_LOCATOR_CLASSES = ",".join([*ours, config.CACHE_LOCATOR_CLASSES])  # type: ignore[attr-defined]

njit = partial(numba.njit, cache=True)
cfunc = partial(numba.cfunc, cache=True)  # functions that other machine code calls, by their addresses


def signature(returned: str, *arguments: str | np.dtype[Any] | type) -> Any:
    """The signature of a kernel, from numba's text for what it returns and the kind of each argument:

    - text, as numba reads it: "i8", "u8[:,::1]"; "const i8[::1]" for an array that may be read-only;
    - a dtype of records: an array of these, one after the other, whose fields are read and written by name;
    - a NamedTuple class, each field annotated with its kind: `keys: Annotated[NDArray[np.uint64], "u8[:,::1]"]`.
    """
    return _type_of(returned)(*map(_type_of, arguments))


def _type_of(kind: str | np.dtype[Any] | type) -> Any:
    """numba's type of an argument."""
    if isinstance(kind, str) and kind.startswith("const "):
        return _type_of(kind.removeprefix("const ")).copy(readonly=True)
    if isinstance(kind, str):
        (parsed,), _ = sigutils.normalize_signature(f"({kind},)")  # type: ignore[no-untyped-call]  # numba's
        return parsed
    if isinstance(kind, np.dtype):
        return numba.from_dtype(kind)[::1]
    fields = [_type_of(get_args(hint)[1]) for hint in get_type_hints(kind, include_extras=True).values()]
    return numba.types.BaseTuple.from_types(fields, kind)  # type: ignore[no-untyped-call]  # numba's
