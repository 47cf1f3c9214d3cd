"""Strings, twice each."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.bitstreams import begin, below, by_thresholds
from pipeline.core.jit import njit
from pipeline.sources.puzzles.kernels import DRAWN

COPY, SYMBOLS = range(2)  # symbols


@njit(f"void(i8[::1], u8[::1], {DRAWN})")
def draw(
    rule: Any, thresholds: Any, keys: Any, item: Any, exposure: Any,
    out: Any, offsets: Any, answers: Any, first_answer: Any, size: Any,
) -> None:  # fmt: skip
    """Instances (d,). rule (4,): least length, vocabulary, lead, trail."""
    least, vocabulary, lead, trail = rule
    stream = np.zeros(3, np.uint64)
    at = 0
    for i in range(item.size):
        start = at
        begin(stream, keys, 0, item[i], 0)
        length = least + by_thresholds(stream, thresholds)
        size[i] = length
        at += lead
        for _ in range(length):
            out[at] = np.int32(SYMBOLS + below(stream, vocabulary))
            at += 1
        out[at] = np.int32(COPY)
        at += 1
        for k in range(at, at + length):  # (slices that may overlap would take seconds to compile)
            out[k] = out[k - 1 - length]
        answers[i, 0], answers[i, 1] = np.int32(at - start), np.int32(length)
        at += length + trail
        offsets[i + 1], first_answer[i + 1] = at, i + 1
