"""The problems as numbers, compiled: which item may hold which, what is computed from what, and with which values.

A problem is drawn in one piece, by one thread of control, from streams that have names: what is drawn from one (the
numbers) does not change what is drawn from another (the structure). A stream is a hash of its key, the item and a
counter, so an item's problem is a pure function of the keys and the item. No float takes part.

**Numbers of parameters.** A parameter is a bit of a 64-bit word, and a set of them is a word. Instance parameters
("each Town's Shop": an edge of the structure) are 0 … 39 in the order of their edges, abstract ones ("each Town's
Treats, all told") 40 … 63. Items are nodes: the j-th of layer i is node 4 · i + j.

Where the published generator and the paper's text differ, the generator is followed (facts: section 2.2), except that
an abstract parameter of an item without children is left out, unless `childless` asks for it.

Letters: d problems, p = 64 parameters of each.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pipeline.core.compiled import njit
from pipeline.core.kernels import _fold, _scale
from pipeline.core.sets import bit, lowest, size
from pipeline.core.streams import begin, below, by_thresholds, coin, next_bits
from pipeline.sources.reasoning.igsm.bits import abstract, pick
from pipeline.sources.reasoning.igsm.layout import (
    ABSTRACT,
    BASE,
    BIN,
    BINS,
    CHILDLESS,
    CHOSEN,
    CONSTANT,
    COST,
    COUNT,
    DEPTH,
    DIFFERENCE,
    EDGES,
    FIRST_BIN,
    LARGEST,
    LAST_BIN,
    MAX_EDGE,
    MODULUS,
    MORE,
    MOST_OPERANDS,
    MOST_TRIES,
    NAMES,
    NUMBER,
    OP,
    OPERAND,
    OUTER,
    OWNER,
    PARAMETERS,
    QUERY,
    REASK,
    SHORT,
    SIZES,
    STEPS,
    STREAMS,
    THERE,
    THING,
    TIMES,
    TRIES,
    VALUE,
)

STRUCTURE, ENGLISH, NUMBERS, ASKED = (STREAMS.index(name) for name in ("structure", "english", "numbers", "reask"))
_1 = np.uint64(1)
_0 = np.uint64(0)


class Law(NamedTuple):
    """What problems are drawn by: all of it integers.

    rule int64 (7,). op uint64 (o,): `bits < op[k]` for the first k that has it means k + 1 operations. widths uint64
    (o + 1, 2): the same for 2, 3 and 4, by the number of operations. pull uint64 (64,): the weights of stage C. keys
    uint64 (streams, 2). vocabulary int64 (chains, 4, 1 + 2 · subs): row of the category, then first row and number of
    rows of each of its sub-categories, 0 rows where there are fewer.
    """

    rule: Any
    op: Any
    widths: Any
    pull: Any
    keys: Any
    vocabulary: Any


class Problem(NamedTuple):
    """One problem while it is drawn.

    head int64 (HEAD,). table int64 (64, COLUMNS). needs uint64 (64,): the parameters that each is computed from. topo
    int64 (64,): the necessary ones, in the order of the solution. links int64 (4, 4): the children of a node as bits.
    numbers int64 (4, 4, 4): the parameter of each edge. sets uint64 (2,): the abstract parameters that there are, and
    the necessary ones. template uint64 (1,): its hash. closure uint64 (64,): of abstract parameters, all that it takes
    when instances are given. stream uint64 (3,). own uint8 (64,): whether a number of its own is among the operands.
    scratch int64 (256,).
    """

    head: Any
    table: Any
    needs: Any
    topo: Any
    links: Any
    numbers: Any
    sets: Any
    template: Any
    closure: Any
    stream: Any
    own: Any
    scratch: Any


# ── structure ───────────────────────────────────────────────────────────────────────────────────────────────────────


@njit()
def _sizes(p: Any, law: Any, s: Any) -> Any:
    """Depth, the sizes of the layers, and how many edges; returns the last."""
    stream, head = p.stream, p.head
    depth = 2 + by_thresholds(stream, law.widths[s])
    one, two = 2 + by_thresholds(stream, law.widths[s]), 2 + by_thresholds(stream, law.widths[s])
    least, most = min(one, two), max(one, two)
    more = next_bits(stream)  # of 2⁶⁴: how likely a layer grows further
    low, high = (depth - 1) * least, (depth - 1) * most * most
    span = max(law.rule[MAX_EDGE] - low, 0) + 1
    edges = min(low + min(below(stream, span), below(stream, span)), high)
    head[DEPTH] = depth
    for i in range(4):
        head[SIZES + i] = least if i < depth else 0
    full = 0 if least < most else depth
    while full < depth:
        room, needed = 0, 0
        for i in range(depth - 1):
            room += head[SIZES + i] * head[SIZES + i + 1]
            needed += head[SIZES + i + 1]
        if room >= edges and (needed == edges or next_bits(stream) >= more):
            break
        skip = below(stream, depth - full)
        for i in range(depth):
            if head[SIZES + i] < most:
                if skip == 0:
                    head[SIZES + i] += 1
                    full += head[SIZES + i] == most
                    break
                skip -= 1
    return edges


@njit()
def _structure(p: Any, law: Any, s: Any) -> None:
    """Which item may hold which: every item below the first layer has a parent, further edges are uniform."""
    head, links, stream = p.head, p.links, p.stream
    edges = _sizes(p, law, s)
    links[:] = 0
    rest = edges
    for i in range(head[DEPTH] - 1):
        for x in range(head[SIZES + i + 1]):
            links[i, below(stream, head[SIZES + i])] |= 1 << x
            rest -= 1
    free = 0
    for i in range(head[DEPTH] - 1):
        for j in range(head[SIZES + i]):
            for x in range(head[SIZES + i + 1]):
                if not links[i, j] >> x & 1:
                    p.scratch[free] = 16 * i + 4 * j + x
                    free += 1
    for _ in range(min(rest, free)):
        chosen = below(stream, free)
        edge = p.scratch[chosen]
        links[edge // 16, edge // 4 % 4] |= 1 << (edge % 4)
        free -= 1
        p.scratch[chosen] = p.scratch[free]
    _number(p)


@njit()
def _number(p: Any) -> None:
    """A number for each edge; instance parameters as yet without operands."""
    head, table = p.head, p.table
    count = 0
    for i in range(head[DEPTH] - 1):
        for j in range(head[SIZES + i]):
            for x in range(head[SIZES + i + 1]):
                if p.links[i, j] >> x & 1:
                    p.numbers[i, j, x] = count
                    table[count, OWNER], table[count, THING] = 4 * i + j, 4 * i + 4 + x
                    table[count, COUNT], table[count, BASE], table[count, OUTER] = 0, 0, 0
                    table[count, COST] = 1
                    p.needs[count], p.own[count] = _0, 0
                    p.closure[count] = bit(count)
                    count += 1
    head[EDGES] = count


@njit()
def _abstracts(p: Any, childless: Any) -> None:
    """The abstract parameters that there are, what they need, and what they cost."""
    head, there = p.head, _0
    depth = head[DEPTH]
    for i in range(depth - 2, -1, -1):
        for k in range(i + 1, depth):
            for j in range(head[SIZES + i]):
                a, needs, closure, fine = abstract(i, j, k), _0, _0, childless or p.links[i, j] != 0
                children = 0
                for x in range(4):
                    if p.links[i, j] >> x & 1:
                        children += 1
                        needs |= bit(p.numbers[i, j, x])
                        closure |= bit(p.numbers[i, j, x])
                        if k > i + 1:
                            below_it = abstract(i + 1, x, k)
                            needs |= bit(below_it)
                            closure |= p.closure[below_it]
                            fine = fine and (there & bit(below_it)) != _0
                if fine:
                    there |= bit(a)
                    p.needs[a], p.closure[a] = needs, closure | bit(a)
                    p.table[a, OWNER], p.table[a, THING] = 4 * i + j, 16 + k
                    p.table[a, COUNT], p.table[a, BASE], p.table[a, OUTER] = children, 0, 0
                    p.table[a, COST] = max(1, 2 * children - 1 if k > i + 1 else children - 1)
                    p.own[a] = 0
    p.sets[THERE] = there


# ── what is necessary ───────────────────────────────────────────────────────────────────────────────────────────────


@njit()
def cost(p: Any, members: Any) -> Any:
    """The operations that a set of parameters takes."""
    total = 0
    while members:
        total += p.table[lowest(members), COST]
        members &= members - _1
    return total


@njit()
def _of_level(p: Any, level: Any) -> Any:
    """The abstract parameters that sum over so many layers."""
    members = _0
    for i in range(p.head[DEPTH] - level):
        for j in range(p.head[SIZES + i]):
            members |= bit(abstract(i, j, i + level))
    return members & p.sets[THERE]


@njit()
def _choose(p: Any, n: Any, m: Any) -> Any:
    """Stages A and B: abstract parameters, and what they take, of up to n operations; then instances up to m."""
    chosen, rest = _0, n
    while True:
        best, price = -1, 0
        for level in range(1, p.head[DEPTH]):
            free = _of_level(p, level) & ~chosen
            if not free:
                continue
            one = pick(p.stream, free)
            asked = cost(p, p.closure[one] & ~chosen)
            if asked > rest:
                break
            best, price = one, asked
        if best < 0:
            break
        chosen |= p.closure[best]
        rest -= price
    instances = (_1 << np.uint64(p.head[EDGES])) - _1
    for _ in range(rest + m - n):
        if not instances & ~chosen:
            break
        chosen |= bit(pick(p.stream, instances & ~chosen))
    return chosen


@njit()
def _drawn_to(p: Any, candidates: Any, stack: Any, light: Any, heavy: Any) -> Any:
    """Stage C: one of the candidates, by how much it is wanted: abstract or not, needed already or not."""
    total, members = _0, candidates
    while members:
        r = lowest(members)
        members &= members - _1
        wanted = (r >= ABSTRACT) + (stack & bit(r) == _0)
        total += light if wanted == 1 else heavy if wanted == 2 else np.uint64(1 << 16)
    target, members = np.uint64(_scale(next_bits(p.stream), total)), candidates
    while True:
        r = lowest(members)
        members &= members - _1
        wanted = (r >= ABSTRACT) + (stack & bit(r) == _0)
        weight = light if wanted == 1 else heavy if wanted == 2 else np.uint64(1 << 16)
        if target < weight or not members:
            return r
        target -= weight


@njit()
def _order(p: Any, chosen: Any, pull: Any) -> Any:
    """Stage C: the order of the solution, from the query backwards, and one operand where one is needed.

    False where a parameter would have been needed by nothing.
    """
    stream = p.stream
    light = pull[below(stream, pull.size)]
    heavy = (light * light) >> np.uint64(16)
    often = next_bits(stream)
    open_, stack, count = chosen, _0, size(chosen)
    for place in range(count - 1, -1, -1):
        free = _unneeded(p, open_)
        ready = free if place == count - 1 else free & stack
        if not ready:
            return False
        q = pick(stream, ready)
        p.topo[place] = q
        open_ &= ~bit(q)
        stack &= ~bit(q)
        free &= ~bit(q)
        if q >= ABSTRACT:
            stack |= p.needs[q]
            continue
        alone = not free & stack
        if open_ and (next_bits(stream) < often or alone):
            r = _drawn_to(p, free if alone else open_, stack, light, heavy)
            p.needs[q] = bit(r)
            p.table[q, OPERAND], p.table[q, COUNT] = r, 1
            stack |= bit(r)
    return True


@njit()
def _unneeded(p: Any, members: Any) -> Any:
    """Those of a set that none of it needs."""
    needed, rest = _0, members
    while rest:
        needed |= p.needs[lowest(rest)]
        rest &= rest - _1
    return members & ~needed


# ── operands ────────────────────────────────────────────────────────────────────────────────────────────────────────


@njit()
def _take(p: Any, q: Any, one: Any) -> None:
    """One more operand."""
    if one == CONSTANT:
        p.own[q] = 1
    else:
        p.needs[q] |= bit(one)
        p.table[q, OPERAND + p.table[q, COUNT]] = one
        p.table[q, COUNT] += 1


@njit()
def _sample(p: Any, q: Any, pool: Any, wanted: Any) -> None:
    """Uniform operands from the first `pool` of the scratch, up to so many in all."""
    while p.table[q, COUNT] + p.own[q] < wanted:
        chosen = below(p.stream, pool)
        _take(p, q, p.scratch[chosen])
        pool -= 1
        p.scratch[chosen] = p.scratch[pool]


@njit()
def _finish(p: Any, q: Any) -> None:
    """The operands in a uniform order, what is done with them, and what it costs."""
    table, count = p.table, p.table[q, COUNT]
    for i in range(count - 1, 0, -1):
        other = below(p.stream, i + 1)
        table[q, OPERAND + i], table[q, OPERAND + other] = table[q, OPERAND + other], table[q, OPERAND + i]
    table[q, BASE] = DIFFERENCE if count == 2 and coin(p.stream) else 0
    table[q, OUTER] = 0
    if p.own[q]:
        table[q, OUTER] = TIMES if count and coin(p.stream) else MORE
    table[q, COST] = max(1, count + p.own[q] - 1)


@njit()
def _fill(p: Any, count: Any, need: Any) -> Any:
    """Stage D: operands until the operations are `need` more. False where there is no room for so many."""
    topo, extra, room = p.topo, p.scratch[128:], 0
    for i in range(count):
        extra[i] = 0
        room += topo[i] < ABSTRACT and i + 1 > 2
    while need > 0:
        if room == 0:
            return False
        skip = below(p.stream, room)
        for i in range(count):
            most = min(i + 1, MOST_OPERANDS) - 2
            if topo[i] < ABSTRACT and extra[i] < most:
                if skip == 0:
                    extra[i] += 1
                    room -= extra[i] == most
                    break
                skip -= 1
        need -= 1
    for i in range(count):
        if topo[i] < ABSTRACT:
            wanted = extra[i] + 2 if extra[i] else 1 + coin(p.stream)
            _operands(p, i, min(wanted, i + 1, MOST_OPERANDS))
    return True


@njit()
def _operands(p: Any, place: Any, wanted: Any) -> None:
    """Stage D: what the instance parameter at a place of the order is computed from."""
    q = p.topo[place]
    whole = wanted == place + 1
    if whole or (p.table[q, COUNT] < wanted and coin(p.stream)):
        p.own[q] = 1
    pool = 0
    for i in range(place):
        if not p.needs[q] & bit(p.topo[i]):
            p.scratch[pool] = p.topo[i]
            pool += 1
    if not p.own[q]:
        p.scratch[pool] = CONSTANT
        pool += 1
    _sample(p, q, pool, wanted)
    _finish(p, q)


@njit()
def _unnecessary(p: Any) -> None:
    """Stage E: operands for the instance parameters that the query does not need."""
    stream = p.stream
    rest = ((_1 << np.uint64(p.head[EDGES])) - _1) & ~p.sets[CHOSEN]
    known = p.sets[CHOSEN] & ((_1 << np.uint64(ABSTRACT)) - _1)
    independent = _0
    while rest:
        q = pick(stream, rest)
        rest &= ~bit(q)
        alone = coin(stream)
        members = independent if alone else known | _computable(p, known)
        pool = size(members)
        wanted = 1
        while wanted < min(pool + 1, MOST_OPERANDS) and coin(stream):
            wanted += 1
        if wanted == pool + 1 or coin(stream):
            p.own[q] = 1
        for i in range(pool):
            p.scratch[i] = lowest(members)
            members &= members - _1
        _sample(p, q, pool, wanted)
        _finish(p, q)
        known |= bit(q)
        if alone:
            independent |= bit(q)


@njit()
def _computable(p: Any, known: Any) -> Any:
    """The abstract parameters of which all instances are known."""
    found, rest = _0, p.sets[THERE]
    while rest:
        a = lowest(rest)
        rest &= rest - _1
        if not p.closure[a] & ~known & ((_1 << np.uint64(ABSTRACT)) - _1):
            found |= bit(a)
    return found


# ── template, question, names and values ────────────────────────────────────────────────────────────────────────────


@njit()
def _template(p: Any, count: Any) -> Any:
    """A hash of the solution without its names, numbers and letters: kinds, operators, and which steps each uses.

    It has no key, so that the bins of all recipes are the same.
    """
    h, places, table = np.uint64(count), p.scratch, p.table
    for i in range(count):
        places[p.topo[i]] = i + 1
    for i in range(count):
        q = p.topo[i]
        if q < ABSTRACT:
            kind = 1 + table[q, BASE] + 2 * table[q, OUTER]
            h = _fold(h, np.uint64(kind))
            for k in range(table[q, COUNT]):
                h = _fold(h, np.uint64(places[table[q, OPERAND + k]]))
        else:
            node, layer = table[q, OWNER], table[q, THING] - 16
            h = _fold(h, np.uint64(16 + layer - node // 4))
            for x in range(4):
                if p.links[node // 4, node % 4] >> x & 1:
                    h = _fold(h, np.uint64(places[p.numbers[node // 4, node % 4, x]]))
                    if layer > node // 4 + 1:
                        h = _fold(h, np.uint64(places[abstract(node // 4 + 1, x, layer)]))
        h = _fold(h, np.uint64(100))
    return h


@njit()
def _ask_again(p: Any) -> None:
    """Another query, uniform among all that can be computed, and what it needs in a uniform order of that kind."""
    instances = (_1 << np.uint64(p.head[EDGES])) - _1
    query, chosen = pick(p.stream, instances | p.sets[THERE]), _0
    rest = bit(query)
    while rest:
        q = lowest(rest)
        chosen |= bit(q)
        rest = (rest | p.needs[q]) & ~chosen
    p.sets[CHOSEN] = chosen
    done, count = _0, 0
    while done != chosen:
        ready, rest = _0, chosen & ~done
        while rest:
            q = lowest(rest)
            rest &= rest - _1
            if not p.needs[q] & ~done:
                ready |= bit(q)
        q = pick(p.stream, ready)
        p.topo[count] = q
        count += 1
        done |= bit(q)
    p.head[STEPS], p.head[QUERY], p.head[OP] = count, query, cost(p, chosen)


@njit()
def _name(p: Any, vocabulary: Any) -> None:
    """Names: a chain of categories, as many neighbours in it as there are layers, and of each one sub-category."""
    head, stream = p.head, p.stream
    chain = below(stream, vocabulary.shape[0])
    first = below(stream, 5 - head[DEPTH])
    for i in range(head[DEPTH]):
        of_layer = vocabulary[chain, first + i]
        head[NAMES + 16 + i] = of_layer[0]
        subs = 0
        while 2 * subs + 1 < of_layer.size and of_layer[2 * subs + 2]:
            subs += 1
        sub = below(stream, subs)
        begins, rows = of_layer[2 * sub + 1], of_layer[2 * sub + 2]
        for j in range(head[SIZES + i]):
            chosen = below(stream, rows - j)
            for k in range(j):  # the taken ones, in order, are stepped over
                chosen += p.scratch[k] <= chosen
            at = j
            while at > 0 and p.scratch[at - 1] > chosen:
                p.scratch[at] = p.scratch[at - 1]
                at -= 1
            p.scratch[at] = chosen
            head[NAMES + 4 * i + j] = begins + chosen


@njit()
def _number_of(p: Any, q: Any, modulus: Any) -> None:
    """The number that an instance parameter has of its own: below the modulus, and not 0 where it multiplies."""
    if p.own[q]:
        h = _fold(_fold(p.stream[0], np.uint64(q)), p.stream[1])
        least = 1 if p.table[q, OUTER] == TIMES else 0
        p.table[q, NUMBER] = least + np.int64(_scale(h, np.uint64(modulus - least)))


@njit()
def _reduced(value: Any, rule: Any) -> Any:
    """The value modulo the modulus; as it is, where numbers are exact: beyond the largest, a number too large."""
    if rule[LARGEST] == 0:
        return value % rule[MODULUS]
    return min(max(value, -rule[LARGEST] - 1), rule[LARGEST] + 1)


@njit()
def _value(p: Any, q: Any, rule: Any) -> Any:
    """The value of a parameter whose operands have theirs; and whether a number on the way was too large."""
    table, total, large = p.table, 0, False
    if q >= ABSTRACT:
        node, layer = table[q, OWNER], table[q, THING] - 16
        i, j = node // 4, node % 4
        for x in range(4):
            if p.links[i, j] >> x & 1:
                more = table[p.numbers[i, j, x], VALUE]
                if layer > i + 1:
                    more = _reduced(more * table[abstract(i + 1, x, layer), VALUE], rule)
                total = _reduced(total + more, rule)
                large |= rule[LARGEST] > 0 and max(abs(total), abs(more)) > rule[LARGEST]
        return total, large
    for k in range(table[q, COUNT]):
        more = table[table[q, OPERAND + k], VALUE]
        total = _reduced(total - more if k and table[q, BASE] == DIFFERENCE else total + more, rule)
        large |= rule[LARGEST] > 0 and abs(total) > rule[LARGEST]
    if table[q, OUTER]:
        number = table[q, NUMBER]
        total = _reduced(number * total if table[q, OUTER] == TIMES else number + total, rule)
        large |= rule[LARGEST] > 0 and abs(total) > rule[LARGEST]
    return total, large


@njit()
def _evaluate(p: Any, rule: Any) -> Any:
    """Numbers and values of all parameters. False where one is too large."""
    instances = (_1 << np.uint64(p.head[EDGES])) - _1
    rest, done = instances | p.sets[THERE], _0
    while rest:
        waiting = rest
        while waiting:
            q = lowest(waiting)
            waiting &= waiting - _1
            if not p.needs[q] & ~done:
                if q < ABSTRACT:
                    _number_of(p, q, rule[MODULUS])
                p.table[q, VALUE], large = _value(p, q, rule)
                if large:
                    return False
                done |= bit(q)
                rest &= ~bit(q)
    return True


# ── all of it ───────────────────────────────────────────────────────────────────────────────────────────────────────


@njit()
def _try(p: Any, law: Any, s: Any) -> Any:
    """Structure, what is necessary and its operands: whether it came to s operations, in a bin that is wanted."""
    stream, head = p.stream, p.head
    n = 1 + max(below(stream, s), below(stream, s))
    m = n + below(stream, s - n + 1)
    _structure(p, law, s)
    _abstracts(p, law.rule[CHILDLESS] != 0)
    chosen = _choose(p, n, m)
    if not chosen or not _order(p, chosen, law.pull):
        return False
    count = size(chosen)
    if not _fill(p, count, s - cost(p, chosen)) or cost(p, chosen) != s:
        return False
    p.template[0] = _template(p, count)
    head[BIN] = np.int64(p.template[0] % np.uint64(BINS))
    p.sets[CHOSEN] = chosen
    head[OP], head[STEPS], head[QUERY] = s, count, p.topo[count - 1]
    return s <= SHORT or law.rule[FIRST_BIN] <= head[BIN] < law.rule[LAST_BIN]


@njit()
def draw_problem(p: Any, law: Any, item: Any, letters: Any) -> Any:
    """The problem of an item, which takes no more than so many letters. False where none was found."""
    stream = p.stream
    begin(stream, law.keys, STRUCTURE, item, 0)
    s = 1 + by_thresholds(stream, law.op)
    for tries in range(1, MOST_TRIES):
        begin(stream, law.keys, STRUCTURE, item, tries)
        if not _try(p, law, s):
            continue
        _unnecessary(p)
        if law.rule[REASK]:
            begin(stream, law.keys, ASKED, item, tries)
            _ask_again(p)
            while p.head[OP] > letters:
                _ask_again(p)
        begin(stream, law.keys, NUMBERS, item, tries)
        if not _evaluate(p, law.rule):
            continue
        p.head[TRIES] = tries
        begin(stream, law.keys, ENGLISH, item, 0)
        _name(p, law.vocabulary)
        return True
    return False


@njit(
    "i8(i8[::1], i8[::1], u8[::1], u8[:,::1], u8[::1], u8[:,::1], i8[:,:,::1], i8, "
    "i8[:,::1], i8[:,:,::1], u8[:,::1], i8[:,::1], i8[:,:,::1], i8[:,:,:,::1], u8[:,::1], u8[::1])",
)
def draw(
    item: Any, rule: Any, op: Any, widths: Any, pull: Any, keys: Any, vocabulary: Any, letters: Any,
    head: Any, table: Any, needs: Any, topo: Any, links: Any, numbers: Any, sets: Any, template: Any,
) -> Any:  # fmt: skip
    """The problems of items (d,), row by row. Returns how many were found: fewer than d, where the next was not."""
    law = Law(rule, op, widths, pull, keys, vocabulary)
    stream, own, scratch = np.zeros(3, np.uint64), np.zeros(PARAMETERS, np.uint8), np.zeros(256, np.int64)
    closure = np.zeros(PARAMETERS, np.uint64)
    for i in range(item.size):
        kept = (head[i], table[i], needs[i], topo[i], links[i], numbers[i], sets[i], template[i : i + 1])
        p = Problem(*kept, closure, stream, own, scratch)
        if not draw_problem(p, law, item[i], letters):
            return i
    return item.size
