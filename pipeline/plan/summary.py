"""The numbers that a paper states about a dataset, from its plan: bits of knowledge, exposures, amounts.

They are rounded, so that they are the same on every machine. Nothing else is computed from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.plan.cost import core_seconds
from pipeline.plan.information import NOTHING, Information, information_in
from pipeline.plan.order import SplitPlan
from pipeline.plan.phase import Phase
from pipeline.plan.plan import Plan
from pipeline.worlds.world import World


def of_plan(plan: Plan) -> dict[str, Any]:
    """All that `plan` says of a recipe, as plain JSON; tokens, bytes and seconds are expected.

    files: those of shards. core_seconds: on one core, see cost.py. splits: each with its amounts, the amounts and
    exposures of its sources, and the bits of its worlds. Beside `splits` stand the sums over all of them.
    """
    splits = {name: _amounts(plan, name) for name in plan.splits}
    bits = of_worlds(plan)
    return {
        "title": plan.title,
        "fingerprint": plan.fingerprint,
        "seed": plan.recipe.seed,
        "tokenizer": {
            "name": plan.recipe.tokenizer.name,
            "vocabulary": plan.tokenizer.vocabulary,
            "dtype": str(plan.tokenizer.dtype),
        },
        **summed(splits.values()),
        "worlds": {
            name: {"size": world.size, "attributes": list(world.spec.attributes), **bits[name], **of_relations(world)}
            for name, world in plan.worlds.items()
        },
        "splits": splits,
        "notices": [{"at": f"{group}.{name}", "notice": str(notice)} for group, name, notice in plan.notices],
    }


AMOUNTS = ("documents", "tokens", "files", "bytes", "core_seconds")


def summed(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums of the amounts of several splits, or datasets."""
    listed = list(parts)
    sums = {key: sum(part[key] for part in listed) for key in AMOUNTS}
    return {**sums, "core_seconds": round(sums["core_seconds"], 3)}


def _amounts(plan: Plan, name: str) -> dict[str, Any]:
    split = plan.splits[name]
    exposures = of_exposures(plan, name)
    return {
        "documents": split.documents,
        "tokens": round(split.tokens),
        "files": split.shards,
        "bytes": plan.bytes_of(name),
        "core_seconds": round(core_seconds(plan, name), 3),
        "packing": {"method": split.packing.method, "length": split.packing.length},
        "columns": ["input_ids", *split.columns],
        **_ordered(plan, name),
        "sources": {
            source: {
                "documents": split.documents_of(source),
                "tokens": round(split.expected[source]),
                **exposures[source],
            }
            for source in split.sources
        },
        "worlds": of_split(plan, name),
    }


def _ordered(plan: Plan, name: str) -> dict[str, Any]:
    """The order of a split, or its phases, where it has some."""
    phases = plan.splits[name].phases
    return {"phases": of_phases(plan, name)} if phases[0].name else {"order": phases[0].ordered}


def of_phases(plan: Plan, split: str) -> list[dict[str, Any]]:
    """The phases of a split: each with its amounts, its order, and the amounts and exposures of its sources.

    share: [at the beginning, at the end] of a source's tokens, in a phase where shares change.
    """
    planned = plan.splits[split]
    listed = []
    for phase in planned.phases:
        exposures = of_exposures(plan, split, phase)
        shares = _changing_shares(planned, phase)
        sources = {
            source: {
                "documents": count,
                "tokens": round(count * planned.document_tokens[source]),
                **exposures[source],
                **({"share": shares[source]} if shares else {}),
            }
            for source, count in phase.counts.items()
        }
        listed.append(
            {
                "name": phase.name,
                "documents": phase.documents,
                "tokens": round(planned.tokens_of(phase)),
                "files": phase.shards,
                "order": phase.ordered,
                "slices": len(phase.slices),
                "sources": sources,
            }
        )
    return listed


def _changing_shares(split: SplitPlan, phase: Phase) -> dict[str, list[float]]:
    """Source → its share of the first and of the last slice; {} where shares do not change."""
    ends = []
    for counts in (phase.slices[0], phase.slices[-1]) if phase.slices else ():
        tokens = [count * split.document_tokens[name] for name, count in zip(phase.counts, counts, strict=True)]
        ends.append([round(float(part / sum(tokens)), 4) for part in tokens])
    return {name: list(shares) for name, *shares in zip(phase.counts, *ends, strict=True)} if ends else {}


def of_worlds(plan: Plan) -> dict[str, dict[str, Any]]:
    """World → the numbers of `of_split` for the first split with documents about it; 0 for a world without documents.

    Except `individuals`, which counts all individuals of the world.
    """
    by_split = [of_split(plan, name) for name in plan.splits]
    return {
        name: next((worlds[name] for worlds in by_split if name in worlds), _rounded(NOTHING))
        | {"individuals": world.size}
        for name, world in plan.worlds.items()
    }


def of_relations(world: World) -> dict[str, dict[str, Any]]:
    """relations: attribute that is another individual → the bits of all its pairs, and the world of the others.

    Nothing where there are none. bits: log₂ of the number of maps; the entropy, where these are not equally likely.
    """
    of = {name: {"of": relation.of, "bits": round(relation.bits, 1)} for name, relation in world.relations.items()}
    return {"relations": of} if of else {}


def of_vocabulary(plan: Plan) -> dict[str, int] | None:
    """Of a tokenizer reduced to the tokens in use: how many they are (in_use), and all its ids; None of any other."""
    tokenizer = plan.tokenizer
    return {"in_use": tokenizer.in_use.count, "ids": tokenizer.vocabulary} if tokenizer.in_use else None


def of_corpora(plan: Plan) -> dict[str, dict[str, Any]]:
    """Source → the files that its documents are read from, and the rows that are left out (`Source.origin`)."""
    return {name: dict(source.origin) for name, source in plan.sources.items() if source.origin is not None}


def of_split(plan: Plan, split: str) -> dict[str, dict[str, Any]]:
    """World that a split has documents about → its bits by the formulas of Part 3.3, and the parameters to hold them.

    individuals: those with documents. name_bits: log₂ N0; 0 where no name is stated. value_bits: log₂ S0, the mean of
    an individual's stated attributes. bits: the total. parameters_at_2_bits: bits / 2, which 1000 exposures reach
    (section 5); parameters_at_1_bit: bits, which 100 exposures reach.
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


def of_exposures(plan: Plan, split: str, phase: Phase | None = None) -> dict[str, dict[str, Any]]:
    """Source of a split → the exposures of its items. phase: only those in it, of its sources.

    world: its name or None. items: of the source. from: the first exposure. least, mean, most: exposures of an item.
    tokens_each: expected tokens of a document.
    """
    by_source = {}
    planned = plan.splits[split]
    for name in planned.sources if phase is None else phase.counts:
        source = plan.sources[name]
        exposures = planned.exposures_of(name, len(source), phase)
        by_source[name] = {
            "world": source.world.name if source.world else None,
            "items": len(source),
            "from": exposures.first,
            "least": exposures.least,
            "mean": round(float(exposures.mean), 6),
            "most": exposures.most,
            "tokens_each": round(float(planned.document_tokens[name]), 4),
        }
    return by_source
