"""`loss_mask`: on which tokens there is loss."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pipeline.columns.column import ColumnKind, PackedDocuments, PlannedSplit, SplitSize
from pipeline.columns.fields import Dense
from pipeline.core.documents import ROLES, Ragged, offsets_of
from pipeline.core.errors import SpecError
from pipeline.core.table import Column

if TYPE_CHECKING:
    from pipeline.sources.source import Source


class LossMask(ColumnKind):
    """uint8 (S, L): 1 for a token with loss; 0 for padding, and for parts of documents that a source masks."""

    name = "loss_mask"
    order = 1
    summary = "1 where there is loss, 0 on padding and on what `mask` of a source takes out"
    fields: ClassVar = {name: Dense("uint8")}

    def needs_parts(self, sources: Sequence[Source]) -> bool:
        return any(source.mask for source in sources)

    def check_missing(self, split: PlannedSplit) -> None:
        """SpecError if a source of the split masks parts of its documents, and the split has no such column.

        Not where trainers read another column than the token ids.
        """
        from pipeline.columns import COLUMNS

        if any(COLUMNS[column].of_trainers for column in split.columns):
            return
        for name, source in split.sources.items():
            if source.mask:
                raise SpecError(
                    f"'{name}' masks {', '.join(source.mask)}, but the split has no loss_mask",
                    "Add it.",
                    ("columns",),
                    [("columns",), ("mixture", name), ("..", "..", "sources", name, "mask")],
                )

    def bytes(self, size: SplitSize) -> Fraction:
        return size.tokens

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        return {self.name: packed.sequences.loss_mask(_masked(packed))}


def _masked(packed: PackedDocuments) -> Ragged | None:
    """The parts of documents without loss, rows (start, length, …); None if there are none."""
    parts = packed.documents.parts
    if parts is None:
        return None
    masks = np.zeros((len(packed.sources), len(ROLES)), bool)
    for number, source in enumerate(packed.sources):
        masks[number, [ROLES.index(role) for role in source.mask]] = True
    document = np.repeat(np.arange(len(packed.documents)), parts.lengths)
    masked = masks[packed.source[document], parts.values[:, 2]]
    counts = np.bincount(document[masked], minlength=len(packed.documents))
    return Ragged(parts.values[masked], offsets_of(counts))


COLUMN = LossMask()
