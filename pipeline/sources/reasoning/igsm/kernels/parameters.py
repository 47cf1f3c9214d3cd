"""Sets of parameters and their numbers, for the compiled parts."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.bitstreams import below
from pipeline.core.jit import njit
from pipeline.core.sets import bit, lowest, member, size
from pipeline.sources.reasoning.igsm.layout import ABSTRACT

EMPTY = np.uint64(0)
FIRST = np.uint64(
    1
)  # the set of parameter 0; what a set of one or more loses its lowest by: members & (members - FIRST)
INSTANCES = np.uint64((1 << ABSTRACT) - 1)  # all that there can be


@njit()
def pick(stream: Any, members: Any) -> Any:
    """A uniform one of a set that is not empty."""
    return member(members, below(stream, size(members)))


@njit()
def abstract(i: Any, j: Any, layer: Any) -> Any:
    """The parameter of all things of a layer in item j of layer i."""
    return ABSTRACT + 4 * (i * (7 - i) // 2 + layer - i - 1) + j


@njit()
def instances(problem: Any) -> Any:
    """The instance parameters of a problem."""
    return bit(problem.edges) - FIRST


@njit()
def cost(problem: Any, members: Any) -> Any:
    """The operations that compute a set of parameters."""
    total = 0
    while members:
        total += problem.parameters[lowest(members)].cost
        members &= members - FIRST
    return total
