"""preview: documents of a recipe."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pipeline.commands.command import Command
from pipeline.commands.common import cell_argument, check_item, document_arguments, recipe_arguments
from pipeline.core.errors import PlanError
from pipeline.core.system import output
from pipeline.core.system.escaping import escaped

if TYPE_CHECKING:
    from pipeline.core.documents import Documents
    from pipeline.plan.plan import Plan
    from pipeline.recipe.places import Loaded


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: the recipe, which documents, colour."""
    recipe_arguments(parser)
    cell_argument(parser)
    document_arguments(parser, required=False)
    parser.add_argument("-n", type=int, default=3, help="documents of each source, without --item (default 3)")
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="of values, parts and what has no loss (default auto: on a terminal, unless NO_COLOR is set)",
    )


def run(options: argparse.Namespace) -> int:
    """Print documents. Returns the exit code."""
    from pipeline.core.system.object_cache import digest_of, kept
    from pipeline.inspect import colour
    from pipeline.plan.cached import plan_digest
    from pipeline.recipe.amount_spec import MOST_EXPOSURES
    from pipeline.sweeps import recipe_of

    if options.n < 1:
        raise PlanError(f"{options.n} documents", "Give -n 1 or more.")
    if not 0 <= options.exposure < MOST_EXPOSURES:
        raise PlanError(f"no exposure {options.exposure}", f"Give 0 to {MOST_EXPOSURES - 1}.")
    loaded = recipe_of(options.recipe, options.set, options.cell, allow_code=options.allow_code)
    coloured = colour.wanted(options.color)
    asked = (options.source, options.item, options.exposure, options.n, coloured)
    digest = plan_digest(loaded)
    key = digest and digest_of([digest, repr(asked)])
    for text in kept("previews", key, lambda: _texts(loaded, options, coloured)):
        output.show_painted(text)
    return 0


def _texts(loaded: Loaded, options: argparse.Namespace, coloured: bool) -> list[str]:
    """What is shown: for each document a heading and its text."""
    import numpy as np

    from pipeline.inspect import colour
    from pipeline.plan import planned

    plan, shown = planned(loaded), []
    names = [options.source] if options.source else list(plan.sources)
    for name in names:
        check_item(plan, name, options.item or 0)
        source = plan.sources[name]
        items = [options.item] if options.item is not None else range(min(options.n, len(source)))
        item = np.array(items, np.int64)
        documents = source.documents(item, np.full_like(item, options.exposure), spans=coloured, parts=coloured)
        heading = colour.heading(name) if coloured else escaped(name)
        legend, texts = _coloured(plan, name, documents) if coloured else ("", _plain(plan, documents))
        shown += [legend] * bool(legend)
        for number, text, tokens in zip(items, texts, documents.tokens.lengths, strict=True):
            shown.append(f"{heading} · item {number} · exposure {options.exposure} · {tokens} tokens")
            shown.append(text + "\n")
    return shown


def _plain(plan: Plan, documents: Documents) -> list[str]:
    """The texts of the documents, escaped for a terminal."""
    tokens = documents.tokens
    texts = (
        plan.tokenizer.decode(tokens.values[tokens.offsets[i] : tokens.offsets[i + 1]]) for i in range(len(tokens))
    )
    return [escaped(text, keep=output.LAID_OUT) for text in texts]


def _coloured(plan: Plan, name: str, documents: Documents) -> tuple[str, list[str]]:
    """A legend of the colours, and the documents in colour."""
    from pipeline.inspect import colour
    from pipeline.inspect.highlight import runs_of

    hue = colour.hues(label for source in plan.sources.values() for label in source.labels)
    runs = [runs_of(plan.tokenizer, plan.sources[name], documents, i) for i in range(len(documents))]
    return colour.legend(runs, hue), [colour.painted(run, hue) for run in runs]


COMMAND = Command(20, "preview", "Show documents of a recipe.", run, arguments)
