"""Directed cycles, shuffled, and questions that walk along them."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.bitstreams import begin, below, by_thresholds
from pipeline.core.jit import njit
from pipeline.sources.puzzles.kernels import DRAWN
from pipeline.sources.puzzles.kernels.names import draw_names, seats, shuffle, write_name

INSTANCE, RENDERING = range(2)  # keys
ANS, QUERY = range(2)  # symbols; those of the words come after the queries


@njit(f"void(i8[::1], i8[::1], u8[::1], {DRAWN})")
def draw(
    rule: Any, words: Any, thresholds: Any, keys: Any, item: Any, exposure: Any,
    out: Any, offsets: Any, answers: Any, first_answer: Any, size: Any,
) -> None:  # fmt: skip
    """Instances (d,). rule (8,): least and most nodes, least and most steps of a query, the most that have a symbol,
    queries, lead, trail. words (3,): `WordsSpec.rule`.
    """
    least, most, near, far, hops, queries, lead, trail = rule
    stream, seen = np.zeros(3, np.uint64), seats(most)
    spelled, places = np.empty((most, words[1] + 1), np.int32), np.empty(most, np.int64)
    at, answered = 0, 0
    for i in range(item.size):
        start = at
        begin(stream, keys, INSTANCE, item[i], 0)
        n = least + by_thresholds(stream, thresholds)
        size[i] = n
        names = spelled[:n]
        draw_names(stream, words, QUERY + hops, seen, names)
        begin(stream, keys, RENDERING, item[i], exposure[i])
        order = places[:n]
        for j in range(n):
            order[j] = j
        shuffle(stream, order, n)
        at += lead
        for j in order:
            at = write_name(names[j], out, at)
            at = write_name(names[(j + 1) % n], out, at)
        shuffle(stream, order, min(n, queries))
        for j in order[: min(n, queries)]:
            k = near + below(stream, far - near + 1)
            out[at] = np.int32(QUERY + k - 1)
            at = write_name(names[j], out, at + 1)
            answers[answered, 0] = np.int32(at - start)
            out[at] = np.int32(ANS)
            at = write_name(names[(j + k) % n], out, at + 1)
            answers[answered, 1] = np.int32(at - start) - answers[answered, 0]
            answered += 1
        at += trail
        offsets[i + 1] = at
        first_answer[i + 1] = answered
