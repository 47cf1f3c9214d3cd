"""One split, measured: what is drawn of each of its sources, and what is read from its shards."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import ROLES, Documents, Ragged
from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.dataset import Dataset
from pipeline.inspect.highlight import WRONG, runs, runs_of
from pipeline.inspect.report import diversity, rows, values
from pipeline.inspect.report.diversity import Progress
from pipeline.inspect.report.drawn import Drawn, draw
from pipeline.inspect.report.numbers import Example, Row, Source, Split
from pipeline.plan.plan import Plan
from pipeline.plan.splits import SplitPlan
from pipeline.recipe.model import AmountSpec
from pipeline.sources.knowledge.biographies import BiographiesSpec
from pipeline.sources.knowledge.questions import QuestionsSpec

EXAMPLES = 3  # documents shown of a source
SHORT = 40  # tokens: of documents with fewer, twice as many are shown
LONG = 700  # tokens of a document, or of a sequence, that are shown


class Measuring:
    """One split, while it is measured."""

    def __init__(self, dataset: Dataset, plan: Plan, name: str) -> None:
        self._dataset, self._plan, self._name = dataset, plan, name
        self._order: SplitPlan = plan.splits[name]
        self._its = dataset.split(name)
        self._key = Key.root(plan.recipe.seed).child("report", name)
        several = len(self._order.sources) > 1
        self._reads = "spans" in self._order.columns and ("documents" in self._order.columns or not several)
        self._spans = {source: values.Spans() for source in self._order.sources}

    def split(self, told: Progress) -> Split:
        """Its numbers."""
        sources = tuple(self._source(name, told) for name in self._order.sources)
        read = self._read_spans() if self._reads else 0
        its, packing = self._its, self._order.packing
        sequences = [record["sequences"] for record in its["shards"]]
        return Split(
            name=self._name,
            method=packing.method,
            windows="pure" if self._order.pure else "mixed",
            length=packing.length,
            columns=tuple(its["columns"]),
            **{what: its[what] for what in ("documents", "tokens", "sequences", "padding", "bytes")},
            shards=len(sequences),
            sequences_a_shard=(min(sequences), max(sequences)),
            sources=sources,
            marginals=self._marginals(),
            read=read,
            row=self._row(),
        )

    def _source(self, name: str, told: Progress) -> Source:
        plan, source, spec = self._plan, self._plan.sources[name], self._plan.recipe.sources[name]
        drawn = draw(plan, self._name, name)
        lengths: Counter[int] = Counter()
        tokens: list[Ragged] = []
        examples: list[Example] = []
        wanted = EXAMPLES * (1 + (source.mean_tokens < SHORT))
        for documents in drawn.told(plan):
            lengths.update(documents.tokens.lengths.tolist())
            if sum(len(one.values) for one in tokens) < diversity.TOKENS:
                tokens.append(documents.tokens)
            if not examples:
                examples = [self._example(documents, drawn, name, i) for i in range(min(wanted, len(documents)))]
            if not self._reads:
                self._count(name, documents)
            told(len(documents))
        empty = Ragged(np.empty(0, plan.tokenizer.dtype), np.zeros(1, np.int64))
        few = _cut(Ragged.concat([empty, *tokens]), diversity.TOKENS)
        counts = self._its["sources"][name]
        return Source(
            name=name,
            kind=spec.kind,
            world=source.world.name if source.world else "",
            asked=_asked(plan.recipe.splits[self._name].mixture[name], source.exposures),
            documents=counts["documents"],
            tokens=counts["tokens"],
            expected=float(self._order.expected[name]),
            drawn=len(drawn),
            lengths=dict(sorted(lengths.items())),
            exposures=self._order.exposures_of(name, len(source)).items,
            mean=float(source.mean_tokens),
            grams=diversity.distinct_grams(few),
            grams_documents=len(few),
            repeated=diversity.repeated(plan, drawn, told),
            wordings=diversity.coverage(plan, drawn),
            orders=diversity.orders(plan, drawn),
            examples=tuple(examples),
        )

    def _example(self, documents: Documents, drawn: Drawn, name: str, i: int) -> Example:
        return Example(
            item=int(drawn.item[i]),
            exposure=int(drawn.exposure[i]),
            position=int(drawn.position[i]),
            tokens=int(documents.tokens.lengths[i]),
            shown=min(int(documents.tokens.lengths[i]), LONG),
            runs=tuple(runs_of(self._plan.tokenizer, self._plan.sources[name], documents, i, LONG)),
        )

    # ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _count(self, name: str, documents: Documents) -> None:
        """The spans of documents that are told again."""
        spans = documents.spans
        if spans is None or not len(spans.values):
            return
        first = np.repeat(documents.tokens.offsets[:-1], spans.lengths)
        labels = self._labels(name)[spans.values[:, 2]]
        values.count(self._spans[name], documents.tokens.values, first + spans.values[:, 0], spans.values[:, 1], labels)

    def _labels(self, name: str) -> I64:
        """The number in the split of each of a source's labels."""
        return np.array([self._order.attributes.index(label) for label in self._plan.sources[name].labels], np.int64)

    def _read_spans(self) -> int:
        """The spans of sampled sequences; how many sequences. Those that a sequence may cut are left out."""
        read, length = 0, self._order.packing.length
        cut = self._order.packing.method != "rows"
        for batch in rows.sampled(self._dataset, self._name, self._key, max(1, rows.TOKENS // length)):
            read += batch.num_rows
            ids = batch.column("input_ids").flatten().to_numpy()
            row, span = self._dataset.entries(batch, "spans", length, attribute=len(self._order.attributes))
            whole = (not cut) | ((span["start"] > 0) & (span["start"] + span["length"] < length))
            start = row * length + span["start"]
            source = self._sources_at(batch, start)
            for number, name in enumerate(self._order.sources):
                mine = np.flatnonzero(whole & (source == number))
                values.count(self._spans[name], ids, start[mine], span["length"][mine], span["attribute"][mine])
        return read

    def _sources_at(self, batch: Any, start: I64) -> I64:
        """Which source the tokens `start` (m,) of a batch are of."""
        if len(self._order.sources) == 1:
            return np.zeros(len(start), np.int64)
        length = self._order.packing.length
        row, piece = self._dataset.entries(batch, "documents", length, source=len(self._order.sources))
        at = row * length + piece["start"]
        if not at.size:
            return np.full(len(start), -1)
        return piece["source"][np.searchsorted(at, start, side="right") - 1]

    def _marginals(self) -> tuple[values.Marginals, ...]:
        """Of each world that sources of the split are about: all of their spans together."""
        found = []
        for name, world in self._plan.worlds.items():
            told = [source for source in self._order.sources if self._plan.sources[source].world is world]
            spans: values.Spans = Counter()
            for source in told:
                spans.update(self._spans[source])
            if spans:
                languages = dict.fromkeys(language for source in told for language in self._languages(source))
                tokenizer = self._plan.tokenizer
                found.append(values.marginals(world, languages, spans, self._order.attributes, tokenizer, WRONG))
                assert found[-1].world == name
        return tuple(found)

    def _languages(self, source: str) -> list[str]:
        spec = self._plan.recipe.sources[source]
        if isinstance(spec, BiographiesSpec):
            return list(spec.sets)
        return [spec.language] if isinstance(spec, QuestionsSpec) else ["en"]

    # ── a sequence ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _row(self) -> Row | None:
        """One sequence with what its columns say of it."""
        batch = next(rows.sampled(self._dataset, self._name, self._key.child("row"), 1), None)
        if batch is None:
            return None
        ids = batch.column("input_ids").flatten().to_numpy()
        length = len(ids)
        filled = _filled(batch, length)
        shown = min(length if filled is None else filled, LONG)
        role = self._covered(batch, "parts", length, role=len(ROLES))
        label = self._covered(batch, "spans", length, attribute=len(self._order.attributes))
        masked = np.zeros(length, bool)
        if "loss_mask" in batch.schema.names:
            masked = batch.column("loss_mask").flatten().to_numpy() == 0
        cut = slice(shown)
        told = runs(self._plan.tokenizer, ids[cut], role[cut], label[cut], masked[cut], self._order.attributes)
        return Row(tuple(told), shown, length, None if filled is None else length - filled)

    def _covered(self, batch: Any, column: str, length: int, **below: int) -> I64:
        """For each token of the one row of a batch what its entries in a list column say; 0 for nothing.

        below: the field that says it, and its bound.
        """
        covered = np.zeros(length, np.int64)
        if column in batch.schema.names:
            _, entries = self._dataset.entries(batch, column, length, **below)
            (field,) = below
            for start, tokens, number in zip(entries["start"], entries["length"], entries[field], strict=True):
                covered[start : start + tokens] = number
        return covered


def _filled(batch: Any, length: int) -> int | None:
    """How many tokens of the one row of a batch are not padding."""
    if "length" in batch.schema.names:
        return min(max(int(batch.column("length")[0].as_py()), 0), length)
    if "segment_ids" in batch.schema.names:
        segments: NDArray[Any] = batch.column("segment_ids").flatten().to_numpy()
        return int((segments > 0).sum())
    return None


def _asked(amount: AmountSpec, usual: int | None) -> str:
    """The amount of a mixture in words."""
    if amount.first:
        return f"{_asked_for(amount, usual)} from exposure {amount.first:,} on".strip()
    return _asked_for(amount, usual)


def _asked_for(amount: AmountSpec, usual: int | None) -> str:
    if amount.tail:
        tail = amount.tail
        return f"exposures {tail.most:,} / rank^{float(tail.zipf):g}, at least {tail.least:,}"
    if amount.count is not None:
        return f"exposures {float(amount.count):,.10g}"
    if amount.share is not None:
        return f"share {float(amount.share) * 100:.6g}%"
    if amount.ratio is not None:
        return f"ratio {float(amount.ratio):.6g} to {amount.to}"
    if amount.tokens is not None:
        return f"tokens {amount.tokens:,}"
    return f"exposures {usual:,}" if usual is not None else ""


def _cut(tokens: Ragged, most: int) -> Ragged:
    """The first documents that have so many tokens together; one at least."""
    return tokens.slice(0, max(int(np.searchsorted(tokens.offsets, most, side="right")) - 1, min(1, len(tokens))))
