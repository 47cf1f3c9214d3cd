"""What a function of the user's returns, in every form, as flat arrays of parts.

    "a text"                                     {"prompt": "12 + 35 =", "answer": " 47"}
    [("prompt", "…"), ("answer", "…"), …]        Document([Part(" Oslo", "answer", "city"), …], topic="capital")

A content is a text; in a source of symbols it is their names, a text with blanks between them or a sequence, or their
numbers. For a batch of d items each content is a column of d such contents, and numbers may be an array (d, n), in
which -1 is no symbol; or the function returns a list of d documents.

Letters: d documents, m parts of them in all, T symbols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import ROLES
from pipeline.core.draws import I32, I64
from pipeline.core.errors import SpecError, holds_surrogate, suggest

FORMS = "It returns a text, {role: content}, a list of (role, content), or a Document."
MOST_TEXT = 4_000_000  # characters: a sample of sixty such documents fits into memory
_AT = ("function",)


class Part(NamedTuple):
    """A part of a document. content: a text, or symbols. role: one of `ROLES`, or "". label: what its text states, such
    as the name of an attribute: the column `spans` has its place."""

    content: Any
    role: str = ""
    label: str = ""


class Document(NamedTuple):
    """A document, or a batch of documents of the same parts. parts: in any of the forms. topic: a word for what it is
    about, by which `score` tells results apart, or a column of them."""

    parts: Any
    topic: Any = ""


One = tuple[list[tuple[Any, int, int]], str]
"""A document: (content, role, label) of each part, and its topic."""


class Made(NamedTuple):
    """d documents. counts int64 (d,): parts of each. roles uint8 (m,), labels int32 (m,): of each part; a label is an
    index into `names`, where 0 is none. topics (d,). texts (m,), or None for symbols: then part i has lengths[i] of the
    numbers values int32 (T,)."""

    counts: I64
    roles: NDArray[np.uint8]
    labels: I32
    values: I32
    lengths: I64
    names: tuple[str, ...]
    topics: list[str]
    texts: list[str] | None


_ARRAYS = ("counts", "roles", "labels", "values", "lengths")


class Reader:
    """Reads what a function returns. symbols: the names of its alphabet; None for a source of texts.

    names: the labels that parts may have, "" first; None: any, in the order in which they come.
    """

    def __init__(self, symbols: Sequence[str] | None, names: Sequence[str] | None = None) -> None:
        self._numbers = None if symbols is None else {name: i for i, name in enumerate(symbols)}
        self._labels = {name: i for i, name in enumerate(names or ("",))}
        self._closed = names is not None

    def one(self, returned: Any) -> One:
        """A document. SpecError for what is none."""
        parts, topic = self._parts(returned)
        read = [(self._content(part.content), ROLES.index(part.role), self._labels[part.label]) for part in parts]
        return read, _topic(topic)

    def many(self, ones: Sequence[One]) -> Made:
        """Documents that were read one by one, together."""
        parts = [part for of_one, _ in ones for part in of_one]
        counts, topics = np.array([len(of_one) for of_one, _ in ones], np.int64), [topic for _, topic in ones]
        roles = np.array([role for _, role, _ in parts], np.uint8)
        labels = np.array([label for _, _, label in parts], np.int32)
        return self._made(counts, roles, labels, topics, [content for content, _, _ in parts])

    def concat(self, made: Sequence[Made]) -> Made:
        """The documents of several batches, one after the other."""
        if len(made) == 1:
            return made[0]
        arrays = {name: np.concatenate([getattr(one, name) for one in made]) for name in _ARRAYS} if made else {}
        if not made:
            return self.many([])
        texts = None if self._numbers is not None else [*chain.from_iterable(one.texts or () for one in made)]
        topics = [*chain.from_iterable(one.topics for one in made)]
        return Made(**arrays, names=tuple(self._labels), topics=topics, texts=texts)

    def batch(self, returned: Any, d: int) -> Made:
        """The documents of d items. SpecError where they are not so many."""
        if isinstance(returned, list | tuple) and not isinstance(returned, Document | Part) and not _columns(returned):
            _check_count(len(returned), d)
            return self.many([self.one(document) for document in returned])
        parts, topic = self._parts(returned)
        topics = [topic] * d if isinstance(topic, str) else list(topic)
        if {*map(type, topics)} - {str}:
            topics = [*map(_topic, topics)]
        _check_count(len(topics), d)
        counts = np.full(d, len(parts), np.int64)
        roles = np.tile(np.array([ROLES.index(part.role) for part in parts], np.uint8), d)
        labels = np.tile(np.array([self._labels[part.label] for part in parts], np.int32), d)
        if self._numbers is None:
            columns = [self._texts(part.content, d) for part in parts]
            return self._made(counts, roles, labels, topics, [*chain.from_iterable(zip(*columns, strict=True))])
        grids = [self._grid(part.content, d) for part in parts]
        whole = np.hstack([np.empty((d, 0), np.int32), *grids])
        lengths = [(grid >= 0).sum(axis=1) for grid in grids]
        flat = np.column_stack(lengths).ravel().astype(np.int64) if lengths else np.empty(0, np.int64)
        return self._made(counts, roles, labels, topics, [])._replace(values=whole[whole >= 0], lengths=flat)

    # ── parts ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _parts(self, returned: Any) -> tuple[list[Part], Any]:
        """The parts of a document, or of a batch of columns, and its topic."""
        topic: Any = ""
        if isinstance(returned, Document):
            returned, topic = returned
        if isinstance(returned, Mapping):
            return [self._part((role, content)) for role, content in returned.items()], topic
        listed = isinstance(returned, list | tuple) and not isinstance(returned, Part)
        if listed and (self._numbers is None or any(isinstance(part, tuple) for part in returned)):
            return [self._part(part) for part in returned], topic
        return [self._part(returned)], topic

    def _part(self, part: Any) -> Part:
        if isinstance(part, tuple) and not isinstance(part, Part):
            if len(part) != 2 or not isinstance(part[0], str):
                raise SpecError(f"a part is (role, content), not {part!r:.60}", FORMS, _AT)
            part = Part(part[1], part[0])
        part = part if isinstance(part, Part) else Part(part)
        assert isinstance(part, Part)
        if part.role not in ROLES:
            raise SpecError(f"no role '{part.role}'", suggest(str(part.role), ROLES[1:]), _AT)
        if part.label not in self._labels:
            if self._closed:
                remedy = f"Name all of them at the file's foot: LABELS = {[*list(self._labels)[1:], part.label]}"
                raise SpecError(f"the label '{part.label}' is not among those of the source", remedy, _AT)
            self._labels[part.label] = len(self._labels)
        return part

    def _made(self, counts: I64, roles: NDArray[np.uint8], labels: I32, topics: list[str], contents: list[Any]) -> Made:
        names, none = tuple(self._labels), np.empty(0, np.int32)
        if self._numbers is None:
            if (longest := max(map(len, contents), default=0)) > MOST_TEXT:
                problem = f"a text has {longest:,} characters, and {MOST_TEXT:,} are the most"
                raise SpecError(problem, "Make several documents of it, or keep it in a file: kind corpus.", _AT)
            return Made(counts, roles, labels, none, np.empty(0, np.int64), names, topics, contents)
        values = np.array([*chain.from_iterable(contents)], np.int32)
        lengths = np.array([*map(len, contents)], np.int64)
        return Made(counts, roles, labels, values, lengths, names, topics, None)

    # ── contents ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _content(self, content: Any) -> Any:
        """A text, or the numbers of symbols."""
        if self._numbers is None:
            if not isinstance(content, str):
                raise SpecError(f"a content is a text, not {_kind(content)}", FORMS, _AT)
            if holds_surrogate(content):
                raise SpecError(f"half a character in {content!r:.60}", "No file can hold it: leave it out.", _AT)
            return str(content)
        names = content.split() if isinstance(content, str) else content
        if isinstance(names, int | np.integer):
            names = [names]
        if not isinstance(names, Sequence | np.ndarray):
            raise SpecError(f"a content is symbols, not {_kind(content)}", FORMS, _AT)
        return [self._number(name) for name in names]

    def _number(self, name: Any) -> int:
        """The number of a symbol, given by its name or as a number."""
        assert self._numbers is not None
        if isinstance(name, str):
            if name not in self._numbers:
                raise SpecError(f"the alphabet has no symbol '{name[:60]}'", suggest(name, self._numbers), _AT)
            return self._numbers[name]
        if isinstance(name, bool | np.bool_) or not isinstance(name, int | np.integer):
            raise SpecError(f"a symbol is a name or a number, not {_kind(name)}", FORMS, _AT)
        if not 0 <= name < len(self._numbers):
            raise SpecError(f"there is no symbol {name}", f"They are 0 to {len(self._numbers) - 1}.", _AT)
        return int(name)

    def _texts(self, column: Any, d: int) -> list[str]:
        if isinstance(column, str) or not isinstance(column, Sequence | np.ndarray):
            raise SpecError(f"a content of a batch is a column of texts, not {_kind(column)}", FORMS, _AT)
        _check_count(len(column), d)
        texts = column.tolist() if isinstance(column, np.ndarray) else list(column)
        if set(map(type, texts)) - {str} or holds_surrogate("".join(texts)):
            return [self._content(text) for text in texts]
        return texts

    def _grid(self, column: Any, d: int) -> I32:
        """A column of symbols as numbers, int32 (d, n), -1 where there is none."""
        assert self._numbers is not None
        if not isinstance(column, np.ndarray) or column.dtype.kind not in "iu":
            if isinstance(column, str) or not isinstance(column, Sequence | np.ndarray):
                raise SpecError(f"a content of a batch is a column of symbols, not {_kind(column)}", FORMS, _AT)
            _check_count(len(column), d)
            rows = [self._content(content) for content in column]
            grid = np.full((d, max(map(len, rows), default=0)), -1, np.int32)
            for row, numbers in zip(grid, rows, strict=True):
                row[: len(numbers)] = numbers
            return grid
        if column.ndim not in (1, 2):
            raise SpecError(f"a column of symbols is (d,) or (d, n), not {column.shape}", FORMS, _AT)
        _check_count(len(column), d)
        grid = column.reshape(d, -1) if column.size else column.reshape(d, 0)
        if grid.size and (grid.min() < -1 or grid.max() >= len(self._numbers)):
            wrong = int(grid.max() if grid.max() >= len(self._numbers) else grid.min())
            raise SpecError(f"there is no symbol {wrong}", f"They are 0 to {len(self._numbers) - 1}.", _AT)
        return grid.astype(np.int32)


def _columns(returned: Sequence[Any]) -> bool:
    """Whether a list has a batch's parts, of which each content is a column, rather than its documents."""
    return bool(returned) and all(
        isinstance(part, tuple)
        and (isinstance(part, Part) or (len(part) == 2 and isinstance(part[0], str) and part[0] in ROLES))
        and isinstance(part[0] if isinstance(part, Part) else part[1], list | np.ndarray)
        for part in returned
    )


def _check_count(count: int, d: int) -> None:
    if count != d:
        raise SpecError(f"it returns {count} documents for {d} items", "It returns one for each, in their order.", _AT)


def _topic(topic: Any) -> str:
    if not isinstance(topic, str):
        raise SpecError(f"a topic is a text, not {_kind(topic)}", 'Write a word, such as "3 digits".', _AT)
    return str(topic)


def _kind(value: Any) -> str:
    return type(value).__name__
