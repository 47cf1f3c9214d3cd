"""What a refused recipe or override says: in plain words, and at the key that the user can change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from pipeline.core.errors import PipelineError, RecipeError, SpecError
from pipeline.core.files import library
from pipeline.core.scalars import shown
from pipeline.formats import FORMATS
from pipeline.plan import compile_plan
from pipeline.recipe import Recipe, load
from pipeline.recipe.loading import export_spec
from pipeline.recipe.model import KINDS
from pipeline.recipe.places import Origin
from pipeline.recipe.reading import read_file, read_text
from pipeline.recipe.refusals import WORDED, refusal
from pipeline.recipe.yaml_tree import OVERRIDE, SET, Mark, Node
from pipeline.sources import SOURCES
from tests.test_recipe import GOLDEN, SMALL


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with small.yaml in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SMALL, "utf-8")
    return tmp_path


def refused(text: str | bytes, *overrides: str) -> str:
    """The refusal of a recipe r.yaml, in the current folder, as the user sees it."""
    Path("r.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PipelineError) as caught:
        compile_plan(load("r.yaml", overrides))
    return str(caught.value)


def refused_override(*overrides: str) -> str:
    return refused("extends: small\n", *overrides)


DEEP = "more than 100 values inside each other. Write them side by side."


# ── the cases of refusals.yaml ──────────────────────────────────────────────────────────────────────────────────────

CASES = yaml.load((Path(__file__).parent / "refusals.yaml").read_text("utf-8"), yaml.CSafeLoader)
PLACES = {"GOLDEN": str(GOLDEN), "LIBRARY": str(library("recipes"))}
BESIDE = {
    "small.yaml": SMALL.encode(),
    "words.json": b"{}",
    "empty.txt": b"\n\n",
    "twice.txt": b"a\n\nb\na\n",
    "t.tsv": b"land\ttown\nIT\tRome\nCH\n",
    "latin.txt": "Zürich\n".encode("latin-1"),
}


def base(name: str) -> str:
    """The text of a recipe that cases change."""
    said = {**CASES["bases"], "small": SMALL, "text": "HERE"}[name]
    return edited(base(said["of"]), *said["change"]) if isinstance(said, dict) else said


def edited(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the base"
    return text.replace(old, new)


def whole(text: str, **words: str) -> str:
    """A text of the table written out."""
    for word, said in {**PLACES, **words}.items():
        text = text.replace(word, said)
    return re.sub("⟨(.+?)×([0-9]+)⟩", lambda run: run[1] * int(run[2]), text, flags=re.DOTALL)


def recipes(group: dict[str, Any], name: str, case: Any) -> Iterator[tuple[bytes, list[str]]]:
    """The recipes of a case, and their overrides."""
    text, name = base(group["base"]), whole(name)
    match group["by"]:
        case "change":
            yield edited(text, *map(whole, case["change"])).encode(), []
        case "words":
            words = {"MORE": "{kind: integer, first: 1, last: 9}", "LINE": "{{ city }}", "AMOUNT": "1"}
            for word, said in {**words, **case["words"]}.items():
                text = text.replace(word, whole(said))
            yield text.encode(), []
        case "here":
            yield text.replace("HERE", name).encode(), []
        case "line":
            for around in group.get("within", ["LINE"]):
                yield text.replace("HERE", json.dumps(around.replace("LINE", name))).encode(), []
        case "set":
            yield text.encode(), [name]
        case "file":
            Path(group["file"]).parent.mkdir(exist_ok=True)
            Path(group["file"]).write_bytes(name.encode())
            yield text.encode(), []
        case "bytes":
            yield bytes.fromhex(case["bytes"]), []


def line(stage: str, recipe: bytes, overrides: list[str]) -> str:
    """What the user sees of a refusal, which comes when it should."""
    Path("r.yaml").write_bytes(recipe)
    try:
        loaded = load("r.yaml", overrides)
        if stage == "load":
            return "it can be read"
        compile_plan(loaded)
    except PipelineError as refusal:
        assert refusal.exit_code == 2
        return f"{type(refusal).__name__}: {refusal}"
    return "it can be planned"


@pytest.mark.parametrize("group", CASES["groups"], ids=lambda group: f"{group['what']} ({group['stage']})")
def test_what_is_refused_is_said_in_one_line_with_place_problem_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: dict[str, Any]
):
    monkeypatch.setattr("pipeline.text.tokenizer_loading.from_hub", unreachable)
    monkeypatch.setattr("pipeline.recipe.merging.read_file", read_once)
    here = tmp_path / "here"
    (here / "folder").mkdir(parents=True)
    (tmp_path / "outside.txt").write_text("a\nb\nc\n")
    (here / "link.txt").symlink_to("../outside.txt")
    for name, content in BESIDE.items():
        (here / name).write_bytes(content)
    monkeypatch.chdir(here)
    wrong = []
    for name, case in group["cases"].items():
        says = whole(group.get("begins", "") + (case if isinstance(case, str) else case["says"]), **CASES["said"])
        pattern = ".+".join(map(re.escape, says.split("⟨…⟩")))
        for recipe, overrides in recipes(group, name, case):
            said = line(group["stage"], recipe, overrides)
            if not re.fullmatch(pattern, said):
                wrong.append(f"{name}\n  should be: {says}\n  is:        {said}")
    assert not wrong, "\n".join(wrong)
    left = {*BESIDE, "folder", "link.txt", "r.yaml", Path(group.get("file", "r.yaml")).parts[0]}
    assert {path.name for path in here.iterdir()} == left, "nothing is left behind"


@lru_cache
def unchanged(path: Path, distance: int) -> Node:
    return read_file(path, distance)


def read_once(path: Path, distance: int) -> Node:
    """A recipe that no case changes is parsed once, which is most of what a case takes."""
    return (read_file if path.name == "r.yaml" else unchanged)(path, distance)


def unreachable(name: str) -> None:
    raise SpecError(f"cannot fetch the tokenizer '{name}' from the Hugging Face Hub: no network", "", ("name",))


def test_aliases_are_bounded(folder: Path):
    multiply = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 60))
    chain = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 200))
    assert refused(multiply) == "r.yaml:8: more than 2,000,000 values. Put long lists into files."
    assert refused(chain) == f"r.yaml:99: {DEEP}"


def test_half_a_character_of_a_command_line_is_no_value(folder: Path):
    told = refused_override("seed=\udcff")
    assert told.startswith("--set ")
    assert ": half a character (U+DCFF). Write the text in UTF-8." in told


def test_a_text_is_read_up_to_the_bounds(folder: Path):
    deep = "[" * 99 + "]" * 99
    assert refused(f"seed: 1\nb: {deep}\n") == (
        "r.yaml:2: b: unknown key. It can be: exports, languages, seed, shard_tokens, sources, splits, strict, "
        "tokenizer, worlds."
    )
    assert refused(f"seed: 1\nb: [{deep}]\n").startswith(f"r.yaml:2: {DEEP}")
    assert load("small.yaml", ["seed=" + "9" * 1000]).recipe.seed == int("9" * 1000)


# ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────────

# Constraints of pydantic's core schemas → the errors that they give.
OF_TYPES = {
    "str": {"string_type"},
    "int": {"int_type"},
    "bool": {"bool_type"},
    "list": {"list_type"},
    "dict": {"dict_type"},
    "model": {"model_type"},
    "model-fields": {"missing"},
    "literal": {"literal_error"},
    "tagged-union": {"union_tag_invalid", "union_tag_not_found", "model_attributes_type"},
}
OF_BOUNDS = {
    "ge": "greater_than_equal",
    "gt": "greater_than",
    "le": "less_than_equal",
    "lt": "less_than",
    "pattern": "string_pattern_mismatch",
}
WITHOUT_ERRORS = {"default", "definition-ref", "definitions", "fraction", "function-after", "function-before", "any"}
WITHOUT_ERRORS |= {"function-plain", "function-wrap", "model-field", "no-info", "nullable", "union"}
OTHERS = {"discriminator", "schema", "type", "strict", "definitions", "metadata", "ref", "serialization", "function"}


def schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Every core schema inside of one."""
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema
        for key, value in schema.items():
            if key not in ("serialization", "metadata", "expected"):
                yield from schemas(value)
    elif isinstance(schema, list | tuple):
        for value in schema:
            yield from schemas(value)


def test_every_error_that_a_spec_can_give_has_a_wording():
    kinds = {"unknown_key", "refused", "number"}
    for root in (Recipe, *(kind.spec for kind in SOURCES.values()), *(kind.spec for kind in FORMATS.values())):
        for schema in schemas(root.__pydantic_core_schema__):
            if schema["type"] not in OF_TYPES:
                assert schema["type"] in WITHOUT_ERRORS, f"nothing is known of the errors of {schema['type']}"
            kinds |= OF_TYPES.get(schema["type"], set())
            kinds |= {OF_BOUNDS[key] for key in OF_BOUNDS.keys() & schema.keys()}
            bounds = {"min_length": "too_short", "max_length": "too_long"}
            of_texts = "string_" if schema["type"] == "str" else ""
            kinds |= {of_texts + name for bound, name in bounds.items() if bound in schema}
    assert kinds == WORDED


VALUES = ["''", "x", "-1", "0", "1e400", "0.5", "-0.5", "1e39", "true", "[]", "[1]", "{}", "{a: 1}", "'a b'", "9e12"]
VALUES += ["x" * 300, "[[[]]]", "1/3", "1e999999999", ".inf", "0x1f", "'5'", "{kind: 5}", "{kind: [x]}", "[{kind: x}]"]
JARGON = re.compile(
    r"[Ii]nput should|valid|\^|\$|[a-z]_type|union|tag_|regex|pattern|dict|Spec\b|Fraction|None|True|False|pydantic|"
    r"string|float|integer|greater_than|\{'|Extra|\[type"
)


def paths(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where everything in a tree stands."""
    if path:
        yield path
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from paths(value, (*path, key))


def short(tree: Any) -> Any:
    """A tree with two entries of each list and of each mapping of lists, and one of each kind, as others are alike."""
    if isinstance(tree, dict):
        specs = {key: value for key, value in tree.items() if isinstance(value, dict)}
        kinds = {spec["kind"]: key for key, spec in reversed(specs.items()) if "kind" in spec}
        alike = all(isinstance(value, list) for value in tree.values()) or len(tree) >= 40
        kept = kinds.values() if kinds else list(tree)[: 2 if alike else None]
        return {key: short(value) for key, value in tree.items() if key in kept}
    return [short(value) for value in tree[:2]] if isinstance(tree, list) else tree


def changed(tree: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A tree with another value at a path."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = changed(tree[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize("name", ["bioS_mixed_50", "depo1_N225_K4"])
def test_no_refusal_of_a_value_speaks_of_types_of_python(name: str):
    tree = short(load(name).recipe.model_dump(by_alias=True))
    tree["exports"] = [{"kind": "litdata", "block": 4}, {"kind": "jsonl"}]
    values = [read_text(value, "", SET).plain() for value in VALUES]
    words = set()
    for path in paths(tree):
        for value in values:
            try:
                Recipe.model_validate(changed(tree, path, value))
            except ValidationError as errors:
                made = refusal(errors.errors(include_url=False), changed(tree, path, value), KINDS)
                words.add(f"{made.problem} {made.remedy}")
    assert len(words) > 40
    for told in sorted(words):
        assert not JARGON.search(re.sub(r"'[^']*'|`[^`]*`", "", told)), told
        assert len(told) < 400


def test_values_are_shown_as_yaml_has_them():
    assert (shown(Fraction(1, 4)), shown(Fraction(2)), shown(Fraction(-3))) == ("0.25", "2", "-3")
    assert shown(Fraction(10**400 + 1, 3)).endswith("(402 digits)")
    assert [shown(value) for value in (None, False, {"a": 1}, [1], -5)] == [
        "null",
        "false",
        "a mapping",
        "a list",
        "-5",
    ]


def test_a_missing_key_is_to_be_written_where_it_is_missing(folder: Path):
    assert refused("seed: 1\n") == "r.yaml:1: 'sources' is missing. Write it, or inherit it with `extends`."
    lines = SMALL.replace("first: 35, last: 45", "first: 35")
    assert refused(lines).endswith("attributes.shoes: 'last' is missing. Write `last: …` there.")


def test_options_of_a_format_are_refused_at_the_override():
    with pytest.raises(RecipeError, match=r"^--set blok: unknown key\. Did you mean 'block'\?"):
        export_spec("litdata", ["blok=1"])


def test_the_way_that_went_furthest_is_the_one_that_was_meant():
    adapter = TypeAdapter(list[dict[str, int]] | int)
    try:
        adapter.validate_python([{"a": "x"}], strict=True)
    except ValueError as error:
        made = refusal(error.errors(include_url=False), [{"a": "x"}], KINDS)  # type: ignore[attr-defined]
    assert (made.problem, made.at) == ("a whole number is needed, not 'x'", (0, "a"))


# ── where a refusal points ──────────────────────────────────────────────────────────────────────────────────────────


def origin(**distances: int) -> Origin:
    keys = {key: Node(None, Mark(Path(f"{key}.yaml"), 1, far)) for key, far in distances.items()}
    return Origin(Node(keys, Mark(Path("r.yaml"), 1)))


def test_of_several_keys_the_nearest_to_the_user_is_pointed_at():
    marks = origin(a=1, b=0, c=-1, d=0)
    assert marks.nearest_to_user([("a",), ("b",)], ("a",)) == ("b",)
    assert marks.nearest_to_user([("a",), ("b",), ("c",)], ("a",)) == ("c",)
    assert marks.nearest_to_user([("b",), ("d",)], ("a",)) == ("b",), "the first of those that are equally near"
    assert marks.nearest_to_user([("b",), ("d",)], ("d",)) == ("d",), "none is nearer than the place at hand"
    assert marks.nearest_to_user([("x",), ("y",)], ("a",)) == ("a",), "what nobody wrote is not at fault"


def test_what_replaces_a_mapping_does_not_answer_for_what_that_had_replaced(folder: Path):
    (folder / "words").mkdir()
    (folder / "words/birth_date.j2").write_text("{{ name }}: {{ birth_date }}.")
    templates = "{birth_date: ['{{ name }}: {{ birth_date }}.']}"
    Path("base.yaml").write_text(f"extends: bioS_single\nsources: {{biographies: {{templates: {templates}}}}}\n")
    assert "replaces all of 'biography/en'" in refused("extends: base\n")
    told = refused("extends: base\n\nsources: {biographies: {templates: words}}\n")
    assert told.startswith("r.yaml:3: sources.biographies.templates: no templates for the sentence 'birth_city'")
    assert "replaces" not in told


def test_what_is_set_is_at_fault_and_not_what_it_is_set_over(folder: Path):
    both = "worlds.people.attributes.city.file=a.txt"
    told = refused_override(both)
    assert told.startswith("--set worlds.people.attributes.city.file: exactly one of values, file and faker")
    assert "Add --set worlds.people.attributes.city.values=null, which takes away what is inherited (small.yaml" in told
    assert refused_override("worlds.people.size=26").startswith("--set worlds.people.size: 26 items but only 25 names")
    assert refused_override("worlds=").startswith("--set worlds: no world 'people'")
    share = ["splits.train.mixture.bios={exposures: null, share: 0.7}", "splits.train.tokens=5000"]
    assert refused_override(*share).startswith("--set splits.train.tokens: the amounts do not make up 5,000")


def test_shares_over_one_are_those_that_the_user_gave(folder: Path):
    loads = "extends: small\nsources: {more: {extends: bios}}\nsplits: {train: {mixture: {more: {share: 0.5}}}}\n"
    Path("below.yaml").write_text(loads)
    Path("base.yaml").write_text("extends: below\nsplits: {train: {mixture: {bios: {exposures: null, share: 0.5}}}}\n")
    told = refused("extends: base\nsplits:\n  train:\n    mixture:\n      more: {share: 0.75}\n")
    assert told.startswith("r.yaml:5: splits.train.mixture.more.share: shares add up to 1.25")
    Path("base.yaml").write_text(Path("base.yaml").read_text().replace("share: 0.5", "share: 0.75"))
    assert refused("extends: base\n").startswith("base.yaml:2: splits.train.mixture.bios.share: shares add up to")


def test_what_a_world_inherits_is_not_at_fault(folder: Path):
    told = refused("extends: small\n\nworlds: {others: {extends: people, attributes: {city: {file: a.txt}}}}\n")
    assert told.startswith("r.yaml:3: worlds.others.attributes.city.file: exactly one of values, file and faker")
    assert "Write `values: null` beside it" in told


# ── misspelt names ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_misspelt_name_in_an_extending_recipe(folder: Path):
    told = refused("extends: small\n\nworlds: {person: {size: 5}}\n")
    assert told == "r.yaml:3: worlds.person: no world 'person'. Did you mean 'people'? A new one needs 'attributes'."


def test_a_new_world_may_stand_beside_others(folder: Path):
    told = refused("extends: small\nworlds: {dogs: {size: 5, attributes: {a: {kind: integer, first: 1}}}}\n")
    assert "worlds.dogs.attributes.a: 'last' is missing. Write `last: …` there." in told


def test_an_override_reaches_into_lists(folder: Path):
    made = load("small.yaml", ["worlds.people.attributes.city.values.1=Ulm", "splits.train.columns.0=spans"]).recipe
    assert made.model_dump()["worlds"]["people"]["attributes"]["city"]["values"] == ["Oslo", "Ulm", "Rome"]
    assert made.splits["train"].columns == ["spans"]
    sinks = ["exports=[{kind: mds}, jsonl]", "exports.0.kind=parquet", "exports.1={kind: jsonl, columns: [input_ids]}"]
    assert [one.kind for one in load("small.yaml", sinks).recipe.exports] == ["parquet", "jsonl"]
    assert refused_override("exports=[{kind: mds}]", "exports.0.kind=mdz").startswith(
        "--set exports.0.kind: 'mdz' is not possible here. Did you mean 'mds'?"
    )
    assert Path("--set") == OVERRIDE


# ── numbers of any size in messages ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", ["1e400", "1e999", "9" * 900 + "/7", "-1e999"])
def test_numbers_that_no_float_holds_are_refused_too(folder: Path, number: str):
    assert "the group 'a' goes from 0 to " in refused_override(f"worlds.people.groups={{a: [0, {number}]}}")
    many = ["sources.b2={extends: bios}", "splits.train.mixture.bios={exposures: null, share: 0.5}"]
    many += ["splits.train.tokens=10000", f"splits.train.mixture.b2={{ratio: {number}, to: bios}}"]
    told = refused_override(*many)
    assert re.match(r"--set splits\.train\.(mixture|tokens)", told), told
    assert len(told) < 400


def test_a_value_is_not_shown_at_all_its_length(folder: Path):
    value = f"[Oslo, Bern, '{'x' * 9999} ']"
    told = refused_override(f"worlds.people.attributes.city.values={value}")
    assert f"value '{'x' * 30}…{'x' * 28} ' (entry 3) is empty, padded or broken over lines" in told
    assert len(told) < 400
    circle = refused_override("worlds.others.extends=[a]")
    assert circle == "--set worlds.others.extends: the name of another world is needed, not a list. Write one."
