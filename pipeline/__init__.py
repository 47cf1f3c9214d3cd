"""Synthetic pretraining data from a recipe: the tour of how it works, folder by folder.

    recipes/bioS_multi5.yaml
      │  recipe/      YAML → Recipe: parsed with file and line, merged, validated, value lists and templates included
      ▼
    Recipe ──► worlds/     the facts: person 17's birth city, or mother, is a function of (key, 17); a file per kind
      │        text/       words → tokens: templates cut into pieces, each piece tokenized once, every seam proved
      │        grammars/   languages without words: rules, sentences drawn from them, a parser
      │        sources/    documents(items, exposures), a pure function: biographies, problems, puzzles, corpora, yours
      ▼
    Plan      plan/        exact counts, phases, one bijection: position ⇄ (source, item, exposure)
      │        sweeps/     a grid of recipes declared once: its cells, their plans in one table
      ▼
    Shard     shard/       the pure function (plan, split, k) → columns; start reading here
      │        packing/    documents → sequences
      │        columns/    what a row contains beside its token ids; one file per kind
      ▼
    Dataset   build/       missing shards → executors (Ray, or this process) → Arrow files → manifest, last; verify
      │        dataset/    reading a dataset: manifest, rows, card
      │        storage/    folders on a disk or in a bucket; Arrow files
      ▼
    Out       publish/     export to other trainers' formats (formats/); push to the Hugging Face Hub
              training/    the same rows as streams, made without a disk or read, in order or by index; PyTorch
              evaluate/    answers → accuracies, losses → bits, solutions checked step by step
              wordings/    template lines and biographies that a language model writes, checked
              laboratory/  models trained on the datasets of a sweep, examined, beside the paper's figures
              inspect/     an HTML page about a dataset; documents in colour

All of them use `core/`: keys, draws, kernels, errors, and `core/system/` for the operating system. Each command is a
file of `commands/`. **A kind** (of source, attribute, column, format, command) **is declared once, at the foot of its
own file**; recipes, schema, help and set-up read those declarations, and so does the reference in docs/.

Facts, wordings, tokens and order are separate. Only sources combine facts and words; only `shard/` combines order and
documents. Shuffling moves no data: position p of a split shows row `order(p)`, where `order` is a keyed bijection that
can be computed at any p. So a shard is a slice of positions and needs no other shard. Wherever and however often Ray
runs it, the bytes are the same.

**Why it is fast.** A biography is six sentences out of 291 templates and a dozen values out of tables of at most a
thousand. Every literal and every value is tokenized when the plan is compiled, and a document is a gather from that
table, in machine code (`core/kernels/`).

**What a document is**, before it is tokens (`text/outline.py`): a sequence of sentences, each rendered from a row of
facts. The answer to a question, a mistake and the `[BACK]` after it are sentences. A wrong value is rendered from
another row, and a comparison from a row with the facts of two people. Somebody's mother is a row of her world beside
that of the subject, and `{{ mother.name }}` a variable of it. So all documents about knowledge use the same gather.
Problems, puzzles and sentences of grammars (`sources/reasoning/`, `sources/puzzles/`) have their own kernels.

**Why that is exact.** A byte-level tokenizer cuts text into words before it merges, and never merges across a cut. So a
seam between two pieces is exact wherever such a cut falls. A space belongs to the piece that follows it
(`" was born in" + " Boston, MA" + "."`), which makes nearly every seam certain. The others are tested with the
tokenizer, pair by pair, at compile time; where a seam is not exact ("D.C." before "."), the two pieces become one. A
tokenizer that merges a whole text (Llama 2's, Mistral's) may be cut before a space too, as none of its tokens has one
inside. What cannot be proved (another kind of tokenizer, an expression over several values) is rendered and encoded
document by document, with a notice in `plan`.

**Why it can be trusted.** All randomness is a hash of a path and counters (`core/key.py`, `core/draws.py`): no
arithmetic on seeds, no state, no float that decides an index. Exposures and shares become document counts before
anything is built. A file is complete or absent, its record has two hashes, and the manifest is written last.

Layers, from the lowest; a folder imports only itself and lower layers (tests/test_architecture.py):

    core · text, grammars, packing · worlds · sources · columns · storage · formats · recipe · plan · sweeps, shard,
    dataset, wordings · publish, training, evaluate · build · laboratory, inspect · commands · cli

Use from Python:

>>> from pipeline.recipe import load
>>> from pipeline.plan import compile_plan
>>> plan = compile_plan(load("bioS_multi5"))
>>> plan.splits["train"].documents
500000
>>> plan.splits["train"].find("biographies", item=17, exposure=3)  # the position of person 17's fourth biography
162309
>>> from pipeline.shard import make_shard
>>> make_shard(plan, "train", 0).columns["input_ids"].shape
(37134, 512)
>>> import pipeline
>>> next(iter(pipeline.stream("bioS_multi5", "train")))["input_ids"].shape  # the same rows, without a disk
(512,)
"""

from __future__ import annotations

TYPE_CHECKING = False  # like typing.TYPE_CHECKING, without the import: this file runs before signals are handled
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from pipeline.training.streams import Stream


def stream(
    recipe: str | Path,
    split: str,
    overrides: Sequence[str] = (),
    *,
    cell: str | None = None,
    allow_code: bool = False,
    **options: Any,
) -> Stream:
    """The rows of a recipe's split, made on demand. options: see `pipeline.training.streams.Stream`.

    overrides: like --set on the command line, `["worlds.people.size=50"]`. cell: where `recipe` is a sweep, the name of
    one of its cells, or those of its coordinates that no other cell has together: `"wording=multi5,exposures=100"`.
    allow_code: whether Python files that the recipe names may run; without it they are refused.

    RecipeError, TemplateError or PlanError for a recipe that cannot be planned; PlanError for an unknown split, cell or
    option, and for an invalid value of an option.
    """
    from pipeline.plan import planned
    from pipeline.sweeps import recipe_of
    from pipeline.training.streams import of_plan

    loaded = recipe_of(str(recipe), list(overrides), cell, allow_code=allow_code)
    return of_plan(planned(loaded), split, **options)


def read(
    place: str | Path, split: str, *, check: bool | None = None, cell: str | None = None, **options: Any
) -> Stream:
    """The rows of a split of the built dataset at a path or URL, as the same kind of stream. cell: which dataset, where
    a sweep was built there; as for `stream`.

    The manifest is checked at once; size and number of rows of a shard whenever it is opened. check: when its bytes are
    compared with their hash. None: when this process first opens it, which makes reading its rows some tens of percent
    slower; True: each time it is opened; False: never. (`pipeline verify` checks everything.) StorageError, with the
    file, for anything that is not as it was built.
    """
    from pipeline.dataset import Dataset
    from pipeline.dataset.sweep_index import dataset_place
    from pipeline.training.streams import of_dataset

    return of_dataset(Dataset.at(dataset_place(place, cell), check), split, **options)
