"""Synthetic pretraining data from a recipe: the tour of how it works, folder by folder.

    recipes/bioS_multi5.yaml
      │  recipe/      YAML → Recipe: read with its places, merged, validated, every value and template written into it
      ▼
    Recipe ──► worlds/     what is true: person 17's birth city is a function of (key, 17); a kind of attribute a file
      │        text/       words to tokens: templates cut into pieces, pieces tokenized once, every seam proved
      │        grammars/   languages without words: rules, sentences drawn by them, sentences parsed
      │        sources/    documents(item, exposure), pure row by row: facts in words, problems, puzzles, corpora
      ▼
    Plan      plan/        exact counts, one bijection: position ⇄ (source, item, exposure)
      ▼
    Shard     shard/       the pure function (plan, split, k) → columns; start reading here
      │        packing/    documents → sequences
      │        columns/    what a row holds beside its token ids: a kind a file
      ▼
    Dataset   build/       what is missing → executors (Ray, or this process) → Arrow files → manifest, last; verify
      │        dataset/    the way back, for all that reads it: manifest, reader, card
      │        storage/    where it lies: a folder on a disk, or in a bucket; Arrow files
      ▼
    Out       publish/     other trainers' formats (formats/), the Hugging Face Hub
              training/    the same rows as streams, made without a disk or read, in order or at any place; PyTorch
              evaluate/    answers → accuracies, losses → bits, solutions checked step by step
              inspect/     one HTML page about a dataset; documents as one looks at them

`core/` is what all of them stand on: keys, draws, kernels, errors, and `core/system/`, the machine around us. Each
command is a file of `commands/`. **A kind** (of source, attribute, column, format, command) **is declared once, at the
foot of its own file**; what lists kinds (recipes, schema, help, set-up, README) reads those declarations.

Facts, wordings, tokens and order are four separate things. Only sources join truth and words; only `shard/` joins order
and documents. Nothing is shuffled by moving data: position p of a split shows row `order(p)`, `order` being a keyed
bijection that is computed at a point, so a shard is a slice of positions and needs no other shard. Ray may run it
anywhere, twice, or never again; the bytes are the same.

**Why it is fast.** A biography is six sentences out of 291 templates and a dozen values out of tables of at most a
thousand. Every literal and every value is tokenized when the plan is compiled, and a document is a gather from that
table, in machine code (`core/kernels.py`).

**What a document is**, before it is tokens (`text/outline.py`): a row of sentences, each rendered from a row of facts.
A question's answer, a mistake and the `[BACK]` after it are sentences; a wrong value is another row of facts, and a
comparison a row of two people's. So every experiment about knowledge goes through the same gather. Problems, puzzles
and sentences of grammars (`sources/reasoning/`, `sources/puzzles/`) are drawn by kernels of their own.

**Why that is exact.** A byte-level tokenizer cuts text into words before it merges, and never merges across a cut. A
seam between two pieces is exact wherever such a cut falls. The space travels with the piece that follows it
(`" was born in" + " Boston, MA" + "."`), which makes nearly every seam certain; the others are asked of the tokenizer,
pair by pair, at compile time, and where the answer is no ("D.C." before ".") the two pieces become one. What cannot be
proved at all (another kind of tokenizer, an expression over several values) is rendered and encoded document by
document, with a notice in `plan`.

**Why it can be trusted.** All randomness is a hash of a path and counters (`core/key.py`, `core/draws.py`): no seed is
added to, no state is kept, no float decides an index. Exposures and shares become document counts before anything is
built. A file is complete or absent, has two hashes in its record, and the manifest is written last.

Floors, from the ground up; an import goes down or stays inside its folder (tests/test_architecture.py):

    core · text, grammars, packing · worlds · sources · columns · storage · formats · recipe · plan · shard, dataset ·
    publish, training, evaluate · build · inspect · commands · cli

Use from Python:

>>> from pipeline.recipe import load
>>> from pipeline.plan import compile_plan
>>> plan = compile_plan(load("bioS_multi5"))
>>> plan.splits["train"].documents
500000
>>> plan.splits["train"].find("biographies", item=17, exposure=3)  # where person 17's fourth biography stands
162309
>>> from pipeline.shard import make_shard
>>> make_shard(plan, "train", 0).columns["input_ids"].shape
(37134, 512)
>>> import pipeline
>>> next(iter(pipeline.stream("bioS_multi5", "train")))["input_ids"].shape  # the same rows, without a disk
(512,)
"""

from __future__ import annotations

TYPE_CHECKING = False  # as typing's: this is imported before a command can be stopped without a traceback
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from pipeline.training.streams import Stream


def stream(recipe: str | Path, split: str, overrides: Sequence[str] = (), **options: Any) -> Stream:
    """The rows of a recipe's split, made as they are asked for; see `pipeline.training.streams.Stream` for the options.

    overrides: as --set on the command line. RecipeError and the like for what cannot be planned, PlanError for options
    that there are not or that cannot be.
    """
    from pipeline.plan import compile_plan
    from pipeline.recipe import load
    from pipeline.training.streams import of_plan

    return of_plan(compile_plan(load(str(recipe), list(overrides))), split, **options)


def read(place: str | Path, split: str, *, check: bool | None = None, **options: Any) -> Stream:
    """The rows of a built split, at a path or URL, as the same kind of stream.

    What is checked: the manifest, whole, at once; of each shard, when it is opened, its size and number of rows. Its
    bytes are held against their hash when this process first opens it, which adds a few tenths to the time that its
    rows take; check=True: whenever it is opened; check=False: never. `pipeline verify` checks everything beforehand.
    StorageError, with the file, for what is not as it was built.
    """
    from pipeline.dataset import Dataset
    from pipeline.training.streams import of_dataset

    return of_dataset(Dataset.at(place, check), split, **options)
