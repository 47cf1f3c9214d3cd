"""Solutions of grade-school problems in files: which part of what is said is the solution, and which the answer.

    {"row": 17, "prediction": " Define Park's Lake as a; so a = 4. … so x = q + a = 9 + 4 = 13. 13<|endoftext|>"}
    {"problem": "The number of each Park's Lake equals 4. … How many Bird does Park have?", "solution": "Define …"}

A prediction is read up to the end token, or to a line break that the row's own solution does not have. Behind its last
full stop may stand the answer: a number, behind special tokens or `Answer:`, or alone. An answer that is not said is
not missed, as the last step says it. Special tokens of the layout mean nothing here, save the one that takes back:
decode the model's tokens with them, or there is nothing left of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from pipeline.core.errors import PipelineError
from pipeline.core.system.opening import expanded
from pipeline.dataset import Dataset
from pipeline.evaluate.checking.files import Row
from pipeline.evaluate.checking.igsm.problem import Problem, read
from pipeline.evaluate.checking.igsm.solution import Verdict, check
from pipeline.evaluate.checking.igsm.vocabulary import Vocabulary
from pipeline.evaluate.checking.report import Report

_ANSWER = re.compile(r"(.*\.)\s+(?:Answer:\s*)?(-?[0-9]+)\.?", re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]+(?=\.?$)")


@dataclass(frozen=True)
class IgsmRules:
    """How solutions are checked; as in `verify`. end, marks: the end token and the special tokens of a dataset."""

    vocabulary: Vocabulary
    modulus: int | None = 23
    back: str = "[BACK]"
    childless: bool = False
    end: str = ""
    marks: re.Pattern[str] | None = None

    needs: ClassVar[tuple[str, ...]] = ("problem", "solution")
    form: ClassVar[str] = 'Each line is {"problem": "…", "solution": "…"}, with "answer": "…" if you like.'

    @classmethod
    def of(
        cls,
        modulus: int | str = 23,
        back: str = "[BACK]",
        vocabulary: Path | Mapping[str, Any] | None = None,
        childless: bool = False,
    ) -> IgsmRules:
        """From the words of a recipe or the command line. PipelineError for a vocabulary that is none."""
        if isinstance(vocabulary, Mapping):
            words = Vocabulary.of(vocabulary)
        else:
            words = Vocabulary.at(expanded(vocabulary)) if vocabulary else Vocabulary.standard()
        return cls(words, int(modulus) if modulus != "exact" else None, back, childless)

    @staticmethod
    def said_by(spec: Mapping[str, Any]) -> dict[str, Any]:
        """What a source in a recipe says of them, as keywords of `of`."""
        options = {name: spec[name] for name in ("modulus", "childless", "vocabulary")}
        back = (spec["retry"] or {}).get("back")
        return {**options, "back": back["token"] or back["text"]} if back else options

    def report(self) -> Report:
        """An empty one."""
        return Report("operations", "solutions", ("unnecessary", "retries", "false_retries"))

    def within(self, data: Dataset) -> IgsmRules:
        """The same, for texts of a dataset. StorageError where its tokenizer cannot be read."""
        special = {token.content for token in data.tokenizer().get_added_tokens_decoder().values() if token.special}
        marks = "|".join(map(re.escape, sorted(special - {self.back}, key=len, reverse=True)))
        return replace(self, end=data.end_of_text(), marks=re.compile(marks or "(?!)"))

    def pair(self, line: Mapping[str, Any]) -> tuple[int, Verdict]:
        """Operations that the problem needs, and the verdict on its solution."""
        if not isinstance(line.get("answer", ""), str):
            raise PipelineError('"answer" is not a text', self.form)
        problem = self._read(line["problem"])
        solution, answer = _parted(line["solution"], None)
        return problem.operations, self._check(problem, solution, line.get("answer", answer))

    def row(self, row: Row, said: str, own: bool) -> tuple[int, Verdict]:
        """Operations that the problem of a row needs, and the verdict on what is said."""
        assert self.marks is not None, "it is within a dataset"
        problem = self._read(self.marks.sub(" ", row.prompt))
        gold = f"{row.hint} {row.answer}"
        if own:
            self._check_own(problem, *self._said(gold, gold))
        verdict = self._check(problem, *self._said(said, gold))
        stored = _NUMBER.search(self.marks.sub("", row.answer).strip())
        if verdict.ok and stored and stored[0] != str(verdict.value):
            _contradicted(f"its answer is {stored[0]}, and {verdict.value} by the solution predicted, which is right")
        return problem.operations, verdict

    def _read(self, text: str) -> Problem:
        return read(text, self.vocabulary, self.modulus, childless=self.childless)

    def _check(self, problem: Problem, solution: str, answer: str | None) -> Verdict:
        return check(problem, solution, answer, modulus=self.modulus, back=self.back)

    def _check_own(self, problem: Problem, solution: str, answer: str | None) -> None:
        """Hold a row's own solution against the rules. A row that has an answer alone is left alone."""
        if solution.startswith("Define "):
            verdict = self._check(problem, solution, answer)
            if not verdict.ok:
                _contradicted(f"its own solution is wrong: {verdict.reason} ({verdict.detail})")

    def _said(self, text: str, gold: str) -> tuple[str, str | None]:
        """Solution and answer of what is said up to its end."""
        lines = gold.strip().count("\n") + 1
        return _parted("\n".join(text.strip().partition(self.end)[0].split("\n", lines)[:lines]), self.marks)


def _contradicted(problem: str) -> None:
    raise PipelineError(problem, "Give the modulus, the text that takes back and the vocabulary of its recipe.")


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
