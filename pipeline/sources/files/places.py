"""From what a recipe names to files: paths, globs, folders, and the same in object stores.

    corpus/*.jsonl.gz   data/    s3://bucket/web/**/*.parquet    hf://datasets/user/name/data    saved/train

A relative path stays inside the folder of its recipe, with its links. A glob or a folder is expanded in the order of
paths; of a folder all files that can be read are taken, or the files that `datasets` lists in one that it saved.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from pipeline.core.errors import SpecError
from pipeline.core.files import Files
from pipeline.core.system.open_files import contents, expanded, opened
from pipeline.core.system.stores import checked_protocol, encoding_of, store_of
from pipeline.sources.files.file import COMPRESSIONS, KINDS, File, asking, kind_of, remote_stamp, state_of, unreadable

MAGIC = re.compile(r"[*?\[]")
STATE, SPLITS = "state.json", "dataset_dict.json"  # of what `datasets` saved
MOST_STATE = 2**26
KNOWN = f"{', '.join(KINDS)}; {', '.join(COMPRESSIONS)} behind those of text"


def files_of(named: Sequence[str], files: Files) -> tuple[File, ...]:
    """The files that are named, in order. SpecError where there are none, of several kinds, or unreadable ones."""
    if not named:
        raise SpecError("no files", "Give at least one path.", ("files",))
    found = [file for name in named for file in (_in_store(name) if is_url(name) else _on_disk(name, files))]
    kinds = {file.kind for file in found}
    if len(kinds) > 1:
        other = next(file for file in found if file.kind != found[0].kind)
        raise _unlike(other.url)
    return tuple(found)


def _unlike(name: str) -> SpecError:
    return SpecError(f"cannot read '{PurePosixPath(name).name}'", f"Give files of one kind: {KNOWN}.", ("files",))


def is_url(name: str) -> bool:
    """Whether a name is that of something in a store."""
    return "://" in name and not name.startswith("file://")


def of_disk(name: str) -> str:
    """The path that `file://` names; any other name unchanged."""
    return unquote(name.removeprefix("file://")) if name.startswith("file://") else name


def _none(what: str) -> SpecError:
    return SpecError(f"{what} holds no file that can be read", f"Files are {KNOWN}.", ("files",))


def _unfit(pattern: str) -> SpecError:
    return SpecError(f"no file fits '{pattern}'", f"Look at the pattern; files are {KNOWN}.", ("files",))


def _file(url: str, size: int, stamp: str) -> File:
    kind = kind_of(url)
    if kind is None:
        raise _unlike(url)
    return File(url, *kind, size, stamp)


# ── on a disk ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _on_disk(name: str, files: Files) -> Iterator[File]:
    """The files at a path, in a folder, or that a pattern fits."""
    name = of_disk(name)
    path = expanded(name)
    if MAGIC.search(name) and not _exists(name, files):
        paths = _matching(name, files)
        if not paths:
            raise _unfit(name)
    else:
        path = path if path.is_absolute() else files.find(name, "recipes", "files")
        paths = _in_folder(path) if os.path.isdir(path) else [path]
    for one in paths:
        yield _stated(one)


def _exists(name: str, files: Files) -> bool:
    """Whether a name that looks like a pattern is that of a file."""
    try:
        path = expanded(name) if expanded(name).is_absolute() else files.find(name, "recipes", "files")
    except SpecError:
        return False
    return os.path.exists(path)


def _stated(path: Path) -> File:
    """A file as it is now. SpecError for what is none."""
    found = _file(str(path.absolute()), 0, "")  # workers have other working directories
    try:
        size, stamp, _ = state_of(found)
    except FileNotFoundError:
        raise SpecError(f"no file '{path}'", "Look at the path.", ("files",)) from None
    except OSError as error:
        raise unreadable(str(path), error) from None
    return _file(found.url, size, stamp)


def _matching(pattern: str, files: Files) -> list[Path]:
    """The files that a pattern fits, sorted. SpecError for one outside of the recipe's folder."""
    parts = PurePosixPath(str(expanded(pattern))).parts
    first = next(i for i, part in enumerate(parts) if MAGIC.search(part))
    below, rest = PurePosixPath(*parts[:first]), "/".join(parts[first:])
    if ".." in parts:
        raise SpecError(f"the pattern '{pattern}' holds '..'", "Name the folder itself.", ("files",))
    base = Path(below) if below.is_absolute() else files.find(str(below), "recipes", "files")
    try:
        found = sorted(path for path in base.glob(rest) if _is_wanted(path, base))
    except (ValueError, NotImplementedError) as error:
        raise SpecError(f"'{pattern}' is no pattern: {error}", "'**' is a whole step of it.", ("files",)) from None
    if not below.is_absolute():
        root = base
        for _ in below.parts:
            root = root.parent
        _check_inside(found, root)
    return found


def _check_inside(paths: Sequence[Path], root: Path) -> None:
    for path in paths:
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):  # of a loop too, which is none
            raise SpecError(f"'{path}' is a link that leaves its folder", "Copy the file there.", ("files",))


def _is_wanted(path: Path, base: Path) -> bool:
    """Whether a file can be read by its name, and is not hidden."""
    below = path.relative_to(base).parts
    return kind_of(path.name) is not None and not any(part.startswith(".") for part in below) and not path.is_dir()


def _in_folder(folder: Path) -> list[Path]:
    """The files of a folder: those that `datasets` lists there, or all that can be read, also of folders in it."""
    if (folder / SPLITS).is_file():
        raise _of_splits(str(folder), sorted(path.name for path in folder.iterdir() if (path / STATE).is_file()))
    if (folder / STATE).is_file():
        with asking(str(folder / STATE)):
            data = contents(folder / STATE, MOST_STATE)
        paths = [folder / name for name in _listed(data, str(folder))]
    else:
        paths = sorted(path for path in folder.rglob("*") if _is_wanted(path, folder))
    if not paths:
        raise _none(f"'{folder}' is a folder and")
    _check_inside(paths, folder)
    for path in paths[:1]:
        opened_or_refused(path)
    return paths


def opened_or_refused(path: Path) -> None:
    """SpecError for what cannot be opened as a file."""
    with asking(str(path)):
        opened(path).close()


def _of_splits(folder: str, splits: Sequence[str]) -> SpecError:
    shown = " or ".join(f"{folder}/{split}" for split in splits[:3])
    return SpecError(f"'{folder}' holds several splits", f"Name one: {shown}.", ("files",))


def _listed(data: bytes, folder: str) -> list[str]:
    """The names of the files of a saved dataset, from its state.json. SpecError where it is none."""
    try:
        names = [entry["filename"] for entry in json.loads(data)["_data_files"]]
        plain = all(isinstance(name, str) and PurePosixPath(name).name == name not in ("", "..") for name in names)
    except (ValueError, KeyError, TypeError, RecursionError):
        names, plain = [], False
    if not plain or not names:
        raise SpecError(f"{folder}/{STATE} names no files", "It must be written by `save_to_disk`.", ("files",))
    return names


# ── in a store ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Listed:
    """What lies at a URL: one file, those that a pattern fits, or all below a folder, in the order of their paths.

    base: the address of the folder, without a slash at its end. of_pattern: whether a pattern fits them.
    """

    files: tuple[File, ...]
    base: str = ""
    of_pattern: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return bool(self.base)


def listed(url: str) -> Listed:
    """What lies at a URL, of files of any kind. SpecError where there is nothing."""
    if "::" in url:
        raise SpecError(f"'{url}' is a chain of addresses", "Give one address.", ("files",))
    with asking(url):
        protocol = checked_protocol(url)
        store = store_of(url)
        pattern = bool(MAGIC.search(url)) and not store.exists(url)
        if pattern:
            found = {name: info for name, info in store.glob(url, detail=True).items() if info["type"] == "file"}
        else:
            info = store.info(url)
            is_file = info["type"] == "file"
            found = {info["name"]: info} if is_file else store.find(url, detail=True)
        address = partial(_address, protocol)
        files = tuple(_object(address(name), info) for name, info in sorted(found.items()))
        if not files and pattern:
            raise _unfit(url)
        return Listed(
            files, "" if pattern or is_file else address(str(store._strip_protocol(url)).rstrip("/")), pattern
        )


def _address(protocol: str, name: str) -> str:
    """The URL of an object, by the name that its store's client gives it."""
    return name if "://" in name else f"{protocol}://{name.lstrip('/') if protocol != 'file' else name}"


def _object(url: str, info: dict[str, Any]) -> File:
    kind, compression = kind_of(url) or ("", "")
    return File(url, kind, compression, int(info["size"]), remote_stamp(url, info), encoding=encoding_of(info))


def _in_store(url: str) -> Iterator[File]:
    """The files of texts at a URL, below it, or that a pattern fits."""
    found = listed(url)
    if not found.is_folder:
        texts = [file for file in found.files if file.kind]
        if not texts:
            raise _unfit(url) if found.of_pattern else _unlike(url)
        yield from texts
        return
    names = {file.url.removeprefix(f"{found.base}/"): file for file in found.files}
    if SPLITS in names:
        splits = sorted(name.removesuffix(f"/{STATE}") for name in names if name.endswith(f"/{STATE}"))
        raise _of_splits(found.base, splits)
    if STATE in names:
        with asking(url):
            data = bytes(store_of(url).cat_file(names[STATE].url))
        for name in _listed(data, found.base):
            if name not in names:
                raise SpecError(f"no file '{found.base}/{name}'", f"{STATE} names it.", ("files",))
            yield names[name]
        return
    shown = [file for name, file in names.items() if file.kind and "/." not in f"/{name}"]
    if not shown:
        raise _none(f"'{url}'")
    yield from shown
