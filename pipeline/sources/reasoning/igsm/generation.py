"""Calls the kernels: draws the problems of items, and renders them as documents of programs.

Letters: d documents, m programs in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.errors import RunError
from pipeline.sources.reasoning.igsm.layout import (
    PROBLEM,
    WORKSPACE,
    Documents,
    ProblemOptions,
    Problems,
    RenderOptions,
)
from pipeline.sources.reasoning.igsm.phrases import MOST_PHRASES, SLOTS

CHUNK = 512  # documents whose programs are held at once
ROOM = 100  # programs of a document, about


def draw_problems(item: I64, options: ProblemOptions) -> Problems:
    """The problems of items (d,): records of layout.PROBLEM (d,). RunError if none is found for an item."""
    from pipeline.sources.reasoning.igsm.kernels import problems as kernels

    items, problems = np.ascontiguousarray(item, np.int64), np.zeros(item.size, PROBLEM)
    count = kernels.draw(items, options, problems, np.zeros(1, WORKSPACE))
    if count < item.size:
        raise RunError(
            f"no problem was found for item {item[count]}", "Ask for fewer operations, or allow more parameters."
        )
    return problems


def render(item: I64, exposure: I64, problems: Problems, options: RenderOptions) -> Documents:
    """The documents of items (d,) at exposures (d,), as programs, from their problems (d,)."""
    from pipeline.sources.reasoning.igsm.kernels import rendering as kernels

    items, exposures = np.ascontiguousarray(item, np.int64), np.ascontiguousarray(exposure, np.int64)
    first, retries = np.zeros(item.size + 1, np.int64), np.zeros(item.size, np.int32)
    room, work = item.size * ROOM + MOST_PHRASES, np.zeros(1, WORKSPACE)
    while True:
        out = Documents(np.empty(room, np.int32), np.empty((room, SLOTS), np.int32), first, retries)
        if kernels.render(items, exposures, problems, work, options, out) == item.size:
            return Documents(out.programs[: first[-1]], out.rows[: first[-1]], first, retries)
        room *= 2


def chunks(item: I64, exposure: I64) -> Iterator[tuple[I64, I64]]:
    """Items and exposures (d,), CHUNK of them at a time."""
    for first in range(0, item.size, CHUNK):
        yield item[first : first + CHUNK], exposure[first : first + CHUNK]
