"""list: the recipes, sweeps and experiments, or the kinds of sources."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pipeline.commands.command import Command
from pipeline.core.system import output


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument: what to list."""
    parser.add_argument("--kinds", action="store_true", help="the kinds of sources that a recipe may have")


def run(options: argparse.Namespace) -> int:
    """Print a line for each: its name and a summary. Returns the exit code."""
    if options.kinds:
        for line in _kinds():
            output.say(line)
        return 0
    from pipeline.laboratory.experiment import experiments
    from pipeline.recipe.paths import recipes, sweeps, title

    by_folder = sorted(recipes().values(), key=lambda path: (path.parent.name, path.stem))
    for heading, paths in (("", by_folder), ("Sweeps:", sweeps().values()), ("Experiments:", experiments().values())):
        if heading and paths:
            output.say()
            output.say(heading)
        for path in paths:
            output.say(f"{path.stem:<32} {title(path)}")
    return 0


def _kinds() -> Iterator[str]:
    """A line for each kind of source: those of this package, then those from elsewhere, below where they come from."""
    from pipeline.sources.registry import SOURCES, load_all, origin_of

    broken = load_all()
    by_origin: dict[str, list[str]] = {}
    for name in SOURCES:
        by_origin.setdefault(origin_of(name), []).append(name)
    for origin, names in by_origin.items():
        yield from ["", f"From {origin}:"] if origin else []
        yield from (f"{name:<13} {SOURCES[name].summary}" for name in names)
    if broken:
        yield from ["", "Not to be used:"]
    yield from (f"{name:<13} {error}" for name, error in broken.items())


COMMAND = Command(120, "list", "Name the recipes, sweeps and experiments, or the kinds of sources.", run, arguments)
