"""Questions as anybody would make them: cut the line at its bars, render each part with Jinja2, put a space before it.

Chinese has no space there.

From the package it takes only the facts (values of attributes) and the choices (which line, whether its hint is told,
who the second individual is). Whom and what an item is about it works out for itself, and the answers too, from the
values as they are shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import jinja2
import numpy as np

from pipeline.core.files import library
from pipeline.plan.plan import Plan
from pipeline.sources.knowledge.questions import Questions, QuestionsSpec
from pipeline.sources.spec import MarkSpec
from pipeline.worlds.world import World
from tests.reference.biographies import UNSPACED
from tests.reference.relations import others

# {{ birth_city }}, {{ other_name.first }}, {{ mother.birth_city }} or {{ major | upper }}; words, and the marked value
# after them, if any; a bar outside of braces, where it would be a filter.
VALUE = re.compile(r"\{\{ (?:other_)?(\w+(?:\.\w+)*)(?: \| [^{}]+)? \}\}")
SHOWN = re.compile("([^\ue000]*)(?:\ue000([\\w.]+)\ue001([^\ue002]*)\ue002)?")
BAR = re.compile(r" \| (?![^{}]*[%}]\})")
MAJORS = (library("recipes") / "values/people/majors.txt").read_text().splitlines()


@dataclass(frozen=True)
class Asked:
    """A document: what it asks about whom, and its parts (role, text), which one after the other are all of it.

    values: (attribute, first character, end) of each value that it shows, in order.
    """

    question: str
    individual: int
    other: int
    parts: tuple[tuple[str, str], ...]
    values: tuple[tuple[str, int, int], ...]

    @classmethod
    def of(cls, question: str, individual: int, other: int, marked: Sequence[tuple[str, str]]) -> Asked:
        """From parts in which the values are marked."""
        values, text = [], ""
        for _, part in marked:
            for words, attribute, value in SHOWN.findall(part):
                text += words + value
                values += [(attribute, len(text) - len(value), len(text))] * bool(value)
        parts = tuple((role, SHOWN.sub(r"\1\3", part)) for role, part in marked)
        return cls(question, individual, other, parts, tuple(values))

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(text for _, text in self.parts)


def members(plan: Plan, world: str, group: str | None) -> range:
    """The individuals of a group, from the recipe."""
    spec = plan.recipe.worlds[world]
    first, last = spec.groups[group] if group else (0, 1)
    return range(int(first * spec.size), int(last * spec.size))


def people(world: World, group: range, lines: Sequence[tuple[str, str]]) -> range:
    """Those of a group who have somebody wherever the lines lead: all of them, or those from somebody on."""
    there = np.ones(len(group), bool)
    for path in {path for _, line in lines for path in VALUE.findall(line)}:
        at, of = np.array(group, np.int64), world
        for step in path.split("."):
            if step in of.relations:
                at = np.where(at < 0, -1, of.relations[step](np.maximum(at, 0)))
                of = of.other(step)
        there &= at >= 0
    first = int(np.argmax(there))
    assert there[first:].all()
    return range(group.start + first, group.stop)


def questions(plan: Plan, source: str, item: Sequence[int], exposure: Sequence[int]) -> Iterator[Asked]:
    """What the source should say of each item at each exposure."""
    told, spec = plan.sources[source], plan.recipe.sources[source]
    assert isinstance(told, Questions)
    assert isinstance(spec, QuestionsSpec)
    templates = spec.templates
    assert isinstance(templates, dict)
    names = spec.questions or sorted(templates)
    lines = [(name, line) for name in names for line in templates[name]]
    items, exposures = np.array(item, np.int64), np.array(exposure, np.int64)
    one = items // len(names) + people(told.world, members(plan, spec.world, spec.only), lines).start
    two = told.others(items, exposures)
    asked = np.unique(np.concatenate([one, two]))
    fields = told.world.fields_in(spec.language)
    known = {
        person: others(told.world, person) | {name: field.value(dict(enumerate(row))) for name, field in fields.items()}
        for person, row in zip(asked.tolist(), told.world.rows(asked).tolist(), strict=True)
    }
    drawn = (column.tolist() for column in (one, two, *told.choices(items, exposures)))
    for i, first, second, line, hinted in zip(item, *drawn, strict=True):
        name, text = lines[line]
        assert name == names[i % len(names)], "the line is one of another question"
        values = known[first] | {f"other_{key}": value for key, value in known[second].items()}
        yield Asked.of(name, first, second, list(_parts(spec, told.world, text, values, hinted)))


def _parts(
    spec: QuestionsSpec, world: World, line: str, values: dict[str, Any], hinted: bool
) -> Iterator[tuple[str, str]]:
    """(role, text) of a line told of someone, its values marked."""
    if spec.tag:
        yield "tag", words(spec.tag)
    space = "" if spec.language in UNSPACED else " "
    prompt, *others = (
        space + _without_articles(_template(part, world).render(values), values) for part in BAR.split(line)
    )
    yield "prompt" if others else "", prompt
    if len(others) == 2 and spec.hints:
        yield "prompt", words(spec.hints.hinted if hinted else spec.hints.direct)
    if hinted:
        yield "hint", others[0]
    if others:
        yield "answer", others[-1]


def words(mark: MarkSpec) -> str:
    """A mark as it stands in a text: a token as it is, words with a space before them."""
    return mark.token or f" {mark.text}"


def label(world: World, path: str) -> str:
    """Whose value a path shows: that of an attribute, of a relation where it is a name, or else of the whole path."""
    steps = path.split(".")
    for taken, step in enumerate(steps, 1):
        if step not in world.relations:
            named = taken > 1 and step == world.of_kind("name")
            return ".".join(steps[: taken - named])
        world = world.other(step)
    return path


@cache
def _template(text: str, world: World) -> jinja2.Template:
    marked = VALUE.sub(lambda found: f"\ue000{label(world, found[1])}\ue001{found[0]}\ue002", text)
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(marked)


def _without_articles(marked: str, values: Mapping[str, Any]) -> str:
    """The same text, the words around a value, such as its article, outside of its marks."""

    def narrowed(found: re.Match[str]) -> str:
        plain = (str(values[key]) for key in (found[1], f"other_{found[1]}") if key in values)
        value = max((one for one in plain if found[2].endswith(one)), key=len, default=found[2])
        return f"{found[2].removesuffix(value)}\ue000{found[1]}\ue001{value}\ue002"

    return re.sub("\ue000([\\w.]+)\ue001([^\ue002]*)\ue002", narrowed, marked)


# ── the answers to the questions of the library, computed from values as they are shown ─────────────────────────────


@dataclass(frozen=True)
class Person:
    """What an answer is computed from. luck: the line of the major in its file, from 0."""

    values: Mapping[str, str]
    month: int
    day: int
    year: int
    luck: int

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Person:
        """From attribute → value."""
        shown = {name: str(value) for name, value in values.items()}
        born = datetime.strptime(shown["birth_date"], "%B %d, %Y")
        return cls(shown, born.month, born.day, born.year, MAJORS.index(shown["major"]))


def yes(holds: bool) -> str:
    """As it is answered."""
    return "Yes" if holds else "No"


def _two(first: str, second: str) -> Callable[[Person, Person], str]:
    return lambda one, _: f"{one.values[first]}; {one.values[second]}"


def _shown(attribute: str) -> Callable[[Person, Person], str]:
    return lambda one, _: one.values[attribute]


ASKED_ALONE = ("birth_city", "birth_date", "company_city", "employer", "major", "university")
SEARCHES = ("all", "birth", "date", "four", "three")
ANSWERS: dict[str, Callable[[Person, Person], object]] = {
    **{attribute: _shown(attribute) for attribute in ASKED_ALONE},
    **{f"{search}_full": _shown("name") for search in SEARCHES},
    **{f"{search}_first": lambda one, _: one.values["name"].split()[0] for search in SEARCHES},
    "birth_day": lambda one, _: one.day,
    "birth_year": lambda one, _: one.year,
    "city_employer": _two("birth_city", "employer"),
    "employer_city": _two("employer", "birth_city"),
    "employer_workplace": _two("employer", "company_city"),
    "workplace_employer": _two("company_city", "employer"),
    "major_university": _two("major", "university"),
    "university_major": _two("university", "major"),
    "month_mod_2": lambda one, _: yes(one.month % 2 == 0),
    "month_mod_6": lambda one, _: one.month % 6,
    "month_mod_12": lambda one, _: one.month,
    "luckiness_mod_5": lambda one, _: one.luck % 5,
    "luckiness_mod_20": lambda one, _: one.luck % 20,
    "luckiness_mod_100": lambda one, _: one.luck % 100,
    "month_ranking": lambda one, other: yes(one.month > other.month),
    "day_ranking": lambda one, other: yes(one.day > other.day),
    "major_ranking": lambda one, other: yes(one.luck > other.luck),
    "month_subtraction": lambda one, other: one.month - other.month,
    "day_subtraction": lambda one, other: one.day - other.day,
    "major_subtraction": lambda one, other: one.luck - other.luck,
}
