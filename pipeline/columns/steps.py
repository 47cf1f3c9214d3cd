"""`steps`: what a model can know at each step of a solution (Part 2.1: necessary, dependent, known, ready)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

from pipeline.columns.column import ColumnKind, PackedDocuments, PlannedSplit, SplitSize, check_texts
from pipeline.columns.fields import Records, Single
from pipeline.core.errors import SpecError
from pipeline.core.table import Column

LABELS = 1500  # bytes of the columns for one problem, about


class Steps(ColumnKind):
    """For the problem of each row: operations, mistakes taken back, names of parameters, their labels, and steps.

    A set of parameters is a 64-bit word; bit k stands for line k of `parameters`.
    """

    name = "steps"
    order = 8
    summary = "op, retries, parameters, labels and steps of a solution"
    fields: ClassVar = {
        "individual": Single("int64"),
        "op": Single("int32"),
        "retries": Single("uint8", "int32"),
        "parameters": Single("string"),
        "labels": Records(necessary="uint8", value="int64", depends="uint64"),
        name: Records(position="int32", parameter="uint8", known="uint64", ready="uint64"),
    }

    def check(self, split: PlannedSplit) -> None:
        """SpecError unless each row holds one document, and the split has one source, whose problems have steps."""
        from pipeline.sources.abilities import Stepped

        split.check_rows(self.name)
        if len(split.sources) > 1 or not all(isinstance(source, Stepped) for source in split.sources.values()):
            at = split.at(self.name)
            raise SpecError("steps are those of one source of problems", "Give it a split of its own.", at)

    def check_shard(self, split: PlannedSplit, tokens: Fraction) -> None:
        """SpecError if the texts of a shard may have 2^31 bytes, which `shard_tokens` prevents."""
        check_texts(split, self.name, tokens)

    def bytes(self, size: SplitSize) -> int:
        return size.documents * LABELS

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        from pipeline.sources.abilities import Stepped

        (source,) = packed.sources
        assert isinstance(source, Stepped), "the plan refuses it"
        return {"individual": packed.individual, **source.step_columns(packed.item, packed.exposure)}

    def meaning(self, split: Mapping[str, Any]) -> str:
        return "bit k of `labels.depends`, `steps.known`, `steps.ready` is line k of `parameters`"


COLUMN = Steps()
