"""Which stretch of a text a token belongs to, where it reaches over the bar between two of them.

stretches   Where does Anya|? Answer:| Oslo.|
tokens      Where| does| Anya|? Answer: Oslo|.|     the fourth shows characters of all three, and is of the last
counts      3               0          2
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def tokens_within(offsets: Sequence[tuple[int, int]], text: str, ends: Sequence[int]) -> NDArray[np.int64]:
    """How many tokens each of the stretches of a text has, the first of which begin it: int64 (n,).

    offsets: first character and end of each token, as `tokenizers.Encoding` has them. ends (n,): where the stretches
    end, the last with the text. Every token belongs to exactly one: that in which its last visible character lies. A
    token of blanks alone belongs to that in which it ends; one without characters to that of the character after it.
    So the tokens of a stretch follow one another, and all stretches together have all tokens.

    >>> tokens_within([(0, 5), (5, 20)], "Where? Answer: Oslo.", [6, 20]).tolist()
    [1, 1]
    """
    places = np.fromiter((_place(text, begin, end) for begin, end in offsets), np.int64, len(offsets))
    places = np.maximum.accumulate(places)  # a normalizer may reorder characters; it does not reorder tokens
    stretches = np.searchsorted(np.asarray(ends, np.int64), places, side="right")
    return np.bincount(np.minimum(stretches, len(ends) - 1), minlength=len(ends))


def _place(text: str, begin: int, end: int) -> int:
    """The character of a text at which the token from `begin` to `end` stands."""
    visible = len(text[begin:end].rstrip())
    return begin + visible - 1 if visible else max(begin, end - 1)
