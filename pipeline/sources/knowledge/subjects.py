"""How a sentence refers to its subject (its mode), and which variables its template then has.

NAME       Anya Briar Forger was born in …      the full name
PRONOUN    She was born in …                    after a sentence with the name
NAMELESS   The person was born in …             before any sentence with the name
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import SpecError, suggest
from pipeline.text.fields import Agreement, Column, Field, Variable
from pipeline.text.languages import LANGUAGES, Language
from pipeline.worlds.world import World

NAME, PRONOUN, NAMELESS = MODES = (0, 1, 2)


def modes_of(sentences: int, named_after: int | None) -> NDArray[np.int64]:
    """The mode at each place: int64 (sentences,), or one place more if the name comes in an extra sentence at the end.

    named_after: sentences before the one with the full name; None if all have it. SpecError if it exceeds `sentences`.

    >>> modes_of(4, 2).tolist()
    [2, 1, 0, 1]
    """
    if named_after is None:
        return np.full(sentences, NAME)
    if named_after > sentences:
        raise SpecError(
            f"the full name stands after {named_after} sentences, but there are {sentences}",
            f"Give at most {sentences}.",
            ("full_name", "after"),
        )
    if named_after == sentences:
        return np.array([NAMELESS, *[PRONOUN] * (sentences - 1), NAMELESS])
    modes = np.full(sentences, PRONOUN)
    modes[0] = NAMELESS if named_after else NAME
    modes[named_after] = NAME
    return modes


def sentences_by_mode(
    modes: NDArray[np.int64], sentences: int, *, fixed: bool, early: bool
) -> dict[int, frozenset[int]]:
    """Mode → sentences that can occur in it.

    modes: the mode at each place. sentences: how many places are ordered (all but a closing one). fixed: whether the
    order is always the same. early: whether a mistake can render a sentence at an earlier place.
    """
    occurring: dict[int, set[int]] = {mode: set() for mode in MODES}
    for place, mode in enumerate(modes.tolist()):
        if place >= sentences:
            occurring[mode].add(place)
        elif fixed:
            occurring[mode] |= set(range(place, sentences)) if early else {place}
        else:
            occurring[mode] |= set(range(sentences))
    return {mode: frozenset(of_mode) for mode, of_mode in occurring.items()}


def language_of(name: str, at: tuple[str, ...] = ()) -> Language:
    """The language with this name. SpecError, at the key `at`, if there is none."""
    if name not in LANGUAGES:
        raise SpecError(f"no language '{name}'", suggest(name, LANGUAGES), at)
    return LANGUAGES[name]


def name_of(world: World, remedy: str = "") -> str:
    """The attribute of kind `name`. SpecError if the world has none."""
    name = world.of_kind("name")
    if name is None:
        raise SpecError(f"the world '{world.name}' has no attribute of kind name", remedy, ("world",))
    return name


def scope_of(world: World, mode: int, language: str) -> dict[str, Variable]:
    """The variables of a sentence in this mode: the world's attributes, and words for its subject (text/languages.py).

    {{ subject }} Anya Briar Forger · She     {{ subject_possessive }} Anya Briar Forger's · Her
    {{ object }} her     {{ possessive }} her     {{ verb("was", "were") }} agrees with the subject
    """
    words = language_of(language)
    name, pronoun = name_of(world, "Biographies need one."), world.of_kind("pronoun")
    if mode != NAME and pronoun is None:
        raise SpecError(
            f"the world '{world.name}' has no pronoun for the sentences after the first",
            "Declare an attribute of kind pronoun, or set full_name: all.",
            ("full_name",),
        )
    scope: dict[str, Variable] = dict(world.fields_in(language))
    for word in ("subject", "subject_possessive", "object", "possessive", "verb", "particle"):
        if word in scope:
            raise SpecError(f"the world '{world.name}' calls an attribute '{word}'", "Rename it.", ("world",))
    if pronoun is not None:
        scope |= _pronoun_words(world.fields[pronoun], words)
    if mode == NAME:
        scope |= _name_words(world.fields[name], words)
    if mode == NAMELESS:
        scope |= {word: Field((text,)) for word, text in words.nameless.items()}
        if words.agreement:
            scope[words.agreement] = Agreement(second=(words.second(words.nameless["subject"], pronoun=False),))
    return scope


def _name_words(field: Field, words: Language) -> dict[str, Variable]:
    scope: dict[str, Variable] = {
        word: Field(field.format, field.parts, field.label, after=after) for word, after in words.after_name.items()
    }
    last = field.format[-1]
    assert isinstance(last, Column)
    if words.agreement:
        second = tuple(words.second(str(value), pronoun=False) for value in last.values)
        scope[words.agreement] = Agreement(last.slot, second) if any(second) else Agreement()
    return scope


def _pronoun_words(field: Field, words: Language) -> dict[str, Variable]:
    column = field.format[0]
    assert isinstance(column, Column)
    values = [str(value) for value in column.values]
    scope: dict[str, Variable] = {
        word: Field((Column(column.slot, tuple(words.pronouns[value][word] for value in values)),), label=field.label)
        for word in words.pronouns[values[0]]
    }
    if words.agreement:
        scope[words.agreement] = Agreement(column.slot, tuple(words.second(value, pronoun=True) for value in values))
    return scope
