"""A biography as anybody would make it: render every sentence with Jinja2, join them, encode the whole text.

From the package it takes only the facts (values of attributes) and the choices (which wordings, in which order). How
they become sentences is its own, and so are the spans: it looks for the values in the text it has made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jinja2
import numpy as np

from pipeline.plan import Plan
from pipeline.sources.knowledge.biographies import Biographies

_HIM = {"he": "him", "she": "her", "they": "them", "it": "it"}
_HIS = {"he": "his", "she": "her", "they": "their", "it": "its"}


def tell(templates: Sequence[str], values: dict[str, Any], *, name_everywhere: bool) -> str:
    """The templates in their order, told of someone: the full name in the first sentence, the pronoun in the others."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    name, pronoun = values["name"], values.get("pronoun")
    text = ""
    for i, template in enumerate(templates):
        named = i == 0 or name_everywhere
        plural = pronoun == "they" and not named
        words: dict[str, Any] = {"verb": lambda one, many, plural=plural: many if plural else one}
        if pronoun:
            words |= {"object": _HIM[pronoun], "possessive": _HIS[pronoun]}
            words |= {"subject": pronoun.capitalize(), "subject_possessive": _HIS[pronoun].capitalize()}
        if named:
            words |= {"subject": name, "subject_possessive": f"{name}'s"}
        text += " " + environment.from_string(template).render({**values, **words})
    return text


def biographies(plan: Plan, source: str, item: Sequence[int], exposure: Sequence[int]) -> Iterator[tuple[int, str]]:
    """(item, text) of each biography."""
    told = plan.sources[source]
    assert isinstance(told, Biographies)
    spec = plan.recipe.sources[source]
    items, exposures = np.array(item, np.int64), np.array(exposure, np.int64)
    wording, order = told.choices(items, exposures)
    for i, person in enumerate(items.tolist()):
        places = range(len(told.sentences)) if order is None else order[i].tolist()
        names = [(told.sentences[s], int(wording[i, s])) for s in places]
        templates = [spec.templates[name][number] for name, number in names]
        yield person, tell(templates, dict(told.world.values(person)), name_everywhere=spec.full_name == "all")


def spans(text: str, values: Sequence[str], offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """(first token, tokens) of every occurrence of a value in the text, values being looked for from left to right."""
    found, at = [], 0
    for value in values:
        first = text.index(value, at)
        at = first + len(value)
        inside = [t for t, (begin, end) in enumerate(offsets) if begin < at and end > first]
        found.append((inside[0], len(inside)))
    return found
