"""check: answers that the model generates to problems and puzzles, verified step by step (Parts 1, 2 and 4)."""

from __future__ import annotations

from typing import Literal

from pipeline.laboratory.measures.answers import AnswersSpec
from pipeline.laboratory.measures.measure import MeasureKind, Subject


class CheckSpec(AnswersSpec):
    """Answers to problems: the share that the verifier of their kind finds right."""

    kind: Literal["check"]

    def measured(self, name: str, subject: Subject) -> dict[str, float]:
        """accuracy, the share of right answers; and `accuracy.<size>` of the problems of each size."""
        from pipeline.evaluate.checking.files import check_split
        from pipeline.evaluate.checking.kinds import rules_for

        rules = rules_for(subject.data, self.split, None, {})
        report = check_split(subject.data, self.split, self.predictions(name, subject), rules)
        each = {f"accuracy.{size}": report.tallies[size].accuracy for size in sorted(report.tallies)}
        return {"accuracy": report.all.accuracy, **each}


CHECK = MeasureKind("check", CheckSpec, "Answers to problems, verified step by step.")
