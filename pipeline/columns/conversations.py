"""What rows say, as trainers of conversations read it: prompts and completions, as texts or as messages.

A document of a source with `chat` is a conversation. One of another source is its prompt and its answer, as texts that
make up the document when they are put together, its first space included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.columns.answers import TEXTS, prompted
from pipeline.columns.column import ColumnKind, PackedDocuments, PlannedSplit, SplitSize
from pipeline.core.documents import Documents
from pipeline.core.errors import SpecError
from pipeline.core.table import Column, Lists, Strings

if TYPE_CHECKING:
    from pipeline.sources.source import Source
    from pipeline.text.tokenizer import Tokenizer

Message = tuple[str, str]
SHARED = "individual"  # a field of several kinds, which is the same in all of them


def conversing(source: Source) -> bool:
    """Whether the documents of a source are conversations."""
    from pipeline.sources.abilities import Conversing

    return isinstance(source, Conversing) and source.conversing


def check_spoken(split: PlannedSplit, kind: ColumnKind, *, answered: bool = True) -> None:
    """SpecError unless each row holds one document of a prompt and an answer, and all are of one form.

    Also if another requested kind makes a column of the same name.
    """
    from pipeline.columns import COLUMNS

    split.check_rows(kind.name)
    for other in split.columns:
        shared = (COLUMNS[other].fields.keys() & kind.fields.keys()) - {SHARED}
        if other != kind.name and shared:
            both = f"both {other} and {kind.name} make the column {min(shared)}"
            among = [split.at(kind.name), split.at(other)]
            raise SpecError(both, "Give each a split.", split.at(kind.name), among)
    for name, source in split.sources.items():
        if answered and not {"prompt", "answer"} <= {*source.roles}:
            remedy = "Ask questions, or give the source `chat` with a `request`."
            raise SpecError(f"'{name}' has no prompts with answers", remedy, split.at(kind.name))
    if len({conversing(source) for source in split.sources.values()}) > 1:
        problem = "some of its sources have `chat`, and others have not, so that a column would have two forms"
        raise SpecError(problem, "Give each form a split.", split.at(kind.name))


def said(packed: PackedDocuments) -> list[list[Message]]:
    """The messages of each row (d,); every source has `chat`."""
    rows: list[list[Message]] = [[] for _ in range(len(packed.documents))]
    for source, numbers in packed.by_source():
        messages = source.messages(packed.item[numbers], packed.exposure[numbers])  # type: ignore[attr-defined]
        for number, of in zip(numbers.tolist(), messages, strict=True):
            rows[number] = of
    return rows


def spoken(packed: PackedDocuments) -> bool:
    """Whether the rows are conversations."""
    return all(map(conversing, packed.sources))


def halves(documents: Documents) -> list[tuple[list[int], list[int]]]:
    """The token ids of each document (d,), cut before its last answer: the prompt, and the rest with the end token."""
    assert documents.parts is not None, "they were asked for"
    tokens, parts = documents.tokens, documents.parts
    cut = []
    for i in range(len(documents)):
        ids = tokens.values[tokens.offsets[i] : tokens.offsets[i + 1]].tolist()
        at = prompted(parts.values[parts.offsets[i] : parts.offsets[i + 1]].tolist())
        cut.append((ids[:at], ids[at:]))
    return cut


def texts_of(tokenizer: Tokenizer, ids: Sequence[Sequence[int]], end: int) -> list[str]:
    """The text of each list of ids, without an end token at its end."""
    return tokenizer.decode_all([row[:-1] if len(row) and row[-1] == end else row for row in ids])


def prompts(packed: PackedDocuments) -> Column:
    """What is asked in each row: messages without the last one, or a text."""
    if spoken(packed):
        return Lists.of_messages([messages[:-1] for messages in said(packed)])
    ids = [prompt for prompt, _ in halves(packed.documents)]
    return Strings.of(packed.tokenizer.decode_all(ids))


class Spoken(ColumnKind):
    """The base class of kinds whose rows are a prompt and what is said about it."""

    of_trainers = True

    def needs_parts(self, sources: Sequence[Source]) -> bool:
        return True

    def check(self, split: PlannedSplit) -> None:
        """SpecError unless each row holds one document with a prompt and an answer."""
        check_spoken(split, self)

    def bytes(self, size: SplitSize) -> int:
        return size.documents * TEXTS
