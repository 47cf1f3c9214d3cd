"""exam: answers that the model generates to the questions of a split, scored against the stored ones (Part 3.1)."""

from __future__ import annotations

from typing import Literal

from pipeline.laboratory.measures.answers import AnswersSpec
from pipeline.laboratory.measures.measure import MeasureKind, Subject


class ExamSpec(AnswersSpec):
    """Answers to questions: the accuracy over all rows, and that of each question."""

    kind: Literal["exam"]

    def measured(self, name: str, subject: Subject) -> dict[str, float]:
        """accuracy, the exact match over all rows; and `accuracy.<question>` of each."""
        from pipeline.evaluate.scoring import score

        scores = score(subject.data.folder.url, self.split, self.predictions(name, subject))
        each = {f"accuracy.{question}": tally.accuracy for question, tally in scores.questions.items()}
        return {"accuracy": scores.micro.accuracy, **each}


EXAM = MeasureKind("exam", ExamSpec, "Answers to questions, scored against the stored ones.")
