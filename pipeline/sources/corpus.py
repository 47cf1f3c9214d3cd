"""Ordinary text from files of the user's: JSON lines, Parquet or plain text, one document a row.

The control of Part 3.1, appendix G, where half of the training is on other text.

    files ──looked at row by row, once──► <cache>/<content>.arrow ──memory map──► rows ──tokenizer──► documents

A corpus may be larger than memory, and all that a worker is sent of it is its path. The copy, in the user's cache, is
named after what the files hold, so that rows are never those of an earlier or a later version of them.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from blake3 import blake3
from pydantic import Field as Key_
from pydantic import PrivateAttr

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError, holds_surrogate, suggest
from pipeline.core.files import Files
from pipeline.core.permutation import Permutation
from pipeline.sources.source import SAMPLE, Context, DocumentsSpec, mask_of, number_of
from pipeline.worlds.world import World

READING = 1  # raised whenever the same files would give other rows
BATCH = 1000  # rows of a record batch: row r is in batch r // BATCH
CHUNK = 1024  # documents that are encoded together
_KINDS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".txt": "text"}


class CorpusSpec(DocumentsSpec):
    """One document a row."""

    kind: Literal["corpus"]
    files: str | list[str] = Key_(
        exclude=True,
        description="Paths of .jsonl or .json (an object a line), .parquet, or .txt (a document a line), all alike.",
    )
    column: str = Key_("text", description="Of .jsonl and .parquet: where the text stands.")
    content: str | None = Key_(
        None, description="BLAKE3 of the files, filled in by itself; files that differ are refused."
    )
    _paths: tuple[Path, ...] = PrivateAttr(default=())

    def materialise(self, files: Files) -> Self:
        """The same, with the content of its files. SpecError where they cannot be read, or are not those meant."""
        named = [self.files] if isinstance(self.files, str) else self.files
        if not named:
            raise SpecError("no files", "Give at least one path.", ("files",))
        paths = tuple(_found(name, files) for name in named)
        for path in paths:
            if _KINDS.get(path.suffix) is None or _KINDS[path.suffix] != _KINDS.get(paths[0].suffix):
                raise SpecError(
                    f"cannot read '{path.name}'", f"Give files of one kind: {', '.join(_KINDS)}.", ("files",)
                )
        content = _hash(paths)
        if self.content is not None and self.content != content:
            raise SpecError(
                f"the files are not those that the recipe was made with ({self.content})",
                "Name the right ones, or remove `content`.",
                ("content",),
            )
        copy = self.model_copy(update={"content": content})
        copy._paths = paths
        return copy


class Corpus:
    """The source: item i is row i, the same at every exposure. Its mean length is that of a keyed sample of rows."""

    labels: tuple[str, ...] = ("",)
    exposures: int | None = 1
    longest: int | None = None
    world: World | None = None
    mean_tokens: Fraction
    notices: tuple[str, ...]

    def __init__(self, spec: CorpusSpec, context: Context) -> None:
        assert spec.content is not None, "the spec is materialised"
        self._rows = Rows(spec._paths, spec.column, spec.content)
        self._tokenizer = context.tokenizer
        tag = spec.tag.piece() if spec.tag else None
        self._token = [self._tokenizer.backend.token_to_id(tag.text)] if tag and tag.special else []
        self._words = f" {tag.text}" if tag and not tag.special else ""
        self.roles = ("tag",) * (tag is not None)
        self.mask = mask_of(spec, self.roles)
        if not len(self):
            raise SpecError("the files hold no rows", "Give others.", ("files",))
        order = Permutation(len(self), context.key.child("sample"))
        sample = order(np.arange(min(SAMPLE, len(self)), dtype=np.int64))
        told = self.documents(sample, sample, spans=False)
        self.mean_tokens = Fraction(len(told.tokens.values), len(told))
        near = f"its mean length is that of {SAMPLE:,} of its rows, so shares are near, not exact"
        self.notices = (near,) if len(self) > SAMPLE else ()

    def __len__(self) -> int:
        return len(self._rows)

    def individuals(self, item: I64) -> I64:
        raise NotImplementedError("a corpus is about nobody")

    def topics(self, item: I64) -> list[str]:
        return [""] * item.size

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The rows `item` (d,), encoded; the exposure plays no part. They have no spans; a tag is their only part."""
        firsts = range(0, max(item.size, 1), CHUNK)
        return Documents.concat([self._told(item[first : first + CHUNK], spans, parts) for first in firsts])

    def _told(self, item: I64, spans: bool, parts: bool) -> Documents:
        before = self._words and f"{self._words} "
        encodings = self._tokenizer.plain([before + text for text in self._rows.texts(item)])
        dtype, end = self._tokenizer.dtype, [self._tokenizer.eos]
        ids = [np.array(self._token + encoding.ids + end, dtype) for encoding in encodings]
        lengths = np.array([len(document) for document in ids], np.int64)
        tokens = Ragged(np.concatenate([np.empty(0, dtype), *ids]), offsets_of(lengths))
        return Documents(tokens, _marked(len(ids), []) if spans else None, self._parts(encodings) if parts else None)

    def _parts(self, encodings: list[Any]) -> Ragged:
        """The tag at the beginning of every document: its token, or the tokens that show one of its characters."""
        if not self.roles:
            return _marked(len(encodings), [])
        inside = [sum(begin < len(self._words) for begin, _ in encoding.offsets) for encoding in encodings]
        return _marked(len(encodings), [(0, len(self._token) + tokens, number_of("tag")) for tokens in inside])


def _marked(documents: int, rows: list[tuple[int, int, int]]) -> Ragged:
    """One row (start, length, what) a document, or none."""
    per_document = np.full(documents, bool(rows), np.int64)
    return Ragged(np.array(rows, np.int32).reshape(-1, 3), offsets_of(per_document))


@dataclass(frozen=True)
class Rows:
    """The texts of files, one after the other. Pickles to their paths; opened where it is first asked."""

    paths: tuple[Path, ...]
    column: str
    content: str

    def __len__(self) -> int:
        batches: int = self._mapped.num_record_batches
        return (batches - 1) * BATCH + self._mapped.get_batch(batches - 1).num_rows if batches else 0

    def texts(self, rows: I64) -> list[str]:
        """The text of each row (d,)."""
        return [self._mapped.get_batch(row // BATCH).column(0)[row % BATCH].as_py() for row in rows.tolist()]

    @cached_property
    def _mapped(self) -> Any:
        """The copy of the rows, memory-mapped; made where there is none. SpecError where that fails."""
        import pyarrow

        name = blake3(f"{READING} {self.content} {self.column}".encode()).hexdigest(16)
        copy = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pretraining-recipes", f"{name}.arrow")
        try:
            if not copy.exists():
                self._make(copy)
            return pyarrow.ipc.open_file(pyarrow.memory_map(str(copy)))
        except (OSError, ValueError) as error:  # ValueError: pyarrow's, of a file that is not Arrow's
            raise SpecError(
                f"cannot copy the rows to {copy}: {' '.join(str(error).split())}",
                "Remove it if it is there; XDG_CACHE_HOME can name another place.",
                ("files",),
            ) from None

    def _make(self, copy: Path) -> None:
        """Write the copy, which takes its name when it is whole. One process a machine does it, the others wait."""
        copy.parent.mkdir(parents=True, exist_ok=True)
        with open(copy.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if copy.exists():
                return
            if _hash(self.paths) != self.content:
                raise SpecError("the files have changed since the plan was made", "Run the same command.", ("files",))
            partial = copy.with_suffix(".partial")
            try:
                _write(chain.from_iterable(_texts(path, self.column) for path in self.paths), partial)
                partial.rename(copy)
            finally:
                partial.unlink(missing_ok=True)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_mapped"}


def _write(texts: Iterator[str], path: Path) -> None:
    """An Arrow file of one column, BATCH rows in each record batch but the last."""
    import pyarrow

    schema = pyarrow.schema({"text": pyarrow.large_string()})
    with open(path, "wb") as raw, pyarrow.ipc.new_file(raw, schema) as writer:
        while batch := list(islice(texts, BATCH)):
            writer.write_batch(pyarrow.record_batch({"text": pyarrow.array(batch, pyarrow.large_string())}))


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _found(name: str, files: Files) -> Path:
    """The file of this name: an absolute path, or one beside the recipe, or in the library."""
    path = Path(name) if os.path.isabs(name) else files.find(name, "recipes", "files")
    if not os.path.isfile(path):  # which, unlike Path.is_file, takes any name
        raise SpecError(f"no file '{path}'", "Look at the path.", ("files",))
    return path.absolute()  # workers have other working directories


def _hash(paths: tuple[Path, ...]) -> str:
    """BLAKE3 of the kinds and contents of the files, in order; where they lie plays no part."""
    state = blake3()
    for path in paths:
        try:
            content = blake3(max_threads=blake3.AUTO).update_mmap(path)
        except OSError as error:
            raise SpecError(
                f"cannot read '{path}': {error.strerror or error}", "Look at its rights.", ("files",)
            ) from None
        state.update(_KINDS[path.suffix].encode() + content.digest())
    return f"blake3:{state.hexdigest()}"


def _texts(path: Path, column: str) -> Iterator[str]:
    """The rows of a file, in order. SpecError, naming the row, for one without a text."""
    match _KINDS[path.suffix]:
        case "json":
            return _of_json(path, column)
        case "parquet":
            return _of_parquet(path, column)
        case _:
            return (line for _, line in _lines(path))


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a file that are not blank, each after its place, `file:line`."""
    with open(path, "rb") as file:
        for number, raw in enumerate(file, 1):
            place = f"{path}:{number}"
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                raise SpecError(f"{place} is not UTF-8", "Convert the file.", ("files",)) from None
            if line.strip():
                yield place, line


def _of_json(path: Path, column: str) -> Iterator[str]:
    for place, line in _lines(path):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise SpecError(f"{place} is not a JSON object", "Write one object a line.", ("files",))
        if column not in row:
            raise SpecError(f"{place} has no column '{column}'", suggest(column, row), ("column",))
        text = row[column]
        if not isinstance(text, str) or holds_surrogate(text):
            raise SpecError(f"{place} has no text in '{column}'", 'Remove the row, or write "".', ("column",))
        yield text


def _of_parquet(path: Path, column: str) -> Iterator[str]:
    from pyarrow import parquet, types

    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            if column not in schema.names:
                raise SpecError(f"{path} has no column '{column}'", suggest(column, schema.names), ("column",))
            kind = schema.field(column).type
            if not (types.is_string(kind) or types.is_large_string(kind)):
                raise SpecError(f"the column '{column}' of {path} is of {kind}", "Name one of texts.", ("column",))
            batches = file.iter_batches(BATCH, columns=[column])
            for row, text in enumerate(chain.from_iterable(batch.column(0).to_pylist() for batch in batches)):
                if text is None:
                    raise SpecError(f"row {row} of {path} has no text in '{column}'", "Remove it.", ("column",))
                yield text
    except (OSError, ValueError) as error:  # pyarrow's own are of these
        raise SpecError(
            f"cannot read {path}: {' '.join(str(error).split())}", "It must be Parquet.", ("files",)
        ) from None
