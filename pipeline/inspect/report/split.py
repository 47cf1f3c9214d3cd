"""One split: measured by documents sampled from each source, and by sequences read from its shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from pipeline.core.documents import Documents, Ragged
from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.dataset import Dataset
from pipeline.inspect.highlight import WRONG, runs_of
from pipeline.inspect.report import amount, diversity, marginals, sequences
from pipeline.inspect.report.content import Example, Phase, Source, Split
from pipeline.inspect.report.diversity import Progress
from pipeline.inspect.report.row import row_of
from pipeline.inspect.report.sampling import Sample, sample
from pipeline.plan.order import SplitPlan
from pipeline.plan.plan import Plan
from pipeline.sources.knowledge.biography_spec import BiographiesSpec
from pipeline.sources.knowledge.questions import QuestionsSpec

EXAMPLES = 3  # documents of a source that are shown
SHORT = 40  # tokens: of shorter documents, twice as many are shown
LONG = 700  # tokens: more of a document or sequence are not shown


def measured_split(dataset: Dataset, plan: Plan, name: str, done: Progress) -> Split:
    """The numbers of a split. done: called with how many documents were made."""
    return _Measuring(dataset, plan, name, done).split()


class _Measuring:
    """One split, while it is measured."""

    def __init__(self, dataset: Dataset, plan: Plan, name: str, done: Progress) -> None:
        self._dataset, self._plan, self._name, self._done = dataset, plan, name, done
        self._order: SplitPlan = plan.splits[name]
        self._record = dataset.split(name)
        self._key = Key.root(plan.recipe.seed).child("report", name)
        several = len(self._order.sources) > 1
        self._reads = "spans" in self._order.columns and ("documents" in self._order.columns or not several)
        self._spans = {source: marginals.Spans() for source in self._order.sources}

    def split(self) -> Split:
        """The measured numbers."""
        sources = tuple(self._source(name) for name in self._order.sources)
        read = self._read_spans() if self._reads else 0
        record, packing = self._record, self._order.packing
        of_shards = [shard["sequences"] for shard in record["shards"]]
        return Split(
            name=self._name,
            method=packing.method,
            windows="pure" if self._order.pure else "mixed",
            length=packing.length,
            columns=tuple(record["columns"]),
            phases=tuple(self._phases()),
            **{number: record[number] for number in ("documents", "tokens", "sequences", "padding", "bytes")},
            shards=len(of_shards),
            sequences_a_shard=(min(of_shards), max(of_shards)),
            sources=sources,
            marginals=self._marginals(),
            read=read,
            row=row_of(self._dataset, self._plan, self._name, self._key.child("row"), LONG),
        )

    def _phases(self) -> Iterator[Phase]:
        """The phases, with the sums over their shards."""
        shards = iter(self._record["shards"])
        specs = self._plan.recipe.splits[self._name].each_phase
        for phase, (_, _, spec) in zip(self._order.phases, specs, strict=True):
            held = list(islice(shards, phase.shards))
            amounts = {
                source: amount.in_words(of, self._plan.sources[source].exposures) for source, of in spec.mixture.items()
            }
            documents, tokens = (sum(shard[key] for shard in held) for key in ("documents", "tokens"))
            yield Phase(phase.name, phase.ordered, amounts, phase.shards, documents, tokens)

    def _source(self, name: str) -> Source:
        plan, source, spec = self._plan, self._plan.sources[name], self._plan.recipe.sources[name]
        sampled = sample(plan, self._name, name)
        lengths: Counter[int] = Counter()
        tokens: list[Ragged] = []
        examples: list[Example] = []
        wanted = EXAMPLES * (1 + (source.mean_tokens < SHORT))
        for documents in sampled.documents(plan):
            lengths.update(documents.tokens.lengths.tolist())
            if sum(len(chunk.values) for chunk in tokens) < diversity.TOKENS:
                tokens.append(documents.tokens)
            if not examples:
                examples = [self._example(documents, sampled, name, i) for i in range(min(wanted, len(documents)))]
            if not self._reads:
                self._count(name, documents)
            self._done(len(documents))
        empty = Ragged(np.empty(0, plan.tokenizer.dtype), np.zeros(1, np.int64))
        few = _cut(Ragged.concat([empty, *tokens]), diversity.TOKENS)
        counts = self._record["sources"][name]
        return Source(
            name=name,
            kind=spec.kind,
            world=source.world.name if source.world else "",
            amount=amount.of_split(plan.recipe.splits[self._name], name, source.exposures),
            documents=counts["documents"],
            tokens=counts["tokens"],
            expected=float(self._order.expected[name]),
            sampled=len(sampled),
            lengths=dict(sorted(lengths.items())),
            exposures=self._order.exposures_of(name, len(source)).items,
            mean=float(source.mean_tokens),
            grams=diversity.distinct_grams(few),
            grams_documents=len(few),
            repeated=diversity.repeated(plan, sampled, self._done),
            wordings=diversity.coverage(plan, sampled),
            orders=diversity.orders(plan, sampled),
            examples=tuple(examples),
        )

    def _example(self, documents: Documents, sampled: Sample, name: str, i: int) -> Example:
        return Example(
            item=int(sampled.item[i]),
            exposure=int(sampled.exposure[i]),
            position=int(sampled.position[i]),
            tokens=int(documents.tokens.lengths[i]),
            shown=min(int(documents.tokens.lengths[i]), LONG),
            runs=tuple(runs_of(self._plan.tokenizer, self._plan.sources[name], documents, i, LONG)),
        )

    # ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _count(self, name: str, documents: Documents) -> None:
        """Count the spans of sampled documents."""
        spans = documents.spans
        if spans is None or not len(spans.values):
            return
        ids, first = documents.tokens.values, np.repeat(documents.tokens.offsets[:-1], spans.lengths)
        start, length, label = spans.values.T
        marginals.count(self._spans[name], ids, first + start, length, self._labels(name)[label])

    def _labels(self, name: str) -> I64:
        """The split's number of each label of a source."""
        return np.array([self._order.attributes.index(label) for label in self._plan.sources[name].labels], np.int64)

    def _read_spans(self) -> int:
        """Count the spans of sampled sequences, except those that a sequence may cut; return how many sequences."""
        read, length = 0, self._order.packing.length
        cut = self._order.packing.method != "rows"
        for batch in sequences.sampled(self._dataset, self._name, self._key, max(1, sequences.TOKENS // length)):
            read += batch.num_rows
            ids = batch.column("input_ids").flatten().to_numpy()
            row, span = self._dataset.entries(batch, "spans", length, attribute=len(self._order.attributes))
            whole = (not cut) | ((span["start"] > 0) & (span["start"] + span["length"] < length))
            start = row * length + span["start"]
            source = self._sources_at(batch, start)
            for number, name in enumerate(self._order.sources):
                own = np.flatnonzero(whole & (source == number))
                marginals.count(self._spans[name], ids, start[own], span["length"][own], span["attribute"][own])
        return read

    def _sources_at(self, batch: Any, start: I64) -> I64:
        """The index of the source of each token `start` (m,) of a batch: int64 (m,)."""
        if len(self._order.sources) == 1:
            return np.zeros(len(start), np.int64)
        length = self._order.packing.length
        row, document = self._dataset.entries(batch, "documents", length, source=len(self._order.sources))
        begin = row * length + document["start"]
        if not begin.size:
            return np.full(len(start), -1)
        return document["source"][np.searchsorted(begin, start, side="right") - 1]

    def _marginals(self) -> tuple[marginals.Marginals, ...]:
        """The marginals of each world of the split, from the spans of all sources about it."""
        of_worlds = []
        for world in self._plan.worlds.values():
            about = [source for source in self._order.sources if self._plan.sources[source].world is world]
            spans: marginals.Spans = Counter()
            for source in about:
                spans.update(self._spans[source])
            if spans:
                languages = dict.fromkeys(language for source in about for language in self._languages(source))
                labels, tokenizer = self._order.attributes, self._plan.tokenizer
                of_worlds.append(marginals.marginals(world, languages, spans, labels, tokenizer, WRONG))
        return tuple(of_worlds)

    def _languages(self, source: str) -> list[str]:
        spec = self._plan.recipe.sources[source]
        if isinstance(spec, BiographiesSpec):
            return list(spec.sets)
        return [spec.language] if isinstance(spec, QuestionsSpec) else ["en"]


def _cut(tokens: Ragged, most: int) -> Ragged:
    """The first documents with at most `most` tokens together; at least one."""
    return tokens.slice(0, max(int(np.searchsorted(tokens.offsets, most, side="right")) - 1, min(1, len(tokens))))
