"""AnswersSpec, the base of measures for which a model answers the rows of a split by generation."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from pipeline.core.errors import PlanError
from pipeline.laboratory.measures.measure import MeasureSpec, Subject

if TYPE_CHECKING:
    from pipeline.dataset import Dataset


class AnswersSpec(MeasureSpec):
    """Answers that the model generates: the share of right ones."""

    NUMBERS: ClassVar[tuple[str, ...]] = ("accuracy",)

    rows: Annotated[int, Field(ge=1)] = Field(2000, description="The first so many rows of the split are asked.")
    tokens: Annotated[int, Field(ge=1)] = Field(48, description="The longest answer.")

    def columns(self) -> tuple[str, ...]:
        return ("answers",)

    def check(self, data: Dataset, context: int) -> None:
        """As of the base; refused is also what `numbers_of` will refuse of the split, and a prompt without room."""
        from pipeline.evaluate.prompts import prompt_ids

        longest = max(map(len, prompt_ids(data, self.split, self.rows)))
        if longest >= context:
            problem = f"a prompt of '{self.split}' has {longest} tokens, and the model has a context of {context}"
            raise PlanError(problem, "Train on longer sequences: packing.length.", data.folder.url)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "no.jsonl"
            path.write_text('{"row": 0, "prediction": ""}\n', "utf-8")
            self.numbers_of(data, path)

    def measured(self, name: str, subject: Subject) -> dict[str, float]:
        """The numbers of the model's answers, which stay, as `<name>.jsonl`."""
        from pipeline.laboratory.examination import write_predictions

        path = subject.folder / f"{name}.jsonl"
        write_predictions(subject.model, subject.data, self.split, path, rows=self.rows, most=self.tokens)
        return self.numbers_of(subject.data, path)

    def numbers_of(self, data: Dataset, predictions: Path) -> dict[str, float]:
        """The numbers of a file of answers to some rows of the split. PipelineError where they cannot be judged."""
        raise NotImplementedError
