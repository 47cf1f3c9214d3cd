"""Names, numbers and values of a problem's parameters, compiled."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.bitstreams import below
from pipeline.core.hashing import fold, scaled
from pipeline.core.jit import njit
from pipeline.core.sets import bit, lowest
from pipeline.sources.reasoning.igsm.kernels.parameters import EMPTY, FIRST, abstract, instances
from pipeline.sources.reasoning.igsm.layout import ABSTRACT, CATEGORY, LAYERS, MULTIPLIED, NO_NUMBER


@njit()
def draw_names(problem: Any, work: Any, vocabulary: Any) -> None:
    """A chain of categories, as many neighbours in it as there are layers, and items of one sub-category of each."""
    stream, taken = work.stream, work.taken
    chain = below(stream, vocabulary.shape[0])
    first = below(stream, LAYERS + 1 - problem.depth)
    for i in range(problem.depth):
        category = vocabulary[chain, first + i]
        problem.names[CATEGORY + i] = category[0]
        subs = 0
        while 2 * subs + 1 < category.size and category[2 * subs + 2]:
            subs += 1
        sub = below(stream, subs)
        begin, rows = category[2 * sub + 1], category[2 * sub + 2]
        for j in range(problem.sizes[i]):
            chosen = below(stream, rows - j)
            for k in range(j):  # the taken ones, in rising order, are stepped over
                chosen += taken[k] <= chosen
            at = j
            while at > 0 and taken[at - 1] > chosen:
                taken[at] = taken[at - 1]
                at -= 1
            taken[at] = chosen
            problem.names[4 * i + j] = begin + chosen


@njit()
def evaluate(problem: Any, work: Any, options: Any) -> Any:
    """Numbers and values of all parameters. False where one is too large."""
    rest, done = instances(problem) | problem.totals, EMPTY
    while rest:
        waiting = rest
        while waiting:
            q = lowest(waiting)
            waiting &= waiting - FIRST
            if not problem.needs[q] & ~done:
                if q < ABSTRACT:
                    value, large = _value(problem, work, q, options)
                else:
                    value, large = _total(problem, q, options)
                if large:
                    return False
                problem.parameters[q].value = value
                done |= bit(q)
                rest &= ~bit(q)
    return True


@njit()
def _value(problem: Any, work: Any, q: Any, options: Any) -> Any:
    """Draws the number of an instance parameter; returns its value, and whether a number on the way was too large."""
    parameters, parameter, total, large = problem.parameters, problem.parameters[q], 0, False
    if work.has_number[q]:
        parameter.number = _number(work.stream, q, parameter.own, options.modulus)
    for k in range(parameter.count):
        operand = parameters[parameter.operands[k]].value
        total = _reduced(total - operand if k and parameter.subtracts else total + operand, options)
        large |= options.largest > 0 and abs(total) > options.largest
    if parameter.own != NO_NUMBER:
        number = parameter.number
        total = _reduced(number * total if parameter.own == MULTIPLIED else number + total, options)
        large |= options.largest > 0 and abs(total) > options.largest
    return total, large


@njit()
def _number(stream: Any, q: Any, own: Any, modulus: Any) -> Any:
    """The number that an instance parameter has of its own: below the modulus, and not 0 where it multiplies."""
    h = fold(fold(stream[0], np.uint64(q)), stream[1])
    least = 1 if own == MULTIPLIED else 0
    return least + np.int64(scaled(h, np.uint64(modulus - least)))


@njit()
def _total(problem: Any, q: Any, options: Any) -> Any:
    """The value of an abstract parameter, and whether a number on the way was too large."""
    parameters, total, large = problem.parameters, 0, False
    node, layer = parameters[q].owner, parameters[q].thing - CATEGORY
    i, j = node // 4, node % 4
    for x in range(LAYERS):
        if problem.children[i, j] >> x & 1:
            held = parameters[problem.edge[i, j, x]].value
            if layer > i + 1:
                held = _reduced(held * parameters[abstract(i + 1, x, layer)].value, options)
            total = _reduced(total + held, options)
            large |= options.largest > 0 and max(abs(total), abs(held)) > options.largest
    return total, large


@njit()
def _reduced(value: Any, options: Any) -> Any:
    """The value modulo the modulus; as it is, where numbers are exact: beyond the largest, a number too large."""
    if options.largest == 0:
        return value % options.modulus
    return min(max(value, -options.largest - 1), options.largest + 1)
