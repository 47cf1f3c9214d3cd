"""Solutions of grade-school problems in files: which part of a prediction is the solution, and which the answer.

    {"row": 17, "prediction": " Define Park's Lake as a; so a = 4. … so x = q + a = 9 + 4 = 13. 13<|endoftext|>"}
    {"problem": "The number of each Park's Lake equals 4. … How many Bird does Park have?", "solution": "Define …"}

A prediction is read up to the end token, or up to a line break that the row's stored solution does not have. After the
last full stop the answer may follow: a number, alone or after special tokens or `Answer:`. It may be missing, since it
is the result of the last step. Special tokens are ignored, except the one that takes a step back. So decode the model's
tokens with special tokens, or that one is lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from pipeline.core.errors import PipelineError
from pipeline.core.json_layouts import OpenLayout
from pipeline.core.system.open_files import expanded
from pipeline.dataset import Dataset
from pipeline.evaluate.checking.files import Row
from pipeline.evaluate.checking.igsm.problem import Problem, read
from pipeline.evaluate.checking.igsm.solution import Verdict, check
from pipeline.evaluate.checking.igsm.vocabulary import Vocabulary
from pipeline.evaluate.checking.report import Report
from pipeline.evaluate.checking.verifier import Verifier

_ANSWER = re.compile(r"(.*\.)\s+(?:Answer:\s*)?(-?[0-9]+)\.?", re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]+(?=\.?$)")


@dataclass(frozen=True)
class IgsmRules:
    """How solutions are checked: the options of `solution.verify`, and the special tokens in texts of a dataset.

    end: the end token. marks: the other special tokens, without `back`; None outside a dataset.
    """

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
        """The rules of these options. vocabulary: a folder, or a mapping as in recipes. PipelineError if invalid."""
        if isinstance(vocabulary, Mapping):
            words = Vocabulary.of(vocabulary)
        else:
            words = Vocabulary.at(expanded(vocabulary)) if vocabulary else Vocabulary.standard()
        return cls(words, int(modulus) if modulus != "exact" else None, back, childless)

    def report(self) -> Report:
        """An empty report."""
        return Report("operations", "solutions", ("unnecessary", "retries", "false_retries"))

    def within(self, data: Dataset) -> IgsmRules:
        """The same rules, for texts of a dataset. StorageError where its tokenizer cannot be read."""
        special = {token.content for token in data.tokenizer().get_added_tokens_decoder().values() if token.special}
        marks = "|".join(map(re.escape, sorted(special - {self.back}, key=len, reverse=True)))
        return replace(self, end=data.end_of_text(), marks=re.compile(marks or "(?!)"))

    def pair(self, line: Mapping[str, Any]) -> tuple[int, Verdict]:
        """(operations of the problem, verdict on the `solution` and the `answer`, if there is one) of a line."""
        if not isinstance(line.get("answer", ""), str):
            raise PipelineError('"answer" is not a text', self.form)
        problem = self._read(line["problem"])
        solution, answer = _parted(line["solution"], None)
        return problem.operations, self._check(problem, solution, line.get("answer", answer))

    def row(self, row: Row, prediction: str, own: bool) -> tuple[int, Verdict]:
        """(operations of the problem, verdict on the prediction) for a row.

        own: check the stored solution first. PipelineError where it, or the stored answer, is wrong by these rules.
        """
        assert self.marks is not None, "it is within a dataset"
        problem = self._read(self.marks.sub(" ", row.prompt))
        gold = f"{row.hint} {row.answer}"
        if own:
            self._check_own(problem, *self._solution_and_answer(gold, gold))
        verdict = self._check(problem, *self._solution_and_answer(prediction, gold))
        stored = _NUMBER.search(self.marks.sub("", row.answer).strip())
        if verdict.ok and stored and stored[0] != str(verdict.value):
            _contradicted(f"its answer is {stored[0]}, and {verdict.value} by the solution predicted, which is right")
        return problem.operations, verdict

    def _read(self, text: str) -> Problem:
        return read(text, self.vocabulary, self.modulus, childless=self.childless)

    def _check(self, problem: Problem, solution: str, answer: str | None) -> Verdict:
        return check(problem, solution, answer, modulus=self.modulus, back=self.back)

    def _check_own(self, problem: Problem, solution: str, answer: str | None) -> None:
        """PipelineError where a row's stored solution is wrong. A row with an answer alone is not checked."""
        if solution.startswith("Define "):
            verdict = self._check(problem, solution, answer)
            if not verdict.ok:
                _contradicted(f"its own solution is wrong: {verdict.reason} ({verdict.detail})")

    def _solution_and_answer(self, text: str, gold: str) -> tuple[str, str | None]:
        """(solution, answer or None) of a text, up to the end token or the number of lines of the stored `gold`."""
        lines = gold.strip().count("\n") + 1
        return _parted("\n".join(text.strip().partition(self.end)[0].split("\n", lines)[:lines]), self.marks)


def _contradicted(problem: str) -> None:
    raise PipelineError(problem, "Give the modulus, the text that takes back and the vocabulary of its recipe.")


def _parted(text: str, marks: re.Pattern[str] | None) -> tuple[str, str | None]:
    """(solution, answer or None) of a text. marks: special tokens between or around them."""
    parts = [part.strip() for part in marks.split(text)] if marks else [text.strip()]
    parts = [part for part in parts if part]
    if len(parts) == 2 and parts[0].endswith("."):
        return parts[0], parts[1].removeprefix("Answer:").strip()
    whole = " ".join(parts)
    if match := _ANSWER.fullmatch(whole):
        return match[1], match[2]
    return whole, None


def _options_of(source: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of `IgsmRules.of` that a source in a manifest implies."""
    options = {name: source.get(name) for name in ("modulus", "childless", "vocabulary")}
    back = (source.get("retry") or {}).get("back")
    return {**options, "back": back.get("token") or back.get("text")} if back else options


class BackLayout(OpenLayout):
    """The token or text that takes a step back."""

    token: str | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _is_something(self) -> BackLayout:
        if not (self.token or self.text):
            raise PydanticCustomError("mark", "a token or a text is needed")
        return self


class RetryLayout(OpenLayout):
    """The mistakes of a source."""

    back: BackLayout


class IgsmLayout(OpenLayout):
    """A source of problems in a manifest."""

    modulus: Annotated[int, Field(ge=2, lt=2**31)] | Literal["exact"]
    childless: bool
    vocabulary: dict[str, dict[str, dict[str, str]]] | None = None
    retry: RetryLayout | None = None


VERIFIER = Verifier(IgsmRules.of, ("modulus", "back", "vocabulary", "childless"), _options_of, IgsmLayout)
