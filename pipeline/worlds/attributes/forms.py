"""Other ways to write values: forms for use in sentences, and translations into other languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Self

import pydantic

from pipeline.core.errors import KeyPath, SpecError, specified_at
from pipeline.core.files import Files
from pipeline.core.scalars import shown
from pipeline.core.spec import Name
from pipeline.text.fields import Column, Field
from pipeline.worlds.attributes.attribute import VALUES_KEYS
from pipeline.worlds.values import ValuesSpec, in_short

Forms = Mapping[str, tuple[str, ...]]
"""Form → how it writes each value; "" for one that it writes as it is."""

OF_THE_VALUES: tuple[KeyPath, ...] = ((), *VALUES_KEYS, *(("..", "..", *key) for key in VALUES_KEYS))
"""What may be at fault, from a form or a translation, where its texts do not fit to the values."""


@dataclass(frozen=True)
class Translation:
    """The values in another language (None if they stay the same), and their forms in it."""

    values: tuple[str, ...] | None
    forms: Forms


Translations = Mapping[str, Translation]
"""Language → translation."""


def in_language(field: Field, translation: Translation | None) -> Field:
    """A field of one column, with values and forms replaced by their translation; unchanged if there is None."""
    if translation is None:
        return field
    column = field.format[0]
    assert isinstance(column, Column)
    named = column if translation.values is None else Column(column.slot, translation.values)
    parts = {name: part for name, part in field.parts.items() if part.margin is None}
    return with_forms(replace(field, format=(named,), parts=parts), translation.forms)


def with_forms(field: Field, forms: Forms) -> Field:
    """A field of one column, with the forms of its values added to its parts."""
    column = field.format[0]
    assert isinstance(column, Column)
    if taken := next((name for name in forms if name in field.parts), None):
        raise SpecError(f"values have a part '{taken}' already", "Call the form otherwise.", ("forms", taken))
    return replace(field, parts={**field.parts, **{name: column.form(texts) for name, texts in forms.items()}})


# ── in a recipe ─────────────────────────────────────────────────────────────────────────────────────────────────────


class FormSpec(ValuesSpec):
    """How a form writes the values, in their order: "" for one that it writes as it is, `[]` where that is all."""

    @property
    def distinct(self) -> bool:
        return False

    @property
    def may_be_empty(self) -> bool:
        return True

    def materialise(self, files: Files) -> Self:
        if self.values == [] and not self._texts(files):
            return self
        return super().materialise(files)

    def texts(self, count: int) -> tuple[str, ...]:
        """The text of this form for each of `count` values."""
        return tuple(self.values or ("",) * count)


FormsKey = Annotated[
    dict[Name, Annotated[FormSpec, in_short(FormSpec)]],
    pydantic.Field(
        default_factory=dict,
        description="Other ways to write the values, as parts of them in templates: `{{ university.the }}`. "
        "Form → a path, a list, or a mapping like that of the values, in their order. An empty text writes the value "
        "as it is, an empty list all of them.",
    ),
]


def materialised(forms: Mapping[str, FormSpec], values: Sequence[str], files: Files) -> dict[str, FormSpec]:
    """The forms with their texts written into them.

    SpecError unless each form has a text for every value, and no two of its texts are equal.
    """
    specs = {}
    for name, spec in forms.items():
        with specified_at("forms", name):
            specs[name] = spec.materialise(files.child("forms", name))
            _check_form(specs[name].texts(len(values)), values)
    return specs


def _check_form(texts: Sequence[str], values: Sequence[str]) -> None:
    if len(texts) != len(values):
        raise SpecError(
            f"{len(texts)} texts of a form of {len(values)} values",
            'Give one each, "" for a value that is written as it is, or [] where all of them are.',
            among=OF_THE_VALUES,
        )
    values_by_text: dict[str, str] = {}
    for text, value in zip(texts, values, strict=True):
        known = values_by_text.setdefault(text or value, value)
        if known != value:
            raise SpecError(
                f"{shown(known)} and {shown(value)} are both written {shown(text or value)}",
                "A form tells values apart; words about a value are an attribute of kind lookup.",
            )


def texts_of(forms: Mapping[str, FormSpec], count: int) -> Forms:
    """Form → its text for each of `count` values."""
    return {name: spec.texts(count) for name, spec in forms.items()}


class TranslationSpec(ValuesSpec):
    """The values in another language, in the order of the values, or their forms in it alone."""

    forms: FormsKey

    @property
    def distinct(self) -> bool:
        return False

    def of(self, values: Sequence[str], files: Files) -> TranslationSpec:
        """This translation, for these values, with its texts written into it."""
        spec = self if self.is_bare and self.forms else self.materialise(files)
        if spec.values is not None and len(spec.values) != len(values):
            problem = f"{len(spec.values)} translations of {len(values)} values"
            raise SpecError(problem, "Give one each.", (), OF_THE_VALUES)
        forms = materialised(self.forms, values if spec.values is None else spec.values, files)
        return spec.model_copy(update={"forms": forms})


class TranslatedSpec(ValuesSpec):
    """A list of values, the forms that they take in sentences, and what they are called in other languages."""

    forms: FormsKey
    translations: dict[Name, Annotated[TranslationSpec, in_short(TranslationSpec)]] = pydantic.Field(
        {}, description="Language (fr, ko, …) → a path, a list, or a mapping like this one, in the order of the values."
    )

    def materialise(self, files: Files) -> Self:
        spec = super().materialise(files)
        values = spec.values or ()
        translations = {}
        for language, translation in self.translations.items():
            with specified_at("translations", language):
                translations[language] = translation.of(values, files.child("translations", language))
        forms = materialised(self.forms, values, files)
        return spec.model_copy(update={"forms": forms, "translations": translations})

    @property
    def formed(self) -> Forms:
        """Form → its text for each value."""
        return texts_of(self.forms, len(self.values or ()))

    @property
    def translated(self) -> Translations:
        """Language → translated values and forms."""
        count = len(self.values or ())
        return {
            language: Translation(tuple(spec.values) if spec.values else None, texts_of(spec.forms, count))
            for language, spec in self.translations.items()
        }
