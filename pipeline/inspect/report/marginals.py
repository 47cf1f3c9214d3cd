"""Frequencies of the attributes' values in the data, beside their probabilities.

A span is a text, which reading.py reads back into values of parts. A span that cannot be read back (a value in a
template's own words) is counted as unread, not guessed.

Letters: n values of a part, v labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.inspect.report.reading import Part, Reader
from pipeline.text.fields import Column, Field
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds.world import World

TOP = 5
BINS = 60
Spans = Counter[tuple[int, bytes]]
"""How often each (label, token ids as bytes) stands in the data."""


@dataclass(frozen=True)
class Value:
    """One value: the number of spans with it, and its probability; None where that is unknown."""

    text: str
    count: int
    probability: float | None


@dataclass(frozen=True)
class Marginal:
    """The values of one part of an attribute.

    spans: how many show it. distinct: different values in them. possible: values in all; None where unknown. top: the
    most frequent values. bins: runs of neighbours in the table: (count, probability, number of values).
    """

    attribute: str
    part: str
    spans: int
    distinct: int
    possible: int | None
    top: tuple[Value, ...]
    bins: tuple[tuple[int, float, int], ...]

    @property
    def title(self) -> str:
        """`birth_date`, or `birth_date.year`."""
        return f"{self.attribute}.{self.part}" if self.part else self.attribute


@dataclass(frozen=True)
class Marginals:
    """The marginals of a world. unread: label → spans that cannot be read back. wrong: spans of untrue values."""

    world: str
    parts: tuple[Marginal, ...]
    unread: Mapping[str, int]
    wrong: int


def count(spans: Spans, ids: NDArray[np.generic], start: I64, length: I64, label: I64) -> None:
    """Add m spans, ids[start : start + length] with their label, to `spans`. ids: (T,); start, length, label: (m,)."""
    for begin, tokens, number in zip(start.tolist(), length.tolist(), label.tolist(), strict=True):
        spans[number, ids[begin : begin + tokens].tobytes()] += 1


def marginals(
    world: World, languages: Iterable[str], spans: Spans, labels: Sequence[str], tokenizer: Tokenizer, wrong: str
) -> Marginals:
    """The values of all attributes of a world that have spans.

    languages: of the documents. labels: names by the labels' numbers in `spans`. wrong: the label of untrue values.
    """
    by_label: dict[str, Counter[bytes]] = {}
    for (label, ids), number in spans.items():
        by_label.setdefault(labels[label], Counter())[ids] += number
    parts: list[Marginal] = []
    unread: dict[str, int] = {}
    for attribute, field in world.fields.items():
        if attribute not in by_label:
            continue
        if _is_set(field):
            of_attribute, rest = _of_set(world, attribute, by_label[attribute], tokenizer)
        else:
            texts = _decoded(by_label[attribute], tokenizer)
            of_attribute, rest = _of_texts(world, attribute, list(languages), texts)
        parts += [part for part in of_attribute if part.spans]
        unread |= {attribute: rest} if rest else {}
    return Marginals(world.name, tuple(parts), unread, by_label[wrong].total() if wrong in by_label else 0)


def _decoded(spans: Counter[bytes], tokenizer: Tokenizer) -> Counter[str]:
    texts: Counter[str] = Counter()
    decoded = tokenizer.decode_all([np.frombuffer(ids, tokenizer.dtype).tolist() for ids in spans])
    for number, text in zip(spans.values(), decoded, strict=True):
        texts[text.strip()] += number
    return texts


def _of_texts(world: World, attribute: str, languages: list[str], texts: Counter[str]) -> tuple[list[Marginal], int]:
    """(marginals of an attribute's parts, number of spans that cannot be read back)."""
    reader = Reader(world, attribute, languages)
    if not reader.parts:
        top = tuple(Value(text, number, None) for text, number in texts.most_common(TOP))
        return [Marginal(attribute, "", texts.total(), len(texts), None, top, ())], 0
    counts = [np.zeros(len(part.texts), np.int64) for part in reader.parts]
    unread = 0
    for text, number in texts.items():
        values = reader.read(text)
        unread += number * (not values)
        for part, value in values.items():
            counts[part][value] += number
    return [_marginal(attribute, part, of_part) for part, of_part in zip(reader.parts, counts, strict=True)], unread


def _is_set(field: Field) -> bool:
    """Whether a value is a sequence of chunks from one table, or is given as ids."""
    columns = [piece for piece in field.format if isinstance(piece, Column)]
    alike = all(column.values is columns[0].values for column in columns)
    return bool(columns[0].codes) or (len(columns) > 1 and alike)


def _of_set(world: World, attribute: str, spans: Counter[bytes], tokenizer: Tokenizer) -> tuple[list[Marginal], int]:
    """As `_of_texts`, for all chunks together."""
    columns = [piece for piece in world.fields[attribute].format if isinstance(piece, Column)]
    part = Part.of("", columns[0], world)
    counts, unread = np.zeros(len(part.texts), np.int64), 0
    for chunks, number in _chunks(world.fields[attribute], columns[0], spans, tokenizer):
        if len(chunks) == len(columns) and min(chunks) >= 0:
            np.add.at(counts, part.of_row[chunks], number)
        else:
            unread += number
    return [_marginal(attribute, part, counts)], unread


def _chunks(
    field: Field, column: Column, spans: Counter[bytes], tokenizer: Tokenizer
) -> Iterator[tuple[list[int], int]]:
    """(rows of the table that a span shows, -1 for one outside it; how many such spans)."""
    if column.codes is None:
        row_of = {str(value): row for row, value in enumerate(column.values)}
        between = str(field.format[1])
        for text, number in _decoded(spans, tokenizer).items():
            yield [row_of.get(chunk, -1) for chunk in text.split(between)], number
        return
    row_of_code = {code: row for row, code in enumerate(column.codes)}
    length = len(column.codes[0])
    for ids, number in spans.items():  # the token of a comma is between two chunks
        symbols = np.frombuffer(ids, tokenizer.dtype).tolist()
        firsts = range(0, len(symbols), length + 1)
        yield [row_of_code.get(tuple(symbols[first : first + length]), -1) for first in firsts], number


def _marginal(attribute: str, part: Part, counts: I64) -> Marginal:
    """The marginal of a part. counts: spans with each of its values, int64 (n,)."""
    n = len(counts)
    first = np.argsort(-counts, kind="stable")[:TOP].tolist()
    top = tuple(Value(part.texts[i], int(counts[i]), float(part.probability[i])) for i in first if counts[i])
    edges = np.arange(0, n, -(-n // BINS))
    sums = (np.add.reduceat(of, edges).tolist() for of in (counts, part.probability, np.ones(n, np.int64)))
    bins = zip(*sums, strict=True)
    return Marginal(attribute, part.name, int(counts.sum()), int((counts > 0).sum()), n, top, tuple(bins))
