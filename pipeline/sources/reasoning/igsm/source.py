"""The source of problems: items to documents.

    item ──graphs.py──► the problem as numbers ──saying.py──► programs and what they show ──text/──► tokens

An exposure tells the same problem with its sentences in another order, other letters, and other mistakes. Retry data of
item i is the problem of item i without them, sentence for sentence: they have streams of their own.

Letters: d documents, m programs in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I32, I64, U64, threshold
from pipeline.core.errors import RunError
from pipeline.core.key import Key
from pipeline.core.notices import Notice, information
from pipeline.core.table import Column, Strings
from pipeline.sources.reasoning.igsm.layout import LARGEST, MODULUS, STREAMS, Problems
from pipeline.sources.reasoning.igsm.spec import IgsmSpec
from pipeline.sources.reasoning.igsm.steps import Steps, steps_of
from pipeline.sources.reasoning.igsm.vocabulary import table
from pipeline.sources.reasoning.igsm.words import (
    A_VALUE,
    B_VALUE,
    LETTERS,
    PROGRAMS,
    ROLE_OF,
    SLOTS,
    VALUE,
    Lexicon,
    stop,
)
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import SAMPLE, Context, MarkSpec, Source, mask_of, number_of, sample_mean
from pipeline.text.outline import Outline
from pipeline.text.pieces import Piece
from pipeline.text.renderer import Renderer, compile_programs
from pipeline.text.slow_path import Rendered
from pipeline.text.tokenizer import Tokenizer

RETRIES = {"real": 1, "weak": 2, "miss": 3}
ANSWERS = {"last": 0, "first": 1, "none": 2}
CHUNK = 512  # documents whose programs are held at once
ROOM = 100  # programs of a document, about
MOST_PROGRAMS = 24_000  # as saying.py has it
HERE = number_of("hint")  # marks where steps begin


class Igsm(Source):
    """The source. What is drawn comes from its key alone."""

    labels: tuple[str, ...] = ("", "parameter")

    def __init__(self, spec: IgsmSpec, context: Context) -> None:
        assert isinstance(spec.vocabulary, dict), "the spec is materialised"
        self._spec, self._exact = spec, spec.modulus == "exact"
        names, places = table(spec.vocabulary)
        self._draw = _Draw.of(spec, context.key, places)
        self._words = _Words(tuple(names), tuple(_marks(spec).items()), spec.tag, context.tokenizer)
        self._renderer, numbers, self.notices = self._words.compiled(
            1 if self._exact else int(self._draw.rule[MODULUS])
        )
        self._numbers = np.array(numbers, np.int64)
        if self._exact:
            slow = "slow path: documents are rendered and encoded one by one, because numbers are exact"
            self.notices = (information(slow),)
        told = {"tag": spec.tag, "hint": True, "prompt": True, "answer": spec.answer != "none"}
        retry = dict.fromkeys(("mistake", "attempt", "back"), spec.retry)
        if spec.retry and spec.retry.mistake == "weak":
            retry = {"weak" if role == "mistake" else role: there for role, there in retry.items()}
        self.roles = tuple(role for role, there in {**told, **retry}.items() if there)
        self.mask = mask_of(spec, self.roles)
        self._role_of = self._roles()
        self.mean_tokens = sample_mean(self, SAMPLE // 10 if self._exact else SAMPLE)

    def __len__(self) -> int:
        return self._spec.problems

    def topics(self, item: I64) -> list[str]:
        """How many operations each problem takes."""
        return [f"op {op}" for op in self.problems(item).op.tolist()]

    def problems(self, item: I64) -> Problems:
        """The problems of items (d,) as numbers."""
        return self._draw.problems(item)

    def retries(self, item: I64, exposure: I64) -> I32:
        """How often each document takes something back: int32 (d,)."""
        chunks = [self._draw.tell(i, e, self._numbers).retries for i, e in _chunks(item, exposure)]
        return np.concatenate([np.empty(0, np.int32), *chunks])

    def step_columns(self, item: I64, exposure: I64) -> dict[str, Column]:
        """`op` and `retries` of each document, `parameters` (their names, a line each), their `labels`, and `steps`."""
        steps = self.steps(item, exposure)
        return {
            "op": self.problems(item).op.astype(np.int32),
            "retries": self.retries(item, exposure),
            "parameters": Strings.of(["\n".join(names) for names in steps.names]),
            "labels": steps.parameters,
            "steps": steps.steps,
        }

    def steps(self, item: I64, exposure: I64) -> Steps:
        """What probes ask of the documents (d,)."""
        said = self._draw.tell(item, exposure, self._numbers)
        facts = np.arange(len(said.programs), dtype=np.int32)
        begins = np.isin(said.programs, self._numbers[[PROGRAMS.index("define"), PROGRAMS.index("wrong")]])
        marked = Outline(said.programs, facts, said.first, said.rows, begins.astype(np.uint8) * HERE)
        renderer = self._words.rendered(said.rows) if self._exact else self._renderer
        made = renderer.documents(item.size, None, lambda _: marked, spans=False, parts=True)
        assert made.parts is not None, "they were asked for"
        defines = said.programs[begins] == self._numbers[PROGRAMS.index("define")]
        first = np.ones(len(defines), bool)  # where a step begins, or the first mistake before it
        first[1:] = defines[:-1]
        starts = made.parts.values[made.parts.values[:, 2] == HERE, 0]
        return steps_of(self.problems(item), starts[first].astype(np.int64) - 1, self._words.names)

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The problems `item` (d,), told at `exposure` (d,)."""
        told = [self._told(i, e, spans, parts) for i, e in _chunks(item, exposure)]
        return Documents.concat(told or [self._told(item, exposure, spans, parts)])

    def _told(self, item: I64, exposure: I64, spans: bool, parts: bool) -> Documents:
        said = self._draw.tell(item, exposure, self._numbers)
        renderer = self._words.rendered(said.rows) if self._exact else self._renderer
        outline = Outline(said.programs, np.arange(len(said.programs), dtype=np.int32), said.first, said.rows)
        if parts:
            outline = Outline(*_fields(outline), self._role_of[said.programs])
        made = renderer.documents(item.size, None, lambda _: outline, spans=spans, parts=parts)
        if made.parts is not None:
            made = Documents(made.tokens, made.spans, _merged(made.parts))
        return made

    def _roles(self) -> NDArray[np.uint8]:
        """The role of every program, by its number."""
        roles = np.zeros(int(self._numbers.max()) + 1, np.uint8)
        weak = self._spec.retry is not None and self._spec.retry.mistake == "weak"
        for role, names in ROLE_OF.items():
            for name in names:
                number = self._numbers[PROGRAMS.index(name)]
                if number >= 0:
                    roles[number] = number_of("weak" if weak and role == "mistake" else role)
        between = self._numbers[PROGRAMS.index("solution")]
        if self._spec.answer == "first" and between >= 0:  # it stands between the answer and the solution
            roles[between] = 0
        return roles


@dataclass(frozen=True)
class _Words:
    """What documents are told with: names, marks by the names of their programs, what they begin with."""

    names: tuple[str, ...]
    marks: tuple[tuple[str, MarkSpec], ...]
    tag: MarkSpec | None
    tokenizer: Tokenizer

    @lru_cache(16)  # noqa: B019  # the sources of a recipe, and those of recipes like it, share a few kinds of words
    def compiled(self, values: int) -> tuple[Renderer, list[int], tuple[Notice, ...]]:
        """A renderer of the numbers below `values`, the number of each of PROGRAMS, and notices."""
        programs, numbers = self._programs([str(value) for value in range(values)])
        tag = self.tag.piece() if self.tag else None
        renderer, notices = compile_programs(programs, self.tokenizer, SLOTS, tag)
        return renderer, numbers, tuple(notices)

    def rendered(self, rows: I32) -> Renderer:
        """The slow path for numbers of any size; `rows` show their places among those that occur, then."""
        columns = [VALUE, A_VALUE, B_VALUE]
        distinct, places = np.unique(rows[:, columns], return_inverse=True)
        rows[:, columns] = places.reshape(-1, len(columns))
        programs, _ = self._programs([str(value) for value in distinct.tolist()])
        return Rendered(tuple(map(tuple, programs)), self.tokenizer, self.tag.piece() if self.tag else None)

    def _programs(self, values: list[str]) -> tuple[list[list[Piece]], list[int]]:
        marks = {name: mark.piece() for name, mark in self.marks}
        if "back" in marks and marks["back"].special:
            marks["stop"] = stop()
        return Lexicon(self.names, values).programs(marks)


def _marks(spec: IgsmSpec) -> dict[str, MarkSpec]:
    """What is said between sentences, by the names of its programs. Text that takes back ends its sentence itself."""
    back = spec.retry and spec.retry.back
    if not back:
        return spec.between
    return {**spec.between, "back": back if back.token else MarkSpec(text=f"{back.text}.")}


@dataclass(frozen=True)
class _Said:
    """What documents (d,) say: programs (m,), what they show (m, 9), the parameter that each is about (m,)."""

    programs: I32
    rows: I32
    about: NDArray[np.int8]
    first: I64
    retries: I32


@dataclass(frozen=True)
class _Draw:
    """What kernels need to draw problems, and to say them."""

    rule: I64
    chances: tuple[U64, U64, U64]
    keys: U64
    places: I64
    manner: I64
    rate: np.uint64
    share: np.uint64

    @classmethod
    def of(cls, spec: IgsmSpec, key: Key, places: I64) -> _Draw:
        """The draws of a source with this key."""
        streams = [key.child(name) for name in STREAMS]
        keys = np.array([(stream.high, stream.low) for stream in streams], np.uint64)
        kind, present, rate, share = 0, 1, np.uint64(0), np.uint64(0)
        if spec.retry:
            kind, present = RETRIES[spec.retry.mistake], spec.retry.present
            rate, share = threshold(spec.retry.rate), threshold(spec.retry.share)
        manner = [spec.format == "qp", ANSWERS[spec.answer], spec.background, kind, present]
        return cls(spec.rule(), spec.chances(), keys, places, np.array(manner, np.int64), rate, share)

    def problems(self, item: I64) -> Problems:
        """The problems of items (d,). RunError where one cannot be found."""
        from pipeline.sources.reasoning.igsm import graphs

        drawn, items = Problems.empty(item.size), np.ascontiguousarray(item, np.int64)
        law = (self.rule, *self.chances, self.keys, self.places)
        found = graphs.draw(items, *law, LETTERS, *drawn.arrays)
        if found < item.size:
            raise RunError(
                f"no problem was found for item {item[found]}", "Ask for fewer operations, or allow more parameters."
            )
        return drawn

    def tell(self, item: I64, exposure: I64, numbers: I64) -> _Said:
        """What documents (d,) say; numbers: of each of PROGRAMS. RunError where there is no problem for an item."""
        from pipeline.sources.reasoning.igsm import saying

        items, turns = np.ascontiguousarray(item, np.int64), np.ascontiguousarray(exposure, np.int64)
        drawn = self.problems(items)
        first, retries = np.zeros(item.size + 1, np.int64), np.zeros(item.size, np.int32)
        modulus = 0 if self.rule[LARGEST] else int(self.rule[MODULUS])
        manner = (self.keys, self.manner, self.rate, self.share, numbers, modulus)
        room = item.size * ROOM + MOST_PROGRAMS
        while True:
            programs, rows = np.empty(room, np.int32), np.empty((room, SLOTS), np.int32)
            said = programs, rows, np.empty(room, np.int8)
            done = saying.tell(items, turns, *drawn.arrays, *manner, *said, first, retries)  # type: ignore[call-arg]
            if done == item.size:
                used = first[-1]
                return _Said(programs[:used], rows[:used], said[2][:used], first, retries)
            room *= 2


def _chunks(item: I64, exposure: I64) -> Iterator[tuple[I64, I64]]:
    for first in range(0, item.size, CHUNK):
        yield item[first : first + CHUNK], exposure[first : first + CHUNK]


def _fields(outline: Outline) -> tuple[I32, I32, I64, I32]:
    return outline.programs, outline.facts, outline.first, outline.rows


def _merged(parts: Ragged) -> Ragged:
    """Neighbouring rows (start, length, role) of one role in a document as one."""
    rows = parts.values
    document = np.repeat(np.arange(len(parts)), parts.lengths)
    begins = np.ones(len(rows), bool)
    same = (rows[1:, 2] == rows[:-1, 2]) & (document[1:] == document[:-1])
    begins[1:] = ~(same & (rows[:-1, 0] + rows[:-1, 1] == rows[1:, 0]))
    at = np.flatnonzero(begins)
    if not len(at):
        return parts
    lengths = np.add.reduceat(rows[:, 1], at)
    merged = np.column_stack([rows[at, 0], lengths, rows[at, 2]]).astype(np.int32)
    return Ragged(merged, offsets_of(np.bincount(document[at], minlength=len(parts))))


register(
    SourceKind(
        "igsm",
        IgsmSpec,
        Igsm,
        "grade-school mathematics, solved step by step, also with mistakes that are taken back (2.1, 2.2)",
        kernels=("pipeline.sources.reasoning.igsm.graphs", "pipeline.sources.reasoning.igsm.saying"),
        verifier="pipeline.evaluate.checking.igsm.rules:VERIFIER",
    )
)
