"""Problems as sentences, compiled: which programs tell a problem and its solution, and what each of them shows.

What a solution says wrongly and takes back is drawn here too: each throw of the coin has bits of its own, by its place
and turn, so at a higher rate there are the same mistakes and more.

Letters: d documents, m programs in all of them.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pipeline.core.compiled import njit
from pipeline.core.kernels import _fold, _scale
from pipeline.core.sets import bit, lowest, member, size
from pipeline.core.streams import begin, below
from pipeline.sources.reasoning.igsm.bits import abstract
from pipeline.sources.reasoning.igsm.graphs import Problem
from pipeline.sources.reasoning.igsm.layout import (
    ABSTRACT,
    BASE,
    CHOSEN,
    COUNT,
    DEPTH,
    DIFFERENCE,
    EDGES,
    NAMES,
    NUMBER,
    OPERAND,
    OUTER,
    OWNER,
    QUERY,
    SIZES,
    STEPS,
    STREAMS,
    THERE,
    THING,
    TIMES,
    VALUE,
)
from pipeline.sources.reasoning.igsm.words import LETTERS, PROGRAMS

(
    STATEMENT, ALONE, MORE_THAN, TIMES_AS_MUCH, SUM_OF, DIFFERENCE_OF, FIRST, BETWEEN, LAST, ONLY,
    QUESTION, DEFINE, LEAF, COPY, ADD, SUBTRACT, MULTIPLY, MORE_STEP, TIMES_STEP, THEN_ADD, THEN_SUBTRACT,
    THEN_MULTIPLY, WRONG, NAME, AS, BACK, STOP, START, SOLUTION, ANSWERED, ANSWER, HOLDS,
    CATEGORY, MEMBER, LAST_MEMBER,
) = range(len(PROGRAMS))  # fmt: skip

ORDER, SPELLING, RETRY = (STREAMS.index(name) for name in ("order", "letters", "retry"))

# Entries of the manner of outline.
QUESTION_FIRST, ANSWER_PLACE, BACKGROUND, MISTAKES, OWN_TOO = range(5)
ANSWER_LAST, ANSWER_FIRST, NO_ANSWER = range(3)
TRUE, WEAK, MISS = 1, 2, 3
MOST_PROGRAMS = 24_000  # of a document: 64 steps, before each of which there are 63 mistakes of five programs, and more

_1 = np.uint64(1)
_0 = np.uint64(0)


class Said(NamedTuple):
    """What has been said, and where the next is written.

    programs int32 (m,); rows int32 (m, 9): what their slots show; about int8 (m,): the parameter that a program is
    about, -1 for none. at int64 (2,): how many there are; letters used so far. numbers int64: of each of PROGRAMS, -1
    where it is not said. spelling int64 (52,): the letters in the order of their use. letter int64 (64,): of each
    parameter that is defined.
    """

    programs: Any
    rows: Any
    about: Any
    at: Any
    numbers: Any
    spelling: Any
    letter: Any


@njit()
def _say(s: Any, program: Any) -> Any:
    """One more program that shows nothing yet; where it stands. Where it is left out, nobody reads what is written."""
    at = s.at[0]
    s.programs[at] = s.numbers[program]
    s.rows[at] = 0
    s.about[at] = -1
    s.at[0] += s.numbers[program] >= 0
    return at


@njit()
def _say_name(s: Any, p: Any, program: Any, q: Any) -> Any:
    """A program that names a parameter."""
    at = _say(s, program)
    s.rows[at, 1] = p.head[NAMES + p.table[q, OWNER]]
    s.rows[at, 2] = p.head[NAMES + p.table[q, THING]]
    s.about[at] = q
    return at


@njit()
def _say_step(s: Any, program: Any, v: Any, a: Any, b: Any, one: Any, two: Any, value: Any) -> None:
    """A step of the calculation: v = a · b = one · two = value."""
    row = s.rows[_say(s, program)]
    row[3], row[4], row[5], row[6], row[7], row[8] = value, v, a, b, one, two


@njit()
def _next_letter(s: Any) -> Any:
    s.at[1] += 1
    return s.spelling[s.at[1] - 1]


@njit()
def _shuffle(stream: Any, order: Any, count: Any, drawn: Any) -> None:
    """A uniform order of 0 … count - 1, as far as `drawn` entries of it are needed."""
    for i in range(count):
        order[i] = i
    for i in range(min(drawn, count - 1)):
        other = i + below(stream, count - i)
        order[i], order[other] = order[other], order[i]


# ── the problem ─────────────────────────────────────────────────────────────────────────────────────────────────────


@njit()
def _statement(s: Any, p: Any, q: Any) -> None:
    table, count = p.table, p.table[q, COUNT]
    _say_name(s, p, STATEMENT, q)
    if table[q, OUTER]:
        program = ALONE if count == 0 else TIMES_AS_MUCH if table[q, OUTER] == TIMES else MORE_THAN
        s.rows[_say(s, program), 3] = table[q, NUMBER]
    if count > 1:
        _say(s, DIFFERENCE_OF if table[q, BASE] == DIFFERENCE else SUM_OF)
    for k in range(count):
        program = ONLY if count == 1 else LAST if k == count - 1 else FIRST if k == count - 2 else BETWEEN
        at = _say_name(s, p, program, table[q, OPERAND + k])
        s.about[at] = -1


@njit()
def _background(s: Any, p: Any) -> None:
    """What may hold what, and which items there are."""
    head = p.head
    for i in range(head[DEPTH] - 1):
        at = _say(s, HOLDS)
        s.rows[at, 1], s.rows[at, 2] = head[NAMES + 16 + i], head[NAMES + 17 + i]
    for i in range(head[DEPTH]):
        s.rows[_say(s, CATEGORY), 2] = head[NAMES + 16 + i]
        for j in range(head[SIZES + i]):
            program = MEMBER if j + 1 < head[SIZES + i] else LAST_MEMBER
            s.rows[_say(s, program), 2] = head[NAMES + 4 * i + j]


@njit()
def _problem(s: Any, p: Any, manner: Any, keys: Any, item: Any, exposure: Any) -> None:
    _say(s, START)
    if manner[BACKGROUND]:
        _background(s, p)
    if manner[QUESTION_FIRST]:
        _say_name(s, p, QUESTION, p.head[QUERY])
    begin(p.stream, keys, ORDER, item, exposure)
    _shuffle(p.stream, p.scratch, p.head[EDGES], p.head[EDGES])
    for i in range(p.head[EDGES]):
        _statement(s, p, p.scratch[i])
    if not manner[QUESTION_FIRST]:
        _say_name(s, p, QUESTION, p.head[QUERY])


# ── the solution ────────────────────────────────────────────────────────────────────────────────────────────────────


@njit()
def _reduced(value: Any, modulus: Any) -> Any:
    return value % modulus if modulus else value


@njit()
def _define(s: Any, p: Any, q: Any, modulus: Any) -> None:
    """The sentence that computes a parameter."""
    v = _next_letter(s)
    s.letter[q] = v
    s.rows[_say_name(s, p, DEFINE, q), 4] = v
    if q >= ABSTRACT:
        _define_abstract(s, p, q, v, modulus)
        return
    table, count, value = p.table, p.table[q, COUNT], p.table[q, VALUE]
    if count == 0:
        _say_step(s, LEAF, v, 0, 0, 0, 0, value)
        return
    one = table[q, OPERAND]
    letter, total = s.letter[one], table[one, VALUE]
    minus = table[q, BASE] == DIFFERENCE
    for k in range(1, count):
        two = table[q, OPERAND + k]
        right = table[two, VALUE]
        made = _reduced(total - right if minus else total + right, modulus)
        last = k + 1 == count and table[q, OUTER] == 0
        to = v if last else _next_letter(s)
        program = (SUBTRACT if minus else ADD) if last else (THEN_SUBTRACT if minus else THEN_ADD)
        _say_step(s, program, to, letter, s.letter[two], total, right, made)
        letter, total = to, made
    if table[q, OUTER]:
        program = TIMES_STEP if table[q, OUTER] == TIMES else MORE_STEP
        _say_step(s, program, v, letter, 0, total, table[q, NUMBER], value)
    elif count == 1:
        _say_step(s, COPY, v, letter, 0, 0, 0, value)


@njit()
def _define_abstract(s: Any, p: Any, q: Any, v: Any, modulus: Any) -> None:
    """A total over the children; over more than one layer, of products, each added as soon as it is there."""
    table, count = p.table, p.table[q, COUNT]
    i, j, layer = p.table[q, OWNER] // 4, p.table[q, OWNER] % 4, p.table[q, THING] - 16
    letter, total, seen = 0, 0, 0
    if count == 0:
        _say_step(s, LEAF, v, 0, 0, 0, 0, 0)
    for x in range(4):
        if not p.links[i, j] >> x & 1:
            continue
        seen += 1
        held = p.numbers[i, j, x]
        more, of_more = table[held, VALUE], s.letter[held]
        if layer > i + 1:
            inner = abstract(i + 1, x, layer)
            made, to = _reduced(more * table[inner, VALUE], modulus), v if count == 1 else _next_letter(s)
            program = MULTIPLY if count == 1 else THEN_MULTIPLY
            _say_step(s, program, to, of_more, s.letter[inner], more, table[inner, VALUE], made)
            more, of_more = made, to
        elif count == 1:
            _say_step(s, COPY, v, of_more, 0, 0, 0, more)
        if seen == 1:
            letter, total = of_more, more
            continue
        made, to = _reduced(total + more, modulus), v if seen == count else _next_letter(s)
        _say_step(s, ADD if seen == count else THEN_ADD, to, letter, of_more, total, more, made)
        letter, total = to, made


@njit()
def unready(p: Any, defined: Any) -> Any:
    """The parameters that are not defined and cannot be computed from those that are."""
    found, rest = _0, (((_1 << np.uint64(p.head[EDGES])) - _1) | p.sets[THERE]) & ~defined
    while rest:
        q = lowest(rest)
        rest &= rest - _1
        if p.needs[q] & ~defined:
            found |= bit(q)
    return found


@njit()
def stated(p: Any) -> Any:
    """The parameters that the text of the problem names."""
    found = (_1 << np.uint64(p.head[EDGES])) - _1
    for q in range(p.head[EDGES]):
        found |= p.needs[q]
    return found | bit(p.head[QUERY])


@njit()
def _mistakes(s: Any, p: Any, place: Any, candidates: Any, rate: Any) -> Any:
    """What is begun and taken back before a step; returns how often."""
    turn = 0
    while candidates:
        state = _fold(p.stream[0], np.uint64(place * PAIR_OF_TURNS + 2 * turn))
        if _fold(state, p.stream[1]) >= rate:
            break
        h = _fold(_fold(p.stream[0], np.uint64(place * PAIR_OF_TURNS + 2 * turn + 1)), p.stream[1])
        q = member(candidates, np.int64(_scale(h, np.uint64(size(candidates)))))
        candidates &= ~bit(q)
        _say(s, WRONG)
        _say_name(s, p, NAME, q)
        _say(s, AS)
        _say(s, BACK)
        _say(s, STOP)
        turn += 1
    return turn


PAIR_OF_TURNS = 2 * 64  # counters of one place


@njit()
def _solution(s: Any, p: Any, manner: Any, keys: Any, rate: Any, modulus: Any, item: Any, exposure: Any) -> Any:
    begin(p.stream, keys, SPELLING, item, exposure)
    _shuffle(p.stream, s.spelling, LETTERS, LETTERS)
    begin(p.stream, keys, RETRY, item, exposure)
    defined, later, retries = _0, p.sets[CHOSEN], 0
    for place in range(p.head[STEPS]):
        q = p.topo[place]
        candidates = _0
        if manner[MISTAKES] == TRUE:
            candidates = unready(p, defined)
        elif manner[MISTAKES] == WEAK:
            candidates = later if manner[OWN_TOO] else later & ~bit(q)
        elif manner[MISTAKES] == MISS:
            candidates = stated(p) & ~defined
        retries += _mistakes(s, p, place, candidates, rate)
        _define(s, p, q, modulus)
        defined |= bit(q)
        later &= ~bit(q)
    return retries


@njit()
def _answer(s: Any, p: Any) -> None:
    _say(s, ANSWERED)
    s.rows[_say(s, ANSWER), 3] = p.table[p.head[QUERY], VALUE]


@njit(
    "i8(i8[::1], i8[::1], i8[:,::1], i8[:,:,::1], u8[:,::1], i8[:,::1], i8[:,:,::1], i8[:,:,:,::1], u8[:,::1], "
    "u8[::1], u8[:,::1], i8[::1], u8, u8, i8[::1], i8, i4[::1], i4[:,::1], i1[::1], i8[::1], i4[::1])",
)
def tell(
    item: Any, exposure: Any, head: Any, table: Any, needs: Any, topo: Any, links: Any, numbers: Any, sets: Any,
    template: Any, keys: Any, manner: Any, rate: Any, share: Any, programs_of: Any, modulus: Any,
    programs: Any, rows: Any, about: Any, first: Any, retries: Any,
) -> Any:  # fmt: skip
    """Documents (d,) as programs (m,), each with a row (m, 9) of what it shows; document i ends at first[i + 1].

    head … template: the problems of the items. rate, share: of 2⁶⁴, how often the coin falls badly, and how many
    documents have mistakes at all. programs_of int64: the number of each of PROGRAMS, -1 where it is not said. modulus:
    0 for exact numbers. Writes as many documents as there is room for, and returns how many; to retries (d,), how
    often each takes something back.
    """
    stream, own, scratch = np.zeros(3, np.uint64), np.zeros(64, np.uint8), np.zeros(256, np.int64)
    at, closure = np.zeros(2, np.int64), np.zeros(64, np.uint64)
    s = Said(programs, rows, about, at, programs_of, np.zeros(LETTERS, np.int64), np.zeros(64, np.int64))
    for i in range(item.size):
        if programs.size - at[0] < MOST_PROGRAMS:
            return i
        kept = (head[i], table[i], needs[i], topo[i], links[i], numbers[i], sets[i], template[i : i + 1])
        p = Problem(*kept, closure, stream, own, scratch)
        at[1] = 0
        _problem(s, p, manner, keys, item[i], exposure[i])
        if manner[ANSWER_PLACE] == ANSWER_FIRST:
            _answer(s, p)
        _say(s, SOLUTION)
        begin(stream, keys, RETRY, item[i], exposure[i])
        some = _fold(_fold(stream[0], np.uint64(1 << 32)), stream[1]) < share
        retries[i] = _solution(s, p, manner, keys, rate if some else _0, modulus, item[i], exposure[i])
        if manner[ANSWER_PLACE] == ANSWER_LAST:
            _answer(s, p)
        first[i + 1] = at[0]
    return item.size
