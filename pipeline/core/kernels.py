"""What every recipe needs compiled: draws, the bijection, the order of sentences, the one gather, and packing.

Signatures are explicit and the machine code is cached (jit.py), so the compiler runs once per machine:
`python -m pipeline warm`, which `make` calls at set-up. Nothing here is imported by `plan`. All index arithmetic is
uint64: an int64 scalar beside a uint64 array would become float64.

Letters: d documents, m sentences in all of them, s in each, r slots (slot 0, that of literals, included), T tokens.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.hashing import fold, mixed, scaled, scaled_half
from pipeline.core.jit import njit, vectorize
from pipeline.core.slack import NOTED, VECTOR
from pipeline.core.vectors import move

ROUNDS = 8  # of the bijection; four are proved enough for ideal round functions (Luby and Rackoff 1988)
BLOCK = 256  # indices drawn before they are put in their places


@vectorize(["u8(u8, u8, u8)"])
def bits1(high: Any, low: Any, a: Any) -> Any:
    """64 bits from a key and one counter; broadcasts like any ufunc."""
    return fold(fold(high, a), low)


@vectorize(["u8(u8, u8, u8, u8)"])
def bits2(high: Any, low: Any, a: Any, b: Any) -> Any:
    """64 bits from a key and two counters, hashed one after the other."""
    return fold(fold(fold(high, a), b), low)


@njit("void(u8, u8, u8, u8[::1], i4[:])")
def below(high: Any, low: Any, bound: Any, a: Any, out: Any) -> None:
    """Uniform indices below `bound` from a key and one counter.

    In blocks, because only a loop that writes to neighbouring places is compiled to vector instructions.
    """
    block = np.empty(BLOCK, np.int32)
    for first in range(0, a.size, BLOCK):
        size = min(BLOCK, a.size - first)
        for i in range(size):
            block[i] = np.int32(scaled(fold(fold(high, a[first + i]), low), bound))
        for i in range(size):
            out[first + i] = block[i]


@njit("void(u8[::1], u8[::1], u8[::1], i4[:,::1])")
def below_each(h: Any, words: Any, bounds: Any, out: Any) -> None:
    """For each row and column a uniform index below bounds[column], from the row's bits and the column's word."""
    block = np.empty(BLOCK, np.int32)
    for first in range(0, h.size, BLOCK):
        size = min(BLOCK, h.size - first)
        for c in range(words.size):
            for i in range(size):
                block[i] = np.int32(scaled(fold(h[first + i], words[c]), bounds[c]))
            for i in range(size):
                out[first + i, c] = block[i]


@njit("void(u8[::1], u8[::1], u8[:,::1])")
def bits_each(h: Any, words: Any, out: Any) -> None:
    """For each row and column 64 bits, from the row's bits and the column's word."""
    for i in range(h.size):
        for c in range(words.size):
            out[i, c] = fold(h[i], words[c])


@njit("void(u8[::1], u8[::1], i4[::1], i4[:])")
def alias(h: Any, threshold: Any, alias_of: Any, out: Any) -> None:
    """Weighted indices by an integer alias table (Walker 1977): one hash chooses a cell and a side of it."""
    n = np.uint64(threshold.size)
    for i in range(h.size):
        cell = scaled(h[i], n)
        inside = h[i] * n < threshold[cell]  # the product wraps: its low 64 bits are the place inside the cell
        out[i] = np.int32(cell) if inside else alias_of[cell]


@njit("u8(u8, u8, u8)", inline="always")
def _step(half: Any, round_key: Any, width: Any) -> Any:
    """The round function of the bijection: a hash of the other half, scaled to [0, width)."""
    return scaled_half(mixed(half + round_key), width)


@njit("u8(u8, u8, u8, u8[::1])", inline="always")
def _rounds(y: Any, a: Any, shift: Any, round_keys: Any) -> Any:
    b = np.uint64(1) << shift
    left, right = y >> shift, y & (b - np.uint64(1))
    for r in range(0, ROUNDS, 2):
        left += _step(right, round_keys[r], a)
        left = left - a if left >= a else left
        right = (right + _step(left, round_keys[r + 1], b)) & (b - np.uint64(1))
    return (left << shift) | right


@njit("u8(u8, u8, u8, u8[::1])", inline="always")
def _rounds_back(y: Any, a: Any, shift: Any, round_keys: Any) -> Any:
    b = np.uint64(1) << shift
    left, right = y >> shift, y & (b - np.uint64(1))
    for r in range(ROUNDS - 2, -1, -2):
        right = (right - _step(left, round_keys[r + 1], b)) & (b - np.uint64(1))
        left += a - _step(right, round_keys[r], a)
        left = left - a if left >= a else left
    return (left << shift) | right


@njit("void(i8[::1], u8, u8, u8, u8[::1], i8[::1])")
def permute(x: Any, n: Any, a: Any, shift: Any, round_keys: Any, out: Any) -> None:
    """The bijection of [0, n): a Feistel network over a grid of a × 2^shift ≥ n cells, walking on from those past n.

    Two loops: the first has no branch, so it is compiled to vector instructions; the second has hardly anything to do.
    """
    for i in range(x.size):
        out[i] = np.int64(_rounds(np.uint64(x[i]), a, shift, round_keys))
    for i in range(x.size):
        while np.uint64(out[i]) >= n:
            out[i] = np.int64(_rounds(np.uint64(out[i]), a, shift, round_keys))


@njit("void(i8[::1], u8, u8, u8, u8[::1], i8[::1])")
def unpermute(x: Any, n: Any, a: Any, shift: Any, round_keys: Any, out: Any) -> None:
    """The inverse of `permute`: the same rounds backwards."""
    for i in range(x.size):
        out[i] = np.int64(_rounds_back(np.uint64(x[i]), a, shift, round_keys))
    for i in range(x.size):
        while np.uint64(out[i]) >= n:
            out[i] = np.int64(_rounds_back(np.uint64(out[i]), a, shift, round_keys))


@njit("void(u8, u8, u8[::1], u8[::1], i4[:,::1])")
def shuffled(high: Any, low: Any, item: Any, exposure: Any, out: Any) -> None:
    """For each (item, exposure) a uniform order of [0, s) by Fisher and Yates: out (d, s)."""
    d, s = out.shape
    for i in range(d):
        state = fold(fold(high, item[i]), exposure[i])
        for j in range(s):
            out[i, j] = j
        for j in range(s - 1, 0, -1):
            k = np.int64(scaled(fold(fold(state, np.uint64(j)), low), np.uint64(j + 1)))
            out[i, j], out[i, k] = out[i, k], out[i, j]


def _gather(
    programs: Any, facts: Any, first: Any, rows: Any, program_start: Any, base: Any, slot: Any, start: Any,
    tokens: Any, prefix: Any, eos: Any, out: Any, at: Any, offsets: Any,
) -> Any:  # fmt: skip
    """Documents as token ids, one after the other, each begun by `prefix` and closed by `eos`.

    Document i is the sentences from first[i] to first[i + 1]: programs (m,) says which program renders each, facts (m,)
    which facts, a row of rows (·, r): the row of its table that each slot shows. Fragment f of an operation q is
    base[q] + rows[fact, slot[q]]; its tokens are tokens[start[f] : start[f + 1]].
    Writes to out from index `at` on, and the end of document i to offsets[i + 1]; returns the end of the last.

    Two habits keep the processor from guessing. Fragment numbers are noted four at a time and tokens moved a vector at
    a time, however many are meant: what is too much is overwritten by what follows.
    """
    d = first.size - 1
    fragments = np.empty(np.diff(first).max() * (NOTED + np.diff(program_start).max()), np.int32)
    for i in range(d):
        count = 0
        for j in range(first[i], first[i + 1]):
            q = program_start[programs[j]]
            length = program_start[programs[j] + 1] - q
            fact = facts[j]
            for k in range(NOTED):
                fragments[count + k] = base[q + k] + rows[fact, slot[q + k]]
            for k in range(NOTED, length):
                fragments[count + k] = base[q + k] + rows[fact, slot[q + k]]
            count += length
        for k in range(prefix.size):
            out[at + k] = prefix[k]
        at += prefix.size
        for k in range(count):
            origin = start[fragments[k]]
            length = start[fragments[k] + 1] - origin
            move(out, at, tokens, origin)
            for more in range(VECTOR, length):
                out[at + more] = tokens[origin + more]
            at += length
        out[at] = eos
        at += 1
        offsets[i + 1] = at
    return at


_PROGRAMS = "i4[::1], i4[::1], i8[::1], i4[:,::1], i4[::1], i4[::1], i4[::1], i4[::1]"
gather = njit(
    [f"i8({_PROGRAMS}, {t}[::1], {t}[::1], {t}, {t}[::1], i8, i8[::1])" for t in ("u2", "i4")],
    error_model="numpy",
)(_gather)


@njit(f"void({_PROGRAMS}, i8, i8[::1])")
def measure(
    programs: Any, facts: Any, first: Any, rows: Any, program_start: Any, base: Any, slot: Any, start: Any,
    around: Any, out: Any,
) -> None:  # fmt: skip
    """How many tokens `gather` would write for each document: out (d,), `around` of them for the prefix and the end."""
    for i in range(first.size - 1):
        length = around
        for j in range(first[i], first[i + 1]):
            fact = facts[j]
            for q in range(program_start[programs[j]], program_start[programs[j] + 1]):
                f = base[q] + rows[fact, slot[q]]
                length += start[f + 1] - start[f]
        out[i] = length


@njit(f"i8({_PROGRAMS}, u1[::1], i4[::1], i4[::1], i8, u1[::1], i4, i4[:,::1], i8[::1])")
def find_spans(
    programs: Any, facts: Any, first: Any, rows: Any, program_start: Any, base: Any, slot: Any, start: Any,
    label: Any, lead: Any, trail: Any, prefix: Any, false: Any, wrong: Any, out: Any, offsets: Any,
) -> Any:  # fmt: skip
    """Where the labelled values of documents stand: rows (start, length, label) of out; returns how many.

    Arguments as in `gather`, plus per operation its label (0: none), per fragment how many of its tokens at either end
    belong to the words around the value, the tokens of the prefix, and per sentence the label of a value that is false
    in it (0: none), which is noted as `wrong`. A start counts from the document's first token; document i has the rows
    from offsets[i] to offsets[i + 1]. Neighbours of one label in a sentence are one span ("October", " 2", ",", " 96").
    """
    count = 0
    for i in range(first.size - 1):
        at = prefix
        for j in range(first[i], first[i + 1]):
            p = programs[j]
            last_label, last_end = np.int32(0), np.int64(-1)
            for q in range(program_start[p], program_start[p + 1]):
                f = base[q] + rows[facts[j], slot[q]]
                begin, stop = at + lead[f], at + start[f + 1] - start[f] - trail[f]
                at += start[f + 1] - start[f]
                if label[q] == 0:
                    continue
                noted = np.int32(wrong) if label[q] == false[j] else np.int32(label[q])
                if noted == last_label and begin == last_end:
                    out[count - 1, 1] += np.int32(stop - begin)
                else:
                    out[count, 0] = np.int32(begin)
                    out[count, 1] = np.int32(stop - begin)
                    out[count, 2] = noted
                    count += 1
                last_label, last_end = noted, stop
        offsets[i + 1] = count
    return count


@njit(f"void({_PROGRAMS}, i8, i4[:,::1])")
def find_sentences(
    programs: Any, facts: Any, first: Any, rows: Any, program_start: Any, base: Any, slot: Any, start: Any,
    prefix: Any, out: Any,
) -> None:  # fmt: skip
    """Where each sentence stands in its document: out[j] = (start, length), arguments as in `gather`."""
    for i in range(first.size - 1):
        at = prefix
        for j in range(first[i], first[i + 1]):
            length = 0
            for q in range(program_start[programs[j]], program_start[programs[j] + 1]):
                f = base[q] + rows[facts[j], slot[q]]
                length += start[f + 1] - start[f]
            out[j, 0], out[j, 1] = np.int32(at), np.int32(length)
            at += length


def _take(values: Any, offsets: Any, rows: Any, ends: Any, out: Any) -> None:
    """Ragged rows in another order: row i of out is row rows[i] of values, and ends at ends[i + 1]."""
    for i in range(rows.size):
        at, first = ends[i], offsets[rows[i]]
        for k in range(ends[i + 1] - at):
            out[at + k] = values[first + k]


take = njit([f"void({t}[::1], i8[::1], i8[::1], i8[::1], {t}[::1])" for t in ("u2", "i4", "i8")])(_take)


@njit("i8(i8[::1], i8[::1], i8, i8[:,::1], i8[::1])")
def cut(starts: Any, lengths: Any, width: Any, out: Any, counts: Any) -> Any:
    """Intervals of a line, cut at the multiples of `width`; returns how many segments there are.

    Rows of out: start in its cell, length, number of the interval, how much of it came before. counts: per cell.
    """
    used = 0
    for i in range(starts.size):
        at, end = starts[i], starts[i] + lengths[i]
        while at < end:
            cell = at // width
            stop = min(end, (cell + 1) * width)
            out[used, 0] = at - cell * width
            out[used, 1] = stop - at
            out[used, 2] = i
            out[used, 3] = at - starts[i]
            counts[cell] += 1
            used += 1
            at = stop
    return used


@njit("i8(i8[::1], i8, u1, i8[::1], i8[::1])")
def align(lengths: Any, width: Any, cutting: Any, starts: Any, kept: Any) -> Any:
    """Intervals laid on a line of cells, each cell begun by one; returns how many cells there are.

    What does not fit where the last one ended is cut there, or else goes to the next cell, whole. What is longer than
    a cell is cut. starts: where each begins. kept: how much of it there is.
    """
    at = 0
    for i in range(lengths.size):
        room = width - at % width
        if lengths[i] > room and not cutting and room < width:
            at += room
            room = width
        starts[i], kept[i] = at, min(lengths[i], room)
        at += kept[i]
    return -(-at // width)


@njit([f"void({t}[::1], i8[::1], i8[::1], i8[::1], {t}[::1])" for t in ("u2", "i4")])
def lay(values: Any, origins: Any, lengths: Any, starts: Any, out: Any) -> None:
    """Intervals of `values`, each of so many from its origin on, put where they start."""
    for i in range(starts.size):
        for k in range(lengths[i]):
            out[starts[i] + k] = values[origins[i] + k]


@njit("void(i8[::1], i8[::1], u1[::1])")
def blot(starts: Any, lengths: Any, out: Any) -> None:
    """out[start : start + length] = 0 for every interval."""
    for i in range(starts.size):
        for t in range(starts[i], starts[i] + lengths[i]):
            out[t] = 0


@njit([f"void(i8[:,::1], i8[::1], {t}[:,::1])" for t in ("u2", "i4")])
def paint(segments: Any, offsets: Any, out: Any) -> None:
    """out[s, start : start + length] = 1 for the first segment (start, length, …) of row s, 2 for the second, …

    Row s has the segments from offsets[s] to offsets[s + 1].
    """
    for s in range(out.shape[0]):
        for segment in range(offsets[s], offsets[s + 1]):
            for i in range(segments[segment, 0], segments[segment, 0] + segments[segment, 1]):
                out[s, i] = segment - offsets[s] + 1
