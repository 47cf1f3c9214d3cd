"""Docstrings as Markdown: prose with indented tables and `>>>` examples, which are kept as they are laid out."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from inspect import cleandoc

_CODE = re.compile(r"(`[^`]*`)")


def markdown(docstring: str, names: Collection[str] = ()) -> str:
    """A docstring as Markdown: indented lines and examples as blocks of code, angle brackets as what they are.

    names: those that are set as code where a docstring says what they are, `name: …`.
    """
    return "\n\n".join(_block(block, names) for block in _blocks(cleandoc(docstring)))


def line(text: str) -> str:
    """A text as one line of Markdown, with angle brackets as what they are."""
    return outside_code(" ".join(text.split()), lambda prose: prose.replace("<", "&lt;"))


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """A text, changed where it is no code."""
    return "".join(part if part.startswith("`") else change(part) for part in _CODE.split(text))


def _blocks(text: str) -> list[str]:
    """The paragraphs of a docstring. Neighbours that are laid out in the same way are one block."""
    blocks: list[str] = []
    for paragraph in re.split(r"\n(?: *\n)+", text):
        head, *below = re.split(r"\n(?=    |>>> )", paragraph, maxsplit=1)
        for block in [paragraph] if _layout(head) else [head, *below]:  # prose may have a table right below
            if blocks and _layout(block) and _layout(block) == _layout(blocks[-1]):
                blocks[-1] += f"\n\n{block}"
            else:
                blocks.append(block)
    return blocks


def _layout(block: str) -> str:
    """How a block is laid out, so that its lines stay as they are; "" for prose."""
    if block.startswith(">>> "):
        return "examples"
    if block.startswith("    "):
        return "indented"
    return "columns" if re.search(r"\S {2,}\S", block) else ""


def _block(block: str, names: Collection[str]) -> str:
    if not _layout(block):
        return outside_code(block, lambda text: _prose(text, names))
    text = cleandoc(f"\n{block}")
    return f"```{'pycon' if text.startswith('>>> ') else 'text'}\n{text}\n```"


def _prose(text: str, names: Collection[str]) -> str:
    """Text outside of code. Names before a colon become code."""
    escaped = text.replace("<", "&lt;")
    if not names:
        return escaped
    name = f"(?:{'|'.join(map(re.escape, sorted(names)))})"
    said = re.compile(rf"(?<![\w.]){name}(?:,\s+{name})*(?=(?: \([^)]*\))?:\s)")
    return said.sub(lambda match: re.sub(r"\w+", r"`\g<0>`", match[0]), escaped)
