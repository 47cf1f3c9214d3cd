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
        topics = [""] * len(packed.documents)
        for source, rows in packed.by_source():
            for row, topic in zip(rows.tolist(), source.topics(packed.item[rows]), strict=True):
                topics[row] = topic
        texts = _texts(packed.tokenizer, packed.documents)
        return {"individual": packed.individual, "question": Strings.of(topics), **texts}


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
        prompted = max((start + length for start, length, role in marked if ROLES[role] == "prompt"), default=0)
        ids["prompt"].append(row[:prompted].tolist())  # from the row's beginning, so with its tag
        for wanted in ("hint", "answer"):
            ranges = [
                (start, start + length)
                for start, length, role in marked
                if ROLES[role] == wanted and start >= prompted
            ]  # fmt: skip
            first, last = (ranges[0][0], ranges[-1][1]) if ranges else (0, 0)
            ids[wanted].append(row[first:last].tolist())
    return {
        role: Strings.of([text.removeprefix(" ") for text in tokenizer.decode_all(rows)]) for role, rows in ids.items()
    }


COLUMN = Answers()
