"""What a language model is asked for a biography, and what all requests cost.

The facts are listed in an order that differs from generation to generation, as in Part 3.1 (section A.2), so that texts
do not all follow one another. The words of the request are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.draws import I64, below, orders
from pipeline.core.key import Key
from pipeline.core.system.progress import duration, scaled
from pipeline.sources.rewritten.facts import Facts

VERSION = 1  # of the wording below: texts that were asked for otherwise are not mixed in
KEY = Key.root(0).child("rewritten")
TOKENS_A_WORD = 1.4  # that a model writes
STREAMS, SPEED = 32, 30.0  # requests at a time, and tokens a second of each, where nothing was measured yet


def requests_of(facts: Sequence[Facts], individuals: I64, generation: int, words: tuple[int, int]) -> list[str]:
    """The request for a biography of each individual (d,), at this generation. words: fewest and most to ask for."""
    count = len(facts[0].values) if facts else 0
    key = KEY.child(generation)
    order = orders(key.child("order"), count, individuals, np.zeros_like(individuals)) if count > 1 else None
    length = below(key.child("words"), words[1] - words[0] + 1, individuals)
    rows = order.tolist() if order is not None else [[0] * count] * len(facts)
    return [_request(of, row, words[0] + more) for of, row, more in zip(facts, rows, length.tolist(), strict=True)]


def _request(facts: Facts, order: Sequence[int], words: int) -> str:
    values = [facts.values[i] for i in order]
    pronoun = f", and the pronoun {facts.pronoun} after it" if facts.pronoun else ""
    return "\n".join([
        f"Write a biography of about {words} words. It is about a person who does not exist: {facts.name}.",
        "State each of these facts, with its value written exactly as it stands here:",
        *(f"- {value.attribute.replace('_', ' ')}: {value.text}" for value in values),
        f"Write the full name, {facts.name}, in the first sentence{pronoun}.",
        "Write one paragraph in the past tense, in words of your own and in any order. Add no other names, dates,"
        " places or numbers. Reply with the paragraph alone.",
    ])  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What is still to be asked. speed: tokens a second that all servers write together."""

    biographies: int
    requests: int
    tokens_read: int
    tokens_written: int
    speed: float
    measured: bool

    @property
    def seconds(self) -> float:
        """How long that takes."""
        return self.tokens_written / self.speed

    def described(self) -> str:
        """`500 requests, about 120 k tokens to read and 35 k to write, 36 s at 960 tokens a second`."""
        how = "as measured" if self.measured else f"{STREAMS} requests at a time, {SPEED:.0f} tokens/s each"
        tokens = f"about {scaled(self.tokens_read)} tokens to read and {scaled(self.tokens_written)} to write"
        took = f"{duration(self.seconds)} at {scaled(self.speed)} tokens/s ({how})"
        return f"{self.requests:,} request{'s' * (self.requests != 1)}, {tokens}, {took}"


@dataclass(frozen=True)
class Progress:
    """What a journal knows. done: biographies accepted. asked: requests answered. written: tokens. seconds: of all of
    these requests together."""

    done: int = 0
    asked: int = 0
    read: int = 0
    written: int = 0
    seconds: float = 0.0
    streams: int = STREAMS


def cost_of(left: int, prompts: Sequence[str], words: float, progress: Progress, count: Callable[[str], int]) -> Cost:
    """The cost of `left` biographies. prompts: a sample of requests. count: text → tokens. words: of a biography."""
    tries = progress.asked / progress.done if progress.done else 1.0
    requests = round(left * tries)
    measured = progress.asked > 0 and progress.seconds > 0 and progress.written > 0
    read = progress.read / progress.asked if measured else sum(map(count, prompts)) / max(len(prompts), 1)
    written = progress.written / progress.asked if measured else words * TOKENS_A_WORD
    speed = progress.streams * (progress.written / progress.seconds if measured else SPEED)
    return Cost(left, requests, round(requests * read), round(requests * written), speed, measured)
