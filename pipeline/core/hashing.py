"""The hash that all randomness comes from, and indices from its bits: for compiled code.

For numpy arrays `draws.bits`, `draws.scaled` and `draws.scaled_half` are the same functions.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.jit import njit

# The multipliers of degski64 and of SplitMix64: odd, with well spread bits.
_M1 = np.uint64(0xD6E8FEB86659FD93)
_M2 = np.uint64(0xBF58476D1CE4E5B9)
_32 = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@njit(inline="always")
def mixed(h: Any) -> Any:
    """A bijection of 64 bits whose upper half depends on all of them."""
    h *= _M1
    h ^= h >> _32
    h *= _M2
    return h


@njit(inline="always")
def fold(state: Any, counter: Any) -> Any:
    """One step of the hash: a bijection of `counter` for any fixed `state`. Bits of a key: fold(fold(high, a), low)."""
    h = mixed(state ^ counter)
    h ^= h >> np.uint64(29)
    return h


@njit(inline="always")
def scaled(h: Any, n: Any) -> Any:
    """floor(h · n / 2⁶⁴) for n < 2³²: an index below n whose bias is at most n / 2⁶⁴."""
    return ((h >> _32) * n + (((h & _LOW) * n) >> _32)) >> _32


@njit(inline="always")
def scaled_half(h: Any, n: Any) -> Any:
    """floor(⌊h / 2³²⌋ · n / 2³²) for n ≤ 2³²: an index below n from the upper bits; its bias is at most n / 2³²."""
    return ((h >> _32) * n) >> _32
