"""preview: documents of a recipe."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pipeline.commands.command import Command
from pipeline.commands.common import check_item, compiled, recipe_arguments
from pipeline.core.errors import PlanError
from pipeline.core.system import output
from pipeline.core.system.escaping import escaped

if TYPE_CHECKING:
    from pipeline.core.documents import Documents
    from pipeline.plan.plan import Plan


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: the recipe, which documents, colour."""
    recipe_arguments(parser)
    parser.add_argument("--source", help="only this one")
    parser.add_argument("--item", type=int, help="the document of this individual")
    parser.add_argument("--exposure", type=int, default=0)
    parser.add_argument("-n", type=int, default=3, help="documents a source (default 3)")
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="of values, parts and what has no loss (default auto: on a terminal, unless NO_COLOR is set)",
    )


def run(options: argparse.Namespace) -> int:
    """Print documents. Returns the exit code."""
    import numpy as np

    from pipeline.inspect import colour
    from pipeline.recipe.model import MOST_EXPOSURES

    if options.n < 1:
        raise PlanError(f"{options.n} documents", "Give -n 1 or more.")
    if not 0 <= options.exposure < MOST_EXPOSURES:
        raise PlanError(f"no exposure {options.exposure}", f"Give 0 to {MOST_EXPOSURES - 1}.")
    plan = compiled(options)
    coloured = colour.wanted(options.color)
    names = [options.source] if options.source else list(plan.sources)
    for name in names:
        check_item(plan, name, options.item or 0)
        source = plan.sources[name]
        items = [options.item] if options.item is not None else range(min(options.n, len(source)))
        item = np.array(items, np.int64)
        documents = source.documents(item, np.full_like(item, options.exposure), spans=coloured, parts=coloured)
        texts = _coloured(plan, name, documents) if coloured else _plain(plan, documents)
        shown = colour.heading(name) if coloured else escaped(name)
        for number, text, tokens in zip(items, texts, documents.tokens.lengths, strict=True):
            output.show_painted(f"{shown} · item {number} · exposure {options.exposure} · {tokens} tokens")
            output.show_painted(text + "\n")
    return 0


def _plain(plan: Plan, documents: Documents) -> list[str]:
    """The texts of the documents, escaped for a terminal."""
    tokens = documents.tokens
    texts = (
        plan.tokenizer.decode(tokens.values[tokens.offsets[i] : tokens.offsets[i + 1]]) for i in range(len(tokens))
    )
    return [escaped(text, keep=output.LAID_OUT) for text in texts]


def _coloured(plan: Plan, name: str, documents: Documents) -> list[str]:
    """The documents in colour. Prints a legend of the colours first."""
    from pipeline.inspect import colour
    from pipeline.inspect.highlight import runs_of

    hue = colour.hues(label for source in plan.sources.values() for label in source.labels)
    runs = [runs_of(plan.tokenizer, plan.sources[name], documents, i) for i in range(len(documents))]
    if legend := colour.legend(runs, hue):
        output.show_painted(legend)
    return [colour.painted(run, hue) for run in runs]


COMMAND = Command(20, "preview", "Show documents of a recipe.", run, arguments)
