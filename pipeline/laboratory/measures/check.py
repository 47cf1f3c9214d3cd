"""check: answers that the model generates to problems and puzzles, verified step by step (Parts 1, 2 and 4)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.laboratory.measures.measure import MeasureKind, MeasureSpec, Subject


class CheckSpec(MeasureSpec):
    """Answers to problems: the share that the verifier of their kind finds right."""

    NUMBERS: ClassVar[tuple[str, ...]] = ("accuracy",)

    kind: Literal["check"]
    rows: Annotated[int, Field(ge=1)] = Field(500, description="The first so many rows of the split are asked.")
    tokens: Annotated[int, Field(ge=1)] = Field(1024, description="The longest answer.")

    def columns(self) -> tuple[str, ...]:
        return ("answers",)

    def measured(self, name: str, subject: Subject) -> dict[str, float]:
        """accuracy, the share of right answers; and `accuracy.<size>` of the problems of each size."""
        from pipeline.evaluate.checking.files import check_split
        from pipeline.evaluate.checking.kinds import rules_for
        from pipeline.laboratory.examination import write_predictions

        path = subject.folder / f"{name}.jsonl"
        write_predictions(
            subject.model, subject.data, self.split, path, rows=self.rows, most=self.tokens, done=subject.done
        )
        report = check_split(subject.data, self.split, path, rules_for(subject.data, self.split, None, {}))
        each = {f"accuracy.{size}": report.tallies[size].accuracy for size in sorted(report.tallies)}
        return {"accuracy": report.all.accuracy, **each}


CHECK = MeasureKind("check", CheckSpec, "Answers to problems, verified step by step.")
