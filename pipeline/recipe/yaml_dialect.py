"""The YAML that recipes are written in: which text is which scalar, and how much of it one recipe may hold.

Scalars are those of YAML 1.2: `no` and `1:7` are strings, `1e9` is a number. Numbers with a point are exact fractions.
Depth and number of values, with aliases expanded, are checked before any value is made.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import yaml

from pipeline.core.errors import RecipeError
from pipeline.core.scalars import NUMBER, decimal_of
from pipeline.core.system.reading import control_in

MOST_NODES = 2_000_000  # values of a recipe
MOST_DEPTH = 100  # mappings and lists inside each other

SCALARS = {
    "null": [(r"(?:~|null|)", ["~", "n", ""])],
    "bool": [(r"(?:true|false)", ["t", "f"])],
    "int": [(r"[-+]?[0-9][0-9_]*", list("-+0123456789"))],
    "float": [
        (rf"{NUMBER}(?:[eE][-+]?[0-9]{{1,3}})?", list("-+.0123456789")),
        (r"[0-9]+/[1-9][0-9]*", list("0123456789")),
    ],
}
"""What a scalar without quotes is, by its text and its first character; anything else is a text."""


class Loader(yaml.SafeLoader):
    """Parses a text into nodes of bounded depth and number."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name
        self._depth = 0
        self._nodes: dict[int, int] = {}  # id of a complete node → nodes in it, itself included
        self._heights: dict[int, int] = {}  # id of a complete node → levels below it

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node. RecipeError where there are too many, or they lie too deep."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        place = f"{self.name}:{event.start_mark.line + 1}"
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _too_deep(place)
        node: yaml.Node | None = super().compose_node(parent, index)
        if node is not None and id(node) not in self._nodes:
            if isinstance(event, yaml.AliasEvent):
                raise RecipeError(f"the alias *{event.anchor} stands inside what it stands for", "Write it out.", place)
            inside = _inside(node)
            self._nodes[id(node)] = 1 + sum(self._nodes[id(child)] for child in inside)
            self._heights[id(node)] = 1 + max((self._heights[id(child)] for child in inside), default=0)
        if node is not None and self._nodes[id(node)] > MOST_NODES:  # aliases of aliases multiply
            raise RecipeError(f"more than {MOST_NODES:,} values", "Put long lists into files.", place)
        if node is not None and self._depth - 1 + self._heights[id(node)] > MOST_DEPTH:
            raise _too_deep(place)
        self._depth -= 1
        return node


def _too_deep(place: str) -> RecipeError:
    return RecipeError(f"more than {MOST_DEPTH} values inside each other", "Write them side by side.", place)


def _inside(node: yaml.Node) -> list[yaml.Node]:
    """The nodes that a node holds, keys among them."""
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


class Dumper(yaml.SafeDumper):
    """Texts are quoted wherever Loader, or a YAML 1.1 reader, would take them for something else."""


Loader.yaml_implicit_resolvers = {}
for _tag, _patterns in SCALARS.items():
    for _pattern, _first in _patterns:
        for _kind in (Loader, Dumper):
            _kind.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^{_pattern}$"), _first)


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """A text; in double quotes, which escape them, where it holds line breaks that YAML would fold, and their like."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if control_in(text) else None)


Dumper.add_representer(str, _represented)
Dumper.add_representer(Fraction, lambda dumper, n: dumper.represent_scalar("tag:yaml.org,2002:float", decimal_of(n)))


def dumped(tree: dict[str, Any]) -> str:
    """Plain values as YAML that reads back to the same, keys in their order."""
    return str(yaml.dump(tree, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120))


# ── texts that are none of it ───────────────────────────────────────────────────────────────────────────────────────

_BREAKS = {"\r": "\\r", "\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P"}  # to YAML 1.1, which would make blanks of them
_NOT_PLAIN = re.compile("\r(?!\n)|[\x85\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def composed(text: str, name: str) -> yaml.Node | None:
    """The one document of a YAML text, shown as `name`; None where it is empty. RecipeError for what is no YAML."""
    if unreadable := _NOT_PLAIN.search(text):
        raise _unprintable(unreadable[0], f"{name}:{text.count(chr(10), 0, unreadable.start()) + 1}")
    try:
        node: yaml.Node | None = Loader(text, name).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, text, name) from None
    return node


def _unprintable(character: str, place: str) -> RecipeError:
    """The refusal of a character that would be lost, or changed, or cannot be written."""
    code = f"U+{ord(character):04X}"
    if "\ud800" <= character <= "\udfff":
        return RecipeError(f"half a character ({code})", "Write the text in UTF-8.", place)
    if character in _BREAKS:
        remedy = f'Remove it, or write "{_BREAKS[character]}", in double quotes. Lines end at \\n or \\r\\n.'
        return RecipeError(f"the character {code} would end the line", remedy, place)
    named = "a byte order mark (U+FEFF) in the middle of the text" if character == "\ufeff" else f"the character {code}"
    escape = f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"
    return RecipeError(
        f"not YAML: {named} is not plain text", f'Remove it, or write "{escape}", in double quotes.', place
    )


def _not_yaml(error: yaml.MarkedYAMLError, text: str, name: str) -> RecipeError:
    """The refusal of what is no YAML, or another YAML than recipes are."""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    problem = str(error.problem or error.context)
    remedy = "Look at colons, brackets and quotes there."
    if "'<document" in problem:
        problem, remedy = "the recipe has ended before this line", "Look at brackets, quotes and lines of dots above."
    elif "another document" in problem:
        problem, remedy = "a second document begins here", "Remove the line `---`: a recipe is one document."
    elif "undefined alias" in problem:
        problem = problem.replace("found undefined", "there is no anchor for the")
        remedy = "Put a text with * in quotes."
    elif r"'\t'" in problem or (mark and "\t" in _margin(text, mark.index)):
        problem, remedy = "the line is indented with a tab", "Indent it with blanks."
    elif "YAML document" in problem or "directive" in problem:
        problem, remedy = problem, "Remove the line that begins with %."
    elif "undefined tag" in problem or "tag" in problem:
        remedy = "Write plain YAML, and put a text with ! in quotes."
    return RecipeError(f"not YAML: {problem}", remedy, f"{name}:{line}")


def _margin(text: str, index: int) -> str:
    """The blanks and tabs that begin the line of a character."""
    line = text[text.rfind("\n", 0, index) + 1 :].split("\n", 1)[0]
    return line[: len(line) - len(line.lstrip(" \t"))]
