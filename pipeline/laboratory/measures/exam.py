"""exam: answers that the model generates to the questions of a split, scored against the stored ones (Part 3.1)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.laboratory.measures.measure import MeasureKind, MeasureSpec, Subject


class ExamSpec(MeasureSpec):
    """Answers to questions: the accuracy over all rows, and that of each question."""

    NUMBERS: ClassVar[tuple[str, ...]] = ("accuracy",)

    kind: Literal["exam"]
    rows: Annotated[int, Field(ge=1)] = Field(2000, description="The first so many rows of the split are asked.")
    tokens: Annotated[int, Field(ge=1)] = Field(48, description="The longest answer.")

    def columns(self) -> tuple[str, ...]:
        return ("answers",)

    def measured(self, name: str, subject: Subject) -> dict[str, float]:
        """accuracy, the exact match over all rows; and `accuracy.<question>` of each."""
        from pipeline.evaluate.scoring import score
        from pipeline.laboratory.examination import write_predictions

        path = subject.folder / f"{name}.jsonl"
        write_predictions(
            subject.model, subject.data, self.split, path, rows=self.rows, most=self.tokens, done=subject.done
        )
        scores = score(subject.data.folder.url, self.split, path)
        each = {f"accuracy.{question}": tally.accuracy for question, tally in scores.questions.items()}
        return {"accuracy": scores.micro.accuracy, **each}


EXAM = MeasureKind("exam", ExamSpec, "Answers to questions, scored against the stored ones.")
