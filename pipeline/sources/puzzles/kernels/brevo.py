"""Graphs without circles, shuffled, and the orders in which a node and all that it needs can be done."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.bitstreams import begin, below, by_thresholds
from pipeline.core.jit import njit
from pipeline.sources.puzzles.kernels import DEGREE, DRAWN
from pipeline.sources.puzzles.kernels.names import draw_names, seats, shuffle, write_name

INSTANCE, RENDERING = range(2)  # keys
ANS, QUERY, WORDS = range(3)  # symbols


@njit()
def draw_graph(stream: Any, needs: Any, count: Any, used: Any, free: Any) -> None:
    """What each of n nodes needs: node i the nodes needs[i, : count[i]], all of them before it (Part 4.1).

    The first nodes need nothing, as many as any number of 1 … ⌊(n - 1) / 4⌋ + 1. used int64 (n,): how many nodes need
    each. free: scratch, int64 (n,).
    """
    n = count.size
    leaves = 1 + below(stream, (n - 1) // 4 + 1)
    count[:], used[:] = 0, 0
    open_ = 0
    for i in range(n):
        if i >= leaves:
            count[i] = 1 + below(stream, min(open_, DEGREE))
            shuffle(stream, free[:open_], count[i])
            for k in range(count[i]):
                needs[i, k] = free[k]
                used[free[k]] += 1
            for k in range(count[i] - 1, -1, -1):
                if used[free[k]] == DEGREE:
                    open_ -= 1
                    free[k] = free[open_]
        free[open_] = i
        open_ += 1


@njit()
def order_of(stream: Any, query: Any, needs: Any, count: Any, waiting: Any, order: Any, ready: Any) -> Any:
    """Write a node and all that it needs into `order`, each after all that it needs itself; returns how many they are.

    The order is drawn from its end: the next one is any of the nodes that no node left needs. waiting, ready: scratch,
    int64 (n,).
    """
    waiting[:] = 0
    needed, visited = 1, 0
    order[0] = query
    waiting[query] = -1  # needed, but by no node
    while visited < needed:  # by how many needed nodes each of them is needed
        node = order[visited]
        visited += 1
        for k in range(count[node]):
            need = needs[node, k]
            if waiting[need] == 0:
                order[needed] = need
                needed += 1
            waiting[need] += 1
    ready[0], open_ = query, 1
    for place in range(needed - 1, -1, -1):
        pick = below(stream, open_)
        node = ready[pick]
        open_ -= 1
        ready[pick] = ready[open_]
        order[place] = node
        for k in range(count[node]):
            need = needs[node, k]
            waiting[need] -= 1
            if waiting[need] == 0:
                ready[open_] = need
                open_ += 1
    return needed


@njit(f"void(i8[::1], i8[::1], u8[::1], {DRAWN})")
def draw(
    rule: Any, words: Any, thresholds: Any, keys: Any, item: Any, exposure: Any,
    out: Any, offsets: Any, answers: Any, first_answer: Any, size: Any,
) -> None:  # fmt: skip
    """Instances (d,). rule (4,): least and most nodes, lead, trail. words (3,): `WordsSpec.rule`."""
    least, most, lead, trail = rule
    stream, seen = np.zeros(3, np.uint64), seats(most)
    needs, edges = np.empty((most, DEGREE), np.int64), np.empty((most * DEGREE, 2), np.int64)
    spelled, rooms = np.empty((most, words[1] + 1), np.int32), np.empty((5, most), np.int64)
    places = np.empty(most * DEGREE, np.int64)
    at = 0
    for i in range(item.size):
        start = at
        begin(stream, keys, INSTANCE, item[i], 0)
        n = least + by_thresholds(stream, thresholds)
        size[i] = n
        names, count = spelled[:n], rooms[0, :n]
        draw_names(stream, words, WORDS, seen, names)
        draw_graph(stream, needs, count, rooms[1, :n], rooms[2, :n])
        quarter = 3 * n // 4
        query, candidates = 0, 0
        for j in range(quarter, n):
            candidates += count[j] > 0
        pick = below(stream, candidates)
        for j in range(quarter, n):
            pick -= count[j] > 0
            if pick < 0:
                query = j
                break
        begin(stream, keys, RENDERING, item[i], exposure[i])
        shown = 0
        for j in range(n):
            for k in range(count[j]):
                edges[shown, 0], edges[shown, 1] = needs[j, k], j
                places[shown] = shown
                shown += 1
        shuffle(stream, places[:shown], shown)
        at += lead
        for j in places[:shown]:
            at = write_name(names[edges[j, 0]], out, at)
            at = write_name(names[edges[j, 1]], out, at)
        out[at] = np.int32(QUERY)
        at = write_name(names[query], out, at + 1)
        answers[i, 0] = np.int32(at - start)
        out[at] = np.int32(ANS)
        at += 1
        order = rooms[3, :n]
        needed = order_of(stream, query, needs, count, rooms[1, :n], order, rooms[4, :n])
        for j in order[:needed]:
            at = write_name(names[j], out, at)
        answers[i, 1] = np.int32(at - start) - answers[i, 0]
        at += trail
        offsets[i + 1], first_answer[i + 1] = at, i + 1
