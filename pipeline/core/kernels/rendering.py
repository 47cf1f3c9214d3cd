"""Sentences as token ids: the one gather that renders documents, and where in them things stand.

Letters: d documents, m sentences in all of them, r slots (slot 0, that of literals, included).
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.jit import njit
from pipeline.core.slack import NOTED, VECTOR
from pipeline.core.vectors import move


@njit(inline="always")
def _longest(offsets: Any) -> Any:
    """The most rows between two offsets. (np.diff and max would take seconds to compile.)"""
    most = 0
    for i in range(offsets.size - 1):
        most = max(most, offsets[i + 1] - offsets[i])
    return most


def _gather(
    programs: Any, facts: Any, first: Any, rows: Any, program_start: Any, base: Any, slot: Any, start: Any,
    tokens: Any, prefix: Any, eos: Any, out: Any, at: Any, offsets: Any,
) -> Any:  # fmt: skip
    """Documents as token ids, one after the other, each begun by `prefix` and closed by `eos`.

    Document i is the sentences from first[i] to first[i + 1]: programs (m,) says which program renders each, facts (m,)
    which facts, a row of rows (·, r): the row of its table that each slot shows. Fragment f of an operation q is
    base[q] + rows[fact, slot[q]]; its tokens are tokens[start[f] : start[f + 1]].
    Writes to out from index `at` on, and the end of document i to offsets[i + 1]; returns the end of the last.

    Two habits keep the processor from guessing. Fragment numbers are noted four at a time and tokens moved a vector at
    a time, however many are meant: what is too much is overwritten by what follows.
    """
    d = first.size - 1
    fragments = np.empty(_longest(first) * (NOTED + _longest(program_start)), np.int32)
    for i in range(d):
        count = 0
        for j in range(first[i], first[i + 1]):
            q = program_start[programs[j]]
            length = program_start[programs[j] + 1] - q
            fact = facts[j]
            for k in range(NOTED):
                fragments[count + k] = base[q + k] + rows[fact, slot[q + k]]
            for k in range(NOTED, length):
                fragments[count + k] = base[q + k] + rows[fact, slot[q + k]]
            count += length
        for k in range(prefix.size):
            out[at + k] = prefix[k]
        at += prefix.size
        for k in range(count):
            origin = start[fragments[k]]
            length = start[fragments[k] + 1] - origin
            move(out, at, tokens, origin)
            for more in range(VECTOR, length):
                out[at + more] = tokens[origin + more]
            at += length
        out[at] = eos
        at += 1
        offsets[i + 1] = at
    return at


_PROGRAMS = "i4[::1], i4[::1], i8[::1], i4[:,::1], i4[::1], i4[::1], i4[::1], i4[::1]"
gather = njit(
    [f"i8({_PROGRAMS}, {t}[::1], {t}[::1], {t}, {t}[::1], i8, i8[::1])" for t in ("u2", "i4")],
    error_model="numpy",
)(_gather)


@njit(f"void({_PROGRAMS}, i8, i8[::1])")
def measure(
    programs: Any, facts: Any, first: Any, rows: Any, program_start: Any, base: Any, slot: Any, start: Any,
    around: Any, out: Any,
) -> None:  # fmt: skip
    """How many tokens `gather` would write for each document: out (d,), `around` of them for the prefix and the end."""
    for i in range(first.size - 1):
        length = around
        for j in range(first[i], first[i + 1]):
            fact = facts[j]
            for q in range(program_start[programs[j]], program_start[programs[j] + 1]):
                f = base[q] + rows[fact, slot[q]]
                length += start[f + 1] - start[f]
        out[i] = length


@njit(f"i8({_PROGRAMS}, u1[::1], i4[::1], i4[::1], i8, u1[::1], i4, i4[:,::1], i8[::1])")
def find_spans(
    programs: Any, facts: Any, first: Any, rows: Any, program_start: Any, base: Any, slot: Any, start: Any,
    label: Any, lead: Any, trail: Any, prefix: Any, false: Any, wrong: Any, out: Any, offsets: Any,
) -> Any:  # fmt: skip
    """Where the labelled values of documents stand: rows (start, length, label) of out; returns how many.

    Arguments as in `gather`, plus per operation its label (0: none), per fragment how many of its tokens at either end
    belong to the words around the value, the tokens of the prefix, and per sentence the label of a value that is false
    in it (0: none), which is noted as `wrong`. A start counts from the document's first token; document i has the rows
    from offsets[i] to offsets[i + 1]. Neighbours of one label in a sentence are one span ("October", " 2", ",", " 96").
    """
    count = 0
    for i in range(first.size - 1):
        at = prefix
        for j in range(first[i], first[i + 1]):
            p = programs[j]
            last_label, last_end = np.int32(0), np.int64(-1)
            for q in range(program_start[p], program_start[p + 1]):
                f = base[q] + rows[facts[j], slot[q]]
                begin, stop = at + lead[f], at + start[f + 1] - start[f] - trail[f]
                at += start[f + 1] - start[f]
                if label[q] == 0:
                    continue
                noted = np.int32(wrong) if label[q] == false[j] else np.int32(label[q])
                if noted == last_label and begin == last_end:
                    out[count - 1, 1] += np.int32(stop - begin)
                else:
                    out[count, 0] = np.int32(begin)
                    out[count, 1] = np.int32(stop - begin)
                    out[count, 2] = noted
                    count += 1
                last_label, last_end = noted, stop
        offsets[i + 1] = count
    return count


@njit(f"void({_PROGRAMS}, i8, i4[:,::1])")
def find_sentences(
    programs: Any, facts: Any, first: Any, rows: Any, program_start: Any, base: Any, slot: Any, start: Any,
    prefix: Any, out: Any,
) -> None:  # fmt: skip
    """Where each sentence stands in its document: out[j] = (start, length), arguments as in `gather`."""
    for i in range(first.size - 1):
        at = prefix
        for j in range(first[i], first[i + 1]):
            length = 0
            for q in range(program_start[programs[j]], program_start[programs[j] + 1]):
                f = base[q] + rows[facts[j], slot[q]]
                length += start[f + 1] - start[f]
            out[j, 0], out[j, 1] = np.int32(at), np.int32(length)
            at += length
