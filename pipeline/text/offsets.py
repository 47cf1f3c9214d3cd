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


def tokens_of_each(
    begins: NDArray[np.int64], ends: NDArray[np.int64], text: str, stretches: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.int64]:
    """As `tokens_within`, for many texts at once: the number of tokens of each stretch of all of them, int64 (n,).

    text: all texts, one after the other. begins, ends (t,): of each token, as places in `text`. stretches (n,): the end
    of each stretch, those of one text after those of the text before. last (t,): of each token, the number of the last
    stretch of its own text.
    """
    visible = _last_visible(text)
    shown = visible[ends - 1] if len(text) else ends  # of a token without characters it does not matter
    places = np.where((ends > begins) & (shown >= begins), shown, np.maximum(begins, ends - 1))
    places = np.maximum.accumulate(places)
    which = np.minimum(np.searchsorted(stretches, places, side="right"), last)
    return np.bincount(which, minlength=len(stretches))


def _last_visible(text: str) -> NDArray[np.int64]:
    """For each character of a text the place of the last one up to it that is no blank; -1 where there is none."""
    characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    blank = np.isin(characters, _BLANKS)
    return np.maximum.accumulate(np.where(blank, -1, np.arange(len(characters))))


_BLANKS = np.array(
    [*range(9, 14), *range(28, 33), 133, 160, 5760, *range(8192, 8203), 8232, 8233, 8239, 8287, 12288], np.uint32
)
"""The characters that `str.rstrip` takes away."""
