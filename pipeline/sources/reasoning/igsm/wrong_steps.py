"""Solutions with a wrong step: one result is another number, and all that follows from it is computed with that.

    Define Shop as x; so x = 3 + a = 3 + 4 = 7. Define Town as y; so y = x = 7.      <answer> 7
    Define Shop as x; so x = 3 + a = 3 + 4 = 9. Define Town as y; so y = x = 9.      <answer> 9

Letters: d documents, m programs in all of them.
"""

from __future__ import annotations

import numpy as np

from pipeline.core.draws import I32, I64, bits_each, scaled
from pipeline.core.key import Key
from pipeline.sources.reasoning.igsm import phrases
from pipeline.sources.reasoning.igsm.phrases import A_VALUE, B_VALUE, VALUE, A, B, V
from pipeline.text.outline import Outline

_SUM = (phrases.ADD, phrases.THEN_ADD, phrases.MORE)
_DIFFERENCE = (phrases.SUBTRACT, phrases.THEN_SUBTRACT)
_PRODUCT = (phrases.MULTIPLY, phrases.THEN_MULTIPLY, phrases.TIMES)
_ALONE = (phrases.LEAF, phrases.COPY)
_OF_NUMBERS = (phrases.MORE, phrases.TIMES)  # whose B_VALUE is a number, and no letter's


def with_wrong_step(right: Outline, programs: I64, modulus: int, item: I64, exposure: I64, key: Key) -> Outline:
    """The documents (d,) with a wrong step each, and another answer. programs: the number of each phrase's program."""
    phrase_of = {int(program): phrase for phrase, program in enumerate(programs.tolist()) if program >= 0}
    names = [phrase_of[int(program)] for program in right.programs]
    rows: I32 = right.rows[right.facts].copy()
    drawn = bits_each([key.child("step"), key.child("error")], key, item, exposure)
    errors = 1 + scaled(drawn[:, 1], modulus - 1)
    for document in range(len(right)):
        sentences = range(int(right.first[document]), int(right.first[document + 1]))
        steps = [j for j in sentences if names[j] in (*_SUM, *_DIFFERENCE, *_PRODUCT, *_ALONE)]
        chosen = int(scaled(drawn[document : document + 1, 0], len(steps))[0])
        was = int(rows[steps[-1], VALUE])
        for wrong in (chosen, len(steps) - 1):  # a wrong factor of 0 changes nothing: then the last step is wrong
            changed = _computed(rows[steps], [names[j] for j in steps], wrong, int(errors[document]), modulus)
            if int(changed[-1, VALUE]) != was:
                break
        rows[steps] = changed
        for j in sentences:
            if names[j] == phrases.ANSWER:
                rows[j, VALUE] = changed[-1, VALUE]
    facts = np.arange(len(rows), dtype=np.int32)
    return Outline(right.programs, facts, right.first, rows, right.roles, right.false)


def _computed(rows: I32, names: list[int], wrong: int, error: int, modulus: int) -> I32:
    """The rows of steps (s, slots), computed again; the result of step `wrong` is off by `error`."""
    rows = rows.copy()
    value_of: dict[int, int] = {}
    for place, (row, name) in enumerate(zip(rows, names, strict=True)):
        a, b = value_of.get(int(row[A]), 0), value_of.get(int(row[B]), 0)
        if name == phrases.LEAF:
            value = int(row[VALUE])
        elif name == phrases.COPY:
            value = a
        else:
            row[A_VALUE] = a
            if name not in _OF_NUMBERS:
                row[B_VALUE] = b
            b = int(row[B_VALUE])
            value = a + b if name in _SUM else a - b if name in _DIFFERENCE else a * b
        value = (value + error * (place == wrong)) % modulus
        row[VALUE] = value_of[int(row[V])] = value
    return rows
