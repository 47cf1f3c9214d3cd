"""What other tools need from JSON lines to token files: one of them, in an environment of its own.

`python rivals.py TOOL TEXTS TOKENIZER OUT` prints a `Took` as JSON. The clock begins when everything is imported; an
end token follows every document. Nothing of ours is imported: it is not installed there.

datasets    load_dataset, map (batched, `tokenizers`), save_to_disk
datatrove   JsonlReader and DocumentTokenizer; documents stay in their order, which saves it a pass
megatron    the loop of tools/preprocess_data.py with its IndexedDatasetBuilder; the tool is not in the wheel. Its
            workers send every document to the parent: here both are one process, which saves it that
dolma       the function behind `dolma tokens`, in one process; the command itself wants a column of ids
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

END = "<|endoftext|>"


class Took(NamedTuple):
    """One run: seconds of the wall and of the processor, and tokens that came out."""

    seconds: float
    processor_seconds: float
    tokens: int


def timed(work: Callable[[], int]) -> Took:
    """What a call takes that returns a number of tokens."""
    wall, processor = time.perf_counter(), time.process_time()
    tokens = work()
    return Took(time.perf_counter() - wall, time.process_time() - processor, tokens)


def datasets(texts: str, tokenizer: str, out: Path) -> Took:
    from datasets import Dataset, Features, List, Value, disable_progress_bars, load_dataset
    from tokenizers import Tokenizer

    disable_progress_bars()

    def run() -> int:
        encoder = Tokenizer.from_file(tokenizer)
        end = [encoder.token_to_id(END)]

        def encode(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
            encoded = encoder.encode_batch_fast(batch["text"], add_special_tokens=False)
            return {"input_ids": [encoding.ids + end for encoding in encoded]}

        rows = load_dataset("json", data_files=texts, split="train", cache_dir=str(out / "cache"))
        features = Features({"input_ids": List(Value("uint16"))})
        rows.map(encode, batched=True, remove_columns=["text"], features=features).save_to_disk(str(out / "saved"))
        saved = Dataset.load_from_disk(str(out / "saved")).data["input_ids"]
        return sum(len(chunk.flatten()) for chunk in saved.chunks)

    return timed(run)


def datatrove(texts: str, tokenizer: str, out: Path) -> Took:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.tokens import DocumentTokenizer
    from datatrove.utils.logging import logger

    logger.remove()

    def run() -> int:
        read = JsonlReader(str(Path(texts).parent), glob_pattern=Path(texts).name)
        write = DocumentTokenizer(str(out / "tokens"), tokenizer, eos_token=END, shuffle_documents=False)
        LocalPipelineExecutor([read, write], tasks=1, workers=1, logging_dir=str(out / "logs")).run()
        return _pairs_of_bytes(out / "tokens", "*.ds")

    return timed(run)


def megatron(texts: str, tokenizer: str, out: Path) -> Took:
    from megatron.core.datasets.indexed_dataset import DType, IndexedDatasetBuilder
    from tokenizers import Tokenizer

    def run() -> int:
        encoder = Tokenizer.from_file(tokenizer)
        end = encoder.token_to_id(END)
        builder = IndexedDatasetBuilder(str(out / "text_document.bin"), DType.optimal_dtype(encoder.get_vocab_size()))
        with open(texts, encoding="utf-8") as lines:
            for line in lines:
                ids = encoder.encode(json.loads(line)["text"], add_special_tokens=False).ids
                ids.append(end)
                builder.add_document(ids, [len(ids)])
        builder.finalize(str(out / "text_document.idx"))
        return _pairs_of_bytes(out, "*.bin")

    return timed(run)


def dolma(texts: str, tokenizer: str, out: Path) -> Took:
    from dolma.tokenizer import tokenize_in_parallel
    from tokenizers import Tokenizer

    end = Tokenizer.from_file(tokenizer).token_to_id(END)

    def run() -> int:
        tokenize_in_parallel(
            sources=[texts],
            destination=str(out / "tokens"),
            metadata_dir=str(out / "state"),
            tokenizer_name_or_path=tokenizer,
            eos_token_id=end,
            pad_token_id=end,
            id_field_name=None,
            debug=True,  # in this process
        )
        return _pairs_of_bytes(out / "tokens", "*.npy")

    return timed(run)


TOOLS: dict[str, Callable[[str, str, Path], Took]] = {
    tool.__name__: tool for tool in (datasets, datatrove, megatron, dolma)
}


def _pairs_of_bytes(folder: Path, pattern: str) -> int:
    """The tokens in plain files of 16 bits each."""
    return sum(path.stat().st_size for path in folder.glob(pattern)) // 2


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    tool, texts, tokenizer, out = sys.argv[1:]
    stdout, sys.stdout = sys.stdout, sys.stderr  # what tools say is progress
    print(json.dumps(TOOLS[tool](texts, tokenizer, Path(out))), file=stdout)
