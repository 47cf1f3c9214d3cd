from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.table import Columns, Lists, content_hash

IDS = np.arange(12, dtype=np.uint16).reshape(3, 4)
OFFSETS = np.array([0, 1, 1, 3], np.int64)
ITEM, SOURCE = np.array([5, 6, 2**40], np.int64), np.array([0, 1, 0], np.uint16)


def columns(**changed: object) -> Columns:
    return {"input_ids": IDS, "documents": Lists(OFFSETS, {"item": ITEM, "source": SOURCE}), **changed}


def test_the_hash_of_some_columns_is_the_recorded_one():
    assert content_hash(columns()) == "xxh3_128:d7a0cedcd13fad395dd77101449e07ca"
    assert content_hash({}) == "xxh3_128:99aa06d3014798d86001c324468d497f"


def other(array: np.ndarray, index: int) -> np.ndarray:
    copy = array.copy()
    copy.flat[index] += 1
    return copy


CHANGED = {
    "first value": columns(input_ids=other(IDS, 0)),
    "last value": columns(input_ids=other(IDS, 11)),
    "dtype": columns(input_ids=IDS.astype(np.int32)),
    "signedness": columns(input_ids=IDS.astype(np.int16)),
    "shape": columns(input_ids=IDS.reshape(4, 3)),
    "flat": columns(input_ids=IDS.reshape(-1)),
    "name": {"ids": IDS, "documents": columns()["documents"]},
    "order of columns": dict(reversed(columns().items())),
    "one column less": {"input_ids": IDS},
    "one column more": columns(length=np.zeros(3, np.int32)),
    "an empty column more": columns(length=np.zeros(0, np.int32)),
    "offset": columns(documents=Lists(np.array([0, 1, 2, 3], np.int64), {"item": ITEM, "source": SOURCE})),
    "field value": columns(documents=Lists(OFFSETS, {"item": other(ITEM, 2), "source": SOURCE})),
    "field dtype": columns(documents=Lists(OFFSETS, {"item": ITEM.astype(np.uint64), "source": SOURCE})),
    "field name": columns(documents=Lists(OFFSETS, {"items": ITEM, "source": SOURCE})),
    "order of fields": columns(documents=Lists(OFFSETS, {"source": SOURCE, "item": ITEM})),
    "one field less": columns(documents=Lists(OFFSETS, {"item": ITEM})),
}


def test_the_hash_changes_with_any_value_type_shape_or_name():
    hashes = {name: content_hash(changed) for name, changed in CHANGED.items()}
    assert len({content_hash(columns()), *hashes.values()}) == 1 + len(CHANGED), hashes


@pytest.mark.parametrize("index", range(12))
def test_the_hash_sees_every_value(index: int):
    assert content_hash({"a": other(IDS, index)}) != content_hash({"a": IDS})


def test_the_hash_is_of_values_and_not_of_how_they_lie_in_memory():
    loose = np.repeat(np.repeat(IDS, 2, axis=1), 2, axis=0)[::2, ::2]
    assert content_hash(columns(input_ids=loose)) == content_hash(columns())
    assert content_hash(columns(input_ids=np.asfortranarray(IDS))) == content_hash(columns())


def test_the_hash_is_that_of_little_endian_values_on_every_machine():
    big = Lists(OFFSETS.astype(">i8"), {"item": ITEM.astype(">i8"), "source": SOURCE.astype(">u2")})
    assert content_hash(columns(input_ids=IDS.astype(">u2"), documents=big)) == content_hash(columns())


def test_columns_without_rows_have_a_hash():
    nothing = {
        "input_ids": np.zeros((0, 4), np.uint16),
        "spans": Lists(np.zeros(1, np.int64), {"a": np.zeros(0, "i4")}),
    }
    assert content_hash(nothing).startswith("xxh3_128:")
    assert content_hash(nothing) != content_hash({**nothing, "input_ids": np.zeros((0, 5), np.uint16)})
