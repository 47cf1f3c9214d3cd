"""What a corpus costs beside facts, with two workers, and in memory as it grows. Texts and recipe as in corpus.py."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median

from pipeline.plan import compile_plan
from pipeline.recipe import load
from tests.bench import memory, scaling
from tests.bench.corpus import RECIPE, recipe_of, texts_written, warm
from tests.bench.harness import Options, Result, emptied, filesystem, one_core, say
from tests.bench.rivals import Took, timed
from tests.bench.single_core import build_all

MIXTURE = """
extends: bioS_multi5
sources: {{text: {{kind: corpus, files: {texts}{keys}}}}}
splits: {{train: {{mixture: {{text: {{exposures: 1}}, biographies: {{share: 0.2}}}}, packing: {{length: 1024}}}}}}
"""
RECIPES = {"alone": RECIPE, "with_facts": MIXTURE}
PEAK = "VmHWM, pages of mapped files included, of a fresh process that plans and builds shard 0; ratio_to: of peaks"
SHARD_TOKENS = 2**22
SHARDS = 32  # of a build by workers: enough to see them at work at the same time


def mixture(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """A quarter of the text, alone and as four fifths of a mixture, in turns: seconds for the same texts."""
    took: dict[str, list[Took]] = {name: [] for name in RECIPES}
    with texts_written(options.disk, -(-options.megabytes // 4)) as texts, one_core():
        plans = {}
        for name, recipe in RECIPES.items():
            warm(texts.parent, recipe)
            plans[name] = compile_plan(load(recipe_of(texts, recipe)))
        for name in [*RECIPES] * options.repeats(3):
            out = texts.parent / name
            emptied(out)
            took[name].append(timed(partial(build_all, plans[name], out)))
            say(f"{name:<12} {took[name][-1].seconds:8.2f} s, {took[name][-1].processor_seconds:8.2f} of the processor")
    medians = {
        name: dict(zip(Took._fields, map(median, zip(*runs, strict=True)), strict=True)) for name, runs in took.items()
    }
    for name, runs in took.items():
        more = {
            f"{clock}_ratio_to": {"corpus_mixture/alone": medians[name][clock] / medians["alone"][clock]}
            for clock in ("seconds", "processor_seconds")
        }
        note = f"built to {filesystem(options.disk)}, planned before"
        yield Result(f"corpus_mixture/{name}", [run.seconds for run in runs], runs[0].tokens, note=note, more=more)


def workers(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """Whole builds with one and with two workers of Ray in turns, to disk."""
    runs: dict[int, list[scaling.Run]] = {count: [] for count in scaling.WORKERS}
    with texts_written(options.disk, options.megabytes) as texts:
        recipe = recipe_of(texts)
        tokens = int(compile_plan(load(recipe)).splits["train"].tokens)
        plan = compile_plan(load(recipe, [f"shard_tokens={tokens // SHARDS}"]))
        for count in scaling.WORKERS * options.repeats(3):
            runs[count].append(scaling.built(plan, texts.parent / "data", count))
    yield from scaling.results("corpus_workers", runs, filesystem(options.disk))


def peaks(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """A shard of corpora of a tenth, once and five times the size, each in a fresh process; they are indexed before."""
    found: dict[str, float] = {}
    for megabytes in (options.megabytes // 10, options.megabytes, 5 * options.megabytes):
        with texts_written(options.disk, megabytes) as texts:
            recipe = recipe_of(texts)
            compile_plan(load(recipe))
            peak = memory.child(os.environ, str(texts.parent / "data"), recipe, f"shard_tokens={SHARD_TOKENS}")
        say(f"{megabytes:>5} MB: {peak['built']:.0f} MiB")
        ratio = {f"corpus_memory/{other}MB": peak["built"] / before for other, before in found.items()}
        found[str(megabytes)] = peak["built"]
        more = {
            "peak_mib": peak["built"],
            "peak_mib_after_import": peak["imported"],
            "peak_mib_after_plan": peak["planned"],
            "shard_tokens": int(peak["tokens"]),
        }
        yield Result(f"corpus_memory/{megabytes}MB", ratio_to=ratio, note=PEAK, more=more)
