"""Expressions in prefix notation, and their values."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.bitstreams import begin, below, by_thresholds
from pipeline.core.jit import njit
from pipeline.sources.puzzles.kernels import DRAWN

ANS, PLUS, MINUS, TIMES, NUMBERS = range(5)  # symbols; those of the lengths come after the numbers


@njit()
def write_expression(stream: Any, operations: Any, modulus: Any, out: Any, at: Any, stack: Any) -> Any:
    """Write an expression of so many operations from out[at] on; returns where it ends.

    Of the operations inside an operation any number, 0 included, is on its left. stack: scratch (2 operations + 1,),
    how many operations each part that is still to be written has.
    """
    stack[0], open_ = operations, 1
    while open_:
        open_ -= 1
        inside = stack[open_]
        if inside == 0:
            out[at] = np.int32(NUMBERS + below(stream, modulus))
        else:
            out[at] = np.int32(PLUS + below(stream, 3))
            left = below(stream, inside)
            stack[open_], stack[open_ + 1] = inside - 1 - left, left
            open_ += 2
        at += 1
    return at


@njit()
def value_of(expression: Any, modulus: Any, stack: Any) -> Any:
    """The value of an expression, read from its end. stack: scratch, as above."""
    open_ = 0
    for symbol in expression[::-1]:
        if symbol >= NUMBERS:
            stack[open_] = symbol - NUMBERS
            open_ += 1
            continue
        open_ -= 1
        left, right = stack[open_], stack[open_ - 1]
        if symbol == PLUS:
            value = left + right
        elif symbol == MINUS:
            value = left - right
        else:
            value = left * right
        stack[open_ - 1] = value % modulus
    return stack[0]


@njit(f"void(i8[::1], u8[::1], {DRAWN})")
def draw(
    rule: Any, thresholds: Any, keys: Any, item: Any, exposure: Any,
    out: Any, offsets: Any, answers: Any, first_answer: Any, size: Any,
) -> None:  # fmt: skip
    """Instances (d,). rule (5,): least and most operations, modulus, lead, trail."""
    least, most, modulus, lead, trail = rule
    stream, stack = np.zeros(3, np.uint64), np.empty(2 * most + 2, np.int64)
    at = 0
    for i in range(item.size):
        start = at
        begin(stream, keys, 0, item[i], 0)
        operations = least + by_thresholds(stream, thresholds)
        size[i] = operations
        at += lead
        out[at] = np.int32(NUMBERS + modulus + operations - 1)
        first = at + 1
        at = write_expression(stream, operations, modulus, out, first, stack)
        value = value_of(out[first:at], modulus, stack)
        out[at], out[at + 1] = np.int32(ANS), np.int32(NUMBERS + value)
        answers[i, 0], answers[i, 1] = np.int32(at - start), np.int32(2)
        at += 2 + trail
        offsets[i + 1], first_answer[i + 1] = at, i + 1
