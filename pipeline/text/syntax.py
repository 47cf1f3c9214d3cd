"""The syntax of template lines: parsed by Jinja2, cut into chunks, and checked against what a line may contain.

He moved to {{ city }}{% if size > 1 %}, a big one{% endif %}.
text        name      branch                               text       chunks, evaluated one by one
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeVar

import jinja2
from jinja2 import nodes

from pipeline.core.errors import TemplateError, suggest
from pipeline.core.files import Text
from pipeline.text.fields import Field, Variable
from pipeline.text.pieces import Piece
from pipeline.text.sandbox import FILTERS, METHODS, NODES, RESERVED, Sandbox
from pipeline.text.value_sizes import DIGITS, TooLarge

N = TypeVar("N", bound=nodes.Node)

ENVIRONMENT = Sandbox()
SYNTAX = f"Look at its braces and quotes; the filters are {', '.join(FILTERS)}."


def parsed(line: Text) -> nodes.Template:
    """The syntax tree of a line. TemplateError if Jinja2 cannot parse it."""
    if "\r" in line.text:
        raise TemplateError("holds a carriage return (U+000D)", "Jinja2 would make a line break of it.", line.place)
    try:
        return _tree(line.text)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"not a Jinja2 template: {error.message}", SYNTAX, line.place) from None
    except ValueError:  # a number with too many digits for Python
        problem = f"writes out a number of more than {DIGITS:,} digits"
        raise TemplateError(problem, "Write a smaller one.", line.place) from None


@lru_cache(2048)  # a line is compiled several times: with the name, with the pronoun, and for each source
def _tree(text: str) -> nodes.Template:
    return ENVIRONMENT.parse(text)


def chunks(tree: nodes.Template) -> Iterator[nodes.Node]:
    """The parts of a line that can be evaluated one by one; the whole line, if they depend on each other."""
    if not all(isinstance(node, nodes.Output | nodes.If) for node in tree.body):
        yield tree
        return
    for node in tree.body:
        yield from node.nodes if isinstance(node, nodes.Output) else [node]


def check(node: nodes.Node, scope: Mapping[str, Variable], line: Text, owner: str) -> None:
    """TemplateError for what the sandbox forbids, and for unknown names. owner: of the variables, for messages."""
    for inner in nodes_of(node, nodes.Node):
        if not isinstance(inner, NODES):
            problem = f"'{type(inner).__name__.lower()}' is not allowed in a template"
            raise TemplateError(problem, "Write out the sentence.", line.place)
    callees = [call.node for call in nodes_of(node, nodes.Call)]
    _check_names(nodes_of(node, nodes.Name), callees, scope, line, owner)
    for attribute in nodes_of(node, nodes.Getattr):
        _check_attribute(attribute, callees, scope, line)
    for item in nodes_of(node, nodes.Getitem):
        if isinstance(item.arg, nodes.Const) and not isinstance(item.arg.value, int):
            raise TemplateError(
                f"[{item.arg.value!r}] is not a place in a text", "Write a number or a slice.", line.place
            )


def _check_names(
    names: list[nodes.Name], callees: list[nodes.Expr], scope: Mapping[str, Variable], line: Text, owner: str
) -> None:
    """TemplateError for an unknown name, or one that is called but cannot be, or must be called but is not."""
    assigned = {name.name for name in names if name.ctx != "load"}
    for name in names:
        if name.name in RESERVED:
            raise TemplateError(f"'{name.name}' is a word of Jinja2", "Call it by another name.", line.place)
        if name.ctx == "load" and name.name not in scope and name.name not in assigned:
            remedy = suggest(name.name, (known for known in scope if known.isidentifier()))
            if name.name in ("object", "possessive"):
                remedy = "It needs an attribute of kind pronoun."
            raise TemplateError(f"no attribute '{name.name}' in {owner}", remedy, line.place)
    for name in names:
        called = any(name is callee for callee in callees)
        if name.name in scope and not isinstance(scope[name.name], Field) and not called:
            raise TemplateError(f"'{name.name}' must be called", 'Example: {{ verb("was", "were") }}', line.place)


def _check_attribute(
    attribute: nodes.Getattr, callees: list[nodes.Expr], scope: Mapping[str, Variable], line: Text
) -> None:
    """TemplateError for `value.word` where the word is neither a part of the value nor a method that is called."""
    word = attribute.attr
    if word.startswith("_"):
        remedy = "A template may use attributes, filters and branches."
        raise TemplateError(f"'{word}' reaches into Python", remedy, line.place)
    if any(attribute is callee for callee in callees):
        if word not in METHODS:
            raise TemplateError(f"'{word}' is no method for a template", suggest(word, METHODS), line.place)
    elif not part_shown(attribute, scope):
        raise TemplateError(f"there is no part '{word}'", _parts(attribute, scope), line.place)


def _parts(attribute: nodes.Getattr, scope: Mapping[str, Variable]) -> str:
    """A remedy for an unknown part of a value."""
    owner = scope.get(attribute.node.name) if isinstance(attribute.node, nodes.Name) else None
    if not isinstance(owner, Field):
        return "Parts are named after an attribute."
    form = f"forms: {{{attribute.attr}: …}}"
    return f"{suggest(attribute.attr, owner.parts)} Another way to say the values is declared with them: {form}."


def nodes_of(node: nodes.Node, kind: type[N]) -> list[N]:
    """The nodes of type `kind` in a tree, including its root."""
    return ([node] if isinstance(node, kind) else []) + list(node.find_all(kind))


def pieces_shown(node: nodes.Node, scope: Mapping[str, Variable]) -> list[Piece] | None:
    """The pieces of a node that shows a field, or a part of it, unchanged; None for any other expression."""
    if isinstance(node, nodes.Name):
        variable = scope[node.name]
        return list(variable.pieces) if isinstance(variable, Field) else None
    part = part_shown(node, scope)
    return list(part.pieces) if part else None


def part_shown(node: nodes.Node, scope: Mapping[str, Variable]) -> Field | None:
    """The field of a node `name.part`; None for any other node."""
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        variable = scope.get(node.node.name)
        return variable.part(node.attr) if isinstance(variable, Field) else None
    return None


def chunk_as_template(node: nodes.Node, line: Text, number: str) -> jinja2.Template:
    """One chunk of a line as a separate template, named by its number, so that unpickling can compile it again."""
    statement = node if isinstance(node, nodes.Stmt) else nodes.Output([node])
    body = node.body if isinstance(node, nodes.Template) else [statement]
    template = _compile(nodes.Template(body, lineno=1), line)
    template.name = number
    return template


def _compile(tree: nodes.Template, line: Text) -> jinja2.Template:
    try:
        code = ENVIRONMENT.compile(tree)
    except (jinja2.TemplateError, SyntaxError) as error:
        raise TemplateError(f"not a Jinja2 template: {error}", SYNTAX, line.place) from None
    except TooLarge as error:  # a number in the text of the template
        raise TemplateError(str(error), error.remedy, line.place) from None
    return jinja2.Template.from_code(ENVIRONMENT, code, {})
