"""`answers`: what a row asks and should answer, as text, for examinations."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from pipeline.columns.column import ColumnKind, PackedDocuments, PlannedSplit, SplitSize, check_texts
from pipeline.columns.fields import Single
from pipeline.core.documents import ROLES, Documents
from pipeline.core.errors import SpecError
from pipeline.core.table import Column, Strings

if TYPE_CHECKING:
    from pipeline.sources.source import Source
    from pipeline.text.tokenizer import Tokenizer

TEXTS = 200  # bytes of a row's texts, about


class Answers(ColumnKind):
    """For each row `individual` int64, and texts: `question` (its topic, in a word), `prompt`, `hint`, `answer`."""

    name = "answers"
    order = 6
    summary = "individual, question, prompt, hint and answer of a row, as text"
    fields: ClassVar = {
        "individual": Single("int64"),
        **dict.fromkeys(("question", "prompt", "hint", "answer"), Single("string")),
    }

    def needs_parts(self, sources: Sequence[Source]) -> bool:
        return True

    def check(self, split: PlannedSplit) -> None:
        """SpecError unless each row holds one document, and every source of the split has answers."""
        split.check_rows(self.name)
        for name, source in split.sources.items():
            if "answer" not in source.roles:
                remedy = "Ask questions (`cut` sentences of a grammar), or leave the column out."
                raise SpecError(f"'{name}' has no answers", remedy, split.at(self.name))

    def check_shard(self, split: PlannedSplit, tokens: Fraction) -> None:
        """SpecError if the texts of a shard may have 2^31 bytes, which `shard_tokens` prevents."""
        check_texts(split, self.name, tokens)

    def bytes(self, size: SplitSize) -> int:
        return size.documents * TEXTS

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        texts = _texts(packed.tokenizer, packed.documents)
        return {"individual": packed.individual, "question": Strings.of(packed.topics()), **texts}


def prompted(parts: Sequence[Sequence[int]]) -> int:
    """How many tokens of a document are its prompt: up to its last one, and what a chat template writes behind that.

    parts: its (start, length, role), in order.
    """
    end = max((start + length for start, length, role in parts if ROLES[role] == "prompt"), default=0)
    for start, length, role in parts:
        end += length * (ROLES[role] == "template" and start == end > 0)
    return end


def spoken_answers(tokenizer: Tokenizer, documents: Documents) -> list[str]:
    """What the assistant says last in each conversation, as text: all between the template's words."""
    assert documents.parts is not None, "they were asked for"
    tokens, parts = documents.tokens, documents.parts
    ids: list[list[int]] = []
    for i in range(len(documents)):
        row = tokens.values[tokens.offsets[i] : tokens.offsets[i + 1]].tolist()
        marked = parts.values[parts.offsets[i] : parts.offsets[i + 1]].tolist()
        asked = prompted(marked)
        written = [start for start, _, role in marked if ROLES[role] in ("template", "end") and start > asked]
        ids.append(row[asked : min(written, default=len(row))])
    return [text.removeprefix(" ") for text in tokenizer.decode_all(ids)]


def answers_of(tokenizer: Tokenizer, documents: Documents) -> Column:
    """The last answer of each row as text."""
    return _texts(tokenizer, documents)["answer"]


def _texts(tokenizer: Tokenizer, documents: Documents) -> dict[str, Column]:
    """Prompt, hint and answer of each row as texts, without their leading space.

    If a row has several questions, only the last counts: everything before it belongs to its prompt.
    """
    assert documents.parts is not None, "they were asked for"
    tokens, parts = documents.tokens, documents.parts
    ids: dict[str, list[list[int]]] = {"prompt": [], "hint": [], "answer": []}
    for i in range(len(documents)):
        row = tokens.values[tokens.offsets[i] : tokens.offsets[i + 1]]
        marked = parts.values[parts.offsets[i] : parts.offsets[i + 1]].tolist()
        asked = prompted(marked)
        ids["prompt"].append(row[:asked].tolist())  # from the row's beginning, so with its tag
        for wanted in ("hint", "answer"):
            ranges = [
                (start, start + length)
                for start, length, role in marked
                if ROLES[role] == wanted and start >= asked
            ]  # fmt: skip
            first, last = (ranges[0][0], ranges[-1][1]) if ranges else (0, 0)
            ids[wanted].append(row[first:last].tolist())
    return {
        role: Strings.of([text.removeprefix(" ") for text in tokenizer.decode_all(rows)]) for role, rows in ids.items()
    }


COLUMN = Answers()
