"""How a sentence refers to its subject (its mode), and which variables its template then has.

NAME       Anya Briar Forger was born in …      the full name
PRONOUN    She was born in …                    after a sentence with the name
NAMELESS   The person was born in …             before any sentence with the name
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import SpecError
from pipeline.sources.knowledge.cast import Cast
from pipeline.text.fields import Agreement, Column, Field, Variable
from pipeline.text.languages import Language
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


def name_of(world: World, remedy: str = "") -> str:
    """The attribute of kind `name`. SpecError if the world has none."""
    name = world.of_kind("name")
    if name is None:
        raise SpecError(f"the world '{world.name}' has no attribute of kind name", remedy, ("world",))
    return name


def scope_of(cast: Cast, mode: int, language: str) -> dict[str, Variable]:
    """The variables of a sentence in this mode: the attributes of the subject, and words for it.

    The file of the language says which words there are. Those of English:

    {{ subject }} Anya Briar Forger · She     {{ subject_possessive }} Anya Briar Forger's · Her
    {{ object }} her     {{ possessive }} her     {{ verb("was", "were") }} agrees with the subject
    """
    world = cast.world
    words = world.language(language)
    name, pronoun = name_of(world, "Biographies need one."), world.of_kind("pronoun")
    if mode != NAME and pronoun is None:
        raise SpecError(
            f"the world '{world.name}' has no pronoun for the sentences after the first",
            "Declare an attribute of kind pronoun, or set full_name: all.",
            ("full_name",),
        )
    scope = cast.variables(language)
    for word in sorted(words.spec.variables):
        if word in scope:
            raise SpecError(f"the world '{world.name}' calls an attribute '{word}'", "Rename it.", ("world",))
    if pronoun is not None:
        scope |= _pronoun_words(world.fields[pronoun], words)
    if mode == NAME:
        scope |= _name_words(world.fields[name], words, agreeing=pronoun is not None)
    if mode == NAMELESS:
        scope |= _nameless_words(words)
    return scope


def _name_words(field: Field, words: Language, *, agreeing: bool) -> dict[str, Variable]:
    """agreeing: whether words may agree with a pronoun, which the scope has."""
    scope: dict[str, Variable] = {
        word: Field(field.format, field.parts, field.label, after=after)
        for word, after in words.spec.after_name.items()
    }
    last = field.format[-1]
    assert isinstance(last, Column)
    for word, rule in words.spec.agreement.items():
        if rule.with_name == "pronoun" and agreeing:
            continue
        of_rows = tuple(words.word_after_name(word, str(value)) for value in last.values)
        scope[word] = Agreement(last.slot, of_rows) if any(of_rows) else Agreement()
    return scope


def _pronoun_words(field: Field, words: Language) -> dict[str, Variable]:
    column = field.format[0]
    assert isinstance(column, Column)
    values = [str(value) for value in column.values]
    if missing := next((value for value in values if value not in words.spec.pronouns), ""):
        raise SpecError(
            f"the language '{words.name}' has no pronoun '{missing}'", "Add it to the file of the language.", ("world",)
        )
    forms = [words.forms_of(value) for value in values]
    scope: dict[str, Variable] = {
        word: Field((Column(column.slot, tuple(of_value[word] for of_value in forms)),), label=field.label)
        for word in forms[0]
    }
    for word in words.spec.agreement:
        scope[word] = Agreement(column.slot, tuple(words.word_of_pronoun(word, value) for value in values))
    return scope


def _nameless_words(words: Language) -> dict[str, Variable]:
    spec = words.spec
    if not spec.nameless:
        raise SpecError(
            f"the language '{words.name}' has no words for somebody whose name is not known",
            "Add `nameless` to the file of the language, or set full_name: first.",
            ("full_name",),
        )
    scope: dict[str, Variable] = {word: Field((text,)) for word, text in spec.nameless.items()}
    for word, rule in spec.agreement.items():
        number = words.word_after_name(word, spec.nameless["subject"])
        scope[word] = Agreement(words=(rule.nameless - 1 or number,))
    return scope
