"""Answers to puzzles in files: the tokens of prompts and of what is said.

{"row": 17, "prediction": "<ans> 3 8|"}                    a split's rows have the prompts; or they stand beside it:
{"prompt": "<bos> 3 8| 5| … <query_2> 12 7|", "prediction": "<ans> 3 8|"}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pipeline.core.errors import PipelineError
from pipeline.dataset import Dataset
from pipeline.evaluate.checking.files import Row
from pipeline.evaluate.checking.puzzles.reading import BOS, EOS, alphabet_of, tokens
from pipeline.evaluate.checking.puzzles.verdict import Puzzle, Verdict
from pipeline.evaluate.checking.report import Report


@dataclass(frozen=True)
class PuzzleRules:
    """How a puzzle is read. by: which of its sizes results are broken down by.

    prefix: what documents begin with, behind a tag; "" where that is nothing. end: what ends them.
    """

    read: Callable[[Sequence[str]], Puzzle]
    by: str
    prefix: str = f"<{BOS}>"
    end: str = f"<{EOS}>"

    needs: ClassVar[tuple[str, ...]] = ("prompt",)
    form: ClassVar[str] = 'Each line is {"prompt": "<bos> …", "prediction": "…"}.'

    @staticmethod
    def said_by(spec: Mapping[str, Any]) -> dict[str, Any]:
        """What a source in a recipe says of them."""
        prefix = spec["bos"] or spec["tag"] or {"token": ""}
        return {"prefix": prefix["token"] or prefix.get("text") or ""}

    def report(self) -> Report:
        """An empty one."""
        return Report(self.by)

    def within(self, data: Dataset) -> PuzzleRules:
        """The same, for texts of a dataset. StorageError where its end token cannot be read."""
        return replace(self, end=data.end_of_text())

    def pair(self, line: Mapping[str, Any]) -> tuple[int, Verdict]:
        """Size of a problem, and the verdict on what is said: its `prediction`, or its `solution`."""
        said = line.get("prediction", line.get("solution"))
        if not isinstance(said, str):
            raise PipelineError('there is no text under "prediction" or "solution"', self.form)
        return self._checked(line["prompt"], said)

    def row(self, row: Row, said: str, own: bool) -> tuple[int, Verdict]:
        """Size of the problem of a row, and the verdict on what is said."""
        if own:
            _, verdict = self._checked(row.prompt, row.answer)
            if not verdict.ok:
                raise PipelineError(
                    f"its own answer is wrong: {verdict.reason} ({verdict.detail})", "Is it a puzzle of another kind?"
                )
        return self._checked(row.prompt, said)

    def _checked(self, prompt: str, said: str) -> tuple[int, Verdict]:
        alphabet = alphabet_of(prompt)
        begins = prompt.find(self.prefix)
        asked = tokens(prompt[begins + len(self.prefix) :], alphabet) if begins >= 0 else tokens(prompt, alphabet)
        for end in filter(None, (self.end, self.prefix)):
            said = said.partition(end)[0]
        found = self.read([BOS] * (begins >= 0) + asked)
        return found.sizes[self.by], found.verify(tokens(said, alphabet))
