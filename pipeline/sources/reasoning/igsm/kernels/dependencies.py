"""What a problem computes from what, compiled: the necessary parameters, their order, and all operands.

The stages are those of the published generator: A and B choose what is necessary, C its order, from the query
backwards, D the operands of what is necessary, E those of all else.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.bitstreams import below, coin, next_bits
from pipeline.core.hashing import scaled
from pipeline.core.jit import njit
from pipeline.core.sets import bit, lowest, size
from pipeline.sources.reasoning.igsm.kernels.parameters import EMPTY, FIRST, INSTANCES, abstract, cost, instances, pick
from pipeline.sources.reasoning.igsm.layout import (
    ABSTRACT,
    ADDED,
    CONSTANT,
    MOST_OPERANDS,
    MULTIPLIED,
    NO_NUMBER,
)

# ── what is necessary, and in which order ───────────────────────────────────────────────────────────────────────────


@njit()
def choose(problem: Any, work: Any, n: Any, m: Any) -> Any:
    """Stages A and B: abstract parameters, and what they take, of up to n operations; then instances up to m."""
    chosen, rest = EMPTY, n
    while True:
        best, price = -1, 0
        for level in range(1, problem.depth):
            free = _of_level(problem, level) & ~chosen
            if not free:
                continue
            candidate = pick(work.stream, free)
            asked = cost(problem, work.closure[candidate] & ~chosen)
            if asked > rest:
                break
            best, price = candidate, asked
        if best < 0:
            break
        chosen |= work.closure[best]
        rest -= price
    for _ in range(rest + m - n):
        free = instances(problem) & ~chosen
        if not free:
            break
        chosen |= bit(pick(work.stream, free))
    return chosen


@njit()
def _of_level(problem: Any, level: Any) -> Any:
    """The abstract parameters that sum over so many layers."""
    members = EMPTY
    for i in range(problem.depth - level):
        for j in range(problem.sizes[i]):
            members |= bit(abstract(i, j, i + level))
    return members & problem.totals


@njit()
def draw_order(problem: Any, work: Any, chosen: Any, pull: Any) -> Any:
    """Stage C: the order of the solution, from the query backwards, and one operand where one is needed.

    False where a parameter would have been needed by nothing.
    """
    stream = work.stream
    light = pull[below(stream, pull.size)]
    heavy = (light * light) >> np.uint64(16)
    often = next_bits(stream)
    rest, needed, count = chosen, EMPTY, size(chosen)
    for place in range(count - 1, -1, -1):
        free = _unneeded(problem, rest)
        ready = free if place == count - 1 else free & needed
        if not ready:
            return False
        q = pick(stream, ready)
        problem.order[place] = q
        rest &= ~bit(q)
        needed &= ~bit(q)
        free &= ~bit(q)
        if q >= ABSTRACT:
            needed |= problem.needs[q]
            continue
        alone = not free & needed
        if rest and (next_bits(stream) < often or alone):
            operand = _drawn_to(stream, free if alone else rest, needed, light, heavy)
            problem.needs[q] = bit(operand)
            problem.parameters[q].operands[0], problem.parameters[q].count = operand, 1
            needed |= bit(operand)
    return True


@njit()
def _unneeded(problem: Any, members: Any) -> Any:
    """Those of a set that none of it needs."""
    needed, rest = EMPTY, members
    while rest:
        needed |= problem.needs[lowest(rest)]
        rest &= rest - FIRST
    return members & ~needed


@njit()
def _drawn_to(stream: Any, candidates: Any, needed: Any, light: Any, heavy: Any) -> Any:
    """Stage C: one of the candidates, with more weight where it is abstract, and where it is not needed already."""
    total, members = EMPTY, candidates
    while members:
        total += _weight(lowest(members), needed, light, heavy)
        members &= members - FIRST
    target, members = np.uint64(scaled(next_bits(stream), total)), candidates
    while True:
        q = lowest(members)
        members &= members - FIRST
        weight = _weight(q, needed, light, heavy)
        if target < weight or not members:
            return q
        target -= weight


@njit()
def _weight(q: Any, needed: Any, light: Any, heavy: Any) -> Any:
    """With 16 bits behind the point: 1, light, or heavy = light², by how many of the two reasons there are."""
    reasons = (q >= ABSTRACT) + (needed & bit(q) == EMPTY)
    return light if reasons == 1 else heavy if reasons == 2 else np.uint64(1 << 16)


# ── operands ────────────────────────────────────────────────────────────────────────────────────────────────────────


@njit()
def fill(problem: Any, work: Any, count: Any, need: Any) -> Any:
    """Stage D: operands for the `count` necessary parameters, until the operations are `need` more.

    False where there is no room for so many.
    """
    order, extra, room = problem.order, work.extra, 0
    for i in range(count):
        extra[i] = 0
        room += order[i] < ABSTRACT and i + 1 > 2
    while need > 0:
        if room == 0:
            return False
        skip = below(work.stream, room)
        for i in range(count):
            most = min(i + 1, MOST_OPERANDS) - 2
            if order[i] < ABSTRACT and extra[i] < most:
                if skip == 0:
                    extra[i] += 1
                    room -= extra[i] == most
                    break
                skip -= 1
        need -= 1
    for i in range(count):
        if order[i] < ABSTRACT:
            wanted = extra[i] + 2 if extra[i] else 1 + coin(work.stream)
            _fill_place(problem, work, i, min(wanted, i + 1, MOST_OPERANDS))
    return True


@njit()
def _fill_place(problem: Any, work: Any, place: Any, wanted: Any) -> None:
    """Stage D: so many operands for the instance parameter at a place of the order, of those that come before it."""
    q = problem.order[place]
    if wanted == place + 1 or (problem.parameters[q].count < wanted and coin(work.stream)):
        work.has_number[q] = 1
    count = 0
    for i in range(place):
        if not problem.needs[q] & bit(problem.order[i]):
            work.candidates[count] = problem.order[i]
            count += 1
    if not work.has_number[q]:
        work.candidates[count] = CONSTANT
        count += 1
    _sample(problem, work, q, count, wanted)
    _finish(problem, work, q)


@njit()
def fill_rest(problem: Any, work: Any) -> None:
    """Stage E: operands for the instance parameters that the query does not need."""
    stream = work.stream
    rest = instances(problem) & ~problem.necessary
    known, independent = problem.necessary & INSTANCES, EMPTY
    while rest:
        q = pick(stream, rest)
        rest &= ~bit(q)
        alone = coin(stream)
        members = independent if alone else known | _computable(problem, work, known)
        count, wanted = size(members), 1
        while wanted < min(count + 1, MOST_OPERANDS) and coin(stream):
            wanted += 1
        if wanted == count + 1 or coin(stream):
            work.has_number[q] = 1
        for i in range(count):
            work.candidates[i] = lowest(members)
            members &= members - FIRST
        _sample(problem, work, q, count, wanted)
        _finish(problem, work, q)
        known |= bit(q)
        if alone:
            independent |= bit(q)


@njit()
def _computable(problem: Any, work: Any, known: Any) -> Any:
    """The abstract parameters whose instances are all known."""
    members, rest = EMPTY, problem.totals
    while rest:
        q = lowest(rest)
        rest &= rest - FIRST
        if not work.closure[q] & ~known & INSTANCES:
            members |= bit(q)
    return members


@njit()
def _sample(problem: Any, work: Any, q: Any, count: Any, wanted: Any) -> None:
    """Uniform operands from the first `count` candidates, until there are `wanted` in all."""
    while problem.parameters[q].count + work.has_number[q] < wanted:
        chosen = below(work.stream, count)
        _take(problem, work, q, work.candidates[chosen])
        count -= 1
        work.candidates[chosen] = work.candidates[count]


@njit()
def _take(problem: Any, work: Any, q: Any, operand: Any) -> None:
    """One more operand."""
    if operand == CONSTANT:
        work.has_number[q] = 1
    else:
        parameter = problem.parameters[q]
        problem.needs[q] |= bit(operand)
        parameter.operands[parameter.count] = operand
        parameter.count += 1


@njit()
def _finish(problem: Any, work: Any, q: Any) -> None:
    """The operands in a uniform order, what is done with them, and what it costs."""
    parameter, stream = problem.parameters[q], work.stream
    operands, count = parameter.operands, parameter.count
    for i in range(count - 1, 0, -1):
        k = below(stream, i + 1)
        operands[i], operands[k] = operands[k], operands[i]
    parameter.subtracts = 1 if count == 2 and coin(stream) else 0
    parameter.own = NO_NUMBER
    if work.has_number[q]:
        parameter.own = MULTIPLIED if count and coin(stream) else ADDED
    parameter.cost = max(1, count + work.has_number[q] - 1)
