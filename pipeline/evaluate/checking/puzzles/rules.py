"""Rules for answers to puzzles in files, and `puzzle`, which makes their verifiers: `VERIFIER = puzzle(sizes, reader)`.

{"row": 17, "prediction": "<ans> 3 8|"}                    a split's rows have the prompts; or they stand beside it:
{"prompt": "<bos> 3 8| 5| … <query_2> 12 7|", "prediction": "<ans> 3 8|"}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pipeline.core.errors import PipelineError, suggest
from pipeline.core.json_layouts import OpenLayout
from pipeline.dataset import Dataset
from pipeline.evaluate.checking.files import Row, Rules
from pipeline.evaluate.checking.puzzles.reading import BOS, EOS, alphabet_of, tokens
from pipeline.evaluate.checking.puzzles.verdict import Puzzle, Verdict
from pipeline.evaluate.checking.report import Report
from pipeline.evaluate.checking.verifier import Options, Verifier

Reader = Callable[[Sequence[str]], Puzzle]
"""The problem in the tokens of a prompt. ProblemError where it is none."""


class MarkLayout(OpenLayout):
    """A token, or a text, with a meaning, such as <bos>."""

    token: str | None = None
    text: str | None = None


class PuzzleLayout(OpenLayout):
    """A source of puzzles in a manifest."""

    bos: MarkLayout | Literal[False] | None = None
    tag: MarkLayout | None = None


def puzzle(
    sizes: tuple[str, ...],
    reader: Callable[..., Reader],
    options: tuple[str, ...] = (),
    layout: type[PuzzleLayout] = PuzzleLayout,
) -> Verifier:
    """The verifier of a puzzle.

    sizes: sizes of its problems, by which results can be broken down. reader: makes, from the `options`, the function
    that reads a prompt. options: names of options, which are also keys of its sources. layout: of a source.
    """

    def rules(by: str = sizes[0], prefix: str = f"<{BOS}>", **given: Any) -> Rules:
        if by not in sizes:
            raise PipelineError(f"these problems have no '{by}'", suggest(by, sizes), "--by")
        return PuzzleRules(reader(**given), by, prefix)

    def options_of(source: Options) -> dict[str, Any]:
        begins = source.get("bos") or source.get("tag") or {}
        prefix = begins.get("token") or begins.get("text") or ""
        return {"prefix": prefix, **{name: source.get(name) for name in options}}

    return Verifier(rules, (*options, "by", "prefix"), options_of, layout, sizes)


@dataclass(frozen=True)
class PuzzleRules:
    """How a puzzle is read and checked. by: the size that results are broken down by.

    prefix, end: the texts that documents begin with (after a tag; "" for none) and end with.
    """

    read: Reader
    by: str
    prefix: str = f"<{BOS}>"
    end: str = f"<{EOS}>"

    needs: ClassVar[tuple[str, ...]] = ("prompt",)
    form: ClassVar[str] = 'Each line is {"prompt": "<bos> …", "prediction": "…"}.'

    def report(self) -> Report:
        """An empty report."""
        return Report(self.by)

    def within(self, data: Dataset) -> PuzzleRules:
        """The same rules, for texts of a dataset. StorageError where its end token cannot be read."""
        return replace(self, end=data.end_of_text())

    def pair(self, line: Mapping[str, Any]) -> tuple[int, Verdict]:
        """(size of the problem, verdict on the `prediction` or `solution`) of a line."""
        prediction = line.get("prediction", line.get("solution"))
        if not isinstance(prediction, str):
            raise PipelineError('there is no text under "prediction" or "solution"', self.form)
        return self._checked(line["prompt"], prediction)

    def row(self, row: Row, prediction: str, own: bool) -> tuple[int, Verdict]:
        """(size of the problem, verdict on the prediction) for a row. own: check the stored answer of the row first."""
        if own:
            _, verdict = self._checked(row.prompt, row.answer)
            if not verdict.ok:
                raise PipelineError(
                    f"its own answer is wrong: {verdict.reason} ({verdict.detail})", "Is it a puzzle of another kind?"
                )
        return self._checked(row.prompt, prediction)

    def _checked(self, prompt: str, prediction: str) -> tuple[int, Verdict]:
        alphabet = alphabet_of(prompt)
        begins = prompt.find(self.prefix)
        names = tokens(prompt[begins + len(self.prefix) :], alphabet) if begins >= 0 else tokens(prompt, alphabet)
        for end in filter(None, (self.end, self.prefix)):
            prediction = prediction.partition(end)[0]
        problem = self.read([BOS] * (begins >= 0) + names)
        return problem.sizes[self.by], problem.verify(tokens(prediction, alphabet))
