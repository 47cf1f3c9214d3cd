"""The kinds of sources whose answers can be checked, and the rules for a split of a dataset."""

from __future__ import annotations

from importlib import import_module

from pipeline.core import json_layouts
from pipeline.core.errors import PipelineError, StorageError
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import MEND
from pipeline.evaluate.checking.files import Rules
from pipeline.evaluate.checking.verifier import Options, Verifier
from pipeline.sources.registry import SOURCES, find, load_all


def kinds(option: str | None = None) -> list[str]:
    """The kinds of sources that have a verifier; with an option, those whose verifier takes it."""
    load_all()
    named = [name for name, kind in SOURCES.items() if kind.verifier]
    return [name for name in named if option is None or option in verifier_of(name).options]


def verifier_of(kind: str) -> Verifier:
    """The verifier of one of the `kinds`, imported at the first call."""
    path = SOURCES[kind].verifier
    assert path is not None, "the kind is one of `kinds`"
    module, _, name = path.partition(":")
    verifier: Verifier = getattr(import_module(module), name)
    return verifier


def rules_of(kind: str, options: Options) -> Rules:
    """The rules of a kind with these options. PipelineError for an option that the kind does not have."""
    verifier = verifier_of(kind)
    for name in options:
        if name not in verifier.options:
            raise PipelineError(
                f"{kind} has no such option", f"It is of: {', '.join(kinds(name))}.", f"--{name.replace('_', '-')}"
            )
    return verifier.rules(**options)


def rules_for(data: Dataset, split: str, kind: str | None, options: Options) -> Rules:
    """The rules of a split: those of its recipe; `kind` and `options` override them.

    PipelineError where its sources have several kinds, a kind without a verifier, or different options, and where the
    installed package that offers the kind is broken; StorageError for an unknown split.
    """
    data.split(split)
    sources = data.manifest.sources(split)
    present = sorted({source.get("kind", "") for source in sources})
    place = f"{data.folder.url}, split '{split}'"
    if kind is None and len(present) > 1:
        raise PipelineError(f"its sources are of several kinds: {', '.join(present)}", "Give each a split.", place)
    kind = kind or present[0]
    find(kind)  # PipelineError where the package that offers it is broken
    if kind not in kinds():
        remedy = f"These can: {', '.join(kinds())}. Texts are for `score`; if they are such problems, say --kind."
        raise PipelineError(f"what is of the kind '{kind}' cannot be checked", remedy, place)
    implied = [_options_of(kind, source, place) for source in sources if source.get("kind") == kind]
    common = implied[0] if implied else {}
    for name in common:
        if name not in options and any(of_source.get(name) != common[name] for of_source in implied):
            raise PipelineError(f"its sources have not the same {name}", "Give each a split.", place)
    return rules_of(kind, {**common, **options})


def _options_of(kind: str, source: Options, place: str) -> Options:
    """The options that a source in a manifest implies. StorageError where a build would not write such a source."""
    verifier = verifier_of(kind)
    try:
        json_layouts.checked(verifier.layout, source)
    except ValueError as error:
        raise StorageError(f"its recipe has no source of the kind {kind}: {error}", MEND, place) from None
    return verifier.options_of(source)
