"""YAML files, which anybody may have written, read into trees whose every value has its file and line.

The number of digits is checked before a number is parsed. Every refusal is a RecipeError with file and line.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import yaml

from pipeline.core.errors import RecipeError, holds_surrogate
from pipeline.core.system.escaping import shortened
from pipeline.core.system.open_files import contents
from pipeline.core.system.reading import MOST_BYTES, decoded
from pipeline.recipe.yaml_dialect import SCALARS, composed
from pipeline.recipe.yaml_tree import OVERRIDE, Mark, Node, Scalar

MOST_DIGITS = 1_000  # of a number


class Kind(NamedTuple):
    """What a file is, and some of its keys, for messages."""

    name: str
    keys: str


RECIPE = Kind("recipe", "worlds, sources, splits")


CALLED = {"null": "nothing (null)", "bool": "true or false", "int": "a whole number", "float": "a number"}


def read_file(path: Path, distance: int = 0, kind: Kind = RECIPE) -> Node:
    """The mapping in a file; an empty one for an empty file. distance: see `Mark`. RecipeError for anything else."""
    try:
        raw = contents(path, MOST_BYTES)
    except OSError as error:
        problem = f"cannot read the {kind.name}: {error.strerror or error}"
        raise RecipeError(problem, f"A {kind.name} is a text file.", str(path)) from None
    text, line, problem = decoded(raw)
    if problem:
        raise RecipeError(f"cannot read the {kind.name}: {problem}", "Save it as UTF-8.", f"{path}:{line}")
    tree = read_text(text, str(path), Mark(path, 1, distance))
    if tree.value is None:
        return Node({}, tree.mark)
    if not isinstance(tree.value, dict):
        raise RecipeError(f"a {kind.name} is a mapping", f"It has keys such as {kind.keys}.", f"{path}:1")
    return tree


def read_text(text: str, name: str, mark: Mark) -> Node:
    """The value of a YAML text; null for an empty text. name: what messages call the text.

    mark: the mark of the file; each node gets it with its own line.

    >>> from pipeline.recipe.yaml_tree import SET
    >>> read_text("{size: 5, groups: [a]}", "", SET).plain()
    {'size': 5, 'groups': ['a']}
    """
    node = composed(text, name)
    return _tree(node, mark, _mark(node, mark)) if node else Node(None, mark)


def _tree(node: yaml.Node, file: Mark, mark: Mark) -> Node:
    """A node of YAML, which stands at `mark` of the file. Nodes are as deep and as many as Loader allows."""
    if not isinstance(node, yaml.ScalarNode) and node.tag.rsplit(":", 1)[-1] not in ("map", "seq"):
        raise RecipeError(f"the tag '{node.tag}' is not allowed", "Write plain YAML.", _at(node))
    if isinstance(node, yaml.MappingNode):
        members: dict[str, Node] = {}
        for key_node, value in node.value:
            key = _key(key_node)
            if key in members:
                raise RecipeError(f"'{shortened(key)}' stands twice", "Remove one.", _at(key_node))
            members[key] = _tree(value, file, _mark(key_node, file))
        return Node(members, mark)
    if isinstance(node, yaml.SequenceNode):
        return Node([_tree(value, file, _mark(value, file)) for value in node.value], mark)
    assert isinstance(node, yaml.ScalarNode)
    return Node(_scalar(node), mark)


def _key(node: yaml.Node) -> str:
    """A key, as it is written."""
    if not isinstance(node, yaml.ScalarNode) or node.tag.endswith(":merge"):
        raise RecipeError("a key must be a plain word", "Write `key: value`.", _at(node))
    if node.value == "<<" and node.style is None:
        raise RecipeError("keys are not merged with <<", "Use `extends`, or write them out.", _at(node))
    return str(_scalar(yaml.ScalarNode("tag:yaml.org,2002:str", node.value, node.start_mark)))


def _scalar(node: yaml.ScalarNode) -> Scalar:
    """A scalar as a value: None, a truth value, an integer, a fraction or a text."""
    tag, text = node.tag.rsplit(":", 1)[-1], str(node.value)
    if tag == "str":
        if holds_surrogate(text):
            raise RecipeError("a text with half a character (a surrogate)", "Write the character itself.", _at(node))
        return text
    if tag not in SCALARS:
        raise RecipeError(f"the tag '{node.tag}' is not allowed", "Write plain YAML.", _at(node))
    if not any(re.fullmatch(pattern, text) for pattern, _ in SCALARS[tag]):
        problem = f"'{shortened(text)}' is not {CALLED[tag]}, as its tag says"
        raise RecipeError(problem, "Remove the tag.", _at(node))
    if tag == "null":
        return None
    if tag == "bool":
        return text == "true"
    digits = sum(character.isdigit() for character in text)
    if digits > MOST_DIGITS:
        problem = f"a number of {digits:,} digits, and at most {MOST_DIGITS:,} are read"
        raise RecipeError(problem, "Shorten it, or put it in quotes if it is a text.", _at(node))
    number = Fraction(text.replace("_", ""))
    return int(number) if number.denominator == 1 else number


def _mark(node: yaml.Node, file: Mark) -> Mark:
    """Where a node stands; what is set on the command line has no lines."""
    return file if file.file == OVERRIDE else file._replace(line=node.start_mark.line + 1)


def _at(node: yaml.Node) -> str:
    return f"{node.start_mark.name}:{node.start_mark.line + 1}"
