"""Copies of texts in the cache: what was handed to the writer, row by row or block by block, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.corpus.reading import copies, packed, sealed

BLOCKS = st.lists(st.lists(st.text(max_size=20), max_size=8), max_size=6)


def arrays_of(blocks: Sequence[Sequence[str]]) -> list[pa.LargeStringArray]:
    """The blocks as slices of one array, as readers may give them."""
    whole = pa.array([text for block in blocks for text in block], pa.large_string())
    ends = np.cumsum([0, *map(len, blocks)]).tolist()
    return [whole.slice(first, last - first) for first, last in pairwise(ends)]


@settings(max_examples=60)
@given(BLOCKS)
def test_each_block_is_what_was_written(tmp_path_factory: pytest.TempPathFactory, blocks: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("packed") / "it.packed"
    packed.write(path, "key", lambda writer: [writer.take(array) for array in arrays_of(blocks)])
    copy = packed.Packed(path, "key")
    copy.check_all()
    assert [copy.block(number).to_pylist() for number in range(len(blocks))] == blocks
    assert [copy.block(number).type for number in range(len(blocks))] == [pa.large_string()] * len(blocks)


@settings(max_examples=60)
@given(BLOCKS, st.data())
def test_each_row_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[list[str]], data: st.DataObject
) -> None:
    texts = [text for block in blocks for text in block]
    path = tmp_path_factory.mktemp("rows") / "it.rows"
    copies.write(path, "key", lambda writer: [writer.take(array) for array in arrays_of(blocks)])
    copy = copies.Copy(path, "key")
    copy.check_all()
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=9)) if texts else []
    assert copy.take(np.array(rows, np.int64)).to_pylist() == [texts[row] for row in rows]


def test_what_compresses_takes_less_and_what_was_written_is_what_is_reckoned(tmp_path: Path) -> None:
    texts = [["the same words again and again " * 50] * 40, [os.urandom(900).hex()] * 2, []]
    sizes = {}
    for form in (packed, copies):
        written: list[int] = []
        form.write(
            tmp_path / form.__name__, "", lambda writer, to=written: to.extend(map(writer.take, arrays_of(texts)))
        )
        sizes[form] = (tmp_path / form.__name__).stat().st_size
        assert 0 <= sizes[form] - sum(written) < 300  # and its end
    assert sizes[packed] * 20 < sizes[copies]


@pytest.mark.parametrize("form", [packed.Packed, copies.Copy])
def test_a_copy_of_something_else_is_none(tmp_path: Path, form: type[sealed.Sealed]) -> None:
    module = packed if form is packed.Packed else copies
    module.write(tmp_path / "it", "these files", lambda writer: writer.take(pa.array(["a"], pa.large_string())))
    form(tmp_path / "it", "these files").check_all()
    with pytest.raises(sealed.Damaged):
        form(tmp_path / "it", "other files")
    with pytest.raises(FileNotFoundError):
        form(tmp_path / "not there", "these files")


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    texts = pa.array([os.urandom(9000).hex() for _ in range(60)], pa.large_string())
    packed.write(tmp_path / "it", "", lambda writer: [writer.take(texts), writer.take(texts)])
    data = (tmp_path / "it").read_bytes()
    assert len(data) > 3 * sealed.PIECE
    for place in [*range(0, len(data), 9973), len(data) - 1]:
        (tmp_path / "changed").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(sealed.Damaged):
            packed.Packed(tmp_path / "changed", "").check_all()
