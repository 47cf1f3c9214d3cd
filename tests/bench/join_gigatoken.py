"""The best stack that a skilled user can assemble: finished strings joined, encoded by gigatoken, packed.

Three ways to join are tried, and the fastest is kept; a fourth, which lends the rival our own idea, is a case apart:
    f_strings      an f-string a document, over columns of strings
    objects        an object array (d, 12) filled column by column, and one str.join
    arrow          pyarrow: take, then binary_join_element_wise
    bytes_kernel   a compiled loop of our own over UTF-8 bytes, 16 at a time
gigatoken runs its sequential `encode` over the text of a whole chunk of documents. Tried beside it: encode_batch of a
list of documents (a tenth slower), of a BytesSource with and without separator (as fast from 3 MB on, 5 % faster at
30 MB, a fifth at 16 kB), encode_batch_list (a quarter of the speed) and the as_hf() wrapper (a tenth). The text of the
end token stands in the text, so nothing is done document by document.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import gigatoken
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.plan.plan import Plan
from tests.bench.biographies import I32, I64, Biographies, Strings

Tables = Sequence[Sequence[str]]
Join = Callable[[Sequence[I32]], str | bytes]

CHUNK = 8192  # documents joined and encoded at once: 3 MB of text, which stays in the cache (4 to 32 K are alike)
SAMPLE = 8 * CHUNK


def f_strings(tables: Tables) -> Join:
    """The fastest spelling of "a string a document": the columns are looked up ahead, by numpy."""
    arrays = [np.array(table, object) for table in tables]

    def join(indices: Sequence[I32]) -> str:
        columns = [array[index].tolist() for array, index in zip(arrays, indices, strict=True)]
        told = zip(*columns, strict=True)
        return "".join([f"{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{m}" for a, b, c, d, e, f, g, h, i, j, k, m in told])

    return join


def objects(tables: Tables) -> Join:
    """No string a document at all: one join over all pieces."""
    arrays = [np.array(table, object) for table in tables]

    def join(indices: Sequence[I32]) -> str:
        pieces = np.empty((len(indices[0]), len(arrays)), object)
        for i, (array, index) in enumerate(zip(arrays, indices, strict=True)):
            pieces[:, i] = array[index]
        return "".join(pieces.ravel().tolist())

    return join


def arrow(tables: Tables) -> Join:
    """Joined in C++: the buffer of the joined array is the text."""
    arrays = [pa.array(table, pa.string()) for table in tables]

    def join(indices: Sequence[I32]) -> bytes:
        pieces = [array.take(pa.array(index)) for array, index in zip(arrays, indices, strict=True)]
        _, offsets, data = pc.binary_join_element_wise(*pieces, "").buffers()
        text: bytes = data[: int(np.frombuffer(offsets, np.int32)[len(indices[0])])].to_pybytes()
        return text

    return join


def bytes_kernel(tables: Tables) -> Join:
    """Joined by a kernel like the one that gathers our tokens, over bytes."""
    from tests.bench import bytes_kernel as kernel

    pieces = [text.encode() for table in tables for text in table]
    start = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    base = np.cumsum([0, *map(len, tables)], dtype=np.int64)[:-1]
    blob = np.frombuffer(b"".join(pieces) + bytes(kernel.WIDTH), np.uint8).copy()
    longest = sum(max(map(len, map(str.encode, table))) for table in tables)

    def join(indices: Sequence[I32]) -> bytes:
        out = np.empty(len(indices[0]) * longest + kernel.WIDTH, np.uint8)
        return out[: kernel.join(np.stack(indices), base, start, blob, out)].tobytes()

    return join


Ways = dict[str, Callable[[Tables], Join]]
PLAIN: Ways = {"f_strings": f_strings, "objects": objects, "arrow": arrow}
LENT: Ways = {"bytes_kernel": bytes_kernel}


class JoinGigatoken:
    """All documents, shard by shard. tried: tokens a second of each way, joining to packing, over a sample."""

    def __init__(self, plan: Plan, ways: Ways) -> None:
        self._source = Biographies(plan)
        self._strings = Strings(self._source, plan.tokenizer.eos_token)
        self._encode = gigatoken.Tokenizer(plan.tokenizer.backend).encode
        self._eos, self._length = plan.tokenizer.eos, self._source.split.packing.length
        longest = plan.sources["biographies"].longest
        assert longest is not None, "the fast path knows its longest document"
        self._longest = longest
        self.tried: dict[str, float] = {}
        self._join = self._fastest({name: make(self._strings.tables) for name, make in ways.items()})

    def packed(self, shard: int) -> NDArray[np.uint16]:
        """A shard's documents as sequences (n, 512): drawn, joined, encoded, packed."""
        return self._told(self._source.split.positions(shard), self._join)

    def _told(self, positions: I64, join: Join) -> NDArray[np.uint16]:
        out = np.empty(len(positions) * self._longest + self._length, np.uint16)
        at = 0
        for first in range(0, len(positions), CHUNK):
            drawn = self._source.draw(positions[first : first + CHUNK])
            ids = self._encode(join(self._strings.indices(drawn)))
            out[at : at + len(ids)] = ids
            at += len(ids)
        rows = -(-at // self._length)
        out[at : rows * self._length] = self._eos
        return out[: rows * self._length].reshape(rows, self._length)

    def _fastest(self, ways: dict[str, Join]) -> Join:
        """The fastest way to join, each tried on the same documents, in turns; and the encoder's speed alone."""
        positions = self._source.split.positions(0)[:SAMPLE]
        drawn = [self._source.draw(positions[i : i + CHUNK]) for i in range(0, len(positions), CHUNK)]
        join = next(iter(ways.values()))
        texts = [join(self._strings.indices(chunk)) for chunk in drawn]
        tokens = sum(len(self._encode(text)) for text in texts)
        runs: dict[str, Callable[[], object]] = {
            name: partial(self._told, positions, way) for name, way in ways.items()
        }
        runs["gigatoken_alone"] = lambda: [self._encode(text) for text in texts]
        for run in [*runs.values(), *runs.values()]:  # to warm up, and to fill gigatoken's cache of words
            run()
        for _ in range(4):
            for name, run in runs.items():
                began = time.perf_counter()
                run()
                self.tried[name] = max(self.tried.get(name, 0), tokens / (time.perf_counter() - began))
        return ways[max(ways, key=self.tried.__getitem__)]
