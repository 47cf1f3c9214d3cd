"""What the readers are to read, made by the main environment: python -m tests.readers.builder FOLDER.

FOLDER/small has token ids of 16 bits and FOLDER/wide of 32; in each lies the dataset, and its exports in exports/.
FOLDER/puzzles is a dataset whose tokens are symbols. FOLDER/columns-1, -2 and -6 are datasets made by hand with every
column that there is, `ancestors` of so many levels, and with shards of no row and of one. FOLDER/tree is one of a
grammar, FOLDER/texts one of texts, some of which are empty.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pipeline.build.building import build
from pipeline.build.executors import Inline
from pipeline.dataset import Dataset
from pipeline.plan import compile_plan
from pipeline.publish.export import export
from pipeline.recipe import load
from pipeline.recipe.loading import export_spec
from tests.by_hand import LEVELS, of_every_column

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


def exported(built: Dataset, *kinds: str, **options: dict[str, Any]) -> None:
    """The dataset's own exports, of the token ids alone where there is no place for more."""
    for kind in kinds:
        spec = export_spec(kind, options=options.get(kind, {"columns": ["input_ids"]} if kind in TOKENS else {}))
        export(built, spec)


TEXTS = ["a b", "", "\N{REPLACEMENT CHARACTER} here", "<|endoftext|>", " ", "", "end"]
OF_TEXTS = """
sources: {it: {kind: corpus, files: texts.jsonl}}
splits: {train: {mixture: {it: {}}, packing: {length: 8}}}
"""


def main(folder: Path) -> None:
    puzzles(folder / "puzzles")
    beside = {"jsonl": {"columns": ["input_ids", "answer", "parameters", "individual", "op"]}}
    for levels in LEVELS:
        made = of_every_column(folder / f"columns-{levels}", [0, 3, 0, 1, 0], levels)
        exported(made, "parquet", "mds", *TOKENS, **beside)
    without = [f"splits.{name}=null" for name in ("train", "exam_0", "exam_50")]
    build(compile_plan(load("cfg3b_like", ["sources.probes.instances=64", *without])), folder / "tree", Inline())
    exported(Dataset.at(folder / "tree"), "parquet", "mds")
    (folder / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    (folder / "texts.yaml").write_text(OF_TEXTS)
    build(compile_plan(load(str(folder / "texts.yaml"))), folder / "texts", Inline())
    exported(Dataset.at(folder / "texts"), "parquet", "mds", *TOKENS)
    small = dataset(folder / "small")
    wide = dataset(folder / "wide", wide_tokenizer(small, folder / "wide.json"))
    for built, without in ((small, set()), (wide, {"nanogpt"})):
        for kind in sorted({"parquet", "mds", *TOKENS} - without):
            columns = ["input_ids", "prompt", "answer", "individual"] if kind == "jsonl" else ["input_ids"]
            spec = export_spec(kind, options={"columns": columns} if kind in TOKENS else {})
            export(built, spec)
    alone = {"columns": ["input_ids"]}
    export(small, export_spec("litdata", ["dtype=uint16"], alone), folder / "small16")
    export(small, export_spec("megatron", ["tokens=1"], {**alone, "splits": ["train"]}), folder / "pieces")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
