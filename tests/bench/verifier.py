"""Solutions checked a second by the strict verifier, one core, from texts to verdicts: every problem is a new one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from pipeline.evaluate.checking.igsm.solution import verify
from pipeline.evaluate.checking.igsm.vocabulary import Vocabulary
from tests.bench.harness import Options, Result, one_core, say
from tests.reference.arithmetic import gold, write_vocabulary

SIZES = {"verifier/op<=15": (1, 15), "verifier/op=15": (15, 15), "verifier/op=30..32": (30, 32)}


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """Right solutions, which are the slowest: a wrong one ends at its first fault."""
    count = 100 if options.quick else 1000
    with TemporaryDirectory() as folder, one_core():
        vocabulary = Vocabulary.at(write_vocabulary(Path(folder) / "lists"))
        for name, (least, most) in SIZES.items():
            random = Random(7)
            golds = [gold(random, least=least, most=most) for _ in range(count)]
            texts = [(one.problem(), one.solution(), one.answer()) for one in golds]
            seconds: list[float] = []
            for turn in range(options.repeats(5) + 1):
                began = time.perf_counter()
                right = sum(verify(*text, vocabulary=vocabulary).ok for text in texts)
                took = time.perf_counter() - began
                assert right == count, "they are right"
                say(f"{name:<40} {count / took:10,.0f} solutions/s{'' if turn else '   (warm-up)'}")
                seconds += [took] if turn else []
            speed = count / sorted(seconds)[len(seconds) // 2]
            means = {
                "solutions_per_second": round(speed),
                "mean_operations": sum(len(step.steps) for one in golds for step in one.sentences) / count,
                "mean_statements": sum(len(one.statements) for one in golds) / count,
            }
            yield Result(name, seconds, more=means, note="problem and solution as text, each problem read anew")
