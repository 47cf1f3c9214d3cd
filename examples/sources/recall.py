"""Recall in symbols: induction (a b … a → b), and associative recall with many queries (MQAR)."""

from dataclasses import dataclass

import numpy as np

SYMBOLS = [f"x{i}" for i in range(32)]  # for MQAR the lower half are keys, the upper half values


@dataclass
class Options:
    length: int = 16  # of the text of induction
    pairs: int = 6  # of keys with values


def induction(rng, options: Options, items):
    """Letters without repetition, then one of them again: what followed it is asked for."""
    text = rng.permutation(len(SYMBOLS))[:, : options.length]
    row, place = np.arange(len(items)), rng.integers(options.length - 1)
    return {"prompt": np.column_stack([text, text[row, place]]), "answer": text[row, place + 1]}


def mqar(rng, options: Options, items):
    """Keys with their values; then every key again, in another order, each a question."""
    half, row = len(SYMBOLS) // 2, np.arange(len(items))
    keys = rng.permutation(half)[:, : options.pairs]
    values = rng.integers(half, len(SYMBOLS), options.pairs)
    facts = [("prompt", np.stack([keys, values], axis=2).reshape(len(items), -1))]
    for i in rng.permutation(options.pairs).T:
        facts += [("prompt", keys[row, i]), ("answer", values[row, i])]
    return facts


def verify(prompt, answer):
    *before, asked = prompt.split()
    return before[before.index(asked) + 1] == answer
