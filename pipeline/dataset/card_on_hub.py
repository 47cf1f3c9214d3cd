"""The dataset card as it is sent to the Hub: with the name of the repository and a licence."""

from __future__ import annotations

import re
from dataclasses import replace

from pipeline.dataset.card import UNLICENSED, loading
from pipeline.dataset.card_marks import Marked, licence_of, without_licence
from pipeline.dataset.markdown import quoted

_LOADING = re.compile(r"```python\nfrom datasets import load_dataset\n.*?\n```", re.DOTALL)
_LICENSED = "The licence is the one that the header of this card names."


def on_hub(text: str, repo: str, licence: str, words: str = "") -> str:
    """The card `text` as it is sent: with the name of the repository and the licence.

    licence: lines of YAML; "" keeps the card's own. words: `words_hash` of the folder's card; by default of this card.
    """
    card = Marked.of(text)
    part = card.part and _named(card.part, repo)
    if part and (licence or licence_of(text)):
        part = part.replace(UNLICENSED, _LICENSED)
    keys = licence + without_licence(card.keys) if licence else card.keys
    return replace(card, keys=keys, part=part, beside=words or card.words_hash).text


def _named(part: str, repo: str) -> str:
    """Our part with the repository's name."""
    shown = _LOADING.search(part)
    split = re.search(r'split="([^"]*)"', shown[0]) if shown else None
    if shown and split:
        file = f'hf_hub_download({quoted(repo)}, "tokenizer/tokenizer.json", repo_type="dataset")'
        block = "\n".join(loading(split[1], repo, file, "from huggingface_hub import hf_hub_download"))
        part = part[: shown.start()] + block + part[shown.end() :]
    note = "\n  note = {Synthetic"
    return part.replace(note, f"\n  howpublished = {{\\url{{https://huggingface.co/datasets/{repo}}}}},{note}", 1)
