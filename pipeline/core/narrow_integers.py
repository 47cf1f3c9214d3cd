"""Checked casts to smaller integer types: a plain cast silently keeps the low bits of a number that does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.core.errors import RunError


def narrowed(values: NDArray[Any] | int, dtype: DTypeLike, what: str) -> NDArray[Any]:
    """Integers of any shape as `dtype`, uncopied if they have it already. RunError if one of them does not fit.

    what: a name for the values in the message: "token id", "offset of the column 'spans'".

    >>> narrowed(np.array([3, 255]), np.uint8, "label")
    array([  3, 255], dtype=uint8)
    >>> narrowed(np.array([3, 256]), np.uint8, "label")
    Traceback (most recent call last):
    pipeline.core.errors.RunError: label 256 does not fit uint8 (at most 255). Lower shard_tokens, or what it counts.
    """
    array, target = np.asarray(values), np.dtype(dtype)
    if array.size and not np.can_cast(array.dtype, target, "safe"):
        bounds = np.iinfo(target)
        most, least = int(array.max()), int(array.min())
        if most > bounds.max or least < bounds.min:
            wrong, limit = (most, f"at most {bounds.max}") if most > bounds.max else (least, f"at least {bounds.min}")
            raise RunError(
                f"{what} {wrong} does not fit {target.name} ({limit})", "Lower shard_tokens, or what it counts."
            )
    return array.astype(target, copy=False)
