"""`messages`: the conversation of each row, as SFT trainers read it."""

from __future__ import annotations

from typing import ClassVar

from pipeline.columns.column import PackedDocuments, PlannedSplit
from pipeline.columns.conversations import Spoken, check_spoken, conversing, said
from pipeline.columns.fields import Messages
from pipeline.core.errors import SpecError
from pipeline.core.table import Column, Lists


class Conversation(Spoken):
    """`messages`, a list of {role, content}. The chat template makes of them the text that the row's tokens are."""

    name = "messages"
    order = 10
    summary = "the conversation of a row: role and content of each message"
    fields: ClassVar = {"messages": Messages()}

    def check(self, split: PlannedSplit) -> None:
        """SpecError unless each row holds one conversation."""
        check_spoken(split, self, answered=False)
        for name, source in split.sources.items():
            if not conversing(source):
                remedy = "Give the source a `chat`, such as `chat: chatml`."
                raise SpecError(f"the documents of '{name}' are no conversations", remedy, split.at(self.name))

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        return {self.name: Lists.of_messages(said(packed))}


COLUMN = Conversation()
