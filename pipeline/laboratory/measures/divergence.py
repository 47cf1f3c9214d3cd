"""divergence: how far a model's distribution of the next symbol is from that of a grammar (Part 1, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.core.errors import PlanError
from pipeline.laboratory.measures.measure import MeasureKind, MeasureSpec, Subject

if TYPE_CHECKING:
    from pipeline.dataset import Dataset
    from pipeline.evaluate.checking.puzzles.sentences import Language

F64 = NDArray[np.float64]


class DivergenceSpec(MeasureSpec):
    """KL(grammar ‖ model) of the next symbol, in bits, over all places of sentences; the model may say anything."""

    NUMBERS: ClassVar[tuple[str, ...]] = ("bits", "entropy")
    PERCENT: ClassVar[bool] = False

    KINDS: ClassVar[tuple[str, ...]] = ("grammar",)
    A_DOCUMENT_A_ROW: ClassVar[bool] = True

    kind: Literal["divergence"]
    rows: Annotated[int, Field(ge=1)] = Field(200, description="The first so many sentences of the split are read.")

    def check(self, data: Dataset, context: int) -> None:
        """PlanError where nothing stands before a sentence, so that no model can say how it begins."""
        from pipeline.evaluate.checking.puzzles.sentences import Language
        from pipeline.training.streams import of_dataset

        source, *_ = data.manifest.sources(self.split)
        terminals = SymbolIds.of(Language(source["grammar"]), data).terminals
        if any(int(row["input_ids"][0]) in terminals for row in islice(of_dataset(data, self.split), self.rows)):
            problem = f"rows of '{self.split}' begin with a symbol of the sentence, which nothing predicts"
            raise PlanError(problem, "Give the source a `bos`, or a `tag`.", data.folder.url)

    def measured(self, name: str, subject: Subject) -> dict[str, float]:
        """bits, the mean divergence of a symbol; entropy, the mean entropy of the grammar's own next symbol."""
        from pipeline.evaluate.checking.puzzles.sentences import Language
        from pipeline.grammars.parser import divergence

        source, *_ = subject.data.manifest.sources(self.split)
        language = Language(source["grammar"])
        ids = SymbolIds.of(language, subject.data)
        bits, entropy = [], []
        for symbols, model in _predictions(subject, self.split, self.rows, ids):
            true = language.parser.next_symbols(symbols)[: len(model)]
            elsewhere = np.maximum(0.0, 1.0 - model.sum(-1, keepdims=True))  # on what is no symbol, and no end
            bits.append(divergence(np.pad(true, ((0, 0), (0, 1))), np.hstack([model, elsewhere])))
            entropy.append(-(true * np.log2(np.where(true > 0, true, 1.0))).sum(-1))
        return {"bits": float(np.concatenate(bits).mean()), "entropy": float(np.concatenate(entropy).mean())}


@dataclass(frozen=True)
class SymbolIds:
    """The token ids of a grammar. terminals (T,): in their order; ends: what ends a sentence, the next `<bos>` too."""

    terminals: list[int]
    ends: list[int]

    @classmethod
    def of(cls, language: Language, data: Dataset) -> SymbolIds:
        """Those of a dataset's tokenizer."""
        from pipeline.evaluate.checking.puzzles.reading import ENDS, tokens

        tokenizer = data.tokenizer()
        named = {name: number for token, number in tokenizer.get_vocab().items() for name in tokens(token)}
        ends = {named[name] for name in ENDS if name in named} | {tokenizer.token_to_id(data.end_of_text())}
        return cls([named[name] for name in language.numbers], sorted(ends))


def _predictions(subject: Subject, split: str, rows: int, ids: SymbolIds) -> Iterator[tuple[list[int], F64]]:
    """For each sentence the numbers of its terminals (n,), and the model's probabilities before and after each.

    float64 (n + 1, T + 1), fewer rows where the sentence goes on beyond the model's context; the last column: the end.
    """
    from pipeline.laboratory.examination import next_chances
    from pipeline.training.streams import of_dataset

    number_of = {token: number for number, token in enumerate(ids.terminals)}
    for row in islice(of_dataset(subject.data, split), rows):
        tokens = row["input_ids"].tolist()
        first = next(place for place, token in enumerate(tokens) if token in number_of)
        symbols = list(takewhile(number_of.__contains__, tokens[first:]))
        chances = next_chances(subject.model, tokens[: first + len(symbols)])[first - 1 :]
        ends = chances[:, ids.ends].sum(-1)
        yield [number_of[token] for token in symbols], np.column_stack([chances[:, ids.terminals], ends])


DIVERGENCE = MeasureKind("divergence", DivergenceSpec, "Distance from a grammar's own distribution, in bits a symbol.")
