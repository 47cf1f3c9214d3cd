"""About how long one core takes to build a split: tokens, at the measured speed of each kind of source.

Each kind declares its speed (`SourceKind.speed`), which was measured from plan to Arrow file for rows of ids alone
(docs/measurements.md; that of hops is an estimate). Columns take as much longer as they have more bytes, which is what
hashing and writing cost. A machine may be twice as fast, or half as fast, so the result is for orientation: which sweep
takes an evening, and which a week.
"""

from __future__ import annotations

from fractions import Fraction

from pipeline.plan.plan import Plan
from pipeline.sources import SOURCES

RENDERED = 0.25e6
"""Tokens a second, on one core, of a source on the slow path, which renders and encodes documents one by one."""


def rendering_seconds(tokens: Fraction) -> float:
    """Expected seconds of one core for so many tokens on the slow path."""
    return float(tokens) / RENDERED


def core_seconds(plan: Plan, split: str) -> float:
    """Expected seconds of one core for all shards of a split."""
    planned = plan.splits[split]
    kinds = {source: plan.recipe.sources[source].kind for source in planned.sources}
    seconds = sum(
        rendering_seconds(planned.expected[source])
        if plan.sources[source].rendered
        else float(planned.expected[source]) / (plan.sources[source].speed or SOURCES[kind].speed)
        for source, kind in kinds.items()
    )
    ids = float(planned.tokens) * plan.tokenizer.dtype.itemsize
    return seconds * plan.bytes_of(split) / ids
