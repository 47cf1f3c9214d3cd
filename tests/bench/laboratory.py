"""What the laboratory adds: planning the cells of a sweep, a reduced vocabulary, and training on two sizes of it.

Training runs in the environment of `make experiment`, where that is set up; elsewhere its lines say that it is not.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from pipeline.plan import compile_plan
from pipeline.recipe import load
from pipeline.sweeps import read_sweep
from pipeline.sweeps.planning import planned_sweep
from tests.bench.harness import (
    RECIPE,
    ROOT,
    TMPFS,
    Contender,
    Options,
    Result,
    emptied,
    in_turns,
    one_core,
    say,
    scratch,
)
from tests.bench.single_core import build_all

PYTHON = ROOT / ".venv-torch/bin/python"
SWEEP = "exposures_by_junk"
USED = "tokenizer.vocabulary=used"

TRAIN = """
import json, sys, time, torch
from fractions import Fraction
from pipeline.laboratory.model import Shape
from pipeline.laboratory.spec import TrainingSpec
from pipeline.laboratory.training import new_run, steps
from pipeline import stream
overrides, count = json.loads(sys.argv[1]), int(sys.argv[2])
rows = stream("bioS_mixed_50", "train", overrides)
spec = TrainingSpec(tokens=1, batch=24, rate=Fraction(1, 500))
run = new_run("bench", Shape(int(sys.argv[3]), 256, 4, 128, 4), spec, 0, torch.device("cpu"))
times = []
for _ in steps(run, rows, spec, count):
    times.append(time.perf_counter())
print(json.dumps([after - before for before, after in zip(times[1:], times[2:])]))
"""


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """Those of the cases that are asked for."""
    if "sweep" in cases:
        yield _sweep(options)
    if "reduced_vocabulary" in cases:
        yield from _reduced(options)
    if "training" in cases:
        yield from _training(options)


def _sweep(options: Options) -> Result:
    """Seconds of planning all cells of a sweep; where the cache of plans has them not, the first time takes longest."""
    sweep = read_sweep(SWEEP)
    seconds = []
    for _ in range(options.repeats(3)):
        began = time.perf_counter()
        planned = planned_sweep(sweep, sweep.cells)
        seconds.append(time.perf_counter() - began)
        say(f"sweep {seconds[-1]:.2f} s")
    return Result(
        "sweep",
        seconds,
        note=f"all {len(planned.cells)} cells of {SWEEP} planned in one process; repeats come from the cache of plans",
    )


def _reduced(options: Options) -> Iterator[Result]:
    """Two shards with GPT-2's ids, and with those in use."""
    size = f"shard_tokens={2**20 if options.quick else 2**24}"
    contenders = {}
    with one_core(), ExitStack() as stack:
        for name, overrides in (("whole", [size]), ("used", [size, USED])):
            plan = compile_plan(load(RECIPE, overrides))
            folder = stack.enter_context(scratch(TMPFS)) / "data"
            emptied(folder)
            run = partial(build_all, plan, folder, [("train", k) for k in range(min(2, plan.splits["train"].shards))])
            note = f"{RECIPE} with {plan.tokenizer.vocabulary:,} ids"
            contenders[f"reduced_vocabulary/{name}"] = Contender(run(), run, note, partial(emptied, folder))
        yield from in_turns(contenders, options.repeats(5)).values()


def _training(options: Options) -> Iterator[Result]:
    """Steps of the laboratory's model, of the sizes of extraction at laptop scale, with each of two vocabularies."""
    if not PYTHON.exists():
        yield Result("training", note="not measured: `make experiment` has set up no environment here")
        return
    seconds: dict[str, list[float]] = {"used": [], "whole": []}
    ids = {}
    for _ in range(options.repeats(3)):
        for name in seconds:
            overrides = ["worlds.people.size=1000", "splits.train.packing.length=256", *[USED] * (name == "used")]
            overrides.append("splits.train.columns=[segment_ids]")
            tokenizer = compile_plan(load("bioS_mixed_50", overrides)).tokenizer
            ids[name] = tokenizer.in_use.count if tokenizer.in_use else tokenizer.vocabulary
            command = [str(PYTHON), "-c", TRAIN, json.dumps(overrides), "4" if options.quick else "12", str(ids[name])]
            done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
            seconds[name] += json.loads(done.stdout)
            say(f"training/{name} {24 * 256 / min(seconds[name]):,.0f} tokens/s")
    results = {name: Result(f"training/{name}", times, 24 * 256) for name, times in seconds.items()}
    for name, result in results.items():
        other = results["whole" if name == "used" else "used"]
        ratio = {other.case: result.speed / other.speed}
        note = f"a step of 24 x 256 tokens, 4 layers, width 128, {ids[name]:,} ids, all cores"
        yield Result(result.case, result.seconds, result.tokens, ratio, note)
