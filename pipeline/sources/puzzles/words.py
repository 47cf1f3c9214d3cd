"""The names of nodes: words of one or more tokens. A bar on the last token marks the end of the word.

7|     3 8|     3 1 2|              if all words have one token: 7, 38, 312, without bars
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field as Key_

from pipeline.core.draws import I64
from pipeline.core.spec import Spec, refused

Length = Annotated[int, Key_(ge=1, le=12)]


class WordsSpec(Spec):
    """Distinct words, drawn anew for each instance."""

    length: list[Length] = Key_([1, 1], min_length=2, max_length=2, description="Tokens of a word: [least, most].")
    vocabulary: int = Key_(ge=1, le=30_000, description="So many tokens, and as many again that end words.")

    def check(self, nodes: int) -> None:
        """Raise a validator's error if there are fewer different words than nodes."""
        least, most = self.length
        if least > most:
            problem = f"the lengths of words are written [least, most], not [{least}, {most}]"
            raise refused(problem, f"Write [{most}, {least}].", ("words", "length"))
        words = sum(self.vocabulary**length for length in range(least, most + 1))
        among = [("nodes",), ("words", "length"), ("words", "vocabulary")]
        if words < nodes:
            remedy = "Ask for longer words, or a larger vocabulary, or fewer nodes."
            raise refused(f"there are {words:,} different words for {nodes:,} nodes", remedy, (), among)
        if words >= 2**58:
            raise refused("there are 2^58 different words or more", "Ask for shorter ones.", (), among[1:])

    @property
    def symbols(self) -> tuple[str, ...]:
        """The tokens of words, in the order of their numbers in kernels/names.py."""
        inside = [str(digit) for digit in range(1, self.vocabulary + 1)]
        return (*inside, *(f"{digit}|" for digit in inside)) if self.length[1] > 1 else tuple(inside)

    @property
    def rule(self) -> I64:
        """(least length, most length, vocabulary size) for kernels: int64 (3,)."""
        return np.array([*self.length, self.vocabulary], np.int64)

    def most(self, nodes: int) -> int:
        """The most tokens that the names of so many nodes can have together."""
        return nodes * self.length[1]
