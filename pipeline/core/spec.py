"""The base of every object that is written in a recipe, and the types of its scalars.

A Spec stands beside the code that uses it, as `ChoiceSpec` beside the code that draws a choice, so that one kind of
attribute or source is one file. Unknown keys are refused here, with a suggestion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
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
    """The error that a validator of pydantic raises where other code raises SpecError, with the same arguments.

    `at` and `among` are below the spec, or the value, that it validates.
    """
    context = {"problem": problem, "remedy": remedy, "at": at, "among": tuple(among), "exclusive": exclusive}
    return PydanticCustomError(REFUSED, "{problem}", context)


class Spec(BaseModel):
    """A frozen, strictly typed mapping of a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)

    RENAMED: ClassVar[Mapping[str, str]] = {}
    """Keys that there were once → what they are called now."""

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
        """Key in a recipe → the field that holds it: the same name, but for words of Python such as `from`."""
        return {field.alias or name: name for name, field in cls.model_fields.items()}

    def materialise(self, files: Files) -> Self:
        """The same spec with everything that it names elsewhere (files, Faker) written into it."""
        return self


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
"""A number taken from the text of the YAML as an exact fraction: 0.1 is one tenth."""

Size = Annotated[int, Field(gt=0, lt=2**40)]
NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME)]
