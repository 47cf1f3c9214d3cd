"""What the trainers read, made by the main environment: python -m tests.trainers.builder FOLDER.

FOLDER/data is the dataset of the recipe of conversations, FOLDER/<split>-jsonl its columns as JSON lines and
FOLDER/<split>-parquet as Parquet. Names with pairs- have prompts and completions, those with plain- no chats.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.build.building import build
from pipeline.build.executors import Inline
from pipeline.dataset import Dataset
from pipeline.plan import compile_plan
from pipeline.publish.export import export
from pipeline.recipe import load
from pipeline.recipe.loading import export_spec

SMALL = ["worlds.people.size=100", "splits.train=null", "splits.exam=null"]
PAIRS = [
    "splits.sft.columns=[completion, loss_mask]",
    *(f"splits.sft.mixture.{name}=null" for name in ("dialogue", "strangers")),
    *(f"sources.{name}=null" for name in ("dialogue", "strangers")),
]
PLAIN = ["sources.chat.chat=null", "sources.exam.chat=null", *PAIRS]
COLUMNS = {
    "sft": ["messages"],
    "preference": ["prompt", "chosen", "rejected", "margin"],
    "rl": ["prompt", "answer", "kind"],
    "choices": ["prompt", "choices", "answer"],
}


def main(folder: Path) -> None:
    made = {"": SMALL, "pairs-": [*SMALL, *PAIRS], "plain-": [*SMALL, *PLAIN]}
    for prefix, overrides in made.items():
        place = folder / f"{prefix}data"
        build(compile_plan(load("bioS_chat", overrides)), place, Inline())
        for split, columns in COLUMNS.items():
            chosen = ["prompt", "completion"] if prefix and split == "sft" else columns
            for kind in ("jsonl", "parquet"):
                spec = export_spec(kind, options={"splits": [split], "columns": chosen})
                export(Dataset.at(place), spec, folder / f"{prefix}{split}-{kind}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
