"""The resolved recipe, written out: as YAML that loads to the same recipe, as JSON for a manifest, as a fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from fractions import Fraction
from importlib.metadata import version
from typing import Any

from pipeline.core.spec import Spec
from pipeline.recipe.model import Recipe
from pipeline.recipe.yaml_dialect import dumped

OUTPUT_VERSION = 7
"""Raised whenever the same recipe gives other bytes; part of every fingerprint. See "changes bytes" in CHANGELOG.md."""


def package_version() -> str:
    """The versions of this package and of its output, such as `0.1.0 (output 7)`: equal ones write equal bytes."""
    return f"{version('pretraining-recipes')} (output {OUTPUT_VERSION})"


def dump(recipe: Recipe, header: str) -> str:
    """The resolved recipe as YAML that loads to the same recipe; worlds and sources, which are long, come last."""
    tree = _written(recipe)
    stated = [key for key in ("exports", "strict") if getattr(recipe, key)]
    order = ("seed", "tokenizer", "shard_tokens", *stated, "splits", "sources", "worlds")
    written = {key: tree[key] for key in order}
    if recipe.languages:
        written["languages"] = tree["languages"]
    return f"# {header}\n{dumped(written)}"


def _written(value: Any) -> Any:
    """A spec as plain values, without nulls. (pydantic's dump would write fractions as strings.)"""
    if isinstance(value, Spec):
        fields = {key: getattr(value, name) for key, name in type(value).keys().items()}
        return {key: _written(field) for key, field in fields.items() if field is not None}
    if isinstance(value, dict):
        return {name: _written(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_written(item) for item in value]
    return int(value) if isinstance(value, Fraction) and value.denominator == 1 else value


def fingerprint(recipe: Recipe, tokenizer_hash: str) -> str:
    """SHA-256 of all that the output depends on: the resolved recipe, the tokenizer's content, OUTPUT_VERSION.

    It does not depend on the files that values, templates and the tokenizer were read from, nor on keys that do not
    change the dataset (`exports`, `strict`).
    """
    return fingerprint_of(described(recipe), tokenizer_hash, OUTPUT_VERSION)


def fingerprint_of(tree: Mapping[str, Any], tokenizer_hash: str, version: int) -> str:
    """The fingerprint of a recipe as a manifest holds it, built by the given OUTPUT_VERSION."""
    hashed = {key: tokenizer_hash if key == "tokenizer" else value for key, value in tree.items()}
    text = json.dumps([version, hashed], ensure_ascii=True)  # keys unsorted: the order of sources changes the output
    return hashlib.sha256(text.encode()).hexdigest()


def described(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain JSON, without the keys that do not change the dataset, `exports` and `strict`, and those that
    nobody gave a value: a key that is added to the language, null where it is not given, changes no fingerprint.
    """
    return recipe.model_dump(mode="json", by_alias=True, exclude={"exports", "strict"}, exclude_none=True)
