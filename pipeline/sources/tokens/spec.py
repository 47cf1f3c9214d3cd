"""What a recipe says about files of ids, and the files themselves: found, hashed and, of a dataset of ours, checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from blake3 import blake3
from pydantic import Field as Key_
from pydantic import PrivateAttr

from pipeline.core.errors import SpecError
from pipeline.core.files import Files
from pipeline.core.spec import Name
from pipeline.core.system.open_files import expanded
from pipeline.sources.source import DocumentsSpec
from pipeline.sources.tokens import megatron
from pipeline.sources.tokens.contents import KnownFile, known
from pipeline.sources.tokens.layouts import OF_SUFFIX, Layout, layout_of
from pipeline.sources.tokens.manifest import MEND, Described, ShardEntry, described
from pipeline.sources.tokens.saved import saved_files
from pipeline.text.tokenizer_json import MOST_IDS

TokenOrId = Annotated[str, Key_(min_length=1)] | Annotated[int, Key_(ge=0, lt=MOST_IDS)]


class TokensSpec(DocumentsSpec):
    """Documents that are tokenized already."""

    kind: Literal["tokens"]
    files: str | list[str] = Key_(
        exclude=True,
        description="The folder of a dataset of ours, or one that `datasets` saved; or paths of .bin, .arrow or "
        ".parquet, all alike; the last step of a path may have *.",
    )
    layout: Layout | None = Key_(None, description="Of the files; told by suffix, header and .idx if it is left out.")
    split: Name = Key_("train", description="Of a dataset.")
    column: str = Key_("input_ids", description="Of Arrow and Parquet: where the ids stand.")
    rows: Literal["documents", "stream"] = Key_(
        "documents",
        description="Of Arrow and Parquet: each row begins a document, or goes on where the one before it ends.",
    )
    end: TokenOrId | None = Key_(
        None,
        description="The token between documents of the files, or its id; default: the tokenizer's end token.",
    )
    begin: TokenOrId | None = Key_(
        None, description="A token with which documents of the files begin, or its id; it is left out."
    )
    tokenizer_file: str | None = Key_(
        None,
        exclude=True,
        description="The tokenizer.json that made the ids; without it, a sample is decoded and encoded again.",
    )
    content: str | None = Key_(
        None, description="BLAKE3 of the files, filled in by itself; files that differ are refused."
    )
    _files: tuple[KnownFile, ...] = PrivateAttr(default=())
    _indexes: tuple[KnownFile, ...] = PrivateAttr(default=())
    _described: Described | None = PrivateAttr(default=None)
    _tokenizer: Path | None = PrivateAttr(default=None)

    def materialise(self, files: Files) -> Self:
        """The same with its layout and `content`. SpecError if its files cannot be used, or `content` differs."""
        named = [self.files] if isinstance(self.files, str) else self.files
        paths = [path for name in named for path in _paths_of(name, files)]
        if not paths:
            raise SpecError("no files", "Give at least one path.", ("files",))
        layout = self.layout or layout_of(paths[0])
        dataset, about = None, []
        if layout == "dataset":
            self._check_alone(paths)
            dataset, shards = described(paths[0], self.split)
            found = known([paths[0] / shard.file for shard in shards])
            _check_hashes(found, shards)
            about = [dataset.meaning, known([dataset.tokenizer])[0].content]
        else:
            found = known(_files_of(paths, layout, self.split))
        indexes = known([megatron.index_of(file.path) for file in found]) if layout == "megatron" else ()
        content = self._content([str(layout), *(file.content for file in (*found, *indexes)), *about])
        copy = self.model_copy(update={"layout": layout, "content": content})
        copy._files, copy._indexes, copy._described = found, indexes, dataset
        copy._tokenizer = dataset.tokenizer if dataset else _tokenizer_at(self.tokenizer_file, files)
        return copy

    def _check_alone(self, paths: Sequence[Path]) -> None:
        """SpecError if a dataset of ours is named together with what it states itself."""
        if len(paths) > 1:
            raise SpecError("a dataset is a source of its own", "Name one folder here.", ("files",))
        for key in ("end", "begin", "tokenizer_file"):
            if getattr(self, key) is not None:
                raise SpecError(f"a dataset of ours states its own `{key}`", "Leave it out.", (key,))

    def _content(self, parts: Sequence[str]) -> str:
        """BLAKE3 of the layout, of the contents of all files in order, and of what is known about a dataset.

        SpecError if `content` is another.
        """
        text = "\n".join(parts)
        content = f"blake3:{blake3(text.encode()).hexdigest()}"
        if self.content not in (None, content):
            raise SpecError(
                f"the files are not those that the recipe was made with ({self.content})",
                "Name the right ones, or remove `content`.",
                ("content",),
                [("content",), ("files",)],
            )
        return content


def _paths_of(name: str, files: Files) -> list[Path]:
    """The files or folders that a name means: an absolute path, or one relative to the recipe or the library."""
    if "://" in name:
        raise SpecError(f"'{name}' is a URL", "Copy the files to a disk, and name them there.", ("files",))
    folder, last = os.path.split(name.rstrip("/"))
    if "*" not in last:
        return [_place(name, files)]
    inside = _place(folder or ".", files)
    paths = sorted(inside.glob(last))
    if not paths:
        raise SpecError(f"no file '{name}'", f"Looked in {inside}.", ("files",))
    return paths


def _place(name: str, files: Files) -> Path:
    """The absolute path of a file or folder. SpecError if it does not exist."""
    path = expanded(name) if os.path.isabs(expanded(name)) else files.find(name, "recipes", "files")
    if not os.path.exists(path):
        raise SpecError(f"no file '{path}'", "Look at the path.", ("files",))
    return path.absolute()  # workers have other working directories


def _files_of(paths: Sequence[Path], layout: Layout | None, split: str) -> list[Path]:
    """The files at paths, of which some may be folders that `datasets` saved. SpecError unless all have the layout."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            if layout_of(path) != "columns":
                raise _folder(path)
            found += saved_files(path, split)
        elif layout is None or OF_SUFFIX.get(path.suffix) != (layout if layout == "columns" else "nanogpt"):
            kinds = ".arrow or .parquet" if layout == "columns" else ".bin" if layout else ", ".join(OF_SUFFIX)
            raise SpecError(f"cannot read '{path.name}'", f"Give files of one kind: {kinds}.", ("files",))
        else:
            found.append(path)
    return found


def _folder(path: Path) -> SpecError:
    inside = sorted(file.name for file in path.iterdir() if file.suffix in OF_SUFFIX)
    named = ", ".join(inside[:3]) + ", …" * (len(inside) > 3)
    remedy = f"Name its files: {named}." if inside else "Name a dataset, or files of ids."
    return SpecError(f"'{path}' is a folder, and not of a dataset", remedy, ("files",))


def _check_hashes(files: Sequence[KnownFile], shards: Sequence[ShardEntry]) -> None:
    for file, shard in zip(files, shards, strict=True):
        if file.content != shard.file_hash:
            raise SpecError(f"'{file.path}': its bytes have changed since it was built", MEND, ("files",))


def _tokenizer_at(name: str | None, files: Files) -> Path | None:
    if name is None:
        return None
    path = expanded(name)
    found = path if path.is_absolute() else files.find(name, "recipes", "tokenizer_file")
    return (found / "tokenizer.json" if found.is_dir() else found).absolute()
