"""Graphs without circles, shuffled, and the orders in which a node and all that it needs can be done."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.compiled import njit
from pipeline.core.streams import begin, below, by_thresholds
from pipeline.sources.structure.compiled import DRAWN
from pipeline.sources.structure.compiled.names import draw_names, seats, shuffle, write_name

INSTANCE, TELLING = range(2)
ANS, QUERY, WORDS = range(3)  # symbols
DEGREE = 4  # as brevo.py has it


@njit()
def draw_graph(stream: Any, needs: Any, count: Any, used: Any, free: Any) -> None:
    """What each node i (n,) needs: needs[i, : count[i]], of the nodes before it. Part 4.1: four at most, both ways.

    The first ones need nothing: any number of 1 … ⌊(n - 1) / 4⌋ + 1. used: how many need a node; free: scratch (n,).
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
def order_of(stream: Any, asked: Any, needs: Any, count: Any, waiting: Any, order: Any, ready: Any) -> Any:
    """order: a node and all that it needs, each after all that it needs itself; returns how many they are.

    It is found from its end, any of the nodes that nobody left needs being the next. waiting, ready: scratch (n,).
    """
    waiting[:] = 0
    found, reached = 1, 0
    order[0] = asked
    waiting[asked] = -1  # met
    while reached < found:  # how many of those that are met need each of them
        node = order[reached]
        reached += 1
        for k in range(count[node]):
            other = needs[node, k]
            if waiting[other] == 0:
                order[found] = other
                found += 1
            waiting[other] += 1
    ready[0], open_ = asked, 1
    for place in range(found - 1, -1, -1):
        pick = below(stream, open_)
        node = ready[pick]
        open_ -= 1
        ready[pick] = ready[open_]
        order[place] = node
        for k in range(count[node]):
            other = needs[node, k]
            waiting[other] -= 1
            if waiting[other] == 0:
                ready[open_] = other
                open_ += 1
    return found


@njit(f"void(i8[::1], i8[::1], u8[::1], {DRAWN})")
def draw(
    rule: Any, words: Any, law: Any, keys: Any, item: Any, exposure: Any,
    out: Any, offsets: Any, answers: Any, first_answer: Any, size: Any,
) -> None:  # fmt: skip
    """Instances (d,). rule int64 (4,): least and most nodes, lead, trail. The rest is as in depo.py."""
    least, most, lead, trail = rule
    stream, seen = np.zeros(3, np.uint64), seats(most)
    needs, edges = np.empty((most, DEGREE), np.int64), np.empty((most * DEGREE, 2), np.int64)
    spelled, rooms = np.empty((most, words[1] + 1), np.int32), np.empty((5, most), np.int64)
    places = np.empty(most * DEGREE, np.int64)
    at = 0
    for i in range(item.size):
        start = at
        begin(stream, keys, INSTANCE, item[i], 0)
        n = least + by_thresholds(stream, law)
        size[i] = n
        names, count = spelled[:n], rooms[0, :n]
        draw_names(stream, words, WORDS, seen, names)
        draw_graph(stream, needs, count, rooms[1, :n], rooms[2, :n])
        quarter = 3 * n // 4
        asked, candidates = 0, 0
        for j in range(quarter, n):
            candidates += count[j] > 0
        pick = below(stream, candidates)
        for j in range(quarter, n):
            pick -= count[j] > 0
            if pick < 0:
                asked = j
                break
        begin(stream, keys, TELLING, item[i], exposure[i])
        told = 0
        for j in range(n):
            for k in range(count[j]):
                edges[told, 0], edges[told, 1] = needs[j, k], j
                places[told] = told
                told += 1
        shuffle(stream, places[:told], told)
        at += lead
        for j in places[:told]:
            at = write_name(names[edges[j, 0]], out, at)
            at = write_name(names[edges[j, 1]], out, at)
        out[at] = np.int32(QUERY)
        at = write_name(names[asked], out, at + 1)
        answers[i, 0] = np.int32(at - start)
        out[at] = np.int32(ANS)
        at += 1
        order = rooms[3, :n]
        found = order_of(stream, asked, needs, count, rooms[1, :n], order, rooms[4, :n])
        for j in order[:found]:
            at = write_name(names[j], out, at)
        answers[i, 1] = np.int32(at - start) - answers[i, 0]
        at += trail
        offsets[i + 1], first_answer[i + 1] = at, i + 1
