"""Sources of one's own: the examples to Arrow files with both hashes, on one core; documents a second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from pipeline.plan import compile_plan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard
from tests.bench.harness import ROOT, TMPFS, Contender, Options, Result, emptied, in_turns, one_core, scratch
from tests.bench.single_core import build_all

EXAMPLES = {
    "addition": ("addition", "gpt2", "texts, batched"),
    "flipped": ("flipped", "gpt2", "texts, one by one"),
    "recall": ("mqar", "symbols", "symbols, batched"),
    "markov": ("chain", "symbols", "symbols, batched"),
}
"""Example → its function, the tokenizer, and in which form the function returns its documents."""
RECIPE = """
tokenizer: {tokenizer}
sources: {{own: {{kind: python, file: {file}, function: {function}}}}}
splits: {{train: {{mixture: {{own: {{tokens: {tokens}}}}}, packing: {{length: 256}}}}}}
shard_tokens: {tokens}
"""


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """One shard of each example to /dev/shm, in turns; documents a second beside tokens."""
    contenders, documents = {}, {}
    with one_core(), ExitStack() as stack:
        for name, (function, tokenizer, form) in EXAMPLES.items():
            tokens = 2**16 if options.quick else 2**20 if tokenizer == "gpt2" else 2**23
            folder = stack.enter_context(scratch(TMPFS))
            file, recipe = ROOT / f"examples/sources/{name}.py", folder / "recipe.yaml"
            recipe.write_text(RECIPE.format(tokenizer=tokenizer, file=file, function=function, tokens=tokens))
            plan, out = compile_plan(load(str(recipe), allow_code=True)), folder / "data"
            counts = make_shard(plan, "train", 0).sources["own"]
            documents[f"own/{name}"] = counts.documents
            emptied(out)
            note = f"a shard; {form}, {counts.tokens / counts.documents:.0f} tokens each"
            run = partial(build_all, plan, out, [("train", 0)])
            contenders[f"own/{name}"] = Contender(counts.tokens, run, note, partial(emptied, out))
    results = in_turns(contenders, options.repeats(5))
    for name, result in results.items():
        more = {"documents": documents[name], "documents_per_second": round(documents[name] / result.median)}
        yield replace(result, more=more)
