"""The token ids of prompts: what a model that was trained on the rows is to be given.

The texts of the column `answers` have no leading space, and a document of the training has one: "What" and " What" are
two tokens. So ids of a prompt are taken from the row, and its text only says where it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from pipeline.core.errors import StorageError
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import MEND
from pipeline.evaluate.answers import AnswerRows


def prompt_ids(data: Dataset, split: str, rows: int | None = None) -> Iterator[list[int]]:
    """The ids of the prompt of each row of a split with answers, or of the first `rows` rows, in order.

    They are the first ids of the row, before its hint and its answer. StorageError for an unknown split, for one
    without answers, and for a row that does not begin with its prompt.

        data = Dataset.at("data/bioS_mixed_50")
        data.tokenizer().decode(next(prompt_ids(data, "exam")))      ' In which city was Jing Rose born? Answer:'
    """
    texts = AnswerRows(data, split, ["prompt"])
    tokenizer = data.tokenizer()
    stored = (ids for batch in data.batches(split) for ids in batch.column("input_ids"))
    for number, ((prompt,), ids) in enumerate(zip(texts, islice(stored, rows), strict=False)):
        row = ids.values.to_pylist() if hasattr(ids, "values") else ids.as_py()
        count = _length(tokenizer, row, prompt)
        if count is None:
            raise StorageError(f"row {number} of '{split}' does not begin with its prompt", MEND, data.folder.url)
        yield row[:count]


def _length(tokenizer: Any, row: Sequence[int], prompt: str) -> int | None:
    """How many of the ids of a row are its prompt; None where none are. Lengths near that of its text come first."""
    likely = len(tokenizer.encode(f" {prompt}", add_special_tokens=False).ids)
    for count in sorted(range(len(row) + 1), key=lambda count: abs(count - likely)):
        if tokenizer.decode(row[:count], skip_special_tokens=False).removeprefix(" ") == prompt:
            return count
    return None
