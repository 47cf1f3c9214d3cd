"""Any model of the `transformers` library answers an exam: predictions as `score` and `check` read them.

    python examples/answer_exam.py data/bioS_mixed_50 my/model answers.jsonl
    python -m pipeline score data/bioS_mixed_50 answers.jsonl

The model must have been trained with the dataset's tokenizer: it is given the token ids of the prompts. Needs
transformers and torch: pip install "pretraining-recipes[transformers]".
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from pipeline.dataset import Dataset
from pipeline.evaluate.prompts import prompt_ids


@torch.no_grad()
def answer(folder: str, model: str, out: Path, split: str = "exam", tokens: int = 48, batch: int = 64) -> None:
    """Write a prediction for each row of a split with answers: the likeliest continuation of its prompt."""
    data = Dataset.at(folder)
    tokenizer, end = data.tokenizer(), data.tokenizer().token_to_id(data.end_of_text())
    answering = AutoModelForCausalLM.from_pretrained(model).eval()
    answering = answering.to("cuda" if torch.cuda.is_available() else "cpu")
    prompts = list(prompt_ids(data, split))
    by_length = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))  # so that little or nothing is padding
    with out.open("w", encoding="utf-8") as file:
        for first in range(0, len(by_length), batch):
            rows = by_length[first : first + batch]
            longest = max(len(prompts[row]) for row in rows)
            ids = torch.tensor([[end] * (longest - len(prompts[row])) + prompts[row] for row in rows])
            seen = torch.tensor([[0] * (longest - len(prompts[row])) + [1] * len(prompts[row]) for row in rows])
            answers = answering.generate(
                ids.to(answering.device),
                attention_mask=seen.to(answering.device),
                max_new_tokens=tokens,
                do_sample=False,
                eos_token_id=end,
                pad_token_id=end,
            )
            texts = tokenizer.decode_batch(answers[:, longest:].tolist(), skip_special_tokens=False)
            for row, text in zip(rows, texts, strict=True):
                file.write(json.dumps({"row": row, "prediction": text}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Answer an exam with a model of the transformers library.")
    parser.add_argument("folder", help="of a built dataset")
    parser.add_argument("model", help="a folder, or a name on the Hub")
    parser.add_argument("out", type=Path, help="the file of predictions")
    parser.add_argument("--split", default="exam")
    parser.add_argument("--tokens", type=int, default=48, help="the longest answer")
    options = parser.parse_args()
    answer(options.folder, options.model, options.out, options.split, options.tokens)
