"""Phrases put one after the other, for the compiled parts: what has been written, and what its slots show."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any, NamedTuple

from pipeline.core.jit import njit
from pipeline.sources.reasoning.igsm import phrases


class Writing(NamedTuple):
    """A document while it is written.

    problem: a record of PROBLEM. work: one of WORKSPACE, which has the letters, and how many programs are written.
    programs, rows: these, as in `layout.Documents`. program_of: as `programs` of `layout.RenderOptions`. modulus: 0 for
    none.
    """

    problem: Any
    work: Any
    programs: Any
    rows: Any
    program_of: Any
    modulus: Any


@njit()
def write(writing: Any, phrase: Any) -> Any:
    """One more phrase, as yet without anything in its slots; returns its row of `rows`.

    A phrase that documents do without is written where the next one comes, and so overwritten.
    """
    at, program = writing.work.written, writing.program_of[phrase]
    writing.programs[at] = program
    writing.rows[at] = 0
    writing.work.written += program >= 0
    return at


@njit()
def write_name(writing: Any, phrase: Any, q: Any) -> Any:
    """A phrase that names a parameter; returns its row."""
    at, problem = write(writing, phrase), writing.problem
    writing.rows[at, phrases.OWNER] = problem.names[problem.parameters[q].owner]
    writing.rows[at, phrases.THING] = problem.names[problem.parameters[q].thing]
    return at


@njit()
def write_step(writing: Any, phrase: Any, v: Any, a: Any, b: Any, a_value: Any, b_value: Any, value: Any) -> None:
    """A step of the calculation: v = a · b = a_value · b_value = value."""
    row = writing.rows[write(writing, phrase)]
    row[phrases.V], row[phrases.A], row[phrases.B] = v, a, b
    row[phrases.A_VALUE], row[phrases.B_VALUE], row[phrases.VALUE] = a_value, b_value, value


@njit()
def next_letter(writing: Any) -> Any:
    """A letter that the document has not used."""
    writing.work.letters_used += 1
    return writing.work.letters[writing.work.letters_used - 1]


@njit()
def reduced(writing: Any, value: Any) -> Any:
    """A value modulo the modulus, where there is one."""
    return value % writing.modulus if writing.modulus else value
