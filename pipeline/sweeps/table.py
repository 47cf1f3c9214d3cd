"""The numbers of all cells of a sweep: one table for the eye, and the same, with all that is known, as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.core.system.progress import counted, duration
from pipeline.sweeps.planning import PlannedCell, PlannedSweep
from pipeline.sweeps.sweep import Sweep

HEAD = ("time", "files", "documents", "tokens", "bytes", "bits", "at 2 bits", "seen", "plan")
SCALES = ((10**12, " T"), (10**9, " G"), (10**6, " M"), (10**3, " k"))
DIGITS = 8  # of a fingerprint


def short(number: float) -> str:
    """A number in three digits.

    >>> short(2_604_014), short(75_989_006), short(950), short(999_999), short(0)
    ('2.6 M', '76 M', '950', '1 M', '0')
    """
    for scale, name in SCALES:
        if number >= scale * 0.9995:
            return f"{number / scale:.3g}{name}"
    return f"{number:.3g}"


def as_json(sweep: Sweep, planned: PlannedSweep) -> dict[str, Any]:
    """The sweep as plain JSON: its axes, the whole plan of each cell, the totals of all datasets.

    dataset: the first cell that has the same dataset.
    """
    first = {dataset: cells[0].cell.name for dataset, cells in planned.datasets.items()}
    return {
        "title": sweep.title,
        "axes": {axis: list(levels) for axis, levels in sweep.axes.items()},
        "cells": [
            {
                "cell": one.cell.name,
                "coordinates": one.cell.coordinates,
                "dataset": first[one.dataset],
                **one.numbers,
            }
            for one in planned.cells
        ],
        "datasets": len(first),
        "totals": planned.totals,
        "refused": [str(error) for error in planned.refusals],
    }


def lines(sweep: Sweep, planned: PlannedSweep) -> Iterator[str]:
    """The table, a line each: coordinates and numbers of every cell, totals, what the columns mean, notices."""
    datasets = planned.datasets
    yield from _aligned([*sweep.axes], [_row(one) for one in planned.cells], _totals(planned.totals))
    yield ""
    yield f"{counted(len(planned.cells), 'cell')}, {counted(len(datasets), 'dataset')}"
    yield from _meaning(planned.cells)
    for cells in datasets.values():
        if len(cells) > 1:
            yield f"the same dataset, built once: {' and '.join(one.cell.name for one in cells)}"
    yield from _notices(planned.cells)


def _row(one: PlannedCell) -> list[str]:
    numbers = one.numbers
    world, source = _subject(numbers)
    bits = numbers["worlds"].get(world)
    return [
        *one.cell.coordinates.values(),
        *_amounts(numbers),
        short(bits["bits"]) if bits else "",
        short(bits["parameters_at_2_bits"]) if bits else "",
        f"{_first_split(numbers)['sources'][source]['mean']:.4g}",
        one.fingerprint[:DIGITS],
    ]


def _totals(totals: Mapping[str, Any]) -> list[str]:
    return [*_amounts(totals), "", "", "", ""]


def _amounts(numbers: Mapping[str, Any]) -> list[str]:
    amounts = (short(numbers[key]) for key in ("documents", "tokens"))
    size = short(numbers["bytes"])
    size += "B" if size[-1].isalpha() else " B"
    seconds = numbers["core_seconds"]
    return [duration(seconds) if seconds >= 1 else "< 1 s", f"{numbers['files']:,}", *amounts, size]


def _aligned(axes: Sequence[str], rows: Sequence[Sequence[str]], totals: Sequence[str]) -> Iterator[str]:
    """The table, axes to the left and numbers to the right."""
    head = [*axes, *HEAD]
    last = ["total", *[""] * (len(axes) - 1), *totals]
    widths = [max(map(len, column)) for column in zip(head, *rows, last, strict=True)]
    for row in (head, *rows, last):
        cells = [
            cell.ljust(width) if at < len(axes) else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _first_split(numbers: Mapping[str, Any]) -> Mapping[str, Any]:
    split: Mapping[str, Any] = next(iter(numbers["splits"].values()))
    return split


def _subject(numbers: Mapping[str, Any]) -> tuple[str, str]:
    """(world, source) that the columns bits and exposures are about: the first of the first split."""
    sources = _first_split(numbers)["sources"]
    source = next((name for name, facts in sources.items() if facts["world"]), next(iter(sources)))
    return sources[source]["world"] or "", source


def _meaning(cells: Sequence[PlannedCell]) -> Iterator[str]:
    """What the columns of the table are about."""
    subjects = [_subject(one.numbers) for one in cells]
    worlds = [world for world in dict.fromkeys(world for world, _ in subjects) if world]
    if worlds:
        yield f"bits: to know of {' or '.join(worlds)}; at 2 bits: the parameters that hold them at 2 bits each"
    sources = " or ".join(dict.fromkeys(source for _, source in subjects))
    yield f"seen: mean exposures of an item of {sources}; plan: the first digits of the fingerprint"
    yield "time, tokens, bytes: expected; the time is that of one core"


def _notices(cells: Sequence[PlannedCell]) -> Iterator[str]:
    """The notices of all plans, equal ones together."""
    alike: dict[str, list[str]] = {}
    for one in cells:
        for notice in one.numbers["notices"]:
            group, _, name = notice["at"].partition(".")
            alike.setdefault(f"notice: {group[:-1]} {name}: {notice['notice']}", []).append(one.cell.name)
    for line, names in alike.items():
        where = "all cells" if len(names) == len(cells) else f"{len(names):,} of the cells, such as {names[0]}"
        yield f"{line} (in {where})"
