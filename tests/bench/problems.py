"""Problems of grade-school mathematics, from the plan to Arrow files with both hashes, on one core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from pipeline.plan import compile_plan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard
from tests.bench.harness import TMPFS, Contender, Options, Result, emptied, in_turns, one_core, scratch
from tests.bench.single_core import build_all

RECIPES = ("igsm_med_pq", "igsm_med_pq_retry_50", "igsm_hard_pq", "igsm_hard_pq_retry_50")


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """One shard of each recipe to /dev/shm, in turns; problems a second beside tokens."""
    contenders, problems = {}, {}
    with one_core(), ExitStack() as stack:
        for name in RECIPES:
            plan = compile_plan(load(name, [f"shard_tokens={2**20 if options.quick else 2**23}"]))
            counts = make_shard(plan, "train", 0).sources["problems"]
            problems[f"problems/{name}"] = counts.documents
            folder = stack.enter_context(scratch(TMPFS)) / "data"
            emptied(folder)
            run = partial(build_all, plan, folder, [("train", 0)])
            note = "a shard; tokens in windows, problems longer than one left out"
            contenders[f"problems/{name}"] = Contender(counts.tokens, run, note, partial(emptied, folder))
        results = in_turns(contenders, options.repeats(5))
    for name, result in results.items():
        more = {"problems": problems[name], "problems_per_second": round(problems[name] / result.median)}
        yield replace(result, more=more)
