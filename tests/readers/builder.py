"""What the readers are to read, made by the main environment: python -m tests.readers.builder FOLDER.

FOLDER/small has token ids of 16 bits and FOLDER/wide of 32; in each lies the dataset, and its exports in exports/.
FOLDER/puzzles is a dataset whose tokens are symbols.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pipeline.build import build
from pipeline.dataset import Dataset
from pipeline.executors import Inline
from pipeline.export import export, place_of
from pipeline.plan import compile_plan
from pipeline.recipe import load, sink

RECIPE = Path(__file__).with_name("recipe.yaml")
TOKENS = ("nanogpt", "llmc", "megatron", "jsonl", "litdata")  # which have a place for token ids, or text, alone


def dataset(folder: Path, *overrides: str) -> Dataset:
    """The recipe's dataset in a folder."""
    build(compile_plan(load(str(RECIPE), overrides)), folder, Inline())
    return Dataset.at(folder)


def wide_tokenizer(small: Dataset, path: Path) -> str:
    """That of a dataset with every id doubled, so that more than half of GPT-2's are over 65,535; as an override."""
    tree = json.loads(small.folder.read("tokenizer/tokenizer.json"))
    tree["model"]["vocab"] = {token: 2 * number for token, number in tree["model"]["vocab"].items()}
    for token in tree["added_tokens"]:
        token["id"] *= 2
    path.write_text(json.dumps(tree))
    return f"tokenizer.name={path}"


def puzzles(folder: Path) -> None:
    """A small dataset of symbols."""
    overrides = [
        "splits.train.mixture.puzzles.tokens=20_000",
        "sources.questions.instances=64",
        "sources.puzzles.nodes=9",
    ]
    exams = [f"splits.{exam}.mixture.{exam}.tokens=4096" for exam in ("exam", "exam_half")]
    build(compile_plan(load("depo1_N225_K8", [*overrides, *exams])), folder, Inline())


def main(folder: Path) -> None:
    puzzles(folder / "puzzles")
    small = dataset(folder / "small")
    wide = dataset(folder / "wide", wide_tokenizer(small, folder / "wide.json"))
    for built, without in ((small, set()), (wide, {"nanogpt"})):
        for kind in sorted({"parquet", "mds", *TOKENS} - without):
            columns = ["input_ids", "prompt", "answer", "individual"] if kind == "jsonl" else ["input_ids"]
            spec = sink(kind, options={"columns": columns} if kind in TOKENS else {})
            export(built, spec, place_of(built.folder, spec))
    alone = {"columns": ["input_ids"]}
    export(small, sink("litdata", ["dtype=uint16"], alone), folder / "small16")
    export(small, sink("megatron", ["tokens=1"], {**alone, "splits": ["train"]}), folder / "pieces")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
