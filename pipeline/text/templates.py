"""Template lines: Jinja2 in a sandbox, cut into pieces that can be tokenized ahead.

`{{ birth_city }}` is a slot. An expression or a branch that depends on one slot (`{{ birth_city | upper }}`,
`{% if pronoun == "they" %}…{% endif %}`) is evaluated for every row of its table when the recipe is compiled, so it is
a slot too. So is what depends on several slots with few values between them (whether one month is later than another):
a joint slot. Anything else that depends on several stays an `Expression`, rendered document by document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, Protocol, TypeVar

import jinja2
import numpy as np
from jinja2 import nodes
from jinja2.exceptions import SecurityError

from pipeline.core.errors import TemplateError, holds_surrogate, suggest
from pipeline.core.files import Text
from pipeline.text.fields import Field, Joint, Piece, Texts, around, literal
from pipeline.text.languages import ARTICLES
from pipeline.text.sandbox import DIGITS, FILTERS, METHODS, NODES, RESERVED, Sandbox, TooLarge

N = TypeVar("N", bound=nodes.Node)

MOST_CHARACTERS = 100_000  # of a line
MOST_ROWS = 100_000  # of a table made by evaluating an expression
MOST_COMBINATIONS = 20_000  # of values, for which an expression over several of them is evaluated
COMPILED = 1_000  # characters that are made in the time in which a node of a template is compiled


class Variable(Protocol):
    """What a name in a template stands for: a Field, or something called, such as `verb`."""

    @property
    def slots(self) -> frozenset[int]: ...

    @property
    def label(self) -> int: ...

    def value(self, rows: Mapping[int, int]) -> Any: ...


@dataclass(frozen=True)
class Agreement:
    """`verb("was", "were")`: the second word where the subject asks for it.

    slot: of the pronoun or the name's last word, 0 where all take the first. second: for each of its rows.
    """

    slot: int = 0
    second: tuple[bool, ...] = (False,)
    label: int = 0

    @property
    def slots(self) -> frozenset[int]:
        return frozenset({self.slot} - {0})

    def value(self, rows: Mapping[int, int]) -> Callable[[str, str], str]:
        return lambda one, many: many if self.second[rows.get(self.slot, 0)] else one


class Allowance:
    """How much may still be made where expressions are evaluated for every value: for all lines of a source together.

    Counted are the characters of all values made on the way, and some for every operation (`Sandbox.work`).
    """

    def __init__(self, most: int = 200_000_000) -> None:
        self._most = self._left = most

    def take(self, work: int, line: Text) -> None:
        """TemplateError, with the line, where it is more than is left."""
        self._left -= work
        if self._left < 0:
            raise TemplateError(
                f"up to here expressions make more than {self._most:,} characters, evaluated for every value",
                "Take shorter or fewer expressions, or write what they show as an attribute of kind lookup.",
                line.place,
            )


SYNTAX = f"Look at its braces and quotes; the filters are {', '.join(FILTERS)}."
_ENVIRONMENT = Sandbox()


@dataclass(frozen=True)
class Expression:
    """Something that depends on several slots at once, or whose table would be too long: rendered when it is told."""

    line: Text
    template: jinja2.Template
    variables: Mapping[str, Variable]
    label: int

    def render(self, rows: Mapping[int, int]) -> str:
        """Its text where slot s holds rows[s]. TemplateError where it fails."""
        return _run(self.template, {name: variable.value(rows) for name, variable in self.variables.items()}, self.line)

    @property
    def slots(self) -> frozenset[int]:
        """The slots that it may read."""
        return frozenset().union(*(variable.slots for variable in self.variables.values()))

    def distinct(self, slot: int, rows: Iterable[int]) -> bool:
        """Whether it reads otherwise at each of these rows of a slot, the other slots being at their first."""
        texts = [self.render(_Rows({slot: row})) for row in rows]
        return len(set(texts)) == len(texts)

    def __reduce__(self) -> tuple[Any, ...]:  # compiled templates do not pickle; the line and the scope do
        return _again, (self.line, dict(self.variables), self.label, self.template.name)


BAR = " | "


def pieces(
    line: Text, scope: Mapping[str, Variable], owner: str, allowance: Allowance | None = None
) -> list[Piece | Expression]:
    """The line as literals, tables and expressions, in reading order.

    scope: the variables. owner: what a message calls their owner ("world 'people'"). allowance: of all lines that
    belong together; of this one alone where there is none. TemplateError for a line that does not parse, names
    something unknown, fails for some value, or says nothing for any.
    """
    if len(line.text) > MOST_CHARACTERS:
        problem = f"a line of {len(line.text):,} characters"
        raise TemplateError(problem, f"At most {MOST_CHARACTERS:,} are allowed.", line.place)
    allowance = allowance or Allowance()
    cut: list[Piece | Expression] = []
    try:
        for number, node in enumerate(_chunks(_parse(line))):
            if isinstance(node, nodes.TemplateData):
                cut.append(literal(node.data))
                continue
            _check(node, scope, line, owner)
            cut += _shown(node, scope) or [_evaluated(node, scope, line, str(number), allowance)]
    except (RecursionError, MemoryError):  # MemoryError: Python's, of what is nested
        raise TemplateError("nested too deeply", "Write a simpler sentence.", line.place) from None
    if not any(map(_says_something, cut)):
        raise TemplateError(
            "says nothing, whatever the values are",
            "Remove the line: each is a paraphrase. A comment, {# so #}, stands beside the words of one.",
            line.place,
        )
    return cut


def _says_something(piece: Piece | Expression) -> bool:
    """Whether some row of a piece is more than blanks."""
    if isinstance(piece, Expression):  # nobody has looked at all that it shows
        return True
    return piece.texts.codes is not None or any(row.strip() for row in piece.texts.rows)


def bare_articles(line: Text, scope: Mapping[str, Variable]) -> list[tuple[str, str]]:
    """(variable, article) wherever a line asks for a form that the values do not have, and shows them as they are."""
    asked = ((node.node, node.attr) for node in _all(_parse(line), nodes.Getattr) if node.attr in ARTICLES)
    named = ((owner.name, article) for owner, article in asked if isinstance(owner, nodes.Name))
    return [
        (name, article)
        for name, article in named
        if isinstance(field := scope.get(name), Field) and article not in field.parts
    ]


def parts(found: list[Piece | Expression]) -> list[list[Piece | Expression]]:
    """The pieces of a line, cut at the bars in its words: `prompt | answer` is two lists of pieces.

    A part that says nothing, whatever the values are, is an empty list.
    """
    cut: list[list[Piece | Expression]] = [[]]
    for piece in found:
        if not isinstance(piece, Piece) or piece.slot != 0 or piece.label or BAR not in piece.text:
            cut[-1].append(piece)
            continue
        first, *others = piece.text.split(BAR)
        cut[-1] += [literal(first)] * bool(first)
        cut += [[literal(other)] * bool(other) for other in others]
    return [part if any(map(_says_something, part)) else [] for part in cut]


def _parse(line: Text) -> nodes.Template:
    if "\r" in line.text:
        raise TemplateError("holds a carriage return (U+000D)", "Jinja2 would make a line break of it.", line.place)
    try:
        return _tree(line.text)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"not a Jinja2 template: {error.message}", SYNTAX, line.place) from None
    except ValueError:  # Python reads no number of so many digits
        problem = f"writes out a number of more than {DIGITS:,} digits"
        raise TemplateError(problem, "Write a smaller one.", line.place) from None


@lru_cache(2048)  # a line is compiled with the name, with the pronoun, and for every source that has it
def _tree(text: str) -> nodes.Template:
    return _ENVIRONMENT.parse(text)


def _chunks(tree: nodes.Template) -> Iterator[nodes.Node]:
    """The parts of a line that can be looked at one by one; one single part where they depend on each other."""
    if not all(isinstance(node, nodes.Output | nodes.If) for node in tree.body):
        yield tree
        return
    for node in tree.body:
        yield from node.nodes if isinstance(node, nodes.Output) else [node]


def _check(node: nodes.Node, scope: Mapping[str, Variable], line: Text, owner: str) -> None:
    """Refuse what leads out of the values of the sandbox, and unknown names, with a message of our own."""
    for inner in _all(node, nodes.Node):
        if not isinstance(inner, NODES):
            problem = f"'{type(inner).__name__.lower()}' is not allowed in a template"
            raise TemplateError(problem, "Write out the sentence.", line.place)
    names = _all(node, nodes.Name)
    own = {name.name for name in names if name.ctx != "load"}
    for name in names:
        if name.name in RESERVED:
            raise TemplateError(f"'{name.name}' is a word of Jinja2", "Call it by another name.", line.place)
        if name.ctx == "load" and name.name not in scope and name.name not in own:
            remedy = suggest(name.name, scope)
            if name.name in ("object", "possessive"):
                remedy = "It needs an attribute of kind pronoun."
            raise TemplateError(f"no attribute '{name.name}' in {owner}", remedy, line.place)
    called = [call.node for call in _all(node, nodes.Call)]
    for name in names:
        if (
            name.name in scope
            and not isinstance(scope[name.name], Field)
            and not any(name is callee for callee in called)
        ):
            raise TemplateError(f"'{name.name}' must be called", 'Example: {{ verb("was", "were") }}', line.place)
    for attribute in _all(node, nodes.Getattr):
        if attribute.attr.startswith("_"):
            remedy = "A template may use attributes, filters and branches."
            raise TemplateError(f"'{attribute.attr}' reaches into Python", remedy, line.place)
        if any(attribute is callee for callee in called):
            if attribute.attr not in METHODS:
                raise TemplateError(
                    f"'{attribute.attr}' is no method for a template", suggest(attribute.attr, METHODS), line.place
                )
        elif not _part(attribute, scope):
            raise TemplateError(f"there is no part '{attribute.attr}'", _parts(attribute, scope), line.place)
    for item in _all(node, nodes.Getitem):
        if isinstance(item.arg, nodes.Const) and not isinstance(item.arg.value, int):
            raise TemplateError(
                f"[{item.arg.value!r}] is not a place in a text", "Write a number or a slice.", line.place
            )


def _parts(attribute: nodes.Getattr, scope: Mapping[str, Variable]) -> str:
    """A remedy for a part that is not there."""
    owner = scope.get(attribute.node.name) if isinstance(attribute.node, nodes.Name) else None
    if not isinstance(owner, Field):
        return "Parts are named after an attribute."
    form = f"forms: {{{attribute.attr}: …}}"
    return f"{suggest(attribute.attr, owner.parts)} Another way to say the values is declared with them: {form}."


def _all(node: nodes.Node, kind: type[N]) -> list[N]:
    """The nodes of a kind in a tree, its root included."""
    return ([node] if isinstance(node, kind) else []) + list(node.find_all(kind))


def _shown(node: nodes.Node, scope: Mapping[str, Variable]) -> list[Piece] | None:
    """The pieces of a node that shows a field, or one part of it, as it is; None for any other expression."""
    if isinstance(node, nodes.Name):
        variable = scope[node.name]
        return list(variable.pieces) if isinstance(variable, Field) else None
    part = _part(node, scope)
    return list(part.pieces) if part else None


def _part(node: nodes.Node, scope: Mapping[str, Variable]) -> Field | None:
    """The field of `name.part`."""
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        variable = scope.get(node.node.name)
        return variable.part(node.attr) if isinstance(variable, Field) else None
    return None


def _used(node: nodes.Node, scope: Mapping[str, Variable]) -> Iterator[Variable]:
    """The variables below a node; of `birth_date.year` only the part."""
    if part := _part(node, scope):
        yield part
        return
    if isinstance(node, nodes.Name) and node.name in scope:
        yield scope[node.name]
    for child in node.iter_child_nodes():
        yield from _used(child, scope)


def _evaluated(
    node: nodes.Node, scope: Mapping[str, Variable], line: Text, number: str, allowance: Allowance
) -> Piece | Expression:
    """An expression as a table, where it depends on one slot or on few values; as an Expression, where on more."""
    used = list(_used(node, scope))
    slots = sorted(frozenset().union(*(variable.slots for variable in used)))
    if any(piece.texts.codes for variable in used if isinstance(variable, Field) for piece in variable.pieces):
        raise TemplateError("token ids that are given are no text", "Show {{ value }} as it is.", line.place)
    labels = {variable.label for variable in used}
    shows_value = isinstance(node, nodes.Filter | nodes.Getitem)  # a branch or a comparison shows words about the value
    label = labels.pop() if shows_value and len(labels) == 1 else 0
    names = {name.name for name in _all(node, nodes.Name)} & scope.keys()
    allowance.take(COMPILED * len(_all(node, nodes.Node)), line)
    expression = Expression(line, _part_of(node, line, number), {name: scope[name] for name in names}, label)
    if len(slots) > 1:
        return _joint(expression, slots, used, allowance) or expression
    slot = slots[0] if slots else 0
    if (rows := len(_signatures(slot, used))) > MOST_ROWS:
        expression.render(_Rows({}))  # so that what always fails, fails now
        return expression
    shown = tuple(_rendered(expression, _Rows({slot: row}), allowance) for row in range(rows))
    return Piece(Texts(shown, around=_around(node, scope, shown) if label else None), slot, label)


def _rendered(expression: Expression, rows: Mapping[int, int], allowance: Allowance) -> str:
    """Its text where slot s holds rows[s], made at the cost of an allowance."""
    before = _ENVIRONMENT.work
    text = expression.render(rows)
    allowance.take(_ENVIRONMENT.work - before, expression.line)
    return text


def _joint(expression: Expression, slots: list[int], used: list[Variable], allowance: Allowance) -> Piece | None:
    """An expression over several slots as the table of a joint one; None where there are too many combinations."""
    signatures = [_signatures(slot, used) for slot in slots]
    distinct = [list(dict.fromkeys(of_rows)) for of_rows in signatures]
    expression.render(_Rows({}))  # so that what always fails, fails now
    if prod(map(len, distinct)) > MOST_COMBINATIONS:
        return None
    texts: dict[str, int] = {}
    table = np.empty(tuple(map(len, distinct)), np.int32)
    samples = [[of_rows.index(one) for one in ones] for of_rows, ones in zip(signatures, distinct, strict=True)]
    for place in np.ndindex(table.shape):
        rows = {slot: samples[i][place[i]] for i, slot in enumerate(slots)}
        table[place] = texts.setdefault(_rendered(expression, _Rows(rows), allowance), len(texts))
    classes = tuple(
        np.array([{one: i for i, one in enumerate(ones)}[row] for row in of_rows], np.int32)
        for of_rows, ones in zip(signatures, distinct, strict=True)
    )
    return Piece(Texts(tuple(texts)), Joint(tuple(slots), classes, table), expression.label)


def _around(
    node: nodes.Node, scope: Mapping[str, Variable], shown: tuple[str, ...]
) -> tuple[tuple[int, int], ...] | None:
    """How many characters of each row a filter has put before and behind the value that it shows."""
    of = node.node if isinstance(node, nodes.Filter) else None
    value = _shown(of, scope) if isinstance(of, nodes.Name | nodes.Getattr) else None
    if not value or len(value) != 1 or len(value[0].texts) != len(shown):
        return None
    found = tuple(map(around, shown, value[0].texts.plain))
    return found if any(map(any, found)) else None


def _part_of(node: nodes.Node, line: Text, number: str) -> jinja2.Template:
    """One chunk of a line as a template of its own, named by its number so that it can be made again."""
    body = (
        node.body
        if isinstance(node, nodes.Template)
        else [node if isinstance(node, nodes.Stmt) else nodes.Output([node])]
    )
    template = _compile(nodes.Template(body, lineno=1), line)
    template.name = number
    return template


def _again(line: Text, variables: Mapping[str, Variable], label: int, number: str) -> Expression:
    node = list(_chunks(_parse(line)))[int(number)]
    return Expression(line, _part_of(node, line, number), variables, label)


class _Rows(dict[int, int]):
    """Some slots at some rows; the others, on which nothing depends, at row 0."""

    def __missing__(self, slot: int) -> int:
        return 0


def _signatures(slot: int, used: list[Variable]) -> list[tuple[Any, ...]]:
    """For each row of a slot, all that the variables show of it: rows of one signature look the same."""
    columns: list[tuple[Any, ...]] = []
    for variable in used:
        if isinstance(variable, Agreement) and variable.slot == slot:
            columns.append(variable.second)
        if isinstance(variable, Field):
            of_field = [column for column in variable.format if not isinstance(column, str)]
            columns += [c.values for c in (*of_field, *variable.parts.values()) if c.slot == slot]
    assert columns or slot == 0, f"no variable has slot {slot}"
    return list(zip(*columns, strict=True)) or [()]


def _compile(tree: nodes.Template, line: Text) -> jinja2.Template:
    try:
        code = _ENVIRONMENT.compile(tree)
    except (jinja2.TemplateError, SyntaxError) as error:
        raise TemplateError(f"not a Jinja2 template: {error}", SYNTAX, line.place) from None
    except TooLarge as error:  # a number that is written out
        raise TemplateError(str(error), error.remedy, line.place) from None
    return jinja2.Template.from_code(_ENVIRONMENT, code, {})


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
