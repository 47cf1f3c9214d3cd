"""Columns of rows that a model is examined with: what it is asked and should answer, and what its layers should know.

Letters: d documents (a row each), m probes in all of them.
"""

from __future__ import annotations

from functools import cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import ROLES, Documents, offsets_of
from pipeline.core.draws import I32, I64
from pipeline.core.files import MOST_VALUES
from pipeline.core.narrow import narrowed
from pipeline.core.table import Column, Lists, Strings
from pipeline.packing.packing import Sequences
from pipeline.plan.plan import Located, Plan, SplitPlan
from pipeline.sources.source import Parsed, Stepped
from pipeline.text.fields import Column as Values
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds.world import World


def columns(plan: Plan, split: SplitPlan, documents: Documents, located: Located) -> dict[str, Column]:
    """`individual`, and as asked for: `question`, `prompt`, `hint`, `answer` (answers); `probes`; those of `steps`."""
    individual = np.full(len(documents), -1, np.int64)
    topic = [""] * len(documents)
    for s, name in enumerate(split.sources):
        mine = np.flatnonzero(located.source == s)
        individual[mine] = plan.sources[name].individuals(located.item[mine])
        for row, said in zip(mine.tolist(), plan.sources[name].topics(located.item[mine]), strict=True):
            topic[row] = said
    found: dict[str, Column] = {"individual": individual}
    if "answers" in split.columns:
        found |= {"question": Strings.of(topic), **_answers(plan.tokenizer, documents)}
    if "probes" in split.columns:
        found["probes"] = _probes(plan, split, documents, located, individual)
    if "steps" in split.columns:
        source = plan.sources[split.sources[0]]
        assert isinstance(source, Stepped), "the plan refuses it"
        found |= source.step_columns(located.item, located.exposure)
    return found


def trees(plan: Plan, split: SplitPlan, sequences: Sequences, located: Located) -> dict[str, Column]:
    """What each token is part of (Part 1: the ancestors and boundaries that its probes look for).

    ancestors: int16 (S, L, levels - 1), the symbols above it from the root down, by their numbers in the grammar; -1
    where there are none, as above BOS and padding. boundaries: uint8 (S, L), how many of them end with it.
    """
    source = plan.sources[split.sources[0]]
    assert isinstance(source, Parsed), "the plan refuses it"
    above, ends = source.trees(located.item, located.exposure)
    start, length, document, offset = sequences.pieces.values.T
    row = np.repeat(np.arange(len(sequences)), sequences.pieces.lengths)
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    there = np.repeat(row * sequences.input_ids.shape[1] + start, length) + within
    here = np.repeat(above.offsets[document] + offset, length) + within
    ancestors = np.full((sequences.input_ids.size, above.values.shape[1]), -1, np.int16)
    boundaries = np.zeros(sequences.input_ids.size, np.uint8)
    ancestors[there], boundaries[there] = above.values[here], ends[here]
    shape = sequences.input_ids.shape
    return {"ancestors": ancestors.reshape(*shape, ancestors.shape[1]), "boundaries": boundaries.reshape(shape)}


def _answers(tokenizer: Tokenizer, documents: Documents) -> dict[str, Column]:
    """The parts of each row as text, without the space that they begin with.

    A row of several questions is asked the last of them: what is answered before is a part of its prompt.
    """
    assert documents.parts is not None, "they were asked for"
    tokens, parts = documents.tokens, documents.parts
    ids: dict[str, list[list[int]]] = {"prompt": [], "hint": [], "answer": []}
    for i in range(len(documents)):
        tokens_of = tokens.values[tokens.offsets[i] : tokens.offsets[i + 1]]
        rows = parts.values[parts.offsets[i] : parts.offsets[i + 1]].tolist()
        asked = max((start + length for start, length, role in rows if ROLES[role] == "prompt"), default=0)
        ids["prompt"].append(tokens_of[:asked].tolist())  # from its beginning: a tag is part of it
        for wanted in ("hint", "answer"):
            mine = [(start, start + length) for start, length, role in rows if ROLES[role] == wanted and start >= asked]
            first, last = (mine[0][0], mine[-1][1]) if mine else (0, 0)
            ids[wanted].append(tokens_of[first:last].tolist())
    texts = {role: [text.removeprefix(" ") for text in tokenizer.decode_all(of)] for role, of in ids.items()}
    return {role: Strings.of(said) for role, said in texts.items()}


def _probes(plan: Plan, split: SplitPlan, documents: Documents, located: Located, individual: I64) -> Lists:
    """Per row, in order of position, what is to be read off where: attribute, position, first_token and value.

    P-probing (Part 3.1, section 5): the position is the token before the attribute's first value in the row. Where the
    row does not tell it, as in Q-probing, it is the last token. first_token is the first id of the value as it stands
    in a text; value its number among the distinct values, -1 where there are too many to number.
    """
    assert documents.spans is not None, "they were asked for"
    found: list[NDArray[np.int64]] = []
    of_document = np.repeat(np.arange(len(documents)), documents.spans.lengths)
    start, label = documents.spans.values[:, 0], documents.spans.values[:, 2]
    for s, name in enumerate(split.sources):
        world = plan.sources[name].world
        assert world is not None, "the plan refuses it"
        mine = np.flatnonzero(located.source == s)
        rows = world.rows(individual[mine])
        for attribute in probed(world):
            number = split.attributes.index(attribute)
            position = documents.tokens.lengths - 1
            told = np.flatnonzero(label == number)[::-1]  # so that the first of a document is written last
            position[of_document[told]] = start[told] - 1
            classes = Classes.of(world, attribute, plan.tokenizer)
            columns = (np.full(mine.size, number), position[mine], *classes(rows))
            found.append(np.column_stack([mine, *columns]).astype(np.int64))
    table = np.concatenate([np.empty((0, 5), np.int64), *found])
    table = table[np.lexsort((table[:, 1], table[:, 2], table[:, 0]))]
    names = {"attribute": np.uint8, "position": np.int32, "first_token": np.int32, "value": np.int32}
    fields = {
        name: narrowed(table[:, i], kind, f"{name} of a probe") for i, (name, kind) in enumerate(names.items(), 1)
    }
    return Lists(offsets_of(np.bincount(table[:, 0], minlength=len(documents))), fields)


def probed(world: World) -> list[str]:
    """The attributes that are probed: all but names and pronouns."""
    kinds = {name: spec.kind for name, (_, spec, _) in world.spec.expanded.items()}
    return [name for name in world.fields if kinds[name] not in ("name", "pronoun")]


class Classes:
    """The values of an attribute as classes: the first token of each, and its number among the distinct ones."""

    def __init__(self, world: World, attribute: str, tokenizer: Tokenizer) -> None:
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
            encodings = tokenizer.encodings([" " + row for row in first.texts.rows])
            self._first = np.array(
                [next(i for i, (_, end) in zip(e.ids, e.offsets, strict=True) if end > 1) for e in encodings], np.int32
            )
        self._value = None
        if prod(self._sizes) <= MOST_VALUES:
            numbers: dict[str, int] = {}
            shown = (field.text(dict(zip(self._slots, at, strict=True))) for at in np.ndindex(self._sizes))
            self._value = np.array([numbers.setdefault(text, len(numbers)) for text in shown], np.int32)

    @staticmethod
    @cache
    def of(world: World, attribute: str, tokenizer: Tokenizer) -> Classes:
        """The classes, found once in a process."""
        return Classes(world, attribute, tokenizer)

    def __call__(self, rows: I32) -> tuple[I32, I32]:
        """First token and number (d,) of what rows (d, slots) show."""
        first = self._first[rows[:, self._first_slot]]
        if self._value is None:
            return first, np.full(len(rows), -1, np.int32)
        return first, self._value[np.ravel_multi_index(tuple(rows[:, slot] for slot in self._slots), self._sizes)]
