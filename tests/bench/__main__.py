"""`python -m tests.bench [--only CASE]… [--quick] [--disk FOLDER]`: one JSON line a case on stdout, progress on stderr.

Cases that are compared are run in turns (A B C A B C …) and reported by their median, with the least and the most.
A case of several parts writes a line for each, such as `memory/1M`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tests.bench import (
    commands,
    corpus,
    corpus_growth,
    laboratory,
    memory,
    own,
    paths,
    problems,
    scaling,
    single_core,
    stages,
    starting,
    streams,
    structure,
    tokenizer_kinds,
    variants,
    verifier,
)
from tests.bench.harness import Options, Result, machine, say

Measure = Callable[[Sequence[str], Options], Iterator[Result]]


class Case(NamedTuple):
    """A name for `--only`, who measures it, and what is measured. Neighbours with one measurer are run in turns."""

    name: str
    measure: Measure
    what: str


CASES = (
    Case("ours", single_core.measure, "one core: plan to Arrow files on disk, both hashes, bioS_multi5"),
    Case("ours_tmpfs", single_core.measure, "the same to /dev/shm"),
    Case("ours_arrays", single_core.measure, "one core: the same sequences in memory, neither hashed nor written"),
    Case("jinja_encode", single_core.measure, "one core: Jinja2 and tokenizers, what people do, to memory"),
    Case("join_gigatoken", single_core.measure, "one core: joined strings and gigatoken, the best stack, to memory"),
    Case("join_gigatoken_lent", single_core.measure, "the same, joined by a compiled kernel: our own idea, lent to it"),
    Case("memory_copy", single_core.measure, "one core: a copy of the finished output into a warm buffer"),
    Case("where_the_time_goes", stages.measure, "the share of each stage in one shard of `ours`"),
    Case("variants", variants.measure, "`ours_tmpfs` for each recipe"),
    Case("paths", paths.measure, "`ours_tmpfs` for biographies that name nobody else, a mother, and a grandmother"),
    Case("tokenizers", tokenizer_kinds.measure, "`ours_tmpfs` for each kind of tokenizer"),
    Case("streams", streams.measure, "what one loader worker feeds: made on the fly, beside read from shards"),
    Case("ranks", streams.measure, "what one of 1, 16 and 256 ranks gets: its own rows, beside a part of all"),
    Case("ray_scaling", scaling.measure, "Ray with two workers against one, 2.1 G tokens, to /dev/shm and to disk"),
    Case("ray_start", starting.measure, "a local Ray from nothing to first results and back: ours, beside `ray.init`"),
    Case("memory", memory.measure, "peak memory of a worker at 10 K, 1 M and 100 M people"),
    Case("problems", problems.measure, "one core: problems of grade-school mathematics to Arrow files"),
    Case("verifier", verifier.measure, "one core: solutions of grade-school problems, checked step by step"),
    Case("structure", structure.measure, "one core: grammars and puzzles, beside plain Python; the parser"),
    Case("sweep", laboratory.measure, "the cells of a sweep, planned, and planned again"),
    Case("reduced_vocabulary", laboratory.measure, "one core: `ours_tmpfs` with GPT-2's ids, and with those in use"),
    Case(
        "training",
        laboratory.measure,
        "the laboratory's model: tokens a second with GPT-2's ids, and with those in use",
    ),
    Case("own", own.measure, "one core: functions of one's own to Arrow files, texts and symbols, documents a second"),
    Case(
        "corpus", corpus.measure, "one core: JSON lines to files of tokens, beside what people use (make bench-rivals)"
    ),
    Case("corpus_mixture", corpus_growth.mixture, "one core: a fifth of facts in a corpus, beside the corpus alone"),
    Case("corpus_workers", corpus_growth.workers, "a corpus with two Ray workers against one"),
    Case(
        "corpus_memory",
        corpus_growth.peaks,
        "peak memory of a worker at corpora of a tenth, once and five times the size",
    ),
    Case("commands", commands.measure, "wall time of plan, preview and build, start-up included"),
)


def main() -> None:
    """Run the cases that are asked for."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure; one JSON line a case.")
    parser.add_argument("--only", action="append", choices=[case.name for case in CASES], metavar="CASE", help=_names())
    parser.add_argument("--quick", action="store_true", help="small sizes and few repeats, to try the harness itself")
    parser.add_argument("--disk", type=Path, default=Path(tempfile.gettempdir()), help="a folder on a real disk")
    parser.add_argument("--megabytes", type=int, help="of text, for the cases about a corpus; 200, with --quick 10")
    arguments = parser.parse_args()
    megabytes = arguments.megabytes or (10 if arguments.quick else 200)
    options = Options(arguments.quick, arguments.disk.resolve(), megabytes)
    print(machine(options).line(), flush=True)
    chosen = [case for case in CASES if not arguments.only or case.name in arguments.only]
    for measure, cases in groupby(chosen, key=lambda case: case.measure):
        names = [case.name for case in cases]
        say(f"── {', '.join(names)}")
        for result in measure(names, options):
            print(result.line(), flush=True)


def _names() -> str:
    return "one of: " + ", ".join(case.name for case in CASES)


if __name__ == "__main__":
    main()
