"""Which facts documents show: for each slot, which of its rows a reader can tell apart by the words.

"… born on {{ birth_date.month }} {{ birth_date.day }}"    distinguishes all rows of the slot day
"… born in {{ birth_date.month }}"                         distinguishes twelve classes of them
"{{ 'He' if pronoun == 'he' else 'She' }}"                 distinguishes both rows of the pronoun
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.core.draws import I32
from pipeline.text.expressions import Expression, Program
from pipeline.text.pieces import Joint, Piece, Texts

PROBED = 8  # rows of a slot that are tried, for an expression without a table

Classes = I32 | None
"""For each row of a slot the number of its class of rows that look alike, int32 (rows,). None: all look different."""


@dataclass(frozen=True)
class Shown:
    """What some documents show.

    slots: slot → classes of its rows; slots that are not shown are missing. labels: of attributes whose values are
    shown. bare: slots that are shown by words which are no attribute's value, such as those of a branch.
    """

    slots: dict[int, Classes] = field(default_factory=dict)
    labels: frozenset[int] = frozenset()
    bare: frozenset[int] = frozenset()

    def whole(self, slots: Iterable[int]) -> bool:
        """Whether a reader can tell apart all rows of each of these slots."""
        return all(slot in self.slots and self.slots[slot] is None for slot in slots)

    def without(self, slots: Iterable[int], label: int) -> Shown:
        """The same without these slots, and without the attribute with this label."""
        hidden = set(slots)
        kept = {slot: classes for slot, classes in self.slots.items() if slot not in hidden}
        return Shown(kept, self.labels - {label}, self.bare - hidden)

    def joined(self, other: Shown) -> Shown:
        """What both together show."""
        slots = dict(self.slots)
        for slot, classes in other.slots.items():
            slots[slot] = _both(slots[slot], classes) if slot in slots else classes
        return Shown(slots, self.labels | other.labels, self.bare | other.bare)


def shown_by(programs: Iterable[Program], sizes: Sequence[int]) -> Shown:
    """What documents of these programs show. sizes: rows of each slot, including slot 0 of literals.

    For a slot under a joint slot: what is shown whatever the other slots hold. For an expression without a table only
    some rows are tried.
    """
    shown = Shown()
    seen: set[tuple[object, object]] = set()
    for part in (part for program in programs for part in program):
        if isinstance(part, Piece):
            if (part.texts, part.slot) in seen:
                continue
            seen.add((part.texts, part.slot))
        slots = dict(_classes_of(part, sizes))
        bare = frozenset() if part.label else frozenset(slots)
        shown = shown.joined(Shown(slots, frozenset({part.label} - {0}), bare))
    return shown


def told_by_others(shown: Shown, relations: Mapping[int, Joint]) -> Shown:
    """What is shown of slots that are drawn. relations: slot → how it follows from earlier ones.

    A sum is taken to tell the last of its slots that nothing else shows, as far as it does whatever the others hold.
    """
    slots = dict(shown.slots)
    for slot, joint in sorted(relations.items(), reverse=True):
        if slot not in slots:
            continue
        classes = slots.pop(slot)
        hidden = [axis for axis, base in enumerate(joint.slots) if slots.get(base, joint) is not None]
        if hidden:
            base = joint.slots[hidden[-1]]
            known = Joint(joint.slots, joint.classes, joint.table if classes is None else classes[joint.table])
            told = _of_axis(known, hidden[-1])
            if told is None or told.any():
                slots[base] = _both(slots[base], told) if base in slots else told
    return Shown(slots, shown.labels, shown.bare - relations.keys())


def slots_read(part: Piece | Expression) -> frozenset[int]:
    """The slots that a part of a program reads."""
    if isinstance(part, Expression):
        return part.slots
    return frozenset(part.slot.slots) if isinstance(part.slot, Joint) else frozenset({part.slot})


def _classes_of(part: Piece | Expression, sizes: Sequence[int]) -> Iterator[tuple[int, Classes]]:
    """(slot, classes) for each slot that a part of a program shows."""
    if isinstance(part, Expression):
        for slot in sorted(part.slots):
            if part.distinct(slot, range(min(PROBED, sizes[slot]))):
                yield slot, None
    elif isinstance(part.slot, Joint):
        for axis, slot in enumerate(part.slot.slots):
            classes = _of_axis(part.slot, axis)
            if classes is None or classes.any():
                yield slot, classes
    elif part.slot:
        classes = _of_texts(part.texts)
        if classes is None or classes.any():
            yield part.slot, classes


def _of_texts(texts: Texts) -> Classes:
    """One class for all rows with the same text."""
    if texts.distinct:
        return None
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(row, len(numbers)) for row in texts.rows], np.int32)


def _of_axis(joint: Joint, axis: int) -> Classes:
    """The classes of one slot under a joint slot, at those values of the others that tell the fewest classes apart."""
    table = np.moveaxis(joint.table, axis, 0).reshape(joint.table.shape[axis], -1)
    ordered = np.sort(table, axis=0)
    distinct = 1 + (ordered[1:] != ordered[:-1]).sum(axis=0)
    _, numbers = np.unique(table[:, int(distinct.argmin())], return_inverse=True)
    return _numbered(numbers[joint.classes[axis]])


def _both(left: Classes, right: Classes) -> Classes:
    """Classes of rows that are in one class in both."""
    if left is None or right is None:
        return None
    _, numbers = np.unique(np.column_stack([left, right]), axis=0, return_inverse=True)
    return _numbered(numbers.reshape(-1))


def _numbered(numbers: np.ndarray) -> Classes:
    """Class numbers as int32; None if every row has a class of its own."""
    return None if int(numbers.max()) + 1 == len(numbers) else numbers.astype(np.int32)
