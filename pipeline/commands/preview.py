"""preview: documents of a recipe."""

from __future__ import annotations

import argparse

from pipeline.commands.common import check_item, compiled, recipe_arguments
from pipeline.core.errors import PlanError, suggest

HELP = "Show documents of a recipe."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which documents."""
    recipe_arguments(parser)
    parser.add_argument("--source", help="only this one")
    parser.add_argument("--item", type=int, help="the document of this individual")
    parser.add_argument("--exposure", type=int, default=0)
    parser.add_argument("-n", type=int, default=3, help="documents a source (default 3)")


def run(options: argparse.Namespace) -> int:
    """Print documents."""
    import numpy as np

    plan = compiled(options)
    names = [options.source] if options.source else list(plan.sources)
    for name in names:
        if name not in plan.sources:
            raise PlanError(f"no source '{name}'", suggest(name, plan.sources))
        source = plan.sources[name]
        check_item(plan, name, options.item or 0)
        items = [options.item] if options.item is not None else range(min(options.n, len(source)))
        item = np.array(items, np.int64)
        told = source.documents(item, np.full_like(item, options.exposure), spans=False).tokens
        for i, number in enumerate(items):
            ids = told.values[told.offsets[i] : told.offsets[i + 1]]
            print(f"{name} · item {number} · exposure {options.exposure} · {len(ids)} tokens")
            print(plan.tokenizer.decode(ids) + "\n")
    return 0
