"""Varied text of any size, made from a key: prose in twelve languages, code and records, as JSON lines.

`python -m tests.bench.varied_text FILE [MEGABYTES]` writes a file. The same key gives the same bytes everywhere, and a
longer file begins with the shorter one.

A text is a sequence of rows (a word with what stands around it, a line of code), a row a sequence of pieces, and all
pieces stand in one table, so that writing a text is one `take` of Arrow's. Which pieces a row has is said by its form,
such as `"{gap}{word}-{word}"`, whose parts in braces are drawn from urns. In an urn of words the r-th lies ZIPF / r
times. Some words are blended from the halves of others, so the number of distinct words grows with the text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

import numpy as np
import pyarrow as pa

from pipeline.core.draws import I32, I64, Weighted, bits, bits_each, scaled_half
from pipeline.core.key import Key
from tests.bench.varied_forms import KINDS, RANKED, ZIPF, Kind

DOCUMENTS = 1024  # of a block, whose order is drawn anew
LEAST, MOST = 20, 20_000  # characters of a document
OCTAVES = Weighted.from_weights((1, 2, 3, 5, 6, 5, 3, 2, 1))  # of lengths, from 32 on
HEAD, TAIL = '{"text": "', '"}\n'


def write(path: Path, megabytes: int, key: Key | None = None) -> int:
    """Write JSON lines, `{"text": …}`, of at least so many megabytes (10^6 bytes); returns the number of documents."""
    key = key or Key.root(0)
    size = number = 0
    with open(path, "wb") as file:
        while size < megabytes * 1_000_000:
            size += file.write(block(key, number))
            number += 1
    return number * DOCUMENTS


def block(key: Key, number: int) -> memoryview:
    """The lines of DOCUMENTS documents."""
    key = key.child("block", number)
    writers = _writers()
    documents = np.arange(DOCUMENTS)
    kind = _shares()(key.child("kind"), documents)
    runs = [writer.lines(key.child(name), int((kind == i).sum())) for i, (name, writer) in enumerate(writers.items())]
    order = np.argsort(bits(key.child("order"), documents), kind="stable")
    lines = pa.concat_arrays(runs).take(pa.array(order))
    return _bytes(lines)


@cache
def _writers() -> dict[str, _Writer]:
    return {kind.name: _Writer.of(kind) for kind in KINDS}


@cache
def _shares() -> Weighted:
    return Weighted.from_weights([kind.share for kind in KINDS])


@dataclass(frozen=True)
class _Writer:
    """What writes the documents of a kind.

    table: the pieces, as they stand in JSON; 0 is empty, 1 HEAD, 2 TAIL. characters (pieces,): of each in the text.
    urns: numbers of pieces, one urn after the other. first, size (forms, slots): where the urn of a slot lies, and its
    size. forms: draws the number of a form. longest: characters that a row can have.
    """

    table: pa.LargeBinaryArray
    characters: I32
    urns: I32
    first: I64
    size: I64
    forms: Weighted
    longest: int

    @classmethod
    def of(cls, kind: Kind) -> _Writer:
        """The tables of a kind."""
        pieces = {piece: i for i, piece in enumerate(("", HEAD, TAIL))}
        forms = [list(Formatter().parse(form)) for form in kind.forms]
        names = [[name for part in form for name in _slots(*part)] for form in forms]
        width = max(map(len, names))
        urns = {name: kind.urns.get(name, [name]) for form in names for name in form} | {"": [""]}
        numbers = [_filled(urn, name in RANKED, pieces) for name, urn in urns.items()]
        ends = np.cumsum([0, *map(len, numbers)])
        places = {name: (ends[i], len(numbers[i])) for i, name in enumerate(urns)}
        slots = np.array([[places[name] for name in [*form, *[""] * (width - len(form))]] for form in names], np.int64)
        written = [json.dumps(piece, ensure_ascii=False)[1:-1].encode() for piece in pieces]
        return cls(
            pa.array([b"", HEAD.encode(), TAIL.encode(), *written[3:]], pa.large_binary()),
            np.array([0, 0, 0, *map(len, list(pieces)[3:])], np.int32),
            np.concatenate(numbers),
            slots[:, :, 0],
            slots[:, :, 1],
            Weighted.from_weights(list(kind.forms.values())),
            max(sum(max(map(len, urns[name])) for name in form) for form in names),
        )

    def lines(self, key: Key, documents: int) -> pa.LargeBinaryArray:
        """So many documents, each as a line of JSON."""
        ends = np.cumsum(self._lengths(key.child("length"), documents))
        rows = self._rows(key, int(ends[-1]) if documents else 0)
        cuts = np.searchsorted(np.cumsum(self.characters.take(rows).sum(1)), ends) + 1
        starts = np.concatenate([[0], cuts])
        cells = np.zeros((starts[-1], rows.shape[1] + 1), np.int32)
        cells[:, :-1] = rows[: len(cells)]
        cells[starts[:-1], 0] = 1
        cells[cuts - 1, -1] = 2
        pieces = cells[cells > 0]
        text = self.table.take(pa.array(pieces))
        offsets = np.frombuffer(text.buffers()[1], np.int64)
        begins = np.append(offsets[np.flatnonzero(pieces == 1)], offsets[len(pieces)])
        return pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), documents, [None, pa.py_buffer(begins), text.buffers()[2]]
        )

    def _lengths(self, key: Key, documents: int) -> I64:
        """Characters that documents shall have, (d,): a row's more or less keeps them from LEAST to MOST."""
        document = np.arange(documents)
        octave = np.left_shift(32, OCTAVES(key, document).astype(np.int64))
        lengths: I64 = LEAST + self.longest + octave - 32 + scaled_half(bits(key.child("within"), document), octave)
        return lengths

    def _rows(self, key: Key, characters: int) -> I32:
        """The pieces of rows (n, slots) that together have at least so many characters."""
        slots = [key.child("slot", slot) for slot in range(self.first.shape[1])]
        parts, begin = [np.empty((0, len(slots)), np.int32)], 0
        while characters > 0:
            row = np.arange(begin, begin + characters // 8 + 64)
            form = self.forms(key.child("form"), row)
            drawn = scaled_half(bits_each(slots, key, row), self.size.take(form, 0))
            parts.append(self.urns.take(drawn + self.first.take(form, 0)))
            characters -= int(self.characters.take(parts[-1]).sum())
            begin += len(row)
        return np.concatenate(parts)


def _slots(literal: str, name: str | None, *_: str | None) -> list[str]:
    """A part of a form as slots: a literal, which is an urn by itself, and the name of an urn."""
    return [slot for slot in (literal, name) if slot]


def _filled(urn: Sequence[str], ranked: bool, pieces: dict[str, int]) -> I32:
    """The numbers of an urn's pieces, which get numbers if they have none; of the r-th, ZIPF / r times if `ranked`."""
    numbers = np.array([pieces.setdefault(piece, len(pieces)) for piece in urn], np.int32)
    times = np.maximum(1, ZIPF // np.arange(1, len(urn) + 1)) if ranked else 1
    return np.repeat(numbers, times)


def _bytes(array: pa.LargeBinaryArray) -> memoryview:
    """All values of an array, one after the other."""
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, np.int64)
    return memoryview(data)[ends[array.offset] : ends[array.offset + len(array)]]


if __name__ == "__main__":
    print(write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10), "documents")
