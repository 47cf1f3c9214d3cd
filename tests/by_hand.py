"""Datasets made by hand, whose words are a, b, … for the tokens 1, 2, … and whose end token is 9."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.documents import offsets_of
from pipeline.core.table import Column, Lists, Strings, content_hash
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import Manifest, totals
from pipeline.dataset.shard_record import ShardRecord
from pipeline.storage import arrow, folder_at

END = 9
FLAGS = ("single_word", "lstrip", "rstrip", "normalized")


def by_hand(
    folder: Path,
    shards: Sequence[Sequence[Sequence[int]]],
    counts: Sequence[tuple[int, int]],
    kind: Any = np.uint16,
    method: str = "concat",
    windows: str = "mixed",
    more: Sequence[Mapping[str, Column]] = (),
    asked: Sequence[str] = (),
    sources: Mapping[str, Any] | None = None,
) -> Dataset:
    """Shards of these sequences; counts: documents and tokens of each. more: other columns of each."""
    place = folder_at(folder)
    length = max(len(row) for rows in shards for row in rows)
    records = []
    for k, rows in enumerate(shards):
        columns = {"input_ids": np.array(rows, kind).reshape(len(rows), length), **(more[k] if more else {})}
        name = f"train/shard-{k:05d}-of-{len(shards):05d}.arrow"
        with place.creating(name) as raw:
            file = arrow.HashingFile(raw)
            arrow.write(columns, file)
        facts = {"sequences": len(rows), "documents": counts[k][0], "tokens": counts[k][1], "padding": 0}
        of_sources = {source: {"documents": 1, "tokens": 1} for source in ("one", "other")}
        of = {"bytes": file.size, "file_hash": file.hash, "content_hash": content_hash(columns), "sources": of_sources}
        records.append(ShardRecord(split="train", shard=k, file=name, **facts, **of))
    its = {"length": length, "packing": method, "columns": ["input_ids", *asked], "source_names": [*"ab"]}
    packing = {"windows": windows, "method": method}
    recipe = {"splits": {"train": {"packing": packing}}, "sources": {"a": {}, "b": {}} | dict(sources or {})}
    manifest = Manifest("f" * 64, 2, {}, {}, {"train": totals(records, **its)}, recipe)
    vocabulary = {"<end>": END, "\N{REPLACEMENT CHARACTER}": 20} | {chr(96 + i): i for i in range(1, 9)}
    tree = {
        "version": "1.0",
        "added_tokens": [{"id": END, "content": "<end>", "special": True, **dict.fromkeys(FLAGS, False)}],
        "model": {"type": "WordLevel", "vocab": vocabulary | ({"z": 70_000} if kind == np.int32 else {})},
    }
    tree["model"]["unk_token"] = "<end>"
    place.write("tokenizer/tokenizer.json", json.dumps(tree))
    place.write("tokenizer/tokenizer_config.json", json.dumps({"eos_token": "<end>"}))
    place.write("manifest.json", manifest.dumps())
    return Dataset.at(folder)


LEVELS = (1, 2, 6)
ASKED = ("loss_mask", "segment_ids", "documents", "spans", "parts", "answers", "steps", "probes", "tree")
"""What a recipe asks for to get every column that there is."""


def columns(rows: int, levels: int, first: int = 0) -> dict[str, Column]:
    """Every column that a split of rows can have beside input_ids (rows, 4); all values at all places are different.

    Among the numbers are the smallest and biggest of each type; among texts and lists are empty ones.
    """

    def numbers(kind: Any, *shape: int) -> np.ndarray:
        bounds, count = np.iinfo(kind), rows * int(np.prod(shape))
        values = (np.arange(count, dtype=np.int64) + 17 * first) % 200 - (100 if bounds.min else 0)
        made = values.astype(kind).reshape(rows, *shape)
        if count > 1:
            made.flat[0], made.flat[-1] = bounds.min, bounds.max
        return made

    def lists(**kinds: Any) -> Lists:
        counts = np.arange(first, first + rows) % 3
        size = int(counts.sum())
        fields = {
            name: np.array([int(np.iinfo(kind).max) if i % 2 else i % 200 for i in range(size)], kind)
            for name, kind in kinds.items()
        }
        return Lists(offsets_of(counts), fields)

    def texts(mark: str) -> Strings:
        return Strings.of(["" if i % 3 == 1 else f"{mark} é\u2028\N{REPLACEMENT CHARACTER}\n{i}" for i in range(rows)])

    return {
        "length": np.full(rows, 2, np.int32),
        "loss_mask": numbers(np.uint8, 4),
        "segment_ids": numbers(np.uint16, 4),
        "documents": lists(start=np.int32, source=np.uint16, item=np.int64, exposure=np.int32),
        "spans": lists(start=np.int32, length=np.int32, attribute=np.uint8),
        "parts": lists(start=np.int32, length=np.int32, role=np.uint8),
        "individual": numbers(np.int64),
        "question": texts("q"),
        "prompt": texts("p"),
        "hint": Strings.of([""] * rows),
        "answer": texts("a"),
        "op": numbers(np.int32),
        "retries": numbers(np.uint8),
        "parameters": texts("x"),
        "labels": lists(necessary=np.uint8, value=np.int64, depends=np.uint64),
        "steps": lists(position=np.int32, parameter=np.uint8, known=np.uint64, ready=np.uint64),
        "probes": lists(attribute=np.uint8, position=np.int32, first_token=np.int32, value=np.int32),
        "ancestors": numbers(np.int16, 4, levels),
        "boundaries": numbers(np.uint8, 4),
    }


def of_every_column(folder: Path, counts: Sequence[int], levels: int, kind: Any = np.uint16) -> Dataset:
    """Shards of so many rows, each a word and the end token, with all the columns."""
    starts = np.cumsum([0, *counts])
    shards = [[[1 + i % 8, END, END, END] for i in range(first, first + n)] for first, n in zip(starts, counts)]  # noqa: B905
    return by_hand(
        folder,
        shards,
        [(n, 2 * n) for n in counts],
        kind,
        method="rows",
        more=[columns(n, levels, int(first)) for first, n in zip(starts, counts)],  # noqa: B905
        asked=ASKED,
    )
