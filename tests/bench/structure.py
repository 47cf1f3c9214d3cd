"""Grammars and puzzles on one core, beside a straightforward Python generator of the same, in memory both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from random import Random

import numpy as np

from pipeline.core.documents import Ragged, offsets_of
from pipeline.grammars.notation import written
from pipeline.grammars.parser import Parser
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard
from pipeline.sources.puzzles.sentences import Sentences
from tests.bench.harness import Contender, Options, Result, in_turns, one_core, say
from tests.reference import grammars, puzzles

GRAMMARS = ("cfg3b_like", "cfg3f_like", "cfg3k_like")
WORDS = (2, 4)
PUZZLES: dict[str, Callable[[Random], list[str]]] = {
    "depo1_N375_K8": lambda rng: puzzles.depo(rng, 375, 8),
    "depo2_N125_K16": lambda rng: puzzles.depo(rng, 125, 16, (5, 7), 4),
    "brevo1_N110": lambda rng: puzzles.brevo(rng, 110),
    "brevo2_N50": lambda rng: puzzles.brevo(rng, 50, WORDS, 4),
    "mano_L16": lambda rng: puzzles.mano(rng, 16),
    "copy_N500": lambda rng: puzzles.copy(rng, 500, 50),
}


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """One shard of each recipe, and some seconds of the plain generator, in turns; then the parser."""
    with one_core():
        for name in (*GRAMMARS, *PUZZLES):
            plan = compile_plan(load(name, [f"shard_tokens={2**18 if options.quick else 2**23}"]))
            plain = PUZZLES.get(name) or _plain(plan)
            yield from in_turns(_pair(name, plan, plain, options), options.repeats(3)).values()
        yield from _parses(options)


def _pair(name: str, plan: Plan, plain: Callable[[Random], list[str]], options: Options) -> dict[str, Contender]:
    counts = make_shard(plan, "train", 0).sources
    tokens = sum(count.tokens for count in counts.values())
    documents, few = sum(count.documents for count in counts.values()), 50 if options.quick else 1000

    def told() -> int:
        rng = Random(7)
        return sum(len(plain(rng)) for _ in range(few))

    return {
        f"structure/{name}": Contender(
            tokens, lambda: make_shard(plan, "train", 0), f"make_shard: {documents:,} documents drawn and packed"
        ),
        f"structure/{name}/python": Contender(
            told(), told, f"{few:,} documents as lists of names: random, lists, sets; neither ids nor packed"
        ),
    }


def _plain(plan: Plan) -> Callable[[Random], list[str]]:
    source = plan.sources["sentences"]
    assert isinstance(source, Sentences)
    rules = grammars.read(written(source.grammar))
    root = next(iter(rules))
    return lambda rng: grammars.sentence(rules, root, rng)


def _parses(options: Options) -> Iterator[Result]:
    """Milliseconds a string, of sentences and of the same with one symbol changed."""
    for name in ("cfg3f_like", "cfg3k_like"):
        source = compile_plan(load(name)).sources["sentences"]
        assert isinstance(source, Sentences)
        right = _near(source, 500, 20 if options.quick else 100)
        for way, run in _ways(Parser(source.grammar), right, len(source.grammar.terminals)).items():
            seconds = [_timed(run) for _ in range(options.repeats(3) + 1)][1:]
            each = sorted(seconds)[len(seconds) // 2] / len(right) * 1000
            say(f"structure/parser/{name}/{way:<20} {each:8.2f} ms a string")
            more = {"milliseconds_a_string": each, "mean_symbols": float(right.lengths.mean())}
            note = f"{len(right)} sentences, those of 20,000 whose lengths are nearest to 500"
            yield Result(f"structure/parser/{name}/{way}", seconds, more=more, note=note)


def _ways(parser: Parser, right: Ragged, terminals: int) -> dict[str, Callable[[], object]]:
    wrong = right.values.copy()
    wrong[right.offsets[:-1] + right.lengths // 2] += 1
    wrong %= terminals
    return {
        "sentences": lambda: parser.accepts_all(right.values, right.offsets),
        "one_symbol_changed": lambda: parser.accepts_all(wrong, right.offsets),
        "next_symbols": lambda: [parser.next_symbols(right.values[a:b]) for a, b in pairwise(right.offsets.tolist())],
    }


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _near(source: Sentences, length: int, count: int) -> Ragged:
    """The sentences, of the first 20,000, whose lengths are nearest to one."""
    numbers = np.arange(20_000)
    values, offsets = source.sampler.sentences(numbers, numbers * 0)
    nearest = np.sort(np.argsort(np.abs(np.diff(offsets) - length), kind="stable")[:count])
    rows = Ragged(values, offsets)
    return Ragged(rows.take(nearest).values, offsets_of(rows.lengths[nearest]))
