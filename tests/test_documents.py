from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.documents import MOST_ROOM, Collected, Documents, Ragged, offsets_of

ROWS = st.lists(st.lists(st.integers(0, 60_000), max_size=6), max_size=12)
SETTINGS = settings(derandomize=True, deadline=None)


def ragged(rows: list[list[int]]) -> Ragged:
    values = np.array([value for row in rows for value in row], np.uint16)
    return Ragged(values, offsets_of(np.array([len(row) for row in rows], np.int64)))


def spans(rows: list[list[tuple[int, int, int]]]) -> Ragged:
    values = np.array([span for row in rows for span in row], np.int32).reshape(-1, 3)
    return Ragged(values, offsets_of(np.array([len(row) for row in rows], np.int64)))


def lists(made: Ragged) -> list[list]:
    return [made.values[first:last].tolist() for first, last in pairwise(made.offsets.tolist())]


def consistent(made: Ragged) -> bool:
    return made.offsets.dtype == np.int64 and made.offsets[0] == 0 and made.offsets[-1] == len(made.values)


@given(st.lists(st.integers(0, 1000)))
@SETTINGS
def test_offsets_are_running_sums_from_zero(lengths: list[int]):
    offsets = offsets_of(np.array(lengths, np.int64))
    assert offsets.dtype == np.int64
    assert offsets.tolist() == [sum(lengths[:i]) for i in range(len(lengths) + 1)]


def test_offsets_of_short_integers_do_not_overflow():
    assert offsets_of(np.full(3, 60_000, np.uint16)).tolist() == [0, 60_000, 120_000, 180_000]


@given(ROWS)
@SETTINGS
def test_lengths_are_those_of_the_rows(rows: list[list[int]]):
    made = ragged(rows)
    assert len(made) == len(rows)
    assert made.lengths.tolist() == list(map(len, rows))


@given(ROWS.filter(bool), st.data())
@SETTINGS
def test_take_gives_the_rows_asked_for_in_the_order_asked_for(rows: list[list[int]], data: st.DataObject):
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1)))
    taken = ragged(rows).take(np.array(chosen, np.int64))
    assert lists(taken) == [rows[i] for i in chosen]
    assert taken.values.dtype == np.uint16
    assert consistent(taken)


def test_take_moves_rows_of_records_whole():
    made = spans([[(0, 1, 2), (3, 4, 5)], [], [(6, 7, 8)]])
    assert lists(made.take(np.array([2, 0]))) == [[[6, 7, 8]], [[0, 1, 2], [3, 4, 5]]]


@given(st.lists(ROWS, min_size=1, max_size=4))
@SETTINGS
def test_concat_puts_the_rows_of_all_parts_one_after_the_other(parts: list[list[list[int]]]):
    made = Ragged.concat([ragged(rows) for rows in parts])
    assert lists(made) == [row for rows in parts for row in rows]
    assert consistent(made)


def test_concat_of_a_single_part_copies_nothing():
    part = ragged([[1, 2], [3]])
    assert Ragged.concat([part]) is part


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
@pytest.mark.parametrize("size", [3, 4, 7, 8, 9, 100])
def test_padding_fills_up_with_the_end_token_and_leaves_the_values_as_they_are(dtype: type, size: int):
    memory, frozen = np.arange(8).astype(dtype), np.arange(8).astype(dtype)
    frozen.flags.writeable = False
    for values in (memory[:3].copy(), np.array([5, 6, 7], dtype), memory[4:7], memory[:6:2], frozen[:3], memory[:3]):
        before = values.tolist()
        padded = Ragged(values, np.array([0, 3])).padded(size, 9)
        assert padded.tolist() == before + [9] * (size - 3)
        assert padded.dtype == dtype
        assert values.tolist() == before


def test_padding_goes_into_the_room_behind_the_values_where_it_is_enough():
    room = np.arange(8, dtype=np.uint16)
    values = Ragged(room[:3], np.array([0, 3]), room=room)
    assert values.padded(5, 9).tolist() == [0, 1, 2, 9, 9]
    assert np.shares_memory(values.padded(8, 9), room)
    assert values.padded(9, 7).tolist() == [0, 1, 2, 7, 7, 7, 7, 7, 7]
    assert room.tolist() == [0, 1, 2, 9, 9, 9, 9, 9], "what is longer is a copy"
    assert values.padded(3, 9).tolist() == [0, 1, 2]
    assert values.take(np.array([0, 0])).padded(7, 5).tolist() == [0, 1, 2, 0, 1, 2, 5]


def test_padding_no_values_is_all_end_tokens():
    assert Ragged(np.zeros(0, np.uint16), np.array([0])).padded(3, 9).tolist() == [9, 9, 9]
    assert Ragged(np.zeros(0, np.uint16), np.array([0])).padded(0, 9).tolist() == []


def test_padding_leaves_memory_that_it_was_not_given_alone():
    table = np.arange(8, dtype=np.uint16).reshape(2, 4)
    assert Ragged(table[0], np.array([0, 4])).padded(6, 9).tolist() == [0, 1, 2, 3, 9, 9]
    assert table.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_taking_documents_takes_their_spans_along():
    documents = Documents(ragged([[1, 2], [3], [4, 5, 6]]), spans([[(0, 2, 1)], [], [(1, 1, 2), (2, 1, 3)]]))
    taken = documents.take(np.array([2, 0, 2]))
    assert len(taken) == 3
    assert lists(taken.tokens) == [[4, 5, 6], [1, 2], [4, 5, 6]]
    assert taken.spans is not None
    assert lists(taken.spans) == [[[1, 1, 2], [2, 1, 3]], [[0, 2, 1]], [[1, 1, 2], [2, 1, 3]]]


def test_documents_without_spans_stay_without():
    documents = Documents(ragged([[1], [2]]))
    assert documents.take(np.array([1])).spans is None
    assert documents.relabelled(np.array([5], np.int32)).spans is None
    assert Documents.concat([documents, documents]).spans is None


def test_concatenated_documents_have_spans_where_every_part_has_them():
    told = Documents(ragged([[1, 2]]), spans([[(0, 1, 1)]]))
    more = Documents(ragged([[3], [4]]), spans([[], [(0, 1, 2)]]))
    both = Documents.concat([told, more])
    assert lists(both.tokens) == [[1, 2], [3], [4]]
    assert both.spans is not None
    assert lists(both.spans) == [[[0, 1, 1]], [], [[0, 1, 2]]]
    assert Documents.concat([told, Documents(ragged([[5]]))]).spans is None


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 7, 5], [2, 0, 1]])
def test_relabelling_changes_labels_alone_and_leaves_the_original_as_it_was(labels: list[int]):
    documents = Documents(ragged([[1, 2], [3]]), spans([[(0, 1, 1), (1, 1, 2)], [(0, 1, 0)]]))
    changed = documents.relabelled(np.array(labels, np.int32))
    assert changed.spans is not None
    assert changed.spans.values.tolist() == [[0, 1, labels[1]], [1, 1, labels[2]], [0, 1, labels[0]]]
    assert lists(changed.tokens) == [[1, 2], [3]]
    assert documents.spans is not None
    assert documents.spans.values[:, 2].tolist() == [1, 2, 0]


# ── rows that are added part by part ────────────────────────────────────────────────────────────────────────────────


@given(st.lists(ROWS, max_size=6), st.integers(0, 3))
@SETTINGS
def test_rows_added_in_parts_are_all_rows_with_room_behind_them(parts: list[list[list[int]]], missing: int):
    """Also where fewer are added than were announced."""
    rows = [row for part in parts for row in part]
    collected = Collected(len(rows) + missing, np.dtype(np.uint16))
    for part in parts:
        collected.add(ragged(part))
    made = collected.rows
    assert lists(made) == rows
    assert consistent(made)
    assert made.values.dtype == np.uint16
    assert made.room is not None
    assert made.room[: len(made.values)].tolist() == made.values.tolist()


def test_a_long_first_row_takes_no_room_for_as_many_as_long_ones():
    collected = Collected(1_000_000, np.dtype(np.uint16))
    collected.add(ragged([[7] * 1000]))
    made = collected.rows
    assert made.room is not None
    assert len(made.room) == MOST_ROOM * 1000
