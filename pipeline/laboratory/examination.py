"""Examination: answers that a model generates, and its losses. Nothing of the right answer is shown to it.

Prompts of one length are answered together, so no position is padding, and each block remembers the keys and values of
what it has read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.dataset import Dataset
from pipeline.evaluate.prompts import prompt_ids
from pipeline.laboratory.data import batch_of
from pipeline.laboratory.device import mixed_precision
from pipeline.laboratory.model import GPT, Cache
from pipeline.laboratory.training import token_losses

TOGETHER = 256  # prompts answered together, at most


@torch.no_grad()
def generated(model: GPT, prompts: Sequence[Sequence[int]], end: int, most: int) -> list[list[int]]:
    """The likeliest continuation of each prompt, token by token: ids, the end token excluded.

    A continuation ends before the end token, after `most` tokens, or where prompt and continuation fill the model's
    context. Prompts are of 1 token or more; one that fills the context has none.

        generated(model, [[3, 5], [7]], end=0, most=4)      [[9, 9, 2], [1, 4, 4, 4]]
    """
    answers: list[list[int]] = [[] for _ in prompts]
    by_length: dict[int, list[int]] = {}
    for number, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(number)
    for length, numbers in sorted(by_length.items()):
        room = min(most, model.shape.length - length)
        for first in range(0, len(numbers), TOGETHER):
            together = numbers[first : first + TOGETHER]
            continued = _continued(model, [prompts[number] for number in together], end, room)
            for number, answer in zip(together, continued, strict=True):
                answers[number] = answer
    return answers


def _continued(model: GPT, prompts: Sequence[Sequence[int]], end: int, most: int) -> list[list[int]]:
    """The continuations of prompts of one length."""
    device = model.embedding.weight.device
    ids = torch.tensor(prompts, dtype=torch.int64, device=device)
    cache, ended = Cache(), torch.zeros(len(ids), dtype=torch.bool, device=device)
    columns: list[Tensor] = []
    while len(columns) < most and not bool(ended.all()):
        with mixed_precision(device):
            logits = model(ids, cache=cache)[:, -1]
        ids = logits.float().argmax(-1, keepdim=True)
        ended |= ids[:, 0] == end
        columns.append(ids)
    rows = torch.cat(columns, 1).tolist() if columns else [[] for _ in prompts]
    return [row[: row.index(end)] if end in row else row for row in rows]


def write_predictions(
    model: GPT,
    data: Dataset,
    split: str,
    path: Path,
    *,
    rows: int,
    most: int,
) -> None:
    """Answer the first `rows` rows of a split with answers, into JSON lines as `score` and `check` read them.

    most: tokens of an answer. StorageError for an unknown split, and for one without answers.
    """
    tokenizer, end = data.tokenizer(), data.end_of_text()
    prompts = list(prompt_ids(data, split, rows))
    model.eval()
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, len(prompts), 4 * TOGETHER):
            asked = prompts[first : first + 4 * TOGETHER]
            answers = generated(model, asked, tokenizer.token_to_id(end), most)
            texts = tokenizer.decode_batch(answers, skip_special_tokens=False)
            for row, text in enumerate(texts, first):
                file.write(json.dumps({"row": row, "prediction": text}, ensure_ascii=False) + "\n")
    model.train()


@torch.no_grad()
def losses_of(
    model: GPT,
    rows: Iterable[Mapping[str, NDArray[np.generic]]],
    batch: int,
) -> Iterator[NDArray[np.float32]]:
    """Losses of rows in nats, as `capacity` reads them: float32 (b, L), b rows of a batch, with a 0 in column 0.

    Where rows have segment_ids, a document is read without those before it.
    """
    device = model.embedding.weight.device
    together: list[Mapping[str, NDArray[np.generic]]] = []

    def losses() -> NDArray[np.float32]:
        tensors = {name: value.to(device) for name, value in batch_of(together).items()}
        return np.pad(token_losses(model, tensors)[0].cpu().numpy(), ((0, 0), (1, 0)))

    model.eval()
    for row in rows:
        together.append(row)
        if len(together) == batch:
            yield losses()
            together = []
    if together:
        yield losses()
    model.train()


@torch.no_grad()
def next_chances(model: GPT, ids: Sequence[int]) -> NDArray[np.float64]:
    """The probability of each token after each of ids (L), as far as the model's context reaches: float64 (L, V)."""
    model.eval()
    logits = model(torch.tensor([ids[: model.shape.length]], device=model.embedding.weight.device))[0]
    model.train()
    chances: NDArray[np.float64] = logits.double().softmax(-1).cpu().numpy()
    return chances
