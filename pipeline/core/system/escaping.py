"""Makes texts that others wrote safe to show: characters that would control the terminal are written out."""

from __future__ import annotations

import re

# C0 and C1, separators of lines, what turns the direction of writing, byte order marks, and halves of characters.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def escaped(text: str, keep: str = "") -> str:
    """The text with every control character, except those in `keep`, replaced by its Python escape.

    >>> escaped("Ann\\x1b[2J Lee\\n"), escaped("a\\tb\\u202ec\\n", keep="\\t\\n")
    ('Ann\\\\x1b[2J Lee\\\\n', 'a\\tb\\\\u202ec\\n')
    """
    if text.isascii() and text.isprintable():
        return text
    return CONTROLS.sub(lambda match: match[0] if match[0] in keep else repr(match[0])[1:-1], text)


def shortened(text: str, most: int = 60) -> str:
    """The text, with its middle left out if it has more than `most` characters.

    >>> shortened("a" * 9 + "z", 5), shortened("short", 5)
    ('aa…az', 'short')
    """
    return text if len(text) <= most else f"{text[: most // 2]}…{text[len(text) - (most - most // 2 - 1) :]}"
