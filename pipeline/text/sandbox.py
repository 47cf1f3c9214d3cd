"""What an expression in a template may do. Its result depends only on the values given to it.

Values are texts, numbers, booleans, and lists, tuples and mappings of these. The allowed nodes, filters, tests and
methods make values from values. A method can only be called, and no `[…]`, filter argument or field of `format` reaches
a Python attribute; so nothing with a memory address, an identity or a locale is visible.

Every value is small: a text has at most LONGEST characters, a number DIGITS digits, a list no more in all its parts
(`value_sizes.py`). Every new value goes through `Sandbox.checked`, which refuses larger ones. Operations whose result
can be far larger than their arguments (a width, a precision, `join`, `replace`, a sum) are estimated first. Nothing is
evaluated while a template is compiled. There are no loops, so the length of a line bounds its cost.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from types import BuiltinMethodType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline.text.fields import LANGUAGE, Composite, CompositeNumber
from pipeline.text.value_sizes import (
    OF_FILTERS,
    OF_METHODS,
    check_estimate,
    digits,
    require_small,
    size_of,
    width_or_precision,
)

FILTERS = (
    "abs", "capitalize", "contract", "elide", "first", "format", "int", "join", "josa", "last", "length", "lower",
    "plural", "replace", "string", "title", "trim", "truncate", "upper", "wordcount",
)  # fmt: skip
OF_LANGUAGES = ("contract", "elide", "josa", "plural")
"""Filters that a language's file describes: methods of `Language`."""
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
STEP = 100  # the least cost of an operation, in characters made in the same time
RESERVED = ("self", "super")  # names with a fixed meaning in Jinja2


class Sandbox(ImmutableSandboxedEnvironment):
    """A Jinja2 environment without globals, with few filters and tests, no access to attributes, and small values only.

    work: the cost so far: characters of all values read and made, and STEP per operation. Callers take differences.
    """

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self) -> None:
        super().__init__(undefined=jinja2.StrictUndefined, autoescape=False, finalize=self._shown, optimized=False)
        self.code_generator_class = _Generator
        self.concat = self.joined  # type: ignore[method-assign]  # as Jinja2 calls what joins the parts of a template
        self.globals.clear()
        self.filters |= {name: _of_language(name) for name in OF_LANGUAGES}
        self.filters = {name: self._bounded(name, self.filters[name]) for name in FILTERS}
        self.tests = {name: self.tests[name] for name in TESTS}
        self.policies["truncate.leeway"] = 5
        self.work = 0

    def checked(self, value: Any, *taken: Any) -> Any:
        """The value itself; TooLarge if it is not small. taken: the values it was made from, for `work`."""
        size = size_of(value)
        require_small(size)
        self.work += STEP + size + sum(len(argument) for argument in taken if isinstance(argument, str))
        return value

    def joined(self, values: Iterable[Any]) -> str:
        """The concatenated texts of the values: `a ~ b`, and everything that a template or a block shows."""
        texts, length = [], 0
        for value in values:
            size_of(value)
            texts.append(str(value))
            length += len(texts[-1])
            require_small(length)
        return str(self.checked("".join(texts)))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int) and isinstance(right, int)
        if operator == "**" or (operator in ("*", "%") and not numbers):
            raise SecurityError(f"'{operator}' of {type(left).__name__} and {type(right).__name__}")
        if operator == "+" and not numbers:
            require_small(size_of(left) + size_of(right))
        if operator == "*":
            digits(left.bit_length() + right.bit_length() - 1)
        return self.checked(super().call_binop(context, operator, left, right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A named part of a value, or a method of a text, which the template calls immediately."""
        if isinstance(obj, Composite | CompositeNumber) and attribute in vars(obj):
            return vars(obj)[attribute]
        if isinstance(obj, str) and attribute in METHODS:
            return getattr(obj, attribute)
        if isinstance(obj, str | int) and attribute.isidentifier() and not attribute.startswith("_"):
            return obj  # an article that these values lack (`syntax.check` admits no other word): shown as they are
        raise SecurityError(f"'{attribute}' of {type(obj).__name__}")

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An element of a text, a list or a mapping; never a Python attribute."""
        if not isinstance(argument, int) and not isinstance(obj, dict):
            raise SecurityError(f"[{argument!r}] is not a place in a text")
        try:
            return obj[argument]
        except (LookupError, TypeError):
            return self.undefined(obj=obj, name=argument)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  (Jinja2's names)
        if not isinstance(__obj, BuiltinMethodType):
            return __self.checked(super().call(__context, __obj, *args, **kwargs))
        text, name = str(__obj.__self__), __obj.__name__
        if name == "format":
            return __self.checked(_Format().vformat(text, args, kwargs), text)
        check_estimate(OF_METHODS, name, text, *args, **kwargs)
        return __self.checked(super().call(__context, __obj, *args, **kwargs), text, *args)

    def _bounded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The filter, limited to small values. Jinja2 passes some filters one more argument, before the template's."""
        first = 1 if hasattr(function, "jinja_pass_arg") else 0

        @wraps(function)  # which keeps the mark of Jinja2
        def bounded(*args: Any, **kwargs: Any) -> Any:
            check_estimate(OF_FILTERS, name, *args[first:], **kwargs)
            return self.checked(function(*args, **kwargs), *args[first:])

        return bounded

    def _shown(self, value: Any) -> Any:
        """The value, if it may be shown. Other values look different from process to process, or release to release."""
        return self.checked(_text_only(value))


def _of_language(name: str) -> Callable[..., Any]:
    """The filter of a language, which the variables of a template name."""

    @jinja2.pass_context
    def of_language(context: Any, value: Any, *args: Any) -> Any:
        language = context.get(LANGUAGE)
        if language is None:
            raise ValueError(f"'{name}' belongs to sentences in a language")
        return getattr(language, name)(value, *args)

    return of_language


class _Generator(CodeGenerator):
    """Jinja2's code generator, changed so that the sandbox makes every value, and none at compile time."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)

    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:  # noqa: N802  (Jinja2's name)
        size_of(node.value)
        if isinstance(node.value, float):  # too large a one is no word of Python
            self.write(repr(node.value).replace("inf", "1e999"))
        else:
            super().visit_Const(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:  # noqa: N802
        self._checked(super().visit_List, node, frame)

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:  # noqa: N802
        self._checked(super().visit_Dict, node, frame)

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:  # noqa: N802
        if node.ctx == "load":
            self._checked(super().visit_Tuple, node, frame)
        else:  # names that are set together
            super().visit_Tuple(node, frame)

    def _checked(self, written: Callable[[Any, Frame], None], node: nodes.Node, frame: Frame) -> None:
        self.write("environment.checked(")
        written(node, frame)
        self.write(")")


class _Format(string.Formatter):
    """`'{} of {}'.format(a, b)`, where a field shows its argument and nothing inside it. Use one instance per text."""

    def __init__(self) -> None:
        self._length = 0

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
        if "." in field_name or "[" in field_name:
            raise SecurityError(f"the format field '{field_name}' reaches into a value")
        key = int(field_name) if field_name.isdecimal() else field_name
        return self.get_value(key, args, kwargs), key

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec.endswith("n"):
            raise SecurityError(f"the format '{format_spec}' depends on the locale")
        for written in re.findall(r"\d+", format_spec):
            require_small(width_or_precision(written))
        size_of(value)
        shown = str(super().format_field(_text_only(value), format_spec))
        self._length += len(shown)
        require_small(self._length)
        return shown


def _text_only(value: Any) -> Any:
    """What an expression may show: other things look different from process to process, or from release to release."""
    if isinstance(value, str | int | float):
        return value
    raise SecurityError(f"an expression shows a {type(value).__name__}, not a text or a number")
