"""From JSON lines to files of tokens on one core: ours, the tools that people use, and limits; the same texts for all.

Ours plans and builds in this process, to Arrow files with both hashes, documents in a new order; indexing, once a
corpus, is a figure apart. Tools run in environments of their own (rivals.py, `make bench-rivals`); one that is not
installed is left out. Limits stop earlier: gigatoken encodes texts that are in memory, pyarrow only parses the file.
All that encode must have as many tokens as ours, an end token after each document included.

Reported are speeds by the wall, and by the clock of the processor, which other processes touch less.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from tests.bench.harness import ROOT, Options, Result, emptied, filesystem, one_core, say, scratch
from tests.bench.rivals import Took, timed
from tests.bench.single_core import build_all
from tests.bench.varied_text import write

KEYS = ""  # further keys of the source, such as ", order: blocks"
RECIPE = """
tokenizer: gpt2
sources: {{text: {{kind: corpus, files: {texts}{keys}}}}}
splits: {{train: {{mixture: {{text: {{exposures: 1}}}}, packing: {{length: 1024}}}}}}
"""
RIVALS = Path(__file__).with_name("rivals.py")
TOOLS = {"datasets": ".venv-rivals", "datatrove": ".venv-rivals", "megatron": ".venv-rivals", "dolma": ".venv-dolma"}
NOTES = {
    "ours": "plan and build to {disk}: Arrow, BLAKE3, XXH3, records; indexed before",
    "datasets": "load_dataset, map (batches of 1,000, encode_batch_fast), save_to_disk",
    "datatrove": "JsonlReader, DocumentTokenizer without its shuffling",
    "megatron": "preprocess_data's loop in one process: json, encode, IndexedDatasetBuilder.add_document",
    "dolma": "tokenize_in_parallel, what `dolma tokens` calls, in one process",
    "gigatoken": "a limit: encode of texts in memory, an end token after each",
    "pyarrow": "a limit: read_json, one thread; no tokens are made",
}

Run = Callable[[], Took]


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """All of them in turns."""
    with texts_written(options.disk, options.megabytes) as texts, one_core():
        ours, megabytes = Ours(texts), texts.stat().st_size / 1e6
        documents = ours.plan.splits["train"].documents
        say(f"{documents:,} documents, {megabytes:.1f} MB")
        tools = {tool: _tool(tool, texts, ours.tokenizer) for tool in TOOLS if _python(tool).exists()}
        runs = {"ours": ours.run, **tools, **_limits(texts, ours.plan)}
        took = _in_turns(runs, 1 if options.quick else 2)
    facts = {"documents": documents, "megabytes": megabytes}
    more: dict[str, dict[str, Any]] = {"ours": {"plan_seconds": ours.plan_seconds, **facts}}
    for name in runs:
        yield _result(name, took, NOTES[name].format(disk=filesystem(options.disk)), more.get(name, {}))
    for tool in TOOLS.keys() - tools:
        yield Result(f"corpus/{tool}", note="left out, it is not installed: make bench-rivals")


@contextmanager
def texts_written(place: Path, megabytes: int) -> Iterator[Path]:
    """Texts, in a folder of their own that is removed at the end; the user's caches lie there too, empty at first."""
    with scratch(place) as folder, patch.dict(os.environ, {"XDG_CACHE_HOME": str(folder / "cache")}):
        write(folder / "texts.jsonl", megabytes)
        yield folder / "texts.jsonl"


def recipe_of(texts: Path, recipe: str = RECIPE) -> str:
    """The path of a recipe that reads these texts, written beside them."""
    path = texts.with_suffix(".yaml")
    path.write_text(recipe.format(texts=texts, keys=KEYS))
    return str(path)


def warm(folder: Path, recipe: str = RECIPE) -> None:
    """Import and load everything that a recipe needs, by a small corpus."""
    small = folder / "small.jsonl"
    write(small, 1)
    build_all(compile_plan(load(recipe_of(small, recipe))), folder / "small")


class Ours:
    """Our road. plan_seconds: of the first plan of a corpus, which indexes it, and of the next one."""

    def __init__(self, texts: Path) -> None:
        self._recipe, self._out = recipe_of(texts), texts.parent / "ours"
        warm(texts.parent)
        began = time.perf_counter()
        compile_plan(load(self._recipe))
        indexed = time.perf_counter()
        self.plan = compile_plan(load(self._recipe))
        self.plan_seconds = {"first": indexed - began, "again": time.perf_counter() - indexed}
        self.tokenizer = texts.with_name("tokenizer.json")
        self.tokenizer.write_text(_plain(self.plan.tokenizer.backend.to_str()))

    def run(self) -> Took:
        """Plan and build."""
        emptied(self._out)
        return timed(lambda: build_all(compile_plan(load(self._recipe)), self._out))


def _plain(tokenizer: str) -> str:
    """A tokenizer.json with merges as all releases of `tokenizers` read them, "a b" instead of ["a", "b"]."""
    tree = json.loads(tokenizer)
    tree["model"]["merges"] = [
        merge if isinstance(merge, str) else " ".join(merge) for merge in tree["model"]["merges"]
    ]
    return json.dumps(tree)


def _python(tool: str) -> Path:
    return ROOT / TOOLS[tool] / "bin/python"


def _tool(tool: str, texts: Path, tokenizer: Path) -> Run:
    """A tool, in its own environment, on the core of this process."""
    out = texts.parent / tool
    command = [str(part) for part in (_python(tool), RIVALS, tool, texts, tokenizer, out)]
    env = os.environ | {"HF_HUB_OFFLINE": "1"}

    def run() -> Took:
        emptied(out)
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{tool} failed:\n{done.stderr[-2000:]}")
        return Took(*json.loads(done.stdout))

    return run


def _limits(texts: Path, plan: Plan) -> dict[str, Run]:
    """What gigatoken and pyarrow alone need."""
    import gigatoken
    from pyarrow import json as arrow_json

    encode = gigatoken.Tokenizer(plan.tokenizer.backend).encode
    with open(texts, "rb") as lines:
        ended = [json.loads(line)["text"] + plan.tokenizer.eos_token for line in lines]
    chunks = ["".join(ended[first : first + 1024]).encode() for first in range(0, len(ended), 1024)]
    reading = arrow_json.ReadOptions(use_threads=False, block_size=2**24)
    return {
        "gigatoken": lambda: timed(lambda: sum(len(encode(chunk)) for chunk in chunks)),
        "pyarrow": lambda: timed(lambda: 0 * arrow_json.read_json(texts, reading).num_rows),
    }


def _in_turns(runs: Mapping[str, Run], repeats: int) -> dict[str, list[Took]]:
    """Each run in turns. SystemExit for one that makes tokens, but not as many as the first."""
    took: dict[str, list[Took]] = {name: [] for name in runs}
    tokens = 0
    for name, run in [*runs.items()] * repeats:
        one = run()
        tokens = tokens or one.tokens
        if one.tokens not in (0, tokens):
            raise SystemExit(f"{name}: {one.tokens:,} tokens, ours are {tokens:,}: they cannot be compared")
        speed, processor = (f"{tokens / seconds / 1e6:.2f}" for seconds in one[:2])
        say(f"{name:<12} {speed:>8} M tokens/s, {processor:>8} M by the processor's clock")
        took[name].append(one._replace(tokens=tokens))
    return took


def _result(name: str, took: Mapping[str, Sequence[Took]], note: str, more: Mapping[str, Any]) -> Result:
    """Speeds by the wall, and by the processor, which other processes of a busy machine touch less."""
    wall = {other: statistics.median(run.seconds for run in runs) for other, runs in took.items()}
    processor = {other: statistics.median(run.processor_seconds for run in runs) for other, runs in took.items()}
    tokens = took[name][0].tokens
    by_processor = {
        "tokens_per_processor_second": round(tokens / processor[name]),
        "ratio_to_by_processor": {
            f"corpus/{other}": processor[other] / processor[name] for other in took if other != name
        },
    }
    ratio = {f"corpus/{other}": wall[other] / wall[name] for other in took if other != name}
    seconds = [run.seconds for run in took[name]]
    return Result(f"corpus/{name}", seconds, tokens, ratio, note, {**by_processor, **more})
