"""The numbers that a paper needs, from a plan: how much there is to know, and how often it is told.

Rounded, so that they are the same on every machine; nothing is computed from them.
"""

from __future__ import annotations

from typing import Any

from pipeline.plan import Plan
from pipeline.worlds.world import World


def of_worlds(plan: Plan) -> dict[str, dict[str, Any]]:
    """Per world: individuals, bits by the formulas of Part 3.3, and the parameters that hold them.

    name_bits: log₂ N0. value_bits: log₂ S0, of one individual. bits: in all. parameters: at two bits each (1000
    exposures suffice, section 5) and at one (100 exposures).
    """
    return {name: _of_world(world) for name, world in plan.worlds.items()}


def _of_world(world: World) -> dict[str, Any]:
    known = world.knowledge()
    bits = round(known.total)
    return {
        "individuals": world.size,
        "name_bits": round(known.names, 4),
        "value_bits": round(known.values, 4),
        "bits": bits,
        "parameters_at_2_bits": round(bits / 2),
        "parameters_at_1_bit": bits,
    }


def of_exposures(plan: Plan, split: str) -> dict[str, dict[str, Any]]:
    """Per source of a split: its world, how often an item is told (least, mean, most), expected tokens each time."""
    found = {}
    for name in plan.splits[split].sources:
        source = plan.sources[name]
        exposures = plan.splits[split].exposures_of(name, len(source))
        found[name] = {
            "world": source.world.name if source.world else None,
            "items": len(source),
            "least": exposures.least,
            "mean": round(float(exposures.mean), 6),
            "most": exposures.most,
            "tokens_each": round(float(plan.splits[split].each[name]), 4),
        }
    return found
