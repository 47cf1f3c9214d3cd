"""A user's template over the columns of a row: `{{ title }}\\n\\n{{ body }}`.

It is rendered in the sandbox of expressions (text/sandbox.py), which shows texts and numbers and nothing of Python. A
template of columns and literal text alone, the usual kind, is a concatenation: it needs no rendering.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.exceptions import SecurityError

from pipeline.core.errors import SpecError
from pipeline.text.sandbox import FILTERS, NODES, OF_LANGUAGES, RESERVED, STEP, Sandbox
from pipeline.text.value_sizes import OF_METHODS, TooLarge, digits, size_of

MOST_WORK = 2**31  # characters read and made, and STEP for each operation, of one row
GROWING = ("format", "join", "replace", "truncate", *OF_LANGUAGES)  # filters that may make much of little, or need more


class _RowSandbox(Sandbox):
    """The sandbox for texts of any length: what one row costs is bounded, and not how long a text is."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = {name: self.filters[name] for name in FILTERS if name not in GROWING}

    def checked(self, value: Any, *taken: Any) -> Any:
        self.work += STEP + size_of(value) + sum(len(argument) for argument in taken if isinstance(argument, str))
        if self.work > MOST_WORK:
            raise TooLarge("does too much")
        return value

    def joined(self, values: Any) -> str:
        return str(self.checked("".join(map(str, values))))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int) and isinstance(right, int)
        if operator == "**" or (operator in ("*", "%") and not numbers):
            raise SecurityError(f"'{operator}' of {type(left).__name__} and {type(right).__name__}")
        if operator == "*":
            digits(left.bit_length() + right.bit_length() - 1)
        return self.checked(self.binop_table[operator](left, right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else self.undefined(obj="", name=attribute)
        if isinstance(obj, str) and attribute not in OF_METHODS and attribute != "format":
            return super().getattr(obj, attribute)
        raise SecurityError(f"'{attribute}' of {type(obj).__name__}")

    def _shown(self, value: Any) -> Any:
        if value is None:
            raise SecurityError("a column that it shows is null")
        return super()._shown(str(value) if isinstance(value, jinja2.Undefined) else value)

    def _bounded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)  # which keeps the mark of Jinja2
        def bounded(*args: Any, **kwargs: Any) -> Any:
            return self.checked(function(*args, **kwargs), *args)

        return bounded


class NotRendered(Exception):
    """A row of which a template makes no text. Its text: why."""


@dataclass(frozen=True)
class RowTemplate:
    """A template. It pickles as its text, and is compiled at the first use.

    >>> RowTemplate("{{ title }}: {{ meta.by }}").rendered({"title": "A bridge", "meta": {"by": "Ann"}})
    'A bridge: Ann'
    """

    text: str

    @classmethod
    def checked(cls, text: str) -> RowTemplate:
        """The template of a text. SpecError where it is none, or does what the sandbox forbids."""
        template = cls(text)
        try:
            tree = template._tree
            for node in tree.find_all(nodes.Node):
                if not isinstance(node, (*NODES, nodes.EvalContext)):
                    raise SecurityError(f"'{type(node).__name__.lower()}' is not allowed here")
            for name in tree.find_all(nodes.Name):
                if name.name in RESERVED:
                    raise SecurityError(f"'{name.name}' is a word of Jinja2")
            _ = template._compiled
        except (jinja2.TemplateError, SecurityError, RecursionError, ValueError) as error:
            known = ", ".join(name for name in FILTERS if name not in GROWING)
            problem = f"not a template of a row: {' '.join(str(error).split())}"
            raise SpecError(problem, f"Write columns in braces; the filters are {known}.", ("template",)) from None
        if not template.columns:
            raise SpecError("the template names no column", "Write one in braces: {{ title }}.", ("template",))
        return template

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, sorted; of nested ones, the outermost."""
        return tuple(sorted(meta.find_undeclared_variables(self._tree)))

    @cached_property
    def parts(self) -> tuple[str | tuple[str, ...], ...] | None:
        """Literal texts, and the paths of columns, that it is a concatenation of; None for any other template."""
        parts: list[str | tuple[str, ...]] = []
        for output in self._tree.body:
            for node in output.nodes if isinstance(output, nodes.Output) else [output]:
                path = _path_of(node)
                if isinstance(node, nodes.TemplateData):
                    parts.append(node.data)
                elif path:
                    parts.append(path)
                else:
                    return None
        return tuple(parts)

    def rendered(self, row: Mapping[str, Any]) -> str:
        """The text of a row. NotRendered where it has none, such as a column that is missing, or null."""
        before = self._sandbox.work
        try:
            return self._compiled.render(row)
        except (jinja2.TemplateError, TooLarge, TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise NotRendered(" ".join(str(error).split())[:200]) from None
        finally:
            self._sandbox.work = before

    @cached_property
    def _sandbox(self) -> _RowSandbox:
        return _RowSandbox()

    @cached_property
    def _tree(self) -> nodes.Template:
        return self._sandbox.parse(self.text)

    @cached_property
    def _compiled(self) -> jinja2.Template:
        return self._sandbox.from_string(self.text)

    def __getstate__(self) -> dict[str, Any]:
        return {"text": self.text}


def _path_of(node: nodes.Node) -> tuple[str, ...]:
    """The column that an expression is, from the outermost on; () for any other expression."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr) and (above := _path_of(node.node)):
        return (*above, node.attr)
    return ()
