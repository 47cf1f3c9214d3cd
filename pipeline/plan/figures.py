"""The numbers that a paper needs, from a plan: how much there is to know, and how often it is told.

Rounded, so that they are the same on every machine; nothing is computed from them.
"""

from __future__ import annotations

from typing import Any

from pipeline.plan.knowledge import NOTHING, Known, known_from
from pipeline.plan.plan import Plan


def of_worlds(plan: Plan) -> dict[str, dict[str, Any]]:
    """Per world: its individuals, and what the first split that tells of them tells, as in `of_split`.

    A world that no split tells of has no bits.
    """
    by_split = [of_split(plan, name) for name in plan.splits]
    return {
        name: next((known[name] for known in by_split if name in known), _rounded(NOTHING))
        | {"individuals": world.size}
        for name, world in plan.worlds.items()
    }


def of_split(plan: Plan, split: str) -> dict[str, dict[str, Any]]:
    """Per world that a split tells of: bits by the formulas of Part 3.3, and the parameters that hold them.

    individuals: those that it has documents about. name_bits: log₂ N0, 0 where no name is told. value_bits: log₂ S0, of
    one individual, on average; an attribute that is not told has none. bits: in all. parameters: at two bits each (1000
    exposures suffice, section 5) and at one (100 exposures).
    """
    known = {name: known_from(plan, split, world) for name, world in plan.worlds.items()}
    return {name: _rounded(its) for name, its in known.items() if its.individuals}


def _rounded(known: Known) -> dict[str, Any]:
    bits = round(known.bits)
    return {
        "individuals": round(known.individuals),
        "name_bits": round(known.names, 4),
        "value_bits": round(known.values, 4),
        "bits": bits,
        "parameters_at_2_bits": round(bits / 2),
        "parameters_at_1_bit": bits,
    }


def of_exposures(plan: Plan, split: str) -> dict[str, dict[str, Any]]:
    """Per source of a split: its world, how often an item is told, and expected tokens each time.

    from: the first exposure. least, mean, most: of an item.
    """
    found = {}
    for name in plan.splits[split].sources:
        source = plan.sources[name]
        exposures = plan.splits[split].exposures_of(name, len(source))
        found[name] = {
            "world": source.world.name if source.world else None,
            "items": len(source),
            "from": exposures.first,
            "least": exposures.least,
            "mean": round(float(exposures.mean), 6),
            "most": exposures.most,
            "tokens_each": round(float(plan.splits[split].each[name]), 4),
        }
    return found
