"""Problems as tables of numbers: what stands where.

Letters: d problems, of up to 64 parameters each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.core.draws import I64, U64

ABSTRACT = 40  # parameters from here on are abstract; so many edges there can be
PARAMETERS = 64
CONSTANT = 64  # stands for a number of its own among the operands
MOST_OPERANDS = 4  # of an instance parameter, a number of its own included
MOST_TRIES = 20_000  # of one item, before it is given up

# Columns of the table of parameters.
OWNER, THING, COUNT, BASE, OUTER, NUMBER, VALUE, COST, OPERAND = range(9)
COLUMNS = OPERAND + MOST_OPERANDS
DIFFERENCE = 1  # BASE, of two operands: their difference instead of their sum
MORE, TIMES = 1, 2  # OUTER: what a number of its own does to the operands; it is alone where there are none

# Entries of the head of a problem.
OP, DEPTH, EDGES, STEPS, QUERY, BIN, TRIES, SIZES = 0, 1, 2, 3, 4, 5, 6, 8
NAMES = 12  # and the twenty after it: the rows of the vocabulary that name the nodes, then the layers
HEAD = NAMES + 20

# Entries of the rule.
MAX_EDGE, CHILDLESS, REASK, FIRST_BIN, LAST_BIN, MODULUS, LARGEST = range(7)
BINS = 23
SHORT = 2  # templates of so few operations are few, and are in no bin

STREAMS = ("structure", "english", "numbers", "reask", "order", "letters", "retry")
"""What is drawn by itself, so that it stays when another is drawn otherwise."""

THERE, CHOSEN = range(2)  # Entries of the sets.


@dataclass(frozen=True)
class Problems:
    """Problems (d,), finished.

    head int64 (d, HEAD). table int64 (d, 64, COLUMNS). needs uint64 (d, 64): as bits, which parameters each is computed
    from. topo int64 (d, 64): the necessary ones, in the order of the solution. links int64 (d, 4, 4): the children of
    item j of layer i, as bits. numbers int64 (d, 4, 4, 4): the parameter of each edge. sets uint64 (d, 2): the abstract
    parameters that there are, and the necessary ones. template uint64 (d,): a hash of the solution without its words.
    """

    head: I64
    table: I64
    needs: U64
    topo: I64
    links: I64
    numbers: I64
    sets: U64
    template: U64

    @classmethod
    def empty(cls, d: int) -> Problems:
        """Room for d of them."""
        of_parameters = np.zeros((d, PARAMETERS), np.uint64)
        return cls(
            np.zeros((d, HEAD), np.int64), np.zeros((d, PARAMETERS, COLUMNS), np.int64), of_parameters,
            np.zeros((d, PARAMETERS), np.int64), np.zeros((d, 4, 4), np.int64), np.zeros((d, 4, 4, 4), np.int64),
            np.zeros((d, 2), np.uint64), np.zeros(d, np.uint64),
        )  # fmt: skip

    @property
    def arrays(self) -> tuple[Any, ...]:
        """All of it, as kernels take it."""
        return tuple(vars(self).values())

    @property
    def op(self) -> I64:
        """Operations of each solution (d,)."""
        return self.head[:, OP]
