"""exam: answers that the model generates to the questions of a split, scored against the stored ones (Part 3.1)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.laboratory.measures.answers import AnswersSpec
from pipeline.laboratory.measures.measure import MeasureKind

if TYPE_CHECKING:
    from pipeline.dataset import Dataset


class ExamSpec(AnswersSpec):
    """Answers to questions: the accuracy over all rows, and that of each question."""

    kind: Literal["exam"]

    def numbers_of(self, data: Dataset, predictions: Path) -> dict[str, float]:
        """accuracy, the exact match over all rows; and `accuracy.<question>` of each."""
        from pipeline.evaluate.scoring import score

        scores = score(data.folder.url, self.split, predictions)
        each = {f"accuracy.{question}": tally.accuracy for question, tally in scores.questions.items()}
        return {"accuracy": scores.micro.accuracy, **each}


EXAM = MeasureKind("exam", ExamSpec, "Answers to questions, scored against the stored ones.")
