"""`choices`: the right answer of each row among wrong ones, for examinations by multiple choice."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pipeline.columns.column import PackedDocuments, PlannedSplit
from pipeline.columns.conversations import SHARED, Spoken, check_spoken, halves, prompts, spoken, texts_of
from pipeline.columns.fields import SPOKEN, Entries, Single
from pipeline.columns.preference import check_contested
from pipeline.core.errors import RunError, SpecError
from pipeline.core.table import Column, Lists, Strings

TRIED = 100  # documents whose choices are drawn when a split is planned


class Choices(Spoken):
    """`prompt`; `choices`, a list of texts in a drawn order; `answer` int32, the index of the right one; `question`.

    A choice behind its prompt reads as the document does; of conversations it is what the assistant says.
    """

    name = "choices"
    order = 14
    summary = "prompt, choices and answer (the index of the right choice) of a row"
    fields: ClassVar = {
        SHARED: Single("int64"),
        "question": Single("string"),
        "prompt": SPOKEN,
        "answer": Single("string", "int32"),
        "choices": Entries("string"),
    }

    def check(self, split: PlannedSplit) -> None:
        """SpecError unless each row holds one document of a source of preferences, with enough wrong answers."""
        check_spoken(split, self)
        check_contested(split, self.name)
        for source in split.sources.values():
            item = np.arange(min(TRIED, len(source)), dtype=np.int64)
            try:
                source.choices_of(item, np.zeros_like(item))  # type: ignore[attr-defined]
            except RunError as error:
                raise SpecError(error.problem, error.remedy, split.at(self.name)) from None

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        count = len(packed.documents)
        choices: list[list[str]] = [[] for _ in range(count)]
        answer = np.zeros(count, np.int32)
        right = self._answers(packed, packed.documents)
        for source, rows in packed.by_source():
            item, exposure = packed.item[rows], packed.exposure[rows]
            wrong: Any = source.choices_of(item, exposure)  # type: ignore[attr-defined]
            texts = [self._answers(packed, one.documents) for one in wrong]
            orders = source.order_of(item, exposure)  # type: ignore[attr-defined]
            for place, row in enumerate(rows.tolist()):
                given = [right[row], *(of[place] for of in texts)]
                order = orders[place].tolist()
                choices[row], answer[row] = [given[i] for i in order], order.index(0)
        return {
            SHARED: packed.individual,
            "question": Strings.of(packed.topics()),
            "prompt": prompts(packed),
            "answer": answer,
            "choices": Lists.of_texts(choices),
        }

    def _answers(self, packed: PackedDocuments, documents: Any) -> list[str]:
        """The answer of each document as text, without what a chat template writes around it."""
        from pipeline.columns.answers import spoken_answers

        if spoken(packed):
            return spoken_answers(packed.tokenizer, documents)
        ids = [rest for _, rest in halves(documents)]
        return texts_of(packed.tokenizer, ids, packed.tokenizer.eos)


COLUMN = Choices()
