"""The structure of a problem, compiled: which item may hold which, and the parameters that there are by that.

Letters: i layers, j items of one, x items of the next.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

from pipeline.core.bitstreams import below, by_thresholds, next_bits
from pipeline.core.jit import njit
from pipeline.core.sets import bit
from pipeline.sources.reasoning.igsm.kernels.parameters import EMPTY, abstract
from pipeline.sources.reasoning.igsm.layout import CATEGORY, LAYERS, NO_NUMBER


@njit()
def draw_structure(problem: Any, work: Any, options: Any, operations: Any) -> None:
    """Which item may hold which, for a problem of so many operations, and its parameters, instances without operands.

    Every item below the first layer has a parent; further edges are uniform.
    """
    sizes, children, stream = problem.sizes, problem.children, work.stream
    rest = _draw_sizes(problem, work, options, operations)
    children[:] = 0
    for i in range(problem.depth - 1):
        for x in range(sizes[i + 1]):
            children[i, below(stream, sizes[i])] |= 1 << x
            rest -= 1
    free = 0
    for i in range(problem.depth - 1):
        for j in range(sizes[i]):
            for x in range(sizes[i + 1]):
                if not children[i, j] >> x & 1:
                    work.free_edges[free] = 16 * i + 4 * j + x
                    free += 1
    for _ in range(min(rest, free)):
        chosen = below(stream, free)
        edge = work.free_edges[chosen]
        children[edge // 16, edge // 4 % 4] |= 1 << (edge % 4)
        free -= 1
        work.free_edges[chosen] = work.free_edges[free]
    _add_instances(problem, work)
    _add_totals(problem, work, options.childless)


@njit()
def _draw_sizes(problem: Any, work: Any, options: Any, operations: Any) -> Any:
    """Depth and the sizes of the layers; returns how many edges there should be."""
    stream, sizes, widths = work.stream, problem.sizes, options.widths[operations]
    depth = 2 + by_thresholds(stream, widths)
    width, another = 2 + by_thresholds(stream, widths), 2 + by_thresholds(stream, widths)
    least, most = min(width, another), max(width, another)
    growth = next_bits(stream)  # of 2⁶⁴: how likely layers go on growing where there is room for the edges
    low, high = (depth - 1) * least, (depth - 1) * most * most
    span = max(options.max_edges - low, 0) + 1
    edges = min(low + min(below(stream, span), below(stream, span)), high)
    problem.depth = depth
    for i in range(LAYERS):
        sizes[i] = least if i < depth else 0
    full = 0 if least < most else depth
    while full < depth:
        room, needed = 0, 0
        for i in range(depth - 1):
            room += sizes[i] * sizes[i + 1]
            needed += sizes[i + 1]
        if room >= edges and (needed == edges or next_bits(stream) >= growth):
            break
        skip = below(stream, depth - full)
        for i in range(depth):
            if sizes[i] < most:
                if skip == 0:
                    sizes[i] += 1
                    full += sizes[i] == most
                    break
                skip -= 1
    return edges


@njit()
def _add_instances(problem: Any, work: Any) -> None:
    """A number for each edge: the instance parameters, as yet without operands."""
    count = 0
    for i in range(problem.depth - 1):
        for j in range(problem.sizes[i]):
            for x in range(problem.sizes[i + 1]):
                if problem.children[i, j] >> x & 1:
                    problem.edge[i, j, x] = count
                    _add(problem, work, count, 4 * i + j, 4 * i + 4 + x)
                    problem.needs[count], work.closure[count] = EMPTY, bit(count)
                    count += 1
    problem.edges = count


@njit()
def _add_totals(problem: Any, work: Any, childless: Any) -> None:
    """The abstract parameters that there are, what they need, and what they cost."""
    totals, depth = EMPTY, problem.depth
    for i in range(depth - 2, -1, -1):
        for layer in range(i + 1, depth):
            for j in range(problem.sizes[i]):
                q, needs, closure, count = abstract(i, j, layer), EMPTY, EMPTY, 0
                exists = childless or problem.children[i, j] != 0
                for x in range(LAYERS):
                    if problem.children[i, j] >> x & 1:
                        count += 1
                        needs |= bit(problem.edge[i, j, x])
                        closure |= bit(problem.edge[i, j, x])
                        if layer > i + 1:
                            inner = abstract(i + 1, x, layer)
                            needs |= bit(inner)
                            closure |= work.closure[inner]
                            exists = exists and (totals & bit(inner)) != EMPTY
                if exists:
                    totals |= bit(q)
                    _add(problem, work, q, 4 * i + j, CATEGORY + layer)
                    problem.needs[q], work.closure[q] = needs, closure | bit(q)
                    problem.parameters[q].count = count
                    problem.parameters[q].cost = max(1, 2 * count - 1 if layer > i + 1 else count - 1)
    problem.totals = totals


@njit()
def _add(problem: Any, work: Any, q: Any, owner: Any, thing: Any) -> None:
    """A parameter without operands."""
    parameter = problem.parameters[q]
    parameter.owner, parameter.thing = owner, thing
    parameter.count, parameter.subtracts, parameter.own, parameter.cost = 0, 0, NO_NUMBER, 1
    work.has_number[q] = 0
