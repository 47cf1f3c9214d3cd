"""Intervals of a file that is mapped into memory, copied one by one into an array of another type."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg"
from __future__ import annotations

from itertools import product
from typing import Any

from pipeline.core.jit import njit, signature


@njit(
    [
        signature("void", f"const {of}[::1]", "const i8[::1]", "const i8[::1]", "const i8[::1]", f"{to}[::1]")
        for of, to in product(("u1", "u2", "i4", "i8"), ("u2", "i4"))
    ]
)
def copy(values: Any, begins: Any, lengths: Any, starts: Any, out: Any) -> None:
    """out[starts[i] : starts[i] + lengths[i]] = values[begins[i] : begins[i] + lengths[i]], for every i."""
    for i in range(begins.size):
        begin, start = begins[i], starts[i]
        for k in range(lengths[i]):
            out[start + k] = values[begin + k]
