"""The solution of a problem as phrases, compiled: its steps, and the mistakes before them.

Each throw of the coin has bits of its own, by its place among the steps and its number there, so at a higher rate there
are the same mistakes and more.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.hashing import fold, scaled
from pipeline.core.jit import njit
from pipeline.core.sets import bit, lowest, member, size
from pipeline.sources.reasoning.igsm import phrases
from pipeline.sources.reasoning.igsm.kernels.parameters import EMPTY, FIRST, abstract, instances
from pipeline.sources.reasoning.igsm.kernels.writing import next_letter, reduced, write, write_name, write_step
from pipeline.sources.reasoning.igsm.layout import (
    ABSTRACT,
    CATEGORY,
    LAYERS,
    MISS,
    MULTIPLIED,
    NO_NUMBER,
    PARAMETERS,
    REAL,
    WEAK,
)

COUNTERS = 2 * PARAMETERS  # of one step: two for each mistake


@njit()
def write_solution(writing: Any, options: Any, rate: Any) -> Any:
    """All steps, each with its mistakes before it; returns how many mistakes there are.

    The letters are in their order, and the stream of mistakes has begun.
    """
    problem = writing.problem
    defined, later, retries = EMPTY, problem.necessary, 0
    for place in range(problem.steps):
        q = problem.order[place]
        candidates = EMPTY
        if options.mistakes == REAL:
            candidates = _not_computable(problem, defined)
        elif options.mistakes == WEAK:
            candidates = later if options.next_too else later & ~bit(q)
        elif options.mistakes == MISS:
            candidates = _stated(problem) & ~defined
        retries += _write_mistakes(writing, place, candidates, rate)
        _write_definition(writing, q)
        defined |= bit(q)
        later &= ~bit(q)
    return retries


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────────────────────────


@njit()
def _not_computable(problem: Any, defined: Any) -> Any:
    """The parameters that are not defined and cannot be computed from those that are."""
    members, rest = EMPTY, (instances(problem) | problem.totals) & ~defined
    while rest:
        q = lowest(rest)
        rest &= rest - FIRST
        if problem.needs[q] & ~defined:
            members |= bit(q)
    return members


@njit()
def _stated(problem: Any) -> Any:
    """The parameters that the text of the problem names."""
    members = instances(problem)
    for q in range(problem.edges):
        members |= problem.needs[q]
    return members | bit(problem.query)


@njit()
def _write_mistakes(writing: Any, place: Any, candidates: Any, rate: Any) -> Any:
    """What is begun and taken back before a step; returns how often."""
    stream, count = writing.work.stream, 0
    while candidates:
        counter = place * COUNTERS + 2 * count
        if fold(fold(stream[0], np.uint64(counter)), stream[1]) >= rate:
            break
        h = fold(fold(stream[0], np.uint64(counter + 1)), stream[1])
        q = member(candidates, np.int64(scaled(h, np.uint64(size(candidates)))))
        candidates &= ~bit(q)
        write(writing, phrases.WRONG)
        write_name(writing, phrases.NAME, q)
        write(writing, phrases.AS)
        write(writing, phrases.BACK)
        write(writing, phrases.STOP)
        count += 1
    return count


# ── steps ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@njit()
def _write_definition(writing: Any, q: Any) -> None:
    """The sentence that computes a parameter."""
    letter = next_letter(writing)
    writing.work.letter_of[q] = letter
    writing.rows[write_name(writing, phrases.DEFINE, q), phrases.V] = letter
    if q < ABSTRACT:
        _write_instance(writing, q, letter)
    else:
        _write_total(writing, q, letter)


@njit()
def _write_instance(writing: Any, q: Any, v: Any) -> None:
    """The steps of an instance parameter, the last of which defines the letter v."""
    parameters, letter_of = writing.problem.parameters, writing.work.letter_of
    parameter = parameters[q]
    count, own = parameter.count, parameter.own
    if count == 0:
        write_step(writing, phrases.LEAF, v, 0, 0, 0, 0, parameter.value)
        return
    letter, total = letter_of[parameter.operands[0]], parameters[parameter.operands[0]].value
    for k in range(1, count):
        operand = parameter.operands[k]
        value = parameters[operand].value
        result = reduced(writing, total - value if parameter.subtracts else total + value)
        last = k + 1 == count and own == NO_NUMBER
        if parameter.subtracts:
            phrase = phrases.SUBTRACT if last else phrases.THEN_SUBTRACT
        else:
            phrase = phrases.ADD if last else phrases.THEN_ADD
        result_letter = v if last else next_letter(writing)
        write_step(writing, phrase, result_letter, letter, letter_of[operand], total, value, result)
        letter, total = result_letter, result
    if own != NO_NUMBER:
        phrase = phrases.TIMES if own == MULTIPLIED else phrases.MORE
        write_step(writing, phrase, v, letter, 0, total, parameter.number, parameter.value)
    elif count == 1:
        write_step(writing, phrases.COPY, v, letter, 0, 0, 0, parameter.value)


@njit()
def _write_total(writing: Any, q: Any, v: Any) -> None:
    """The steps of an abstract parameter: a sum over the children, of products where it spans more than one layer.

    Each product is added as soon as it is computed; the last step defines the letter v.
    """
    problem, parameters, letter_of = writing.problem, writing.problem.parameters, writing.work.letter_of
    count, node, layer = parameters[q].count, parameters[q].owner, parameters[q].thing - CATEGORY
    i, j = node // 4, node % 4
    letter, total, seen = 0, 0, 0
    if count == 0:
        write_step(writing, phrases.LEAF, v, 0, 0, 0, 0, 0)
    for x in range(LAYERS):
        if not problem.children[i, j] >> x & 1:
            continue
        seen += 1
        edge = problem.edge[i, j, x]
        term, term_letter = parameters[edge].value, letter_of[edge]
        if layer > i + 1:
            inner = abstract(i + 1, x, layer)
            factor, factor_letter = parameters[inner].value, letter_of[inner]
            product = reduced(writing, term * factor)
            product_letter = v if count == 1 else next_letter(writing)
            phrase = phrases.MULTIPLY if count == 1 else phrases.THEN_MULTIPLY
            write_step(writing, phrase, product_letter, term_letter, factor_letter, term, factor, product)
            term, term_letter = product, product_letter
        elif count == 1:
            write_step(writing, phrases.COPY, v, term_letter, 0, 0, 0, term)
        if seen == 1:
            letter, total = term_letter, term
            continue
        result = reduced(writing, total + term)
        result_letter = v if seen == count else next_letter(writing)
        phrase = phrases.ADD if seen == count else phrases.THEN_ADD
        write_step(writing, phrase, result_letter, letter, term_letter, total, term, result)
        letter, total = result_letter, result
