"""TRL opens the exports as they are, makes the tokens of the rows of them, and takes a step with each trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import trl
from datasets import load_dataset
from transformers import AutoTokenizer, GPT2Config, GPT2ForSequenceClassification, GPT2LMHeadModel

ROWS = 8


def tokenizer_of(made: Path, prefix: str = "") -> Any:
    return AutoTokenizer.from_pretrained(str(made / f"{prefix}data" / "tokenizer"))


def rows(made: Path, split: str, kind: str = "jsonl") -> Any:
    """The first rows of an export, as `load_dataset` opens it."""
    return load_dataset(str(made / f"{split}-{kind}"), split=split.rpartition("-")[2]).select(range(ROWS))


def shard(made: Path, split: str, prefix: str = "") -> list[dict[str, Any]]:
    (file, *_) = sorted((made / f"{prefix}data" / split).glob("*.arrow"))
    return pa.ipc.open_stream(file.read_bytes()).read_all().slice(0, ROWS).to_pylist()


def config(made: Path, **more: Any) -> GPT2Config:
    tokenizer = tokenizer_of(made)
    return GPT2Config(
        vocab_size=len(tokenizer), n_positions=256, n_embd=16, n_layer=1, n_head=2, pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id, **more,
    )  # fmt: skip


def options(folder: Path) -> dict[str, Any]:
    """What all trainers are told: one step, on the processor, and nothing is sent anywhere."""
    return {
        "output_dir": str(folder), "max_steps": 1, "per_device_train_batch_size": 4, "report_to": [], "use_cpu": True,
        "save_strategy": "no", "disable_tqdm": True, "bf16": False,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_sft_by_messages_has_the_tokens_and_the_loss_of_the_rows(made: Path, tmp_path: Path, kind: str) -> None:
    args = trl.SFTConfig(assistant_only_loss=True, **options(tmp_path))
    trainer = trl.SFTTrainer(
        GPT2LMHeadModel(config(made)),
        args=args,
        train_dataset=rows(made, "sft", kind),
        processing_class=tokenizer_of(made),
    )
    for row, stored in zip(trainer.train_dataset, shard(made, "sft"), strict=True):
        length = stored["length"] - 1  # the end token, which is no part of the conversation
        assert row["input_ids"] == stored["input_ids"][:length]
        masked = row.get("labels") or [
            i if m else -100 for i, m in zip(row["input_ids"], row["assistant_masks"], strict=True)
        ]
        assert [int(label != -100) for label in masked] == stored["loss_mask"][:length]
    assert trainer.train().training_loss > 0


@pytest.mark.parametrize("prefix", ["pairs-", "plain-"])
def test_sft_by_prompts_and_completions(made: Path, tmp_path: Path, prefix: str) -> None:
    trainer = trl.SFTTrainer(
        GPT2LMHeadModel(config(made)), args=trl.SFTConfig(**options(tmp_path)),
        train_dataset=rows(made, f"{prefix}sft"), processing_class=tokenizer_of(made, prefix),
    )  # fmt: skip
    for row, stored in zip(trainer.train_dataset, shard(made, "sft", prefix), strict=True):
        length = stored["length"] - (prefix == "pairs-")
        assert row["input_ids"] == stored["input_ids"][:length]
    assert trainer.train().training_loss > 0


@pytest.mark.parametrize("prefix", ["", "plain-"])
def test_dpo_by_prompt_chosen_and_rejected(made: Path, tmp_path: Path, prefix: str) -> None:
    trainer = trl.DPOTrainer(
        GPT2LMHeadModel(config(made)), ref_model=GPT2LMHeadModel(config(made)), args=trl.DPOConfig(**options(tmp_path)),
        train_dataset=rows(made, f"{prefix}preference"), processing_class=tokenizer_of(made, prefix),
    )  # fmt: skip
    for row, stored in zip(trainer.train_dataset, shard(made, "preference", prefix), strict=True):
        assert row["prompt_ids"] == stored["prompt_tokens"]
        for key in ("chosen", "rejected"):
            ended = stored[f"{key}_tokens"][: len(stored[f"{key}_tokens"]) - (not prefix)]
            assert row[f"{key}_ids"] == ended
    assert trainer.train().training_loss > 0


def test_a_reward_model_by_chosen_and_rejected_with_margins(made: Path, tmp_path: Path) -> None:
    trainer = trl.RewardTrainer(
        GPT2ForSequenceClassification(config(made, num_labels=1)), args=trl.RewardConfig(**options(tmp_path)),
        train_dataset=rows(made, "preference"), processing_class=tokenizer_of(made),
    )  # fmt: skip
    for row, stored in zip(trainer.train_dataset, shard(made, "preference"), strict=True):
        for key in ("chosen", "rejected"):
            assert row[f"{key}_ids"] == [*stored["prompt_tokens"], *stored[f"{key}_tokens"]][:-1]
        assert row["margin"] == stored["margin"] in (0.5, 1.0)
    assert trainer.train().training_loss > 0


def test_grpo_hands_prompts_and_answers_to_the_function_of_rewards(made: Path, tmp_path: Path) -> None:
    graded: list[tuple[str, str, str]] = []

    def reward(completions: Any, prompts: Any, answer: Any, kind: Any, **_: Any) -> list[float]:
        graded.extend(zip((prompt[-1]["content"] for prompt in prompts), answer, kind, strict=True))
        assert all(completion[0]["role"] == "assistant" for completion in completions)
        return [float(i) for i in range(len(completions))]

    args = trl.GRPOConfig(num_generations=2, max_completion_length=4, **options(tmp_path))
    trainer = trl.GRPOTrainer(
        GPT2LMHeadModel(config(made)), reward_funcs=reward, args=args, train_dataset=rows(made, "rl"),
        processing_class=tokenizer_of(made),
    )  # fmt: skip
    trainer.train()
    known = {(row["prompt"][-1]["content"], row["answer"], row["kind"]) for row in shard(made, "rl")}
    assert len(graded) == 4
    assert {*graded} <= known


def test_multiple_choice_is_a_list_of_texts_and_an_index(made: Path) -> None:
    for row, stored in zip(rows(made, "choices"), shard(made, "choices"), strict=True):
        assert (row["choices"], row["answer"]) == (stored["choices"], stored["answer"])
        assert len(row["choices"]) == 4 > row["answer"] >= 0


def test_the_tokenizer_beside_the_rows_writes_conversations_as_they_are(made: Path) -> None:
    tokenizer = tokenizer_of(made)
    for stored in shard(made, "sft"):
        ids = tokenizer.apply_chat_template(stored["messages"], return_dict=True)["input_ids"]
        assert [*ids, tokenizer.eos_token_id] == stored["input_ids"][: stored["length"]]
