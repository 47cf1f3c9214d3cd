"""From what a recipe names to files of ids: paths and URLs, files and folders.

A folder in a store is looked at as one on a disk: what it says of itself (a manifest, a tokenizer, the lists of files
of `datasets`) is copied to a folder of the user's cache. Its files are fetched like any other when they are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import SpecError
from pipeline.core.files import Files
from pipeline.core.system.kept_arrays import place
from pipeline.core.system.open_files import contents, created, expanded, opened
from pipeline.core.system.stores import store_of
from pipeline.sources.files.file import File, asking
from pipeline.sources.files.known import local_file
from pipeline.sources.files.opening import fetched, keeping
from pipeline.sources.files.places import is_url, listed, of_disk
from pipeline.sources.tokens import llmc, megatron
from pipeline.sources.tokens.layouts import OF_SUFFIX, Layout
from pipeline.sources.tokens.manifest import MANIFEST, MOST_BYTES, TOKENIZER, TOKENIZER_CONFIG
from pipeline.sources.tokens.saved import SPLITS, STATE, is_saved, saved_files


@dataclass(frozen=True)
class Folder:
    """A folder. name: as messages show it. path: where what it says of itself lies. objects: its files by name, of one
    in a store; None of one on a disk."""

    name: str
    path: Path
    objects: Mapping[str, File] | None = None

    def at(self, below: str) -> File:
        """The file with this name below it. SpecError where a store has none."""
        if self.objects is None:
            return local_file(self.path / below)
        if below not in self.objects:
            raise SpecError(f"no file '{self.name}/{below}'", "The folder names it.", ("files",))
        return self.objects[below]

    @property
    def layout(self) -> Layout | None:
        """`dataset` for one of ours, `columns` for one that `datasets` saved; None for any other."""
        if (self.path / MANIFEST).exists():
            return "dataset"
        return "columns" if is_saved(self.path) else None

    def saved(self, split: str) -> list[File]:
        """The files of one that `datasets` saved. SpecError if they are not known."""
        return [self.at(path.relative_to(self.path).as_posix()) for path in saved_files(self.path, split)]

    def refused(self) -> SpecError:
        """The error for one that is none of a dataset."""
        names = os.listdir(self.path) if self.objects is None else self.objects
        inside = sorted(name for name in names if "/" not in name and os.path.splitext(name)[1] in OF_SUFFIX)
        shown = ", ".join(inside[:3]) + ", …" * (len(inside) > 3)
        remedy = f"Name its files: {shown}." if inside else "Name a dataset, or files of ids."
        return SpecError(f"'{self.name}' is a folder, and not of a dataset", remedy, ("files",))


Named = File | Folder


def named_in(names: Sequence[str], split: str, files: Files) -> list[Named]:
    """What these names mean, in order. SpecError where there is nothing. split: of datasets, whose lists are needed."""
    found = [one for name in names for one in (_in_store(name, split) if is_url(name) else _on_disk(name, files))]
    if not found:
        raise SpecError("no files", "Give at least one path.", ("files",))
    return found


def layout_of(one: Named) -> Layout | None:
    """The layout of a file, or of a folder; None for a folder that is none of a dataset, and for an unknown suffix."""
    if isinstance(one, Folder):
        return one.layout
    suffix = os.path.splitext(one.url)[1]
    if suffix == ".bin" and _has_index(one):
        return "megatron"
    if suffix == ".bin" and _begins(one) in llmc.MAGIC:
        return "llmc"
    return OF_SUFFIX.get(suffix)


def files_of(named: Sequence[Named], layout: Layout | None, split: str) -> list[File]:
    """The files that are named, of which some may be folders that `datasets` saved. SpecError unless all are alike."""
    found: list[File] = []
    for one in named:
        if isinstance(one, Folder):
            if one.layout != "columns":
                raise one.refused()
            found += one.saved(split)
        elif layout is None or OF_SUFFIX.get(os.path.splitext(one.url)[1]) != _of_suffix(layout):
            kinds = ".arrow or .parquet" if layout == "columns" else ".bin" if layout else ", ".join(OF_SUFFIX)
            name = os.path.basename(one.url)
            raise SpecError(f"cannot read '{name}'", f"Give files of one kind: {kinds}.", ("files",))
        else:
            found.append(one)
    return found


def index_of(file: File) -> File:
    """The .idx file of a .bin file. SpecError where a store has none."""
    if not file.remote:
        return local_file(megatron.index_of(Path(file.url)))
    (index,) = listed(f"{os.path.splitext(file.url)[0]}.idx").files
    return index


def _of_suffix(layout: Layout) -> Layout:
    return layout if layout == "columns" else "nanogpt"


def _has_index(file: File) -> bool:
    if not file.remote:
        return megatron.index_of(Path(file.url)).exists()
    with asking(file.url):
        return bool(store_of(file.url).exists(f"{os.path.splitext(file.url)[0]}.idx"))


def _begins(file: File) -> bytes:
    """The first bytes of a file; b"" of one that cannot be read, which is refused later."""
    if file.remote:
        with asking(file.url):
            return bytes(store_of(file.url).cat_file(file.url, start=0, end=4))
    try:
        with opened(file.url) as one:
            return one.read(4)
    except OSError:
        return b""


# ── on a disk ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _on_disk(name: str, files: Files) -> list[Named]:
    """What an absolute path means, or one relative to the recipe or the library."""
    name = of_disk(name)
    folder, last = os.path.split(name.rstrip("/"))
    if "*" not in last:
        return [_at(_place(name, files))]
    inside = _place(folder or ".", files)
    paths = sorted(inside.glob(last))
    if not paths:
        raise SpecError(f"no file '{name}'", f"Looked in {inside}.", ("files",))
    return [_at(path) for path in paths]


def _at(path: Path) -> Named:
    return Folder(str(path), path) if path.is_dir() else local_file(path)


def _place(name: str, files: Files) -> Path:
    """The absolute path of a file or folder. SpecError if it does not exist."""
    path = expanded(name) if os.path.isabs(expanded(name)) else files.find(name, "recipes", "files")
    if not os.path.exists(path):
        raise SpecError(f"no file '{path}'", "Look at the path.", ("files",))
    return path.absolute()  # workers have other working directories


# ── in a store ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_store(url: str, split: str) -> Iterator[Named]:
    """What a URL or a pattern of them means."""
    found = listed(url)
    if not found.is_folder:
        yield from found.files
        return
    base = found.base.rstrip("/")
    objects = {file.url.removeprefix(f"{base}/"): file for file in found.files}
    wanted = (MANIFEST, TOKENIZER, TOKENIZER_CONFIG, STATE, SPLITS, f"{split}/{STATE}")
    yield Folder(base, _described_in(base, {name: objects.get(name) for name in wanted}), objects)


def _described_in(url: str, wanted: Mapping[str, File | None]) -> Path:
    """A folder of the user's cache with these files of a folder in a store, those that it has."""
    folder = place("folder", url)
    with keeping(folder, f"what '{url}' says of itself"):
        for name, file in wanted.items():
            if file is None:
                (folder / name).unlink(missing_ok=True)
                continue
            with created(folder / name) as copy:
                copy.write(contents(fetched(file), MOST_BYTES))
    return folder
