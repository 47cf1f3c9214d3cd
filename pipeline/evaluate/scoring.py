"""How well a model answers: its predictions held against the answers that stand beside the rows of a split.

    prompt  Did Anya Briar Forger choose a luckier major than Loid Forger did?<hint>       a row, as it is stored
    hint    Botany; Public Policy.
    answer  No.

    {"row": 17, "prediction": " Botany; Public Policy. No.<|endoftext|> On which date was"}          a line of JSONL

What counts, after white space around the prediction and the stored texts is taken away:

- A prediction ends where the text of the end token, a line break or one of the `stops` stands in it. (A line break or
  a stop that the row's own hint and answer have ends nothing.) It may say anything behind, and nothing else: a model
  that goes on within the line without an end token is wrong, as is one that hints where the row does not.
- An answer is right when it is the stored one, character for character, capitals included; its final full stop may be
  missing.
- Where the row has a hint, the last sentence is the answer: what comes before is nothing, the right hint, or a text
  that ends a sentence (. ! ?). So a right answer counts after a wrong hint and after none. (After a hint that is no
  sentence, nothing but the right hint tells where the answer begins.)
- A hint is right when the prediction begins with it, whatever follows, its full stop included.

The rows of a question that have a hint are a question of their own, `name (hinted)`. The metric is that of Part 3.1,
section 2, and Part 3.2, section 4. How the model generates is its own affair.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from pipeline.core.errors import PipelineError, StorageError
from pipeline.core.system.escaping import escaped
from pipeline.dataset import Dataset
from pipeline.evaluate.alignment import aligned
from pipeline.evaluate.answers import AnswerRows
from pipeline.evaluate.predictions import by_row

SENTENCE_ENDS = (".", "!", "?")


@dataclass(frozen=True)
class Rates:
    """Fractions of 1. hint_accuracy: of the rows with a hint; None where there are none. baseline: as in `Tally`."""

    accuracy: float
    hint_accuracy: float | None
    baseline: float


@dataclass(frozen=True)
class Tally:
    """The predictions for one question, or for all of them.

    rows: predicted ones; correct: those of them with the right answer. hinted: those with a hint, of one question all
    or none; hints: right hints. baseline: what the most frequent answer of the question would get on all its rows in
    the split, predicted or not.
    """

    rows: int
    correct: int
    hinted: int
    hints: int
    baseline: float

    @property
    def accuracy(self) -> float:
        """Right answers, a fraction of the rows."""
        return self.correct / self.rows

    @property
    def hint_accuracy(self) -> float | None:
        """Right hints, a fraction of the rows with one; None where there are none."""
        return self.hints / self.hinted if self.hinted else None


@dataclass(frozen=True)
class Score:
    """How well the predicted rows of a split are answered. questions: name → its tally, in order of their names."""

    split: str
    questions: Mapping[str, Tally]

    @property
    def micro(self) -> Tally:
        """Over all rows; the baseline is the mean over them of their questions' baselines."""
        tallies = self.questions.values()
        rows, correct, hinted, hints = (
            sum(getattr(tally, name) for tally in tallies) for name in ("rows", "correct", "hinted", "hints")
        )
        return Tally(rows, correct, hinted, hints, sum(tally.rows * tally.baseline for tally in tallies) / rows)

    @property
    def macro(self) -> Rates:
        """The mean over questions, whatever their rows; of hints over the questions that have some."""
        tallies = self.questions.values()
        hints = [tally.hint_accuracy for tally in tallies if tally.hint_accuracy is not None]
        return Rates(
            accuracy=fmean(tally.accuracy for tally in tallies),
            hint_accuracy=fmean(hints) if hints else None,
            baseline=fmean(tally.baseline for tally in tallies),
        )

    def lines(self) -> list[str]:
        """A table to print: a line for each question, one for their mean, one for all rows."""
        table = [["question", "rows", "correct", "accuracy", "hint accuracy", "baseline"]]
        lines: dict[str, Tally | Rates] = {**self.questions, "mean of questions": self.macro, "all rows": self.micro}
        for name, rates in lines.items():
            counts = [f"{rates.rows:,}", f"{rates.correct:,}"] if isinstance(rates, Tally) else ["", ""]
            hints = "" if rates.hint_accuracy is None else f"{rates.hint_accuracy:.2%}"
            shares = [f"{rates.accuracy:.2%}", hints, f"{rates.baseline:.2%}"]
            table.append([escaped(name) or "(no name)", *counts, *shares])
        if not self.micro.hinted:
            table = [row[:4] + row[5:] for row in table]
        return aligned(table)


def score(
    folder: str | Path,
    split: str,
    predictions: str | Path,
    *,
    stops: Sequence[str] = (),
    done: Callable[[int], object] = lambda _: None,
) -> Score:
    """The score of a JSONL file of predictions for a split, with `columns: [answers]`, of the dataset in `folder`.

    A line is {"prediction": text}, one for each row of the split in its order (that of the shards), or has the number
    of its row, from 0, beside it: {"row": 17, "prediction": text}. Numbered lines come in any order, and rows without
    one do not count. Other keys are ignored, and so are blank lines. stops: texts that end a prediction, beside the end
    token and the line break: "Question:", where a model goes on with another one. done: called with 1 a prediction.

    StorageError where there is no such dataset, split or column; PipelineError for a stop that is empty and, with file
    and line, for predictions that are not as above. Memory: one prediction at a time, a byte a row, and the distinct
    answers of each question.
    """
    if not all(stops):
        raise PipelineError("an empty text ends every prediction", "Name what a prediction ends with.", "stops")
    data = Dataset.at(folder)
    rows = _rows_of(data, split)
    ends = (data.end_of_text(), "\n", *stops)
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])  # as in Tally
    for _, row, prediction in by_row(predictions, len(rows), "predictions"):
        question, hint, answer = _counted(*rows[row])
        text = _until_its_end(prediction, ends, hint + answer)
        right = (True, _is_answer(text, hint, answer), bool(hint), _has_hint(text, hint))
        counts[question] = [count + holds for count, holds in zip(counts[question], right, strict=True)]
        done(1)
    baselines = _baselines(rows)
    tallies = {
        question: Tally(answers, correct, hinted, hints, baselines[question])
        for question, (answers, correct, hinted, hints) in sorted(counts.items())
    }
    return Score(split, tallies)


# ── what counts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _until_its_end(prediction: str, ends: Sequence[str], expected: str) -> str:
    """A prediction up to the first of its ends: each counts from where there are more of it than in what is expected.

    >>> _until_its_end(" Botany. Question: Who", ("<|endoftext|>", "Question:"), "Botany.")
    'Botany.'
    """
    text = prediction.strip()
    return text[: min(_position(text, end, expected.count(end)) for end in ends)].strip()


def _position(text: str, part: str, passed: int) -> int:
    """Where a part stands in a text, the first `passed` of them passed over; the text's length where it does not."""
    at = -len(part)
    for _ in range(passed + 1):
        if (at := text.find(part, at + len(part))) < 0:
            return len(text)
    return at


def _is_answer(text: str, hint: str, answer: str) -> bool:
    """Whether a text is the answer, with or without its full stop; where there is a hint, whether it ends with it."""
    forms = (answer, answer.removesuffix("."))
    if text in forms or not hint:
        return text in forms
    before = [text.removesuffix(" " + form) for form in forms if text.endswith(" " + form)]
    return any(start == hint or start.endswith(SENTENCE_ENDS) for start in before)


def _has_hint(text: str, hint: str) -> bool:
    """Whether there is a hint, and a text begins with it."""
    return bool(hint) and (text + " ").startswith(hint + " ")


# ── the rows of the split ───────────────────────────────────────────────────────────────────────────────────────────


def _rows_of(data: Dataset, split: str) -> AnswerRows:
    """The rows with the columns that `_counted` takes. StorageError where answers are not compared as texts."""
    rows = AnswerRows(data, split, ("question", "hint", "answer"))
    if any("alphabet" in source for source in data.manifest.sources(split)):
        raise StorageError(
            f"the answers of the split '{split}' are symbols, which are not compared as texts",
            "`pipeline check` knows what is right.",
            data.folder.url,
        )
    return rows


def _counted(question: str, hint: str, answer: str) -> tuple[str, str, str]:
    """A stored row as it counts: with hints and without apart, no white space around its texts."""
    hint, answer = hint.strip(), answer.strip()
    return f"{question} (hinted)" if hint else question, hint, answer


def _baselines(rows: AnswerRows) -> dict[str, float]:
    """Question → the fraction of its rows that have its most frequent answer."""
    answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for question, _, answer in itertools.starmap(_counted, rows):
        answers[question][answer] += 1
    return {question: max(counts.values()) / counts.total() for question, counts in answers.items()}
