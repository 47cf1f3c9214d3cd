from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.errors import RunError
from pipeline.packing.packing import fill, pack, pack_pure
from pipeline.packing.sequences import Sequences
from pipeline.packing.spec import PackingSpec
from tests.reference import packing as reference
from tests.reference.packing import Document

EOS = 9999
Last = Literal["cut", "pad"]
SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)


@st.composite
def document(draw: st.DrawFn) -> Document:
    """One to 25 tokens, and spans of at least one token that do not overlap."""
    tokens = draw(st.lists(st.integers(0, EOS), min_size=1, max_size=25))
    cuts = sorted(draw(st.sets(st.integers(0, len(tokens)), max_size=8)))
    told = [(first, last - first) for first, last in pairwise(cuts) if draw(st.booleans())]
    return tokens, [(first, length, draw(st.integers(1, 3))) for first, length in told]


def made(documents: list[Document], dtype: type = np.uint16, *, spans: bool = True) -> Documents:
    tokens = np.array([token for ids, _ in documents for token in ids], dtype)
    ragged = Ragged(tokens, offsets_of(np.array([len(ids) for ids, _ in documents], np.int64)))
    rows = np.array([span for _, told in documents for span in told], np.int32).reshape(-1, 3)
    told = Ragged(rows, offsets_of(np.array([len(told) for _, told in documents], np.int64)))
    return Documents(ragged, told if spans else None)


def rows_of(ragged: Ragged) -> list[list[tuple[int, ...]]]:
    ends = ragged.offsets.tolist()
    return [list(map(tuple, ragged.values[first:last].tolist())) for first, last in pairwise(ends)]


def agree(packed: Sequences, documents: list[Document], method: str, length: int) -> None:
    rows = reference.pack(documents, method, length)
    assert len(packed) == len(rows)
    assert packed.input_ids.tolist() == [row.padded(length, EOS) for row in rows]
    assert packed.filled.tolist() == [len(row.ids) for row in rows]
    assert rows_of(packed.segments) == [row.pieces() for row in rows]
    assert rows_of(packed.spans()) == [row.spans(documents) for row in rows]
    assert packed.segment_ids().tolist() == [row.segments(length) for row in rows]
    assert packed.loss_mask().tolist() == [row.loss_mask(length) for row in rows]


@given(st.lists(document(), min_size=1, max_size=12), st.integers(2, 40))
@SETTINGS
def test_concat_is_what_putting_tokens_one_after_the_other_gives(documents: list[Document], length: int):
    agree(pack(made(documents), PackingSpec(method="concat", length=length), EOS), documents, "concat", length)


@given(st.lists(document(), min_size=1, max_size=12), st.integers(0, 10))
@SETTINGS
def test_rows_is_what_putting_a_document_in_each_gives(documents: list[Document], spare: int):
    length = max(2, max(len(ids) for ids, _ in documents) + spare)
    agree(pack(made(documents), PackingSpec(method="rows", length=length), EOS), documents, "rows", length)


@pytest.mark.parametrize("last", ["cut", "pad"])
@given(documents=st.lists(document(), min_size=1, max_size=12), spare=st.integers(0, 30))
@SETTINGS
def test_aligned_is_what_beginning_each_row_with_a_document_gives(last: Last, documents: list[Document], spare: int):
    length = max(2, max(len(ids) for ids, _ in documents) + spare)
    spec = PackingSpec(method="aligned", length=length, last=last)
    packed = pack(made(documents), spec, EOS)
    agree(packed, documents, last, length)
    assert all(pieces[0][0] == pieces[0][3] == 0 for pieces in rows_of(packed.segments)), "begun by a whole document"
    share, used = fill(np.array([len(ids) for ids, _ in documents]), spec)
    closed = max(len(packed) - 1, 1)  # the last one could hold more
    told = [documents[number][0] for pieces in rows_of(packed.segments)[:closed] for _, _, number, _ in pieces]
    assert share * sum(map(len, told)) == packed.filled[:closed].sum()
    assert used * closed * length == packed.filled[:closed].sum()


def test_what_an_aligned_row_cannot_hold_is_lost_or_begins_the_next():
    documents = made([([1, 2, 3], []), ([4, 5, 6], [(1, 2, 1)]), ([7], [])])
    cut = pack(documents, PackingSpec(method="aligned", length=5), EOS)
    assert cut.input_ids.tolist() == [[1, 2, 3, 4, 5], [7, EOS, EOS, EOS, EOS]]
    assert rows_of(cut.spans()) == [[(4, 1, 1)], []]
    pad = pack(documents, PackingSpec(method="aligned", length=5, last="pad"), EOS)
    assert pad.input_ids.tolist() == [[1, 2, 3, EOS, EOS], [4, 5, 6, 7, EOS]]
    assert pad.loss_mask().tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]


@given(st.lists(document(), min_size=1, max_size=12), st.integers(2, 40))
@SETTINGS
def test_every_token_is_in_exactly_one_piece_at_its_place(documents: list[Document], length: int):
    packed = pack(made(documents), PackingSpec(method="concat", length=length), EOS)
    found: dict[tuple[int, int], int] = {}
    for sequence, pieces in enumerate(rows_of(packed.segments)):
        for start, count, number, offset in pieces:
            for t in range(count):
                assert (number, offset + t) not in found
                found[number, offset + t] = int(packed.input_ids[sequence, start + t])
    assert found == {(n, place): token for n, (ids, _) in enumerate(documents) for place, token in enumerate(ids)}


@pytest.mark.parametrize("method", ["concat", "rows", "aligned"])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_columns_have_the_promised_types(method: str, dtype: type):
    packed = pack(made([([1, 2, 3], [(0, 2, 1)]), ([4], [])], dtype), PackingSpec(method=method, length=5), EOS)
    assert packed.input_ids.dtype == dtype
    assert packed.segments.values.dtype == np.int64
    assert packed.spans().values.dtype == np.int32
    assert packed.segment_ids().dtype == np.uint16
    assert packed.loss_mask().dtype == np.uint8


def test_the_last_row_of_concat_is_padded_and_counted():
    packed = pack(made([([1, 2, 3], []), ([4, 5], [])]), PackingSpec(length=4), EOS)
    assert packed.input_ids.tolist() == [[1, 2, 3, 4], [5, EOS, EOS, EOS]]
    assert packed.filled.tolist() == [4, 1]


def test_documents_that_fill_their_rows_are_not_padded():
    packed = pack(made([([1, 2, 3], []), ([4, 5, 6, 7, 8], [])]), PackingSpec(length=4), EOS)
    assert packed.input_ids.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert packed.filled.tolist() == [4, 4]


def test_a_document_longer_than_several_rows_is_one_segment_in_each():
    packed = pack(made([(list(range(1, 10)), [(0, 9, 3)])]), PackingSpec(length=4), EOS)
    assert rows_of(packed.segments) == [[(0, 4, 0, 0)], [(0, 4, 0, 4)], [(0, 1, 0, 8)]]
    assert rows_of(packed.spans()) == [[(0, 4, 3)], [(0, 4, 3)], [(0, 1, 3)]]
    assert packed.segment_ids().tolist() == [[1] * 4, [1] * 4, [1, 0, 0, 0]]


def test_an_end_token_in_the_middle_is_a_token_and_not_padding():
    packed = pack(made([([1, EOS], []), ([2, EOS], [])]), PackingSpec(length=4), EOS)
    assert packed.loss_mask().tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize("method", ["concat", "rows", "aligned"])
def test_documents_without_spans_are_packed_all_the_same(method: str):
    packed = pack(made([([1, 2, 3], []), ([4], [])], spans=False), PackingSpec(method=method, length=3), EOS)
    assert packed.segment_ids().tolist() == [[1, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize("method", ["concat", "rows", "aligned"])
def test_no_documents_are_no_sequences(method: str):
    packed = pack(made([]), PackingSpec(method=method, length=3), EOS)
    assert len(packed) == 0
    assert packed.input_ids.shape == (0, 3)
    assert packed.segments.offsets.tolist() == [0]
    assert packed.segment_ids().shape == packed.loss_mask().shape == (0, 3)


@pytest.mark.parametrize("method", ["rows", "aligned"])
def test_a_document_longer_than_its_row_is_refused_and_which_length_would_do_is_said(method: str):
    documents = made([([1, 2, 3], []), ([1, 2, 3, 4], [])])
    with pytest.raises(RunError, match=r"a document has 4 tokens, a sequence 3\. Set packing\.length to 4 or more"):
        pack(documents, PackingSpec(method=method, length=3), EOS)
    assert pack(documents, PackingSpec(method=method, length=4), EOS).filled.max() == 4


@pytest.mark.parametrize(
    "wrong", [{"length": 1}, {"length": 16_777_217}, {"length": 0}, {"method": "best"}, {"lenght": 5}, {"last": "pad"}]
)
def test_a_packing_that_cannot_be_is_refused(wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        PackingSpec.model_validate(wrong)


def test_65_535_documents_of_one_token_are_as_many_segments():
    packed = pack(made([([1], [])] * 65_535), PackingSpec(length=65_535), EOS)
    assert packed.segment_ids()[0].tolist() == list(range(1, 65_536))


@pytest.mark.parametrize(("method", "last"), [("concat", "cut"), ("aligned", "cut"), ("aligned", "pad")])
def test_pure_windows_are_those_of_each_group_one_after_the_other(method: str, last: str):
    told: list[Document] = [([1, 2, 3], [(0, 2, 1)]), ([4, 5, 6], [(1, 2, 2)]), ([7, 8], []), ([9, 1, 2], [(0, 3, 3)])]
    documents = made([*told, ([3], [])])
    spec = PackingSpec.model_validate({"method": method, "last": last, "length": 4})
    whole = pack_pure(documents, [2, 0, 3], spec, EOS)
    alone = [pack(documents.slice(first, end), spec, EOS) for first, end in ((0, 2), (2, 5))]
    assert whole.input_ids.tolist() == [row for one in alone for row in one.input_ids.tolist()]
    assert whole.filled.tolist() == [count for one in alone for count in one.filled.tolist()]
    assert whole.documents.tokens.values.tolist() == [t for one in alone for t in one.documents.tokens.values.tolist()]
    assert rows_of(whole.spans()) == [row for one in alone for row in rows_of(one.spans())]
    numbered = [(one, 2 * number) for number, one in enumerate(alone)]
    assert rows_of(whole.segments) == [
        [(start, count, document + before, offset) for start, count, document, offset in row]
        for one, before in numbered
        for row in rows_of(one.segments)
    ]


@pytest.mark.parametrize(
    ("spec", "whole", "uncut", "pure"),
    [
        ({}, False, True, False),
        ({"windows": "pure"}, False, True, True),
        ({"method": "rows", "windows": "pure"}, True, True, False),
        ({"method": "rows", "longer": "drop"}, False, True, False),
        ({"method": "aligned", "windows": "pure"}, True, False, True),
        ({"method": "aligned", "longer": "drop"}, False, False, False),
        ({"method": "aligned", "last": "pad"}, True, True, False),
    ],
)
def test_what_has_to_fit_what_is_left_whole_and_whose_windows_are_pure(
    spec: dict[str, str], whole: bool, uncut: bool, pure: bool
):
    read = PackingSpec.model_validate(spec)
    assert (read.whole, read.uncut, read.pure(2), read.pure(1)) == (whole, uncut, pure, False)


def test_documents_that_are_too_long_fill_no_sequence_and_are_not_kept():
    lengths, spec = np.array([3, 9, 3, 4, 9, 2]), PackingSpec(method="aligned", length=5)
    short = lengths[lengths < 9]
    assert fill(lengths, spec)[1] == fill(short, spec)[1] == 1
    assert fill(lengths, spec)[0] * lengths.sum() == fill(short, spec)[0] * short.sum()


def test_what_is_marked_beyond_a_cut_is_gone():
    left = made([([1, 2, 3], [(0, 1, 1), (1, 2, 2)]), ([4, 5, 6], [(0, 1, 1), (2, 1, 3)])]).clipped(np.array([2, 2]))
    assert left.tokens.values.tolist() == [1, 2, 4, 5]
    assert left.spans is not None
    assert rows_of(left.spans) == [[(0, 1, 1), (1, 1, 2)], [(0, 1, 1)]]
