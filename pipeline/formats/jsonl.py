"""JSON lines: `data/train-00000-of-00002.jsonl`, {"text": …} for each document, without its end token.

With rows packing, the line also has the columns of the row: individual, question, prompt, hint, answer; messages,
chosen, rejected. Where `columns` are chosen and input_ids is none of them, it has no text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field as Key_

from pipeline.columns import FIELDS
from pipeline.core.documents import Ragged
from pipeline.core.errors import SpecError
from pipeline.core.json_layouts import STRICT, Count
from pipeline.core.spec import Name
from pipeline.core.table import length_of, values_of
from pipeline.formats import tables, unpacking
from pipeline.formats.format import ExportSpec, FileRecord, Files, Format, FormatKind, Part, Rows, Split, Written

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def is_beside(column: str) -> bool:
    """Whether a column has one value for a whole row, so that it can stand beside the text of the document."""
    return FIELDS[column].per_row and column != "length"


class JsonlSpec(ExportSpec):
    """The options."""

    kind: Literal["jsonl"] = "jsonl"
    broken: Literal["refuse", "replace"] = Key_(
        "refuse", description="Documents that are no whole characters; replace: with U+FFFD for what is none."
    )


class JsonlRecord(FileRecord):
    """The facts of a file."""

    model_config = STRICT

    documents: Count
    columns: list[Name]


class Jsonl(Format):
    """The format."""

    Record: ClassVar[type[FileRecord]] = JsonlRecord
    reads: ClassVar[tuple[str, ...]] = unpacking.READS

    def __init__(self, spec: JsonlSpec) -> None:
        self._broken = spec.broken
        self._texted = spec.columns is None or "input_ids" in spec.columns

    def place(self, split: Split, column: str) -> bool:
        return column in ("input_ids", "length") or (split.rows and is_beside(column))

    def check(self, split: Split) -> None:
        super().check(split)
        unpacking.check_ends(split)

    def write(self, part: Part, rows: Rows, files: Files) -> None:
        with files.create(tables.name_of(part, "jsonl")) as file:
            count, columns = 0, ["text"] * self._texted
            for lines in self._lines(part, rows):
                count += len(lines)
                columns = list(lines[0]) if lines else columns
                file.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())
            file.facts = {"documents": count, "columns": columns}

    def index(self, written: Mapping[str, Sequence[Written]]) -> dict[str, str]:
        return tables.readme(written, "jsonl")

    def _lines(self, part: Part, rows: Rows) -> Iterator[list[dict[str, Any]]]:
        """The JSON object of each document, in batches."""
        if not part.split.rows:
            for documents in unpacking.documents_of(part, rows, leftovers=False):
                yield [{"text": text} for text in self._texts(part.split, rows, documents)]
            return
        (shard,) = part.shards
        for columns in rows.of(shard):
            beside = {name: values_of(columns[name]) for name in columns if is_beside(name)}
            lines: list[dict[str, Any]] = [{} for _ in range(length_of(columns))]
            if self._texted:
                for line, text in zip(lines, self._texts(part.split, rows, unpacking.of_rows(columns)), strict=True):
                    line["text"] = text
            for name, values in beside.items():
                for line, value in zip(lines, values, strict=True):
                    line[name] = value
            yield lines

    def _texts(self, split: Split, rows: Rows, documents: Ragged) -> list[str]:
        """The text of each document, without its end token."""
        documents = unpacking.without_end(documents, split.end)
        texts = rows.texts(documents)
        shown = np.flatnonzero([REPLACEMENT in text for text in texts])  # invalid UTF-8, or a true U+FFFD
        if self._broken == "refuse" and shown.size and rows.broken(documents.take(shown)):
            raise SpecError(
                f"split '{split.name}': the tokens of a document are no whole characters, and text cannot hold them",
                "Export token ids to another format, or set broken=replace.",
                ("broken",),
            )
        return texts


KIND = FormatKind(JsonlSpec, Jsonl, "documents: their text as JSON lines, which `load_dataset` opens")
