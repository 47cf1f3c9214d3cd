"""The JSON Schema of recipes, for editors: pydantic's schema of the model, widened by what inheritance allows."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pipeline.formats import FORMATS
from pipeline.recipe.model import Recipe

_ABOUT = ("title", "description", "default")
"""What a schema says of a key rather than of its values: editors show it where it stands at the key itself."""
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def schema() -> dict[str, Any]:
    """The JSON Schema of a recipe file. No key is required, since any key may be inherited."""
    tree = Recipe.model_json_schema()
    tree["properties"]["extends"] = {"type": "string", "description": "Another recipe: a name, or a path from here."}
    formats = {kind.spec.__name__ for kind in FORMATS.values()}
    for name, spec in tree["$defs"].items():
        of_kind = name.endswith("Spec") and "kind" in spec.get("properties", {}) and name not in formats
        if of_kind or name == "WorldSpec":
            spec["properties"]["extends"] = {"type": "string", "description": "Another one of this recipe."}
    tree["properties"]["tokenizer"] = _or(tree["properties"]["tokenizer"], {"type": "string"})
    exports = tree["properties"]["exports"]
    exports["items"] = {"anyOf": [{"enum": list(FORMATS)}, exports["items"]]}
    inheritable: dict[str, Any] = _inheritable(tree)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **inheritable}


def _inheritable(schema: Any) -> Any:
    """The schema with no key required and null allowed at any depth: a key may be inherited, or removed by null."""
    if isinstance(schema, dict):
        names = {"oneOf": "anyOf", **(_BOUNDS if schema.get("type") == "number" else {})}
        named = {names.get(key, key): _inheritable(value) for key, value in schema.items()}
        if named.get("type") == "number" and isinstance(named.get("default"), str):
            named["default"] = float(Fraction(named["default"]))  # pydantic writes a fraction as a string
        for keys in (key for key in ("properties", "patternProperties") if isinstance(named.get(key), dict)):
            named[keys] = {name: _or_null(value) for name, value in named[keys].items()}
        return {
            key: value
            for key, value in named.items()
            if key != "discriminator" and not (key == "required" and isinstance(value, list))
        }
    return [_inheritable(value) for value in schema] if isinstance(schema, list) else schema


def _or_null(schema: Any) -> Any:
    if isinstance(schema.get("type"), str) and not {"enum", "const"} & schema.keys():
        return {**schema, "type": [schema["type"], "null"]}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return _or(schema, {"type": "null"})


def _or(schema: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, or another one for the same key."""
    about = {key: schema[key] for key in _ABOUT if key in schema}
    return {**about, "anyOf": [{key: value for key, value in schema.items() if key not in _ABOUT}, other]}
