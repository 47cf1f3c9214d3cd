"""Names of nodes: distinct words of symbols, drawn and written.

spelled  int32 (n, longest + 1): how many symbols each name has, then the symbols
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.bitstreams import below
from pipeline.core.jit import njit

FEW = 4096  # so many words of one symbol can be listed and shuffled


@njit()
def shuffle(stream: Any, order: Any, count: Any) -> None:
    """Move `count` distinct entries of `order`, in uniform order, to its beginning."""
    for i in range(count):
        j = i + below(stream, order.size - i)
        order[i], order[j] = order[j], order[i]


@njit()
def seats(n: Any) -> Any:
    """A table to look up n names in: int64, its size a power of two and at least 4 n."""
    size = 4
    while size < 4 * n:
        size *= 2
    return np.empty(size, np.int64)


@njit()
def is_new(name: Any, seen: Any) -> Any:
    """Whether a number is not in `seen`; it is put there."""
    at = name & (seen.size - 1)
    while seen[at] != -1 and seen[at] != name:
        at = (at + 1) & (seen.size - 1)
    new = seen[at] == -1
    seen[at] = name
    return new


@njit()
def draw_names(stream: Any, words: Any, first: Any, seen: Any, spelled: Any) -> None:
    """Draw the names of n nodes into `spelled`. words int64 (3,): least and most length, vocabulary. seen: `seats(n)`.

    A length is uniform, then each of its symbols, numbered from `first` on; where names have several lengths the last
    symbol of a name is one that ends words, `vocabulary` further on. A name that another node has is drawn again,
    length and all.
    """
    shortest, longest, vocabulary = words
    n = len(spelled)
    if longest == 1 and vocabulary <= FEW:
        order = np.arange(vocabulary)
        shuffle(stream, order, n)
        for i in range(n):
            spelled[i, 0], spelled[i, 1] = np.int32(1), np.int32(first + order[i])
        return
    seen[:] = -1
    for i in range(n):
        drawn = False
        while not drawn:
            length = shortest + below(stream, longest - shortest + 1)
            name = 0
            for k in range(1, length + 1):
                digit = below(stream, vocabulary)
                name = name * vocabulary + digit
                spelled[i, k] = np.int32(first + digit)
            drawn = is_new(name * (longest + 1) + length, seen)
        if longest > 1:
            spelled[i, length] += np.int32(vocabulary)
        spelled[i, 0] = np.int32(length)


@njit()
def write_name(name: Any, out: Any, at: Any) -> Any:
    """Write a spelled name from out[at] on; returns where it ends."""
    for k in range(name[0]):
        out[at + k] = name[k + 1]
    return at + name[0]
