"""The kinds of attribute: for each its keys in a recipe and, below them, what it draws and how a template sees it.

An attribute draws zero or more slots (rows of finite tables) for each item, from its own key alone: the exposure plays
no part, and no attribute disturbs another.
"""

from __future__ import annotations

import string as string_
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Annotated, Any, Literal, Protocol, Self

import numpy as np
from pydantic import BeforeValidator
from pydantic import Field as Key_

from pipeline.core.draws import I32, I64, Weighted, below
from pipeline.core.errors import SpecError, specified_at, suggest
from pipeline.core.files import MOST_VALUES, Files
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.core.scalars import shown
from pipeline.core.spec import Name, Rational, Size, Spec
from pipeline.text.fields import Column, Field
from pipeline.worlds.values import ValuesSpec

VALUES_KEYS = (("values",), ("file",), ("column",), ("faker",), ("count",))
"""Where the values of an attribute come from, each of which may be at fault where they do not fit."""
SIZE = ("..", "..", "size")  # of the world, from an attribute

MOST_SYMBOLS = 10_000_000  # of the chunks of a code


class Attribute(Protocol):
    """A compiled attribute."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Rows of each slot it draws; () where it draws none."""
        ...

    def weights(self, slot: int) -> tuple[Fraction, ...] | None:
        """How likely each row of its slot-th slot is, summing to 1; None where all are equally likely."""
        ...

    def draw(self, item: I64, out: I32) -> None:
        """Its slots for the items (d,), into the columns of out (d, len(sizes))."""
        ...

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        """How a template sees it, its slots being numbered from `first` on."""
        ...

    def translated(self, field: Field, language: str) -> Field:
        """How a template in another language sees the same facts; the field itself where it has no translation."""
        ...


def _short(value: Any) -> Any:
    """A list of values may be written shortly: a path, or a list."""
    if isinstance(value, str):
        return {"file": value}
    return {"values": value} if isinstance(value, list) else value


class Drawn:
    """An attribute of one slot, uniform or weighted."""

    def __init__(
        self,
        key: Key,
        values: tuple[object, ...],
        weights: tuple[Fraction, ...] | None = None,
        forms: Forms | None = None,
        translations: Translations | None = None,
        *,
        numbered: bool = False,
    ) -> None:
        """numbered: whether a value's place has a name, `.number`."""
        self._key, self._values, self._weights = key, values, weights
        self._forms, self._translations, self._numbered = forms or {}, translations or {}, numbered
        self._table = Weighted.from_weights(weights) if weights else None
        self.sizes = (len(values),)

    def weights(self, slot: int) -> tuple[Fraction, ...] | None:
        return self._weights

    def draw(self, item: I64, out: I32) -> None:
        if self._table:
            self._table(self._key, item, out=out[:, 0])
        else:
            below(self._key, len(self._values), item, out=out[:, 0])

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        parts = {"number": Column(first, tuple(range(len(self._values))))} if self._numbered else {}
        return _with_forms(Field((Column(first, self._values),), parts, label), self._forms)

    def translated(self, field: Field, language: str) -> Field:
        return _in_language(field, self._translations.get(language))


Forms = Mapping[str, tuple[str, ...]]
"""Form → how it says each value; "" for one that it says as it is."""


@dataclass(frozen=True)
class Translation:
    """What values are called in another language, None where they keep their names, and their forms in it."""

    values: tuple[str, ...] | None
    forms: Forms


Translations = Mapping[str, Translation]


def _in_language(field: Field, translation: Translation | None) -> Field:
    """A field of one column with the values and the forms of another language; its own where it has no translation."""
    if translation is None:
        return field
    column = field.format[0]
    assert isinstance(column, Column)
    shown = column if translation.values is None else Column(column.slot, translation.values)
    parts = {name: part for name, part in field.parts.items() if part.around is None}
    return _with_forms(replace(field, format=(shown,), parts=parts), translation.forms)


def _with_forms(field: Field, forms: Forms) -> Field:
    """A field of one column with the forms of its values as parts, beside those it has."""
    column = field.format[0]
    assert isinstance(column, Column)
    if taken := next((name for name in forms if name in field.parts), None):
        raise SpecError(f"values have a part '{taken}' already", "Call the form otherwise.", ("forms", taken))
    return replace(field, parts={**field.parts, **{name: column.form(texts) for name, texts in forms.items()}})


class FormSpec(ValuesSpec):
    """How a form says the values, in their order: "" for one that is said as it is, `[]` where all of them are."""

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
        """How it says each of `count` values."""
        return tuple(self.values or ("",) * count)


FormsKey = Annotated[
    dict[Name, Annotated[FormSpec, BeforeValidator(_short, json_schema_input_type=str | list[str] | FormSpec)]],
    Key_(
        default_factory=dict,
        description="Other ways to say the values, as parts of them in templates: `{{ university.the }}`. "
        "Form → a path, a list, or a mapping like that of the values, in their order. An empty text says the value as "
        "it is, an empty list all of them.",
    ),
]


def _materialised(forms: Mapping[str, FormSpec], values: Sequence[str], files: Files) -> dict[str, FormSpec]:
    """The forms with their texts written into them.

    SpecError where they are not as many as the values, or say two of them alike: a form says which value it is.
    """
    made = {}
    for name, spec in forms.items():
        with specified_at("forms", name):
            made[name] = spec.materialise(files.child("forms", name))
            texts = made[name].texts(len(values))
            if len(texts) != len(values):
                raise SpecError(
                    f"{len(texts)} texts of a form of {len(values)} values",
                    'Give one each, "" for a value that is said as it is, or [] where all of them are.',
                    among=[(), *VALUES_KEYS, *(("..", "..", *key) for key in VALUES_KEYS)],
                )
            said: dict[str, str] = {}
            for text, value in zip(texts, values, strict=True):
                if said.setdefault(text or value, value) != value:
                    raise SpecError(
                        f"{shown(said[text or value])} and {shown(value)} are both said {shown(text or value)}",
                        "A form tells values apart; words about a value are an attribute of kind lookup.",
                    )
    return made


def _texts_of(forms: Mapping[str, FormSpec], count: int) -> Forms:
    return {name: spec.texts(count) for name, spec in forms.items()}


class TranslationSpec(ValuesSpec):
    """The values in another language, in the order of the values, or their forms in it alone."""

    forms: FormsKey

    @property
    def distinct(self) -> bool:
        return False

    def of(self, values: Sequence[str], files: Files) -> TranslationSpec:
        """The translation of these values, with its texts written into it."""
        made = self if self.is_bare and self.forms else self.materialise(files)
        if made.values is not None and len(made.values) != len(values):
            among = [(), *VALUES_KEYS, *(("..", "..", *key) for key in VALUES_KEYS)]
            raise SpecError(f"{len(made.values)} translations of {len(values)} values", "Give one each.", (), among)
        forms = _materialised(self.forms, values if made.values is None else made.values, files)
        return made.model_copy(update={"forms": forms})


class TranslatedSpec(ValuesSpec):
    """A list of values, the forms that they take in sentences, and what they are called in other languages."""

    forms: FormsKey
    translations: dict[
        Name,
        Annotated[TranslationSpec, BeforeValidator(_short, json_schema_input_type=str | list[str] | TranslationSpec)],
    ] = Key_(
        {}, description="Language (fr, ko, …) → a path, a list, or a mapping like this one, in the order of the values."
    )

    def materialise(self, files: Files) -> Self:
        made = super().materialise(files)
        values = made.values or ()
        translations = {}
        for language, spec in self.translations.items():
            with specified_at("translations", language):
                translations[language] = spec.of(values, files.child("translations", language))
        forms = _materialised(self.forms, values, files)
        return made.model_copy(update={"forms": forms, "translations": translations})

    @property
    def formed(self) -> Forms:
        """Form → texts."""
        return _texts_of(self.forms, len(self.values or ()))

    @property
    def translated(self) -> Translations:
        """Language → values and forms."""
        count = len(self.values or ())
        return {
            language: Translation(tuple(spec.values) if spec.values else None, _texts_of(spec.forms, count))
            for language, spec in self.translations.items()
        }


# ── choice ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class ZipfSpec(Spec):
    """Weights 1 / rank^zipf, in the order of the values."""

    zipf: Rational = Key_(description="The exponent: 1 is Zipf's law.")


class ChoiceSpec(TranslatedSpec):
    """One of a list of values, independent of everything else."""

    kind: Literal["choice"]
    weights: Literal["uniform", "zipf"] | ZipfSpec | list[Rational] = Key_(
        "uniform", description="uniform, zipf, {zipf: exponent}, or a weight for each value."
    )

    def compile(self, key: Key, size: int) -> Attribute:
        values = tuple(self.values or ())
        return Drawn(key, values, self._weights(len(values)), self.formed, self.translated, numbered=True)

    def _weights(self, n: int) -> tuple[Fraction, ...] | None:
        if self.weights == "uniform":
            return None
        if isinstance(self.weights, list):
            if len(self.weights) != n:
                among = [("weights",), *VALUES_KEYS]
                raise SpecError(f"{len(self.weights)} weights for {n} values", "Give one each.", ("weights",), among)
            if min(self.weights) < 0 or not any(self.weights):
                raise SpecError("weights must not be negative, nor all zero", at=("weights",))
            raw = list(self.weights)
        else:
            raw = zipf_weights(n, self.weights.zipf if isinstance(self.weights, ZipfSpec) else Fraction(1))
        total = sum(raw)
        return tuple(weight / total for weight in raw)


def zipf_weights(n: int, exponent: Fraction) -> list[Fraction]:
    """1 / rank^exponent for ranks 1 … n as integers over 10³⁰, by decimal arithmetic: the same on every machine."""
    if not 0 <= exponent <= 20:
        raise SpecError("the exponent of zipf is not from 0 to 20", "1 is Zipf's law.", ("weights",))
    with localcontext() as context:
        context.prec = 50
        power = Decimal(exponent.numerator) / Decimal(exponent.denominator)
        return [Fraction(int(Decimal(10) ** 30 / Decimal(rank) ** power)) for rank in range(1, n + 1)]


# ── date ────────────────────────────────────────────────────────────────────────────────────────────────────────────

_MONTHS = "January February March April May June July August September October November December"


class DateTranslationSpec(Spec):
    """A date in another language."""

    months: list[str] | None = Key_(None, min_length=12, max_length=12, description="The names of the months.")
    format: str = Key_("{month} {day}, {year}", description="Of month, month_number, day and year.")
    first_day: str = Key_("1", description="How the first of a month is written: 1er.")


class DateSpec(Spec):
    """A month, a day and a year, each uniform and independent: 12 × 28 × 200 dates in Part 3.1, section A.1."""

    kind: Literal["date"]
    first_year: int = Key_(1900, ge=1, le=9999)
    years: int = Key_(200, ge=1, le=5000)
    days: int = Key_(28, ge=1, le=28, description="Days of a month: 28 exist in all of them.")
    months: list[str] = Key_(
        _MONTHS.split(), min_length=12, max_length=12, description="The names of the twelve months."
    )
    format: str = Key_("{month} {day}, {year}", description="Of month, month_number, day and year.")
    translations: dict[Name, DateTranslationSpec] = Key_({}, description="Language (fr, ko, …) → how it writes a date.")

    def compile(self, key: Key, size: int) -> Attribute:
        return Date(key, self)


class Date:
    """Two slots: the day of the year, which month and day are columns of, and the year."""

    def __init__(self, key: Key, spec: DateSpec) -> None:
        self._keys, self._spec = [key.child(part) for part in ("day", "year")], spec
        self.sizes = (12 * spec.days, spec.years)
        _parse(spec.format, self._columns(0))
        for language, translation in spec.translations.items():
            with specified_at("translations", language):
                _parse(translation.format, self._columns(0))

    def weights(self, slot: int) -> tuple[Fraction, ...] | None:
        return None

    def draw(self, item: I64, out: I32) -> None:
        for slot, (key, n) in enumerate(zip(self._keys, self.sizes, strict=True)):
            below(key, n, item, out=out[:, slot])

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        columns = self._columns(first)
        return Field(_parse(self._spec.format, columns), columns, label)

    def translated(self, field: Field, language: str) -> Field:
        if language not in self._spec.translations:
            return field
        spec = self._spec.translations[language]
        columns = self._columns(field.parts["day"].slot, spec.months, spec.first_day)
        return Field(_parse(spec.format, columns), columns, field.label)

    def _columns(self, first: int, months: Sequence[str] | None = None, first_day: str = "1") -> dict[str, Column]:
        spec = self._spec
        days = [(month, day) for month in range(12) for day in range(1, spec.days + 1)]
        names = months or spec.months
        return {
            "month": Column(first, tuple(names[month] for month, _ in days)),
            "month_number": Column(first, tuple(month + 1 for month, _ in days)),
            "day": Column(first, tuple(first_day if day == 1 and first_day != "1" else day for _, day in days)),
            "year": Column(first + 1, tuple(range(spec.first_year, spec.first_year + spec.years))),
        }


def _parse(text: str, columns: Mapping[str, Column]) -> tuple[str | Column, ...]:
    """`"{month} {day}"` as literals and columns."""
    pieces: list[str | Column] = []
    try:
        parsed = list(string_.Formatter().parse(text))
    except ValueError as error:
        raise SpecError(
            f"cannot read the format {shown(text)}: {error}", "Example: {month} {day}, {year}", ("format",)
        ) from None
    for literal, name, options, conversion in parsed:
        if literal:
            pieces.append(literal)
        if name is not None:
            if options or conversion:
                raise SpecError(f"the format {shown(text)} has options after '{name}'", "Use names alone.", ("format",))
            if name not in columns:
                raise SpecError(f"the format {shown(text)} names '{name}'", suggest(name, columns), ("format",))
            pieces.append(columns[name])
    if not any(isinstance(piece, Column) for piece in pieces):
        raise SpecError(f"the format {shown(text)} shows nothing", f"Use {', '.join(columns)}.", ("format",))
    return tuple(pieces)


# ── integer ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class IntegerSpec(Spec):
    """A whole number from `first` to `last`, both included, uniform over the steps between."""

    kind: Literal["integer"]
    first: int = Key_(ge=-(10**18), le=10**18)
    last: int = Key_(ge=-(10**18), le=10**18)
    step: int = Key_(1, ge=1, le=10**18)
    forms: FormsKey

    @property
    def numbers(self) -> range:
        """Its values."""
        return range(self.first, self.last + 1, self.step)

    def materialise(self, files: Files) -> Self:
        if not self.forms:
            return self
        self._check()
        forms = _materialised(self.forms, list(map(str, self.numbers)), files)
        return self.model_copy(update={"forms": forms})

    def compile(self, key: Key, size: int) -> Attribute:
        self._check()
        return Drawn(key, tuple(self.numbers), forms=_texts_of(self.forms, len(self.numbers)))

    def _check(self) -> None:
        """SpecError for no number, or too many."""
        count = (self.last - self.first) // self.step + 1
        if count < 1:
            problem = f"no number from {self.first} to {self.last}"
            raise SpecError(problem, "Exchange first and last.", ("last",), [("first",), ("last",)])
        if count > MOST_VALUES:
            raise SpecError(
                f"{count:,} different numbers; at most {MOST_VALUES:,} can be tokenized ahead",
                "Give a larger `step`, or split the number into two attributes.",
                ("last",),
                [("first",), ("last",), ("step",)],
            )


# ── lookup ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class LookupSpec(TranslatedSpec):
    """A function of another attribute: an employer's city. `values` (or a file, a column) stand in its order."""

    kind: Literal["lookup"]
    of: Name = Key_(description="The attribute it follows from; it is declared before this one.")

    @property
    def distinct(self) -> bool:
        return False  # many employers share a city

    def compile(self, key: Key, size: int) -> Attribute:
        return Lookup(self.of, tuple(self.values or ()), self.formed, self.translated)


class Lookup:
    """No slot of its own: it shows another text for the row of the attribute it follows from."""

    sizes: tuple[int, ...] = ()

    def __init__(self, of: str, values: tuple[str, ...], forms: Forms, translations: Translations) -> None:
        self._of, self._values, self._forms, self._translations = of, values, forms, translations

    def weights(self, slot: int) -> tuple[Fraction, ...] | None:
        raise IndexError(slot)

    def draw(self, item: I64, out: I32) -> None:
        """Nothing: it has no slot."""

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        if self._of not in others:
            among = [("of",), ("..", self._of)]  # or the other is taken away
            problem = f"no attribute '{self._of}' is declared before it"
            raise SpecError(problem, suggest(self._of, others), ("of",), among)
        parent = others[self._of].format
        if len(parent) != 1 or not isinstance(parent[0], Column):
            raise SpecError(f"'{self._of}' is not a single list of values", "Look up a choice or an integer.", ("of",))
        if len(parent[0].values) != len(self._values):
            raise SpecError(
                f"{len(self._values)} values for the {len(parent[0].values)} values of '{self._of}'",
                "Give one each.",
                among=[*VALUES_KEYS, ("of",)],
            )
        return _with_forms(Field((Column(parent[0].slot, self._values),), label=label), self._forms)

    def translated(self, field: Field, language: str) -> Field:
        return _in_language(field, self._translations.get(language))


# ── name ────────────────────────────────────────────────────────────────────────────────────────────────────────────


Pool = Annotated[ValuesSpec, BeforeValidator(_short, json_schema_input_type=str | list[str] | ValuesSpec)]


class NameSpec(Spec):
    """A name that no other item has: one word or more from each pool, joined by spaces.

    Part 3.1, section A.1 draws 400 × 400 × 1000 names and rejects repetitions; here item i's name is the i-th of a
    keyed bijection, so it is unique without a set, and it stays when the world grows.
    """

    kind: Literal["name"]
    pools: dict[Name, Pool] = Key_(min_length=1, description="A path, a list, or a mapping as of a choice.")

    def materialise(self, files: Files) -> Self:
        pools = {}
        for name, pool in self.pools.items():
            with specified_at("pools", name):
                pools[name] = pool.materialise(files.child("pools", name))
        return self.model_copy(update={"pools": pools})

    def compile(self, key: Key, size: int) -> Attribute:
        pools = {name: tuple(pool.values or ()) for name, pool in self.pools.items()}
        several_words = [name for name, values in pools.items() if any(" " in value for value in values)]
        if len(several_words) > 1:
            raise SpecError(
                f"the pools {' and '.join(several_words)} both hold values of several words, so two items could get "
                "one name",
                "Only one pool may: join the words of the others with hyphens.",
                ("pools",),
            )
        names = prod(map(len, pools.values()))
        if names >= 2**62:
            raise SpecError(f"{names:,} names are more than can be counted with", "Take fewer pools.", ("pools",))
        if size > names:
            sizes = " × ".join(f"{len(values)}" for values in pools.values())
            problem = f"{size:,} items but only {names:,} names ({sizes})"
            among = [("pools",), *(("pools", name, *key) for name in pools for key in ((), *VALUES_KEYS)), SIZE]
            raise SpecError(problem, "Enlarge a pool or lower the size.", ("pools",), among)
        return UniqueName(key, pools)


class UniqueName:
    """One slot a pool. Worlds that share a bijection and take its names from different ends have no name in common."""

    def __init__(self, key: Key, pools: Mapping[str, tuple[str, ...]]) -> None:
        self._key, self._pools, self._end = key, pools, ENDS[0]
        self.sizes = tuple(map(len, pools.values()))

    def share(self, key: Key, end: int) -> None:
        """Take the names of the bijection with this key, from another end of it."""
        self._key, self._end = key, ENDS[end]
        self.__dict__.pop("_order", None)

    def taken(self, size: int) -> range:
        """Which names of the bijection `size` items have."""
        first, last = (self._end(self._order.n, item) for item in (0, size - 1))
        return range(min(first, last), max(first, last) + 1)

    @cached_property
    def _order(self) -> Permutation:
        return Permutation(prod(self.sizes), self._key)

    def weights(self, slot: int) -> tuple[Fraction, ...] | None:
        return None

    def draw(self, item: I64, out: I32) -> None:
        rest = self._order(self._end(self._order.n, item))
        for slot in reversed(range(len(self.sizes))):
            above = rest // self.sizes[slot]
            out[:, slot] = rest - above * self.sizes[slot]
            rest = above

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        columns = {name: Column(first + i, values) for i, (name, values) in enumerate(self._pools.items())}
        spaced = [piece for column in columns.values() for piece in (" ", column)]
        return Field(tuple(spaced[1:]), columns, label)

    def translated(self, field: Field, language: str) -> Field:
        return field


def _from_start(names: int, item: Any) -> Any:
    return item


def _from_end(names: int, item: Any) -> Any:
    return names - 1 - item


def _up_from_middle(names: int, item: Any) -> Any:
    return names // 2 + item


def _down_from_middle(names: int, item: Any) -> Any:
    return names // 2 - 1 - item


ENDS = (_from_start, _from_end, _up_from_middle, _down_from_middle)
"""Where the names of a world begin, and which way they go: so that a world can grow without moving anybody."""


# ── pronoun ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class PronounSpec(Spec):
    """A pronoun, uniform over `values`: two by default, one bit, as in Part 3.3, section 2.2 (3.1 also has they)."""

    kind: Literal["pronoun"]
    values: list[Literal["he", "she", "they", "it"]] = Key_(["he", "she"], min_length=1)

    def compile(self, key: Key, size: int) -> Attribute:
        if len(set(self.values)) < len(self.values):
            raise SpecError("a pronoun stands twice", "Remove one.", ("values",))
        return Drawn(key, tuple(self.values))


# ── codes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class CodesSpec(Spec):
    """Attributes `<name>_1` … `<name>_K` of Part 3.3, Definition 2.2 (bioD): rows of chunks, each out of an own set.

    In the paper's letters: repeat K, chunks C, diversity D, length L, vocabulary T.
    """

    kind: Literal["codes"]
    repeat: int = Key_(1, ge=1, le=200, description="K: how many attributes of this kind.")
    chunks: int = Key_(1, ge=1, le=200, description="C: chunks of a value, each drawn from the attribute's set.")
    diversity: int = Key_(ge=2, le=MOST_VALUES, description="D: how many different chunks the set holds.")
    length: int = Key_(1, ge=1, le=1000, description="L: symbols of a chunk.")
    vocabulary: int = Key_(ge=1, lt=2**31, description="T: how many symbols there are.")
    symbols: Literal["ids", "text"] = Key_(
        "ids",
        description="ids: a symbol is a token of the tokenizer. text: letters, the same number for all.",
    )
    first_id: int = Key_(0, ge=0, lt=2**31, description="The token id of symbol 0.")

    def compile(self, key: Key, size: int) -> Attribute:
        if self.vocabulary**self.length < self.diversity:
            raise SpecError(
                f"{self.diversity:,} different chunks of {self.length} symbols out of {self.vocabulary} do not exist",
                f"There are {self.vocabulary**self.length:,}.",
                ("diversity",),
                [("diversity",), ("length",), ("vocabulary",)],
            )
        if (symbols := self.repeat * self.diversity * self.length) > MOST_SYMBOLS:
            raise SpecError(
                f"{symbols:,} symbols in all chunks (repeat × diversity × length)",
                f"There may be {MOST_SYMBOLS:,}: all are kept in memory.",
                ("diversity",),
            )
        return Codes(key, self)


class Codes:
    """One slot a chunk, all of them over the attribute's set of D strings, drawn without replacement from T^L."""

    def __init__(self, key: Key, spec: CodesSpec) -> None:
        self._key, self._spec = key, spec
        self.sizes = (spec.diversity,) * spec.chunks

    def weights(self, slot: int) -> tuple[Fraction, ...] | None:
        return None

    def draw(self, item: I64, out: I32) -> None:
        for slot, n in enumerate(self.sizes):
            below(self._key.child("chunk", slot), n, item, out=out[:, slot])

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        strings = self.strings
        if self._spec.symbols == "ids":
            codes = tuple(tuple(symbol + self._spec.first_id for symbol in string) for string in strings)
            values, between = tuple(" ".join(map(str, code)) for code in codes), ","
        else:
            codes, values, between = None, tuple(map(self._letters, strings)), ", "
        table = Column(first, values, codes)
        columns = [table.at(first + slot) for slot in range(self._spec.chunks)]
        spaced = [piece for column in columns for piece in (between, column)]
        return Field(tuple(spaced[1:]), label=label)

    def translated(self, field: Field, language: str) -> Field:
        return field

    @cached_property
    def strings(self) -> list[tuple[int, ...]]:
        """The set: D distinct strings of L symbols below T."""
        spec, key = self._spec, self._key.child("set")
        if (count := spec.vocabulary**spec.length) < 2**40:
            numbers = Permutation(count, key)(np.arange(spec.diversity, dtype=np.int64)).tolist()
            return [_digits(number, spec.vocabulary, spec.length) for number in numbers]
        found: dict[tuple[int, ...], None] = {}
        turn = 0
        while len(found) < spec.diversity:  # two equal ones are hardly to be expected among 2⁴⁰ or more
            place = np.arange(turn, turn + spec.diversity, dtype=np.int64)
            drawn = [below(key.child("symbol", i), spec.vocabulary, place) for i in range(spec.length)]
            found |= dict.fromkeys(zip(*(column.tolist() for column in drawn), strict=True))
            turn += spec.diversity
        return list(found)[: spec.diversity]

    def _letters(self, string: tuple[int, ...]) -> str:
        width = 1
        while 26**width < self._spec.vocabulary:
            width += 1
        letters = (_digits(symbol, 26, width) for symbol in string)
        return "".join(string_.ascii_lowercase[letter] for symbol in letters for letter in symbol)


def _digits(number: int, base: int, width: int) -> tuple[int, ...]:
    """A number in another base, most significant digit first."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, base)
        digits.append(digit)
    return tuple(reversed(digits))


AttributeSpec = Annotated[
    ChoiceSpec | DateSpec | IntegerSpec | LookupSpec | NameSpec | PronounSpec | CodesSpec, Key_(discriminator="kind")
]
ATTRIBUTE_KINDS = ("choice", "codes", "date", "integer", "lookup", "name", "pronoun")
Group = Annotated[list[Rational], Key_(min_length=2, max_length=2)]


class WorldSpec(Spec):
    """Individuals and what is true of them. Item i depends on the seed and the world's name alone, not on its size."""

    size: Size = Key_(description="How many individuals.")
    attributes: dict[Name, AttributeSpec] = Key_(min_length=1)
    groups: dict[Name, Group] = Key_(
        {}, description="Named parts, from one fraction of the individuals to another: p_train: [0, 0.5]."
    )
    disjoint_from: Name | list[Name] | None = Key_(
        None, description="Worlds of the same name pools with which no name is shared."
    )

    def materialise(self, files: Files) -> Self:
        attributes = {}
        for name, spec in self.attributes.items():
            with specified_at("attributes", name):
                attributes[name] = spec.materialise(files.child("attributes", name))
        return self.model_copy(update={"attributes": attributes})

    @property
    def others(self) -> tuple[str, ...]:
        """The worlds it is disjoint from."""
        given = self.disjoint_from
        return () if given is None else (given,) if isinstance(given, str) else tuple(given)

    @property
    def expanded(self) -> dict[str, tuple[str, Any, tuple[str | int, ...]]]:
        """Attribute → (the key that declares it, its spec, the path of its key): repeated ones each for itself."""
        every: dict[str, tuple[str, Any, tuple[str | int, ...]]] = {}
        for name, spec in self.attributes.items():
            mine: dict[str, tuple[str, Any, tuple[str | int, ...]]] = {name: (name, spec, (name,))}
            if isinstance(spec, CodesSpec):
                mine = {f"{name}_{k}": (name, spec, (name, k)) for k in range(1, spec.repeat + 1)}
            if twice := next((one for one in mine if one in every), None):
                raise SpecError(f"'{twice}' stands twice", f"'{every[twice][0]}' is it too.", ("attributes", name))
            every |= mine
        return every
