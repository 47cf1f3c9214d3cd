"""How many of a file's solutions are right, and what is wrong with the others.

    {"row": 17, "prediction": " Define Park's Lake as a; so a = 4. … so x = q + a = 9 + 4 = 13. 13<|endoftext|>"}
    {"problem": "The number of each Park's Lake equals 4. … How many Bird does Park have?", "solution": "Define …"}

A prediction is read up to the end token, or to a line break that the row's own solution does not have. Behind its last
full stop may stand the answer: a number, behind special tokens or `Answer:`, or alone. An answer that is not said is
not missed, as the last step says it. Special tokens of the layout mean nothing here, save the one that takes back:
decode the model's tokens with them, or there is nothing left of it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from pipeline.checking.problem import Problem, read
from pipeline.checking.solution import Reason, Verdict, check
from pipeline.checking.vocabulary import ProblemError, Vocabulary
from pipeline.core.errors import PipelineError, StorageError
from pipeline.dataset import Dataset
from pipeline.predictions import by_row, lines

OF_PAIRS = 'Each line is {"problem": "…", "solution": "…"}, with "answer": "…" if you like.'
GOLD = 100  # as many rows' own solutions are checked too, so that a wrong modulus does not pass for a bad model
_ANSWER = re.compile(r"(.*\.)\s+(?:Answer:\s*)?(-?[0-9]+)\.?", re.DOTALL)


@dataclass(frozen=True)
class Rules:
    """How solutions are checked; as in `verify`."""

    vocabulary: Vocabulary
    modulus: int | None = 23
    back: str = "[BACK]"
    childless: bool = False

    def read(self, text: str, place: str) -> Problem:
        """ProblemError, with its place, for what is no problem."""
        try:
            return read(text, self.vocabulary, self.modulus, childless=self.childless)
        except ProblemError as error:
            raise ProblemError(error.problem, error.remedy, place) from None

    def check(self, problem: Problem, solution: str, answer: str | None) -> Verdict:
        """The verdict on a solution."""
        return check(problem, solution, answer, modulus=self.modulus, back=self.back)


@dataclass
class Tally:
    """Sums over solutions: all of them, and the right ones with what they define and take back beyond need."""

    solutions: int = 0
    correct: int = 0
    unnecessary: int = 0
    retries: int = 0
    false_retries: int = 0

    def add(self, verdict: Verdict) -> None:
        """Count one."""
        self.solutions += 1
        if verdict.ok:
            self.correct += 1
            self.unnecessary += verdict.unnecessary
            self.retries += verdict.retries
            self.false_retries += verdict.false_retries

    @property
    def accuracy(self) -> float:
        """Wholly right solutions, a fraction of all."""
        return self.correct / self.solutions

    def row(self, name: str) -> list[str]:
        """As it stands in the table: means are over the right solutions."""
        sums = (self.unnecessary, self.retries, self.false_retries)
        means = [f"{total / self.correct:.2f}" if self.correct else "" for total in sums]
        return [name, f"{self.solutions:,}", f"{self.correct:,}", f"{self.accuracy:.2%}", *means]


@dataclass
class Report:
    """What was found. by_operations: operations that the problem needs → its solutions."""

    by_operations: defaultdict[int, Tally] = field(default_factory=lambda: defaultdict(Tally))
    all: Tally = field(default_factory=Tally)
    reasons: Counter[Reason] = field(default_factory=Counter)

    def add(self, problem: Problem, verdict: Verdict) -> None:
        """Count one."""
        self.by_operations[problem.operations].add(verdict)
        self.all.add(verdict)
        if verdict.reason is not None:
            self.reasons[verdict.reason] += 1

    def lines(self) -> list[str]:
        """Two tables to print: by operations, and by what is wrong."""
        table = [["operations", "solutions", "correct", "accuracy", "unnecessary", "retries", "false retries"]]
        table += [self.by_operations[number].row(str(number)) for number in sorted(self.by_operations)]
        lines = _aligned([*table, self.all.row("all")])
        if self.reasons:
            wrong = [["wrong", "solutions", "share"]]
            each = self.reasons.most_common()
            wrong += [[reason, f"{count:,}", f"{count / self.all.solutions:.2%}"] for reason, count in each]
            meanings = ["", *(reason.meaning for reason, _ in each)]
            pairs = zip(_aligned(wrong), meanings, strict=True)
            lines += ["", *(f"{line}  {meaning}".rstrip() for line, meaning in pairs)]
        return lines


def _aligned(table: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in table]


def check_pairs(path: Path, rules: Rules, checked: Callable[[], object] = lambda: None) -> Report:
    """The report on a JSONL file of problems with their solutions; `checked` is called after each.

    PipelineError, with file and line, for lines that are none, and for problems that cannot be read.
    """
    report = Report()
    for place, line in lines(path, ("problem", "solution"), OF_PAIRS, "JSON lines"):
        if not isinstance(line.get("answer", ""), str):
            raise PipelineError('"answer" is not a text', OF_PAIRS, place)
        problem = rules.read(line["problem"], place)
        solution, answer = _parted(line["solution"], None)
        report.add(problem, rules.check(problem, solution, line.get("answer", answer)))
        checked()
    return _filled(report, path)


def check_split(
    folder: str | Path, split: str, path: Path, rules: Rules, checked: Callable[[], object] = lambda: None
) -> Report:
    """The report on a JSONL file of predictions for a split, with `columns: [answers]`, of the dataset in `folder`.

    Lines are as for `score`: one for each row in order, or numbered, in any order and not all of them.

    StorageError where there is no such dataset, split or column; PipelineError, with file and line, for predictions
    that are not as above, and for rows that are no problems or whose own solution or answer is wrong by these rules.
    """
    data = Dataset.at(folder)
    rows = _Rows(data, split, rules.back)
    report = Report()
    for place, row, prediction in by_row(path, len(rows), "JSON lines"):
        at = f"{data.folder.url}, row {row} of '{split}'"
        text, gold, stored = rows[row]
        problem = rules.read(text, at)
        if report.all.solutions < GOLD:
            _check_gold(rules, problem, rows.parted(gold, gold), at)
        solution, answer = rows.parted(prediction, gold)
        verdict = rules.check(problem, solution, answer)
        if verdict.ok and stored is not None and stored != str(verdict.value):
            _contradicted(at, f"its answer is {stored}, and {verdict.value} by a solution that is right ({place})")
        report.add(problem, verdict)
        checked()
    return _filled(report, path)


def _check_gold(rules: Rules, problem: Problem, parts: tuple[str, str | None], place: str) -> None:
    """Hold a row's own solution against the rules. A row that has an answer alone is left alone."""
    if parts[0].startswith("Define "):
        verdict = rules.check(problem, *parts)
        if not verdict.ok:
            _contradicted(place, f"its own solution is wrong: {verdict.reason} ({verdict.detail})")


def _contradicted(place: str, problem: str) -> None:
    remedy = "Give the modulus, the text that takes back and the vocabulary of its recipe."
    raise PipelineError(problem, remedy, place)


def _filled(report: Report, path: Path) -> Report:
    if not report.all.solutions:
        raise PipelineError("no solutions", "Give a file with a line for each.", str(path))
    return report


# ── what is said ────────────────────────────────────────────────────────────────────────────────────────────────────


def _parted(text: str, marks: re.Pattern[str] | None) -> tuple[str, str | None]:
    """Solution and answer, None where none is said. marks: special tokens that part them, or stand around them."""
    parts = [part.strip() for part in marks.split(text)] if marks else [text.strip()]
    parts = [part for part in parts if part]
    if len(parts) == 2 and parts[0].endswith("."):
        return parts[0], parts[1].removeprefix("Answer:").strip()
    whole = " ".join(parts)
    if found := _ANSWER.fullmatch(whole):
        return found[1], found[2]
    return whole, None


class _Rows:
    """(problem, solution and answer as the model should say them, number) of each row of a split, read when asked for.

    The number is the stored answer, None where that is no number.
    """

    def __init__(self, data: Dataset, split: str, back: str) -> None:
        if "answers" not in data.split(split)["columns"]:
            raise StorageError(
                f"the rows of the split '{split}' have no answers",
                "Give it `packing: {method: rows}` and `columns: [answers]` in the recipe, and build that.",
                data.folder.url,
            )
        self._end = data.end_of_text()
        special = {token.content for token in data.tokenizer().get_added_tokens_decoder().values() if token.special}
        self._marks = re.compile("|".join(map(re.escape, sorted(special - {back}, key=len, reverse=True))) or "(?!)")
        self._batches = [tuple(map(batch.column, ("prompt", "hint", "answer"))) for batch in data.batches(split)]
        self._starts = list(accumulate((len(batch[0]) for batch in self._batches), initial=0))

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, row: int) -> tuple[str, str, str | None]:
        batch = bisect_right(self._starts, row) - 1
        prompt, hint, answer = (column[row - self._starts[batch]].as_py() for column in self._batches[batch])
        number = re.search(r"-?[0-9]+(?=\.?$)", self._marks.sub("", answer).strip())
        return self._marks.sub(" ", prompt), f"{hint} {answer}", number and number[0]

    def parted(self, text: str, gold: str) -> tuple[str, str | None]:
        """Solution and answer of what is said up to its end."""
        lines = gold.strip().count("\n") + 1
        said = "\n".join(text.strip().partition(self._end)[0].split("\n", lines)[:lines])
        return _parted(said, self._marks)
