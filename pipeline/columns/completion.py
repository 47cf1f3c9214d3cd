"""`completion`: each row as a prompt and its completion, as SFT trainers read them."""

from __future__ import annotations

from typing import ClassVar

from pipeline.columns.column import PackedDocuments
from pipeline.columns.conversations import Spoken, halves, prompts, said, spoken, texts_of
from pipeline.columns.fields import SPOKEN
from pipeline.core.table import Column, Lists, Strings


class Completion(Spoken):
    """`prompt` and `completion`: of conversations all messages but the last, and the last; of other documents texts,
    which make up the document when they are put together, but for its end token."""

    name = "completion"
    order = 11
    summary = "prompt and completion of a row, as messages where sources have `chat`"
    fields: ClassVar = {"prompt": SPOKEN, "completion": SPOKEN}

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        if spoken(packed):
            completions: Column = Lists.of_messages([messages[-1:] for messages in said(packed)])
        else:
            end = packed.tokenizer.eos
            ids = [answer for _, answer in halves(packed.documents)]
            completions = Strings.of(texts_of(packed.tokenizer, ids, end))
        return {"prompt": prompts(packed), "completion": completions}


COLUMN = Completion()
