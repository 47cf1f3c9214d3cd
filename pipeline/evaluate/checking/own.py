"""Answers to documents of a user's own function, checked by the `verify` of its file.

{"row": 17, "prediction": " 47"}                       a split's rows have the prompts; or they stand beside it:
{"prompt": "12 + 35 =", "prediction": "47"}

That file is code: the user names it (`--code FILE`, or FILE:FUNCTION) and says `--allow-code`. The copy that a dataset
keeps is never run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pipeline.core.errors import PipelineError, SpecError
from pipeline.core.json_layouts import OpenLayout
from pipeline.core.notices import quoted
from pipeline.core.spec import NAME
from pipeline.core.system.open_files import expanded
from pipeline.dataset import Dataset
from pipeline.evaluate.checking.files import Row, Rules
from pipeline.evaluate.checking.puzzles.reading import alphabet_of, tokens
from pipeline.evaluate.checking.report import Report
from pipeline.evaluate.checking.verdict import Said
from pipeline.evaluate.checking.verifier import Options, Verifier
from pipeline.sources.own.calling import Function
from pipeline.sources.own.code import Code

MOST_REASONS = 20  # that a report tells apart
WRONG = Said("wrong", "verify says no more")
OTHER = Said("other", "whatever else verify says")
_NAME = "--code FILE --allow-code names one whose `verify` may run; the dataset keeps what it was made with in code/."


class OwnLayout(OpenLayout):
    """A source of this kind in a manifest."""

    function: Annotated[str, Field(pattern=NAME)]
    options: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """A verdict. reason: None for a right answer."""

    reason: Said | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.reason is None


@dataclass
class OwnRules:
    """How answers are checked: `verify` of the user's file.

    names: of symbols, without <> → with them; None for texts. end: the text that documents end with.
    """

    verify: Callable[[str, str], bool | str]
    names: Mapping[str, str] | None = None
    end: str = ""

    needs: ClassVar[tuple[str, ...]] = ("prompt", "prediction")
    form: ClassVar[str] = 'Each line is {"prompt": "12 + 35 =", "prediction": "47"}.'

    def __post_init__(self) -> None:
        self._reasons: dict[str, Said] = {}

    def report(self) -> Report:
        """An empty report."""
        return Report("")

    def within(self, data: Dataset) -> OwnRules:
        """The same rules, for texts of a dataset. StorageError where its end token cannot be read."""
        return replace(self, end=data.end_of_text())

    def pair(self, line: Mapping[str, Any]) -> tuple[int, Verdict]:
        """(0, verdict on the prediction) of a line."""
        return 0, self._verdict(line["prompt"], line["prediction"])

    def row(self, row: Row, prediction: str, own: bool) -> tuple[int, Verdict]:
        """(0, verdict on the prediction) for a row. own: check the stored answer of the row first."""
        if own and not (verdict := self._verdict(row.prompt, row.answer)).ok:
            remedy = "Is it the file that the dataset was made with?"
            raise PipelineError(f"its own answer {quoted(row.answer)} is wrong: {verdict.reason}", remedy)
        return 0, self._verdict(row.prompt, prediction)

    def _verdict(self, prompt: str, prediction: str) -> Verdict:
        """Blanks around an answer do not count, nor what stands behind the end token."""
        answer = prediction.partition(self.end)[0] if self.end else prediction
        said = self.verify(self._shown(prompt), self._shown(answer).strip())
        if isinstance(said, bool):
            return Verdict(None if said else WRONG)
        if said not in self._reasons and len(self._reasons) >= MOST_REASONS:
            return Verdict(OTHER)
        return Verdict(self._reasons.setdefault(said, Said(" ".join(said.split())[:60])))

    def _shown(self, text: str) -> str:
        """A text as `verify` gets it: of symbols their names, blanks between them."""
        if self.names is None:
            return text
        return " ".join(self.names.get(name.strip("<>"), name) for name in tokens(text, alphabet_of(text)))


def _rules(
    code: str | None = None,
    allow_code: bool = False,
    function: str | None = None,
    options: Options | None = None,
) -> Rules:
    """The rules of a file, `FILE` or `FILE:FUNCTION`. PipelineError where it may not run, or has no verifier."""
    if code is None:
        raise PipelineError("these answers are checked by code, and a dataset's code is never run", _NAME)
    if not allow_code:
        remedy = "Read that file. If it may run: --allow-code."
        raise PipelineError(f"this runs the code of {code}, and code is never run unasked", remedy, "--code")
    name, colon, named = code.rpartition(":")
    path, asked = (name, named) if colon and not os.path.exists(code) else (code, function)
    if asked is None:
        remedy = f"Name it: --code {path}:FUNCTION."
        raise PipelineError("nothing says of which function these answers are", remedy, "--code")
    try:
        made = Function(Code.read(expanded(path), Path(path).name), asked, options or {})
    except SpecError as error:
        raise PipelineError(error.problem, error.remedy, "--code") from None
    if made.verify is None:
        remedy = f"Write `def verify(prompt, answer)`, or `def verify_{asked}(prompt, answer)`."
        raise PipelineError(f"{path} has no verify", remedy, "--code")
    names = None if made.symbols is None else {name.strip("<>"): name for name in made.symbols}
    return OwnRules(made.verify, names)


def _options_of(source: Options) -> Options:
    return {name: source[name] for name in ("function", "options")}


VERIFIER = Verifier(_rules, ("code", "allow_code", "function", "options"), _options_of, OwnLayout)
