"""Checks answers in a file of JSON lines; the problem is in the same line, or in a row of a split."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from pipeline.core.errors import PipelineError, StorageError
from pipeline.dataset import Dataset
from pipeline.evaluate.answers import AnswerRows
from pipeline.evaluate.checking.report import Report
from pipeline.evaluate.checking.verdict import Finding
from pipeline.evaluate.predictions import by_row, lines

GOLD = 100  # rows whose stored answers are checked too, since with wrong rules a good model would look bad
Checked = Callable[[], object]


class Row(NamedTuple):
    """The texts of a row of a split with the column `answers`, as they are stored."""

    prompt: str
    hint: str
    answer: str


class Rules(Protocol):
    """How the answers to one kind of problem are checked. Refusals are PipelineErrors; this module adds their place.

    needs: keys, of texts, that a line with a problem and its answer must have. form: such a line, for messages.
    """

    needs: ClassVar[tuple[str, ...]]
    form: ClassVar[str]

    def report(self) -> Report:
        """An empty report."""

    def within(self, data: Dataset) -> Rules:
        """The same rules, for texts of a dataset."""

    def pair(self, line: Mapping[str, Any]) -> tuple[int, Finding]:
        """(size of the problem, verdict on the answer) of a line."""

    def row(self, row: Row, prediction: str, own: bool) -> tuple[int, Finding]:
        """(size of the problem, verdict on the prediction) for a row. own: check the stored answer of the row first."""


def check_pairs(path: str | Path, rules: Rules, checked: Checked = lambda: None) -> Report:
    """The report on a JSONL file of problems with answers. checked: called after each.

    PipelineError, with file and line, for lines of another form and for problems that cannot be read.
    """
    report = rules.report()
    for place, line in lines(path, rules.needs, rules.form, "JSON lines"):
        with _standing(place):
            report.add(*rules.pair(line))
        checked()
    return _filled(report, path)


def check_split(data: Dataset, split: str, path: str | Path, rules: Rules, checked: Checked = lambda: None) -> Report:
    """The report on a JSONL file of predictions for a split, with `columns: [answers]`, of a dataset.

    Lines are as for `score`: one for each row in order; or numbered, for any rows in any order.

    StorageError for an unknown split or a missing column. PipelineError, with file and line, for lines of another form,
    for rows without a problem, and for rows whose stored answer is wrong by these rules.
    """
    rows = Conversations(data, split) if _of_conversations(data, split) else PlainRows(data, split)
    rules = rules.within(data)
    report = rules.report()
    for _, number, prediction in by_row(path, len(rows), "JSON lines"):
        with _standing(f"{data.folder.url}, row {number} of '{split}'"):
            report.add(*rules.row(rows[number], rows.said(prediction), own=report.all.answers < GOLD))
        checked()
    return _filled(report, path)


class PlainRows:
    """The rows of a split with answers, as rules take them. StorageError for an unknown split or a missing column."""

    def __init__(self, data: Dataset, split: str) -> None:
        self._rows = AnswerRows(data, split, Row._fields)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> Row:
        return Row(*self._rows[number])

    def said(self, prediction: str) -> str:
        """What of a prediction is checked: all of it."""
        return prediction


class Conversations(PlainRows):
    """The same for conversations: the prompt is what the user says last, without the words of the chat template.

    Of a prediction counts what stands before the first special token. StorageError where the rows have no `messages`.
    """

    def __init__(self, data: Dataset, split: str) -> None:
        if "messages" not in data.split(split)["columns"]:
            problem = f"the rows of the split '{split}' are conversations, and do not say what the user asks"
            raise StorageError(problem, "Add `messages` to its columns in the recipe, and build that.", data.folder.url)
        super().__init__(data, split)
        self._messages = AnswerRows(data, split, ["messages"])
        special = (token.content for token in data.tokenizer().get_added_tokens_decoder().values() if token.special)
        self._ends = re.compile("|".join(map(re.escape, sorted(special, key=len, reverse=True))))

    def __getitem__(self, number: int) -> Row:
        (messages,) = self._messages[number]
        asked = [message["content"] for message in messages if message["role"] == "user"]
        return super().__getitem__(number)._replace(prompt=asked[-1])

    def said(self, prediction: str) -> str:
        """What of a prediction is checked."""
        return self._ends.split(prediction, 1)[0]


def _of_conversations(data: Dataset, split: str) -> bool:
    data.split(split)
    return any(source.get("chat") for source in data.manifest.sources(split))


@contextmanager
def _standing(place: str) -> Iterator[None]:
    """Give a PipelineError raised in the block without a place this place."""
    try:
        yield
    except PipelineError as error:
        raise type(error)(error.problem, error.remedy, error.place or place) from None


def _filled(report: Report, path: str | Path) -> Report:
    if not report.all.answers:
        raise PipelineError(f"no {report.noun}", "Give a file with a line for each.", str(path))
    return report
