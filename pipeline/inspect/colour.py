"""Runs of text in terminal colours: one colour for each attribute, a style for each role, dim where masked.

Texts are escaped first, so that only our own escape sequences reach the terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence

from pipeline.core.system import output
from pipeline.core.system.escaping import escaped
from pipeline.inspect.highlight import WRONG, Run

RESET = "\x1b[0m"
BOLD, DIM = "1", "2"
# Of the 256 colours: readable on dark and on light, neighbours different, none of them red.
_HUES = (33, 172, 35, 134, 37, 136, 168, 68, 107, 98, 73, 130)
_RED, _YELLOW = "38;5;160", "38;5;178"
_ROLES = {
    "tag": "1;7",
    "prompt": "3",
    "hint": "4",
    "answer": BOLD,
    "mistake": f"{_RED};9",
    "weak": f"{_YELLOW};9",
    "silent": f"{_RED};4",
    "back": f"{_RED};1;7",
    "attempt": f"{_RED};3",
    "system": "3;2",
    "template": DIM,
    "end": "1;2",
}
MOST = 12  # attributes that a legend names


def wanted(choice: str) -> bool:
    """Whether to colour: `always`, `never`, or `auto` (on a terminal, unless NO_COLOR is set)."""
    if choice != "auto":
        return choice == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def hues(attributes: Iterable[str]) -> dict[str, str]:
    """Attribute → its colour. Colours repeat where there are more attributes."""
    named = dict.fromkeys(name for name in attributes if name and name != WRONG)
    return {name: f"38;5;{_HUES[i % len(_HUES)]}" for i, name in enumerate(named)} | {WRONG: f"{_RED};1"}


def painted(runs: Sequence[Run], hue: Mapping[str, str]) -> str:
    """The text of the runs with escape sequences. hue: attribute → colour, as from `hues`."""
    return "".join(_in(_codes(run, hue), run.text) for run in runs)


def heading(name: str) -> str:
    """The name of a source as a heading, in bold."""
    return _in(BOLD, name)


def legend(documents: Sequence[Sequence[Run]], hue: Mapping[str, str]) -> str:
    """One line that names the attributes and roles in these documents, each in its colour; "" where there are none."""
    shown = [run for runs in documents for run in runs]
    values = [name for name in hue if any(run.attribute == name for run in shown)]
    words = [_in(hue[name], name) for name in values[:MOST]] + [f"{len(values) - MOST} more"] * (len(values) > MOST)
    roles = [role for role in _ROLES if any(run.role == role for run in shown)]
    parts = [_in(_ROLES[role], role) for role in roles]
    masked = [_in(DIM, "no loss")] * any(run.masked for run in shown)
    return " · ".join(" ".join(group) for group in (words, parts, masked) if group)


def _codes(run: Run, hue: Mapping[str, str]) -> str:
    """The colour of a value wins over that of the sentence it stands in; a line through it, or under it, stays."""
    return ";".join(code for code in (_ROLES.get(run.role, ""), hue.get(run.attribute, ""), DIM * run.masked) if code)


def _in(codes: str, text: str) -> str:
    text = escaped(text, keep=output.LAID_OUT)
    return f"\x1b[{codes}m{text}{RESET}" if codes else text
