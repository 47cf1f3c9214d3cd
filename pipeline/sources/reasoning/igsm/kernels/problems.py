"""Problems as numbers, compiled: all of it, one problem after the other.

A problem is drawn in one piece, by one thread of control, from streams that have names: what is drawn from one (the
numbers) does not change what is drawn from another (the structure). A stream is a hash of its key, the item and a
counter, so an item's problem is a pure function of the keys and the item. No float takes part.

Where the published generator and the paper's text differ, the generator is followed, except that an abstract parameter
of an item without children is left out, unless `childless` asks for it.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.bitstreams import begin, below, by_thresholds
from pipeline.core.hashing import fold
from pipeline.core.jit import njit, signature
from pipeline.core.sets import bit, lowest, size
from pipeline.sources.reasoning.igsm.kernels.dependencies import choose, draw_order, fill, fill_rest
from pipeline.sources.reasoning.igsm.kernels.parameters import EMPTY, FIRST, abstract, cost, instances, pick
from pipeline.sources.reasoning.igsm.kernels.structure import draw_structure
from pipeline.sources.reasoning.igsm.kernels.values import draw_names, evaluate
from pipeline.sources.reasoning.igsm.layout import (
    ABSTRACT,
    BINS,
    CATEGORY,
    LAYERS,
    MOST_TRIES,
    PROBLEM,
    SHORT,
    STREAMS,
    WORKSPACE,
    ProblemOptions,
)

STRUCTURE, ENGLISH, NUMBERS, REASK = (STREAMS.index(name) for name in ("structure", "english", "numbers", "reask"))


@njit()
def _draw(problem: Any, work: Any, options: Any, item: Any) -> Any:
    """The problem of an item. False where none was found."""
    stream, keys = work.stream, options.keys
    begin(stream, keys, STRUCTURE, item, 0)
    operations = 1 + by_thresholds(stream, options.operations)
    for tries in range(1, MOST_TRIES):
        begin(stream, keys, STRUCTURE, item, tries)
        if not _try(problem, work, options, operations):
            continue
        fill_rest(problem, work)
        if options.reask:
            begin(stream, keys, REASK, item, tries)
            _ask_again(problem, work)
            while problem.operations > options.letters:
                _ask_again(problem, work)
        begin(stream, keys, NUMBERS, item, tries)
        if not evaluate(problem, work, options):
            continue
        problem.tries = tries
        begin(stream, keys, ENGLISH, item, 0)
        draw_names(problem, work, options.vocabulary)
        return True
    return False


@njit()
def _try(problem: Any, work: Any, options: Any, operations: Any) -> Any:
    """Structure, what is necessary and its operands: whether it came to so many operations, in a bin that is wanted."""
    stream = work.stream
    n = 1 + max(below(stream, operations), below(stream, operations))
    m = n + below(stream, operations - n + 1)
    draw_structure(problem, work, options, operations)
    chosen = choose(problem, work, n, m)
    if not chosen or not draw_order(problem, work, chosen, options.pull):
        return False
    steps = size(chosen)
    if not fill(problem, work, steps, operations - cost(problem, chosen)) or cost(problem, chosen) != operations:
        return False
    problem.necessary, problem.operations, problem.steps = chosen, operations, steps
    problem.query = problem.order[steps - 1]
    problem.template = _template(problem, work)
    problem.bin = np.int64(problem.template % np.uint64(BINS))
    return operations <= SHORT or options.first_bin <= problem.bin < options.last_bin


@njit()
def _template(problem: Any, work: Any) -> Any:
    """A hash of the solution without its names, numbers and letters: kinds, operators, and which steps each uses.

    It has no key, so that the bins of all recipes are the same.
    """
    h, place, parameters = np.uint64(problem.steps), work.place, problem.parameters
    for i in range(problem.steps):
        place[problem.order[i]] = i + 1
    for i in range(problem.steps):
        parameter = parameters[problem.order[i]]
        if problem.order[i] < ABSTRACT:
            h = fold(h, np.uint64(1 + parameter.subtracts + 2 * parameter.own))
            for k in range(parameter.count):
                h = fold(h, np.uint64(place[parameter.operands[k]]))
        else:
            node, layer = parameter.owner, parameter.thing - CATEGORY
            h = fold(h, np.uint64(16 + layer - node // 4))
            for x in range(LAYERS):
                if problem.children[node // 4, node % 4] >> x & 1:
                    h = fold(h, np.uint64(place[problem.edge[node // 4, node % 4, x]]))
                    if layer > node // 4 + 1:
                        h = fold(h, np.uint64(place[abstract(node // 4 + 1, x, layer)]))
        h = fold(h, np.uint64(100))
    return h


@njit()
def _ask_again(problem: Any, work: Any) -> None:
    """Another query, uniform among all that can be computed, and what it needs in a uniform order of that kind."""
    query, chosen = pick(work.stream, instances(problem) | problem.totals), EMPTY
    rest = bit(query)
    while rest:
        q = lowest(rest)
        chosen |= bit(q)
        rest = (rest | problem.needs[q]) & ~chosen
    done, steps = EMPTY, 0
    while done != chosen:
        ready, rest = EMPTY, chosen & ~done
        while rest:
            q = lowest(rest)
            rest &= rest - FIRST
            if not problem.needs[q] & ~done:
                ready |= bit(q)
        q = pick(work.stream, ready)
        problem.order[steps] = q
        steps += 1
        done |= bit(q)
    problem.necessary, problem.steps, problem.query = chosen, steps, query
    problem.operations = cost(problem, chosen)


@njit(signature("i8", "i8[::1]", ProblemOptions, PROBLEM, WORKSPACE))
def draw(item: Any, options: Any, problems: Any, work: Any) -> Any:
    """The problems of items (d,), written into records (d,). work: one record.

    Returns how many were found: fewer than d, where the next was not.
    """
    for i in range(item.size):
        if not _draw(problems[i], work[0], options, item[i]):
            return i
    return item.size
