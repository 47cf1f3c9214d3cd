"""The texts that benchmarks of a corpus read: the same everywhere, and as varied as they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core.key import Key
from tests.bench.harness import ROOT
from tests.bench.varied_text import DOCUMENTS, LEAST, MOST, block, write

KEY = Key.root(0)
SCRIPTS = {
    "Latin": "[a-zA-Z]",
    "accents": "[éüñłś]",
    "Cyrillic": "[\u0430-\u044f]",
    "Greek": "[\u03b1-\u03c9]",
    "Arabic": "[\u0621-\u064a]",
    "Chinese": "[\u4e00-\u9fff]",
    "kana": "[\u3041-\u30fe]",
    "Korean": "[\uac00-\ud7a3]",
    "Hindi": "[\u0904-\u0939]",
    "emoji": "[\U0001f300-\U0001faff]",
    "a joined emoji": "\u200d",
    "a date": r"\b(19|20)\d\d-\d\d-\d\d\b",
    "a number": r"\b\d+,000\b",
    "an address": r"https://www\.\w+\.(com|org|io|co\.uk|de)/",
    "code": r"\n        \w+ = \w+",
    "a tab": r"\n\t\w",
    "a paragraph": r"\.\n\n",
    "a quotation": r"\(\"\w",
}


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Those of a block."""
    return [json.loads(line)["text"] for line in bytes(block(KEY, 0)).decode().splitlines()]


def test_every_line_is_a_document_of_20_to_20_000_characters(texts: list[str]) -> None:
    lengths = sorted(map(len, texts))
    assert len(lengths) == DOCUMENTS
    assert lengths[0] >= LEAST
    assert lengths[-1] <= MOST
    assert sum(lengths[-DOCUMENTS // 10 :]) > sum(lengths) / 3, "a tenth of the documents has a third of the text"
    assert all(text == text.strip() for text in texts), "some tools cut blanks off"


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_block_has_every_script(texts: list[str], script: str) -> None:
    assert any(re.search(SCRIPTS[script], text) for text in texts)


def test_words_repeat_and_new_ones_never_end(texts: list[str]) -> None:
    words = " ".join(text for text in texts if text.isascii()).split()
    tenth, whole = len(set(words[: len(words) // 10])), len(set(words))
    assert 2 * tenth < whole < 10 * tenth
    assert whole < len(words) / 3


def test_the_same_key_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    write(tmp_path / "here.jsonl", 1, KEY)
    there = tmp_path / "there.jsonl"
    command = [sys.executable, "-m", "tests.bench.varied_text", str(there), "1"]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": "1"}, check=True, capture_output=True)
    assert there.read_bytes() == (tmp_path / "here.jsonl").read_bytes()


def test_a_longer_file_begins_with_the_shorter_one_and_another_key_gives_other_texts(tmp_path: Path) -> None:
    write(tmp_path / "short.jsonl", 1, KEY)
    assert write(tmp_path / "long.jsonl", 4, KEY) == 2 * DOCUMENTS
    short, long = ((tmp_path / f"{name}.jsonl").read_bytes() for name in ("short", "long"))
    assert len(short) >= 1_000_000
    assert len(long) >= 4_000_000
    assert long.startswith(short)
    assert not set(bytes(block(Key.root(1), 0)).splitlines()) & set(short.splitlines())
