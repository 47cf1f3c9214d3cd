"""What a user sees when something is refused: place, problem, remedy, on one line.

PipelineError            exit code 2: the input was refused, nothing was written
├── SpecError            a value inside a recipe; `at` is its path below the object that refuses it
├── RecipeError          the same, once the recipe has given it a file and a line
├── TemplateError        a template: file, line
├── TokenizerError       a tokenizer that cannot be loaded or used
├── PlanError            a recipe that is well formed but cannot be planned
├── StorageError         an output folder that is locked, foreign, unreachable or full
├── ExportError          a dataset that a format cannot hold, or options that it has not
└── HubError             a repository on the Hub that cannot be reached, or not be used as asked
RunError                 exit code 1: work that had begun failed; the message says how to reproduce it
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pipeline.core.escaping import escaped


class PipelineError(Exception):
    """Base of every error this package raises on purpose. `str(error)` is `place: problem. remedy`."""

    exit_code = 2

    def __init__(self, problem: str, remedy: str = "", place: str = "") -> None:
        # All three go to Exception.args, so that the error survives pickling from a Ray worker.
        super().__init__(problem, remedy, place)
        self.problem, self.remedy, self.place = problem, remedy, place

    def __str__(self) -> str:
        sentence = self.problem.rstrip(".") + "."
        line = " ".join(part for part in (f"{self.place}:" if self.place else "", sentence, self.remedy) if part)
        return escaped(line)  # what a recipe says may hold line breaks and worse; a refusal is one line


class SpecError(PipelineError):
    """A refusal by code that knows which key is wrong but not in which file it stands.

    `at` is the path of the key below the object that raises; `Loaded.refusing` turns it into file and line.
    """

    def __init__(self, problem: str, remedy: str = "", at: tuple[str | int, ...] = ()) -> None:
        super().__init__(problem, remedy)
        self.at = at


@contextmanager
def specified_at(*path: str | int) -> Iterator[None]:
    """Refusals raised inside are of a spec that stands at `path` below the object that calls."""
    try:
        yield
    except SpecError as error:
        raise SpecError(error.problem, error.remedy, (*path, *error.at)) from None


class RecipeError(PipelineError):
    """A recipe that cannot be read or does not validate."""


class TemplateError(PipelineError):
    """A template line that cannot be compiled or rendered."""


class TokenizerError(PipelineError):
    """A tokenizer that cannot be found, loaded or used."""


class PlanError(PipelineError):
    """A valid recipe whose amounts cannot be met."""


class StorageError(PipelineError):
    """An output folder that cannot be used as asked."""


class ExportError(PipelineError):
    """A dataset that the format cannot hold as asked."""


class HubError(PipelineError):
    """A repository that cannot be reached, or not be used as asked."""


class RunError(PipelineError):
    """Work that had begun and failed."""

    exit_code = 1


def holds_surrogate(text: str) -> bool:
    """Whether a text holds half a character, which no file and no tokenizer can take."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def suggest(word: str, known: Iterable[str]) -> str:
    """A remedy for a word that is not among the known ones.

    >>> suggest("exposure", ["exposures", "share"])
    "Did you mean 'exposures'?"
    >>> suggest("zzz", ["exposures", "share"])
    'It can be: exposures, share.'
    """
    options = sorted(known)
    close = difflib.get_close_matches(word, options, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    shown = ", ".join(options[:12]) + (", …" if len(options) > 12 else "")
    return f"It can be: {shown}." if options else "There are none."
