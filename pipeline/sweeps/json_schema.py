"""The JSON Schema of sweeps, for editors and for the reference."""

from __future__ import annotations

from typing import Any

from pipeline.sweeps.spec import SweepSpec


def schema() -> dict[str, Any]:
    """The JSON Schema of a file that holds a sweep."""
    tree: dict[str, Any] = _any_of(SweepSpec.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **tree}


def _any_of(tree: Any) -> Any:
    """The schema with `anyOf` for `oneOf`: an editor then reports one form of an axis instead of both."""
    if isinstance(tree, dict):
        return {"anyOf" if key == "oneOf" else key: _any_of(value) for key, value in tree.items()}
    return [_any_of(value) for value in tree] if isinstance(tree, list) else tree
