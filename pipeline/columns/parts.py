"""`parts`: the parts of documents and their roles: tag, prompt, answer, mistake, what takes it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pipeline.columns.column import ColumnKind, PackedDocuments, SplitSize, marked
from pipeline.columns.fields import Records
from pipeline.columns.spans import ENTRY
from pipeline.core.table import Column

if TYPE_CHECKING:
    from pipeline.sources.source import Source

MARKED = 3  # parts of a document, about


class Parts(ColumnKind):
    """For each row, records (start, length, role) of its parts, cut as spans are. role: an index into ROLES."""

    name = "parts"
    order = 5
    summary = "start, length and role (tag, prompt, answer, mistake, …) of the parts of documents in a row"
    fields: ClassVar = {name: Records(start="int32", length="int32", role="uint8")}

    def needs_parts(self, sources: Sequence[Source]) -> bool:
        return True

    def bytes(self, size: SplitSize) -> int:
        return size.documents * MARKED * ENTRY + size.segments * 4

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        return {self.name: marked(packed.sequences.parts(), "role")}

    def meaning(self, split: Mapping[str, Any]) -> str:
        return f"`parts.role` is an index into {split['roles']}"


COLUMN = Parts()
