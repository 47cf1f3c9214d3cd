"""score: a model's predictions compared with the answers that are stored with the rows of a split.

    prompt  Did Anya Briar Forger choose a luckier major than Loid Forger did?<hint>       a row, as it is stored
    hint    Botany; Public Policy.
    answer  No.

    {"row": 17, "prediction": " Botany; Public Policy. No.<|endoftext|> On which date was"}          a line of JSONL

The rules, after white space around the prediction and the stored texts is removed:

- A prediction ends at the text of the end token, at a line break or at one of the `stops`, and in chats at any special
  token; what follows is ignored. (A line break or stop that the row's hint or answer contains does not end it.) It must
  contain nothing else: a model that continues in the line without an end token is wrong, and so is one that gives a
  hint where the row has none.
- An answer is right if it equals the stored one, case included; its final full stop may be missing.
- Where the row has a hint, the answer is the last sentence. Before it there may be nothing, the right hint, or a text
  that ends a sentence (. ! ?). So a right answer counts after a wrong hint and after none. (After a hint that is not a
  sentence, only the right hint shows where the answer begins.)
- A hint is right if the prediction begins with it, its full stop included, whatever follows.

The rows of a question with a hint are counted as a separate question, `name (hinted)`. The metric is that of Part 3.1,
section 2, and Part 3.2, section 4. How the model generates does not matter.
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
    """Rates, 0 to 1. hint_accuracy: over rows with a hint; None where there are none. baseline: see `Tally`."""

    accuracy: float
    hint_accuracy: float | None
    baseline: float


@dataclass(frozen=True)
class Tally:
    """The predictions for one question, or for all of them.

    rows: with a prediction; correct: with a right answer. hinted: rows with a hint (of one question all or none);
    hints: right hints. baseline: the accuracy of always giving the question's most frequent answer, over all its rows
    in the split, predicted or not.
    """

    rows: int
    correct: int
    hinted: int
    hints: int
    baseline: float

    @property
    def accuracy(self) -> float:
        """The share of rows with a right answer, 0 to 1."""
        return self.correct / self.rows

    @property
    def hint_accuracy(self) -> float | None:
        """The share of right hints among rows with a hint, 0 to 1; None where there are none."""
        return self.hints / self.hinted if self.hinted else None


@dataclass(frozen=True)
class Score:
    """How well the predicted rows of a split are answered. questions: name → its tally, in order of their names."""

    split: str
    questions: Mapping[str, Tally]

    @property
    def micro(self) -> Tally:
        """The tally of all rows; its baseline is the mean, over rows, of the baseline of the row's question."""
        tallies = self.questions.values()
        rows, correct, hinted, hints = (
            sum(getattr(tally, name) for tally in tallies) for name in ("rows", "correct", "hinted", "hints")
        )
        return Tally(rows, correct, hinted, hints, sum(tally.rows * tally.baseline for tally in tallies) / rows)

    @property
    def macro(self) -> Rates:
        """The mean over questions, each with equal weight; of hint_accuracy over the questions with hints."""
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

    Lines are {"prediction": text}, one for each row of the split in the order of the shards; or {"row": 17,
    "prediction": text}, with the row's index from 0, in any order, where rows without a line do not count. Other keys
    and blank lines are ignored. stops: texts, beside end token and line break, that end a prediction, such as
    "Question:" where a model continues with another one. done: called with 1 after each prediction.

    StorageError for an unknown dataset, split or column; PipelineError for an empty stop and, with file and line, for
    lines of another form. Memory: one prediction, a byte for each row, and the distinct answers of each question.
    """
    if not all(stops):
        raise PipelineError("an empty text ends every prediction", "Name what a prediction ends with.", "stops")
    data = Dataset.at(folder)
    rows = _rows_of(data, split)
    ends = (*ends_of(data, split), *stops)
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


def ends_of(data: Dataset, split: str) -> tuple[str, ...]:
    """The texts that end a prediction for a split: the end token, a line break; in chats every special token."""
    ends = (data.end_of_text(), "\n")
    if any(source.get("chat") for source in data.manifest.sources(split)):
        tokens = data.tokenizer().get_added_tokens_decoder().values()
        ends = (*ends, *sorted(token.content for token in tokens if token.special and token.content not in ends))
    return ends


def is_right(prediction: str, ends: Sequence[str], answer: str) -> bool:
    """Whether a prediction, up to the first of the ends, is the answer; the final full stop may be missing."""
    return _is_answer(_until_its_end(prediction, ends, answer.strip()), "", answer.strip())


# ── what counts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _until_its_end(prediction: str, ends: Sequence[str], expected: str) -> str:
    """A prediction up to the first end. As many of each end as `expected` contains are passed over.

    >>> _until_its_end(" Botany. Question: Who", ("<|endoftext|>", "Question:"), "Botany.")
    'Botany.'
    """
    text = prediction.strip()
    return text[: min(_position(text, end, expected.count(end)) for end in ends)].strip()


def _position(text: str, part: str, passed: int) -> int:
    """The index of a part in a text, after `passed` earlier ones; the length of the text where there is none."""
    at = -len(part)
    for _ in range(passed + 1):
        if (at := text.find(part, at + len(part))) < 0:
            return len(text)
    return at


def _is_answer(text: str, hint: str, answer: str) -> bool:
    """Whether a text is the answer, its full stop optional; with a hint, whether the text ends with the answer."""
    forms = (answer, answer.removesuffix(".").removesuffix("。"))
    if text in forms or not hint:
        return text in forms
    before = [text.removesuffix(" " + form) for form in forms if text.endswith(" " + form)]
    return any(start == hint or start.endswith(SENTENCE_ENDS) for start in before)


def _has_hint(text: str, hint: str) -> bool:
    """Whether there is a hint and the text begins with it."""
    return bool(hint) and (text + " ").startswith(hint + " ")


# ── the rows of the split ───────────────────────────────────────────────────────────────────────────────────────────


def _rows_of(data: Dataset, split: str) -> AnswerRows:
    """The rows, with the columns of `_counted`. StorageError where the answers cannot be compared as texts."""
    rows = AnswerRows(data, split, ("question", "hint", "answer"))
    if any("alphabet" in source for source in data.manifest.sources(split)):
        raise StorageError(
            f"the answers of the split '{split}' are symbols, which are not compared as texts",
            "`pipeline check` knows what is right.",
            data.folder.url,
        )
    return rows


def _counted(question: str, hint: str, answer: str) -> tuple[str, str, str]:
    """(question, hint, answer) of a stored row, stripped; the question of a row with a hint is `name (hinted)`."""
    hint, answer = hint.strip(), answer.strip()
    return f"{question} (hinted)" if hint else question, hint, answer


def _baselines(rows: AnswerRows) -> dict[str, float]:
    """Question → the fraction of its rows that have its most frequent answer."""
    answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for question, _, answer in itertools.starmap(_counted, rows):
        answers[question][answer] += 1
    return {question: max(counts.values()) / counts.total() for question, counts in answers.items()}
