from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import RecipeError
from pipeline.core.files import library
from pipeline.plan import compile_plan
from pipeline.recipe import Loaded, Recipe, load
from pipeline.recipe.json_schema import schema
from pipeline.recipe.paths import title
from pipeline.recipe.writing import dump, fingerprint
from pipeline.worlds.attributes.choice import ChoiceSpec
from tests.plans import KINDS

GOLDEN = Path(__file__).parent / "golden"
SMALL = (GOLDEN / "small.yaml").read_text("utf-8").replace("byte_tokenizer.json", str(GOLDEN / "byte_tokenizer.json"))
RECIPES = sorted(path for path in library("recipes").rglob("*.yaml") if path.stem in KINDS)
SETTINGS = settings(derandomize=True, deadline=None, max_examples=50)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with small.yaml in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SMALL, "utf-8")
    return tmp_path


def loaded(text: str, *overrides: str, name: str = "r.yaml") -> Loaded:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, "utf-8")
    return load(name, overrides)


def edited(old: str, new: str) -> str:
    assert SMALL.count(old) == 1, old
    return SMALL.replace(old, new)


def city(made: Loaded) -> ChoiceSpec:
    found = made.recipe.worlds["people"].attributes["city"]
    assert isinstance(found, ChoiceSpec)
    return found


def printed(made: Loaded) -> str:
    """The fingerprint, as a plan has it."""
    return compile_plan(made).fingerprint


# ── extends ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_recipe_that_changes_nothing_is_the_one_that_it_extends(folder: Path):
    assert loaded("extends: small\n").recipe == load("small.yaml").recipe


@pytest.mark.parametrize("name", ["small", "small.yaml", "./small.yaml", "{folder}/small.yaml"])
def test_a_recipe_beside_is_extended_by_name_or_path(folder: Path, name: str):
    assert loaded(f"extends: {name.format(folder=folder)}\nseed: 7\n").recipe.seed == 7


def test_a_recipe_of_the_library_is_extended_by_its_name(folder: Path):
    made = loaded("extends: tiny\nworlds: {people: {size: 50}}\n").recipe
    assert made == load("tiny", ["worlds.people.size=50"]).recipe


def test_mappings_are_merged_and_keys_stay_where_they_were(folder: Path):
    made = loaded("extends: small\nworlds: {people: {size: 15, attributes: {city: {weights: uniform}}}}\n")
    base = load("small.yaml").recipe
    people = made.recipe.worlds["people"]
    assert people.size == 15
    assert list(people.attributes) == list(base.worlds["people"].attributes)
    assert city(made).weights == "uniform"
    assert city(made).values == ["Oslo", "Bern", "Rome"]
    assert made.recipe.sources == base.sources


def test_new_keys_are_added_after_the_inherited_ones(folder: Path):
    made = loaded("extends: small\nworlds: {people: {attributes: {hats: {kind: integer, first: 1, last: 2}}}}\n")
    assert list(made.recipe.worlds["people"].attributes)[-1] == "hats"


def test_lists_are_replaced(folder: Path):
    made = loaded("extends: small\nworlds: {people: {attributes: {city: {values: [Ulm, Rom, Bonn]}}}}\n")
    assert city(made).values == ["Ulm", "Rom", "Bonn"]


def test_null_takes_an_inherited_key_away(folder: Path):
    made = loaded("extends: small\nworlds: {people: {attributes: {city: {weights: null}, shoes: ~}}}\nseed: null\n")
    assert city(made).weights == "uniform"
    assert "shoes" not in made.recipe.worlds["people"].attributes
    assert made.recipe.seed == 0


def test_null_takes_one_amount_away_so_that_another_can_be_given(folder: Path):
    made = loaded("extends: small\nsplits: {train: {mixture: {bios: {exposures: null, tokens: 500}}}}\n")
    assert made.recipe.splits["train"].mixture["bios"].tokens == 500


def test_another_kind_replaces_all_of_the_inherited_mapping(folder: Path):
    shoes = "{kind: choice, values: [red, blue]}"
    made = loaded(f"extends: small\nworlds: {{people: {{attributes: {{shoes: {shoes}}}}}}}\n")
    assert made.recipe.worlds["people"].attributes["shoes"] == ChoiceSpec(kind="choice", values=["red", "blue"])


def test_the_same_kind_written_again_is_merged(folder: Path):
    made = loaded("extends: small\nworlds: {people: {attributes: {city: {kind: choice, weights: zipf}}}}\n")
    assert city(made).values == ["Oslo", "Bern", "Rome"]


def test_a_scalar_replaces_a_mapping_and_a_mapping_a_scalar(folder: Path):
    assert city(loaded(edited("weights: [1, 2, 1]", "weights: zipf"), "worlds.people.attributes.city.weights.zipf=2"))
    made = loaded("extends: small\nsources: {bios: {templates: {born: null, city: ['{{ name }}'], shoes: null}}}\n")
    assert made.recipe.sources["bios"].templates == {"city": ["{{ name }}"]}


def test_a_chain_of_recipes_is_merged_from_its_far_end(folder: Path):
    loaded("extends: small\nseed: 2\nshard_tokens: 5000\n", name="a.yaml")
    loaded("extends: a\nseed: 3\n", name="b.yaml")
    made = loaded("extends: b\n").recipe
    assert (made.seed, made.shard_tokens) == (3, 5000)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_of_recipes_is_refused(folder: Path, length: int):
    for i in range(length):
        Path(f"c{i}.yaml").write_text(f"# comment\nextends: c{(i + 1) % length}\n")
    with pytest.raises(RecipeError, match="circle") as refused:
        load("c0.yaml")
    assert ".yaml:2: extends" in refused.value.place


def test_a_missing_recipe_is_refused_with_the_one_that_was_meant(folder: Path):
    with pytest.raises(RecipeError, match=r"no recipe 'bioS_mult5'\. Did you mean 'bioS_multi5'"):
        load("bioS_mult5")
    with pytest.raises(RecipeError, match="no recipe"):
        load("a" * 300)


# A recipe in one folder, extended from another: each key is read beside the file that says it.


def test_files_are_read_beside_the_recipe_that_names_them(folder: Path):
    for name, town in (("base", "Oslo"), ("other", "Bern")):
        (folder / name).mkdir()
        (folder / name / "towns.txt").write_text(f"{town}\nRome\nUlm\n")
    loaded(edited("values: [Oslo, Bern, Rome]", "file: towns.txt"), name="base/small.yaml")
    inherits = loaded("extends: ../base/small.yaml\nseed: 2\n", name="other/inherits.yaml")
    assert city(inherits).values == ["Oslo", "Rome", "Ulm"]
    file = "worlds: {people: {attributes: {city: {file: towns.txt}}}}"
    says = loaded(f"extends: ../base/small.yaml\n{file}\n", name="other/says.yaml")
    assert city(says).values == ["Bern", "Rome", "Ulm"]


def test_pools_of_names_are_read_beside_the_recipe_that_names_them(folder: Path):
    for name, word in (("base", "Ann"), ("other", "Eve")):
        (folder / name).mkdir()
        (folder / name / "words.txt").write_text("\n".join(f"{word}{letter}" for letter in "abcdefgh"))
    loaded(edited("[Ann, Bob, Cid, Dee, Eve]", "words.txt"), name="base/small.yaml")
    pool = "worlds: {people: {attributes: {name: {pools: {last: words.txt}}}}}"
    made = loaded(f"extends: ../base/small.yaml\n{pool}\n", name="other/r.yaml")
    pools = made.recipe.model_dump()["worlds"]["people"]["attributes"]["name"]["pools"]
    assert "Anna" in str(pools["first"])
    assert "Evea" in str(pools["last"])


def test_templates_are_read_beside_the_recipe_that_names_them(folder: Path):
    for name in ("base", "other"):
        (folder / name / "words").mkdir(parents=True)
        (folder / name / "words/city.j2").write_text(f"{{{{ name }}}} of {{{{ city }}}} in {name}.\n")
    text = (
        SMALL[: SMALL.index("    templates:")] + "    templates: words\n" + SMALL[SMALL.index("    paraphrases: 2") :]
    )
    base = loaded(text, name="base/small.yaml").recipe
    assert base.sources["bios"].templates == {"city": ["{{ name }} of {{ city }} in base."]}
    made = loaded("extends: ../base/small.yaml\nsources: {bios: {templates: words}}\n", name="other/r.yaml").recipe
    assert made.sources["bios"].templates == {"city": ["{{ name }} of {{ city }} in other."]}


# ── overrides ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("seed=7", ("seed",), 7),
        ("worlds.people.size=5", ("worlds", "people", "size"), 5),
        ("worlds.people.size=1e1", ("worlds", "people", "size"), 10),
        ("splits.train.packing={length: 32}", ("splits", "train", "packing", "length"), 32),
        ("splits.train.columns=[]", ("splits", "train", "columns"), []),
        ("tokenizer.add=[no, a=b, 'x.y']", ("tokenizer", "add"), ["no", "a=b", "x.y"]),
        ("tokenizer=gpt2", ("tokenizer", "name"), "gpt2"),
    ],
)
def test_an_override_goes_over_what_the_recipe_says(folder: Path, override: str, path: tuple[str, ...], value: object):
    found: Any = load("small.yaml", [override]).recipe.model_dump()
    for step in path:
        found = found[step]
    assert found == value


def test_an_override_of_a_mapping_is_merged_and_null_takes_a_key_away(folder: Path):
    made = load("small.yaml", ["splits.train.packing={method: concat}", "worlds.people.attributes.city.weights="])
    assert made.recipe.splits["train"].packing.length == 64
    assert city(made).weights == "uniform"


def test_the_last_of_several_overrides_counts(folder: Path):
    assert load("small.yaml", ["seed=7", "seed=8"]).recipe.seed == 8


# ── scalars ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TEXTS = ["no", "yes", "on", "off", "Null", "NULL", "True", "False", "1:7", "12:30:45", "2001-01-01", "0x1f", "0o17"]
TEXTS += [".inf", "-.inf", ".nan", "=", "<<", "1,000", "1e", "e5", "1/0", "-1/3", "1 000", "+", ".", "٣"]


@pytest.mark.parametrize("text", TEXTS)
def test_what_only_looks_like_something_else_stays_text(folder: Path, text: str):
    values = city(loaded(edited("[Oslo, Bern, Rome]", f"\n        - Oslo\n        - Bern\n        - {text}"))).values
    assert values == ["Oslo", "Bern", text]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.1", Fraction(1, 10)),
        ("1/3", Fraction(1, 3)),
        (".5", Fraction(1, 2)),
        ("1.", 1),
        ("0.30", Fraction(3, 10)),
        ("1e-3", Fraction(1, 1000)),
        ("2.5E1", 25),
        ("1_000.5", Fraction(2001, 2)),
        ("4/2", 2),
        ("0.1000000000000000055511151231257827", Fraction(1000000000000000055511151231257827, 10**34)),
    ],
)
def test_numbers_are_exactly_what_is_written(folder: Path, text: str, number: Fraction):
    amount = loaded(edited("exposures: 4", f"exposures: {text}")).recipe.splits["train"].mixture["bios"]
    assert amount.exposures == number
    assert isinstance(amount.exposures, Fraction)


@pytest.mark.parametrize(
    ("text", "number"), [("1e9", 10**9), ("1_000_000", 10**6), ("007", 7), ("+5", 5), ("1.5e3", 1500), ("2e0", 2)]
)
def test_whole_numbers_are_integers_however_they_are_written(folder: Path, text: str, number: int):
    made = loaded(edited("seed: 1\n", f"seed: {text}\n")).recipe
    assert made.seed == number
    assert type(made.seed) is int


@pytest.mark.parametrize("text", ["~", "null", ""])
def test_nothing_is_null(folder: Path, text: str):
    assert loaded(edited("    paraphrases: 2", f"    sentences: {text}")).recipe.sources["bios"].sentences is None


def test_quoted_scalars_are_texts(folder: Path):
    values = city(loaded(edited("[Oslo, Bern, Rome]", "['007', \"1e5\", 'null']"))).values
    assert values == ["007", "1e5", "null"]


def test_anchors_are_what_they_stand_for(folder: Path):
    text = edited("[Oslo, Bern, Rome]", "&towns [Oslo, Bern, Rome]").replace("[Norway, Switzerland, Italy]", "*towns")
    assert loaded(text).recipe.worlds["people"].attributes["country"].values == ["Oslo", "Bern", "Rome"]


# ── the resolved recipe ─────────────────────────────────────────────────────────────────────────────────────────────

TRICKY = [
    "1/3",
    "no",
    "1e5",
    "null",
    "007",
    "~",
    "true",
    "True",
    "0.5",
    "1_000",
    "2001-01-01",
    "12:30",
    "0x1f",
    "=",
    "<<",
]
TRICKY += [
    "-",
    "- a",
    "a: b",
    "a #b",
    "#a",
    "'",
    '"',
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a`",
    "{a}",
    "[a]",
    "a,b",
    "?",
    "|",
]
TRICKY += [">", "é", "日本", "\u2028", "\u0085", "\ufeff", "😀", "a\tb", "\\n", "{{ x }}", ".inf", "1e400", "e", "١"]


def written(values: list[str]) -> str:
    """Texts as another YAML library writes them, in one line."""
    return yaml.safe_dump(values, allow_unicode=True, default_flow_style=True, default_style='"', width=10**6).strip()


def content(made: Loaded) -> dict[str, Any]:
    """All that a recipe says, without where its templates were read from."""
    return made.recipe.model_dump(mode="json")


def returned(made: Loaded, name: str = "elsewhere/dumped.yaml") -> Loaded:
    return loaded(dump(made.recipe, "A title"), name=name)


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_dumped_recipe_loads_to_the_same_recipe_with_the_same_fingerprint(folder: Path, path: Path):
    made = load(path.stem)
    again = returned(made)
    assert content(again) == content(made)
    assert fingerprint(again.recipe, "t") == fingerprint(made.recipe, "t")
    assert again.title == "A title"


@pytest.mark.parametrize(
    "overrides", [["splits.train.mixture.bios.exposures=1/3"], ["seed=1e30"], ["shard_tokens=1e9"]]
)
def test_a_dumped_recipe_keeps_its_numbers(folder: Path, overrides: list[str]):
    made = load("small.yaml", overrides)
    assert content(returned(made)) == content(made)


def test_a_dumped_recipe_keeps_weights_and_exponents(folder: Path):
    for weights in ("{zipf: 0.7}", "{zipf: 4/3}", "[0.1, 1/3, 2]", "zipf"):
        made = loaded(edited("[1, 2, 1]", weights))
        assert content(returned(made)) == content(made)


def test_a_dumped_recipe_keeps_values_that_look_like_something_else(folder: Path):
    values = [text for text in TRICKY if text.strip() == text and "\n" not in text]
    made = loaded(SMALL, f"worlds.people.attributes.words={{kind: choice, values: {written(values)}}}")
    assert made.recipe.worlds["people"].attributes["words"].values == values
    again = returned(made)
    assert content(again) == content(made)
    assert printed(again) == printed(made)
    assert yaml.safe_load(dump(made.recipe, "x"))["worlds"]["people"]["attributes"]["words"]["values"] == values


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=8, unique=True))
@SETTINGS
def test_a_dumped_recipe_keeps_any_values(tmp_path_factory: pytest.TempPathFactory, values: list[str]):
    text = f"worlds: {{w: {{size: 1, attributes: {{a: {{kind: choice, values: {written(values)}}}}}}}}}\n"
    text += (
        "sources: {s: {kind: biographies, world: w, templates: {a: ['{{ a }}']}}}\nsplits: {t: {mixture: {s: {}}}}\n"
    )
    folder = tmp_path_factory.getbasetemp()
    try:
        made = loaded(text, name=str(folder / "any.yaml"))
    except RecipeError as refused:
        assert any(value != value.strip() or "\n" in value or not value.strip() for value in values), refused
    else:
        assert made.recipe.worlds["w"].attributes["a"].values == values
        assert content(returned(made, str(folder / "dumped.yaml"))) == content(made)


def test_the_order_of_attributes_sentences_pools_and_sources_survives_a_dump(folder: Path):
    made = loaded(SMALL)
    again = returned(made).recipe
    assert list(again.worlds["people"].attributes) == list(made.recipe.worlds["people"].attributes)
    assert list(again.worlds["people"].attributes["name"].pools) == ["first", "last"]
    assert list(again.sources["bios"].templates) == ["born", "city", "shoes"]


def test_a_dumped_recipe_names_no_file(folder: Path):
    text = dump(load("bioS_single").recipe, "x")
    assert "values/people" not in text
    assert "biography/en" not in text
    assert "file:" not in text


def test_the_title_is_the_comment_in_the_first_line(folder: Path):
    assert loaded("# What it is.\n# More.\n" + SMALL).title == "What it is."
    assert loaded("extends: small\n# What it is.\n").title == ""


# ── fingerprint ─────────────────────────────────────────────────────────────────────────────────────────────────────


LIVES = '        - "{{ subject }} lives in {{ city }}, {{ country }}."'
HOME = '        - "{{ subject_possessive }} home is {{ city }}."'
CHANGES = {
    "seed": ("seed: 1\n", "seed: 2\n"),
    "size": ("size: 20", "size: 21"),
    "value": ("[Oslo, Bern, Rome]", "[Oslo, Bern, Roma]"),
    "order of values": ("[Oslo, Bern, Rome]", "[Bern, Oslo, Rome]"),
    "weight": ("[1, 2, 1]", "[1, 2, 2]"),
    "looked up value": ("[Norway, ", "[Sweden, "),
    "word of a name": ("[Ann, ", "[Anne, "),
    "order of pools": (
        "first: [Ann, Bob, Cid, Dee, Eve]\n          last: [Moe, Nye, Orr, Poe, Quo]",
        "last: [Moe, Nye, Orr, Poe, Quo]\n          first: [Ann, Bob, Cid, Dee, Eve]",
    ),
    "order of attributes": (
        "      shoes: {kind: integer, first: 35, last: 45}\n",
        "",
    ),
    "name of an attribute": ("      pronoun: {", "      sex: {"),
    "format of a date": ("years: 10", "years: 10\n        format: '{day} {month} {year}'"),
    "template": ("wears {{ shoes }}.", "wears {{ shoes }}!"),
    "order of templates": (
        LIVES + "\n" + HOME,
        HOME + "\n" + LIVES,
    ),
    "paraphrases": ("paraphrases: 2", "paraphrases: 3"),
    "name of the source": ("  bios:\n    kind", "  bibs:\n    kind"),
    "exposures": ("exposures: 4", "exposures: 5"),
    "packing": ("method: concat", "method: rows"),
    "length": ("length: 64", "length: 65"),
    "columns": ("[loss_mask]", "[loss_mask, documents]"),
    "name of the split": ("  train:", "  test:"),
    "shard size": ("shard_tokens: 2048", "shard_tokens: 2049"),
}


def test_the_fingerprint_changes_with_all_that_the_output_depends_on(folder: Path):
    found = {"nothing": fingerprint(loaded(SMALL).recipe, "t"), "tokenizer": fingerprint(loaded(SMALL).recipe, "u")}
    for name, (old, new) in CHANGES.items():
        text = edited(old, new)
        if name == "order of attributes":
            text = text.replace("      pronoun: {", old + "      pronoun: {")
        if name == "name of the source":
            text = text.replace("      bios:\n", "      bibs:\n")
        found[name] = fingerprint(loaded(text).recipe, "t")
    same = {name: [other for other in found if found[other] == found[name]] for name in found}
    assert {name: others for name, others in same.items() if len(others) > 1} == {}


def test_the_fingerprint_changes_with_the_order_of_sources_in_a_mixture(folder: Path):
    more = "sources: {more: {kind: biographies, world: people, templates: {city: ['{{ name }} {{ city }}']}}}\n"
    one = loaded(f"extends: small\n{more}splits: {{both: {{mixture: {{bios: {{}}, more: {{}}}}}}}}\n").recipe
    two = loaded(f"extends: small\n{more}splits: {{both: {{mixture: {{more: {{}}, bios: {{}}}}}}}}\n").recipe
    assert fingerprint(one, "t") != fingerprint(two, "t")


def test_the_fingerprint_does_not_depend_on_where_the_recipe_and_its_files_lie(folder: Path):
    text = edited("values: [Oslo, Bern, Rome]", "file: FILE")
    prints = {printed(loaded(SMALL)), printed(loaded(SMALL, name="deep/down/other.yaml"))}
    for place, name in (("here", "towns.txt"), ("there", "lists/cities.txt")):
        file = folder / place / name
        file.parent.mkdir(parents=True)
        file.write_text("Oslo\n\n  Bern\nRome\n")
        prints.add(printed(loaded(text.replace("FILE", name), name=f"{place}/r.yaml")))
    assert len(prints) == 1


def test_the_fingerprint_does_not_depend_on_comments_layout_or_how_a_value_is_written(folder: Path):
    other = "# Another title\n" + edited("exposures: 4", "exposures: 4.0").replace("seed: 1\n", "seed: +1  # one\n")
    block = edited("[Oslo, Bern, Rome]", "\n        - Oslo\n        - 'Bern'\n        - \"Rome\"")
    assert len({fingerprint(loaded(text).recipe, "t") for text in (SMALL, other, block)}) == 1


def test_the_fingerprint_does_not_depend_on_how_a_tokenizer_is_named(folder: Path):
    (folder / "mine.json").write_text((GOLDEN / "byte_tokenizer.json").read_text())
    assert printed(loaded(SMALL)) == printed(loaded(SMALL, "tokenizer.name=mine.json"))
    assert printed(loaded(SMALL)) != printed(loaded(SMALL, "tokenizer.add=['<x>']"))


# ── JSON Schema ─────────────────────────────────────────────────────────────────────────────────────────────────────


def in_schema(path: Path) -> list[str]:
    """What a JSON Schema validator says of a file, read as editors read YAML."""
    jsonschema = pytest.importorskip("jsonschema")
    found = jsonschema.Draft202012Validator(schema()).iter_errors(yaml.safe_load(path.read_text("utf-8")))
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in found]


def test_the_schema_names_every_key_and_describes_those_of_a_recipe():
    made = schema()
    assert set(made["properties"]) == {"extends", *Recipe.model_fields}
    assert made["additionalProperties"] is False
    assert json.loads(json.dumps(made)) == made
    (attribute,) = made["$defs"]["WorldSpec"]["properties"]["attributes"]["patternProperties"].values()
    options = [option for option in attribute["anyOf"] if option != {"type": "null"}]
    kinds = {option["$ref"].rpartition("/")[2] for option in options}
    assert kinds == {
        f"{kind}Spec"
        for kind in ("Choice", "Codes", "Computed", "Date", "Individual", "Integer", "Lookup", "Name", "Pronoun")
    }


def test_the_schema_is_a_schema():
    pytest.importorskip("jsonschema").Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", [*RECIPES, GOLDEN / "small.yaml"], ids=lambda path: path.stem)
def test_the_schema_holds_for_every_recipe(path: Path):
    assert in_schema(path) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_schema_holds_for_every_resolved_recipe(folder: Path, path: Path):
    returned(load(path.stem))
    assert in_schema(Path("elsewhere/dumped.yaml")) == []


def test_the_schema_knows_bounds_numbers_and_names_of_formats():
    jsonschema = pytest.importorskip("jsonschema")
    made = schema()
    assert '"ge":' not in json.dumps(made)
    amounts = {"$defs": made["$defs"], **made["$defs"]["AmountSpec"]["properties"]["share"]}
    assert jsonschema.Draft202012Validator(amounts).is_valid(0.5)
    assert not jsonschema.Draft202012Validator(amounts).is_valid(1.5)
    assert made["$defs"]["PerturbedSpec"]["properties"]["share"]["default"] == 0.1
    formats = jsonschema.Draft202012Validator({**made["properties"]["exports"], "$defs": made["$defs"]})
    assert formats.is_valid(["parquet", {"kind": "megatron"}])
    assert not formats.is_valid(["parket"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: 1\n", "sead: 1\n"),
        ("seed: 1\n", "seed: one\n"),
        ("size: 20", "sise: 20"),
        ("kind: choice", "kind: chioce"),
        ("method: concat", "method: best"),
        ("[loss_mask]", "[los_mask]"),
        ("exposures: 4", "exposure: 4"),
        ("first: [Ann, Bob, Cid, Dee, Eve]", "first: {fil: x}"),
    ],
)
def test_the_schema_does_not_hold_for_a_recipe_that_is_wrong(folder: Path, old: str, new: str):
    Path("r.yaml").write_text(edited(old, new))
    assert in_schema(Path("r.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_says_in_its_first_line_what_it_is(path: Path):
    assert len(title(path)) > 20
    assert load(path.stem).title == title(path)
