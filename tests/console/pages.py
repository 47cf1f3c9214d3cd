"""A page as blocks: files that it shows, console sessions, Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_RUN = {"measurements.md", "recipes.md"}  # of other commits and machines; written by tests/golden/gallery.py

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}) *(?P<language>[\w+-]*)(?P<options>.*)$")
_TITLE = re.compile(r'title="(?P<name>[\w./-]+\.\w+)"')
_SHELL = re.compile(r"[\w-]*\$ ")  # perhaps with the name of a machine
_PYTHON = re.compile(r">>> ")
_MORE = re.compile(r"\.\.\. ?")
_SKIPPED = re.compile(r"<!-- not run: (?P<reason>\S.*?) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block. first: the number of its first line inside the fence, from 1. file: what its title names.

    lines: without the fence's indentation. reason: why it is not run, or "".
    """

    language: str
    first: int
    lines: tuple[str, ...]
    indent: str = ""
    file: str = ""
    reason: str = ""

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def runs(self) -> bool:
        """Whether it is code that is run, or would be."""
        return not self.file and self.language in ("console", "python", "pycon")


@dataclass(frozen=True)
class Step:
    """A command of a console block, or an example of a Python session, and what the page shows of its output.

    first, last: the lines of this output in the page, from 1, the last one not included.
    """

    code: str
    shown: tuple[str, ...]
    first: int
    last: int


def pages() -> list[Path]:
    """All pages whose blocks are run."""
    docs = sorted((ROOT / "docs").rglob("*.md"))
    return [ROOT / "README.md", *(page for page in docs if page.name not in NOT_RUN)]


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    lines = text.splitlines()
    reason, number = "", 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if opened := _FENCE.match(line):
            indent, begin = opened["indent"], number
            while number < len(lines) and lines[number].strip() != opened["ticks"]:
                number += 1
            inside = tuple(line.removeprefix(indent) for line in lines[begin:number])
            title = _TITLE.search(opened["options"])
            yield Block(opened["language"], begin + 1, inside, indent, title["name"] if title else "", reason)
            number += 1
        if line.strip():
            skipped = _SKIPPED.fullmatch(line.strip())
            reason = skipped["reason"] if skipped else ""


def steps(block: Block) -> Iterator[Step]:
    """The commands of a console block, or the examples of a session of Python, each with its output."""
    prompt = _SHELL if block.language == "console" else _PYTHON
    begins = [number for number, line in enumerate(block.lines) if prompt.match(line)]
    if block.lines and begins[:1] != [0]:
        raise ValueError(f"line {block.first}: output without a command")
    for begin, end in pairwise([*begins, len(block.lines)]):
        code = [prompt.sub("", block.lines[begin])]
        rest = list(block.lines[begin + 1 : end])
        while rest and (code[-1].endswith("\\") if prompt is _SHELL else _MORE.match(rest[0])):
            code.append(rest.pop(0) if prompt is _SHELL else _MORE.sub("", rest.pop(0)))
        while rest and not rest[-1].strip():
            rest.pop()  # blank lines before the next command
        first = block.first + begin + len(code)
        yield Step("\n".join(code), tuple(rest), first, first + len(rest))
