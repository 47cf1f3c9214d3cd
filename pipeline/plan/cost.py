"""About how long one core takes to build a split: tokens, at the measured rate of each kind of source.

The rates were measured from plan to Arrow file for rows of ids alone (docs/measurements.md; that of hops is an
estimate). Columns take as much longer as they have more bytes, which is what hashing and writing cost. A machine may be
twice as fast, or half as fast, so the result is for orientation: which sweep takes an evening, and which a week.
"""

from __future__ import annotations

from pipeline.plan.plan import Plan

RATES = {
    "biographies": 140e6,
    "names": 60e6,
    "questions": 60e6,
    "statements": 60e6,
    "grammar": 120e6,
    "depo": 35e6,
    "brevo": 18e6,
    "mano": 31e6,
    "copy": 90e6,
    "hops": 25e6,
    "igsm": 35e6,
    "corpus": 1.1e6,
    "rewritten": 0.3e6,
}
"""Kind of source → tokens a second, on one core."""
UNKNOWN = 14e6  # of kinds that are not of this package: a kind that draws its documents one by one


def core_seconds(plan: Plan, split: str) -> float:
    """Expected seconds of one core for all shards of a split."""
    planned = plan.splits[split]
    kinds = {source: plan.recipe.sources[source].kind for source in planned.sources}
    seconds = sum(float(planned.expected[source]) / RATES.get(kind, UNKNOWN) for source, kind in kinds.items())
    ids = float(planned.tokens) * plan.tokenizer.dtype.itemsize
    return seconds * plan.bytes_of(split) / ids
