"""Which stretch of a text a token belongs to, also if it crosses the bar between two stretches.

stretches   Where does Anya|? Answer:| Oslo.|
tokens      Where| does| Anya|? Answer: Oslo|.|     the fourth crosses two bars, and belongs to the last stretch
counts      3               0          2
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def tokens_within(offsets: Sequence[tuple[int, int]], text: str, ends: Sequence[int]) -> NDArray[np.int64]:
    """The number of tokens of each stretch of a text: int64 (n,).

    offsets: (first character, end) of each token, as in `tokenizers.Encoding`. ends (n,): the end of each stretch, the
    last being the end of the text. Each token belongs to the stretch with its last visible character; a token of blanks
    to the stretch in which it ends; a token without characters to that of the next character. So the tokens of a
    stretch are consecutive, and every token is counted once.

    >>> tokens_within([(0, 5), (5, 20)], "Where? Answer: Oslo.", [6, 20]).tolist()
    [1, 1]
    """
    places = np.fromiter((_place(text, begin, end) for begin, end in offsets), np.int64, len(offsets))
    places = np.maximum.accumulate(places)  # a normalizer may reorder characters, but not tokens
    stretches = np.searchsorted(np.asarray(ends, np.int64), places, side="right")
    return np.bincount(np.minimum(stretches, len(ends) - 1), minlength=len(ends))


def _place(text: str, begin: int, end: int) -> int:
    """The position of the character that decides to which stretch the token text[begin:end] belongs."""
    visible = len(text[begin:end].rstrip())
    return begin + visible - 1 if visible else max(begin, end - 1)
