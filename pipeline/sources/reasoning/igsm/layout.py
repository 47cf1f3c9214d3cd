"""Problems as numbers: what stands where.

A problem is a record of the dtype PROBLEM, and each of its up to 64 parameters a record of the dtype PARAMETER in it.
Kernels read and write their fields by name, as `problem.parameters[q].value`; numpy has them as columns,
`problems["parameters"]["value"]` (d, 64).

**Numbers of parameters.** A parameter is a bit of a 64-bit word, and a set of them is a word. Instance parameters
("each Town's Shop": an edge of the structure) are 0 … 39 in the order of their edges, abstract ones ("each Town's
Treats": a total over all items of a layer) 40 … 63. Items are nodes: the j-th of layer i is node 4 · i + j.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.reasoning.igsm.phrases import LETTERS

ABSTRACT = 40  # parameters from here on are abstract; so many edges there can be
PARAMETERS = 64
LAYERS = 4  # at most; and so many items a layer can have
CATEGORY = 16  # among the things of parameters: 16 + i are all the items of layer i, and what is below is a node
CONSTANT = 64  # among the candidates for operands: a number of the parameter's own
MOST_OPERANDS = 4  # of an instance parameter, a number of its own included
MOST_TRIES = 20_000  # of one item, before it is given up
BINS = 23  # of templates: problems of some are trained on, those of the others are for tests
SHORT = 2  # templates of so few operations are few, and are in no bin

NO_NUMBER, ADDED, MULTIPLIED = range(3)
"""What a parameter's own number does to the total of its operands. Where there are none, it stands alone, ADDED."""

PARAMETER = np.dtype(
    [
        ("owner", np.int64),  # a node
        ("thing", np.int64),  # a node, or CATEGORY and a layer
        ("operands", np.int64, MOST_OPERANDS),  # of an instance parameter: parameters, in the order of the sentence
        ("count", np.int64),  # how many operands there are; of an abstract parameter: how many children its owner has
        ("subtracts", np.int64),  # 1: the difference of its two operands, not their sum
        ("own", np.int64),  # NO_NUMBER, ADDED or MULTIPLIED
        ("number", np.int64),  # its own, where it has one
        ("value", np.int64),
        ("cost", np.int64),  # operations that compute it
    ]
)
PROBLEM = np.dtype(
    [
        ("operations", np.int64),  # of the solution
        ("depth", np.int64),  # layers
        ("edges", np.int64),  # instance parameters
        ("steps", np.int64),  # parameters that the solution computes
        ("query", np.int64),  # the parameter that is asked for
        ("bin", np.int64),
        ("tries", np.int64),  # how many it took to find the problem
        ("sizes", np.int64, LAYERS),  # items of each layer
        ("names", np.int64, CATEGORY + LAYERS),  # rows of the vocabulary: of each node, then of each layer
        ("children", np.int64, (LAYERS, LAYERS)),  # of item j of layer i: items of the next layer, as bits
        ("edge", np.int64, (LAYERS, LAYERS, LAYERS)),  # the parameter of item j of layer i and its child x
        ("totals", np.uint64),  # the abstract parameters that there are
        ("necessary", np.uint64),  # the parameters that the solution computes
        ("needs", np.uint64, PARAMETERS),  # the parameters that each is computed from
        ("order", np.int64, PARAMETERS),  # the necessary ones, in the order of the solution
        ("template", np.uint64),  # a hash of the solution without its words
        ("parameters", PARAMETER, PARAMETERS),
    ]
)
WORKSPACE = np.dtype(
    [
        ("stream", np.uint64, 3),  # of bits, as bitstreams.py has it
        ("free_edges", np.int64, (LAYERS - 1) * LAYERS * LAYERS),  # those that are not drawn yet, as 16 i + 4 j + x
        ("closure", np.uint64, PARAMETERS),  # of abstract parameters: all that they need, and they themselves
        ("has_number", np.uint8, PARAMETERS),  # whether a number of its own is among a parameter's operands
        ("candidates", np.int64, PARAMETERS + 1),  # for the operands of one parameter
        ("extra", np.int64, PARAMETERS),  # operands of each step beyond the second
        ("place", np.int64, PARAMETERS),  # of each necessary parameter in the order of the solution, from 1 on
        ("taken", np.int64, LAYERS),  # names of a sub-category, in rising order
        ("statements", np.int64, ABSTRACT),  # instance parameters, in the order in which a document states them
        ("letters", np.int64, LETTERS),  # in the order of their use
        ("letters_used", np.int64),
        ("letter_of", np.int64, PARAMETERS),  # of each parameter that a document has defined
        ("written", np.int64),  # programs, of all documents so far
    ]
)
"""What is drawn with, and what must be remembered meanwhile: one record for all problems or documents of a call."""

STREAMS = ("structure", "english", "numbers", "reask", "order", "letters", "retry")
"""What is drawn by itself, so that it stays when another is drawn otherwise."""

Problems = NDArray[Any]
"""Records of the dtype PROBLEM (d,)."""


class ProblemOptions(NamedTuple):
    """What problems are drawn by. Of probabilities there are integers alone.

    max_edges: most instance parameters. childless: whether items without children have abstract parameters. reask:
    whether another question is asked of the finished problem. first_bin ≤ bin < last_bin. modulus: of all numbers; in
    exact problems, those of parameters are below it, and values up to `largest`, which is 0 elsewhere. letters: that a
    solution may take. operations uint64 (o,): thresholds of 1, 2, … operations. widths uint64 (o + 1, 2): thresholds
    of 2, 3 and 4 layers, or items, by the number of operations. pull uint64 (64,): the weights of stage C. keys uint64
    (streams, 2). vocabulary int64 (chains, 4, 1 + 2 · subs): as `vocabulary.table` has it.
    """

    max_edges: Annotated[int, "i8"]
    childless: Annotated[bool, "b1"]
    reask: Annotated[bool, "b1"]
    first_bin: Annotated[int, "i8"]
    last_bin: Annotated[int, "i8"]
    modulus: Annotated[int, "i8"]
    largest: Annotated[int, "i8"]
    letters: Annotated[int, "i8"]
    operations: Annotated[NDArray[np.uint64], "u8[::1]"]
    widths: Annotated[NDArray[np.uint64], "u8[:,::1]"]
    pull: Annotated[NDArray[np.uint64], "u8[::1]"]
    keys: Annotated[NDArray[np.uint64], "u8[:,::1]"]
    vocabulary: Annotated[NDArray[np.int64], "i8[:,:,::1]"]


ANSWERS = ("last", "first", "none")
ANSWER_LAST, ANSWER_FIRST, NO_ANSWER = range(3)
MISTAKES = ("", "real", "weak", "miss")
NO_MISTAKES, REAL, WEAK, MISS = range(4)


class RenderOptions(NamedTuple):
    """How documents state their problems and solutions.

    question_first, background: as a recipe has them. answer: of ANSWERS. mistakes: of MISTAKES. next_too: whether the
    step that comes next is among the weak ones. rate and share: of 2⁶⁴, of the coin, and of documents with mistakes.
    modulus: of all numbers; 0: none. keys uint64 (streams, 2). programs int64: the number of the program of each of
    `phrases.PHRASES`, -1 for those that documents do without.
    """

    question_first: Annotated[bool, "b1"]
    answer: Annotated[int, "i8"]
    background: Annotated[bool, "b1"]
    mistakes: Annotated[int, "i8"]
    next_too: Annotated[bool, "b1"]
    rate: Annotated[np.uint64, "u8"]
    share: Annotated[np.uint64, "u8"]
    modulus: Annotated[int, "i8"]
    keys: Annotated[NDArray[np.uint64], "u8[:,::1]"]
    programs: Annotated[NDArray[np.int64], "i8[::1]"]


class Documents(NamedTuple):
    """Documents (d,) as programs (m,).

    programs int32 (m,). rows int32 (m, SLOTS): what the slots of each show. first int64 (d + 1,): document i has the
    programs from first[i] to first[i + 1]. retries int32 (d,): how often each takes something back.
    """

    programs: Annotated[NDArray[np.int32], "i4[::1]"]
    rows: Annotated[NDArray[np.int32], "i4[:,::1]"]
    first: Annotated[NDArray[np.int64], "i8[::1]"]
    retries: Annotated[NDArray[np.int32], "i4[::1]"]
