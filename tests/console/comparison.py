"""What a page shows, against what was printed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

SHORT = 80  # a line with more characters may be broken at a blank
WIDTH = 100  # at which `--update` breaks lines
VARYING = (
    (re.compile(r"\b\d[\d,.]*( ?[kMG]?B/s| [kMG]? ?tokens/s)"), r"N\1"),
    (re.compile(r"\b\d[\d,.]* (s|ms|min)\b"), r"N \1"),
    (re.compile(r"^make: [*]{3} \[Makefile:\d+:"), "make: *** [Makefile:"),
)
"""What differs from one run to the next: rates, durations, the line of the Makefile that failed."""

_GAP = re.compile(r"\[…\]|…")


def agrees(shown: Sequence[str], printed: str) -> bool:
    """Whether the lines of a page may stand for what was printed.

    >>> agrees(["built in 1.2 s", "…", "train: […] tokens"], "built in 3 s\\none\\ntwo\\ntrain: 5 of 7 tokens\\n")
    True
    >>> agrees(["…"], ""), agrees(["one"], "one\\ntwo"), agrees(["one", "two"], "one two")
    (True, False, False)
    """
    lines = [_constant(line.rstrip()) for line in shown]
    text = "\n".join(_constant(line.rstrip()) for line in printed.rstrip().splitlines())
    return re.fullmatch(_pattern(lines), f"{text}\n" if text else "") is not None


def _constant(line: str) -> str:
    for varying, constant in VARYING:
        line = varying.sub(constant, line)
    return line


def _pattern(lines: Sequence[str]) -> str:
    pattern = ""
    for number, line in enumerate(lines):
        if line == "…":
            pattern += r"(?:[^\n]*\n)*?"
            continue
        pattern += r"[^\n]*?".join(map(re.escape, _GAP.split(line)))
        word = lines[number + 1].split(maxsplit=1)[:1] if number + 1 < len(lines) else []
        broken = word not in ([], ["…"]) and len(f"{line} {word[0]}") > SHORT and lines[number + 1][0] != " "
        pattern += r"(?:\n| +)" if broken else r"\n"
    return pattern


def laid_out(printed: str) -> list[str]:
    """What was printed as lines of a page, long ones broken.

    >>> [len(line) for line in laid_out("word " * 30)]
    [99, 49]
    """
    lines: list[str] = []
    for line in printed.rstrip().splitlines():
        broken = textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)
        lines += broken if len(line) > WIDTH else [line.rstrip()]
    return lines
