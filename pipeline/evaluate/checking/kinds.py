"""The kinds of problems that can be checked, and by which rules a dataset's are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from pipeline.core import layouts
from pipeline.core.errors import PipelineError, StorageError, suggest
from pipeline.core.layouts import OpenLayout
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import MEND
from pipeline.evaluate.checking.files import Rules
from pipeline.evaluate.checking.igsm.rules import IgsmRules
from pipeline.evaluate.checking.puzzles import brevo, copying, depo, mano, sentences
from pipeline.evaluate.checking.puzzles.rules import PuzzleRules

Options = Mapping[str, Any]


class _Mark(OpenLayout):
    """A token, or a text, that means something."""

    token: str | None
    text: str | None = None


class _Back(_Mark):
    """What takes back: one of the two is there."""

    @model_validator(mode="after")
    def _is_something(self) -> _Back:
        if not (self.token or self.text):
            raise PydanticCustomError("mark", "a token or a text is needed")
        return self


class _Puzzle(OpenLayout):
    bos: _Mark | Literal[False] | None
    tag: _Mark | None


class _Mano(_Puzzle):
    modulus: Annotated[int, Field(ge=2, lt=2**31)]


class _Grammar(_Puzzle):
    grammar: list[str]


class _Retry(OpenLayout):
    back: _Back


class _Igsm(OpenLayout):
    modulus: Annotated[int, Field(ge=2, lt=2**31)] | Literal["exact"]
    childless: bool
    vocabulary: dict[str, dict[str, dict[str, str]]] | None
    retry: _Retry | None


class Kind(NamedTuple):
    """How the rules of a kind are made from its options, and which of these a source in a recipe says.

    layout: what a source in the manifest of a dataset is held against first, since anybody may have written it.
    """

    options: tuple[str, ...]
    rules: Callable[..., Rules]
    said_by: Callable[[Options], Options]
    layout: type[OpenLayout] = _Puzzle


def _puzzle(task: Any) -> Kind:
    """A puzzle whose problems say all that there is to know."""

    def rules(by: str = task.SIZES[0], **prefix: str) -> Rules:
        return PuzzleRules(task.read, _among(task.SIZES, by), **prefix)

    return Kind(("by", "prefix"), rules, PuzzleRules.said_by)


def _mano(modulus: int | str = 23, by: str = mano.SIZES[0], **prefix: str) -> Rules:
    if not isinstance(modulus, int):
        raise PipelineError("mano has a modulus", "Give a whole number.", "--modulus")
    return PuzzleRules(partial(mano.read, modulus=modulus), _among(mano.SIZES, by), **prefix)


def _grammar(grammar: list[str] | None = None, by: str = sentences.SIZES[0], **prefix: str) -> Rules:
    if grammar is None:
        raise PipelineError("no rules of a grammar", "Give a dataset whose recipe has them.", "--kind grammar")
    language = sentences.Language(grammar)
    return PuzzleRules(partial(sentences.read, language=language), _among(sentences.SIZES, by), **prefix)


def _said_with(name: str) -> Callable[[Options], Options]:
    """What a source says of puzzles that do not say all themselves."""
    return lambda source: {**PuzzleRules.said_by(source), name: source[name]}


def _among(sizes: tuple[str, ...], by: str) -> str:
    if by not in sizes:
        raise PipelineError(f"these problems have no '{by}'", suggest(by, sizes), "--by")
    return by


KINDS = {
    "igsm": Kind(("modulus", "back", "vocabulary", "childless"), IgsmRules.of, IgsmRules.said_by, _Igsm),
    "depo": _puzzle(depo),
    "brevo": _puzzle(brevo),
    "mano": Kind(("modulus", "by", "prefix"), _mano, _said_with("modulus"), _Mano),
    "copy": _puzzle(copying),
    "grammar": Kind(("grammar", "by", "prefix"), _grammar, _said_with("grammar"), _Grammar),
}


def rules_of(kind: str, options: Options) -> Rules:
    """The rules of a kind. PipelineError for options that it does not have."""
    for name in options:
        if name not in KINDS[kind].options:
            others = ", ".join(other for other in KINDS if name in KINDS[other].options)
            raise PipelineError(f"{kind} has no such option", f"It is of: {others}.", f"--{name}")
    return KINDS[kind].rules(**options)


def rules_for(data: Dataset, split: str, kind: str | None, options: Options) -> Rules:
    """The rules of a split: what its recipe says, save where `kind` and the options say something else.

    PipelineError where its sources are of several kinds or of one that cannot be checked, or where they say different
    things; StorageError where there is no such split.
    """
    data.split(split)
    sources = data.manifest.sources(split)
    found = sorted({source.get("kind", "") for source in sources})
    place = f"{data.folder.url}, split '{split}'"
    if kind is None and len(found) > 1:
        raise PipelineError(f"its sources are of several kinds: {', '.join(found)}", "Give each a split.", place)
    if (kind := kind or found[0]) not in KINDS:
        remedy = f"These can: {', '.join(KINDS)}. Texts are for `score`; if they are such problems, say --kind."
        raise PipelineError(f"what is of the kind '{kind}' cannot be checked", remedy, place)
    said = [_said_by(kind, source, place) for source in sources if source.get("kind") == kind]
    for name in said[0] if said else ():
        if name not in options and any(one.get(name) != said[0][name] for one in said):
            raise PipelineError(f"its sources have not the same {name}", "Give each a split.", place)
    return rules_of(kind, {**(said[0] if said else {}), **options})


def _said_by(kind: str, source: Options, place: str) -> Options:
    """What a source in a manifest says of its rules. StorageError where it is not what a build writes."""
    try:
        layouts.checked(KINDS[kind].layout, source)
    except ValueError as error:
        raise StorageError(f"its recipe has no source of the kind {kind}: {error}", MEND, place) from None
    return KINDS[kind].said_by(source)
