"""`probes`: which values a probe should read off a model's layers, and at which token (Part 3.1, section 5).

Letters: d documents (a row each), m probes in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.columns.column import ColumnKind, PackedDocuments, PlannedSplit, SplitSize
from pipeline.columns.fields import Records, Single
from pipeline.columns.spans import check_attributes
from pipeline.core.documents import offsets_of
from pipeline.core.draws import I32
from pipeline.core.errors import SpecError
from pipeline.core.files import MOST_VALUES
from pipeline.core.narrow_integers import narrowed
from pipeline.core.table import Column, Lists

if TYPE_CHECKING:
    from pipeline.text.pieces import Piece
    from pipeline.text.tokenizer import Tokenizer
    from pipeline.worlds.world import World


class Probes(ColumnKind):
    """For each row `individual` int64, and one record for each probed attribute, in order of position.

    position: the token before the attribute's first value in the row (P-probing); the last token if the row shows no
    value (Q-probing). first_token: the first id of the value within a text. value: its number among the attribute's
    distinct values; -1 if these are too many.
    """

    name = "probes"
    order = 7
    summary = "attribute, position, first_token and value of what a probe reads off the layers"
    fields: ClassVar = {
        "individual": Single("int64"),
        name: Records(attribute="uint8", position="int32", first_token="int32", value="int32"),  # noqa: S106  # no password
    }
    needs_spans = True

    def check(self, split: PlannedSplit) -> None:
        """SpecError unless each row holds one document, all sources are about worlds, with 255 attributes at most."""
        split.check_rows(self.name)
        for name, source in split.sources.items():
            if source.world is None:
                raise SpecError(
                    f"'{name}' has no values to probe: it is about no world", "Leave it out.", split.at(self.name)
                )
        check_attributes(split, self.name)

    def texts(self, split: PlannedSplit) -> Iterator[str]:
        worlds = (source.world for source in split.sources.values() if source.world)
        for world in worlds:
            for attribute in probed(world):
                yield from _within_text(world.fields[attribute].pieces[0])

    def bytes(self, size: SplitSize) -> int:
        return size.documents * size.values * 16

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        return {"individual": packed.individual, self.name: _probes(packed)}

    def meaning(self, split: Mapping[str, Any]) -> str:
        return f"`probes.attribute` is an index into {split['attributes']}"


def _probes(packed: PackedDocuments) -> Lists:
    documents = packed.documents
    assert documents.spans is not None, "they were asked for"
    tables: list[NDArray[np.int64]] = [np.empty((0, 5), np.int64)]
    document = np.repeat(np.arange(len(documents)), documents.spans.lengths)
    start, label = documents.spans.values[:, 0], documents.spans.values[:, 2]
    for source, rows in packed.by_source():
        world = source.world
        assert world is not None, "the plan refuses it"
        facts = world.rows(packed.individual[rows])
        for attribute in probed(world):
            number = packed.attributes.index(attribute)
            position = documents.tokens.lengths - 1
            spans = np.flatnonzero(label == number)[::-1]  # reversed, so that a document's first span is written last
            position[document[spans]] = start[spans] - 1
            first_token, value = Classes.of(world, attribute, packed.tokenizer)(facts)
            columns = (rows, np.full(rows.size, number), position[rows], first_token, value)
            tables.append(np.column_stack(columns).astype(np.int64))
    table = np.concatenate(tables)
    table = table[np.lexsort((table[:, 1], table[:, 2], table[:, 0]))]
    types = {"attribute": np.uint8, "position": np.int32, "first_token": np.int32, "value": np.int32}
    fields = {
        name: narrowed(table[:, i], type_, f"{name} of a probe") for i, (name, type_) in enumerate(types.items(), 1)
    }
    return Lists(offsets_of(np.bincount(table[:, 0], minlength=len(documents))), fields)


def probed(world: World) -> list[str]:
    """The attributes to probe: all except names and pronouns."""
    kinds = {name: spec.kind for name, (_, spec, _) in world.spec.expanded.items()}
    return [name for name in world.fields if kinds[name] not in ("name", "pronoun")]


def _within_text(first: Piece) -> list[str]:
    """The rows of the first piece of a value, as they stand behind other words."""
    return [] if first.texts.codes else [" " + row for row in first.texts.rows]


class Classes:
    """What probes of an attribute predict: the value's first token, and its number among the distinct values."""

    def __init__(self, world: World, attribute: str, tokenizer: Tokenizer) -> None:
        from pipeline.text.fields import Column as Values

        field = world.fields[attribute]
        columns = [piece for piece in field.format if isinstance(piece, Values)]
        self._slots = tuple(dict.fromkeys(column.slot for column in columns))
        self._sizes = tuple(world.sizes(slot) for slot in self._slots)
        first = field.pieces[0]
        assert isinstance(first.slot, int)
        self._first_slot = first.slot
        if first.texts.codes:
            self._first = np.array([code[0] for code in first.texts.codes], np.int32)
        else:
            encodings = tokenizer.encodings(_within_text(first))
            self._first = np.array(
                [next(i for i, (_, end) in zip(e.ids, e.offsets, strict=True) if end > 1) for e in encodings], np.int32
            )
        self._value = None
        if prod(self._sizes) <= MOST_VALUES:
            numbers: dict[str, int] = {}
            texts = (field.text(dict(zip(self._slots, at, strict=True))) for at in np.ndindex(self._sizes))
            self._value = np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int32)

    @staticmethod
    @cache
    def of(world: World, attribute: str, tokenizer: Tokenizer) -> Classes:
        """The same as the constructor, computed once in a process."""
        return Classes(world, attribute, tokenizer)

    def __call__(self, rows: I32) -> tuple[I32, I32]:
        """First token and number of the value that each row of facts shows. rows (d, slots); int32 (d,) both."""
        first = self._first[rows[:, self._first_slot]]
        if self._value is None:
            return first, np.full(len(rows), -1, np.int32)
        return first, self._value[np.ravel_multi_index(tuple(rows[:, slot] for slot in self._slots), self._sizes)]


COLUMN = Probes()
