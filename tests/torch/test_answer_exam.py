"""The example answers an exam with a model of the transformers library: here tiny, random, and read from its folder."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from pipeline import cli
from pipeline.dataset import Dataset
from pipeline.evaluate.prompts import prompt_ids
from tests.conftest import built
from tests.plans import plan_of
from tests.test_experiments import SMALL

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from answer_exam import answer  # of a folder that is no package

QUESTIONS = (
    "sources.questions={kind: questions, world: people, templates: "
    '{city: ["Where does {{ name }} live? | {{ city }}."], shoes: ["Which shoes has {{ name }}? | {{ shoes }}."]}}'
)
EXAM = "splits.exam={mixture: {questions: {}}, packing: {method: rows, length: 64}, columns: [answers]}"


def model_of(name: str, vocabulary: int) -> PreTrainedModel:
    torch.manual_seed(0)
    if name == "gpt2":
        return GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, n_positions=64, n_embd=16, n_layer=1, n_head=2))
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, num_key_value_heads=1, **sizes))


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_each_row_is_answered_by_the_likeliest_tokens_as_score_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
):
    out = tmp_path / "data"
    built(plan_of(str(SMALL), QUESTIONS, EXAM), out)
    data = Dataset.at(out)
    tokenizer = data.tokenizer()
    model = model_of(name, tokenizer.get_vocab_size()).eval()
    torch.nn.init.normal_(model.get_input_embeddings().weight)
    model.save_pretrained(tmp_path / "model")
    answers = tmp_path / "answers.jsonl"
    answer(str(out), str(tmp_path / "model"), answers, tokens=6, batch=7)
    lines = {line["row"]: line["prediction"] for line in map(json.loads, answers.read_text("utf-8").splitlines())}
    prompts = list(prompt_ids(data, "exam"))
    assert sorted(lines) == list(range(len(prompts))) == list(range(40))
    for row, prompt in enumerate(prompts):
        ids = list(prompt)
        for _ in range(6):
            with torch.no_grad():
                ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == tokenizer.token_to_id(data.end_of_text()):
                break
        said = tokenizer.decode(ids[len(prompt) :], skip_special_tokens=False)
        assert lines[row].startswith(said)
    assert cli.run(["score", str(out), str(answers)]) == 0
    assert "0.00%" in capsys.readouterr().out
