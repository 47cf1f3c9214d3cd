"""Ordinary text from the user's files: JSON lines, Parquet, Arrow, CSV or plain text, one document a row.

Used as the control of Part 3.1, appendix G, where half of the training data is other text. rows.py reads the rows: a
corpus may be larger than memory, and workers receive only its path.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.core.notices import information
from pipeline.core.permutation import Permutation
from pipeline.core.system import kept_arrays
from pipeline.core.system.reliance import rely_on
from pipeline.sources.corpus.beside import write
from pipeline.sources.corpus.described import facts_of, notices_of
from pipeline.sources.corpus.lengths import IDS, LENGTHS, RowLengths
from pipeline.sources.corpus.spec import CorpusSpec
from pipeline.sources.corpus.texts import RowTexts
from pipeline.sources.corpus.windows import WindowedRows
from pipeline.sources.files.file import File
from pipeline.sources.lengths import SAMPLE
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import Context, Source, mask_of, number_of
from pipeline.text.offsets import tokens_within

MEAN = "mean"  # what is kept: tokens and documents of the sample
BY_TOKENIZERS = 1.1e6  # tokens a second of one core where gigatoken does not encode


class Corpus(Source):
    """Item i is row i, or window i of the rows where they are split; it is the same at every exposure.

    The mean length is that of all rows, or that of a keyed sample of them.
    """

    from_files = True

    def __init__(self, spec: CorpusSpec, context: Context) -> None:
        self._tokenizer = context.tokenizer
        tag = spec.tag.piece() if spec.tag else None
        self._words = f" {tag.text}" if tag and not tag.special else ""
        self._lead = self._tokenizer.ids_of([tag.text] if tag and tag.special else [])
        self.roles = ("tag",) * (tag is not None)
        self.mask = mask_of(spec, self.roles)
        self._rows = spec.rows()
        if not len(self._rows):
            raise SpecError("the files hold no rows", "Give others.", ("files",))
        refused = self._tokenizer.special if spec.specials == "refuse" else ()
        sampling = context.key.child("sample")
        self._texts = RowTexts.of(self._rows, self._tokenizer, self._words, sampling, refused)
        self._lengths, self._windows = self._counted(spec)
        self.mean_tokens = self._mean(sampling, spec.specials)
        self._beside = spec.name_beside
        named = 1 if isinstance(spec.files, str) else len(spec.files)
        self.notices = (*notices_of(self._rows, named), *self._texts.encoder.notices)
        self.origin = facts_of(self._rows, spec.identity)
        self.speed = None if self._texts.encoder.verdict.release else BY_TOKENIZERS
        if self._lengths is None and len(self) > SAMPLE:
            near = f"its mean length is that of {SAMPLE:,} of its rows, so shares are near, not exact"
            self.notices += (information(f"{near}; `balance: exact` counts all"),)

    def __len__(self) -> int:
        return len(self._windows or self._texts)

    @property
    def files(self) -> tuple[File, ...]:
        """The files of its rows."""
        return self._rows.files

    @property
    def blocks(self) -> I64 | None:
        """The first document of each block of rows, then the number of documents: int64 (b + 1,), with `order: blocks`.

        None where rows are read one by one from all over.
        """
        if self._rows.order == "global":
            return None
        return self._windows.before(self._rows.blocks) if self._windows else self._rows.blocks

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The rows, or windows, `item` (d,), encoded; the exposure is ignored. No spans; the only part is a tag."""
        end = self._tokenizer.ids_of([self._tokenizer.eos_token])
        if self._windows is None:
            tokens = self._texts.surrounded(item, self._lead, end)
        else:
            tokens = self._windows_of(self._windows, item, end)
        return Documents(tokens, _marked(len(item), []) if spans else None, self._parts(item) if parts else None)

    def _windows_of(self, windows: WindowedRows, item: I64, end: NDArray[Any]) -> Ragged:
        """The windows `item` (d,): from what their rows were encoded to, or of their rows, encoded now."""
        rows, firsts, lengths = windows.at(item)
        pieces = windows.lengths.pieces(rows, firsts, lengths)
        if pieces is not None:
            return pieces.surrounded(self._lead, end)
        rows, places = np.unique(rows, return_inverse=True)  # a row is encoded once
        whole = self._texts.ids(rows)
        windows.lengths.check(rows, whole.lengths)
        return whole.excerpts(places, firsts, lengths, self._lead, end)

    def beside(self) -> tuple[str, Callable[[BinaryIO], None]] | None:
        """What is known of its files: see beside.py."""
        counted = [self._lengths.entry] if self._lengths else []
        if not (counted or self._rows.has_entries):
            return None
        return self._beside, lambda file: write(file, self._beside, chain(self._rows.entries(), counted))

    def lengths(self, item: I64, exposure: I64) -> I64 | None:
        """The tokens of each document, int64 (d,), where those of all rows were counted; None elsewhere."""
        if self._lengths is None:
            return None
        of_text = self._windows.at(item).lengths if self._windows else self._lengths.of_rows[item]
        return of_text + len(self._lead) + 1

    def _counted(self, spec: CorpusSpec) -> tuple[RowLengths | None, WindowedRows | None]:
        """The lengths of all rows, where they are asked for, and the windows, where rows are split."""
        if spec.split is None and spec.balance == "sample":
            return None, None
        if spec.split and self._words:
            raise SpecError(
                "a tag of plain text is part of the row that it stands before, and cannot stand before each window",
                "Name a special token: `tag: <news>`.",
                ("tag",),
                [("tag",), ("split",)],
            )
        named = [self._rows.named, self._tokenizer.content_hash, self._words, spec.specials]
        lengths = RowLengths(self._texts, json.dumps(named), IDS if spec.split else LENGTHS)
        return lengths, WindowedRows(lengths, spec.split.tokens, spec.split.overlap) if spec.split else None

    def _mean(self, sampling: Key, specials: str) -> Fraction:
        """The mean tokens of a document: exact where all rows are counted, else of a keyed sample, drawn once."""
        if self._lengths is not None:
            total = self._windows.total if self._windows else int(self._lengths.of_rows.sum())
            return Fraction(total, len(self)) + len(self._lead) + 1
        verdict = self._texts.encoder.verdict
        lead = self._lead.tolist()
        depends_on = [
            self._rows.named,
            self._tokenizer.content_hash,
            self._words,
            lead,
            specials,
            str(sampling),
            SAMPLE,
        ]
        named = json.dumps([*depends_on, verdict.refuted]) + self._rows.here
        if found := kept_arrays.kept(MEAN, named):
            if verdict.stands:
                rely_on(verdict.proof)
            return Fraction(*found.facts)
        sample = Permutation(len(self), sampling)(np.arange(min(SAMPLE, len(self)), dtype=np.int64))
        documents = self.documents(sample, sample, spans=False)
        counts = [len(documents.tokens.values), len(documents)]
        if not verdict.refuted:
            kept_arrays.keep(MEAN, named, counts)
        return Fraction(*counts)

    def _parts(self, item: I64) -> Ragged:
        """The tag at the beginning of every document: its special token, or the tokens of its text."""
        if not self.roles:
            return _marked(len(item), [])
        tokens, end = [0] * len(item), len(self._words)
        if end:  # where its last token ends, only the places of characters tell
            texts = self._texts.array(item).to_pylist()
            pairs = zip(self._tokenizer.plain(texts), texts, strict=True)
            tokens = [int(tokens_within(one.offsets, text, [end, len(text)])[0]) for one, text in pairs]
        return _marked(len(item), [(0, len(self._lead) + count, number_of("tag")) for count in tokens])


def _marked(documents: int, rows: list[tuple[int, int, int]]) -> Ragged:
    """The same rows (start, length, role), one or none, for each of `documents` documents."""
    per_document = np.full(documents, bool(rows), np.int64)
    return Ragged(np.array(rows, np.int32).reshape(-1, 3), offsets_of(per_document))


register(
    SourceKind(
        "corpus",
        CorpusSpec,
        Corpus,
        "text of your own: JSON lines, Parquet, Arrow, CSV or plain text, a document a row",
        speed=25e6,  # by gigatoken
        kernels=("pipeline.core.kernels.characters",),
    )
)
