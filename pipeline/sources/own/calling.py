"""A function of a user's file with its options: called for items, with what its file says of its documents.

    def addition(rng, options)            -> Document        one item; rng: numpy.random.Generator, drawn by key
    def addition(rng, options, items)     -> a batch         d items, int64 (d,); rng: pipeline.core.generators.Draws

Arguments go by their names. A function of one item may have `item` too, its number. What else the file may have, each
also with the function's name behind it, as in `verify_addition`:

    SYMBOLS = ["<a>", "1"], or def symbols(options)          its alphabet: documents are symbols, not texts
    LABELS = ["city"]                                        all labels of its parts
    def verify(prompt, answer[, options]) -> bool | str      whether an answer is right, or what is wrong with it
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.errors import CodeError, PipelineError, SpecError, suggest
from pipeline.core.generators import Draws, generators
from pipeline.core.key import Key
from pipeline.sources.own.code import Code
from pipeline.sources.own.options import checked_options
from pipeline.sources.own.returned import Made, Reader

CHUNK = 1024  # items of a batch
_ARGUMENTS = ("rng", "options", "item", "items")
_FORM = "It is def f(rng, options), for one item, or def f(rng, options, items), for many at once."
_SYMBOL = re.compile(r"\S+")
_MOST_SYMBOLS = 2**20


class Function:
    """A function of the file. SpecError, its path below the source's spec, where there is none, or its options are
    wrong. batched: whether it makes many documents at once."""

    def __init__(self, code: Code, name: str, options: Mapping[str, Any]) -> None:
        self.code, self.name, self._given = code, name, options
        self._module = code.module()
        function = vars(self._module).get(name)
        if not inspect.isfunction(function):
            raise SpecError(f"{code.name} has no function '{name}'", suggest(name, self._makers()), ("function",))
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise SpecError(f"{name} of {code.name} awaits or yields, and returns no document", _FORM, ("function",))
        self._function: Callable[..., Any] = function
        self._arguments = self._names()
        self.batched = "items" in self._arguments
        self.options = self._options()

    def _makers(self) -> list[str]:
        """The functions that the file defines, and not imports, apart from what belongs to one of them."""
        functions = {name: value for name, value in vars(self._module).items() if inspect.isfunction(value)}
        own = [name for name, function in functions.items() if function.__module__ == self._module.__name__]
        return [name for name in own if not name.startswith(("_", "verify", "symbols"))]

    @property
    def written(self) -> Any:
        """Its options as JSON can hold them; `other_process.exact` reads them."""
        return _written(self._given)

    @property
    def shown(self) -> str:
        """Its name in messages."""
        return f"{self.name} of {self.code.name}"

    def _names(self) -> tuple[str, ...]:
        """The arguments that it wants. SpecError for others."""
        parameters = inspect.signature(self._function).parameters.values()
        for parameter in parameters:
            if parameter.name not in _ARGUMENTS and parameter.default is parameter.empty:
                raise SpecError(f"{self.shown} has an argument '{parameter.name}'", _FORM, ("function",))
        names = tuple(parameter.name for parameter in parameters if parameter.name in _ARGUMENTS)
        if {"item", "items"} <= {*names}:
            raise SpecError(f"{self.shown} is for one item, or for many", _FORM, ("function",))
        return names

    def _options(self) -> Any:
        if "options" not in self._arguments:
            for name in self._given:
                remedy = "Give it an argument: options: Options, a dataclass."
                raise SpecError(f"{self.shown} takes no options", remedy, ("options", name))
            return None
        with self.code.running("an annotation"):
            kind = typing.get_type_hints(self._function).get("options")
        return checked_options(kind, self._given, self.shown)

    def _of_file(self, name: str) -> Any:
        """What the file calls `name_function`, or else `name`; None where it has neither."""
        own = vars(self._module)
        return own.get(f"{name}_{self.name}", own.get(name))

    @cached_property
    def symbols(self) -> tuple[str, ...] | None:
        """The names of its alphabet; None where its documents are texts."""
        listed = self._of_file("SYMBOLS")
        if listed is None and callable(make := self._of_file("symbols")):
            with self.code.running("symbols"):
                listed = make(self.options)
        if listed is None:
            return None
        with self.code.running("SYMBOLS"):
            names = tuple(listed)
        wrong = [name for name in names if not isinstance(name, str) or not _SYMBOL.fullmatch(name)]
        twice = {name for name in names if names.count(name) > 1} if len({*names}) < len(names) else set()
        if wrong or twice or not names or len(names) > _MOST_SYMBOLS:
            problem = f"{wrong[0]!r:.60} is no name of a symbol" if wrong else "symbols are missing, or too many"
            problem = f"the symbol '{min(twice)}' stands twice" if twice and not wrong else problem
            raise SpecError(f"{self.code.name}: {problem}", "Names are texts without blanks, each once.", ("function",))
        return names

    @cached_property
    def labels(self) -> tuple[str, ...] | None:
        """All labels of its parts, "" first, if the file names them."""
        listed = self._of_file("LABELS")
        return None if listed is None else tuple(dict.fromkeys(("", *map(str, listed))))

    @cached_property
    def verify(self) -> Callable[[str, str], bool | str] | None:
        """The verifier of answers; None where the file has none. It returns a text for what is wrong."""
        function = self._of_file("verify")
        if not callable(function):
            return None
        with_options = "options" in inspect.signature(function).parameters

        def verified(prompt: str, answer: str) -> bool | str:
            with self.code.running("verify", f" for the prompt {prompt[-60:]!r}"):
                said = function(prompt, answer, options=self.options) if with_options else function(prompt, answer)
            if isinstance(said, bool | np.bool_):
                return bool(said)
            if isinstance(said, str) and said:
                return said
            raise CodeError(f"verify of {self.code.name} returns {said!r:.60}", "It is True, False or a reason.")

        return verified

    # ── documents ───────────────────────────────────────────────────────────────────────────────────────────────────

    def made(self, key: Key, item: I64, variant: I64, reader: Reader, size: int = CHUNK) -> Made:
        """The documents of `item` (d,) at `variant` (d,). CodeError, naming the item, where the code fails.

        size: items of a batch, for a function of many.
        """
        if not self.batched:
            return reader.many([*self._one_by_one(key, item, variant, reader)])
        chunks = [slice(first, first + size) for first in range(0, item.size, size)]
        return reader.concat([self._batch(key, item[chunk], variant[chunk], reader) for chunk in chunks])

    def _one_by_one(self, key: Key, item: I64, variant: I64, reader: Reader) -> Any:
        rng, begin = generators(key, item, variant)
        wanted: dict[str, Any] = {"rng": rng, "options": self.options, "item": 0}
        given = {name: wanted[name] for name in self._arguments}
        for row, number in enumerate(item.tolist()):
            begin(row)
            if "item" in given:
                given["item"] = number
            try:
                yield reader.one(self._function(**given))
            except (Exception, SystemExit) as error:
                raise self._failed(error, number) from None

    def _batch(self, key: Key, item: I64, variant: I64, reader: Reader) -> Made:
        items = item.copy()
        items.flags.writeable = False
        wanted = {"rng": Draws(key, item, variant), "options": self.options, "items": items}
        try:
            return reader.batch(self._function(**{name: wanted[name] for name in self._arguments}), item.size)
        except (Exception, SystemExit) as error:
            if item.size > 1:  # the first of them that fails alone
                for row in range(item.size):
                    self._batch(key, item[row : row + 1], variant[row : row + 1], reader)
            raise self._failed(error, int(item[0]), item.size) from None

    def _failed(self, error: BaseException, item: int, among: int = 1) -> PipelineError:
        """The error of the code, or of what it returns, with its item."""
        where = f" at item {item}" if among == 1 else f" for {among} items from {item} on, and for each of them not"
        if isinstance(error, SpecError) and not isinstance(error, CodeError):
            return CodeError(f"{self.shown}{where}: {error.problem}", error.remedy, ("function",))
        try:
            with self.code.running(self.shown, where):
                raise error
        except PipelineError as failed:
            return failed


def _written(value: Any) -> Any:
    if isinstance(value, Fraction):
        return {"/": str(value)}
    if isinstance(value, Mapping):
        return {key: _written(inner) for key, inner in value.items()}
    return [_written(inner) for inner in value] if isinstance(value, list) else value
