"""Any text, escaped so that it is shown literally in Markdown, Python or LaTeX."""

from __future__ import annotations

import json
import re


def fenced(text: str) -> list[str]:
    """Lines of Markdown that show a text literally, in a fence longer than any in the text.

    >>> fenced("a ``` b <i>")
    ['````text', 'a ``` b <i>', '````']
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    visible = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", "\N{REPLACEMENT CHARACTER}", text)
    return [f"{fence}text", visible, fence]


def plain(text: str) -> str:
    """A text for a line of Markdown, special characters escaped.

    >>> print(plain("a *b* [c]"))
    a \\*b\\* \\[c\\]
    """
    return re.sub(r"([\\`*{}\[\]<>#|~$&]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", " ".join(text.split()))


def quoted(text: str) -> str:
    """A text as a Python string literal."""
    return json.dumps(text, ensure_ascii=False)


def in_latex(text: str) -> str:
    """A text for LaTeX, special characters escaped.

    >>> print(in_latex("50 % of a_b"))
    50 \\% of a\\_b
    """
    named = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return re.sub(r"[\\{}%#&$_~^]", lambda sign: named.get(sign[0], f"\\{sign[0]}"), text)
