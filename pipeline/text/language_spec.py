"""The keys of a language file, `languages/<code>.yaml`: what a language needs beyond its templates."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import pydantic
from pydantic import Field as Key_

from pipeline.core.errors import SpecError, suggest
from pipeline.core.scalars import shown
from pipeline.core.spec import Name, Spec, refused

Pronoun = Literal["he", "she", "they", "it"]
"""What an attribute of kind `pronoun` holds, in whatever language sentences are."""
Texts = Annotated[list[str], Key_(min_length=1)]
DATE_PARTS = ("month", "month_number", "day", "year")


class AgreementSpec(Spec):
    """Which of the words in `{{ verb("was", "were") }}` a sentence shows."""

    pronouns: dict[Pronoun, Annotated[int, Key_(ge=1, le=9)]] = Key_(
        {}, description="Pronoun → the number of its word, from 1 on; the first for those that are not named."
    )
    with_name: Literal["first", "pronoun"] = Key_(
        "first",
        description="After the full name: the first word, as a verb has it, or that of the individual's pronoun, as a "
        "participle has it.",
    )
    nameless: int = Key_(1, ge=1, le=9, description="The number of the word before any name is known.")
    by: Literal["pronoun", "final_sound"] = Key_(
        "pronoun", description="final_sound: the first of two words after a consonant, the second after a vowel."
    )

    @pydantic.model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.by == "final_sound" and (self.pronouns or self.nameless != 1 or self.with_name != "first"):
            raise refused("what agrees by final sound does not agree with pronouns", "Remove the other keys.", ("by",))
        return self


class ElisionSpec(Spec):
    """Before which words the filter `elide` takes the elided text."""

    letters: str = Key_(min_length=1, description="First letters, without accents: aeiou.")
    but_not: Texts = Key_([], min_length=0, description="Beginnings of words that are exceptions: Uni, Eu.")


class ContractionSpec(Spec):
    """How the filter `contract` joins a preposition to a value."""

    before: dict[str, str] = Key_(
        {}, description='Beginning of a value, such as an article → what takes its place: {"le ": "du "}.'
    )
    otherwise: str = Key_(description='What stands before other values: "de ".')
    elided: str | None = Key_(None, description='The same before words that `elision` names: "d\'".')


class PluralSpec(Spec):
    """The numbers after which the filter `plural` takes a word. A number is meant if one of the two keys names it."""

    numbers: list[int] = Key_([], description="These numbers.")
    ends_in: list[Annotated[int, Key_(ge=0)]] = Key_([], description="Numbers whose last digits are one of these.")
    but_not: list[Annotated[int, Key_(ge=0)]] = Key_([], description="Last digits of exceptions from `ends_in`.")

    def holds(self, number: int) -> bool:
        """Whether it names a number."""
        digits = str(abs(number))
        ends = any(digits.endswith(str(end)) for end in self.ends_in)
        return number in self.numbers or (ends and not any(digits.endswith(str(end)) for end in self.but_not))


class FinalSoundsSpec(Spec):
    """How the last sound of a word is known. A sound is a text of one's own, "" for a vowel.

    Syllables of Hangul say their last consonant themselves (ㄹ). Other words go by the first of these that fits.
    """

    digits: dict[str, Texts] = Key_({}, description="Sound → digits that end in it when they are read out.")
    capitals: dict[str, Texts] = Key_(
        {}, description="Sound → letters whose names end in it, for abbreviations in capitals."
    )
    endings: dict[str, Texts] = Key_(
        {}, description="Sound → endings of words, in lower case; the longest that fits counts."
    )
    otherwise: str = Key_("", description="The sound of all other words.")
    as_vowel: dict[str, Texts] = Key_(
        {}, description="Sound → beginnings of particles before which it counts as a vowel."
    )


class DateTranslationSpec(Spec):
    """A date in another language."""

    months: list[str] | None = Key_(None, min_length=12, max_length=12, description="The names of the months.")
    format: str = Key_("{month} {day}, {year}", description="Of month, month_number, day and year.")
    first_day: str = Key_("1", description="How the first of a month is written: 1er.")


Form = Annotated[str, Key_(max_length=200)]
"""What a variable of templates is in a sentence."""


class LanguageSpec(Spec):
    """What a language needs beyond its templates. Everything is compiled over finite values, ahead."""

    pronouns: dict[Pronoun, dict[Name, Form]] = Key_(
        min_length=1,
        description="Pronoun of an individual → variable of templates → its form: {she: {subject: Sie, dative: ihr}}. "
        "`subject` is needed, and all pronouns have the same variables.",
    )
    after_name: dict[Name, Form] = Key_(
        {"subject": ""}, description='Variable → what follows the full name, in sentences that have it: "\'s".'
    )
    nameless: dict[Name, Form] = Key_(
        {}, description="Variable → its form before any name is known: The person. `subject` is needed for it."
    )
    agreement: dict[Name, AgreementSpec] = Key_(
        {}, description='Words that templates call: {verb: {pronouns: {they: 2}}} for {{ verb("was", "were") }}.'
    )
    articles: list[Name] = Key_(
        [], description="Forms that templates may use of values without them, which are then shown as they are."
    )
    elision: ElisionSpec | None = Key_(None, description="For the filter `elide`.")
    contractions: dict[str, ContractionSpec] = Key_({}, description="Preposition → how the filter `contract` joins it.")
    plurals: list[PluralSpec] = Key_(
        [PluralSpec(numbers=[1])],
        description="For the filter `plural`: of each of its words but the last, after which numbers it stands.",
    )
    final_sounds: FinalSoundsSpec = Key_(FinalSoundsSpec(), description="For the filter `josa` and `by: final_sound`.")
    date: DateTranslationSpec | None = Key_(
        None, description="How dates are written, where an attribute has no translation of its own."
    )
    spaced: bool = Key_(True, description="Whether a space stands before each sentence.")

    @property
    def variables(self) -> frozenset[str]:
        """The names that templates of the language have beside those of attributes."""
        return frozenset({*self.agreement}.union(*self.pronouns.values()))

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Self:
        first, *others = self.pronouns
        variables = self.pronouns[first]
        if "subject" not in variables:
            raise refused(f"'{first}' has no form 'subject'", "Every sentence needs one.", ("pronouns", first))
        for pronoun in others:
            if differing := self.pronouns[pronoun].keys() ^ variables.keys():
                problem = f"'{first}' and '{pronoun}' do not have the same forms: {', '.join(sorted(differing))}"
                raise refused(problem, "Give each pronoun a form for each variable.", ("pronouns", pronoun))
        for key, forms in (("after_name", self.after_name), ("nameless", self.nameless)):
            for variable in forms:
                if variable not in variables:
                    problem = f"no pronoun has a form '{variable}'"
                    raise refused(problem, suggest(variable, variables), (key, variable))
            if forms and "subject" not in forms:
                raise refused("there is no form 'subject'", "Every sentence needs one.", (key,))
        for word in self.agreement:
            if word in variables:
                raise refused(f"'{word}' is a form of pronouns too", "Call one of them otherwise.", ("agreement", word))
        if self.date:
            try:
                parts_of_date(self.date.format, DATE_PARTS)
            except SpecError as error:
                raise refused(error.problem, error.remedy, ("date", "format")) from None
        return self


def parts_of_date(text: str, known: Mapping[str, object] | tuple[str, ...]) -> list[tuple[str, str]]:
    """A format such as `"{month} {day}"` as pairs (literal before, name or ""). SpecError if it cannot be read.

    >>> parts_of_date("{day}. {month}", DATE_PARTS)
    [('', 'day'), ('. ', 'month')]
    """
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError as error:
        raise SpecError(
            f"cannot read the format {shown(text)}: {error}", "Example: {month} {day}, {year}", ("format",)
        ) from None
    for _, name, options, conversion in parsed:
        if name is None:
            continue
        if options or conversion:
            raise SpecError(f"the format {shown(text)} has options after '{name}'", "Use names alone.", ("format",))
        if name not in known:
            raise SpecError(f"the format {shown(text)} names '{name}'", suggest(name, known), ("format",))
    if not any(name is not None for _, name, _, _ in parsed):
        raise SpecError(f"the format {shown(text)} shows nothing", f"Use {', '.join(known)}.", ("format",))
    return [(literal, name or "") for literal, name, _, _ in parsed]
