"""divergence: how far a model's distribution of the next symbol is from that of a grammar (Part 1, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.core.draws import I64
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

    kind: Literal["divergence"]
    rows: Annotated[int, Field(ge=1)] = Field(200, description="The first so many sentences of the split are read.")

    def measured(self, name: str, subject: Subject) -> dict[str, float]:
        """bits, the mean divergence of a symbol; entropy, the mean entropy of the grammar's own next symbol."""
        from pipeline.evaluate.checking.puzzles.sentences import Language
        from pipeline.grammars.parser import divergence

        source, *_ = subject.data.manifest.sources(self.split)
        language = Language(source["grammar"])
        columns = columns_of(language, subject.data)
        bits, entropy = [], []
        for symbols, model in _predictions(subject, self.split, self.rows, columns):
            true = language.parser.next_symbols(symbols)[: len(model)]
            elsewhere = np.maximum(0.0, 1.0 - model.sum(-1, keepdims=True))  # on what is no symbol, nor the end
            bits.append(divergence(np.pad(true, ((0, 0), (0, 1))), np.hstack([model, elsewhere])))
            entropy.append(-(true * np.log2(np.where(true > 0, true, 1.0))).sum(-1))
        return {"bits": float(np.concatenate(bits).mean()), "entropy": float(np.concatenate(entropy).mean())}


def columns_of(language: Language, data: Dataset) -> I64:
    """The ids of the terminals, in their order, and of the end token: int64 (T + 1,)."""
    from pipeline.evaluate.checking.puzzles.reading import tokens

    tokenizer, end = data.tokenizer(), data.end_of_text()
    numbered = {}
    for token, number in tokenizer.get_vocab().items():
        for symbol in tokens(token):
            numbered[symbol] = number
    return np.array([*(numbered[name] for name in language.numbers), tokenizer.token_to_id(end)], np.int64)


def _predictions(subject: Subject, split: str, rows: int, columns: I64) -> Iterator[tuple[list[int], F64]]:
    """For each sentence the numbers of its terminals (n,), and the model's probabilities before and after each.

    float64 (n + 1, T + 1), fewer rows where the sentence goes on beyond the model's context.
    """
    import torch

    from pipeline.training.streams import of_dataset

    model = subject.model
    number_of = {int(column): number for number, column in enumerate(columns[:-1])}
    model.eval()
    for _, row in zip(range(rows), of_dataset(subject.data, split), strict=False):
        ids = [int(token) for token in row["input_ids"]]
        first = next(place for place, token in enumerate(ids) if token in number_of)
        end = ids.index(int(columns[-1]), first)
        seen = torch.tensor([ids[:end][: model.shape.length]], device=model.embedding.weight.device)
        with torch.no_grad():
            odds = model(seen)[0, first - 1 :].double().softmax(-1).cpu().numpy()
        yield [number_of[token] for token in ids[first:end]], odds[:, columns]
    model.train()


DIVERGENCE = MeasureKind("divergence", DivergenceSpec, "Distance from a grammar's own distribution, in bits a symbol.")
