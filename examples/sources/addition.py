"""Addition, and how many digits are carried on the way.      347 + 85 = 432      (2 carries)"""

from dataclasses import dataclass

import numpy as np

from pipeline.sources import Document


@dataclass
class Options:
    digits: int = 3  # of either number, at most


def addition(rng, options: Options, items):
    """Many sums at once: rng.integers gives a row for each item."""
    a, b = rng.integers(0, 10**options.digits, 2).T
    carry = carries = np.zeros_like(a)
    for place in 10 ** np.arange(options.digits):
        carry = (a // place % 10 + b // place % 10 + carry) // 10
        carries = carries + carry
    prompts = [f"{x} + {y} =" for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    answers = [f" {x}" for x in (a + b).tolist()]
    return Document({"prompt": prompts, "answer": answers}, topic=[f"{n} carries" for n in carries.tolist()])


def verify(prompt, answer):
    a, _, b, _ = prompt.split()
    if not answer.isdigit():
        return "no number"
    return int(a) + int(b) == int(answer) or "another number"
