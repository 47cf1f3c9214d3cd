"""`ours_tmpfs` for each kind of recipe: what orders, names, mistakes, languages, questions and columns cost.

Every recipe is brought to about the same size: two shards of 16 M tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from tests.bench.harness import TMPFS, Contender, Options, Result, emptied, in_turns, one_core, scratch
from tests.bench.single_core import build_all

BASE = "bioS_multi5"
RECIPES = (
    "bioS_single", "bioS_single_fullname", "bioS_single_permute5", "bioS_multi2", BASE, "bioS_multi5_fullname",
    "bioS_multi5_permute", "bioS_multi5_permute_fullname", "bioS_couple5", "bioS_multi5_reverse6",
    "bioS_multi5_permute_reverse6", "bioS_100K_100", "bioS_celebrity", "bioS_long_tail", "bioS_french",
    "bioS_multilingual", "bioS_mistakes_10", "bioS_mistakes_50", "bioS_mistakes_masked", "bioS_mistakes_weak",
    "bioS_mistakes_silent", "bioS_mixed_80", "bioS_reversal", "bioS_probing", "bioS_retrieval", "bioS_classification",
    "bioS_comparison", "bioS_inverse", "bioS_text", "junk_random", "junk_tagged", "bioD_N10K_K20", "bioD_N100K_K1",
    "bioS_rounds", "bioS_massed", "junk_ramp", "kin_two_hop", "companies", "tiny", "products",
)  # fmt: skip
SPLITS = {"bioS_retrieval": "finetune", "bioS_classification": "finetune", "bioS_comparison": "finetune"}
SPLITS |= {"bioS_inverse": "finetune", "bioS_probing": "p_probing"}  # what is new in them


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """Two shards of one split of each recipe to /dev/shm, on one core, in turns."""
    contenders = {}
    with one_core(), ExitStack() as stack:
        for name in RECIPES:
            plan, shards = _plan(name, 2**20 if options.quick else 2**24)
            folder = stack.enter_context(scratch(TMPFS)) / "data"
            emptied(folder)
            split = plan.splits[shards[0][0]]
            note = f"{len(shards)} shards of {split.name}; columns {' '.join(['input_ids', *split.columns])}"
            run = partial(build_all, plan, folder, shards)
            contenders[f"variants/{name}"] = Contender(run(), run, note, partial(emptied, folder))
        results = in_turns(contenders, options.repeats(5))
    for result in results.values():
        base = {name: ratio for name, ratio in result.ratio_to.items() if name == f"variants/{BASE}"}
        yield Result(result.case, result.seconds, result.tokens, base, result.note)


def _plan(name: str, shard_tokens: int) -> tuple[Plan, list[tuple[str, int]]]:
    """The plan of a recipe, and the shards that are built of it."""
    plan = compile_plan(load(name, [f"shard_tokens={shard_tokens}"]))
    split = SPLITS.get(name, next(iter(plan.splits)))
    return plan, [(split, k) for k in range(min(2, plan.splits[split].shards))]
