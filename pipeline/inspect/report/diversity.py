"""Diversity of a source's documents: n-grams, repetitions, wordings.

Letters: m documents, T tokens in all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Ragged
from pipeline.core.draws import I64
from pipeline.inspect.report.sampling import CHUNK, Sample, sample
from pipeline.plan.plan import Plan
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.sources.knowledge.biography_spec import BiographiesSpec
from pipeline.sources.knowledge.questions import Questions, QuestionsSpec

GRAMS = 4
TOKENS = 250_000  # in which n-grams are counted
EARLIER = 65_536  # documents that are made to find repetitions
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Repeated:
    """documents: how many were compared. repeated: how many of them equal an earlier one: an earlier exposure of the
    same item or, where `whole`, any document of the source."""

    documents: int
    repeated: int
    whole: bool

    @property
    def rate(self) -> float:
        """The share of repeated documents, 0 to 1."""
        return self.repeated / self.documents if self.documents else 0.0


@dataclass(frozen=True)
class Coverage:
    """How many of the possible wordings of a sentence or question occur in the sampled documents.

    name: of the sentence or question. language: "" for a question. seen: number of wordings that occur.
    """

    name: str
    language: str
    seen: int
    possible: int


def distinct_grams(tokens: Ragged) -> tuple[tuple[int, int], ...]:
    """(different n-grams, all n-grams) for n = 1 to 4. No n-gram crosses the end of a document."""
    ids = tokens.values.astype(np.int64)
    wide = int(ids.max(initial=0)) + 1
    document = np.repeat(np.arange(len(tokens)), tokens.lengths)
    grams, counts = np.zeros(len(ids), np.int64), []
    for n in range(1, GRAMS + 1):
        tail = ids[n - 1 :]
        together = document[: len(tail)] == document[n - 1 :]
        # An n-gram is (index of its (n-1)-gram among the different ones, next token): exact, without hashes.
        _, grams = np.unique(grams[: len(tail)] * wide + tail, return_inverse=True)
        counts.append((len(np.unique(grams[together])), int(together.sum())))
    return tuple(counts)


def repeated(plan: Plan, sampled: Sample, done: Progress) -> Repeated:
    """How many documents of a source repeat another one: of all where there are at most EARLIER, else of a sample.

    done: called with how many documents were made.
    """
    if sampled.of <= EARLIER:
        every = sample(plan, sampled.split, sampled.source, EARLIER)
        texts = _texts(plan, sampled.source, every.item, every.exposure, done)
        return Repeated(len(texts), len(texts) - len(set(texts)), whole=True)
    count = _affordable(sampled)
    repeats = 0
    for item, exposure in zip(sampled.item[:count].tolist(), sampled.exposure[:count].tolist(), strict=True):
        exposures = np.arange(exposure + 1, dtype=np.int64)
        texts = _texts(plan, sampled.source, np.full_like(exposures, item), exposures, done)
        repeats += texts[-1] in texts[:-1]
    return Repeated(count, repeats, whole=False)


def documents_made(sampled: Sample) -> int:
    """How many documents `repeated` makes."""
    return sampled.of if sampled.of <= EARLIER else int((sampled.exposure[: _affordable(sampled)] + 1).sum())


def coverage(plan: Plan, sampled: Sample) -> tuple[Coverage, ...]:
    """The coverage of every sentence or question; () where the source has none."""
    source, spec = plan.sources[sampled.source], plan.recipe.sources[sampled.source]
    if isinstance(source, Biographies) and isinstance(spec, BiographiesSpec):
        return _of_sentences(source, spec, sampled)
    if isinstance(source, Questions) and isinstance(spec, QuestionsSpec):
        line, _ = source.choices(sampled.item, sampled.exposure)
        topics = np.array(source.topics(sampled.item))
        return tuple(
            Coverage(question, "", len(np.unique(line[topics == question])), len(spec.known[question]))
            for question in source.questions
        )
    return ()


def orders(plan: Plan, sampled: Sample) -> tuple[int, int] | None:
    """(orders of sentences in the sampled documents, possible orders); None where the order is fixed."""
    source, spec = plan.sources[sampled.source], plan.recipe.sources[sampled.source]
    if not isinstance(source, Biographies) or not isinstance(spec, BiographiesSpec) or not len(sampled):
        return None
    order = source.choices(source.individuals(sampled.item), sampled.exposure).order
    if order is None:
        return None
    joined = sum(len(entry) - 1 for entry in spec.sentences or () if not isinstance(entry, str))
    return len(np.unique(order, axis=0)), factorial(len(source.sentences) - joined)


def _of_sentences(source: Biographies, spec: BiographiesSpec, sampled: Sample) -> tuple[Coverage, ...]:
    choices = source.choices(source.individuals(sampled.item), sampled.exposure)
    declared = {name: key for name, (key, _, _) in source.world.spec.expanded.items()}
    coverages = []
    for number, (language, templates) in enumerate(spec.sets.items()):
        wordings = choices.wordings[choices.language == number]
        columns: dict[str, list[int]] = {}  # repeated attributes share their templates, so they are counted together
        for j, sentence in enumerate(source.sentences):
            columns.setdefault(sentence if sentence in templates.known else declared[sentence], []).append(j)
        for name, sentences in columns.items():
            shown = language if len(spec.sets) > 1 else ""
            seen = len(np.unique(wordings[:, sentences]))
            coverages.append(Coverage(name, shown, seen, len(templates.known[name])))
    return tuple(coverages)


def _affordable(sampled: Sample) -> int:
    """How many sampled documents can be compared with all earlier exposures of their items."""
    return int(np.searchsorted(np.cumsum(sampled.exposure + 1), EARLIER, side="right"))


def _texts(plan: Plan, source: str, item: I64, exposure: I64, done: Progress) -> list[bytes]:
    """The tokens of documents, as bytes."""
    texts: list[bytes] = []
    for first in range(0, item.size, CHUNK):
        chunk = slice(first, first + CHUNK)
        tokens = plan.sources[source].documents(item[chunk], exposure[chunk], spans=False).tokens
        ends: NDArray[np.int64] = tokens.offsets
        texts += [tokens.values[a:b].tobytes() for a, b in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
        done(len(tokens))
    return texts
