"""`reward`: what a row asks and what is right, for reinforcement learning with rewards by rule."""

from __future__ import annotations

from typing import ClassVar

from pipeline.columns.answers import answers_of
from pipeline.columns.column import PackedDocuments
from pipeline.columns.conversations import SHARED, Spoken, prompts
from pipeline.columns.fields import SPOKEN, Single
from pipeline.core.table import Column, Strings


class Reward(Spoken):
    """`prompt`; `answer`, a text; `kind`, that of the source, whose rules grade completions; `question`, its topic.

    `pipeline.evaluate.rewards` has the function that grades completions by these columns.
    """

    name = "reward"
    order = 13
    summary = "prompt, answer, kind and question of a row, for rewards by rule"
    fields: ClassVar = {
        SHARED: Single("int64"),
        "question": Single("string"),
        "prompt": SPOKEN,
        "answer": Single("string"),
        "kind": Single("string"),
    }

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        kinds = [""] * len(packed.documents)
        for source, rows in packed.by_source():
            for row in rows.tolist():
                kinds[row] = source.kind
        return {
            SHARED: packed.individual,
            "question": Strings.of(packed.topics()),
            "prompt": prompts(packed),
            "answer": answers_of(packed.tokenizer, packed.documents),
            "kind": Strings.of(kinds),
        }


COLUMN = Reward()
