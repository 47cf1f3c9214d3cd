"""The functions that `numpy.random.Generator` calls for its bits, in machine code; and words for draws of a batch.

A generator's state is a stream of core/bitstreams.py, uint64 (3,), so what it draws is a function of that stream alone.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc, attr-defined"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.bitstreams import next_bits
from pipeline.core.hashing import fold
from pipeline.core.jit import cfunc, njit

_UNIT = 2.0**-53


@njit()
def _next(stream: Any) -> Any:
    """`bitstreams.next_bits`, of a pointer to the stream."""
    return next_bits(stream)


@cfunc("u8(CPointer(u8))")
def next_uint64(stream: Any) -> Any:
    """The next 64 bits."""
    return _next(stream)


@cfunc("u4(CPointer(u8))")
def next_uint32(stream: Any) -> Any:
    """The upper half of the next 64 bits."""
    return np.uint32(_next(stream) >> np.uint64(32))


@cfunc("f8(CPointer(u8))")
def next_double(stream: Any) -> Any:
    """A number in [0, 1) on a grid of 2⁵³ from the next 64 bits."""
    return np.float64(_next(stream) >> np.uint64(11)) * _UNIT


@njit("void(u8[::1], u8, u8, u8[:,::1])")
def words(h: Any, call: Any, low: Any, out: Any) -> None:
    """64 bits for each row and place of one call: out (d, w), from the row's bits h (d,). They do not depend on w."""
    for i in range(h.size):
        state = fold(h[i], call)
        for j in range(out.shape[1]):
            out[i, j] = fold(fold(state, np.uint64(j)), low)
