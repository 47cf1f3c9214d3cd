"""What a recipe says about files of ids, and the files themselves: found, hashed and, of a dataset of ours, checked."""

from __future__ import annotations

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
from pipeline.sources.files.file import File
from pipeline.sources.files.known import identified, local_file
from pipeline.sources.files.opening import fetched_and_identified
from pipeline.sources.spec import DocumentsSpec
from pipeline.sources.tokens.finding import Folder, Named, files_of, index_of, layout_of, named_in
from pipeline.sources.tokens.layouts import Layout
from pipeline.sources.tokens.manifest import MEND, Described, ShardEntry, described
from pipeline.text.tokenizer_json import MOST_IDS

TokenOrId = Annotated[str, Key_(min_length=1)] | Annotated[int, Key_(ge=0, lt=MOST_IDS)]


class TokensSpec(DocumentsSpec):
    """Documents that are tokenized already."""

    kind: Literal["tokens"]
    files: str | list[str] = Key_(
        exclude=True,
        description="The folder of a dataset of ours, or one that `datasets` saved; or paths of .bin, .arrow or "
        ".parquet, all alike; the last step of a path may have *. Or URLs of these.",
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
    _files: tuple[File, ...] = PrivateAttr(default=())
    _indexes: tuple[File, ...] = PrivateAttr(default=())
    _described: Described | None = PrivateAttr(default=None)
    _tokenizer: Path | None = PrivateAttr(default=None)

    def materialise(self, files: Files) -> Self:
        """The same with its layout and `content`. SpecError if its files cannot be used, or `content` differs."""
        named = named_in([self.files] if isinstance(self.files, str) else self.files, self.split, files)
        layout = self.layout or layout_of(named[0])
        dataset, about = None, []
        if layout == "dataset":
            self._check_alone(named)
            folder = named[0]
            if not isinstance(folder, Folder):
                raise SpecError(f"'{folder.url}' is no folder of a dataset", "Name the folder.", ("files",))
            dataset, shards = described(folder.path, self.split)
            found = fetched_and_identified([folder.at(shard.file) for shard in shards])
            _check_hashes(found, shards)
            about = [dataset.meaning, f"blake3:{identified([local_file(dataset.tokenizer)])[0].content}"]
        else:
            found = fetched_and_identified(files_of(named, layout, self.split))
        indexes = fetched_and_identified([index_of(file) for file in found]) if layout == "megatron" else ()
        content = self._content([str(layout), *(f"blake3:{file.content}" for file in (*found, *indexes)), *about])
        copy = self.model_copy(update={"layout": layout, "content": content})
        copy._files, copy._indexes, copy._described = found, indexes, dataset
        copy._tokenizer = dataset.tokenizer if dataset else _tokenizer_at(self.tokenizer_file, files)
        return copy

    def _check_alone(self, named: Sequence[Named]) -> None:
        """SpecError if a dataset of ours is named together with what it states itself."""
        if len(named) > 1:
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


def _check_hashes(files: Sequence[File], shards: Sequence[ShardEntry]) -> None:
    for file, shard in zip(files, shards, strict=True):
        if f"blake3:{file.content}" != shard.file_hash:
            raise SpecError(f"'{file.url}': its bytes have changed since it was built", MEND, ("files",))


def _tokenizer_at(name: str | None, files: Files) -> Path | None:
    if name is None:
        return None
    path = expanded(name)
    found = path if path.is_absolute() else files.find(name, "recipes", "tokenizer_file")
    return (found / "tokenizer.json" if found.is_dir() else found).absolute()
