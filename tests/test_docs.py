"""The examples in docstrings are true, and the README names what there is."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.sources.knowledge.biographies import Biographies
from pipeline.streaming import of_plan
from tests.plans import plan_at

ROOT = Path(__file__).parents[1]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "pipeline").rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_are_true(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried
    assert not failed


def test_every_recipe_is_in_the_gallery() -> None:
    gallery = (ROOT / "docs" / "recipes.md").read_text()
    for recipe in (ROOT / "recipes").rglob("*.yaml"):
        assert f"`{recipe.stem}`" in gallery


def examples(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


TRAINING = """\
extends: bioS_single
worlds: {people: {size: 60}}
sources:
  biographies: {tag: <story>, mask: [tag]}
splits:
  train:
    mixture: {biographies: {exposures: 1}}
    packing: {length: 192, method: METHOD, last: pad}
    columns: [loss_mask, segment_ids, documents]
"""


@pytest.mark.parametrize("method", ["concat", "aligned"])
def test_labels_are_made_as_the_documentation_makes_them(tmp_path: Path, method: str) -> None:
    """Of every row: all tokens of documents but their tags; without first tokens, all but the first of each as well."""
    text = TRAINING.replace("METHOD", method)
    plan = plan_at(tmp_path / "r.yaml", text if method == "aligned" else text.replace(", last: pad", ""))
    names: dict[str, Any] = {}
    exec(examples("training.md")[0], names)
    tag, end = plan.tokenizer.backend.token_to_id("<story>"), plan.tokenizer.eos
    ends = padded = 0
    for row in of_plan(plan, "train"):
        ids, pieces = row["input_ids"], row["documents"]
        expected, without = np.full(192, -100), np.full(192, -100)
        for start, length in zip(pieces["start"].tolist(), pieces["length"].tolist(), strict=True):
            expected[start : start + length] = ids[start : start + length]
            without[start + (start > 0) : start + length] = ids[start + (start > 0) : start + length]
        expected[ids == tag] = without[ids == tag] = -100
        assert names["labels_of"](row).tolist() == expected.tolist()
        assert names["labels_of"](row, first_tokens=False).tolist() == without.tolist()
        ends += int((expected == end).sum())
        padded += 192 - int(pieces["length"].sum())
    assert ends == 60
    assert padded > 0


SPANS = """\
extends: bioS_single
worlds: {people: {size: 40}}
sources: {biographies: {sentences: [birth_city], templates: {birth_city: ["{{ name }} LINE"]}}}
splits: {train: {mixture: {biographies: {exposures: 1}}, packing: {length: 64}, columns: [spans]}}
"""


BYTES = str(ROOT / "tests" / "golden" / "byte_tokenizer.json")  # whose spaces are tokens


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("saw {{ birth_city }}.", ["CITY"]),
        ("saw {{ birth_city }} {{ birth_city }}.", ["CITY CITY"]),
        ("saw {{ birth_city }}{{ birth_city }}.", ["CITYCITY"]),
        ("saw {{ birth_city }}, {{ birth_city }}.", ["CITY", "CITY"]),
        ("{{ birth_city }} {{ birth_date }}", ["CITY", "DATE"]),
        ("{{ birth_city | upper }}{{ birth_date.month }}", ["UPPER?", "?MONTH"]),
    ],
)
def test_spans_at_seams_are_as_the_documentation_says(tmp_path: Path, line: str, expected: list[str]) -> None:
    page = (ROOT / "docs" / "training.md").read_text()
    assert f"`{line}`".replace("|", "\\|") in page or line == "saw {{ birth_city }}{{ birth_city }}."
    plan = plan_at(tmp_path / "r.yaml", SPANS.replace("LINE", line))
    source = plan.sources["biographies"]
    assert isinstance(source, Biographies)
    item = np.arange(40)
    documents = source.documents(item, item * 0, spans=True)
    rows = source.world.rows(item)
    spaced = plan_at(tmp_path / "b.yaml", f"{SPANS.replace('LINE', line)}tokenizer: {BYTES}").sources["biographies"]
    counts = spaced.documents(item, item * 0, spans=True).spans
    assert counts is not None
    assert (counts.lengths == 1 + len(expected) + ("CITY CITY" in expected)).all()
    shared = 0
    for i, of_slot in enumerate(rows):
        at = dict(enumerate(of_slot.tolist()))
        city, date = source.world.fields["birth_city"].text(at), source.world.fields["birth_date"].text(at)
        month = date.split()[0]
        said = {"CITY": city, "DATE": date, "UPPER": city.upper(), "MONTH": month}
        assert documents.spans is not None
        ids = documents.tokens.values[slice(*documents.tokens.offsets[i : i + 2])]
        spans = documents.spans.values[slice(*documents.spans.offsets[i : i + 2])].tolist()[1:]  # the first is the name
        texts = [plan.tokenizer.decode(ids[start : start + length]).strip() for start, length, _ in spans]
        for text, wanted in zip(texts, expected, strict=True):
            value = re.sub("CITY|DATE|UPPER|MONTH", lambda found, said=said: said[found[0]], wanted)
            if "?" not in value:
                assert text == value
            else:
                assert value.strip("?") in text
        if "?" in expected[0]:
            (first, length, _), (second, _, _) = spans
            assert second in (first + length, first + length - 1)
            shared += second < first + length
    assert (shared > 0) == ("?" in expected[0]), "a token of two values is in both spans"
