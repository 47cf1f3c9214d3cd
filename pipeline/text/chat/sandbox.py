"""What a chat template may do, and contents of messages that it can show but not look into.

    '<|im_start|>' + role + '\\n' + content + '<|im_end|>'      → Content("<|im_start|>user\\n", 0, "<|im_end|>")

A template is rendered with `Content` in place of the texts of messages. Content can be shown, joined with other texts
and trimmed. Where a template asks whether a text stands in it (`'</think>' in content`), it does not, and the text is
noted: contents that hold it are refused. Whatever else a template asks of a content is refused. So a template that
renders is a concatenation of its own words and of the contents, whatever these are. That is a proof, and no trial with
examples.

The sandbox is that of expressions (`sandbox.py`), with loops, macros and namespaces; each round and each call has a
cost, and the cost of one rendering is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.ext import loopcontrols as LoopControls  # noqa: N812
from jinja2.parser import Parser
from jinja2.runtime import LoopContext, Macro, Undefined
from jinja2.utils import Namespace

from pipeline.text.sandbox import METHODS, STEP, Sandbox
from pipeline.text.value_sizes import TooLarge

MOST_WORK = 20_000_000  # characters, and STEP for each operation, of one rendering
BEGIN, END = "\ufdd0", "\ufdd1"  # around the number of a content in a text; they are no characters
GENERATION = "\ufdd2", "\ufdd3"  # before and after what the assistant writes
_MARKED = re.compile(f"{BEGIN}([0-9]+){END}")
_OF_LOOPS = (
    "index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem", "depth", "depth0",
)  # fmt: skip
_OF_MAPPINGS = ("get", "items", "keys", "values")
_BLIND = ("boolean", "defined", "false", "float", "integer", "mapping", "none", "number", "true", "undefined")
_TEXTUAL = ("iterable", "sequence", "string")
_ALSO = ("default", "items", "list", "map", "reject", "rejectattr", "safe", "selectattr", "tojson", "unique")
"""Filters that templates have where tools are called, which no conversation of ours does."""


class ChatRefused(Exception):
    """A template does what it may not do with contents, or raises an error of its own. Its text: what."""


class Content:
    """A text that is not known: its own words and numbers of contents, in order.

    parts: str and int. It is true, is a text, and cannot be compared, measured, cut or changed. absent: where to note
    texts that it must not hold, since a template was told that it does not; None: it may not be asked for any.
    """

    __slots__ = ("absent", "parts")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, parts: Iterable[str | int], absent: set[str] | None = None) -> None:
        joined: list[str | int] = []
        for part in parts:
            if isinstance(part, str) and joined and isinstance(joined[-1], str):
                joined[-1] += part
            elif part != "":
                joined.append(part)
        self.parts = tuple(joined)
        self.absent = absent

    @classmethod
    def of(cls, text: str) -> Content:
        """The content that `str` made this text of."""
        return cls(int(part) if i % 2 else part for i, part in enumerate(_MARKED.split(text)))

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return "".join(part if isinstance(part, str) else f"{BEGIN}{part}{END}" for part in self.parts)

    def __add__(self, right: Any) -> Content:
        return Content((*self.parts, *_parts(right)))

    def __radd__(self, left: Any) -> Content:
        return Content((*_parts(left), *self.parts))

    def __contains__(self, text: Any) -> bool:
        """No, and `text` is noted as one that it must not hold. Refused where words of the template stand in it too."""
        whole = len(self.parts) == 1 and isinstance(self.parts[0], int)
        if self.absent is None or not whole or not isinstance(text, str) or not text or BEGIN in text:
            self._refused()
        self.absent.add(text)
        return False

    def _refused(self, *_: Any) -> NoReturn:
        raise ChatRefused("looks into the content of a message")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refused
    __len__ = __iter__ = __getitem__ = __mul__ = __mod__ = __rmod__ = __repr__ = _refused


def _parts(value: Any) -> tuple[str | int, ...]:
    if isinstance(value, Content):
        return value.parts
    if isinstance(value, str):
        return Content.of(value).parts
    raise ChatRefused(f"adds a {type(value).__name__} to the content of a message")


class _Generation(Extension):
    """`{% generation %} … {% endgeneration %}`, which trainers know: what the assistant writes, with loss."""

    tags = {"generation"}  # noqa: RUF012  # as Jinja2 declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        first, last = (nodes.Output([nodes.TemplateData(mark)], lineno=line) for mark in GENERATION)
        return [first, *body, last]


class ChatSandbox(Sandbox):
    """The environment of one rendering. trims: whether the template has removed white space at an end of a content."""

    def __init__(self) -> None:
        super().__init__()
        self.trim_blocks = self.lstrip_blocks = True  # as transformers has them
        self.undefined = Undefined
        self.add_extension(_Generation)
        self.add_extension(LoopControls)
        self.globals |= {"raise_exception": _raise, "namespace": Namespace}
        self.filters |= {name: _unknown(name) for name in _ALSO if name != "default"}
        self.filters["default"] = self.filters["d"] = _default
        self.filters["rounds of a loop"] = self._rounds
        known: dict[str, Any] = dict(self.tests)
        self.tests |= {name: _test_of(name, known.get(name)) for name in (*known, *_TEXTUAL, "mapping")}
        self.trims = False

    def compiled(self, text: str) -> jinja2.Template:
        """A template. jinja2.TemplateError or RecursionError for what is none."""
        tree = self.parse(text)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "rounds of a loop", [], [], None, None)
        for name in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
            raise SecurityError(f"'{type(name).__name__.lower()}' reads another file")
        return jinja2.Template.from_code(self, self.compile(tree), dict(self.globals))

    def checked(self, value: Any, *taken: Any) -> Any:
        if isinstance(value, str) and BEGIN in value:
            value = Content.of(value)
        checked = value if isinstance(value, Content) else super().checked(value, *taken)
        self._spend(STEP)
        return checked

    def joined(self, values: Iterable[Any]) -> Any:
        parts = [value if isinstance(value, Content) else str(value) for value in values]
        self._spend(STEP + sum(map(len, (part for part in parts if isinstance(part, str)))))
        joined = Content([inner for part in parts for inner in _parts(part)])
        return joined if any(isinstance(part, int) for part in joined.parts) else "".join(map(str, joined.parts))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, Content) or isinstance(right, Content):
            if operator != "+":
                raise ChatRefused(f"'{operator}' of the content of a message")
            return self.checked(left + right)
        if operator == "+" and isinstance(left, list) and isinstance(right, list):
            return self.checked([*left, *right])
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Content):
            if attribute in ("strip", "lstrip", "rstrip"):
                return lambda *characters: self._trimmed(obj, attribute, *characters)
            if attribute in ("startswith", "endswith"):
                return lambda text: text in obj
            if attribute in METHODS:
                raise ChatRefused(f"calls '{attribute}' of the content of a message")
            return self.undefined(obj="", name=attribute)
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else self._method(obj, attribute)
        if isinstance(obj, LoopContext) and attribute in _OF_LOOPS:
            return getattr(obj, attribute)
        if isinstance(obj, Namespace) and not attribute.startswith("_"):
            return getattr(obj, attribute, self.undefined(obj="", name=attribute))
        if isinstance(obj, Undefined):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Content):
            raise ChatRefused("takes a part of the content of a message")
        if isinstance(argument, str) and not isinstance(obj, dict):
            return self.getattr(obj, argument)
        if isinstance(argument, slice) and isinstance(obj, list | str):
            return obj[argument]
        return super().getitem(obj, argument)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  (Jinja2's names)
        __self._spend(STEP)
        if isinstance(__obj, Macro) or __obj is Namespace or __obj is _raise or __obj.__class__ is type(lambda: 0):
            return __context.call(__obj, *args, **kwargs)
        if any(isinstance(value, Content) for value in (*args, *kwargs.values())):
            raise ChatRefused("hands the content of a message to a method")
        if isinstance(getattr(__obj, "__self__", None), dict):
            return __obj(*args)
        return super().call(__context, __obj, *args, **kwargs)

    def _method(self, obj: dict[Any, Any], attribute: str) -> Any:
        return getattr(obj, attribute) if attribute in _OF_MAPPINGS else self.undefined(obj="", name=attribute)

    def _bounded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        bounded = super()._bounded(name, function)
        first = 1 if hasattr(function, "jinja_pass_arg") else 0

        def of_contents(*args: Any, **kwargs: Any) -> Any:
            if any(isinstance(value, Content) for value in (*args, *kwargs.values())):
                if name == "trim" and len(args) == first + 1:
                    return self._trimmed(args[first], "strip")
                if name == "string":
                    return args[first]
                raise ChatRefused(f"puts the content of a message through the filter '{name}'")
            return bounded(*args, **kwargs)

        if first:
            of_contents.jinja_pass_arg = function.jinja_pass_arg  # type: ignore[attr-defined]
        return of_contents

    def _trimmed(self, content: Content, way: str, *characters: str) -> Content:
        """The content without white space at its ends."""
        if characters and any(not character.isspace() for character in "".join(characters)):
            raise ChatRefused("strips other characters than white space from the content of a message")
        parts = list(content.parts)
        for end, side in ((0, "lstrip"), (-1, "rstrip")):
            if way in ("strip", side):
                while parts and isinstance(parts[end], str) and not getattr(parts[end], side)():
                    parts.pop(end)
                if parts and isinstance(parts[end], str):
                    parts[end] = getattr(parts[end], side)()
                elif parts:
                    self.trims = True
        return Content(parts, content.absent)

    def _rounds(self, value: Any) -> list[Any]:
        """What a loop goes through."""
        if isinstance(value, Content):
            raise ChatRefused("goes through the letters of the content of a message")
        rounds = [] if isinstance(value, Undefined) else list(value)
        self._spend(STEP * (1 + len(rounds)))
        return rounds

    def _shown(self, value: Any) -> Any:
        if isinstance(value, Content):
            return value
        if value is None or isinstance(value, Undefined):
            return str(value)
        return super()._shown(value)

    def _spend(self, work: int) -> None:
        self.work += work
        if self.work > MOST_WORK:
            raise TooLarge("does too much", "A template goes through its messages, once or twice.")


def _raise(message: Any = "") -> NoReturn:
    """`raise_exception` of templates."""
    raise ChatRefused(f"says: {str(message)[:200]}")


def _unknown(name: str) -> Callable[..., Any]:
    """A filter that is known by its name, and does nothing."""

    def filter_(*_: Any, **__: Any) -> NoReturn:
        raise ChatRefused(f"has the filter '{name}', which no conversation without tools needs")

    return filter_


def _default(value: Any, instead: Any = "", empty: bool = False) -> Any:
    return instead if isinstance(value, Undefined) or (empty and not value) else value


def _test_of(name: str, test: Callable[..., Any] | None) -> Callable[..., bool]:
    """A test that refuses to look at contents, and knows that they are texts."""

    def tried(value: Any, *args: Any) -> bool:
        if isinstance(value, Content) or any(isinstance(argument, Content) for argument in args):
            if name in _TEXTUAL or name == "defined":
                return True
            if name in _BLIND:
                return False
            raise ChatRefused(f"asks whether the content of a message is '{name}'")
        if name == "mapping":
            return isinstance(value, dict)
        if name in ("iterable", "sequence"):
            return isinstance(value, str | list | tuple | dict)
        assert test is not None
        return bool(test(value, *args))

    return tried
