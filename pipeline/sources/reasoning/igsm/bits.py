"""Choosing from sets of parameters, and their numbers, for the compiled parts."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

from pipeline.core.compiled import njit
from pipeline.core.sets import member, size
from pipeline.core.streams import below
from pipeline.sources.reasoning.igsm.layout import ABSTRACT


@njit()
def pick(stream: Any, members: Any) -> Any:
    """A uniform one of a set that is not empty."""
    return member(members, below(stream, size(members)))


@njit()
def abstract(i: Any, j: Any, k: Any) -> Any:
    """The parameter of all things of layer k in item (i, j)."""
    return ABSTRACT + 4 * (i * (7 - i) // 2 + k - i - 1) + j
