"""Finds values of lists inside of words: a line that says "in Boston" is true of few people.

    values     Boston · New York, NY · May · 28          a first word → the values that begin with it
    words      "… lives in New York, NY, …"              found at the word New, and so refused

A value counts where it stands between ends of words. One that is a single word must agree in case, since "may" is no
month; several words, or digits, need not.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from pipeline.text.fields import Column, Field
from pipeline.worlds.world import World

_WORD = re.compile(r"\w+")


class Values:
    """The values to look for."""

    def __init__(self, values: Iterable[str]) -> None:
        self._by_word: dict[str, list[str]] = defaultdict(list)
        for value in dict.fromkeys(values):
            if first := _WORD.search(value):
                self._by_word[first[0].casefold()].append(value[first.start() :])

    @classmethod
    def of(cls, world: World, language: str) -> Values:
        """All values of a world's lists, as they are and in a language. Those of pronouns are looked for elsewhere."""
        pronoun = world.of_kind("pronoun")
        tables = ({**world.fields}, world.fields_in(language))
        fields = [field for table in tables for name, field in table.items() if name != pronoun]
        return cls(value for field in fields for value in _values(field))

    def within(self, text: str) -> str:
        """The first value that stands in a text; "" if none does.

        >>> values = Values(["Boston", "May", "New York, NY"])
        >>> [values.within(text) for text in ("she may", "of May", "in new york, ny.")]
        ['', 'May', 'New York, NY']
        """
        for word in _WORD.finditer(text):
            for value in self._by_word.get(word[0].casefold(), ()):
                there = text[word.start() : word.start() + len(value)]
                after = text[word.start() + len(value) :][:1]
                loose = len(_WORD.findall(value)) > 1
                same = there.casefold() == value.casefold() if loose else there == value
                if same and not (after.isalnum() and value[-1:].isalnum()):
                    return value
        return ""


def _values(field: Field) -> Iterator[str]:
    columns = [piece for piece in field.format if isinstance(piece, Column)]
    for column in [*columns, *field.parts.values()]:
        if column.codes is None:
            yield from (str(value) for value in column.values if len(str(value)) > 1 or str(value).isdigit())
