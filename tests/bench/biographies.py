"""The biographies of bioS_multi5 as other programs make them: from templates and strings, with the same draws as ours.

Only who stands where, and which wording tells it, is taken from the package (vectorised, a few per cent of the time);
the words themselves are put together again here, from the recipe's templates and values.

Letters: d documents, s sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from pipeline.plan.plan import Plan
from pipeline.sources.knowledge.biographies import Biographies as Source
from pipeline.sources.knowledge.biography_spec import BiographiesSpec
from pipeline.text.fields import Column

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

WORDS = {  # subject, its possessive, object, possessive: of the sentences after the first
    "he": ("He", "His", "him", "his"),
    "she": ("She", "Her", "her", "her"),
}


def singular(one: str, many: str) -> str:
    """`verb` in templates: nobody here is a `they`."""
    return one


class Value(str):
    """A value with its forms, such as `the`, which templates show as `university.the`."""

    __slots__ = ("the",)

    def __new__(cls, text: str, the: str) -> Value:
        value = super().__new__(cls, text)
        value.the = the
        return value


@dataclass(frozen=True)
class Drawn:
    """What stands at d positions: the person's rows in the tables of values (d, slots), the wordings (s, d)."""

    rows: I32
    wordings: list[I32]


class Biographies:
    """Who and which wording, and the columns of values they point into."""

    def __init__(self, plan: Plan) -> None:
        spec = plan.recipe.sources["biographies"]
        assert isinstance(spec, BiographiesSpec), "the recipe is of the bioS family"
        assert isinstance(spec.templates, dict), "a loaded recipe holds its templates"
        assert isinstance(spec.paraphrases, int), "bioS_multi5 has five"
        assert (spec.permutations, spec.full_name) == ("fixed", "first"), "bioS_multi5 has one order of sentences"
        self.split = plan.splits["train"]
        self.sentences = list(spec.sentences or ())
        self.lines = [spec.templates[sentence] for sentence in self.sentences]
        self._world = plan.worlds[spec.world]
        source = plan.sources["biographies"]
        assert isinstance(source, Source), "the recipe has one source, of biographies"
        self._source = source

    def draw(self, positions: I64) -> Drawn:
        """What stands at the positions (d,)."""
        located = self.split.locate(positions)
        wordings = self._source.choices(located.item, located.exposure).wordings
        return Drawn(self._world.rows(located.item), list(wordings.T))

    def columns(self, attribute: str) -> list[Column]:
        """The tables that an attribute's text is put together from: three for a name or a date, otherwise one."""
        return [piece for piece in self._world.fields[attribute].format if isinstance(piece, Column)]

    def shown(self, attribute: str, row: list[int]) -> str:
        """An attribute of one person as text, `row` being one row of `Drawn.rows`."""
        pieces = self._world.fields[attribute].format
        text = "".join(piece if isinstance(piece, str) else str(piece.values[row[piece.slot]]) for piece in pieces)
        form = self.form(attribute)
        return Value(text, str(form.values[row[form.slot]])) if form else text

    def form(self, attribute: str) -> Column | None:
        """The values of an attribute with their articles; None where they have none."""
        return self._world.fields[attribute].parts.get("the")


class Strings:
    """All texts that documents are joined from, rendered ahead: a document is 12 strings, one from each table.

    " Ann " "Lee " "Ray" " was born on " "May 1, " "1990" "." " She was raised in Troy, NY." …: what varies with one
    value and one wording only is a finished sentence. The end token's text is the end of the last one.
    """

    def __init__(self, source: Biographies, eos: str) -> None:
        self._source = source
        (pronoun,) = source.columns("pronoun")
        self._slot, self._pronouns = pronoun.slot, [str(value) for value in pronoun.values]
        first, middle, last = source.columns("name")
        month, day, year = source.columns("birth_date")
        between, after = self._around_the_date()
        self.tables = [
            [f" {value} " for value in first.values],
            [f"{value} " for value in middle.values],
            list(map(str, last.values)),
            between,
            [f"{m} {d}, " for m, d in zip(month.values, day.values, strict=True)],
            list(map(str, year.values)),
            after,
            *(self._finished(s) for s in range(1, len(source.sentences))),
        ]
        self.tables[-1] = [text + eos for text in self.tables[-1]]

    def indices(self, drawn: Drawn) -> list[I32]:
        """For each table the row that each document shows: (d,) each."""
        rows, wordings = drawn.rows, drawn.wordings
        first, middle, last = (rows[:, column.slot] for column in self._source.columns("name"))
        month, _, year = self._source.columns("birth_date")
        pronoun = rows[:, self._slot]
        opening = pronoun * len(self._source.lines[0]) + wordings[0]
        found = [first, middle, last, opening]
        found += [rows[:, month.slot], rows[:, year.slot], opening]  # a month and its day are of one slot
        for s in range(1, len(wordings)):
            (column,) = self._source.columns(self._source.sentences[s])
            told = pronoun * len(self._source.lines[s]) + wordings[s]
            found.append(told * len(column.values) + rows[:, column.slot])
        return [np.ascontiguousarray(table, np.int32) for table in found]

    def _around_the_date(self) -> tuple[list[str], list[str]]:
        """The words between name and date, and after the date: by pronoun, then wording."""
        found = []
        for pronoun, line in product(self._pronouns, self._source.lines[0]):
            _, _, object_, possessive = WORDS[pronoun]
            words = {"subject": "\0", "subject_possessive": "\0's", "object": object_, "possessive": possessive}
            found.append(_render(line, **words, birth_date="\0").split("\0"))
        assert all(len(parts) == 3 and parts[0] == "" for parts in found), "a name, then a date"
        return [parts[1] for parts in found], [parts[2] for parts in found]

    def _finished(self, s: int) -> list[str]:
        """Sentence s, a space before it: by pronoun, wording and value."""
        sentence, lines = self._source.sentences[s], self._source.lines[s]
        (column,), form = self._source.columns(sentence), self._source.form(sentence)
        texts = []
        for pronoun, line in product(self._pronouns, lines):
            names = ("subject", "subject_possessive", "object", "possessive")
            words = dict(zip(names, WORDS[pronoun], strict=True))
            text = " " + _render(line, **words, **{sentence: Value("\0", the="\1")})
            pairs = zip(column.values, form.values if form else column.values, strict=True)
            texts += [text.replace("\0", str(value)).replace("\1", str(the)) for value, the in pairs]
        return texts


def _render(line: str, **words: Any) -> str:
    return str(jinja2.Template(line).render(**words, verb=singular))
