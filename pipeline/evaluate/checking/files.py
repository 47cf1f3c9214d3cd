"""Answers in a file of JSON lines, held against their problems: those beside them, or those of a split's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from pipeline.core.errors import PipelineError
from pipeline.dataset import Dataset
from pipeline.evaluate.answers import AnswerRows
from pipeline.evaluate.checking.report import Report
from pipeline.evaluate.checking.verdict import Finding
from pipeline.evaluate.predictions import by_row, lines

GOLD = 100  # rows whose own answers are checked too, so that wrong rules do not pass for a bad model
Checked = Callable[[], object]


class Row(NamedTuple):
    """The texts of a row of a split with the column `answers`, as they are stored."""

    prompt: str
    hint: str
    answer: str


class Rules(Protocol):
    """How the answers to one kind of problem are checked. Refusals are PipelineErrors, which get their place here.

    needs: the keys of texts that a line with a problem beside its answer must have. form: how such a line looks.
    """

    needs: ClassVar[tuple[str, ...]]
    form: ClassVar[str]

    def report(self) -> Report:
        """An empty report."""

    def within(self, data: Dataset) -> Rules:
        """The same rules, for texts of a dataset."""

    def pair(self, line: Mapping[str, Any]) -> tuple[int, Finding]:
        """Size of the problem in a line, and the verdict on the answer beside it."""

    def row(self, row: Row, prediction: str, own: bool) -> tuple[int, Finding]:
        """Size of the problem of a row, and the verdict on a prediction. own: check the row's own answer first."""


def check_pairs(path: str | Path, rules: Rules, checked: Checked = lambda: None) -> Report:
    """The report on a JSONL file of problems with their answers. checked: is called after each.

    PipelineError, with file and line, for lines that are none, and for problems that cannot be read.
    """
    report = rules.report()
    for place, line in lines(path, rules.needs, rules.form, "JSON lines"):
        with _standing(place):
            report.add(*rules.pair(line))
        checked()
    return _filled(report, path)


def check_split(data: Dataset, split: str, path: str | Path, rules: Rules, checked: Checked = lambda: None) -> Report:
    """The report on a JSONL file of predictions for a split, with `columns: [answers]`, of a dataset.

    Lines are as for `score`: one for each row in order, or numbered, in any order and not all of them.

    StorageError where there is no such split or column; PipelineError, with file and line, for predictions that are not
    as above, and for rows that are no problems or whose own answer is wrong by these rules.
    """
    rows = AnswerRows(data, split, Row._fields)
    rules = rules.within(data)
    report = rules.report()
    for _, number, prediction in by_row(path, len(rows), "JSON lines"):
        with _standing(f"{data.folder.url}, row {number} of '{split}'"):
            report.add(*rules.row(Row(*rows[number]), prediction, own=report.all.answers < GOLD))
        checked()
    return _filled(report, path)


@contextmanager
def _standing(place: str) -> Iterator[None]:
    """Refusals raised inside without a place get this one."""
    try:
        yield
    except PipelineError as error:
        raise type(error)(error.problem, error.remedy, error.place or place) from None


def _filled(report: Report, path: str | Path) -> Report:
    if not report.all.answers:
        raise PipelineError(f"no {report.noun}", "Give a file with a line for each.", str(path))
    return report
