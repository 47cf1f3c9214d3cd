"""`tree`: to which constituents each token of a sentence belongs (Part 1: ancestors and boundaries, for probes)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pipeline.columns.column import ColumnKind, PackedDocuments, PlannedSplit, SplitSize
from pipeline.columns.fields import Dense, Levels
from pipeline.core.errors import SpecError
from pipeline.core.table import Column

if TYPE_CHECKING:
    from pipeline.sources.source import Source

LEVELS = 6  # of a grammar above its terminals, about


class Tree(ColumnKind):
    """The symbols above each token, and how many of their constituents end with it.

    ancestors: int16 (S, L, levels - 1), numbers of symbols in the grammar, from the root down; -1 above tokens outside
    of the sentence, such as BOS and padding. boundaries: uint8 (S, L), how many end.
    """

    name = "tree"
    order = 9
    summary = "ancestors and boundaries of every token of a sentence"
    fields: ClassVar = {"ancestors": Levels("int16"), "boundaries": Dense("uint8")}
    facts: ClassVar = {"symbols": list[str]}

    def check(self, split: PlannedSplit) -> None:
        """SpecError unless the split has one source, a grammar, with at most 32,768 symbols and 255 levels."""
        from pipeline.sources.abilities import Parsed

        (source, *others) = split.sources.values()
        if others or not isinstance(source, Parsed):
            at = split.at(self.name)
            raise SpecError("trees are those of one source of a grammar", "Give it a split of its own.", at)
        split.check_range(self.name, "symbols", len(source.symbols), 2**15, "Take a smaller grammar, or leave it out.")
        remedy = "Take fewer levels, or leave it out."
        split.check_range(self.name, "symbols above a token", source.depth, 2**8 - 1, remedy)

    def bytes(self, size: SplitSize) -> Fraction:
        return size.tokens * (1 + 2 * LEVELS)

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        from pipeline.sources.abilities import Parsed

        (source,) = packed.sources
        assert isinstance(source, Parsed), "the plan refuses it"
        above, ends = source.trees(packed.item, packed.exposure)
        sequences = packed.sequences
        start, length, document, offset = sequences.segments.values.T
        row = np.repeat(np.arange(len(sequences)), sequences.segments.lengths)
        within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        target = np.repeat(row * sequences.input_ids.shape[1] + start, length) + within
        origin = np.repeat(above.offsets[document] + offset, length) + within
        ancestors = np.full((sequences.input_ids.size, above.values.shape[1]), -1, np.int16)
        boundaries = np.zeros(sequences.input_ids.size, np.uint8)
        ancestors[target], boundaries[target] = above.values[origin], ends[origin]
        shape = sequences.input_ids.shape
        return {"ancestors": ancestors.reshape(*shape, ancestors.shape[1]), "boundaries": boundaries.reshape(shape)}

    def facts_of(self, sources: Sequence[Source]) -> dict[str, Any]:
        from pipeline.sources.abilities import Parsed

        (source,) = sources
        assert isinstance(source, Parsed), "the plan refuses it"
        return {"symbols": list(source.symbols)}


COLUMN = Tree()
