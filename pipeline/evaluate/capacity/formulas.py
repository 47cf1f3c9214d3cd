"""The formulas: from sums of losses over documents to the bits that a model knows.

    sequence    … eos| Anya Briar Forger was born on October 2, 1996. She …  eos| …
    losses            |──── name ──────|             |birth_date──| |pronoun
                      loss_name: their sum           loss_value: a sum for each attribute

p1 is the mean of loss_name; p2 the sum over attributes of the mean loss_value, with pronouns, without lookups (which
follow from another attribute); p3 the mean loss of a value's first chunk; all in nats. With N individuals, N0 possible
names and S0 possible combinations of an individual's values, a model of P parameters has (Definition 4.3)

    R = [N log₂(N0 / e^p1) + N log₂(S0 / e^p2)] / P            R^max = [N log₂(N0 / N) + N log₂ S0] / P

Attributes of kind codes add K D log₂(T^L / (D e^p3)) bits, in R^max with p3 = 0 (Definition 4.1). A model that knows
everything reaches R^max: p2 = p3 = 0, and p1 = ln N, since the next of N individuals cannot be predicted. As in the
paper, no term is clipped at 0: a model worse than a uniform guess has learned a negative number of bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log2

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import PlanError
from pipeline.evaluate.capacity.documents import Measured, first_chunk
from pipeline.evaluate.capacity.result import BIT, Capacity, Learned
from pipeline.worlds.attributes.codes import CodesSpec
from pipeline.worlds.knowledge import bits_of_slot, bits_shown, knowledge_of


def capacity_of(
    measured: Measured, documents: int, sums: NDArray[np.float64], parameters: int | None, *, exact: bool
) -> Capacity:
    """The Capacity that follows from sums of losses.

    documents: how many count. sums: float64 (4, a), for each label of an attribute, of the documents that state it:
    their number, and the sums of loss, of the first chunk's loss, and of right first tokens. PlanError where no
    document has a name.
    """
    attributes: dict[str, Learned] = {}
    chunks: list[tuple[CodesSpec, float]] = []
    for attribute, (_, spec, _) in measured.world.spec.expanded.items():
        count, loss, chunk, right = sums[:, measured.labels.index(attribute)].tolist()
        if count:
            bits = _bits_of(attribute, measured, attributes)
            attributes[attribute] = Learned(int(count), loss / count, bits, right / count)
            if isinstance(spec, CodesSpec):
                chunks.append((spec, chunk / count))
    if measured.name not in attributes:
        raise PlanError(
            f"'{measured.source}' never states the {measured.name}",
            "Write it into a template.",
            measured.dataset.folder.url,
        )
    values = [learned for name, learned in attributes.items() if learned.bits is not None and name != measured.name]
    known = replace(
        knowledge_of(measured.world),
        size=measured.individuals,
        values=sum(learned.bits or 0.0 for learned in values),
        sets=sum(spec.diversity * (spec.length * log2(spec.vocabulary) - log2(spec.diversity)) for spec, _ in chunks),
    )
    p1, p2 = attributes[measured.name].loss, sum(learned.loss for learned in values)
    sure = all(first_chunk(spec) for spec, _ in chunks)
    sets = known.sets - sum(spec.diversity * loss / BIT for spec, loss in chunks)
    return Capacity(
        split=measured.split,
        source=measured.source,
        individuals=known.size,
        documents=documents,
        p1=p1,
        p2=p2,
        p3=sum(loss for _, loss in chunks) / len(chunks) if chunks and sure else None,
        name_bits=known.size * (known.names - p1 / BIT),
        value_bits=known.size * (known.values - p2 / BIT),
        set_bits=sets if sure else None,
        max_bits=known.total,
        parameters=parameters,
        exact=exact,
        attributes=attributes,
        not_stated=tuple(attribute for attribute in measured.world.spec.expanded if attribute not in attributes),
    )


def _bits_of(attribute: str, measured: Measured, before: Mapping[str, Learned]) -> float | None:
    """Bits of what the documents show of an attribute: if they state only the year of a date, the bits of the year.

    None where it follows from an attribute in `before`, or from several. Where they never state that one, this one has
    its bits.
    """
    if measured.world.slots_of(attribute):
        return bits_shown(measured.world, attribute, measured.shown)
    fields, shown = measured.world.fields, measured.shown.slots
    slots = fields[attribute].slots
    if slots <= measured.world.following or any(slots & fields[name].slots for name in before):
        return None
    return sum(bits_of_slot(measured.world, slot, shown[slot]) for slot in slots if slot in shown)
