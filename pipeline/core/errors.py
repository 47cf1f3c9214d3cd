"""The exceptions of this package. Each shows on one line: place, problem, remedy.

PipelineError            exit code 2: the input was refused, nothing was written
├── SpecError            a value inside a recipe; `at` is its path below the object that refuses it
│   └── CodeError        a user's own function that fails: its file, item and line
├── RecipeError          the same, once the recipe has given it a file and a line
├── TemplateError        a template: file, line
├── TokenizerError       a tokenizer that cannot be loaded or used
├── PlanError            a recipe that is well formed but cannot be planned
├── StorageError         an output folder that is locked, foreign, unreachable or full
├── ExportError          a dataset that a format cannot hold, or options that it has not
├── HubError             a repository on the Hub that cannot be reached, or not be used as asked
└── EndpointError        a server of a language model that cannot be reached, or not be used as asked
RunError                 exit code 1: work that had begun failed; the message says how to reproduce it
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pipeline.core.system.escaping import escaped, shortened
from pipeline.core.system.secrets import redacted

KeyPath = tuple[str | int, ...]
"""The way to a key: `("worlds", "people", "size")`. Code that refuses may write ".." for the mapping above."""


LONGEST_KEY = 60  # characters of a key, in a place
MOST_KEYS = 12  # of a path, in a place


def dotted_path(path: KeyPath) -> str:
    """A key's path as messages show it, its middle left out if it is long.

    >>> dotted_path(("exports", 0, "kind"))
    'exports.0.kind'
    """
    steps = [shortened(str(step), LONGEST_KEY) for step in path]
    if len(steps) > MOST_KEYS:
        steps = [*steps[: MOST_KEYS // 2], "…", *steps[-MOST_KEYS // 2 :]]
    return ".".join(steps)


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
        return escaped(redacted(line))  # what a recipe or a client says may hold line breaks, secrets and worse


class SpecError(PipelineError):
    """A refusal by code that knows which key is wrong, but not the file it was written in.

    at: path of the key, below the object that raises. among: paths of keys that are wrong together. `Loaded.refusing`
    turns them into file and line: of the key in `among` that is nearest to the user, or of `at` if none is nearest.
    exclusive: only one of `among` may be given; `Loaded.refusing` words the remedy, which depends on where they are
    written. lacking: the value at `at` lacks something, perhaps because it replaced an inherited value that had it.
    """

    def __init__(
        self,
        problem: str,
        remedy: str = "",
        at: KeyPath = (),
        among: Iterable[KeyPath] = (),
        *,
        exclusive: bool = False,
        lacking: bool = False,
    ) -> None:
        super().__init__(problem, remedy)
        self.at, self.among, self.exclusive, self.lacking = at, tuple(among), exclusive, lacking

    def below(self, path: KeyPath) -> SpecError:
        """The same error, raised by an outer object that holds the raising object at `path`."""
        among = [(*path, *wrong) for wrong in self.among]
        return SpecError(
            self.problem, self.remedy, (*path, *self.at), among, exclusive=self.exclusive, lacking=self.lacking
        )


class CodeError(SpecError):
    """Code of the user's failed, or returned what is no document: the problem names its file, item and line."""


@contextmanager
def specified_at(*path: str | int) -> Iterator[None]:
    """Prefixes `path` to the paths of every SpecError raised inside: `SpecError.below`, as a context manager."""
    try:
        yield
    except SpecError as error:
        raise error.below(path) from None


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


class EndpointError(PipelineError):
    """A server of a language model that cannot be reached, or not be used as asked."""


class RunError(PipelineError):
    """Work that had begun and failed."""

    exit_code = 1


def holds_surrogate(text: str) -> bool:
    """Whether a text holds a surrogate (half a character), which no file and no tokenizer accepts."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


MOST_SUGGESTED = 12
LONGEST_NAME = 200  # characters of a word that are compared letter by letter


def alike(word: str, known: Iterable[str]) -> list[str]:
    """The known words that were perhaps meant, likeliest first; may be empty.

    Known words that differ only in case, if any. Else those that begin with the word, then those that contain it (if
    it has three characters or more). Else the nearest by its letters.

    >>> alike("depo1", ["copy", "depo1_K4", "depo1_K8", "mini_depo1"])
    ['depo1_K4', 'depo1_K8', 'mini_depo1']
    """
    options, plain = sorted(known), word.strip().casefold()
    if same := [option for option in options if option.casefold() == plain]:
        return same
    begun = [option for option in options if plain and option.casefold().startswith(plain)]
    within = [option for option in options if len(plain) >= 3 and plain in option.casefold() and option not in begun]
    return [*begun, *within] or difflib.get_close_matches(word[:LONGEST_NAME], options, n=1)


def suggest(word: str, known: Iterable[str]) -> str:
    """A remedy for an unknown word: the known words that are like it, or else the first of all; at most 12.

    >>> suggest("exposure", ["exposures", "share"])
    "Did you mean 'exposures'?"
    >>> suggest("bio", ["bios", "bionic", "copy"])
    "Did you mean 'bionic' or 'bios'?"
    >>> suggest("zzz", ["exposures", "share"])
    'It can be: exposures, share.'
    """
    options = sorted(known)
    if close := alike(word, options):
        quoted = [f"'{option}'" for option in close[:MOST_SUGGESTED]]
        if len(close) > MOST_SUGGESTED:
            return f"Did you mean {', '.join(quoted)}, …?"
        return f"Did you mean {' or '.join(filter(None, [', '.join(quoted[:-1]), quoted[-1]]))}?"
    shown = ", ".join(options[:MOST_SUGGESTED]) + (", …" if len(options) > MOST_SUGGESTED else "")
    return f"It can be: {shown}." if options else "There are none."
