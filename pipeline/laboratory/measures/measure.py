"""MeasureSpec, the base of what is measured; MeasureKind, the declaration of a kind; Subject, what is measured."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from pipeline.core.spec import Name, Spec

if TYPE_CHECKING:
    from pipeline.dataset import Dataset
    from pipeline.laboratory.model import GPT


@dataclass(frozen=True)
class Subject:
    """A model, the dataset of its cell, and a folder in which the measure may leave files (predictions, losses)."""

    model: GPT
    data: Dataset
    folder: Path


class MeasureSpec(Spec):
    """What is measured, of which split, and how often."""

    NUMBERS: ClassVar[tuple[str, ...]]
    """The names of the numbers, the main one first; a measure may give more, below these names."""
    PERCENT: ClassVar[bool] = True
    """Whether the main number is a share, which is shown in percent."""
    KINDS: ClassVar[tuple[str, ...]] = ()
    """The kinds of sources that the split may have, one of them; () if any."""
    A_DOCUMENT_A_ROW: ClassVar[bool] = False
    """Whether the split must have a document in each row."""
    WHOLE_ROWS: ClassVar[bool] = False
    """Whether a row must fit into the model's context."""

    kind: str
    split: Name = Field(description="The split whose rows are read.")
    times: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="How often in a run: at equal distances, the last at its end."
    )

    @property
    def digest(self) -> str:
        """Of all that its numbers at the end of a run depend on; `times` is none of it."""
        return hashlib.sha256(self.model_dump_json(exclude={"times"}).encode()).hexdigest()[:16]

    def columns(self) -> tuple[str, ...]:
        """The columns that the split must have."""
        return ()

    def check(self, data: Dataset, context: int) -> None:
        """PlanError where a model of this context (in tokens) cannot be measured on a dataset, which is built."""

    def measured(self, name: str, subject: Subject) -> dict[str, float]:
        """The numbers of a model, by name, the main one first. name: of the measure, for files."""
        raise NotImplementedError


@dataclass(frozen=True)
class MeasureKind:
    """A kind of measure: what `kind` says, its spec, and a line about it."""

    name: str
    spec: type[MeasureSpec]
    summary: str
