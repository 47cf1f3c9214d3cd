"""The one cast from wider integers to narrower ones: what fits is the same number, what does not is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import RunError
from pipeline.core.narrow_integers import narrowed

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")


@pytest.mark.parametrize("kind", TYPES)
def test_bounds_fit_and_what_is_beyond_them_does_not(kind: str):
    bounds = np.iinfo(kind)
    inside = np.array([bounds.min, 0, bounds.max], kind)
    assert narrowed(inside, kind, "it").tolist() == [bounds.min, 0, bounds.max]
    if bounds.max < 2**63 - 1:
        with pytest.raises(RunError, match=rf"^it {bounds.max + 1} does not fit {kind} \(at most {bounds.max}\)\. \S"):
            narrowed(np.array([[0, bounds.max + 1]], np.int64), kind, "it")
    if bounds.min > -(2**63):
        with pytest.raises(RunError, match=rf"^it {bounds.min - 1} does not fit {kind} \(at least {bounds.min}\)\. \S"):
            narrowed(np.array([bounds.min - 1, 0], np.int64), kind, "it")


@given(st.sampled_from(TYPES), st.sampled_from(TYPES), st.data())
def test_a_value_is_itself_or_refused(wide: str, kind: str, data: st.DataObject):
    bounds, limits = np.iinfo(wide), np.iinfo(kind)
    values = data.draw(st.lists(st.integers(int(bounds.min), int(bounds.max)), max_size=5))
    if all(limits.min <= value <= limits.max for value in values):
        cast = narrowed(np.array(values, wide), kind, "it")
        assert (cast.tolist(), cast.dtype) == (values, kind)
    else:
        with pytest.raises(RunError, match=f"^it -?[0-9]+ does not fit {kind}"):
            narrowed(np.array(values, wide), kind, "it")


def test_a_plain_number_is_checked_too_however_big():
    assert narrowed(7, np.uint8, "it") == np.uint8(7)
    for big in (256, 2**63, 2**64, 2**70):
        with pytest.raises(RunError, match=f"it {big} does not fit uint8"):
            narrowed(big, np.uint8, "it")


def test_shapes_stay_and_nothing_is_copied_without_need():
    assert narrowed(np.zeros((0, 3), np.int64), np.uint8, "it").shape == (0, 3)
    cube = np.arange(8).reshape(2, 2, 2)
    assert narrowed(cube, np.int16, "it").tolist() == cube.tolist()
    assert np.shares_memory(narrowed(cube, cube.dtype, "it"), cube)
