"""`documents`: which documents a row contains, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from pipeline.columns.column import ColumnKind, PackedDocuments, PlannedSplit, SplitSize
from pipeline.columns.fields import Records
from pipeline.core.narrow_integers import narrowed
from pipeline.core.table import Column, Lists

ENTRY = 4 * 4 + 2 + 8  # bytes of a record


class Provenance(ColumnKind):
    """For each row, the segments of documents in it, in order.

    start, length: the segment's tokens in the row. offset: tokens of the document in earlier segments. source: an index
    into `source_names` of the manifest. item, exposure: identify the document among the source's.
    """

    name = "documents"
    order = 3
    summary = "start, length, offset, source, item and exposure of every document in a row"
    fields: ClassVar = {
        name: Records(
            start="int32", length="int32", offset="int32", source="uint16", item="int64", exposure="int32"
        )
    }  # fmt: skip

    def check(self, split: PlannedSplit) -> None:
        """SpecError if the split has more than 65,536 sources."""
        split.check_range(self.name, "sources in one split", len(split.sources), 2**16, "Make several splits.")

    def bytes(self, size: SplitSize) -> int:
        return size.segments * (ENTRY + 4)

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        start, length, document, offset = packed.sequences.segments.values.T
        fields = {
            "start": narrowed(start, np.int32, "token of a sequence"),
            "length": narrowed(length, np.int32, "tokens of a segment"),
            "offset": narrowed(offset, np.int32, "token of a document"),
            "source": packed.source[document],
            "item": packed.item[document],
            "exposure": narrowed(packed.exposure[document], np.int32, "exposure"),
        }
        return {self.name: Lists(packed.sequences.segments.offsets, fields)}

    def meaning(self, split: Mapping[str, Any]) -> str:
        return f"`documents.source` is an index into {split['source_names']}"


COLUMN = Provenance()
