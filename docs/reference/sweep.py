"""reference/sweep.md: the keys of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docs.reference.docstrings import line, outside_code
from docs.reference.words import default_of, either
from pipeline.sweeps.json_schema import schema

HEAD = """\
# Sweep keys

A sweep is a YAML file with these keys: a grid of recipes. [Sweep over recipes](../how-to/sweep.md) shows one.

`python -m pipeline schema --sweep` prints the same as a JSON Schema, for editors.

"""
SETTINGS = "mapping: dotted path → value"


def page() -> str:
    """The page."""
    tree = schema()
    short = tree["$defs"]["ValuesSpec"]
    parts = [_table("sweep", tree), "## An axis in short\n", f"{line(short['description'])}\n", _table("axis", short)]
    return HEAD + "\n".join(parts)


def _table(name: str, spec: Mapping[str, Any]) -> str:
    rows = [_row(name, key, value, key in spec.get("required", ())) for key, value in spec["properties"].items()]
    return "\n".join(["| key | value | default | |", "|---|---|---|---|", *rows]) + "\n"


def _row(name: str, key: str, value: Mapping[str, Any], required: bool) -> str:
    anchor = f"{name}.{key}"
    cells = (
        f'<a id="{anchor}" href="#{anchor}"><code>{key}</code></a>',
        _words(value),
        "**required**" if required else default_of(value.get("default")),
        line(value["description"]),
    )
    escaped = [outside_code(cell, lambda prose: prose.replace("|", "\\|")) for cell in cells]
    return f"| {' | '.join(escaped)} |"


def _words(value: Mapping[str, Any]) -> str:
    """The type of a value in words. That null is possible is not among them."""
    match value:
        case {"anyOf": many}:
            return either(_words(one) for one in many if one.get("type") != "null")
        case {"$ref": _}:
            return "[{key, values}](#an-axis-in-short)"
        case {"type": "array"}:
            items = _words(value["items"]) if value["items"] else "value"
            return f"list: {items}"
        case {"type": "object", "additionalProperties": True}:
            return SETTINGS
        case {"type": "object"}:
            (values,) = [*value.get("patternProperties", {}).values()] or [value["additionalProperties"]]
            return f"mapping: name → {_words(values)}"
    return "text"
