"""Sentences, compiled: rules chosen from the root down, level by level, one hash for each symbol above the terminals.

The symbols above the terminals stand in a queue, level after level: symbol k takes the k-th bits of the stream of its
sentence, and puts the children of its rule at the end, or into the sentence where they are terminals. Those of a level
do not wait for each other, so the processor works on several at a time; and children are moved a vector at a time,
however many are meant: what is too much is overwritten by what follows.

Noise comes between levels, from a stream of its own: a symbol is replaced before its rule is chosen.

Letters: d sentences, T places in all of them (those left free included), n symbols of a queue.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pipeline.core.compiled import njit
from pipeline.core.kernels import VECTOR, _fold, _move, _scale
from pipeline.core.streams import begin, below, next_bits

SENTENCE, NOISE = range(2)  # the streams, as keys has them
_1 = np.uint64(1)
_32 = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


class Law(NamedTuple):
    """What sentences are drawn by.

    level int64 (levels + 1,): the first symbol of each level. choices uint64 (symbols above the terminals,): the first
    rule of each, and in the low half how many it has. threshold uint64, other uint64 (rules,): their alias tables.
    pieces uint64 (rules,): where the children of each begin, and in the low half how many there are. children int32:
    their numbers, terminals counted from 0, and VECTOR more. noise uint64 (4,): share of sentences and rate of symbols,
    as thresholds; the level, counted from the root; 1 for the next symbol, 0 for any.
    """

    level: Any
    choices: Any
    threshold: Any
    other: Any
    pieces: Any
    children: Any
    noise: Any


class Tree(NamedTuple):
    """What stands above the terminals of one sentence: a queue of symbols.

    stream uint64 (3,): of the sentence. begins int64 (levels,): the first place of each level in the queue, that of the
    terminals being its end. symbols int32 (n,), pieces uint64 (n,): of their rules. replaced uint8 (n,). leaf int32
    (n + 1,): the first terminal of each.
    """

    stream: Any
    begins: Any
    symbols: Any
    pieces: Any
    replaced: Any
    leaf: Any


@njit()
def _expand(law: Any, tree: Any, first: Any, last: Any, out: Any, at: Any) -> Any:
    """The children of symbols first … last - 1 of the queue, put into `out` from `at` on; returns where they end.

    Places are unsigned: a signed one costs the question whether it counts from the end.
    """
    state, low = tree.stream[0], tree.stream[1]
    for k in range(np.uint64(first), np.uint64(last)):
        h = _fold(_fold(state, k + _1), low)
        choice = law.choices[np.uint64(tree.symbols[k])]
        rules = choice & _LOW
        rule = (choice >> _32) + _scale(h, rules)
        if h * rules >= law.threshold[rule]:  # the product's low bits: the place inside the cell, as in `kernels.alias`
            rule = law.other[rule]
        piece = law.pieces[rule]
        tree.pieces[k] = piece
        origin, length = np.int64(piece >> _32), np.int64(piece & _LOW)
        _move(out, at, law.children, origin)
        for more in range(VECTOR, length):
            out[at + more] = law.children[origin + more]
        at += length
    return at


@njit()
def _disturb(law: Any, stream: Any, symbols: Any, first: Any, last: Any, base: Any, replaced: Any) -> None:
    """Some of the symbols first … last - 1, which are `base` and so on, replaced by others of their level."""
    level = law.noise[2]
    size = law.level[level + _1] - law.level[level]
    for k in range(first, last):
        hit = next_bits(stream) < law.noise[1]
        replaced[k] = hit
        if hit:
            step = 1 if law.noise[3] else 1 + below(stream, size - 1)
            symbols[k] = base + (symbols[k] - base + step) % size


@njit()
def _sentence(law: Any, tree: Any, noise: Any, noisy: Any, out: Any, at: Any, replaced: Any) -> Any:
    """A sentence, put into `out` from `at` on; returns where it ends. noisy: the level to disturb, or -1."""
    depth = tree.begins.size - 1
    first, last = 0, 1
    tree.symbols[0] = 0
    for level in range(depth):
        tree.begins[level] = first
        if level == noisy:
            _disturb(law, noise, tree.symbols, first, last, law.level[level], tree.replaced)
        if level + 1 < depth:
            first, last = last, _expand(law, tree, first, last, tree.symbols, last)
    tree.begins[depth] = last
    end = _expand(law, tree, first, last, out, at)
    if noisy == depth:
        _disturb(law, noise, out, at, end, 0, replaced)
    return end


@njit()
def _find_leaves(tree: Any, length: Any) -> None:
    """The first terminal of each symbol of the queue: that of its first child."""
    count = tree.begins[-1]
    child = count + length
    for k in range(count - 1, -1, -1):
        child -= np.int64(tree.pieces[k] & _LOW)
        tree.leaf[k] = tree.leaf[child] if child < count else child - count


@njit()
def _note(tree: Any, noisy: Any, length: Any, at: Any, replaced: Any, ancestors: Any, ends: Any) -> None:
    """What stands above each terminal of a sentence that begins at `at`, and whether any of it was replaced."""
    depth = tree.begins.size - 1
    for level in range(depth):
        for k in range(tree.begins[level], tree.begins[level + 1]):
            end = tree.leaf[k + 1] if k + 1 < tree.begins[level + 1] else length
            if level == noisy:
                for t in range(at + tree.leaf[k], at + end):
                    replaced[t] = tree.replaced[k]
            if ancestors.size:
                for t in range(at + tree.leaf[k], at + end):
                    ancestors[t, level] = tree.symbols[k]
                ends[at + end - 1] += 1


@njit(
    "i8(i8[::1], u8[::1], u8[::1], u8[::1], u8[::1], i4[::1], u8[::1], u8[:,::1], i8[::1], i8[::1], i8[::1], i8, "
    "i8[::1], i4[::1], u1[::1], i4[:,::1], i4[::1])",
)
def draw(
    level: Any, choices: Any, threshold: Any, other: Any, pieces: Any, children: Any, noise: Any, keys: Any,
    frame: Any, item: Any, turn: Any, done: Any, offsets: Any, out: Any, replaced: Any, ancestors: Any, ends: Any,
) -> Any:  # fmt: skip
    """Sentences of item and turn (d,), from row `done` on. Returns how many are done: fewer than d where room is short.

    The law as in `Law`; keys uint64 (2, 2): of the sentence, which depends on the item alone, and of noise. frame int64
    (4,): free places before each and behind it, which are 0; terminals and symbols above them that a tree may have.
    offsets int64 (d + 1,), out int32 (T,). replaced uint8 (T,): zeros, or empty where there is no noise. ancestors
    int32 (T, levels - 1): -1 everywhere, and ends int32 (T,): zeros; both are empty where they are not wanted.
    """
    law = Law(level, choices, threshold, other, pieces, children, noise)
    lead, trail, longest, most = frame
    depth = level.size - 2
    tree = Tree(
        np.zeros(3, np.uint64),
        np.zeros(depth + 1, np.int64),
        np.empty(most + VECTOR, np.int32),
        np.empty(most, np.uint64),
        np.zeros(most, np.uint8),
        np.empty(most + 1, np.int32),
    )
    stream = np.zeros(3, np.uint64)
    for i in range(done, item.size):
        start = offsets[i]
        if start + lead + longest + trail + VECTOR > out.size:
            return i
        noisy = np.int64(-1)
        if noise[0]:
            begin(stream, keys, NOISE, item[i], turn[i])
            if next_bits(stream) < noise[0]:
                noisy = np.int64(noise[2])
        begin(tree.stream, keys, SENTENCE, item[i], 0)
        at = start + lead
        for k in range(lead):
            out[start + k] = 0
        end = _sentence(law, tree, stream, noisy, out, at, replaced)
        for k in range(trail):
            out[end + k] = 0
        offsets[i + 1] = end + trail
        if ancestors.size or 0 <= noisy < depth:
            _find_leaves(tree, end - at)
            _note(tree, noisy, end - at, at, replaced, ancestors, ends)
    return item.size
