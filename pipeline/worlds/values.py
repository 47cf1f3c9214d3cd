"""Finite lists of values in a recipe: written out, from a file, from a column of a file, or from Faker.

Values are not altered. Control characters other than line breaks are kept too; `World.notices` reports them.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field

from pipeline.core.errors import SpecError
from pipeline.core.files import Files, Text
from pipeline.core.scalars import shown
from pipeline.core.spec import Spec

MOST_FAKED = 100_000  # values: Faker draws a few thousand a second


class ValuesSpec(Spec):
    """A list of distinct, non-empty texts: exactly one of `values`, `file`, `faker`."""

    values: list[str] | None = Field(None, description="The values themselves.")
    file: str | None = Field(None, description="A text file, one value a line; or a .tsv/.csv together with `column`.")
    column: str | None = Field(None, description="The header of the column of `file` to read.")
    faker: str | None = Field(None, description="A Faker provider, e.g. city. Drawn once, frozen by the seed.")
    locale: str = Field("en_US", description="Of Faker.")
    count: int | None = Field(None, gt=0, le=MOST_FAKED, description="How many distinct values to take from Faker.")

    def materialise(self, files: Files) -> Self:
        taken = self._texts(files)
        values: list[str] = []
        seen: dict[str, str] = {}
        for text in taken:
            clean = text.text == text.text.strip() and "\n" not in text.text
            if not clean or not (text.text or self.may_be_empty):
                raise SpecError(
                    f"value {shown(text.text)} ({text.place}) is empty, padded or broken over lines",
                    "Write it in one line, without blanks at its ends.",
                )
            if text.text in seen and self.distinct:
                raise SpecError(
                    f"value {shown(text.text)} stands twice ({seen[text.text]} and {text.place})", "Remove one."
                )
            seen[text.text] = text.place
            values.append(text.text)
        if not values:
            raise SpecError("the list of values is empty", "Give at least one.")
        cleared = dict.fromkeys(("file", "column", "faker", "count"))
        return self.model_copy(update={**cleared, "values": values, "locale": "en_US"})

    @property
    def distinct(self) -> bool:
        """Whether all values must differ."""
        return True

    @property
    def is_bare(self) -> bool:
        """Whether it has no values at all."""
        return all(getattr(self, key) is None for key in ("values", "file", "column", "faker", "count"))

    @property
    def may_be_empty(self) -> bool:
        """Whether a value may be an empty text."""
        return False

    def _texts(self, files: Files) -> tuple[Text, ...]:
        given = [name for name in ("values", "file", "faker") if getattr(self, name) is not None]
        if len(given) != 1:
            problem = f"exactly one of values, file and faker is needed, not {len(given)}"
            if not given:
                raise SpecError(problem, "Write the values, [a, b], or name a file of them.")
            raise SpecError(f"{problem} ({', '.join(given)})", among=[(key,) for key in given], exclusive=True)
        if self.column is not None and self.file is None:
            among = [("column",), ("values",), ("faker",)]
            raise SpecError("'column' belongs to a file", "Give `file` too, or remove it.", ("column",), among)
        if self.faker is not None:
            if self.count is None:
                raise SpecError("'faker' needs a 'count'", "Say how many distinct values to take.", ("faker",))
            return files.faker(self.faker, self.locale, self.count)
        if self.count is not None:
            among = [("count",), ("values",), ("file",)]
            raise SpecError("'count' belongs to 'faker'", "Remove it: `count: null`.", ("count",), among)
        if self.file is not None:
            return files.column(self.file, self.column) if self.column else files.lines(self.file)
        return tuple(Text(value, f"entry {i}") for i, value in enumerate(self.values or (), 1))


def in_short(spec: type[ValuesSpec]) -> BeforeValidator:
    """A validator for a key with a list of values, which allows two shorthands: the path of a file, or a list."""
    return BeforeValidator(_unfolded, json_schema_input_type=str | list[str] | spec)


def _unfolded(value: Any) -> Any:
    if isinstance(value, str):
        return {"file": value}
    return {"values": value} if isinstance(value, list) else value


Pool = Annotated[ValuesSpec, in_short(ValuesSpec)]
"""A list of values that stands under a key of its own, such as the first names of a world."""
