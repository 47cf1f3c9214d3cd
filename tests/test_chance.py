"""A tokenizer gives the same ids for the same text, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import models

from pipeline.core.errors import SpecError
from pipeline.text.tokenizer_loading import TokenizerSpec, load
from tests.test_values import files

PAIRS = {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4, "<eos>": 5}


def saved(folder: Path, model: Any, **more: Any) -> tokenizers.Tokenizer:
    """A tokenizer.json of a model, with more keys in it; as the library reads it."""
    made = tokenizers.Tokenizer(model)
    made.add_special_tokens(["<eos>"])
    description = json.loads(made.to_str())
    description["model"] |= more
    (folder / "t.json").write_text(json.dumps(description))
    return tokenizers.Tokenizer.from_file(str(folder / "t.json"))


@pytest.mark.parametrize("dropout", [0.25, 0.5, 1.0])
def test_a_model_with_dropout_is_refused(tmp_path: Path, dropout: float) -> None:
    made = saved(tmp_path, models.BPE(PAIRS, [("a", "b"), ("ab", "c")]), dropout=dropout)
    if dropout == 0.5:
        assert len({tuple(made.encode("abcabc").ids) for _ in range(99)}) > 1
    for name in ("t.json", str(tmp_path / "t.json")):
        with pytest.raises(
            SpecError, match=rf"splits texts by chance \(dropout: {dropout}\)\. Take dropout out"
        ) as refused:
            load(TokenizerSpec(name=name), files(tmp_path))
        assert refused.value.at == ("name",)


@pytest.mark.parametrize("dropout", [None, 0.0])
def test_a_model_without_dropout_is_taken(tmp_path: Path, dropout: float | None) -> None:
    saved(tmp_path, models.BPE(PAIRS, [("a", "b"), ("ab", "c")]), dropout=dropout)
    loaded = load(TokenizerSpec(name="t.json"), files(tmp_path))
    assert {tuple(ids.tolist()) for ids in loaded.encode(["abcab"] * 99)} == {(4, 3)}


def test_sampling_options_of_a_unigram_model_are_not_obeyed(tmp_path: Path) -> None:
    """The library reads none of them; one that does would be refused."""
    model = models.Unigram([("a", -1.0), ("b", -2.0), ("ab", -2.5), ("ba", -2.2)], 0, False)
    saved(tmp_path, model, alpha=0.3, nbest_size=5)
    loaded = load(TokenizerSpec(name="t.json"), files(tmp_path))
    assert len({tuple(ids.tolist()) for ids in loaded.encode(["abababab"] * 99)}) == 1
