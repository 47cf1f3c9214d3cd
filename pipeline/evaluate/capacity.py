"""From the losses of a trained model to bits of knowledge: the capacity ratio of Part 3.3, sections 3 and 4.

    sequence    … eos| Anya Briar Forger was born on October 2, 1996. She …  eos| …
    losses            |──── name ──────|             |birth_date──| |pronoun
                      loss_name: their sum           loss_value: a sum for each attribute

p1 is the mean loss_name; p2 the mean of all values' losses together, the pronoun's among them, those of lookups (which
follow from another attribute) not; p3 the mean loss of a value's first chunk; all in nats. With N individuals, N0 names
and S0 values of an individual, a model of P parameters has (Definition 4.3)

    R = [N log₂(N0 / e^p1) + N log₂(S0 / e^p2)] / P            R^max = [N log₂(N0 / N) + N log₂ S0] / P

and, of attributes of kind codes, K D log₂(T^L / (D e^p3)) more, in R^max with p3 = 0 (Definition 4.1). Who knows
everything reaches R^max: p1 = ln N, as nobody can tell which of N individuals comes next, and p2 = p3 = 0. As in the
paper no term is clipped at 0: a model that does worse than a uniform guess has learned a negative number of bits.

Letters: s sequences of a batch, S of a split, L tokens in each, a labels of attributes, m spans.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import log, log2, prod
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.core.errors import PlanError, StorageError, suggest
from pipeline.core.key import Key
from pipeline.core.system.opening import expanded, opened
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import MEND
from pipeline.recipe import Loaded, load
from pipeline.sources.knowledge.biographies import Biographies, BiographiesSpec
from pipeline.sources.source import Context
from pipeline.text import tokenizer_loading
from pipeline.text.shown_facts import Shown
from pipeline.worlds.attributes.codes import CodesSpec
from pipeline.worlds.world import World

PerToken = str | Path | NDArray[Any] | Callable[[I64], Any]
Losses = PerToken
Predictions = PerToken

BATCH = 64  # sequences looked at together, and given to a function
BIT = log(2)  # in nats
ALL = 2**31  # tokens: more than a sequence has


@dataclass(frozen=True)
class Learned:
    """What is known of one attribute; means are over the documents that tell it.

    documents: how many do. loss: mean of its first span, nats. bits: what there is to know of it in one individual;
    None for a lookup. first_token: in which share of the documents the model gets the first token of the span right.
    """

    documents: int
    loss: float
    bits: float | None
    first_token: float

    @property
    def learned(self) -> float | None:
        """How many of the bits are known."""
        return None if self.bits is None else self.bits - self.loss / BIT


@dataclass(frozen=True)
class Capacity:
    """What a model knows of the individuals of a source, by its losses on some documents of a split.

    p1, p2, p3: nats, as above. p2 adds up the attributes' mean losses, so it is K times that of Definition 4.1. p3 is
    None without codes, and where nobody knows how many tokens the first of several chunks has, as text; set_bits is
    None then too, and total_bits lacks what max_bits, R^max · P, has of it. attributes: those told, in the order of the
    world. untold: the others, which are in none of the numbers. exact: first_token was counted with predictions; else
    it is a lower bound, the share of losses below ln 2.
    """

    split: str
    source: str
    individuals: int
    documents: int
    p1: float
    p2: float
    p3: float | None
    name_bits: float
    value_bits: float
    set_bits: float | None
    max_bits: float
    parameters: int | None
    exact: bool
    attributes: Mapping[str, Learned]
    untold: tuple[str, ...]

    @property
    def total_bits(self) -> float:
        """Bits learned, R · P."""
        return self.name_bits + self.value_bits + (self.set_bits or 0.0)

    @property
    def ratio(self) -> float | None:
        """R, bits a parameter."""
        return None if self.parameters is None else self.total_bits / self.parameters

    @property
    def max_ratio(self) -> float | None:
        """R^max, bits a parameter."""
        return None if self.parameters is None else self.max_bits / self.parameters

    def lines(self) -> list[str]:
        """As text: a table of the attributes, and what they come to."""
        wide = max(map(len, ("attribute", *self.attributes)))
        first = "first token" + " ≥" * (not self.exact)
        lines = [f"{self.documents:,} documents of {self.source} in {self.split}; {self.individuals:,} individuals"]
        lines += [f"{'attribute':<{wide}} {'documents':>12} {'loss':>9} {'bits':>9} {'learned':>9} {first:>14}"]
        for attribute, its in self.attributes.items():
            numbers = f"{its.loss:>9,.3f} {_shown(its.bits):>9} {_shown(its.learned):>9} {its.first_token:>14.2%}"
            lines += [f"{attribute:<{wide}} {its.documents:>12,} {numbers}"]
        if self.untold:
            lines += [f"not counted, as none of these documents tells it: {', '.join(self.untold)}"]
        if self.set_bits is None:
            lines += ["not counted: sets of chunks, as of codes in text nobody knows where the first of several ends"]
        losses = {"p1": self.p1, "p2": self.p2, "p3": self.p3}
        lines += [" · ".join(f"{p} {loss:.4f}" for p, loss in losses.items() if loss is not None) + " nats"]
        terms = {"names": self.name_bits, "values": self.value_bits, "sets of chunks": self.set_bits}
        parts = " · ".join(f"{term} {bits:,.0f}" for term, bits in terms.items() if bits)
        lines += [f"learned {self.total_bits:,.0f} bits of {self.max_bits:,.0f}: {parts}"]
        if self.parameters is not None:
            lines += [f"{self.ratio:.4f} bits for each of {self.parameters:,} parameters, at most {self.max_ratio:.4f}"]
        return lines


def _shown(bits: float | None) -> str:
    return "–" if bits is None else f"{bits:,.3f}"


def measure(
    folder: str | Path,
    split: str,
    losses: Losses,
    *,
    predictions: Predictions | None = None,
    parameters: int | None = None,
    source: str | None = None,
    done: Callable[[int], object] = lambda _: None,
) -> Capacity:
    """What a model knows, by its losses on a split of a built dataset that has the columns documents and spans.

    losses: float (S, L), entry [s, t] being −ln of the probability of input_ids[s, t] after the tokens before it in the
    sequence; [s, 0], before which there is nothing, is not looked at. An array or an .npy file, the shards in order; or
    a function from some sequences, int64 (s, L), to theirs. predictions: the same of the most likely ids, integers.
    source: of biographies in the split; may be left out where there is only one. parameters: P.
    done: is told of sequences as they are read.

        @torch.no_grad()
        def losses(ids):                                                  # with PyTorch: a zero, then L - 1 losses
            batch = torch.from_numpy(ids).cuda()
            logits = model(batch[:, :-1]).logits.float().transpose(1, 2)
            return pad(cross_entropy(logits, batch[:, 1:], reduction="none"), (1, 0)).cpu()

        print(*measure("data/bioS_100K_100", "score", losses, parameters=88_000_000).lines(), sep="\\n")

    Counted are documents that lie wholly in one sequence and do not begin it: a name needs something before it. In each
    the first span of every attribute counts. Whoever is told more often weighs more. N is the number of individuals
    that the source is about.

    StorageError for a folder or a file that cannot be used, PlanError for what does not fit it.
    """
    if parameters is not None and parameters < 1:
        raise PlanError(f"{parameters} parameters", "Give 1 or more.")
    data = _Data.of(folder, split, source)
    loss_of = _PerToken("losses", losses, "f", data.shape)
    said = None if predictions is None else _PerToken("predictions", predictions, "iu", data.shape)
    tally = np.zeros((4, len(data.labels)))
    documents = 0
    for row, batch in data.batches():
        ids = batch.column("input_ids").flatten().to_numpy().reshape(-1, data.shape[1])
        loss = _sound(loss_of(row, ids).astype(np.float64), row).reshape(-1)
        counted, start, length, label = _first_spans(batch, ids, data)
        if said is None:
            right = loss[start] < BIT
        else:
            right = said(row, ids).reshape(-1)[start] == ids.reshape(-1)[start]
        first_chunk = _sums(loss, start, np.minimum(length, data.chunk[label]))
        told = (np.ones(len(label)), _sums(loss, start, length), first_chunk, right)
        tally += [np.bincount(label, one, len(data.labels)) for one in told]
        documents += counted
        done(len(ids))
    if not documents:
        raise PlanError(
            f"no document of '{data.source}' lies wholly in a sequence of '{split}', behind another one",
            "Set packing.method to concat, or raise packing.length.",
            data.dataset.folder.url,
        )
    return _capacity(data, documents, tally, parameters, exact=said is not None)


def _capacity(
    data: _Data, documents: int, tally: NDArray[np.float64], parameters: int | None, *, exact: bool
) -> Capacity:
    """The formulas. tally (4, a): how many documents tell it; sums over them of loss, first chunk's loss, and right."""
    attributes: dict[str, Learned] = {}
    chunks: list[tuple[CodesSpec, float]] = []
    for attribute, (_, spec, _) in data.world.spec.expanded.items():
        told, loss, chunk, right = tally[:, data.labels.index(attribute)].tolist()
        if told:
            bits = _bits_of(attribute, data, attributes)
            attributes[attribute] = Learned(int(told), loss / told, bits, right / told)
            if isinstance(spec, CodesSpec):
                chunks.append((spec, chunk / told))
    if data.name not in attributes:
        raise PlanError(
            f"'{data.source}' never says the {data.name}", "Tell it in a template.", data.dataset.folder.url
        )
    values = {name: its for name, its in attributes.items() if its.bits is not None and name != data.name}
    known = replace(
        data.world.knowledge(),
        size=data.individuals,
        values=sum(its.bits or 0.0 for its in values.values()),
        sets=sum(spec.diversity * (spec.length * log2(spec.vocabulary) - log2(spec.diversity)) for spec, _ in chunks),
    )
    p1, p2 = attributes[data.name].loss, sum(its.loss for its in values.values())
    sure = all(_first_chunk(spec) for spec, _ in chunks)
    sets = known.sets - sum(spec.diversity * loss / BIT for spec, loss in chunks)
    return Capacity(
        split=data.split,
        source=data.source,
        individuals=known.size,
        documents=documents,
        p1=p1,
        p2=p2,
        p3=sum(loss for _, loss in chunks) / len(chunks) if chunks and sure else None,
        name_bits=known.size * (known.names - p1 / BIT),
        value_bits=known.size * (known.values - p2 / BIT),
        set_bits=sets if sure else None,
        max_bits=known.total,
        parameters=parameters,
        exact=exact,
        attributes=attributes,
        untold=tuple(attribute for attribute in data.world.spec.expanded if attribute not in attributes),
    )


def _bits_of(attribute: str, data: _Data, before: Mapping[str, Learned]) -> float | None:
    """Bits of what the documents show of an attribute: of a date of which they tell the year, those of the year.

    None where it follows from one of those before it. Of one that they never tell, what follows from it has the bits.
    """
    slots = data.world.slots_of(attribute)
    if slots:
        return data.world.bits_shown(attribute, data.shown)
    read = data.world.fields[attribute].slots
    if any(read & data.world.fields[other].slots for other in before):
        return None
    return sum(data.world.bits_of_slot(slot, data.shown.slots[slot]) for slot in read if slot in data.shown.slots)


def _first_chunk(spec: CodesSpec) -> int | None:
    """How many tokens the first chunk of a value has, if not all; None where that is not known."""
    if spec.symbols == "ids":
        return spec.length
    return ALL if spec.chunks == 1 else None


# ── the dataset ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Data:
    """A split, and the source in it that is looked at.

    shown: what its documents show of an individual. number: of the source in the column documents. labels: what numbers
    of attributes in the column spans mean. chunk int64 (a,): tokens of the first chunk of each. name: the attribute
    that is the name. shape: (S, L).
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
    def of(cls, folder: str | Path, split: str, source: str | None) -> _Data:
        """What lies in the folder. StorageError, PlanError where it cannot be measured on."""
        dataset = Dataset.at(folder)
        its = dataset.split(split)
        if missing := [column for column in ("documents", "spans") if column not in its["columns"]]:
            raise PlanError(
                f"the split '{split}' has no {' and no '.join(missing)}",
                "Build it with columns: [documents, spans].",
                dataset.folder.url,
            )
        with dataset.recipe() as path:
            return cls._of_recipe(dataset, split, its, load(str(path)), source)

    @classmethod
    def _of_recipe(
        cls, dataset: Dataset, split: str, its: Mapping[str, Any], loaded: Loaded, source: str | None
    ) -> _Data:
        """By the recipe of the dataset."""
        if missing := {*its["source_names"]} - loaded.recipe.sources.keys():
            raise StorageError(f"no source '{min(missing)}' in its recipe.yaml", MEND, dataset.folder.url)
        about = {name: loaded.recipe.sources[name] for name in its["source_names"]}
        told = {name: spec for name, spec in about.items() if isinstance(spec, BiographiesSpec)}
        source = _chosen(source, list(told), split)
        spec = loaded.recipe.worlds[told[source].world].model_copy(update={"disjoint_from": None})
        world = World(told[source].world, spec, Key.root(loaded.recipe.seed))
        name = world.of_kind("name")
        assert name is not None, "biographies need one"
        labels = its.get("attributes", [])
        if missing := spec.expanded.keys() - set(labels):
            raise StorageError(f"the split '{split}' has no attribute '{min(missing)}'", MEND, dataset.folder.url)
        firsts = {
            attribute: _first_chunk(s) for attribute, (_, s, _) in spec.expanded.items() if isinstance(s, CodesSpec)
        }
        with loaded.refusing("tokenizer"):
            made = tokenizer_loading.load(loaded.recipe.tokenizer, loaded.files("tokenizer"))
        with loaded.refusing("sources", source):
            key = Key.root(loaded.recipe.seed).child("sources", source)
            biographies = Biographies(told[source], Context({world.name: world}, made, key))
        return cls(
            dataset=dataset,
            split=split,
            source=source,
            world=world,
            shown=biographies.shown[0],
            name=name,
            individuals=len(biographies.people),
            number=its["source_names"].index(source),
            labels=labels,
            chunk=np.array([firsts.get(label) or ALL for label in labels]),
            shape=(its["sequences"], its["length"]),
            eos=made.eos,
        )

    def batches(self) -> Iterator[tuple[int, Any]]:
        """(first row, record batch of at most BATCH rows), in order."""
        row = 0
        for batch in self.dataset.batches(self.split):
            for first in range(0, batch.num_rows, BATCH):
                yield row, (part := batch.slice(first, BATCH))
                row += part.num_rows


def _chosen(source: str | None, told: list[str], split: str) -> str:
    """The biographies that are meant. PlanError where that is not clear."""
    if source is None and len(told) == 1:
        return told[0]
    if source is None:
        remedy = f"Name one: {', '.join(told)}." if told else "Measure on a split that has some."
        raise PlanError(f"'{split}' has {len(told) or 'no'} sources of biographies", remedy)
    if source not in told:
        raise PlanError(f"'{split}' has no biographies '{source}'", suggest(source, told))
    return source


def _first_spans(batch: Any, ids: NDArray[Any], data: _Data) -> tuple[int, I64, I64, I64]:
    """How many documents count; of their first spans, each int64 (m,): first token in the batch, tokens, label.

    A document has its end token behind its spans.
    """
    tokens = ids.shape[1]
    row, piece = data.dataset.entries(batch, "documents", tokens, source=2**16)  # any: none is looked up by it
    at = row * tokens + piece["start"]
    end = at + piece["length"]
    ended = ids.reshape(-1)[end - 1] == data.eos
    counted = ended & (piece["start"] > 0) & (piece["source"] == data.number)  # what goes on from another begins at 0
    row, span = data.dataset.entries(batch, "spans", tokens, attribute=len(data.labels))
    start = row * tokens + span["start"]
    document = np.searchsorted(at, start, side="right") - 1
    mine = np.flatnonzero(document >= 0)
    mine = mine[counted[document[mine]] & (start[mine] + span["length"][mine] < end[document[mine]])]
    _, first = np.unique(document[mine] * len(data.labels) + span["attribute"][mine], return_index=True)
    spans = mine[first]
    return int(counted.sum()), start[spans], span["length"][spans], span["attribute"][spans]


def _sums(values: NDArray[np.float64], start: I64, length: I64) -> NDArray[np.float64]:
    """The sums of values[start : start + length], (m,), none of which is empty or reaches the end of the values."""
    bounds = np.column_stack([start, start + length]).reshape(-1)
    sums: NDArray[np.float64] = np.add.reduceat(values, bounds)[::2]
    return sums


# ── what a model says ───────────────────────────────────────────────────────────────────────────────────────────────


class _PerToken:
    """Numbers beside input_ids (S, L), wherever they come from; their dtype is of one of the `kinds` of numpy."""

    def __init__(self, name: str, given: PerToken, kinds: str, shape: tuple[int, int]) -> None:
        self._name, self._kinds = name, kinds
        self._given = _opened(given) if isinstance(given, str | Path) else given
        if not callable(self._given):
            self._check(self._given, shape)

    def __call__(self, row: int, ids: NDArray[Any]) -> NDArray[Any]:
        """Those of ids (s, L), which begin at a row."""
        if not callable(self._given):
            return self._given[row : row + len(ids)]
        said = np.asarray(self._given(ids.astype(np.int64)))
        self._check(said, ids.shape)
        return said

    def _check(self, said: NDArray[Any], shape: tuple[int, ...]) -> None:
        if said.shape != shape:
            remedy = "The split's shards, in order, have one for each of their input_ids."
            if said.shape == (shape[0], shape[1] - 1):
                remedy = "Put a column of zeros before them: there is one for each of input_ids, the first too."
            raise PlanError(f"{self._name} of shape {said.shape}, not {shape}", remedy)
        if said.dtype.kind not in self._kinds:
            wanted = "floating-point numbers" if self._kinds == "f" else "integers"
            raise PlanError(f"{self._name} of type {said.dtype}", f"Give {wanted}.")


def _opened(path: str | Path) -> NDArray[Any]:
    """The array in an .npy file, memory-mapped. StorageError unless the file is one, and holds just what it says."""
    remedy = "It must be an array of numbers in C order, saved by numpy.save."
    try:
        with opened(expanded(path)) as file:
            shape, fortran, kind = _header(file)
            size, there = file.tell() + prod(shape) * kind.itemsize, os.fstat(file.fileno()).st_size
            if kind.hasobject or fortran:
                raise ValueError("it holds objects" if kind.hasobject else "it is in Fortran order")
            if size != there:
                raise ValueError(f"an array of shape {shape} needs {size:,} bytes, and it has {there:,}")
            return np.memmap(file, kind, "r", file.tell(), shape) if prod(shape) else np.empty(shape, kind)
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", remedy, str(path)) from None
    except ValueError as error:
        raise StorageError(f"cannot be read: {error}", remedy, str(path)) from None


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran order, and type. ValueError where there is no header of an array."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, fortran, kind = readers[np.lib.format.read_magic(file)](file)
    except (ValueError, KeyError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError):
        raise ValueError("it does not begin with the header of an array") from None  # what a parser of Python says
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    return shape, fortran, kind


def _sound(losses: NDArray[np.float64], row: int) -> NDArray[np.float64]:
    """Losses (s, L) from a row on, without those of first tokens. PlanError where they are none."""
    losses[:, 0] = 0
    wrong = np.argwhere(~((losses >= 0) & (losses < np.inf)))
    if len(wrong):
        s, t = wrong[0].tolist()
        raise PlanError(
            f"losses[{row + s}, {t}] is {losses[s, t]}", "Minus the logarithm of a probability is 0 or more."
        )
    return losses
