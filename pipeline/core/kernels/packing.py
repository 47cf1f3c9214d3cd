"""Rows put in another order, documents laid on a line of sequences, and what is marked along it."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg"
from __future__ import annotations

from typing import Any

from pipeline.core.jit import njit
from pipeline.core.vectors import copy


def _take(values: Any, offsets: Any, rows: Any, ends: Any, out: Any) -> None:
    """Ragged rows in another order: row i of out is row rows[i] of values, and ends at ends[i + 1]."""
    for i in range(rows.size):
        copy(out, ends[i], values, offsets[rows[i]], ends[i + 1] - ends[i])


take = njit([f"void({t}[::1], i8[::1], i8[::1], i8[::1], {t}[::1])" for t in ("u2", "i4", "i8")])(_take)


@njit([f"void({t}[::1], i8[::1], i8[::1], {t}[::1], {t}[::1], {t}[::1])" for t in ("u2", "i4")])
def surround(values: Any, firsts: Any, ends: Any, lead: Any, trail: Any, out: Any) -> None:
    """Rows values[firsts[i]] … of flat values, each between `lead` and `trail`; row i of out ends at ends[i + 1]."""
    for i in range(firsts.size):
        first, last = ends[i] + lead.size, ends[i + 1] - trail.size
        copy(out, ends[i], lead, 0, lead.size)
        copy(out, first, values, firsts[i], last - first)
        copy(out, last, trail, 0, trail.size)


@njit("i8(i8[::1], i8[::1], i8, i8[:,::1], i8[::1])")
def cut(starts: Any, lengths: Any, width: Any, out: Any, counts: Any) -> Any:
    """Intervals of a line, cut at the multiples of `width`; returns how many segments there are.

    Rows of out: start in its cell, length, number of the interval, how much of it came before. counts: per cell.
    """
    used = 0
    for i in range(starts.size):
        at, end = starts[i], starts[i] + lengths[i]
        while at < end:
            cell = at // width
            stop = min(end, (cell + 1) * width)
            out[used, 0] = at - cell * width
            out[used, 1] = stop - at
            out[used, 2] = i
            out[used, 3] = at - starts[i]
            counts[cell] += 1
            used += 1
            at = stop
    return used


@njit("i8(i8[::1], i8, u1, i8[::1], i8[::1])")
def align(lengths: Any, width: Any, cutting: Any, starts: Any, kept: Any) -> Any:
    """Intervals laid on a line of cells, each cell begun by one; returns how many cells there are.

    What does not fit where the last one ended is cut there, or else goes to the next cell, whole. What is longer than
    a cell is cut. starts: where each begins. kept: how much of it there is.
    """
    at = 0
    for i in range(lengths.size):
        room = width - at % width
        if lengths[i] > room and not cutting and room < width:
            at += room
            room = width
        starts[i], kept[i] = at, min(lengths[i], room)
        at += kept[i]
    return -(-at // width)


@njit([f"void({t}[::1], i8[::1], i8[::1], i8[::1], {t}[::1])" for t in ("u2", "i4")])
def lay(values: Any, origins: Any, lengths: Any, starts: Any, out: Any) -> None:
    """Intervals of `values`, each of so many from its origin on, put where they start."""
    for i in range(starts.size):
        copy(out, starts[i], values, origins[i], lengths[i])


@njit("void(i8[::1], i8[::1], u1[::1])")
def blot(starts: Any, lengths: Any, out: Any) -> None:
    """out[start : start + length] = 0 for every interval."""
    for i in range(starts.size):
        for t in range(starts[i], starts[i] + lengths[i]):
            out[t] = 0


@njit([f"void(i8[:,::1], i8[::1], {t}[:,::1])" for t in ("u2", "i4")])
def paint(segments: Any, offsets: Any, out: Any) -> None:
    """out[s, start : start + length] = 1 for the first segment (start, length, …) of row s, 2 for the second, …

    Row s has the segments from offsets[s] to offsets[s + 1].
    """
    for s in range(out.shape[0]):
        for segment in range(offsets[s], offsets[s + 1]):
            for i in range(segments[segment, 0], segments[segment, 0] + segments[segment, 1]):
                out[s, i] = segment - offsets[s] + 1
