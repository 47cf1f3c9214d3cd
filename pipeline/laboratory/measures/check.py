"""check: answers that the model generates to problems and puzzles, verified step by step (Parts 1, 2 and 4)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.laboratory.measures.answers import AnswersSpec
from pipeline.laboratory.measures.measure import MeasureKind

if TYPE_CHECKING:
    from pipeline.dataset import Dataset


class CheckSpec(AnswersSpec):
    """Answers to problems: the share that the verifier of their kind finds right."""

    kind: Literal["check"]

    def numbers_of(self, data: Dataset, predictions: Path) -> dict[str, float]:
        """accuracy, the share of right answers; and `accuracy.<size>` of the problems of each size."""
        from pipeline.evaluate.checking.files import check_split
        from pipeline.evaluate.checking.kinds import rules_for

        report = check_split(data, self.split, predictions, rules_for(data, self.split, None, {}))
        each = {f"accuracy.{size}": report.tallies[size].accuracy for size in sorted(report.tallies)}
        return {"accuracy": report.all.accuracy, **each}


CHECK = MeasureKind("check", CheckSpec, "Answers to problems, verified step by step.")
