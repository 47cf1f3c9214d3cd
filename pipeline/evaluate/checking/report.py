"""How many of many answers are right, and what is wrong with the others: two tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from pipeline.evaluate.alignment import aligned
from pipeline.evaluate.checking.verdict import Finding, Why


@dataclass
class Tally:
    """Sums over answers: how many, how many right, and over the right ones the numbers that verdicts count."""

    answers: int = 0
    correct: int = 0
    sums: Counter[str] = field(default_factory=Counter)

    @property
    def accuracy(self) -> float:
        """Wholly right answers, a fraction of all."""
        return self.correct / self.answers

    def row(self, name: str, counted: tuple[str, ...]) -> list[str]:
        """A row of the table; the means of `counted` are over the right answers."""
        means = [f"{self.sums[what] / self.correct:.2f}" if self.correct else "" for what in counted]
        return [name, f"{self.answers:,}", f"{self.correct:,}", f"{self.accuracy:.2%}", *means]


@dataclass
class Report:
    """Tallies of verdicts.

    by: the size that results are broken down by. noun: what answers are called. counted: the fields of verdicts that
    are numbers to be averaged. tallies: size of the problem → answers to problems of that size.
    """

    by: str
    noun: str = "answers"
    counted: tuple[str, ...] = ()
    all: Tally = field(default_factory=Tally)
    tallies: defaultdict[int, Tally] = field(default_factory=lambda: defaultdict(Tally))
    reasons: Counter[Why] = field(default_factory=Counter)

    def add(self, size: int, verdict: Finding) -> None:
        """Count the verdict on the answer to a problem of this size."""
        for tally in (self.all, self.tallies[size]):
            tally.answers += 1
            tally.correct += verdict.ok
            if verdict.ok:
                tally.sums.update({what: getattr(verdict, what) for what in self.counted})
        if verdict.reason is not None:
            self.reasons[verdict.reason] += 1

    def lines(self) -> list[str]:
        """Two tables to print: by size, and by what is wrong."""
        table = [[self.by, self.noun, "correct", "accuracy", *(what.replace("_", " ") for what in self.counted)]]
        table += [self.tallies[size].row(str(size), self.counted) for size in sorted(self.tallies)]
        lines = aligned([*table, self.all.row("all", self.counted)])
        if self.reasons:
            wrong = [["wrong", self.noun, "share"]]
            each = self.reasons.most_common()
            wrong += [[reason, f"{count:,}", f"{count / self.all.answers:.2%}"] for reason, count in each]
            meanings = ["", *(reason.meaning for reason, _ in each)]
            pairs = zip(aligned(wrong), meanings, strict=True)
            lines += ["", *(f"{line}  {meaning}".rstrip() for line, meaning in pairs)]
        return lines
