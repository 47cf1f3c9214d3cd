"""The split and source that are measured, and the spans of values in its documents.

Letters: s sequences of a batch, S of a split, L tokens in each, a labels of attributes, m spans.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.core.errors import PlanError, StorageError, suggest
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import MEND
from pipeline.recipe import Loaded, load
from pipeline.recipe.model import Recipe
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.sources.knowledge.biography_spec import BiographiesSpec
from pipeline.sources.rewritten.source import RewrittenSpec, shown_in
from pipeline.sources.source import Context
from pipeline.text import tokenizer_loading
from pipeline.text.shown_facts import Shown
from pipeline.worlds.attributes.codes import CodesSpec
from pipeline.worlds.world import World

BATCH = 64  # sequences that are processed together, and passed to a function
ALL = 2**31  # tokens: more than any sequence has


@dataclass(frozen=True)
class Measured:
    """A split of a dataset, and the source in it that is measured.

    shown: which values its documents show of an individual. name: the name's attribute. number: of the source in the
    column documents. labels: attributes by their number in the column spans. chunk: tokens of each attribute's first
    chunk, int64 (a,). shape: (S, L). eos: id of the end token.
    """

    dataset: Dataset
    split: str
    source: str
    world: World
    shown: Shown
    name: str
    individuals: int
    number: int
    labels: list[str]
    chunk: I64
    shape: tuple[int, int]
    eos: int

    @classmethod
    def of(cls, folder: str | Path, split: str, source: str | None) -> Measured:
        """The split of the dataset in `folder`. StorageError for a bad dataset, PlanError where it cannot be measured.

        source: a source of biographies; None for the split's only one.
        """
        dataset = Dataset.at(folder)
        record = dataset.split(split)
        if missing := [column for column in ("documents", "spans") if column not in record["columns"]]:
            raise PlanError(
                f"the split '{split}' has no {' and no '.join(missing)}",
                "Build it with columns: [documents, spans].",
                dataset.folder.url,
            )
        with dataset.recipe() as path:
            return cls._of_recipe(dataset, split, load(str(path)), source)

    @classmethod
    def _of_recipe(cls, dataset: Dataset, split: str, loaded: Loaded, source: str | None) -> Measured:
        """As `of`, from the loaded recipe of the dataset."""
        record = dataset.split(split)
        if missing := {*record["source_names"]} - loaded.recipe.sources.keys():
            raise StorageError(f"no source '{min(missing)}' in its recipe.yaml", MEND, dataset.folder.url)
        specs = {name: loaded.recipe.sources[name] for name in record["source_names"]}
        biographies_specs = {
            name: spec for name, spec in specs.items() if isinstance(spec, BiographiesSpec | RewrittenSpec)
        }
        source = _chosen(source, list(biographies_specs), split)
        spec = biographies_specs[source]
        world, worlds = _worlds(loaded.recipe, spec.world)
        recipe, world_spec = loaded.recipe, world.spec
        name = world.of_kind("name")
        assert name is not None, "biographies need one"
        labels = record.get("attributes", [])
        if missing := world_spec.expanded.keys() - set(labels):
            raise StorageError(f"the split '{split}' has no attribute '{min(missing)}'", MEND, dataset.folder.url)
        attributes = {name: attribute for name, (_, attribute, _) in world_spec.expanded.items()}
        chunks = {name: first_chunk(codes) for name, codes in attributes.items() if isinstance(codes, CodesSpec)}
        with loaded.refusing("tokenizer"):
            encoder = tokenizer_loading.load(loaded.recipe.tokenizer, loaded.files("tokenizer"))
        with loaded.refusing("sources", source):
            context = Context(worlds, encoder, recipe.key("sources", source))
            shown, people = _shown_of(spec, context)
        return cls(
            dataset=dataset,
            split=split,
            source=source,
            world=world,
            shown=shown,
            name=name,
            individuals=len(people),
            number=record["source_names"].index(source),
            labels=labels,
            chunk=np.array([chunks.get(label) or ALL for label in labels]),
            shape=(record["sequences"], record["length"]),
            eos=encoder.eos,
        )

    def batches(self) -> Iterator[tuple[int, Any]]:
        """(first row, record batch of at most BATCH rows), in order."""
        row = 0
        for batch in self.dataset.batches(self.split):
            for first in range(0, batch.num_rows, BATCH):
                rows = batch.slice(first, BATCH)
                yield row, rows
                row += rows.num_rows


def _worlds(recipe: Recipe, name: str) -> tuple[World, dict[str, World]]:
    """A world, and with it those to whose individuals its own are related; who has which name does not matter."""
    sizes = {name: spec.size for name, spec in recipe.worlds.items()}
    worlds: dict[str, World] = {}
    waiting = [name]
    while waiting:
        if (one := waiting.pop()) not in worlds:
            spec = recipe.worlds[one].model_copy(update={"disjoint_from": None})
            worlds[one] = World(one, spec, recipe.key("worlds", one), worlds, recipe.languages, sizes)
            waiting += [relation.of for relation in worlds[one].relations.values()]
    return worlds[name], worlds


def _shown_of(spec: BiographiesSpec | RewrittenSpec, context: Context) -> tuple[Shown, range]:
    """What the documents of a source show, and about whom. Files of texts need not be there."""
    if isinstance(spec, BiographiesSpec):
        biographies = Biographies(spec, context)
        return biographies.shown[0], biographies.people
    world, people = context.about(spec)
    return shown_in(spec, world), people


def _chosen(source: str | None, biographies: list[str], split: str) -> str:
    """`source`, or the only one of a split's sources of biographies. PlanError where this is not one of them."""
    if source is None and len(biographies) == 1:
        return biographies[0]
    if source is None:
        remedy = f"Name one: {', '.join(biographies)}." if biographies else "Measure on a split that has some."
        raise PlanError(f"'{split}' has {len(biographies) or 'no'} sources of biographies", remedy)
    if source not in biographies:
        raise PlanError(f"'{split}' has no biographies '{source}'", suggest(source, biographies))
    return source


def first_spans(batch: Any, ids: NDArray[Any], measured: Measured) -> tuple[int, I64, I64, I64]:
    """(n, start, length, label) of a batch: n documents count; the arrays, int64 (m,), describe their first spans.

    ids: (s, L), those of the batch; start indexes the flattened ids. A document's end token comes after its spans.
    """
    tokens = ids.shape[1]
    row, document = measured.dataset.entries(batch, "documents", tokens, source=2**16)  # any number is allowed
    begin = row * tokens + document["start"]
    end = begin + document["length"]
    ended = ids.reshape(-1)[end - 1] == measured.eos
    whole = document["start"] > 0  # a document continued from another sequence begins at 0
    counted = ended & whole & (document["source"] == measured.number)
    row, span = measured.dataset.entries(batch, "spans", tokens, attribute=len(measured.labels))
    start = row * tokens + span["start"]
    holder = np.searchsorted(begin, start, side="right") - 1  # index of the document with the span
    inside = np.flatnonzero(holder >= 0)
    inside = inside[counted[holder[inside]] & (start[inside] + span["length"][inside] < end[holder[inside]])]
    labels = len(measured.labels)
    _, first = np.unique(holder[inside] * labels + span["attribute"][inside], return_index=True)
    spans = inside[first]
    return int(counted.sum()), start[spans], span["length"][spans], span["attribute"][spans]


def first_chunk(spec: CodesSpec) -> int | None:
    """How many tokens the first chunk of a value has, if not all; None where that is not known."""
    if spec.symbols == "ids":
        return spec.length
    return ALL if spec.chunks == 1 else None
