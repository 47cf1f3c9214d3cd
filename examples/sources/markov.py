"""A Markov chain: from each state three others can follow, with the probabilities 1/2, 1/4, 1/4."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass
class Options:
    states: int = 50
    length: int = 40
    prompt: int = 0  # states that are shown before the rest is asked for


def symbols(options):
    return [f"s{state}" for state in range(options.states)]


def following(state, states, which):
    return (3 * state + 7 * which + 1) % states


def chain(rng, options: Options, items):
    which = rng.weighted([2, 1, 1], options.length)
    path = [rng.integers(options.states)]
    for step in range(1, options.length):
        path.append(following(path[-1], options.states, which[:, step]))
    path = np.stack(path, axis=1)
    return {"prompt": path[:, : options.prompt], "answer": path[:, options.prompt :]}


def verify(prompt, answer, options):
    states = [int(name.removeprefix("s")) for name in f"{prompt} {answer}".split()]
    for before, after in pairwise(states):
        if after not in [following(before, options.states, which) for which in range(3)]:
            return "a state that cannot follow"
    return len(states) == options.length or "too short or too long"
