"""The base class of every object that is written in a recipe, and the types of its scalars.

A Spec lies in the file of the code that uses it (`ChoiceSpec` beside the code that draws a choice), so that a kind of
attribute or source is one file. Unknown keys are refused here, with a suggestion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from operator import or_
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from pipeline.core.errors import KeyPath, suggest
from pipeline.core.files import Files

UNKNOWN_KEY = "unknown_key"
REFUSED = "refused"


def refused(
    problem: str,
    remedy: str = "",
    at: KeyPath = (),
    among: Sequence[KeyPath] = (),
    *,
    exclusive: bool = False,
) -> PydanticCustomError:
    """The error for a pydantic validator to raise, where other code raises SpecError; the same arguments.

    The paths `at` and `among` begin below the spec, or the value, that is validated.
    """
    context = {"problem": problem, "remedy": remedy, "at": at, "among": tuple(among), "exclusive": exclusive}
    return PydanticCustomError(REFUSED, "{problem}", context)


class Spec(BaseModel):
    """A frozen, strictly typed mapping of a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)

    RENAMED: ClassVar[Mapping[str, str]] = {}
    """Former name of a key → its name now."""

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            keys = cls.keys()
            for key in data:
                if key not in keys:
                    renamed = cls.RENAMED.get(key) if isinstance(key, str) else None
                    remedy = f"It is called '{renamed}' now." if renamed else suggest(str(key), keys)
                    context = {"key": key, "remedy": remedy}
                    raise PydanticCustomError(UNKNOWN_KEY, "unknown key", context)
        return data

    @classmethod
    def keys(cls) -> dict[str, str]:
        """Key in a recipe → the field that holds it: the same name, except for Python keywords such as `from`."""
        return {field.alias or name: name for name, field in cls.model_fields.items()}

    def materialise(self, files: Files) -> Self:
        """The same spec with everything that it refers to (files, values of Faker) written into it."""
        return self


def texts_in(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """(place, text) of every text in a spec; a place is like `attributes.city.values`."""
    if isinstance(value, Spec):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, str):
        yield ".".join(path), value
    elif isinstance(value, list):
        for entry in value:
            yield from texts_in(entry, path)
    elif isinstance(value, dict):
        for name, entry in value.items():
            yield from texts_in(entry, (*path, name))


def any_of(specs: Iterable[type[Spec]]) -> Any:
    """The type of a value of any of these specs, told apart by its key `kind`; for kinds that declare themselves."""
    return Annotated[reduce(or_, specs), Field(discriminator="kind")]


def _fraction(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        raise PydanticCustomError("number", "a number")
    return Fraction(value)


Rational = Annotated[
    Fraction,
    BeforeValidator(_fraction),
    PlainSerializer(str),
    WithJsonSchema({"type": "number"}),
]
"""An exact fraction, read from the text in the YAML: 0.1 is one tenth."""

Size = Annotated[int, Field(gt=0, lt=2**40)]
NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME)]
