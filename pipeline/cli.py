"""The command line: plan · preview · build · verify · where · score · capacity · list · schema · warm.

Exit codes: 0 done, 1 work or a check failed, 2 the input was refused, 130 stopped by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline.core.errors import PipelineError, PlanError, suggest

if TYPE_CHECKING:  # imported where they are used: --help and refusals stay instant
    from tqdm import tqdm

    from pipeline.executors import Executor
    from pipeline.plan import Plan, SplitPlan
    from pipeline.worlds.world import World


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. A refusal is one line on stderr, without a traceback."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except PipelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Stopped. What is complete is kept: run the same command to go on.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pipeline", description="Synthetic pretraining data from a recipe.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    def recipe_arguments(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("recipe", help="a name in recipes/, or the path of a YAML file")
        sub.add_argument("--set", action="append", default=[], metavar="KEY.PATH=VALUE", help="override a value")

    recipe_arguments(add("plan", _plan, "Say exactly what a recipe would build, and build nothing."))
    preview = add("preview", _preview, "Show documents of a recipe.")
    recipe_arguments(preview)
    preview.add_argument("--source", help="only this one")
    preview.add_argument("--item", type=int, help="the document of this individual")
    preview.add_argument("--exposure", type=int, default=0)
    preview.add_argument("-n", type=int, default=3, help="documents a source (default 3)")
    build = add("build", _build, "Build the dataset of a recipe, or what is missing of it.")
    recipe_arguments(build)
    build.add_argument("--out", type=Path, help="the dataset's folder (default data/<recipe>)")
    build.add_argument("--executor", choices=("ray", "inline"), default="ray", help="inline: this process alone")
    build.add_argument("--workers", type=int, help="of a local Ray (default: all cores)")
    build.add_argument("--address", default=os.environ.get("RAY_ADDRESS"), help="of a running Ray cluster")
    verify = add("verify", _verify, "Read a built dataset and hold it against its manifest.")
    verify.add_argument("folder", type=Path)
    where = add("where", _where, "Say where a document stands in the dataset.")
    recipe_arguments(where)
    where.add_argument("--source", required=True)
    where.add_argument("--item", type=int, required=True)
    where.add_argument("--exposure", type=int, default=0)
    score = add("score", _score, "Score a model's answers against a split with the column answers.")
    score.add_argument("folder", type=Path)
    score.add_argument("predictions", type=Path, help='JSON lines: {"prediction": "…"}, or with "row": number')
    score.add_argument("--split", default="exam", help="(default exam)")
    capacity = add("capacity", _capacity, "Turn losses per token into bits of knowledge (Part 3.3).")
    capacity.add_argument("folder", type=Path)
    capacity.add_argument("losses", type=Path, help=".npy (rows, length), beside input_ids; natural logarithms")
    capacity.add_argument("--split", default="score", help="(default score)")
    capacity.add_argument("--predictions", type=Path, help=".npy of the likeliest ids, for exact accuracies")
    capacity.add_argument("--parameters", type=int, help="of the model, for bits a parameter")
    capacity.add_argument("--source", help="where the split has several")
    add("list", _list, "Name the recipes.")
    add("schema", _schema, "Print the JSON Schema of recipes, for editors.")
    add("warm", _warm, "Compile the kernels, once a machine.")
    return parser


def _compiled(options: argparse.Namespace) -> Plan:
    from pipeline.plan import compile_plan
    from pipeline.recipe import load

    return compile_plan(load(options.recipe, options.set))


def _plan(options: argparse.Namespace) -> int:
    from pipeline import figures

    plan = _compiled(options)
    print(f"{plan.title or options.recipe}\nfingerprint {plan.fingerprint[:16]} · seed {plan.recipe.seed}", end=" · ")
    print(f"tokenizer {plan.recipe.tokenizer.name}, {plan.tokenizer.vocabulary:,} ids as {plan.tokenizer.dtype}")
    for name, known in figures.of_worlds(plan).items():
        _print_world(plan.worlds[name], known)
    for name, split in plan.splits.items():
        print(f"\nsplit {name}: {split.documents:,} documents, about {float(split.tokens):,.0f} tokens", end=", ")
        print(f"{_count(split.shards, 'shard')}, about {plan.bytes_of(name) / 1e6:,.1f} MB")
        packed = f"{split.packing.method}, {split.packing.length} tokens"
        print(f"  packing {packed} · columns {', '.join(('input_ids', *split.columns))}")
        print(f"  {'source':<20} {'documents':>15} {'exposures':>18} {'tokens each':>12} {'tokens':>17} {'share':>7}")
        for source, told in figures.of_exposures(plan, name).items():
            _print_source(split, source, told)
        for notice in split.notices:
            print(f"notice: split {name}: {notice}")
    for name, compiled in plan.sources.items():
        for notice in compiled.notices:
            print(f"notice: source {name}: {notice}")
    return 0


def _print_world(world: World, known: dict[str, Any]) -> None:
    attributes = list(world.spec.attributes)
    print(f"world {world.name}: {world.size:,} × {', '.join(attributes)}")
    print(
        f"  {known['bits']:,} bits to know (a name {known['name_bits']:.2f}, values {known['value_bits']:.2f}):"
        f" {known['parameters_at_2_bits']:,} parameters at 2 bits each, {known['parameters_at_1_bit']:,} at 1"
    )


def _print_source(split: SplitPlan, source: str, told: dict[str, Any]) -> None:
    documents, tokens = split.documents_of(source), split.expected[source]
    share = float(tokens / sum(split.expected.values()))
    exposures = f"{told['mean']:.4g}"
    if told["least"] != told["most"]:
        exposures += f" ({told['least']} to {told['most']:,})"
    print(
        f"  {source:<20} {documents:>15,} {exposures:>18} {told['tokens_each']:>12.2f}"
        f" {float(tokens):>17,.0f} {share:>7.1%}"
    )


def _preview(options: argparse.Namespace) -> int:
    import numpy as np

    plan = _compiled(options)
    names = [options.source] if options.source else list(plan.sources)
    for name in names:
        if name not in plan.sources:
            raise PlanError(f"no source '{name}'", suggest(name, plan.sources))
        source = plan.sources[name]
        _check_item(plan, name, options.item or 0)
        items = [options.item] if options.item is not None else range(min(options.n, len(source)))
        item = np.array(items, np.int64)
        told = source.documents(item, np.full_like(item, options.exposure), spans=False).tokens
        for i, number in enumerate(items):
            ids = told.values[told.offsets[i] : told.offsets[i + 1]]
            print(f"{name} · item {number} · exposure {options.exposure} · {len(ids)} tokens")
            print(plan.tokenizer.decode(ids) + "\n")
    return 0


def _check_item(plan: Plan, source: str, item: int) -> None:
    if not 0 <= item < len(plan.sources[source]):
        raise PlanError(f"no item {item} in source '{source}'", f"It has 0 to {len(plan.sources[source]) - 1}.")


def _build(options: argparse.Namespace) -> int:
    from pipeline import build, executors, recipe
    from pipeline.manifest import ShardRecord

    if options.workers is not None and options.workers < 1:
        raise PlanError(f"{options.workers} workers", "Give 1 or more.")
    began = time.perf_counter()
    plan = _compiled(options)
    out = options.out or Path("data") / recipe.find(options.recipe).stem
    executor: Executor = (
        executors.Inline() if options.executor == "inline" else executors.Ray(options.workers, options.address)
    )
    total = int(sum(split.tokens for split in plan.splits.values()))
    with _bar(total, "tokens") as bar:
        new = []

        def built(record: ShardRecord) -> None:
            new.append(record)
            bar.update(record.tokens)

        manifest = build.build(plan, out, executor, built=built, kept=lambda record: bar.update(record.tokens))
    for name, split in manifest.splits.items():
        shards = _count(len(split["shards"]), "shard")
        print(
            f"{name}: {split['documents']:,} documents, {split['tokens']:,} tokens in {split['sequences']:,} sequences"
            f" of {split['length']}, {shards}, {split['bytes'] / 1e6:,.1f} MB"
        )
    kept, seconds = len(plan.shards) - len(new), time.perf_counter() - began
    print(f"{out}: {_count(len(new), 'shard')} built, {kept} kept, {seconds:.1f} s")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from pipeline.build import verify

    with _bar(None, "tokens") as bar:
        wrong = verify(options.folder, checked=lambda record: bar.update(record.tokens))
    for line in wrong:
        print(line)
    found = (
        f"{_count(len(wrong), 'fault')}; build mends what is missing or damaged" if wrong else "whole and as recorded"
    )
    print(f"{options.folder}: {found}")
    return 1 if wrong else 0


def _where(options: argparse.Namespace) -> int:
    from pipeline.build import shard_name
    from pipeline.shard import find_document

    plan = _compiled(options)
    if options.source not in plan.sources:
        raise PlanError(f"no source '{options.source}'", suggest(options.source, plan.sources))
    _check_item(plan, options.source, options.item)
    found = False
    for name, split in plan.splits.items():
        position = split.find(options.source, options.item, options.exposure)
        if position is None:
            continue
        found = True
        k = split.shard_of(position)
        print(f"{name}: position {position:,} of {split.documents:,}, {shard_name(plan, name, k)}")
        for sequence, start, ids in find_document(plan, name, k, position):
            print(f"  sequence {sequence}, tokens {start} to {start + len(ids) - 1}: {plan.tokenizer.decode(ids)}")
    if not found:
        print(f"item {options.item} at exposure {options.exposure} of {options.source} is in no split")
    return 0 if found else 1


def _score(options: argparse.Namespace) -> int:
    from pipeline.scoring import score

    print("\n".join(score(options.folder, options.split, options.predictions).lines()))
    return 0


def _capacity(options: argparse.Namespace) -> int:
    from pipeline.capacity import measure

    told = {"predictions": options.predictions, "parameters": options.parameters, "source": options.source}
    print("\n".join(measure(options.folder, options.split, options.losses, **told).lines()))
    return 0


def _list(options: argparse.Namespace) -> int:
    from pipeline.core.files import library
    from pipeline.recipe import title

    for path in sorted(library("recipes").rglob("*.yaml"), key=lambda path: (path.parent.name, path.stem)):
        print(f"{path.stem:<32} {title(path)}")
    return 0


def _schema(options: argparse.Namespace) -> int:
    from pipeline.recipe import schema

    print(json.dumps(schema(), indent=2))
    return 0


def _warm(options: argparse.Namespace) -> int:
    began = time.perf_counter()
    from pipeline.core import kernels  # compiled, or loaded from the cache, by being imported

    print(f"kernels ready in {time.perf_counter() - began:.1f} s ({Path(kernels.__file__).name})")
    return 0


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s' * (number != 1)}"


def _bar(total: int | None, unit: str) -> tqdm[NoReturn]:
    """A progress bar with rate and time left; nothing where stderr is not a terminal."""
    from tqdm import tqdm as bar

    return bar(total=total, unit=f" {unit}", unit_scale=True, disable=None, smoothing=0.1)
