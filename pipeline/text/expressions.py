"""Expressions and branches of templates: tables, evaluated for every value at compile time, if that is possible.

{{ birth_city | upper }}                        one slot        a table with a row for each city
{% if month > other_month %}later{% endif %}    few values      a table with a row for each text, of a joint slot
{{ melts + range }}                             numbers         a table with a row for each sum (arithmetic.py)
{{ name ~ ' of ' ~ birth_city }}                many values     an Expression, rendered document by document
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import jinja2
import numpy as np
from jinja2 import nodes
from jinja2.exceptions import SecurityError

from pipeline.core.errors import TemplateError, holds_surrogate
from pipeline.core.files import Text
from pipeline.text.arithmetic import NoArithmetic, table_of
from pipeline.text.fields import LANGUAGE, Agreement, Field, Variable
from pipeline.text.paths import resolved
from pipeline.text.pieces import NO_MARGIN, Joint, Margin, Piece, Texts
from pipeline.text.sandbox import OF_LANGUAGES
from pipeline.text.syntax import ENVIRONMENT, chunk_as_template, chunks, nodes_of, parsed, part_shown, pieces_shown
from pipeline.text.value_sizes import TooLarge

MOST_ROWS = 100_000  # of a table made by evaluating an expression
MOST_COMBINATIONS = 20_000  # of values for which an expression over several slots is evaluated
COMPILED = 1_000  # the cost of compiling one node of a template, in characters made in the same time


class Allowance:
    """A budget for evaluating expressions at compile time, shared by all lines of a source.

    It counts the characters of all intermediate values, plus some for each operation (`Sandbox.work`).
    """

    def __init__(self, most: int = 200_000_000) -> None:
        self._most = self._left = most

    def take(self, work: int, line: Text) -> None:
        """Spend `work`. TemplateError, with the line, if less is left."""
        self._left -= work
        if self._left < 0:
            raise TemplateError(
                f"up to here expressions make more than {self._most:,} characters, evaluated for every value",
                "Take shorter or fewer expressions, or write what they show as an attribute of kind lookup.",
                line.place,
            )


@dataclass(frozen=True)
class Expression:
    """An expression over several slots, or with too long a table: rendered document by document."""

    line: Text
    template: jinja2.Template
    variables: Mapping[str, Variable]
    label: int

    def render(self, rows: Mapping[int, int]) -> str:
        """Its text when slot s holds rows[s]. TemplateError if it fails."""
        return _run(self.template, {name: variable.value(rows) for name, variable in self.variables.items()}, self.line)

    @property
    def slots(self) -> frozenset[int]:
        """The slots that it may read."""
        return frozenset().union(*(variable.slots for variable in self.variables.values()))

    def distinct(self, slot: int, rows: Iterable[int]) -> bool:
        """Whether these rows of a slot give texts that all differ, with the other slots at row 0."""
        texts = [self.render(_Rows({slot: row})) for row in rows]
        return len(set(texts)) == len(texts)

    def __reduce__(self) -> tuple[Any, ...]:  # compiled templates do not pickle; the line and the scope do
        return _again, (self.line, dict(self.variables), self.label, self.template.name)


Program = Sequence[Piece | Expression]
"""What a sentence, or another stretch of words, shows, from left to right."""


def evaluated(
    node: nodes.Node, scope: Mapping[str, Variable], line: Text, number: str, allowance: Allowance
) -> Piece | Expression:
    """A table if the node depends on one slot, or on few combinations of values; otherwise an Expression."""
    used = list(_used(node, scope))
    slots = sorted(frozenset().union(*(variable.slots for variable in used)))
    if any(piece.texts.codes for variable in used if isinstance(variable, Field) for piece in variable.pieces):
        raise TemplateError("token ids that are given are no text", "Show {{ value }} as it is.", line.place)
    labels = {variable.label for variable in used}
    shows_value = isinstance(node, nodes.Filter | nodes.Getitem)  # a branch or a comparison shows words about the value
    shows_value = shows_value and not (isinstance(node, nodes.Filter) and node.name == "plural")
    label = labels.pop() if shows_value and len(labels) == 1 else 0
    names = {name.name for name in nodes_of(node, nodes.Name)} & scope.keys()
    if any(one.name in OF_LANGUAGES for one in nodes_of(node, nodes.Filter)):
        names |= {LANGUAGE} & scope.keys()
    allowance.take(COMPILED * len(nodes_of(node, nodes.Node)), line)
    expression = Expression(line, chunk_as_template(node, line, number), {name: scope[name] for name in names}, label)
    if len(slots) > 1:
        return _joint(expression, slots, used, allowance) or _computed(expression, node, scope) or expression
    slot = slots[0] if slots else 0
    if (rows := len(_signatures(slot, used))) > MOST_ROWS:
        expression.render(_Rows({}))  # so that an expression that always fails does so now
        return expression
    shown = tuple(_rendered(expression, _Rows({slot: row}), allowance) for row in range(rows))
    return Piece(Texts(shown), slot, label, _margin(node, scope, shown) if label else NO_MARGIN)


def _rendered(expression: Expression, rows: Mapping[int, int], allowance: Allowance) -> str:
    """Its text when slot s holds rows[s], paid for from the allowance."""
    before = ENVIRONMENT.work
    text = expression.render(rows)
    allowance.take(ENVIRONMENT.work - before, expression.line)
    return text


def _joint(expression: Expression, slots: list[int], used: list[Variable], allowance: Allowance) -> Piece | None:
    """An expression over several slots, as the table of a joint slot; None if there are too many combinations."""
    signatures = [_signatures(slot, used) for slot in slots]
    distinct = [list(dict.fromkeys(of_rows)) for of_rows in signatures]
    expression.render(_Rows({}))  # so that an expression that always fails does so now
    if prod(map(len, distinct)) > MOST_COMBINATIONS:
        return None
    texts: dict[str, int] = {}
    table = np.empty(tuple(map(len, distinct)), np.int32)
    first_rows = [list(map(of_rows.index, classes)) for of_rows, classes in zip(signatures, distinct, strict=True)]
    for place in np.ndindex(table.shape):
        rows = {slot: first_rows[i][place[i]] for i, slot in enumerate(slots)}
        table[place] = texts.setdefault(_rendered(expression, _Rows(rows), allowance), len(texts))
    numbers = [{signature: number for number, signature in enumerate(classes)} for classes in distinct]
    class_of_row = tuple(
        np.array([number[signature] for signature in of_rows], np.int32)
        for of_rows, number in zip(signatures, numbers, strict=True)
    )
    return Piece(Texts(tuple(texts)), Joint(tuple(slots), class_of_row, table), expression.label)


def _computed(expression: Expression, node: nodes.Node, scope: Mapping[str, Variable]) -> Piece | None:
    """Arithmetic over whole numbers, as the table of a joint slot; None if it is more than that, or too large."""
    try:
        table = table_of(node, scope)
    except NoArithmetic:
        return None
    return Piece(Texts(tuple(map(str, table.different))), table.joint, expression.label)


def _margin(node: nodes.Node, scope: Mapping[str, Variable], shown: tuple[str, ...]) -> Margin:
    """The words that a filter has put before and after the value, in each row."""
    argument = node.node if isinstance(node, nodes.Filter) else None
    value = pieces_shown(argument, scope) if isinstance(argument, nodes.Name | nodes.Getattr) else None
    if not value or len(value) != 1 or len(value[0].texts) != len(shown):
        return NO_MARGIN
    return Margin.of(shown, value[0].values) or NO_MARGIN


class _Rows(dict[int, int]):
    """Slot → row; row 0 for missing slots, on which nothing depends."""

    def __missing__(self, slot: int) -> int:
        return 0


def _signatures(slot: int, used: list[Variable]) -> list[tuple[Any, ...]]:
    """For each row of a slot, everything that the variables show of it; rows with equal signatures look the same."""
    columns: list[tuple[Any, ...]] = []
    for variable in used:
        if isinstance(variable, Agreement) and variable.slot == slot:
            columns.append(variable.words)
        if isinstance(variable, Field):
            of_field = [column for column in variable.format if not isinstance(column, str)]
            columns += [c.values for c in (*of_field, *variable.parts.values()) if c.slot == slot]
    assert columns or slot == 0, f"no variable has slot {slot}"
    return list(zip(*columns, strict=True)) or [()]


def _used(node: nodes.Node, scope: Mapping[str, Variable]) -> Iterator[Variable]:
    """The variables below a node; for `birth_date.year` only that part."""
    if part := part_shown(node, scope):
        yield part
        return
    if isinstance(node, nodes.Name) and node.name in scope:
        yield scope[node.name]
    for child in node.iter_child_nodes():
        yield from _used(child, scope)


def _again(line: Text, variables: Mapping[str, Variable], label: int, number: str) -> Expression:
    tree, _ = resolved(parsed(line), variables, line)
    node = list(chunks(tree))[int(number)]
    return Expression(line, chunk_as_template(node, line, number), variables, label)


def _run(template: jinja2.Template, values: Mapping[str, Any], line: Text) -> str:
    try:
        text = template.render(values)
    except SecurityError as error:
        raise TemplateError(
            f"refused by the sandbox: {error}", "Use attributes, filters and branches.", line.place
        ) from None
    except TooLarge as error:
        raise TemplateError(str(error), error.remedy, line.place) from None
    except Exception as error:  # whatever an expression does with a value
        raise TemplateError(
            f"fails: {type(error).__name__}: {error}", "It must work for every value.", line.place
        ) from None
    if holds_surrogate(text):
        raise TemplateError("shows half a character (a surrogate)", "Write the character itself.", line.place)
    return text
