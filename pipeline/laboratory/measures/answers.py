"""AnswersSpec, the base of measures for which a model answers the rows of a split by generation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from pipeline.laboratory.measures.measure import MeasureSpec, Subject


class AnswersSpec(MeasureSpec):
    """Answers that the model generates: the share of right ones."""

    NUMBERS: ClassVar[tuple[str, ...]] = ("accuracy",)

    rows: Annotated[int, Field(ge=1)] = Field(2000, description="The first so many rows of the split are asked.")
    tokens: Annotated[int, Field(ge=1)] = Field(48, description="The longest answer.")

    def columns(self) -> tuple[str, ...]:
        return ("answers",)

    def predictions(self, name: str, subject: Subject) -> Path:
        """Have the model answer; the file of its answers, `<name>.jsonl`, as `score` and `check` read it."""
        from pipeline.laboratory.examination import write_predictions

        path = subject.folder / f"{name}.jsonl"
        write_predictions(subject.model, subject.data, self.split, path, rows=self.rows, most=self.tokens)
        return path
