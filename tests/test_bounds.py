"""Recipes that ask for too much are refused with what they may ask for, before anything is made of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pipeline
from pipeline.core.errors import PipelineError
from pipeline.recipe.json_schema import schema
from tests.plans import plan_at

BOUNDED_LATER = {  # integers that may be of any size by themselves, and what they are held against
    "AfterSpec.after": "the sentences of a biography",
    "PluralSpec.numbers": "numbers that a sentence says: any",
    "PluralSpec.ends_in": "the last digits of these",
    "PluralSpec.but_not": "the last digits of these",
    "DepoSpec.asked": "hops",
    "DepoSpec.queries": "nodes",
    "GrammarSpec.cut": "the shortest sentence",
    "IgsmSpec.modulus": "the primes to 9973",
    "LitdataSpec.block": "the length of a row",
    "PerturbedSpec.level": "the levels of the grammar",
    "Recipe.seed": "nothing: it is hashed",
    "ShapeSpec.seed": "nothing: it is hashed",
}


def integers(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The integers that a value of a JSON Schema may be, or hold."""
    if "integer" in node.get("type", ""):
        yield node
    below = [node.get(key, []) for key in ("anyOf", "oneOf", "items", "additionalProperties")]
    for inner in below:
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, dict):
                yield from integers(one)


def test_every_integer_of_a_recipe_has_a_bound_of_its_own_or_is_held_against_something():
    whole = schema()
    found = {
        f"{name}.{key}"
        for name, spec in {**whole["$defs"], "Recipe": whole}.items()
        for key, value in spec.get("properties", {}).items()
        for integer in integers(value)
        if not {"maximum", "exclusiveMaximum"} & integer.keys()
    }
    assert found == set(BOUNDED_LATER)


def test_what_asks_for_too_much_is_refused_before_it_is_made_for_a_stream_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What such refusals say is in refusals.yaml."""
    monkeypatch.setattr("pipeline.core.files.values_of", lambda *_: pytest.fail("Faker was asked"))
    city = "{values: null, weights: null, faker: city, count: 1_000_000_000}"
    small = Path(__file__).parent / "golden/small.yaml"
    text = f"extends: {small}\nworlds: {{people: {{attributes: {{city: {city}}}}}}}\n"
    with pytest.raises(PipelineError, match=r"^[^\n]*r\.yaml:2: [^\n]*100000, not 1000000000") as refusal:
        plan_at(tmp_path / "r.yaml", text)
    with pytest.raises(PipelineError) as streamed:
        pipeline.stream(tmp_path / "r.yaml", "train")
    assert str(streamed.value) == str(refusal.value)


# ── every whole number of a recipe, as large as it may be and larger ────────────────────────────────────────────────

WORLDS = {
    "people": {
        "size": 16,
        "attributes": {
            "name": {"kind": "name", "pools": {"first": list("ABCD"), "last": list("KLMN")}},
            "pronoun": {"kind": "pronoun"},
            "born": {"kind": "date", "first_year": 1900, "years": 9, "days": 28},
            "shoes": {"kind": "integer", "first": 30, "last": 50, "step": 1},
            "code": {
                "kind": "codes", "symbols": "text", "diversity": 4, "vocabulary": 16, "length": 2, "chunks": 1,
                "repeat": 1,
            },
        },
    }
}  # fmt: skip
SAID = {name: ["{{ subject }} has {{ value }}."] for name in ("born", "shoes", "code")}
NAMES = {"vocabulary": 5, "length": [1, 2]}
SOURCES = {
    "biographies": {"world": "people", "templates": SAID, "paraphrases": 2, "permutations": 2},
    "depo": {"nodes": 10, "hops": 4, "queries": 2, "asked": 1, "words": NAMES},
    "brevo": {"nodes": 5, "words": NAMES},
    "mano": {"operations": 4, "modulus": 23},
    "copy": {"length": 4, "vocabulary": 5},
    "igsm": {"problems": 20, "max_edge": 20, "op": 3, "modulus": "exact", "largest": 100_000},
    "grammar": {
        "grammar": {"sizes": [1, 2, 3], "rules": [2, 2], "length": [2, 3], "seed": 0}, "cut": 1, "instances": 9,
        "perturbed": {"level": 1},
    },
}  # fmt: skip
CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30,) * 2)  # of addresses, of which half is libraries and threads
resource.setrlimit(resource.RLIMIT_CPU, (1200, 1200))
from pathlib import Path
from tests.test_bounds import planned_or_refused, tree_of
planned_or_refused(Path(sys.argv[2]), tree_of(sys.argv[1]))
"""


def tree_of(kind: str) -> dict[str, Any]:
    """A recipe with a source of a kind, in which its numbers are written out."""
    packing = {"length": 512}
    return {
        "seed": 0, "shard_tokens": 4096, "tokenizer": "gpt2" if kind in ("biographies", "igsm") else "symbols",
        "worlds": WORLDS if kind == "biographies" else {}, "sources": {"it": {"kind": kind, **SOURCES[kind]}},
        "splits": {"train": {"mixture": {"it": {"tokens": 5000}}, "packing": packing}},
    }  # fmt: skip


def changed(node: Any) -> Iterator[Any]:
    """A tree with one of its numbers at an extreme, for each of them."""
    if isinstance(node, int) and not isinstance(node, bool):
        yield from (0, 1, node * 1000, 10_000, 2**31, 2**40 - 1, 2**62)
    for key, value in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
        for other in changed(value):
            copy = dict(node) if isinstance(node, dict) else list(node)
            copy[key] = other
            yield copy


def planned_or_refused(folder: Path, tree: dict[str, Any]) -> None:
    """Plan a recipe with each of its numbers at its extremes. Any other error than a refusal comes out."""
    for number, one in enumerate(changed(tree)):
        try:
            plan_at(folder / f"{number}.yaml", json.dumps(one))
        except PipelineError as refusal:
            assert "\n" not in str(refusal)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SOURCES)
def test_every_number_at_its_extremes_is_planned_or_refused_in_little_memory(tmp_path: Path, kind: str):
    done = subprocess.run([sys.executable, "-c", CHILD, kind, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
