"""`preference`: the right answer of each row beside a wrong one, as DPO and reward trainers read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pipeline.columns.column import PackedDocuments, PlannedSplit
from pipeline.columns.conversations import SHARED, Spoken, check_spoken, halves, prompts, said, spoken, texts_of
from pipeline.columns.fields import SPOKEN, Entries, Single
from pipeline.core.errors import SpecError
from pipeline.core.table import Column, Lists, Strings

if TYPE_CHECKING:
    from pipeline.sources.preference import Rejected

IDS = ("prompt_tokens", "chosen_tokens", "rejected_tokens")


class Pairs(Spoken):
    """`prompt`, `chosen` and `rejected`, as messages where the source has `chat`; each also as token ids, int32.

    prompt_tokens and chosen_tokens together are the row; prompt_tokens and rejected_tokens would be, if the rejected
    answer stood there. kind: how the rejected answer is wrong. margin: by how much the chosen one is better.
    """

    name = "preference"
    order = 12
    summary = "prompt, chosen and rejected of a row, as texts or messages and as token ids; kind, margin"
    fields: ClassVar = {
        SHARED: Single("int64"),
        "prompt": SPOKEN,
        "chosen": SPOKEN,
        "rejected": SPOKEN,
        **dict.fromkeys(IDS, Entries("int32")),
        "kind": Single("string"),
        "margin": Single("double"),
    }

    def check(self, split: PlannedSplit) -> None:
        """SpecError unless each row holds one document of a source of preferences."""
        check_spoken(split, self)
        check_contested(split, self.name)

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        count = len(packed.documents)
        rejected: list[Any] = [None] * count
        kinds, margin = [""] * count, np.ones(count, np.float64)
        for source, rows in packed.by_source():
            wrong: Rejected = source.rejected(packed.item[rows], packed.exposure[rows])  # type: ignore[attr-defined]
            cut = halves(wrong.documents)
            for place, row in enumerate(rows.tolist()):
                way = wrong.ways[wrong.way[place]]
                said_ = wrong.messages[place][-1:] if wrong.messages is not None else None
                rejected[row] = (*cut[place], said_)
                kinds[row], margin[row] = way, source.margins[way]  # type: ignore[attr-defined]
        right = halves(packed.documents)
        assert all(pair[0] == wrong[0] for pair, wrong in zip(right, rejected, strict=True)), "the prompts are the same"
        answers: tuple[Column, Column]
        if spoken(packed):
            chosen = Lists.of_messages([messages[-1:] for messages in said(packed)])
            answers = chosen, Lists.of_messages([wrong[2] for wrong in rejected])
        else:
            both = [ids for _, ids in right], [ids for _, ids, _ in rejected]
            texts = [texts_of(packed.tokenizer, ids, packed.tokenizer.eos) for ids in both]
            answers = Strings.of(texts[0]), Strings.of(texts[1])
        ids = [prompt for prompt, _ in right], [chosen for _, chosen in right], [wrong[1] for wrong in rejected]
        return {
            SHARED: packed.individual,
            "prompt": prompts(packed),
            "chosen": answers[0],
            "rejected": answers[1],
            **{name: Lists.of_ids(column) for name, column in zip(IDS, ids, strict=True)},
            "kind": Strings.of(kinds),
            "margin": margin,
        }


def check_contested(split: PlannedSplit, column: str) -> None:
    """SpecError unless all sources of a split are preferences."""
    from pipeline.sources.preference import Preference

    for name, source in split.sources.items():
        if not isinstance(source, Preference):
            remedy = f"Make a source of it: {{kind: preference, of: {name}}}."
            raise SpecError(f"'{name}' has right answers only", remedy, split.at(column))


COLUMN = Pairs()
