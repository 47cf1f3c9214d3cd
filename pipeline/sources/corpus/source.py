"""Ordinary text from the user's files: JSON lines, Parquet or plain text, one document a row.

Used as the control of Part 3.1, appendix G, where half of the training data is other text. rows.py reads the rows: a
corpus may be larger than memory, and workers receive only its path.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field as Key_
from pydantic import PrivateAttr

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.files import Files
from pipeline.core.notices import information
from pipeline.core.permutation import Permutation
from pipeline.core.system.open_files import expanded, opened
from pipeline.sources.corpus.rows import FILE_KINDS, Rows, content_of
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import SAMPLE, Context, DocumentsSpec, Source, mask_of, number_of
from pipeline.text.offsets import tokens_within

CHUNK = 1024  # documents that are encoded together


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
        """The same with `content`, a hash of its files. SpecError if they are unreadable, or `content` differs."""
        named = [self.files] if isinstance(self.files, str) else self.files
        if not named:
            raise SpecError("no files", "Give at least one path.", ("files",))
        paths = tuple(_path_of(name, files) for name in named)
        for path in paths:
            if FILE_KINDS.get(path.suffix) is None or FILE_KINDS[path.suffix] != FILE_KINDS.get(paths[0].suffix):
                raise SpecError(
                    f"cannot read '{path.name}'", f"Give files of one kind: {', '.join(FILE_KINDS)}.", ("files",)
                )
        content = content_of(paths)
        if self.content is not None and self.content != content:
            raise SpecError(
                f"the files are not those that the recipe was made with ({self.content})",
                "Name the right ones, or remove `content`.",
                ("content",),
                [("content",), ("files",)],
            )
        copy = self.model_copy(update={"content": content})
        copy._paths = paths
        return copy


class Corpus(Source):
    """Item i is row i, the same at every exposure. The mean length is estimated from a keyed sample of rows."""

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
        documents = self.documents(sample, sample, spans=False)
        self.mean_tokens = Fraction(len(documents.tokens.values), len(documents))
        near = f"its mean length is that of {SAMPLE:,} of its rows, so shares are near, not exact"
        self.notices = (information(near),) if len(self) > SAMPLE else ()

    def __len__(self) -> int:
        return len(self._rows)

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The rows `item` (d,), encoded; the exposure is ignored. There are no spans; the only part is a tag."""
        firsts = range(0, max(item.size, 1), CHUNK)
        return Documents.concat([self._encoded(item[first : first + CHUNK], spans, parts) for first in firsts])

    def _encoded(self, item: I64, spans: bool, parts: bool) -> Documents:
        before = self._words and f"{self._words} "
        texts = [before + text for text in self._rows.texts(item)]
        encodings = self._tokenizer.plain(texts)
        dtype, end = self._tokenizer.dtype, [self._tokenizer.eos]
        ids = [np.array(self._token + encoding.ids + end, dtype) for encoding in encodings]
        lengths = np.array([len(document) for document in ids], np.int64)
        tokens = Ragged(np.concatenate([np.empty(0, dtype), *ids]), offsets_of(lengths))
        return Documents(
            tokens, _marked(len(ids), []) if spans else None, self._parts(encodings, texts) if parts else None
        )

    def _parts(self, encodings: list[Any], texts: list[str]) -> Ragged:
        """The tag at the beginning of every document: its special token, or the tokens of its text."""
        if not self.roles:
            return _marked(len(encodings), [])
        tokens, end = [0] * len(encodings), len(self._words)
        if end:
            begins = ([place for place in encoding.offsets if place[0] < end] for encoding in encodings)
            pairs = zip(begins, texts, strict=True)
            tokens = [int(tokens_within(offsets, text, [end, len(text)])[0]) for offsets, text in pairs]
        return _marked(len(encodings), [(0, len(self._token) + count, number_of("tag")) for count in tokens])


def _marked(documents: int, rows: list[tuple[int, int, int]]) -> Ragged:
    """The same rows (start, length, role), one or none, for each of `documents` documents."""
    per_document = np.full(documents, bool(rows), np.int64)
    return Ragged(np.array(rows, np.int32).reshape(-1, 3), offsets_of(per_document))


def _path_of(name: str, files: Files) -> Path:
    """The file `name`: an absolute path, or relative to the recipe or the library. SpecError if it does not exist."""
    path = expanded(name) if os.path.isabs(expanded(name)) else files.find(name, "recipes", "files")
    try:
        opened(path).close()
    except IsADirectoryError:
        inside = sorted(file.name for file in path.iterdir() if file.suffix in FILE_KINDS)
        remedy = f"Name its files: [{', '.join(f'{name}/{file}' for file in inside[:3])}{', …' * (len(inside) > 3)}]."
        raise SpecError(
            f"'{path}' is a folder", remedy if inside else f"Name files: {', '.join(FILE_KINDS)}.", ("files",)
        ) from None
    except FileNotFoundError:
        raise SpecError(f"no file '{path}'", "Look at the path.", ("files",)) from None
    except OSError as error:
        raise SpecError(f"cannot read '{path}': {error.strerror}", "It must be a file.", ("files",)) from None
    return path.absolute()  # workers have other working directories


register(
    SourceKind(
        "corpus",
        CorpusSpec,
        Corpus,
        "text of your own: JSON lines, Parquet or plain text, a document a row",
        speed=1.1e6,
    )
)
