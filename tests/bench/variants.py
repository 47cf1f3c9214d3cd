"""`ours_tmpfs` for each recipe: what sentence orders, full names, fresh wordings and more columns cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from pipeline.core.files import library
from pipeline.plan import compile_plan
from pipeline.recipe import load
from tests.bench.harness import TMPFS, Contender, Options, Result, emptied, in_turns, one_core, say, scratch
from tests.bench.single_core import build_all

RECIPES: tuple[tuple[str, list[str]], ...] = (  # name, overrides
    ("bioS_single", []),
    ("bioS_multi2", []),
    ("bioS_multi5", []),
    ("bioS_multi5_permute", []),
    ("bioS_multi5_permute_fullname", []),
    ("tiny", ["worlds.people.size=100000", "shard_tokens=33554432"]),  # as many people and tokens a shard as the others
    ("products", []),
)


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """All shards of each recipe to /dev/shm, on one core, in turns."""
    contenders = {}
    with one_core(), ExitStack() as stack:
        for name, overrides in RECIPES:
            if not (library("recipes") / f"{name}.yaml").is_file():
                say(f"no recipe {name}: left out")
                continue
            smaller = ["worlds.people.size=10000"] if options.quick and name != "products" else []
            plan = compile_plan(load(name, [*overrides, *smaller]))
            folder = stack.enter_context(scratch(TMPFS)) / "data"
            emptied(folder)
            columns = [column for split in plan.splits.values() for column in split.columns]
            note = "; ".join([f"{len(plan.shards)} shards", f"columns {' '.join(['input_ids', *columns])}", *overrides])
            tokens = build_all(plan, folder)
            run = partial(build_all, plan, folder)
            contenders[f"variants/{name}"] = Contender(tokens, run, note, partial(emptied, folder))
        results = in_turns(contenders, options.repeats(5))
    for result in results.values():
        base = {name: ratio for name, ratio in result.ratio_to.items() if name == "variants/bioS_multi5"}
        yield Result(result.case, result.seconds, result.tokens, base, result.note)
