"""The lines in a reply: numbers, bullets, quotes and thoughts around them are taken off."""

from __future__ import annotations

import re

from pipeline.wordings.asking.request import Reply

MOST_LINES = 1000  # of a reply
_THOUGHT = re.compile(r"^.*?</think>", re.DOTALL)
_MARK = re.compile(r"^(?:[-*•]\s+|\(?\d{1,4}[.):]\s+)")
_QUOTES = (('"', '"'), ("“", "”"), ("`", "`"), ("'", "'"), ("**", "**"))


def lines_in(reply: Reply) -> list[str]:
    """The lines of a reply that could be template lines, in order; the last one of a reply that was cut off is none.

    >>> lines_in(Reply('<think>Hm.</think>\\nHere:\\n1. "{{ subject }} was born."\\n- {{ subject }} came.'))
    ['{{ subject }} was born.', '{{ subject }} came.']
    """
    text = _THOUGHT.sub("", reply.text)
    lines = text.split("\n")
    if reply.cut:
        del lines[-1:]
    bare = (_bare(line.strip()) for line in lines[:MOST_LINES])
    return [line for line in bare if "{" in line]


def _bare(line: str) -> str:
    line = _MARK.sub("", line)
    for begin, end in _QUOTES:
        if len(line) > len(begin) + len(end) and line.startswith(begin) and line.endswith(end):
            return line[len(begin) : -len(end)].strip()
    return line
