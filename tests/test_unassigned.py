"""Texts with characters that have no meaning yet are found, in lists and in Arrow arrays alike."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.encoding.unassigned import is_unassigned, with_unassigned


def found_in(texts: list[str]) -> list[int]:
    """What is found in a list, which must be what is found in an array, and in a slice of one."""
    found = with_unassigned(texts).tolist()
    assert with_unassigned(pa.array(texts, pa.large_string())).tolist() == found
    longer = pa.array(["\u0378", *texts, "\u0378"], pa.large_string())
    assert with_unassigned(longer.slice(1, len(texts))).tolist() == found
    return found


def test_every_character_there_is() -> None:
    numbers = [number for number in range(sys.maxunicode + 1) if not 0xD800 <= number < 0xE000]
    expected = [place for place, number in enumerate(numbers) if is_unassigned(number)]
    assert len(expected) > 800_000, "most of the numbers are not given to a character yet"
    assert with_unassigned(pa.array(list(map(chr, numbers)), pa.large_string())).tolist() == expected


def test_wherever_in_a_text_it_stands() -> None:
    for letter in ("a", "é", "漢", "😀"):
        for before in range(20):
            for after in (0, 1, 17):
                for wrong in ("\u0378", "\u2fe0", "\U0003ffff"):
                    texts = [letter * (before + after), letter * before + wrong + letter * after, wrong * 3, ""]
                    assert found_in(texts) == [1, 2]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=8))
def test_any_texts(texts: list[str]) -> None:
    expected = [place for place, text in enumerate(texts) if any(is_unassigned(ord(letter)) for letter in text)]
    assert found_in(texts) == expected


def test_no_texts() -> None:
    assert with_unassigned(pa.array([], pa.large_string())).dtype == np.int64
    assert found_in([]) == []
    assert found_in(["", "a"]) == []
