"""`segment_ids`: to which document of its sequence each token belongs, for attention within documents."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from pipeline.columns.column import ColumnKind, PackedDocuments, SplitSize
from pipeline.columns.fields import Dense
from pipeline.core.table import Column


class SegmentIds(ColumnKind):
    """uint16 (S, L), or int32 if a sequence has more than 65,535 tokens: 1, 2, … for its documents, 0 for padding."""

    name = "segment_ids"
    order = 2
    summary = "1 for the tokens of a sequence's first document, 2 for the second, …; 0 for padding"
    fields: ClassVar = {name: Dense("uint16", "int32", "uint32")}

    def bytes(self, size: SplitSize) -> Fraction:
        return size.tokens * size.packing.segment_type.itemsize

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        return {self.name: packed.sequences.segment_ids()}


COLUMN = SegmentIds()
