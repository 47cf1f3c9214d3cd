"""The numbers that a paper needs, from a plan: how much there is to know, and how often it is seen.

Rounded, so that they are the same on every machine; nothing is computed from them.
"""

from __future__ import annotations

from typing import Any

from pipeline.plan.information import NOTHING, Information, information_in
from pipeline.plan.plan import Plan


def of_worlds(plan: Plan) -> dict[str, dict[str, Any]]:
    """World → its number of individuals, and the bits of the first split that states something of it, as in `of_split`.

    A world of which no split states anything has no bits.
    """
    by_split = [of_split(plan, name) for name in plan.splits]
    return {
        name: next((worlds[name] for worlds in by_split if name in worlds), _rounded(NOTHING))
        | {"individuals": world.size}
        for name, world in plan.worlds.items()
    }


def of_split(plan: Plan, split: str) -> dict[str, dict[str, Any]]:
    """World of which a split states something → its bits by the formulas of Part 3.3, and the parameters to hold them.

    individuals: those that it has documents about. name_bits: log₂ N0, 0 where no name is stated. value_bits: log₂ S0,
    of one individual, on average; an attribute that is not stated has none. bits: in all. parameters: at two bits each
    (1000 exposures suffice, section 5) and at one (100 exposures).
    """
    by_world = {name: information_in(plan, split, world) for name, world in plan.worlds.items()}
    return {name: _rounded(information) for name, information in by_world.items() if information.individuals}


def _rounded(information: Information) -> dict[str, Any]:
    bits = round(information.bits)
    return {
        "individuals": round(information.individuals),
        "name_bits": round(information.names, 4),
        "value_bits": round(information.values, 4),
        "bits": bits,
        "parameters_at_2_bits": round(bits / 2),
        "parameters_at_1_bit": bits,
    }


def of_exposures(plan: Plan, split: str) -> dict[str, dict[str, Any]]:
    """Source of a split → its world, how many exposures its items have, and expected tokens of a document.

    from: the first exposure. least, mean, most: exposures of an item.
    """
    by_source = {}
    for name in plan.splits[split].sources:
        source = plan.sources[name]
        exposures = plan.splits[split].exposures_of(name, len(source))
        by_source[name] = {
            "world": source.world.name if source.world else None,
            "items": len(source),
            "from": exposures.first,
            "least": exposures.least,
            "mean": round(float(exposures.mean), 6),
            "most": exposures.most,
            "tokens_each": round(float(plan.splits[split].document_tokens[name]), 4),
        }
    return by_source
