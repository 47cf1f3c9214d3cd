"""Which values the attributes of a world have in the data, beside how likely they were.

A span is a text, which reading.py reads back into parts. What cannot be read back (a value in a template's own words)
is counted, not guessed.

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
    """One value: in how many spans it is, and how likely it is; None where nobody knows."""

    text: str
    count: int
    probability: float | None


@dataclass(frozen=True)
class Marginal:
    """The values of one part of an attribute.

    spans: that show it. distinct: different values among them. possible: how many there are; None where that is not
    known. top: the most frequent ones. bins: in the order of the table, neighbours together: count, probability and
    number of values.
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
    """Of the attributes of a world. unread: label → spans with a text that is none of the values."""

    world: str
    parts: tuple[Marginal, ...]
    unread: Mapping[str, int]
    wrong: int


def count(spans: Spans, ids: NDArray[np.generic], start: I64, length: I64, label: I64) -> None:
    """Add spans (m,): those of the tokens from start to start + length, of all the ids (T,)."""
    for begin, tokens, number in zip(start.tolist(), length.tolist(), label.tolist(), strict=True):
        spans[number, ids[begin : begin + tokens].tobytes()] += 1


def marginals(
    world: World, languages: Iterable[str], spans: Spans, labels: Sequence[str], tokenizer: Tokenizer, wrong: str
) -> Marginals:
    """The values of all attributes of a world that have spans.

    languages: of the documents. labels: what the numbers of the spans mean. wrong: the label of untrue values.
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
    """The parts of an attribute, and how many of its spans cannot be read back."""
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
    """Whether a value is a row of chunks out of one table, or given as ids."""
    columns = [piece for piece in field.format if isinstance(piece, Column)]
    alike = all(column.values is columns[0].values for column in columns)
    return bool(columns[0].codes) or (len(columns) > 1 and alike)


def _of_set(world: World, attribute: str, spans: Counter[bytes], tokenizer: Tokenizer) -> tuple[list[Marginal], int]:
    """The same of chunks, all of them together."""
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
    """The rows of the table that each span shows, -1 for one that is not in it, and how often it stands there."""
    if column.codes is None:
        row_of = {str(value): row for row, value in enumerate(column.values)}
        between = str(field.format[1])
        for text, number in _decoded(spans, tokenizer).items():
            yield [row_of.get(chunk, -1) for chunk in text.split(between)], number
        return
    row_of_code = {code: row for row, code in enumerate(column.codes)}
    length = len(column.codes[0])
    for ids, number in spans.items():  # between two chunks stands the token of a comma
        symbols = np.frombuffer(ids, tokenizer.dtype).tolist()
        firsts = range(0, len(symbols), length + 1)
        yield [row_of_code.get(tuple(symbols[first : first + length]), -1) for first in firsts], number


def _marginal(attribute: str, part: Part, counts: I64) -> Marginal:
    """A part of an attribute, with the number of spans of each of its values, (n,)."""
    n = len(counts)
    first = np.argsort(-counts, kind="stable")[:TOP].tolist()
    top = tuple(Value(part.texts[i], int(counts[i]), float(part.probability[i])) for i in first if counts[i])
    edges = np.arange(0, n, -(-n // BINS))
    sums = (np.add.reduceat(of, edges).tolist() for of in (counts, part.probability, np.ones(n, np.int64)))
    bins = zip(*sums, strict=True)
    return Marginal(attribute, part.name, int(counts.sum()), int((counts > 0).sum()), n, top, tuple(bins))
