"""Report: how many answers are right, and what is wrong with the others, as two tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from pipeline.evaluate.alignment import aligned
from pipeline.evaluate.checking.verdict import Finding, Said, Why


@dataclass
class Tally:
    """Sums over answers: their number, the right ones, and, over the right ones, the numbers in verdicts."""

    answers: int = 0
    correct: int = 0
    sums: Counter[str] = field(default_factory=Counter)

    @property
    def accuracy(self) -> float:
        """The share of right answers, 0 to 1."""
        return self.correct / self.answers

    def row(self, name: str, counted: tuple[str, ...]) -> list[str]:
        """A row of the table; the means of `counted` are over the right answers."""
        means = [f"{self.sums[number] / self.correct:.2f}" if self.correct else "" for number in counted]
        return [name, f"{self.answers:,}", f"{self.correct:,}", f"{self.accuracy:.2%}", *means]


@dataclass
class Report:
    """Tallies of verdicts.

    by: name of the size that results are broken down by; "" for none. noun: what the tables call answers. counted:
    numeric fields of verdicts to average. tallies: size → tally of the answers to problems of that size.
    """

    by: str
    noun: str = "answers"
    counted: tuple[str, ...] = ()
    all: Tally = field(default_factory=Tally)
    tallies: defaultdict[int, Tally] = field(default_factory=lambda: defaultdict(Tally))
    reasons: Counter[Why | Said] = field(default_factory=Counter)

    def add(self, size: int, verdict: Finding) -> None:
        """Count the verdict on the answer to a problem of this size."""
        for tally in (self.all, self.tallies[size]):
            tally.answers += 1
            tally.correct += verdict.ok
            if verdict.ok:
                tally.sums.update({number: getattr(verdict, number) for number in self.counted})
        if verdict.reason is not None:
            self.reasons[verdict.reason] += 1

    def lines(self) -> list[str]:
        """Two tables to print: by size, and by what is wrong."""
        table = [[self.by, self.noun, "correct", "accuracy", *(number.replace("_", " ") for number in self.counted)]]
        table += [self.tallies[size].row(str(size), self.counted) for size in sorted(self.tallies) if self.by]
        lines = aligned([*table, self.all.row("all", self.counted)])
        if self.reasons:
            wrong = [["wrong", self.noun, "share"]]
            each = self.reasons.most_common()
            wrong += [[reason, f"{count:,}", f"{count / self.all.answers:.2%}"] for reason, count in each]
            meanings = ["", *(reason.meaning for reason, _ in each)]
            pairs = zip(aligned(wrong), meanings, strict=True)
            lines += ["", *(f"{line}  {meaning}".rstrip() for line, meaning in pairs)]
        return lines
