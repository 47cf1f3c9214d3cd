"""Problems as documents, compiled: which phrases state a problem and its solution, and what each of them shows.

What a solution begins wrongly and takes back is drawn here too.

Letters: d documents, m programs in all of them.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.bitstreams import begin, below
from pipeline.core.hashing import fold
from pipeline.core.jit import njit, signature
from pipeline.sources.reasoning.igsm import phrases
from pipeline.sources.reasoning.igsm.kernels.parameters import EMPTY
from pipeline.sources.reasoning.igsm.kernels.solutions import write_solution
from pipeline.sources.reasoning.igsm.kernels.writing import Writing, write, write_name
from pipeline.sources.reasoning.igsm.layout import (
    ANSWER_FIRST,
    ANSWER_LAST,
    CATEGORY,
    MULTIPLIED,
    NO_NUMBER,
    PROBLEM,
    STREAMS,
    WORKSPACE,
    Documents,
    RenderOptions,
)

ORDER, LETTERS, RETRY = (STREAMS.index(name) for name in ("order", "letters", "retry"))
WITH_MISTAKES = np.uint64(1 << 32)  # a counter of the stream of mistakes that none of them has


@njit()
def _render(writing: Any, options: Any, item: Any, exposure: Any) -> Any:
    """One document; returns how often it takes something back."""
    stream, work, keys = writing.work.stream, writing.work, options.keys
    begin(stream, keys, ORDER, item, exposure)
    _shuffle(stream, work.statements, writing.problem.edges)
    _write_problem(writing, options)
    if options.answer == ANSWER_FIRST:
        _write_answer(writing)
    write(writing, phrases.SOLUTION)
    begin(stream, keys, LETTERS, item, exposure)
    _shuffle(stream, work.letters, phrases.LETTERS)
    work.letters_used = 0
    begin(stream, keys, RETRY, item, exposure)
    has_mistakes = fold(fold(stream[0], WITH_MISTAKES), stream[1]) < options.share
    retries = write_solution(writing, options, options.rate if has_mistakes else EMPTY)
    if options.answer == ANSWER_LAST:
        _write_answer(writing)
    return retries


@njit()
def _shuffle(stream: Any, order: Any, count: Any) -> None:
    """The first `count` entries become 0 … count - 1 in uniform order."""
    for i in range(count):
        order[i] = i
    for i in range(count - 1):
        k = i + below(stream, count - i)
        order[i], order[k] = order[k], order[i]


@njit()
def _write_problem(writing: Any, options: Any) -> None:
    problem = writing.problem
    write(writing, phrases.START)
    if options.background:
        _write_background(writing)
    if options.question_first:
        write_name(writing, phrases.QUESTION, problem.query)
    for i in range(problem.edges):
        _write_statement(writing, writing.work.statements[i])
    if not options.question_first:
        write_name(writing, phrases.QUESTION, problem.query)


@njit()
def _write_background(writing: Any) -> None:
    """What may hold what, and which items there are."""
    problem, rows = writing.problem, writing.rows
    categories = problem.names[CATEGORY:]
    for i in range(problem.depth - 1):
        at = write(writing, phrases.HOLDS)
        rows[at, phrases.OWNER], rows[at, phrases.THING] = categories[i], categories[i + 1]
    for i in range(problem.depth):
        rows[write(writing, phrases.CATEGORY), phrases.THING] = categories[i]
        for j in range(problem.sizes[i]):
            phrase = phrases.MEMBER if j + 1 < problem.sizes[i] else phrases.LAST_MEMBER
            rows[write(writing, phrase), phrases.THING] = problem.names[4 * i + j]


@njit()
def _write_statement(writing: Any, q: Any) -> None:
    """What an instance parameter equals."""
    parameter = writing.problem.parameters[q]
    count, own = parameter.count, parameter.own
    write_name(writing, phrases.STATEMENT, q)
    if own != NO_NUMBER:
        with_operands = phrases.TIMES_AS_MUCH if own == MULTIPLIED else phrases.MORE_THAN
        writing.rows[write(writing, with_operands if count else phrases.ALONE), phrases.VALUE] = parameter.number
    if count > 1:
        write(writing, phrases.DIFFERENCE_OF if parameter.subtracts else phrases.SUM_OF)
    for k in range(count):
        if count == 1:
            phrase = phrases.ONLY
        elif k < count - 2:
            phrase = phrases.BETWEEN
        else:
            phrase = phrases.FIRST if k == count - 2 else phrases.LAST
        write_name(writing, phrase, parameter.operands[k])


@njit()
def _write_answer(writing: Any) -> None:
    problem = writing.problem
    write(writing, phrases.ANSWERED)
    writing.rows[write(writing, phrases.ANSWER), phrases.VALUE] = problem.parameters[problem.query].value


@njit(signature("i8", "i8[::1]", "i8[::1]", PROBLEM, WORKSPACE, RenderOptions, Documents))
def render(item: Any, exposure: Any, problems: Any, work: Any, options: Any, out: Any) -> Any:
    """The problems of items (d,) at exposures (d,) as documents. work: one record.

    Renders as many documents as `out` has room for, and returns how many.
    """
    work[0].written = 0
    for i in range(item.size):
        if out.programs.size - work[0].written < phrases.MOST_PHRASES:
            return i
        writing = Writing(problems[i], work[0], out.programs, out.rows, options.programs, options.modulus)
        out.retries[i] = _render(writing, options, item[i], exposure[i])
        out.first[i + 1] = work[0].written
    return item.size
