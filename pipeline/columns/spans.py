"""`spans`: which tokens show the value of which attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pipeline.columns.column import ColumnKind, PackedDocuments, PlannedSplit, SplitSize, marked
from pipeline.columns.fields import Records
from pipeline.core.errors import SpecError
from pipeline.core.table import Column

MOST_ATTRIBUTES = 2**8 - 1  # that a uint8 can number; 0 is not used
ENTRY = 4 + 4 + 1  # bytes of a record


class Spans(ColumnKind):
    """For each row, records (start, length, attribute) of values. A value across a cut has a record in both rows."""

    name = "spans"
    order = 4
    summary = "start, length and attribute of every value of an attribute in a row"
    fields: ClassVar = {name: Records(start="int32", length="int32", attribute="uint8")}
    needs_spans = True

    def check(self, split: PlannedSplit) -> None:
        """SpecError if no source of the split states values of attributes, or these are more than 255."""
        if not any(split.attributes):
            at = split.at(self.name)
            raise SpecError("no source of the split has values to be marked", "Leave the column out.", at)
        check_attributes(split, self.name)

    def bytes(self, size: SplitSize) -> int:
        return size.documents * size.values * ENTRY + size.segments * 4

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        return {self.name: marked(packed.sequences.spans(), "attribute")}

    def meaning(self, split: Mapping[str, Any]) -> str:
        return f"`spans.attribute` is an index into {split['attributes']}"


def check_attributes(split: PlannedSplit, column: str) -> None:
    """SpecError if a split has more attributes than a column can number."""
    attributes = len(split.attributes) - 1
    remedy = "Make splits of fewer worlds, or leave it out."
    split.check_range(column, "attributes in one split", attributes, MOST_ATTRIBUTES, remedy)


COLUMN = Spans()
