"""What a refused recipe or override says: in plain words, and at the key that the user can change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline.core.errors import PipelineError, RecipeError
from pipeline.core.files import library
from pipeline.core.scalars import shown
from pipeline.formats import FORMATS
from pipeline.plan import compile_plan
from pipeline.recipe import Recipe, load
from pipeline.recipe.loading import export_spec
from pipeline.recipe.model import KINDS
from pipeline.recipe.places import Origin
from pipeline.recipe.reading import read_text
from pipeline.recipe.refusals import WORDED, refusal
from pipeline.recipe.yaml_tree import OVERRIDE, SET, Mark, Node
from pipeline.sources import SOURCES
from tests.test_recipe import SMALL

SINGLE = library("recipes") / "extraction/bioS_single.yaml"


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


# ── texts that are no recipes ───────────────────────────────────────────────────────────────────────────────────────

DEEP = "more than 100 values inside each other. Write them side by side."
LINES_OF_ALIASES = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 60))
CHAIN_OF_ALIASES = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 200))

TEXTS: dict[str, tuple[str | bytes, str]] = {
    "deep lists": ("seed: 1\nb: " + "[" * 5000, f"r.yaml:2: {DEEP}"),
    "deep mappings": ("seed: 1\nb: " + "{a: " * 5000, f"r.yaml:2: {DEEP}"),
    "deep dashes": ("seed: 1\nb:\n " + "- " * 5000 + "x\n", f"r.yaml:3: {DEEP}"),
    "a chain of aliases": (CHAIN_OF_ALIASES, f"r.yaml:99: {DEEP}"),
    "aliases that multiply": (LINES_OF_ALIASES, "r.yaml:8: more than 2,000,000 values. Put long lists into files."),
    "an alias of itself": ("a: &a {b: *a}\n", "r.yaml:1: the alias *a stands inside what it stands for. Write it out."),
    "many digits": ("seed: 1\nb: " + "9" * 5000, "r.yaml:2: a number of 5,000 digits, and at most 1,000 are read. Sho"),
    "digits behind the point": ("seed: 0." + "3" * 5000, "r.yaml:1: a number of 5,001 digits, and at most 1,000 are r"),
    "digits of a fraction": ("seed: 1/" + "3" * 5000, "r.yaml:1: a number of 5,001 digits, and at most 1,000 are read"),
    "no UTF-8": (b"seed: 1\nb: \xff", "r.yaml:2: cannot read the recipe: byte 4 of the line (0xff) is not "),
    "no UTF-8, behind a mark": (b"\xef\xbb\xbfseed: 1\n\xff", "r.yaml:2: cannot read the recipe: byte 1 of the line ("),
    "UTF-16": ("seed: 1".encode("utf-16"), "r.yaml:1: cannot read the recipe: it is UTF-16, not UTF-8. Save it as UTF"),
    "NUL": ("seed: 1\nb: \0\n", 'r.yaml:2: not YAML: the character U+0000 is not plain text. Remove it, or write "\\x'),
    "escape sequence": ("seed: 1\nb: \x1b[2J\n", "r.yaml:2: not YAML: the character U+001B is not plain text. Remove "),
    "a mark in the middle": ("seed: 1\n\ufeffb: 1\n", "r.yaml:2: not YAML: a byte order mark (U+FEFF) in the middle o"),
    "half a character": ('seed: 1\nb: "\\ud800"\n', "r.yaml:2: a text with half a character (a surrogate). Write the "),
    "key twice, CRLF": ("seed: 1\r\nseed: 2\r\n", "r.yaml:2: 'seed' stands twice. Remove one."),
    "tab": ("worlds:\n\tpeople: 1\n", "r.yaml:2: not YAML: the line is indented with a tab. Indent it with blanks."),
    "merge key": ("seed: 1\n<<: {a: 1}\n", "r.yaml:2: keys are not merged with <<. Use `extends`, or write them out."),
    "two documents": ("a: 1\n---\nb: 2\n", "r.yaml:2: not YAML: a second document begins here. Remove the line `---`"),
    "behind the end": ("a: 1\n...\nb: 2\n", "r.yaml:3: not YAML: the recipe has ended before this line. Look at brack"),
    "no such anchor": ("a: *b\n", "r.yaml:1: not YAML: there is no anchor for the alias 'b'. Put a text with * in quo"),
    "tag of another type": ("a: !!bool x\n", "r.yaml:1: 'x' is not true or false, as its tag says. Remove the tag."),
    "list": ("[1, 2]\n", "r.yaml:1: a recipe is a mapping. It has keys such as worlds, sources, splits."),
    "list of bases": ("extends: [a]\n", "r.yaml:1: extends: the name of another recipe is needed, not a list. Write o"),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_is_no_recipe_is_refused_at_its_line(folder: Path, name: str):
    text, start = TEXTS[name]
    told = refused(text)
    assert told.startswith(start)
    assert "\n" not in told


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        (".".join("a" * 5000) + "=1", "a path of 5,000 keys, and there are at most 100 inside each other. Example: "),
        ("seed=" + "[" * 5000, DEEP),
        ("seed=" + "{a: " * 5000, DEEP),
        ("seed=" + "9" * 5000, "a number of 5,000 digits, and at most 1,000 are read. "),
        ("seed=\0", "not YAML: the character U+0000 is not plain text. "),
        ("seed=\udcff", "half a character (U+DCFF). Write the text in UTF-8."),
        ("seed=[", "not YAML: "),
    ],
)
def test_an_override_that_is_no_value_is_refused(folder: Path, override: str, problem: str):
    told = refused_override(override)
    assert told.startswith("--set ")
    assert f": {problem}" in told
    assert len(told) < 400


def test_a_text_is_read_up_to_the_bounds(folder: Path):
    deep = "[" * 99 + "]" * 99
    assert refused(f"seed: 1\nb: {deep}\n") == (
        "r.yaml:2: b: unknown key. It can be: exports, seed, shard_tokens, sources, splits, strict, tokenizer, worlds."
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
            if {"min_length", "max_length"} & schema.keys():
                kinds |= {"string_too_short"} if schema["type"] == "str" else {"too_short", "too_long"}
                assert schema["type"] != "str" or "max_length" not in schema
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
    """A tree with two entries of each list, and of each mapping with many, which are all alike."""
    if isinstance(tree, dict):
        return {key: short(value) for key, value in list(tree.items())[: 40 if len(tree) < 40 else 2]}
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


WORDS: dict[str, tuple[str, str]] = {
    "text for a number": ("worlds.people.size=x", "a whole number is needed, not 'x'. Write it in digits, without quo"),
    "quoted number": ("worlds.people.size='5'", "a whole number is needed, not '5'. Remove the quotes."),
    "fraction": ("worlds.people.size=5/2", "a whole number is needed, not 2.5. Write 2 or 3."),
    "hexadecimal": ("worlds.people.size=0x1f", "a whole number is needed, not '0x1f'. Write it in decimal digits: 31."),
    "exponent": ("worlds.people.size=1e1000", "a whole number is needed, not '1e1000'. An exponent has at most three "),
    "infinity": ("worlds.people.size=.inf", "a whole number is needed, not '.inf'. It must be finite."),
    "truth for a number": ("seed=true", "a whole number is needed, not true. Write one number, in digits."),
    "list for a number": ("seed=[1]", "a whole number is needed, not a list. Write one number, in digits."),
    "large number": ("worlds.people.size=1e100", "must be less than 1099511627776, not 100000…000 (101 digits). Lower"),
    "number for a text": ("sources.bios.world=5", "a text is needed, not 5. Put it in quotes."),
    "list for a text": ("sources.bios.world=[a]", "a text is needed, not a list. Write one text."),
    "text for a list": ("splits.train.columns=spans", "a list is needed, not 'spans'. Write it in brackets: [spans]."),
    "text for a mapping": ("splits.train=x", "a mapping is needed, not 'x'. Write `key: value` lines below it."),
    "text for a truth": ("strict=yes", "true or false is needed, not 'yes'. Write one of them, without quotes."),
    "name": (
        "splits.no-name={mixture: {bios: {}}}",
        "a name has letters, digits and _, and begins with no digit: not 'no-name'. Write no_name.",
    ),
    "number for a name": (
        "splits.5={mixture: {bios: {}}}",
        "a name has letters, digits and _, and begins with no digit: not '5'. Example: birth_city.",
    ),
    "word": ("splits.train.packing.method=5", "5 is not possible here. It can be: aligned, concat, rows."),
    "long text": ("seed=" + "x" * 999, f"a whole number is needed, not '{'x' * 30}…{'x' * 29}'. Write it in digits, w"),
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_a_value_is_refused_in_plain_words(folder: Path, name: str):
    override, words = WORDS[name]
    assert refused_override(override).partition(": ")[2].startswith(words)


def test_values_are_shown_as_yaml_has_them():
    assert shown(Fraction(1, 4)) == "0.25"
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


EXTENDING: dict[str, tuple[str, str, str]] = {
    # name: what r.yaml says beside extends, where the refusal stands, words of it
    "values over a file": (
        "worlds: {people: {attributes: {birth_city: {values: [a, b]}}}}", "worlds.people.attributes.birth_city.values",
        f"needed, not 2 (values, file). Write `file: null` beside it, which takes away what is inherited ({SINGLE}:",
    ),
    "faker over a file": (
        "worlds: {people: {attributes: {birth_city: {faker: city, count: 5}}}}",
        "worlds.people.attributes.birth_city.faker", "(file, faker). Write `file: null` beside it",
    ),
    "too many names": (
        "worlds: {people: {size: 500_000_000}}", "worlds.people.size", "500,000,000 items but only 160,000,000 names",
    ),
    "too small a pool": (
        "worlds: {people: {attributes: {name: {pools: {first: [a, b], last: [c]}}}}}",
        "worlds.people.attributes.name.pools.first", "100,000 items but only 800 names (2 × 400 × 1)",
    ),
    "templates of one sentence": (
        "sources: {biographies: {templates: {birth_date: ['{{ name }}: {{ birth_date }}.']}}}",
        "sources.biographies.templates",
        f"no templates for the sentence 'birth_city'. What stands there replaces all of 'biography/en' ({SINGLE}:",
    ),
    "exposures and a share": (
        "splits: {train: {mixture: {biographies: {exposures: 3, share: 0.5}}}}",
        "splits.train.mixture.biographies.exposures", "one of exposures and share is enough. Remove all but one",
    ),
    "a share of nothing": (
        "splits: {train: {mixture: {biographies: {share: 0.5}}}}", "splits.train.mixture.biographies.share",
        "there are shares but no amount",
    ),
    "a group of nobody": (
        "worlds: {people: {groups: {few: [0, 0.0000001]}}}", "worlds.people.groups.few", "has nobody in it",
    ),
    "rows that are too short": (
        "splits: {train: {packing: {method: rows, length: 5}}}", "splits.train.packing.length", "a document can have",
    ),
    "another kind": (
        "worlds: {people: {attributes: {birth_city: {kind: integer, first: 1}}}}",
        "worlds.people.attributes.birth_city",
        "'last' is missing. What stands there replaces all of the choice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXTENDING)
def test_what_an_extending_recipe_says_is_at_fault(folder: Path, name: str):
    text, place, words = EXTENDING[name]
    told = refused(f"extends: bioS_single\n\n{text}\n")
    assert told.startswith(f"r.yaml:3: {place}: "), told
    assert words in told


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


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("sources.bios=", "no source 'bios'. There are none."),
        ("worlds.people=", "no world 'people'. There are none."),
        (
            "worlds.people.attributes.city=",
            "no attribute 'city' is declared before it. It can be: born, name",
        ),
    ],
)
def test_what_is_taken_away_is_at_fault_and_not_what_needs_it(folder: Path, override: str, problem: str):
    assert refused_override(override).startswith(f"--set {override.removesuffix('=')}: {problem}")


def test_shares_over_one_are_those_that_the_user_gave(folder: Path):
    Path("base.yaml").write_text(
        "extends: bioS_mixed_50\nworlds: {people: {size: 100}}\n"
        "splits: {train: {mixture: {biographies: {exposures: null, share: 0.5}}}}\n"
    )
    told = refused("extends: base\nsplits:\n  train:\n    mixture:\n      questions: {share: 0.75}\n")
    assert told.startswith("r.yaml:5: splits.train.mixture.questions.share: shares add up to 1.25")
    Path("base.yaml").write_text(Path("base.yaml").read_text().replace("share: 0.5", "share: 0.75"))
    assert refused("extends: base\n").startswith(
        "base.yaml:3: splits.train.mixture.biographies.share: shares add up to"
    )


def test_what_a_world_inherits_is_not_at_fault(folder: Path):
    told = refused("extends: small\n\nworlds: {others: {extends: people, attributes: {city: {file: a.txt}}}}\n")
    assert told.startswith("r.yaml:3: worlds.others.attributes.city.file: exactly one of values, file and faker")
    assert "Write `values: null` beside it" in told


# ── misspelt names ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("worlds.person.size=5", "worlds.person: no world 'person'. Did you mean 'people'? A new one needs 'at"),
        ("worlds.person={size: 5}", "worlds.person: no world 'person'. Did you mean 'people'? A new one needs"),
        ("sources.bio.eos=true", "sources.bio: no source 'bio'. Did you mean 'bios'? A new one needs 'kind'."),
        ("splits.trian.packing.length=9", "splits.trian: no split 'trian'. Did you mean 'train'? A new one needs '"),
        (
            "worlds.people.attributes.citty.weights=zipf",
            "worlds.people.attributes.citty: no attribute 'citty'. Did you mean 'city'? A new one needs 'kind'.",
        ),
        ("splits.train.mixture.bioz.exposures=1", "splits.train.mixture.bioz: no source 'bioz'. Did you mean 'bios'?"),
        ("sources.bios.templates.citty.0=x", "there is no list sources.bios.templates.citty. Did you mean 'city'?"),
        ("splits.train.columns.1=spans", "the list splits.train.columns has no place 1. It has 0 to 0."),
        ("splits.train.columns.99999999999=spans", "has no place 99999999999. It has 0 to 0."),
        ("exports.0.kind=mds", "there is no list exports. Set all of it: --set 'key=[a, b]'."),
        ("exports.jsonl.text=a", "exports: a list is needed, not a mapping. Write its entries in brackets, [a, b]; -"),
    ],
)  # fmt: skip
def test_a_misspelt_name_is_told_from_a_new_one(folder: Path, override: str, told: str):
    message = refused_override(override)
    assert message.startswith("--set ")
    assert told in message


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
