"""`ours_tmpfs` for each kind of tokenizer, beside GPT-2's: those that tests train, and files of your own.

The environment variable TOKENIZERS names a folder with more of them, each a tokenizer.json under a name of its own.
What takes the slow path gets shards a thousandth as large.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from tests.bench.harness import RECIPE, TMPFS, Contender, Options, Result, emptied, in_turns, one_core, scratch
from tests.bench.single_core import build_all
from tests.encoders import tokenizer

BASE = "gpt2"
KINDS = (
    "qwen2", "llama3", "o200k", "tekken", "llama", "mistral", "metaspace", "gemma", "bert", "clip", "nfkc", "unigram",
)  # fmt: skip
SHARDS = 2


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """Two shards of a recipe with each tokenizer to /dev/shm, on one core, in turns."""
    contenders = {}
    with one_core(), ExitStack() as stack:
        files = stack.enter_context(scratch(TMPFS))
        for name, spec in {BASE: BASE, **_trained(files), **_given()}.items():
            plan = _plan(spec, 2**20 if options.quick else 2**24)
            folder = stack.enter_context(scratch(TMPFS)) / "data"
            emptied(folder)
            slow = any(source.rendered for source in plan.sources.values())
            run = partial(build_all, plan, folder, [("train", k) for k in range(SHARDS)])
            note = "slow path" if slow else "fast path"
            contenders[f"tokenizers/{name}"] = Contender(run(), run, note, partial(emptied, folder))
        results = in_turns(contenders, options.repeats(5))
    for result in results.values():
        base = {name: ratio for name, ratio in result.ratio_to.items() if name == f"tokenizers/{BASE}"}
        yield Result(result.case, result.seconds, result.tokens, base, result.note)


def _trained(folder: Path) -> dict[str, str]:
    """The tokenizers of tests, saved: name → what a recipe says."""
    for kind in KINDS:
        tokenizer(kind).backend.save(str(folder / f"{kind}.json"))
    return {kind: str(folder / f"{kind}.json") for kind in KINDS}


def _given() -> dict[str, str]:
    folder = os.environ.get("TOKENIZERS")
    return {path.stem: str(path.resolve()) for path in sorted(Path(folder).glob("*.json"))} if folder else {}


def _plan(spec: str, shard_tokens: int) -> Plan:
    """The plan with a tokenizer; with small shards if it takes the slow path."""
    plan = compile_plan(load(RECIPE, [f"tokenizer={spec}", f"shard_tokens={shard_tokens}"]))
    if any(source.rendered for source in plan.sources.values()):
        return compile_plan(load(RECIPE, [f"tokenizer={spec}", f"shard_tokens={max(shard_tokens // 1000, 2**12)}"]))
    return plan
