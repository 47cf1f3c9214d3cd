"""Arithmetic over whole numbers, for all values at once: `melts + range` is a table, however many pairs there are.

    melts 200 … 3500, range 1 … 400      1,320,400 pairs      3,700 different sums, which are tokenized

What Jinja2 would evaluate pair by pair in minutes is a sum of two arrays here. Only `+ - * // %` and numbers take part;
numbers stay exact, since what might exceed 62 bits is refused.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from jinja2 import nodes

from pipeline.core.draws import I64
from pipeline.text.fields import Column, Field, Variable
from pipeline.text.pieces import Joint
from pipeline.text.syntax import nodes_of, part_shown

MOST_COMBINATIONS = 4_000_000  # of values of all slots: a table of 16 MB
MOST_DIFFERENT = 100_000  # results, which are tokenized
LARGEST = 2**62

OPERATIONS: Mapping[type[nodes.Node], Callable[[Any, Any], Any]] = {
    nodes.Add: operator.add,
    nodes.Sub: operator.sub,
    nodes.Mul: operator.mul,
    nodes.FloorDiv: operator.floordiv,
    nodes.Mod: operator.mod,
}


class NoArithmetic(Exception):
    """An expression cannot be computed for all values at once. Its text: why."""


@dataclass(frozen=True, eq=False)
class Table:
    """The results of an expression, one axis for each of `slots`. classes: as in `Joint`; values int64."""

    slots: tuple[int, ...]
    classes: tuple[np.ndarray, ...]
    values: I64

    @cached_property
    def _different(self) -> tuple[I64, np.ndarray]:
        different, rows = np.unique(self.values, return_inverse=True)
        return different, rows.reshape(self.values.shape).astype(np.int32)

    @property
    def different(self) -> list[int]:
        """The different results, ascending."""
        return [int(value) for value in self._different[0]]

    @property
    def joint(self) -> Joint:
        """A slot that holds the row of a result in `different`."""
        return Joint(self.slots, self.classes, self._different[1])

    def minus(self, other: Table) -> Table:
        """The differences of the results of two tables, over the slots of both."""
        slots = tuple(sorted({*self.slots, *other.slots}))
        pairs = (zip(table.slots, table.classes, strict=True) for table in (self, other))
        rows = {slot: classes for of_table in pairs for slot, classes in of_table}
        everything = tuple(np.arange(len(rows[slot]), dtype=np.int32) for slot in slots)
        _check_combinations([len(classes) for classes in everything])
        values = _spread(self, slots) - _spread(other, slots)
        return Table(slots, everything, values)

    def plus_steps(self, slot: int, count: int, step: int) -> Table:
        """`count` numbers from each result on, `step` apart; which of them it is, is the row of another, later slot."""
        _check_combinations([*self.values.shape, count])
        steps = np.arange(count, dtype=np.int64) * step
        table = Table(
            (*self.slots, slot), (*self.classes, np.arange(count, dtype=np.int32)), self.values[..., None] + steps
        )
        if len(table.different) > MOST_DIFFERENT:
            raise NoArithmetic(f"there are {len(table.different):,} of them, and at most {MOST_DIFFERENT:,} fit")
        return table


def _spread(table: Table, slots: tuple[int, ...]) -> I64:
    """The results for each row of `slots`, one axis for each, which are those of the table and others."""
    values = table.values[np.ix_(*table.classes)]
    return np.reshape(
        values, [len(table.classes[table.slots.index(slot)]) if slot in table.slots else 1 for slot in slots]
    )


def composed(joint: Joint, bases: Mapping[int, Joint], sizes: Sequence[int]) -> Joint:
    """The same slot in terms of those that its slots follow from. bases: slot → how. sizes: rows of each slot.

    NoArithmetic if there are too many combinations of their rows.
    """
    slots = tuple(sorted({base for slot in joint.slots for base in (bases[slot].slots if slot in bases else (slot,))}))
    _check_combinations([sizes[slot] for slot in slots])
    rows = {slot: np.arange(sizes[slot]).reshape([-1 if slot == axis else 1 for axis in slots]) for slot in slots}
    classes = []
    for slot, of_rows in zip(joint.slots, joint.classes, strict=True):
        if slot in bases:
            base = bases[slot]
            places = tuple(known[rows[one]] for one, known in zip(base.slots, base.classes, strict=True))
            classes.append(of_rows[base.table[places]])
        else:
            classes.append(of_rows[rows[slot]])
    everything = tuple(np.arange(sizes[slot], dtype=np.int32) for slot in slots)
    table = np.broadcast_to(joint.table[tuple(classes)], [sizes[slot] for slot in slots])
    return Joint(slots, everything, np.ascontiguousarray(table, np.int32))


def table_of(node: nodes.Node, scope: Mapping[str, Variable]) -> Table:
    """The results of an expression for all values of the fields that it names. NoArithmetic if it has none."""
    columns = [_column(inner, scope) for inner in _leaves(node, scope)]
    slots = tuple(sorted({column.slot for column in columns}))
    rows = {slot: [column.values for column in columns if column.slot == slot] for slot in slots}
    distinct = {slot: list(dict.fromkeys(zip(*of_slot, strict=True))) for slot, of_slot in rows.items()}
    _check_combinations([len(distinct[slot]) for slot in slots])
    numbers = {slot: {value: i for i, value in enumerate(of_slot)} for slot, of_slot in distinct.items()}
    classes = tuple(
        np.array([numbers[slot][value] for value in zip(*rows[slot], strict=True)], np.int32) for slot in slots
    )

    def leaf(column: Column) -> I64:
        place = next(i for i, values in enumerate(rows[column.slot]) if values is column.values)
        shape = [len(distinct[slot]) if slot == column.slot else 1 for slot in slots]
        return np.array([value[place] for value in distinct[column.slot]], np.int64).reshape(shape)

    values = _evaluated(node, scope, leaf)
    full = np.broadcast_to(values, [len(distinct[slot]) for slot in slots])
    table = Table(slots, classes, np.ascontiguousarray(full, np.int64))
    if len(table.different) > MOST_DIFFERENT:
        raise NoArithmetic(f"it has {len(table.different):,} different results, and at most {MOST_DIFFERENT:,} fit")
    return table


def _check_combinations(sizes: Sequence[int]) -> None:
    if prod(sizes) > MOST_COMBINATIONS:
        shown = " × ".join(f"{size:,}" for size in sizes)
        raise NoArithmetic(f"there are {shown} combinations of values, and at most {MOST_COMBINATIONS:,} fit")


def _leaves(node: nodes.Node, scope: Mapping[str, Variable]) -> list[nodes.Node]:
    """The nodes that name a field, or a part of one."""
    if isinstance(node, nodes.Name) or part_shown(node, scope) is not None:
        return [node]
    return [leaf for child in node.iter_child_nodes() for leaf in _leaves(child, scope)]


def _column(node: nodes.Node, scope: Mapping[str, Variable]) -> Column:
    """The column of whole numbers that a leaf shows."""
    variable = part_shown(node, scope)
    if variable is None and isinstance(node, nodes.Name):
        known = scope.get(node.name)
        variable = known if isinstance(known, Field) else None
    shown = variable.format[0] if variable is not None and len(variable.format) == 1 and not variable.after else None
    if not isinstance(shown, Column) or not all(type(value) is int and abs(value) < LARGEST for value in shown.values):
        names = " or ".join(f"'{name.name}'" for name in nodes_of(node, nodes.Name))
        raise NoArithmetic(f"{names or 'a part'} is no whole number")
    return shown


def _evaluated(node: nodes.Node, scope: Mapping[str, Variable], leaf: Callable[[Column], I64]) -> I64:
    if isinstance(node, nodes.Const) and type(node.value) is int and abs(node.value) < LARGEST:
        return np.array(node.value, np.int64)
    if isinstance(node, nodes.Name) or part_shown(node, scope) is not None:
        return leaf(_column(node, scope))
    if isinstance(node, nodes.Neg):
        return -_evaluated(node.node, scope, leaf)
    if type(node) in OPERATIONS and isinstance(node, nodes.BinExpr):
        left, right = (_evaluated(side, scope, leaf) for side in (node.left, node.right))
        operation = OPERATIONS[type(node)]
        if isinstance(node, nodes.FloorDiv | nodes.Mod) and not right.all():
            raise NoArithmetic("it divides by 0 for some values")
        if isinstance(node, nodes.Add | nodes.Sub | nodes.Mul):
            ends = [operation(a, b) for a in _ends(left) for b in _ends(right)]
            if max(map(abs, ends)) >= LARGEST:
                raise NoArithmetic("its results are too large")
        return np.asarray(operation(left, right), np.int64)
    raise NoArithmetic("only whole numbers, + - * // % and parentheses are computed for all values")


def _ends(values: I64) -> tuple[int, int]:
    return int(values.min()), int(values.max())
