"""What an expression in a template may do: a closed set of values, so that what it shows depends on nothing else.

Values are texts, numbers, booleans, and lists, tuples and mappings of them. The nodes, filters, tests and methods that
are allowed make values out of values. Methods are only ever called, and neither `[…]`, a filter's argument nor a field
of `format` reaches an attribute, so nothing is seen that has an address in memory, an identity or a locale.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from types import BuiltinMethodType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline.text.fields import Composite, CompositeNumber
from pipeline.text.languages import ARTICLES, contract, elide, josa

FILTERS = (
    "abs", "capitalize", "contract", "elide", "first", "format", "int", "join", "josa", "last", "length", "lower",
    "replace", "string", "title", "trim", "truncate", "upper", "wordcount",
)  # fmt: skip
TESTS = (
    "!=", "<", "<=", "==", ">", ">=", "boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float",
    "ge", "greaterthan", "gt", "in", "integer", "le", "lessthan", "lower", "lt", "ne", "none", "number", "odd",
    "string", "true", "undefined", "upper",
)  # fmt: skip
METHODS = (
    "capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format", "index", "isalnum",
    "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isprintable", "isspace",
    "istitle", "isupper", "join", "ljust", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace",
    "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip",
    "swapcase", "title", "upper", "zfill",
)  # fmt: skip
NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict,
    nodes.Pair, nodes.If, nodes.CondExpr, nodes.Assign, nodes.AssignBlock, nodes.With, nodes.FilterBlock, nodes.Filter,
    nodes.Test, nodes.Call, nodes.Keyword, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Concat, nodes.Compare,
    nodes.Operand, nodes.BinExpr, nodes.UnaryExpr,
)  # fmt: skip
RESERVED = ("self", "super")  # names that stand for something of Jinja2's, whatever they are given


class Sandbox(ImmutableSandboxedEnvironment):
    """No globals, few filters and tests, no arithmetic that could blow a text up, and no way into an object."""

    intercepted_binops = frozenset({"**", "*", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=jinja2.StrictUndefined, autoescape=False, finalize=_text_only)
        self.globals.clear()
        self.filters |= {"contract": contract, "elide": elide, "josa": josa}
        self.filters = {name: self.filters[name] for name in FILTERS}
        self.tests = {name: self.tests[name] for name in TESTS}
        self.policies["truncate.leeway"] = 5

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not (isinstance(left, int) and isinstance(right, int)):
            raise SecurityError(f"'{operator}' of {type(left).__name__} and {type(right).__name__}")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A part of a value, or a method of a text, which a template calls at once."""
        if isinstance(obj, Composite | CompositeNumber) and attribute in vars(obj):
            return vars(obj)[attribute]
        if isinstance(obj, str | int) and attribute in ARTICLES:  # as `Field.part` has it
            return obj
        if isinstance(obj, str) and attribute in METHODS:
            return getattr(obj, attribute)
        raise SecurityError(f"'{attribute}' of {type(obj).__name__}")

    def getitem(self, obj: Any, argument: Any) -> Any:
        """What stands at a place of a text or a list, or under a word of a mapping; never an attribute."""
        if not isinstance(argument, int) and not isinstance(obj, dict):
            raise SecurityError(f"[{argument!r}] is not a place in a text")
        try:
            return obj[argument]
        except (LookupError, TypeError):
            return self.undefined(obj=obj, name=argument)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  (as Jinja2 has it)
        if isinstance(__obj, BuiltinMethodType) and __obj.__name__ == "format":
            return _FORMAT.vformat(str(__obj.__self__), args, kwargs)
        return super().call(__context, __obj, *args, **kwargs)


class _Format(string.Formatter):
    """`'{} of {}'.format(a, b)`: a field shows what it names, and nothing inside it."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
        if "." in field_name or "[" in field_name:
            raise SecurityError(f"the format field '{field_name}' reaches into a value")
        key = int(field_name) if field_name.isdecimal() else field_name
        return self.get_value(key, args, kwargs), key

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec.endswith("n"):
            raise SecurityError(f"the format '{format_spec}' depends on the locale")
        return str(super().format_field(_text_only(value), format_spec))


_FORMAT = _Format()


def _text_only(value: Any) -> Any:
    """What an expression may show: other things look different from process to process, or from release to release."""
    if isinstance(value, str | int | float):
        return value
    raise SecurityError(f"an expression shows a {type(value).__name__}, not a text or a number")
