"""The examples in docstrings are true, links lead somewhere, and pages name what there is."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs import reference, repository
from docs.loads import foreign_loads
from docs.reference.docstrings import markdown
from docs.reference.specs import Specs
from pipeline.columns import COLUMNS, FIELDS
from pipeline.commands.command import commands
from pipeline.formats import FORMATS
from pipeline.recipe import load, paths
from pipeline.recipe.json_schema import schema
from pipeline.sources import SOURCES
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.sources.reasoning.igsm.distributions import PULL
from pipeline.sources.reasoning.igsm.layout import BINS
from pipeline.sources.reasoning.igsm.spec import TRAIN
from pipeline.training.streams import of_plan
from pipeline.worlds.attributes import ATTRIBUTE_KINDS
from tests.plans import plan_at, plan_of

ROOT = Path(__file__).parents[1]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("pipeline", "docs", "tests/console")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if re.search("^ *>>> ", path.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_are_true(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried
    assert not failed


def test_every_recipe_is_in_the_gallery() -> None:
    gallery = (ROOT / "docs" / "recipes.md").read_text()
    for recipe in paths.recipes():
        assert f"`{recipe}`" in gallery


def test_every_format_is_in_the_tables_of_formats() -> None:
    page = (ROOT / "docs" / "how-to" / "export-to-trainers.md").read_text()
    named = [re.findall("^[|] `([a-z]+)` [|]", table, re.MULTILINE) for table in page.split("\n\n| `--to` |")[1:]]
    assert [sorted(names) for names in named] == [[*FORMATS], [*FORMATS]]


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
    exec(examples("how-to/labels-and-masks.md")[0], names)
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
    page = (ROOT / "docs" / "how-to" / "labels-and-masks.md").read_text()
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


# ── docs/deviations.md: what it says of ours ────────────────────────────────────────────────────────────────────────


def source_of(recipe: str, name: str) -> Any:
    return load(recipe).recipe.sources[name]


def attributes_of_people() -> dict[str, Any]:
    return load("bioS_single").recipe.worlds["people"].attributes


def lines_of_biographies() -> list[int]:
    spec = source_of("bioS_single", "biographies")
    order = ["birth_date", "birth_city", "university", "major", "employer", "company_city"]
    assert spec.sentences == order
    return [len(spec.lines(sentence)) for sentence in order]


def employers_cities() -> tuple[int, int, int]:
    people = attributes_of_people()
    cities = people["company_city"].values
    return len({*cities}), len({*cities} & {*people["birth_city"].values}), list(cities).count("New York, NY")


def ends_of_brevo() -> bool:
    plan = plan_of("brevo1_N70")
    item = np.arange(50)
    told = plan.sources["puzzles"].documents(item, item * 0, spans=False, parts=True)
    vocabulary = plan.tokenizer.backend.get_vocab()
    ids = [told.tokens.values[a:b].tolist() for a, b in pairwise(told.tokens.offsets.tolist())]
    return all(
        row[0] == vocabulary["<bos>"] and row[-1] == plan.tokenizer.eos and row.count(vocabulary["<ans>"]) == 1
        for row in ids
    )


def numbers_of_igsm_items() -> set[int]:
    chains = source_of("igsm_med_pq", "problems").vocabulary
    assert len(chains) == 4
    categories = [category for chain in chains.values() for category in chain.values()]
    return {len({item for items in category.values() for item in items.split(", ")}) for category in categories}


@pytest.mark.parametrize(
    ("said", "ours", "expected"),
    [
        ("of 4 (`words: {vocabulary: 4}`)", lambda: source_of("depo2_N75_K16", "puzzles").words.vocabulary, 4),
        (
            "K in `exam`, K / 2 in `exam_half`",
            lambda: [source_of("depo1_N225_K8", name).asked for name in ("puzzles", "exam", "exam_half")],
            [None, 8, 4],
        ),
        ("the tokenizer's end token", ends_of_brevo, True),
        (
            "`distribution: largest`: n = N",
            lambda: [source_of(name, "exam").distribution for name in ("depo1_N225_K8", "brevo1_N70", "mano_L10")],
            ["largest"] * 3,
        ),
        (
            "| division, if asked for | none |",
            lambda: source_of("mano_L10", "puzzles").names()[:5],
            ("<ans>", "+", "-", "*", "0"),
        ),
        (
            "Lengths are uniform up to 500 and there are 50 symbols",
            lambda: [
                getattr(source_of("copy_N500", "puzzles"), key) for key in ("distribution", "length", "vocabulary")
            ],
            ["uniform", 500, 50],
        ),
        (
            "`perturbed: {share: 0.1, rate: 0.15}`, of the terminals",
            lambda: [
                float(getattr(source_of("cfg3b_like_perturbed", "sentences").perturbed, key))
                for key in ("share", "rate", "level")
            ],
            [0.1, 0.15, 0],
        ),
        (
            "5 people at one hop, 3 at two, years 1950 to 2009",
            lambda: (
                [source_of("multi_hop", name).people for name in ("one_hop", "two_hops")],
                [
                    getattr(load("multi_hop").recipe.worlds["people"].attributes["birth_year"], x)
                    for x in ("first", "last")
                ],
            ),
            ([5, 3], [1950, 2009]),
        ),
        ("46, 49, 49, 52, 48 and 47 wordings", lines_of_biographies, [46, 49, 49, 52, 48, 47]),
        (
            "400, 400 and 1,000 names, 200 cities, 300 universities, 100 majors, 263 employers",
            lambda: [
                *(len(pool.values) for pool in attributes_of_people()["name"].pools.values()),
                *(
                    len(attributes_of_people()[name].values)
                    for name in ("birth_city", "university", "major", "employer")
                ),
            ],
            [400, 400, 1000, 200, 300, 100, 263],
        ),
        ("130 distinct instead of 133, 65 of them", employers_cities, (130, 65, 35)),
        (
            "| two values with letters that are not ASCII | none |",
            lambda: all(
                str(value).isascii()
                for name in ("birth_city", "university", "major", "employer", "company_city")
                for value in attributes_of_people()[name].values
            ),
            True,
        ),
        ("each category of 100 distinct ones", numbers_of_igsm_items, {100}),
        ("0 … 16 and 17 … 22", lambda: (TRAIN, BINS), (17, 23)),
        (
            "none of one or two in `split: test`",
            lambda: min(source_of("igsm_med_pq", "exam").distribution()),
            3,
        ),
        (
            "`<problem>`, `<solution>`, `<answer>`",
            lambda: [mark.token for mark in source_of("igsm_med_pq", "problems").between.values()],
            ["<problem>", "<solution>", "<answer>"],
        ),
        (
            "the special token `[BACK]`",
            lambda: (
                source_of("igsm_med_pq_retry_50", "problems").retry.back.token,
                source_of("igsm_med_qp_weak_10", "problems").retry.present,
                source_of("igsm_med_pq", "problems").childless,
            ),
            ("[BACK]", True, False),
        ),
        ("of one of 64 equally likely ones", lambda: len(PULL), 64),
        (
            "junk is about other people than the useful part",
            lambda: load("junk_random").recipe.worlds["strangers"].disjoint_from,
            "people",
        ),
        (
            "`<hint>` or `<direct>` ends the question",
            lambda: [
                getattr(source_of("bioS_classification", "classification").hints, x).token for x in ("hinted", "direct")
            ],
            ["<hint>", "<direct>"],
        ),
        (
            "the first half of the numbers",
            lambda: [float(end) for end in load("bioS_single").recipe.worlds["people"].groups["p_train"]],
            [0, 0.5],
        ),
    ],
)
def test_what_deviates_from_released_code_is_as_the_page_says(said: str, ours: Any, expected: Any) -> None:
    assert said in (ROOT / "docs" / "deviations.md").read_text()
    assert ours() == expected


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OF_TODAY = [page for page in PAGES if page.name != "measurements.md"]
"""Measurements name files as they were called at their commits."""


@pytest.mark.parametrize("page", OF_TODAY, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", page.read_text())
    places = (ROOT, ROOT / "pipeline", ROOT / "tests")
    assert not [name for name in named if not any((place / name).exists() for place in places)]


def test_files_that_docstrings_name_exist() -> None:
    missing = []
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", path.read_text()):
            places = (ROOT, ROOT / "pipeline", *path.parents[: len(path.relative_to(ROOT).parts)])
            if not any((place / name).exists() for place in places):
                missing.append(f"{path.relative_to(ROOT)}: {name}")
    assert not missing


OF_KINDS = ("columns", "commands", "formats", "puzzles", "attributes")
"""Folders with a file for each kind, which their docstrings do not list."""


def test_a_folder_that_lists_its_files_lists_all_of_them() -> None:
    missing = []
    for path in sorted((ROOT / "pipeline").rglob("__init__.py")):
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        if "\n" not in text or any(part in OF_KINDS for part in path.parent.parts):
            continue
        names = {file.stem for file in path.parent.glob("[!_]*.py")} | {
            file.parent.name for file in path.parent.glob("*/__init__.py")
        }
        missing += [f"{path.relative_to(ROOT)}: {name}" for name in sorted(names - {*re.findall(r"\w+", text)})]
    assert not missing


# ── the site ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    """The pages of the reference, by their names on the site."""
    return reference.pages()


def name_on_site(page: Path) -> str:
    names = {source: name for name, source in repository.PAGES.items()}
    return names[page] if page in names else page.relative_to(ROOT / "docs").as_posix()


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_or_to_generated_pages(page: Path, generated: dict[str, str]) -> None:
    """Also for those who read the page in the repository; there, README has no page that is generated."""
    name, of_site = name_on_site(page), set() if page.name == "README.md" else generated.keys()
    for link in repository.links(page.read_text()):
        if (target := repository.target_of(name, link)) is None:
            assert re.match("#|https?://", link), f"{link} leads out of the repository"
        else:
            assert target[1].exists() or target[0] in of_site, link


def test_links_of_generated_pages_lead_to_files_or_to_generated_pages(generated: dict[str, str]) -> None:
    for name, text in generated.items():
        for link in repository.links(text):
            target = repository.target_of(name, link)
            assert target is None or target[1].exists() or target[0] in generated, f"{name}: {link}"


def test_links_are_those_of_prose() -> None:
    page = "[a](b.md#c), `[d](e)`, [`f`](../g.py) and ![h](i.png)\n```yaml\n[j](k)\n```\n[l]: m.md\n[n][l]"
    assert list(repository.links(page)) == ["b.md#c", "../g.py", "i.png", "m.md"]
    assert repository.of_site("index.md", "docs/recipes.md#others") == "recipes.md#others"
    assert repository.of_site("how-to/x.md", "../../README.md") == "../index.md"
    assert repository.of_site("how-to/x.md", "../../recipes/tiny.yaml") == "../repository/recipes/tiny.yaml.md"
    assert repository.of_site("index.md", "recipes/") == "repository/recipes/index.md"
    assert repository.of_site("index.md", "https://arxiv.org") == "https://arxiv.org"


def test_every_key_of_a_recipe_is_described_and_in_the_reference(generated: dict[str, str]) -> None:
    tree, text = schema(), "".join(generated.values())
    keys = [
        (name, key, value)
        for name, spec in [("Recipe", tree), *tree["$defs"].items()]
        for key, value in spec.get("properties", {}).items()
        if key != "kind"
    ]
    assert not [f"{name}.{key}" for name, key, value in keys if not value.get("description")]
    specs = Specs()
    titles = {name: specs.title(name).replace(" ", "-") for name, _, _ in keys}
    missing = [f"{name}.{key}" for name, key, _ in keys if f'<a id="{titles[name]}.{key}"' not in text]
    assert not missing


def test_every_kind_is_in_the_reference(generated: dict[str, str]) -> None:
    kinds = {
        "sources": SOURCES,
        "attributes": ATTRIBUTE_KINDS,
        "columns": COLUMNS,
        "formats": FORMATS,
        "commands": [command.name for command in commands()],
    }
    for page, names in kinds.items():
        headings = re.findall("^## (.*)$", generated[f"reference/{page}.md"], re.MULTILINE)
        assert {*names} <= {*headings}, page
    shown = re.findall("^[|] `([a-z_]+)` [|] ", generated["reference/columns.md"], re.MULTILINE)
    assert {*shown} == {*FIELDS}


def test_anchors_of_the_reference_are_unique(generated: dict[str, str]) -> None:
    for name, text in generated.items():
        headings = re.findall("^#+ (.*)$", text, re.MULTILINE)
        anchors = re.findall('<a id="([^"]*)"', text)
        assert len({*headings}) == len(headings), name
        assert len({*anchors}) == len(anchors), name


def test_docstrings_keep_their_layout() -> None:
    text = """Rows <b>, see `<a>`. name: what, and
    other:
    more. A table:
        a  b

        c  d

    one    two

    >>> 6 * 7
    42
    """
    expected = """\
Rows &lt;b>, see `<a>`. `name`: what, and
`other`:
more. A table:

```text
a  b

c  d
```

```text
one    two
```

```pycon
>>> 6 * 7
42
```"""
    assert markdown(text, ["name", "other"]) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.html", '<a href="https://arxiv.org">a paper</a><img src="b.svg"><script src="../c.js"></script>', 0),
        ("a.html", '<script src="https://cdn.example/a.js"></script>', 1),
        ("a.html", '<link rel="preconnect" href="https://fonts.example">', 1),
        ("a.html", '<img src="//images.example/a.png"><p style="background: url(\'http://images.example/b.png\')">', 2),
        ("a.html", '<pre class="mermaid"><code>graph TD</code></pre>', 1),
        ("a.css", '@import "https://fonts.example/a.css"; p { background: url(data:image/png;base64,AA) }', 1),
        ("a.css", "p { background: url('//images.example/a.png') }", 1),
        ("a.js", 'fetch("https://example.org")', 0),
    ],
)
def test_what_a_page_would_load_from_elsewhere_is_seen(tmp_path: Path, name: str, text: str, expected: int) -> None:
    (tmp_path / name).write_text(text)
    assert len([*foreign_loads(tmp_path / name)]) == expected
