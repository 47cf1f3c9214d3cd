"""What every recipe of the package gives, frozen. `python -m tests.golden` writes it anew: see "changes bytes"."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.table import content_hash
from pipeline.shard.shard import make_shard
from tests.plans import small

FILE = Path(__file__).with_name("recipes.json")
LONGEST = 600  # characters of a document that is stored


def observe(recipe: str) -> dict[str, Any]:
    """The content hash of one small shard of each split, the documents and expected tokens of each whole split, and
    three documents of each source as they read."""
    plan = small(recipe)
    documents = {}
    for name, source in plan.sources.items():
        item = np.minimum(np.array([0, 1, 5], np.int64), len(source) - 1)
        told = source.documents(item, item, spans=False).tokens
        texts = [plan.tokenizer.decode(told.values[told.offsets[i] : told.offsets[i + 1]]) for i in range(3)]
        documents[name] = list(map(_kept, texts))
    hashes = {split: content_hash(make_shard(plan, split, 0).columns) for split in plan.splits}
    sizes = {name: [split.documents, int(sum(split.expected.values()))] for name, split in plan.splits.items()}
    return {"hashes": hashes, "sizes": sizes, "documents": documents}


def _kept(text: str) -> str:
    """A document as it is stored: the whole of a short one, the beginning and a hash of a long one."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … {hashlib.sha256(text.encode()).hexdigest()}"


@cache
def stored() -> dict[str, Any]:
    """What was observed when the golden file was written."""
    loaded: dict[str, Any] = json.loads(FILE.read_text())
    return loaded
