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

from pipeline.core.bitstreams import begin, below, next_bits
from pipeline.core.hashing import fold, scaled
from pipeline.core.jit import njit, signature
from pipeline.core.slack import VECTOR
from pipeline.core.vectors import move
from pipeline.grammars.tables import Distribution, Frame, Sentences

SENTENCE, NOISE = range(2)  # the streams, as keys has them
_1 = np.uint64(1)
_32 = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


class Tree(NamedTuple):
    """What stands above the terminals of one sentence: a queue of symbols.

    stream uint64 (3,): of the sentence. begins int64 (levels,): the first place of each level in the queue, that of the
    terminals being its end. symbols int32 (n,). spans uint64 (n,): those of the rules that were chosen for them.
    replaced uint8 (n,). leaf int32 (n + 1,): the first terminal of each.
    """

    stream: Any
    begins: Any
    symbols: Any
    spans: Any
    replaced: Any
    leaf: Any


@njit()
def _make_tree(depth: Any, most: Any) -> Any:
    """A tree of up to `depth` levels above the terminals and `most` symbols there."""
    return Tree(
        np.zeros(3, np.uint64),
        np.zeros(depth + 1, np.int64),
        np.empty(most + VECTOR, np.int32),
        np.empty(most, np.uint64),
        np.zeros(most, np.uint8),
        np.empty(most + 1, np.int32),
    )


@njit()
def _expand(rules: Any, tree: Any, first: Any, last: Any, out: Any, at: Any) -> Any:
    """The children of symbols first … last - 1 of the queue, put into `out` from `at` on; returns where they end.

    Places are unsigned: a signed one costs the question whether it counts from the end.
    """
    state, low = tree.stream[0], tree.stream[1]
    for k in range(np.uint64(first), np.uint64(last)):
        h = fold(fold(state, k + _1), low)
        choice = rules.choices[np.uint64(tree.symbols[k])]
        count = choice & _LOW
        rule = (choice >> _32) + scaled(h, count)
        if h * count >= rules.threshold[rule]:  # the product wraps: the place inside the cell, as in `kernels.alias`
            rule = rules.alias[rule]
        span = rules.spans[rule]
        tree.spans[k] = span
        origin, length = np.int64(span >> _32), np.int64(span & _LOW)
        move(out, at, rules.children, origin)
        for more in range(VECTOR, length):
            out[at + more] = rules.children[origin + more]
        at += length
    return at


@njit()
def _disturb(rules: Any, stream: Any, symbols: Any, first: Any, last: Any, base: Any, replaced: Any) -> None:
    """Some of the symbols first … last - 1, which are `base` and so on, replaced by others of their level."""
    level = rules.noise_level
    size = rules.level[level + 1] - rules.level[level]
    for k in range(first, last):
        hit = next_bits(stream) < rules.noise_rate
        replaced[k] = hit
        if hit:
            step = 1 if rules.noise_shifts else 1 + below(stream, size - 1)
            symbols[k] = base + (symbols[k] - base + step) % size


@njit()
def _sentence(rules: Any, tree: Any, noise: Any, noisy: Any, out: Any, at: Any, replaced: Any) -> Any:
    """A sentence, put into `out` from `at` on; returns where it ends. noisy: the level to disturb, or -1."""
    depth = tree.begins.size - 1
    first, last = 0, 1
    tree.symbols[0] = 0
    for level in range(depth):
        tree.begins[level] = first
        if level == noisy:
            _disturb(rules, noise, tree.symbols, first, last, rules.level[level], tree.replaced)
        if level + 1 < depth:
            first, last = last, _expand(rules, tree, first, last, tree.symbols, last)
    tree.begins[depth] = last
    end = _expand(rules, tree, first, last, out, at)
    if noisy == depth:
        _disturb(rules, noise, out, at, end, 0, replaced)
    return end


@njit()
def _find_leaves(tree: Any, length: Any) -> None:
    """The first terminal of each symbol of the queue: that of its first child."""
    count = tree.begins[-1]
    child = count + length
    for k in range(count - 1, -1, -1):
        child -= np.int64(tree.spans[k] & _LOW)
        tree.leaf[k] = tree.leaf[child] if child < count else child - count


@njit()
def _note(tree: Any, noisy: Any, at: Any, length: Any, out: Any) -> None:
    """What stands above each terminal of a sentence that begins at `at`, and whether any of it was replaced."""
    depth = tree.begins.size - 1
    for level in range(depth):
        for k in range(tree.begins[level], tree.begins[level + 1]):
            end = tree.leaf[k + 1] if k + 1 < tree.begins[level + 1] else length
            if level == noisy:
                for t in range(at + tree.leaf[k], at + end):
                    out.replaced[t] = tree.replaced[k]
            if out.ancestors.size:
                for t in range(at + tree.leaf[k], at + end):
                    out.ancestors[t, level] = tree.symbols[k]
                out.ends[at + end - 1] += 1


@njit(signature("i8", Distribution, "u8[:,::1]", Frame, "i8[::1]", "i8[::1]", "i8", Sentences))
def draw(rules: Any, keys: Any, frame: Any, item: Any, exposure: Any, done: Any, out: Any) -> Any:
    """Sentences of items at exposures (d,), from row `done` on. Returns how many are done: fewer than d without room.

    keys uint64 (2, 2): of the sentence, which depends on the item alone, and of noise. `out` is zeros where there is
    noise, -1 for ancestors, and zeros for ends.
    """
    depth = rules.level.size - 2
    tree, stream, terminals = _make_tree(depth, frame.most), np.zeros(3, np.uint64), out.terminals
    for i in range(done, item.size):
        start = out.offsets[i]
        if start + frame.lead + frame.longest + frame.trail + VECTOR > terminals.size:
            return i
        noisy = np.int64(-1)
        if rules.noise_share:
            begin(stream, keys, NOISE, item[i], exposure[i])
            if next_bits(stream) < rules.noise_share:
                noisy = rules.noise_level
        begin(tree.stream, keys, SENTENCE, item[i], 0)
        at = start + frame.lead
        terminals[start:at] = 0
        end = _sentence(rules, tree, stream, noisy, terminals, at, out.replaced)
        terminals[end : end + frame.trail] = 0
        out.offsets[i + 1] = end + frame.trail
        if out.ancestors.size or 0 <= noisy < depth:
            _find_leaves(tree, end - at)
            _note(tree, noisy, at, end - at, out)
    return item.size
