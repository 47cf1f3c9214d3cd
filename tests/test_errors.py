from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import cli
from pipeline.core import errors
from pipeline.core.errors import PipelineError, RunError, SpecError, suggest
from pipeline.plan import compile_plan
from pipeline.recipe import load

GOLDEN = Path(__file__).parent / "golden"
SMALL = (GOLDEN / "small.yaml").read_text("utf-8").replace("byte_tokenizer.json", str(GOLDEN / "byte_tokenizer.json"))
FUZZ = settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def every_kind(kind: type[PipelineError] = PipelineError) -> list[type[PipelineError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in every_kind(child))]


@pytest.fixture(scope="module", autouse=True)
def no_network() -> Iterator[None]:
    """The Hugging Face Hub cannot be reached."""

    def unreachable(name: str) -> None:
        raise SpecError(f"cannot fetch the tokenizer '{name}' from the Hugging Face Hub: no network", "", ("name",))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.text.tokenizer_loading.from_hub", unreachable)
        yield


# ── the errors themselves ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_docstring_names_every_kind_of_error():
    assert errors.__doc__ is not None
    drawn = set(re.findall(r"\w+Error", errors.__doc__))
    assert drawn == {kind.__name__ for kind in every_kind() if kind.__module__ == errors.__name__}


@pytest.mark.parametrize("kind", every_kind(), ids=lambda kind: kind.__name__)
def test_errors_survive_pickling(kind: type[PipelineError]):
    told = kind("no file 'a.txt'", "Look elsewhere.")
    again = pickle.loads(pickle.dumps(told))
    assert type(again) is kind
    assert str(again) == str(told) == "no file 'a.txt'. Look elsewhere."
    assert (again.problem, again.remedy, again.place) == (told.problem, told.remedy, told.place)
    assert again.exit_code == kind.exit_code


@pytest.mark.parametrize(
    "kind", [kind for kind in every_kind() if kind is not SpecError], ids=lambda kind: kind.__name__
)
def test_errors_with_a_place_survive_pickling(kind: type[PipelineError]):
    told = kind("no file", "", "a.yaml:3: worlds")
    again = pickle.loads(pickle.dumps(told))
    assert str(again) == "a.yaml:3: worlds: no file."
    assert again.place == told.place


def test_where_a_spec_is_wrong_survives_pickling():
    again = pickle.loads(pickle.dumps(SpecError("no file", "Look elsewhere.", ("pools", "first", 2))))
    assert again.at == ("pools", "first", 2)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("problem",), "problem."),
        (("problem.",), "problem."),
        (("problem", "Remedy."), "problem. Remedy."),
        (("problem", "", "a:1"), "a:1: problem."),
        (("problem", "Remedy.", "a:1"), "a:1: problem. Remedy."),
    ],
)
def test_an_error_reads_place_problem_remedy(arguments: tuple[str, ...], shown: str):
    assert str(PipelineError(*arguments)) == shown


def test_refused_input_exits_with_two_and_failed_work_with_one():
    assert {kind.exit_code for kind in every_kind() if not issubclass(kind, RunError)} == {2}
    assert RunError.exit_code == 1


@pytest.mark.parametrize(
    ("word", "known", "remedy"),
    [
        ("exposure", ["share", "exposures"], "Did you mean 'exposures'?"),
        ("sise", ["size", "side"], "Did you mean 'size'?"),
        ("Size", ["side", "size"], "Did you mean 'size'?"),
        (
            "depo1",
            ["copy", "depo1_K8", "depo1_K4", "mini_depo1"],
            "Did you mean 'depo1_K4', 'depo1_K8' or 'mini_depo1'?",
        ),
        ("K8", ["depo1_K8", "depo2_K8", "copy"], "It can be: copy, depo1_K8, depo2_K8."),
        ("_K8", ["depo1_K8", "depo2_K8", "copy"], "Did you mean 'depo1_K8' or 'depo2_K8'?"),
        ("multi", ["a_multi", "multi_b", "multy"], "Did you mean 'multi_b' or 'a_multi'?"),
        (
            "n",
            {f"n{i:02}": 0 for i in range(13)},
            "Did you mean 'n00', 'n01', 'n02', 'n03', 'n04', 'n05', 'n06', 'n07', 'n08', 'n09', 'n10', 'n11', …?",
        ),
        ("x" * 100_000, ["b", "a"], "It can be: a, b."),
        ("zzz", ["b", "a"], "It can be: a, b."),
        ("", ["b", "a"], "It can be: a, b."),
        ("x", [], "There are none."),
        ("zzz", map(str, range(12)), "It can be: 0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9."),
        ("zzz", {f"{i:02}": 0 for i in range(13)}, "It can be: 00, 01, 02, 03, 04, 05, 06, 07, 08, 09, 10, 11, …."),
    ],
)
def test_an_unknown_word_gets_the_nearest_known_one_or_some(word: str, known: Any, remedy: str):
    assert suggest(word, known) == remedy


# ── refusals, as a user sees them ───────────────────────────────────────────────────────────────────────────────────

# name: what is replaced in small.yaml, by what, where the refusal stands (the text of its line), problem, remedy
REFUSALS: dict[str, tuple[str, str, str, str, str]] = {
    # unknown keys
    "key of a recipe": ("seed: 1\n", "sead: 1\n", "sead", "sead: unknown key", "Did you mean 'seed'?"),
    "key of a world": ("size: 20", "sise: 20", "sise", "worlds.people.sise: unknown key", "Did you mean 'size'?"),
    "key of a choice": ("weights: [", "wieghts: [", "wieghts", "wieghts: unknown key", "Did you mean 'weights'?"),
    "key of a date": ("years: 10", "yaers: 10", "yaers", "yaers: unknown key", "Did you mean 'years'?"),
    "key of a lookup": ("of: city", "on: city", "on:", "on: unknown key", "It can be: "),
    "key of a name": ("pools:", "pool:", "pool:", "pool: unknown key", "Did you mean 'pools'?"),
    "key of a pool": (
        "[Ann, Bob, Cid, Dee, Eve]", "{fil: a.txt}", "fil:", "fil: unknown key", "Did you mean 'file'?",
    ),
    "key of weights": ("[1, 2, 1]", "{zif: 1}", "zif:", "zif: unknown key", "Did you mean 'zipf'?"),
    "key of a source": ("paraphrases: 2", "paraphrase: 2", "paraphrase:", "unknown key", "Did you mean 'paraphrases'?"),
    "key of an amount": ("exposures: 4", "exposure: 4", "exposure:", "unknown key", "Did you mean 'exposures'?"),
    "key of a packing": ("length: 64", "lenght: 64", "lenght", "packing.lenght: unknown key", "Did you mean 'length'?"),
    "key of a tokenizer": ("{name: ", "{nam: ", "nam:", "tokenizer.nam: unknown key", "Did you mean 'name'?"),
    "key of a split": ("    columns: [", "    colums: [", "colums", "colums: unknown key", "Did you mean 'columns'?"),
    # wrong types and values
    "text for a number": ("size: 20", "size: many", "size:", "size: a whole number is needed, not 'many'", ""),
    "fraction for a whole number": ("size: 20", "size: 0.5", "size:", "worlds.people.size: ", ""),
    "nobody": ("size: 20", "size: 0", "size:", "size: must be greater than 0, not 0", ""),
    "too many people": ("size: 20", "size: 1e15", "size:", "worlds.people.size: ", ""),
    "negative seed": ("seed: 1\n", "seed: -1\n", "seed:", "seed: must be greater than or equal to 0, not -1", ""),
    "list for a number": ("seed: 1\n", "seed: [1]\n", "seed:", "seed: a whole number is needed", ""),
    "number for a list": ("values: [Oslo, Bern, Rome]", "values: 3", "values: 3", "a list is needed, not 3", ""),
    "number for a text": (
        "[Oslo, Bern, Rome]", "[Oslo, 3, Rome]", "Oslo", "values.1: a text is needed", "",
    ),
    "truth for a text": ("[Oslo, Bern, Rome]", "[Oslo, true, Rome]", "Oslo", "values.1: ", "Put it in quotes."),
    "number for a mapping": ("pronoun: {kind: pronoun}", "pronoun: 5", "pronoun: 5", "people.attributes.pronoun: ", ""),
    "text for an amount": ("exposures: 4", "exposures: often", "exposures", "a number is needed, not 'often'", ""),
    "truth for an amount": ("exposures: 4", "exposures: true", "exposures", "a number is needed, not true", ""),
    "negative amount": ("exposures: 4", "exposures: -1", "exposures", "greater than or equal to 0", ""),
    "two amounts": (
        "exposures: 4", "exposures: 4\n        share: 0.1", "bios:\n        exp", "one of exposures and share", "null",
    ),
    "list of numbers in a pool": ("first: [Ann, ", "first: [7, ", "first: [7", "first.0: ", "Put it in quotes."),
    "number for a template": (
        '- "{{ subject }} was born on {{ born }}."', "- 5", "- 5", "templates.born.0: a text is needed",
        "",
    ),
    "unknown kind": (
        "kind: choice", "kind: chioce", "kind: chioce", "'chioce' is not possible", "Did you mean 'choice'?",
    ),
    "no kind": ("        kind: choice\n", "", "      city:", "people.attributes.city: 'kind' is missing", ""),
    "unknown kind of source": (
        "kind: biographies", "kind: biography", "kind: biography", "'biography' is not possible",
        "Did you mean 'biographies'?",
    ),
    "unknown packing": (
        "method: concat", "method: contact", "method", "'contact' is not possible", "Did you mean 'concat'?",
    ),
    "unknown column": ("[loss_mask]", "[los_mask]", "los_mask", "columns.0: 'los_mask' is not possible", "loss_mask"),
    "unknown weights": ("[1, 2, 1]", "zpif", "zpif", "weights: 'zpif' is not possible here", "zipf"),
    "unknown pronoun": ("{kind: pronoun}", "{kind: pronoun, values: [xe]}", "xe", "'xe' is not possible", "he"),
    "missing key": ("    size: 20\n", "", "  people:", "worlds.people: 'size' is missing", ""),
    "bad name": ("      pronoun: {", "      pro noun: {", "pro noun", "worlds.people.attributes.pro noun: ", ""),
    "long rows": ("length: 64", "length: 20000000", "length:", "packing.length: ", "16777216"),
    "small shards": ("shard_tokens: 2048", "shard_tokens: 10", "shard_tokens", "shard_tokens: ", "1024"),
    # names of attributes, sentences, sources, worlds
    "unknown attribute": (
        "wears {{ shoes }}", "wears {{ sheos }}", "sheos", "no attribute 'sheos' in world 'people'",
        "Did you mean 'shoes'?",
    ),
    "unknown part": ("born on {{ born }}", "born on {{ born.yeer }}", "yeer", "yeer", ""),
    "unknown sentence": (
        "paraphrases: 2", "sentences: [born, citty]", "sentences:", "no templates for the sentence 'citty'",
        "Did you mean 'city'?",
    ),
    "sentence twice": (
        "paraphrases: 2", "sentences: [born, born]", "sentences:", "a sentence stands twice", "Remove one.",
    ),
    "unknown source": (
        "      bios:\n", "      boss:\n", "boss", "mixture.boss: no source 'boss'", "Did you mean 'bios'?",
    ),
    "unknown world": (
        "world: people", "world: peple", "world: peple", "bios.world: no world 'peple'", "Did you mean 'people'?",
    ),
    "lookup of nothing": ("of: city", "of: town", "of: town", "country.of: no attribute 'town'", ""),
    "lookup of what comes later": ("of: city", "of: shoes", "of: shoes", "no attribute 'shoes' is declared before", ""),
    "lookup of the wrong size": (
        "[Norway, Switz", "[Norway, Bern, Switz", "country:", "4 values for the 3 values of 'city'", "",
    ),
    "world without a name": (
        SMALL[SMALL.index("      name:") : SMALL.index("      pronoun:")], "",
        "world: people", "no attribute of kind name", "Biographies need one.",
    ),
    "world without a pronoun": (
        "      pronoun: {kind: pronoun}\n", "", "bios:\n    kind", "no pronoun", "full_name: all",
    ),
    "template twice": (
        "home is {{ city }}.", "home is {{ city }}.\"\n        - \"{{ subject_possessive }} home is {{ city }}.",
        "      city:\n        - ", "stands twice", "Remove one.",
    ),
    "no templates": (
        '        - "{{ subject }} was born on {{ born }}."\n', "        []\n", "born:\n        []", "no template", "",
    ),
    # amounts
    "share over one": (
        "exposures: 4", "share: 1.1", "share: 1.1", "share: must be less than or equal to 1, not 1.1", "",
    ),
    "share of nothing": ("exposures: 4", "share: 0.5", "mixture:", "there are shares but no amount", "`tokens`"),
    "fresh for ever": (
        "paraphrases: 2\n\nsplits:\n  train:\n    mixture:\n      bios:\n        exposures: 4",
        "paraphrases: fresh\n\nsplits:\n  train:\n    mixture:\n      bios: {}",
        "bios: {}", "'bios' has no end, and nothing states how much", "exposures, a share, a ratio or tokens",
    ),
    "rows too short": (
        "concat, length: 64", "rows, length: 20", "packing:", "a document can have", "Set packing.length to",
    ),
    # names
    "names exhausted": ("size: 20", "size: 26", "pools:", "26 items but only 25 names (5 × 5)", "Enlarge a pool"),
    "words in two pools": (
        "[Ann, Bob, Cid, Dee, Eve]\n          last: [Moe, Nye,", "[Ann Lee, Bob]\n          last: [Moe Nye,", "pools:",
        "pools first and last both hold values of several words", "hyphens",
    ),
    "value twice": (
        "[Oslo, Bern, Rome]", "[Oslo, Bern, Oslo]", "      city:\n        kind", "'Oslo' stands twice", "Remove one.",
    ),
    "weights for others": ("[1, 2, 1]", "[1, 2]", "weights:", "2 weights for 3 values", "Give one each."),
    "weights of nothing": ("[1, 2, 1]", "[0, 0, 0]", "weights:", "weights must not be negative, nor all zero", ""),
    "no such format": (
        "years: 10", "years: 10\n        format: '{dya}'", "format:", "names 'dya'", "Did you mean 'day'?",
    ),
    "no number": ("first: 35, last: 45", "first: 45, last: 35", "shoes:", "no number from 45 to 35", "Exchange"),
    # files
    "missing file": (
        "values: [Oslo, Bern, Rome]", "file: none.txt", "file:", "city.file: no file 'none.txt'", "Looked in",
    ),
    "missing pool": (
        "[Ann, Bob, Cid, Dee, Eve]", "none.txt", "first: none", "pools.first.file: no file 'none.txt'", "Looked in",
    ),
    "missing column": (
        "values: [Oslo, Bern, Rome]", "file: values/people/employers.tsv\n        column: citty",
        "      city:\n        kind", "no column 'citty'", "company_city",
    ),
    "path upwards": (
        "values: [Oslo, Bern, Rome]", "file: ../a.txt", "file:", "'../a.txt' leaves the folder", "beside the recipe",
    ),
    "absolute path": (
        "values: [Oslo, Bern, Rome]", "file: /etc/passwd", "file:", "leaves the folder", "beside the recipe",
    ),
    "hidden path upwards": (
        "values: [Oslo, Bern, Rome]", "file: a/../../b", "file:", "leaves the folder", "beside the recipe",
    ),
    "link": (
        "values: [Oslo, Bern, Rome]", "file: link.txt", "file:", "is a link that leaves its folder", "Copy the file",
    ),
    "pool upwards": (
        "[Ann, Bob, Cid, Dee, Eve]", "../a.txt", "first:", "'../a.txt' leaves the folder", "beside the recipe",
    ),
    "tokenizer upwards": (str(GOLDEN), "..", "tokenizer:", "leaves the folder", "beside the recipe"),
    "missing tokenizer": ("byte_tokenizer.json", "none.json", "tokenizer:", "none.json", "tokenizer.json"),
    "broken tokenizer": (
        str(GOLDEN / "byte_tokenizer.json"), "words.json", "tokenizer:", "cannot load the tokenizer", "",
    ),
    "somebody's tokenizer": (str(GOLDEN), "~nosuchuser", "tokenizer:", "nosuchuser", ""),
    "tokenizer on the Hub": (
        str(GOLDEN / "byte_tokenizer.json"), "no/such", "tokenizer:", "cannot fetch the tokenizer 'no/such'", "",
    ),
    "no end token": (
        "byte_tokenizer.json}", "byte_tokenizer.json, eos: <end>}", "tokenizer:", "eos: the tokenizer",
        "has no token '<end>'",
    ),
    # Faker
    "no provider": (
        "values: [Oslo, Bern, Rome]", "faker: citty\n        count: 3", "faker:", "no provider 'citty'",
        "Did you mean 'city'?",
    ),
    "inside of Faker": (
        "values: [Oslo, Bern, Rome]", "faker: __class__\n        count: 3", "faker:", "no provider '__class__'", "",
    ),
    "private part of Faker": (
        "values: [Oslo, Bern, Rome]", "faker: _proxy\n        count: 3", "faker:", "no provider '_proxy'", "",
    ),
    "no locale": (
        "values: [Oslo, Bern, Rome]", "faker: city\n        count: 3\n        locale: en_XX", "locale:",
        "no locale 'en_XX'", "en_",
    ),
    "no count": ("values: [Oslo, Bern, Rome]", "faker: city", "faker:", "'faker' needs a 'count'", "how many"),
    "exhausted provider": (
        "values: [Oslo, Bern, Rome]", "faker: boolean\n        count: 3", "count:", "has only 2 distinct values, not 3",
        "count: 2",
    ),
    "list of Faker": (
        "values: [Oslo, Bern, Rome]", "faker: first_names\n        count: 3", "faker:", "first_names", "",
    ),
    "provider that needs more": ("values: [Oslo, Bern, Rome]", "faker: enum\n        count: 3", "faker:", "enum", ""),
    # YAML
    "not YAML": ("size: 20", "size: [20", "  attributes", "not YAML", ""),
    "key twice": ("seed: 1\n", "seed: 1\nseed: 2\n", "seed: 2", "'seed' stands twice", "Remove one."),
    "Python": ("seed: 1\n", "seed: !!python/object/apply:os.getpid []\n", "seed:", "tag", "Write plain YAML."),
    "Python in a value": ("values: [Oslo", "values: !!python/tuple [Oslo", "values:", "tag", "Write plain YAML."),
    "line break in a key": ("seed: 1\n", '"se\\ned": 1\n', '"se', "unknown key", ""),
    "line break in a name": ("seed: 1\n", 'extends: "a\\nb"\n', "extends", "no recipe", ""),
    "line break in an override of a tokenizer": ("{name: ", '{eos: "a\\nb", name: ', "eos:", "has no token", ""),
    "circle": ("seed: 1\n", "extends: r\n", "extends", "recipes extend each other in a circle", ""),
    "no base": ("seed: 1\n", "extends: smal\n", "extends", "no recipe 'smal'", ""),
    # templates
    "not Jinja2": ("wears {{ shoes }}", "wears {{ shoes", "wears", "templates.shoes.0: not a Jinja2 template", ""),
    "loop": (
        "wears {{ shoes }}", "wears {% for a in shoes %}{{ a }}{% endfor %}", "wears", "'for' is not allowed",
        "Write out",
    ),
    "inside of Python": (
        "wears {{ shoes }}", "wears {{ shoes.__class__ }}", "wears", "'__class__' reaches into Python", "",
    ),
    "division by zero": ("wears {{ shoes }}", "wears {{ 1 // 0 }}", "wears", "ZeroDivisionError", ""),
    "zero for some of several": (
        "wears {{ shoes }}", "wears {{ 1 // ((shoes - 36) * (city | length)) }}", "wears",
        "ZeroDivisionError", "",
    ),
    "special token": ("[Oslo, Bern, Rome]", "[Oslo, <|endoftext|>, Rome]", "bios:\n    kind", "special token", ""),
    "verb alone": ("wears {{ shoes }}", "{{ verb }} {{ shoes }}", "verb", "'verb' must be called", "Example"),
}  # fmt: skip


def place_of(text: str, marker: str) -> str:
    assert text.count(marker) >= 1, f"{marker!r} does not stand in the recipe"
    return f"r.yaml:{text[: text.index(marker)].count(chr(10)) + 1}"


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_one_line_with_place_problem_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
):
    old, new, marker, problem, remedy = REFUSALS[name]
    assert SMALL.count(old) == 1, f"{old!r} stands {SMALL.count(old)} times in small.yaml"
    text = SMALL.replace(old, new)
    (tmp_path / "outside.txt").write_text("a\nb\nc\n")
    here = tmp_path / "here"
    here.mkdir()
    (here / "link.txt").symlink_to("../outside.txt")
    (here / "words.json").write_text("{}")
    (here / "r.yaml").write_text(text, "utf-8")
    monkeypatch.chdir(here)
    before = sorted(tmp_path.rglob("*"))

    code = cli.run(["build", "r.yaml", "--executor", "inline", "--out", "out"])

    out, err = capsys.readouterr()
    assert code == 2, err
    assert out == ""
    assert err.count("\n") == 1, "exactly one line"
    assert err.endswith("\n")
    assert "Traceback" not in err
    kind, _, message = err.partition(": ")
    assert kind in {f"{what}Error" for what in ("Recipe", "Template", "Plan", "Tokenizer")}
    assert re.match(re.escape(place_of(text, marker)) + r"(: |$)", message), err
    assert problem in message
    assert remedy in message
    assert "{value" not in message, "a message is filled in"
    assert sorted(tmp_path.rglob("*")) == before, "nothing is left behind"


@pytest.mark.parametrize("joined", ["{{ city ~ country }}", "{{ city }}{{ country }}"])
def test_a_special_token_that_only_a_whole_document_makes_is_refused(tmp_path: Path, joined: str):
    text = SMALL.replace("Oslo, Bern, Rome", "Oslo, <|endof, Rome").replace("Switzerland", "text|>")
    error = refused(tmp_path, text.replace("{{ city }}, {{ country }}", joined))
    assert error is not None
    assert "special token" in str(error)
    assert error.exit_code == 2
    assert ":31" in error.place


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["plan", "none.yaml"], "no recipe 'none.yaml'"),
        (["plan", "bioS_singel"], "Did you mean 'bioS_single'?"),
        (["plan", "a" * 400], "no recipe"),
        (["plan", "small.yaml", "--set", "sead=1"], "--set sead: unknown key. Did you mean 'seed'?"),
        (["plan", "small.yaml", "--set", "sead\nx=1"], "unknown key"),
        (["plan", "small.yaml", "--set", "seed=1\n2"], "seed"),
        (["plan", "depo1"], "no recipe 'depo1'. Did you mean 'depo1_N225_K4', 'depo1_N225_K8', 'depo1_N300_K4', "),
        (["plan", "zzzzzz"], "no recipe 'zzzzzz'. `list` shows those that come with the package."),
        (["plan", "BIOS_multi5"], "no recipe 'BIOS_multi5'. Did you mean 'bioS_multi5'?"),
        (["plan", "bioS_multi5.yml"], "There is no such file. Did you mean 'bioS_multi5'?\n"),
        (["plan", "recipes/bioS_multi5"], "There is no such file. Did you mean 'bioS_multi5'?\n"),
        (["plan", "small"], "no recipe 'small'. Did you mean './small.yaml'?"),
        (["plan", "smal.yaml"], "There is no such file. Did you mean 'small.yaml'?"),
        (["plan", "small.yml"], "There is no such file. Did you mean 'small.yaml'?"),
        (["plan", "folder.yaml"], "no recipe 'folder.yaml'"),
        (["plan", "small.yaml/x.yaml"], "no recipe"),
    ],
)
def test_a_recipe_or_override_that_cannot_be_read_is_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    problem: str,
):
    (tmp_path / "small.yaml").write_text(SMALL, "utf-8")
    (tmp_path / "folder.yaml").mkdir()
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 2
    _, err = capsys.readouterr()
    assert problem in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        (["buidl", "tiny"], "argument COMMAND: 'buidl' is not possible here. Did you mean 'build'?\n"),
        (["exp", "tiny"], "argument COMMAND: 'exp' is not possible here. Did you mean 'export'?\n"),
        (
            ["build", "tiny", "--executor", "ry"],
            "argument --executor: 'ry' is not possible here. Did you mean 'ray'?\n",
        ),
    ],
)
def test_a_misspelt_command_or_choice_gets_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str], arguments: list[str], end: str
):
    with pytest.raises(SystemExit, match="2"):
        cli.run(arguments)
    assert capsys.readouterr().err.endswith(end)


def test_a_template_file_is_refused_at_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "words").mkdir()
    (tmp_path / "words/city.j2").write_text("{{ name }} of {{ city }}.\n\n{{ name }} from {{ citty }}.\n")
    start, end = SMALL.index("    templates:"), SMALL.index("    paraphrases")
    (tmp_path / "r.yaml").write_text(SMALL[:start] + "    templates: words\n" + SMALL[end:])
    monkeypatch.chdir(tmp_path)
    assert cli.run(["plan", "r.yaml"]) == 2
    _, err = capsys.readouterr()
    problem = "no attribute 'citty' in world 'people'. Did you mean 'city'?"
    assert err == f"TemplateError: words/city.j2:3: {problem}\n"


# ── nothing but refusals ────────────────────────────────────────────────────────────────────────────────────────────


def refused(folder: Path, text: str) -> PipelineError | None:
    """None where the recipe can be planned; its refusal, which is one line, where it cannot. Nothing else is raised."""
    path = folder / "fuzz.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        compile_plan(load(str(path)))
    except PipelineError as error:
        return error
    return None


RAW = [
    "null",
    "~",
    "true",
    "no",
    "0",
    "-1",
    "1",
    "3",
    "0.1",
    "1/3",
    "-0.5",
    "1e3",
    "1e30",
    "1e400",
    "[]",
    "{}",
    "''",
    '"a\\nb"',
]
RAW += ['"\\ud800"', '"\\0"', "[1]", "{a: 1}", "*x", "&x y", "!!int x", "!!float x", "!!bool x", "!!null x", "!!str 5"]
RAW += [
    "!!python/object:os.x {}",
    "!x y",
    "[[[]]]",
    "{? [a] : b}",
    "kind",
    "fresh",
    "zipf",
    "{zipf: 1e9}",
    "'{{ name }}'",
]
RAW += [
    "'{% x %}'",
    "/etc/passwd",
    "..",
    ".",
    "a/b",
    "a.json",
    "~",
    "~x",
    "<|endoftext|>",
    "{month}",
    "2001-01-01",
    "é",
]


class Raw(str):
    """A piece of YAML, as it is."""


def scalars() -> st.SearchStrategy[Any]:
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    return st.sampled_from(RAW).map(Raw) | st.text(max_size=6) | numbers | st.booleans() | st.none()


def trees() -> st.SearchStrategy[Any]:
    keys = st.sampled_from(sorted(KEYS)) | st.text(max_size=4)
    return st.recursive(
        scalars(),
        lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(keys, deeper, max_size=4),
        max_leaves=12,
    )


def written(tree: Any) -> str:
    """A tree as YAML in one line."""
    if isinstance(tree, Raw):
        return str(tree)
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(written, tree)) + "]"
    return json.dumps(tree)


def paths(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a tree."""
    if path:
        yield path
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from paths(value, (*path, key))


TREE = yaml.safe_load(SMALL)
PATHS = sorted(paths(TREE), key=str)
KEYS = {key for path in PATHS for key in path if isinstance(key, str)} | {
    "faker",
    "count",
    "share",
    "tokens",
    "extends",
}
KEYS |= {"file", "column", "zipf", "format", "step", "sentences", "permutations", "full_name", "add", "eos", "locale"}


def changed(tree: Any, path: tuple[Any, ...], change: Any) -> Any:
    """The tree with change(old) at the path, a tuple of key and value; None takes the entry away."""
    first, *rest = path
    entries = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
    made = []
    for key, value in entries:
        if key != first:
            made.append((key, value))
        elif rest:
            made.append((key, changed(value, tuple(rest), change)))
        elif (new := change(key, value)) is not None:
            made.append(new)
    return dict(made) if isinstance(tree, dict) else [value for _, value in made]


@given(trees())
@FUZZ
def test_any_tree_is_planned_or_refused(tmp_path_factory: pytest.TempPathFactory, tree: Any):
    refused(tmp_path_factory.getbasetemp(), written(tree))


@given(
    st.text(max_size=60) | st.lists(st.sampled_from([*"{}[]:-?&*!|>'\"%@#, \n\t", "a", "1", "<<", "---"])).map("".join)
)
@FUZZ
def test_any_text_is_planned_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str):
    assert refused(tmp_path_factory.getbasetemp(), text)


@given(st.lists(st.tuples(st.sampled_from(PATHS), scalars() | trees()), min_size=1, max_size=3))
@FUZZ
def test_a_recipe_with_other_values_is_planned_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[tuple[Any, ...], Any]]
):
    tree = TREE
    for path, new in changes:
        if path in set(paths(tree)):
            tree = changed(tree, path, lambda key, _, new=new: (key, new))
    refused(tmp_path_factory.getbasetemp(), written(tree))


@given(st.sampled_from(PATHS), st.sampled_from(["gone", "twice", "renamed"]), st.sampled_from(sorted(KEYS)))
@FUZZ
def test_a_recipe_with_keys_gone_or_renamed_is_planned_or_refused(
    tmp_path_factory: pytest.TempPathFactory, path: tuple[Any, ...], how: str, name: str
):
    changes = {
        "gone": lambda key, value: None,
        "twice": lambda key, value: (key, [value, value]),
        "renamed": lambda key, value: (name, value),
    }
    refused(tmp_path_factory.getbasetemp(), written(changed(TREE, path, changes[how])))


@given(st.integers(0, SMALL.count("\n")), st.integers(0, SMALL.count("\n")), st.integers(-4, 4))
@FUZZ
def test_a_recipe_with_lines_moved_or_indented_is_planned_or_refused(
    tmp_path_factory: pytest.TempPathFactory, source: int, target: int, indent: int
):
    lines = SMALL.split("\n")
    line = lines.pop(source)
    lines.insert(target, " " * indent + line if indent >= 0 else line[-indent:])
    refused(tmp_path_factory.getbasetemp(), "\n".join(lines))


# ── templates ───────────────────────────────────────────────────────────────────────────────────────────────────────

WORDS = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "-",
    " ",
    " ",
    "\n",
    ".",
    ",",
    "|",
    "~",
    "+",
    "*",
    "**",
]
WORDS += [
    "//",
    "%",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    "==",
    "<",
    "'",
    '"',
    "'a'",
    "1",
    "0",
    "2.5",
    "1e400",
    "name",
    "city",
]
WORDS += [
    "shoes",
    "born",
    "born.year",
    "name.first",
    "pronoun",
    "subject",
    "verb",
    "verb('is', 'are')",
    "x",
    "self",
    "loop",
]
WORDS += [
    "if",
    "else",
    "elif",
    "endif",
    "set",
    "for",
    "in",
    "endfor",
    "macro",
    "call",
    "filter",
    "block",
    "raw",
    "endraw",
]
WORDS += [
    "is",
    "not",
    "and",
    "or",
    "none",
    "true",
    "defined",
    "upper",
    "length",
    "list",
    "join",
    "first",
    "default",
    "int",
]
WORDS += [
    "format",
    "attr",
    "tojson",
    "string",
    "abs",
    "sort",
    "_",
    "__class__",
    "é",
    "\u2028",
    "\\",
    "\\ud800",
    "<|endoftext|>",
]


def template(folder: Path, line: str) -> PipelineError | None:
    """None where a recipe whose one sentence is the line can be planned, else its refusal."""
    tree = changed(TREE, ("sources", "bios", "templates"), lambda key, _: (key, {"shoes": [line]}))
    return refused(folder, json.dumps(tree))


@given(st.lists(st.sampled_from(WORDS), max_size=12).map("".join) | st.text(max_size=30))
@FUZZ
def test_any_template_is_compiled_or_refused(tmp_path_factory: pytest.TempPathFactory, line: str):
    template(tmp_path_factory.getbasetemp(), line)


@given(
    st.lists(st.sampled_from([word for word in WORDS if not set(word) & set("{}#\n")]), min_size=1, max_size=8).map(
        " ".join
    )
)
@FUZZ
def test_any_expression_is_compiled_or_refused(tmp_path_factory: pytest.TempPathFactory, expression: str):
    template(tmp_path_factory.getbasetemp(), "{{ name }} {{ " + expression + " }}.")


@pytest.mark.parametrize(
    "line",
    [
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "not " * 5000 + "1 }}",
        "{{ " + "-" * 5000 + "1 }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ 1" + " + 1" * 5000 + " }}",
        "{{ name" + "|upper" * 5000 + " }}",
        "{{ name" + ".a" * 5000 + " }}",
        "{% if 1 %}" * 500 + "{% endif %}" * 500,
        '{{ "\\ud800" }}',
        '{{ "\\ud83d\\ude00" }}',
        '{{ "\\x00" }}',
        "{{ shoes }}" + "!?" * 3000 + ".",
        "{{ name }}" + "s" * 3000 + ".",
        "word " * 20_000,
    ],
)
def test_an_extreme_template_is_compiled_or_refused(tmp_path: Path, line: str):
    template(tmp_path, line)


def test_extreme_worlds_and_sources_are_planned_or_refused(tmp_path: Path):
    many = {f"a{i}": {"kind": "integer", "first": 0, "last": 1} for i in range(300)}
    attributes = {**TREE["worlds"]["people"]["attributes"], **many}
    told = {name: [f"{{{{ name }}}} has {{{{ {name} }}}}."] for name in many}
    tree = changed(TREE, ("worlds", "people", "attributes"), lambda key, _: (key, attributes))
    refused(tmp_path, json.dumps(tree))
    refused(tmp_path, json.dumps(changed(tree, ("sources", "bios", "templates"), lambda key, _: (key, told))))
    refused(tmp_path, json.dumps(changed(TREE, ("sources", "bios", "templates"), lambda key, _: (key, {}))))
    refused(tmp_path, json.dumps(changed(TREE, ("seed",), lambda key, _: (key, Raw("9" * 4200 + "e999")))))


INSIDE = [
    "{{ name.__class__.__mro__ }}",
    "{{ name.__class__ }}",
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ name['__class__'] }}",
    "{{ name['__cla' ~ 'ss__'] }}",
    "{{ name|attr('__class__') }}",
    "{{ name|attr('__cla' ~ 'ss__') }}",
    "{{ name|attr('__init__')|attr('__globals__') }}",
    "{{ ().__class__.__base__.__subclasses__() }}",
    "{{ [].__class__ }}",
    "{{ {}.__class__ }}",
    "{{ verb.__globals__ }}",
    "{{ verb.__code__ }}",
    "{{ verb|attr('__globals__') }}",
    "{{ verb['__globals__'] }}",
    "{{ name.upper.__self__ }}",
    "{{ name.format.__func__ }}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ '{0.__class__.__mro__}'.format(name) }}",
    "{{ '{x.__class__}'.format_map({'x': name}) }}",
    "{{ ('{0.__cla' ~ 'ss__}').format(name) }}",
    "{{ [name]|join(attribute='__class__') }}",
    "{{ [name]|map(attribute='__class__')|join }}",
    "{{ [name]|selectattr('__class__')|list }}",
    "{{ [name]|sum(attribute='__class__') }}",
    "{{ [name, city]|unique(attribute='__class__')|list }}",
    "{{ [name, city]|groupby('__class__')|list }}",
    "{{ [name, city]|sort(attribute='__class__') }}",
    "{{ [name, city]|max(attribute='__class__') }}",
    "{{ cycler }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner() }}",
    "{{ namespace() }}",
    "{{ lipsum.__globals__ }}",
    "{{ lipsum() }}",
    "{{ range(3) }}",
    "{{ dict(a=1) }}",
    "{{ config }}",
    "{{ request }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ loop }}",
    "{{ caller() }}",
    "{{ varargs }}",
    "{{ kwargs }}",
    "{{ context }}",
    "{{ environment }}",
    "{{ __builtins__ }}",
    "{{ __import__('os') }}",
    "{{ open('/etc/passwd').read() }}",
    "{% for a in name %}{{ a }}{% endfor %}",
    "{% for a in [1] %}{% endfor %}",
    "{% if 1 %}{% for a in name %}{{ a }}{% endfor %}{% endif %}",
    "{% macro m() %}x{% endmacro %}{{ m() }}",
    "{% set f = name.__class__ %}{{ f }}",
    "{% set x %}{{ name.__class__ }}{% endset %}{{ x }}",
    "{% with c = name.__class__ %}{{ c }}{% endwith %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{% from 'os' import path %}",
    "{% extends 'x' %}",
    "{% call name() %}x{% endcall %}",
    "{% do name.append(1) %}",
    "{% debug %}",
    "{{ [1].append(2) }}",
    "{{ {}.update(a=1) }}",
    "{{ [1, 2]|random }}",
    "{{ name|random }}",
]

GROWING = [
    "{{ 'a' * 10**9 }}",
    "{{ 'a' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ 1000000000 * 'a' }}",
    "{{ 10 ** 1000000 }}",
    "{{ 2 ** 2 ** 2 ** 2 ** 2 ** 2 }}",
    "{{ '%1000000d' % 1 }}",
    "{{ '%300000d'|format(1) }}",
    "{{ '{:>300000}'.format(1) }}",
    "{{ '{:>{}}'.format(1, 300000) }}",
    "{{ 'a'.center(300000) }}",
    "{{ 'a'.ljust(300000, 'b') }}",
    "{{ 'a'.rjust(300000, 'b') }}",
    "{{ '1'.zfill(300000) }}",
    "{{ '\\t'.expandtabs(300000) ~ 'a' }}",
    "{{ 'a'|center(300000) }}",
    "{{ 'a'|indent(300000, true) }}",
    "{{ 'a'|batch(300000, 'b')|list }}",
    "{{ 'a'|batch(300000, 'b')|first|join }}",
    "{{ 'a'|slice(300000)|list }}",
]

OBJECTS = [
    "{{ name.upper }}",
    "{{ city.upper }}",
    "{{ ''.join }}",
    "{% set f = city.upper %}{{ f }}",
    "{{ [verb] }}",
    "{{ verb ~ '' }}",
    "{{ verb|string }}",
    "{{ (verb,)|join }}",
    "{{ [name.upper]|string }}",
    "{{ [city]|select }}",
    "{{ {'a': 1}|items }}",
    "{{ {}.keys }}",
    "{{ [1]|reverse }}",
    "{{ [1, 2]|slice(2) }}",
    "{{ [1, 2]|batch(2) }}",
    "{{ [1, 1]|unique }}",
    "{{ '%s'|format(verb) }}",
    "{{ '{}'.format(verb) }}",
    "{{ {'a': verb} }}",
    "{{ '{0.upper}'.format(city) }}",
    "{{ '{0.upper}'.format(city) if name else name }}",
    "{{ '{0[upper]}'.format(city) }}",
    "{{ '{c.upper}'.format(c=city) }}",
    "{{ '{:{0.upper}}'.format(city) }}",
    "{{ '{0.year}'.format(born) }}",
    "{{ '{}'.format([city.upper]) }}",
    "{{ '{}'.format([city]) }}",
    "{{ '{0.upper}'.format_map({'0': city}) }}",
    "{{ '%s'|format(city.upper) }}",
    "{{ '%s'|format([city.upper]) }}",
    "{{ '%(c)s'|format(c=city.upper) }}",
    "{{ city['upper'] }}",
    "{{ city['up' ~ 'per'] }}",
    "{{ city['up' ~ 'per']|string }}",
    "{{ city['up' ~ 'per'] ~ '' }}",
    "{% set key = 'upper' %}{{ city[key] ~ '' }}",
    "{% set key = 'upper' %}{{ '%s'|format(city[key]) }}",
    "{% set key = 'upper' %}{{ city[key]|replace('a', 'b') }}",
    "{{ [city]|join(attribute='upper') }}",
    "{{ [city, name]|join(', ', 'upper') }}",
    "{{ [city]|join('', 'up' ~ 'per') }}",
    "{{ city.upper|string }}",
    "{{ city.upper|replace('0', '1') }}",
    "{{ city.upper|upper }}",
    "{{ city.upper|wordcount }}",
    "{{ (city.upper ~ '')|length }}",
    "{{ city.upper is callable }}",
    "{{ city is callable }}",
    "{{ city is sameas name }}",
    "{{ (city ~ '') is sameas (city ~ '') }}",
    "{{ city is filter }}",
    "{{ verb is callable }}",
    "{{ verb(city.upper, verb) }}",
    "{{ verb('is', verb) }}",
    "{{ verb(verb.real, 'a') }}",
    "{% set f = verb %}{{ f }}",
    "{% set v = city.upper %}{{ v() }}",
    "{% with f = city.upper %}{{ f ~ '' }}{% endwith %}",
    "{% with f = verb %}{{ f('is', 'are') }}{% endwith %}",
    "{% filter replace('a', city.upper) %}abc{% endfilter %}",
    "{% block b %}{{ self.b ~ '' }}{% endblock %}",
    "{% block b %}{{ city }}{% endblock %}",
    "{% call verb('is', 'are') %}x{% endcall %}",
    "{% set self = 1 %}{{ self ~ '' }}",
    "{{ self ~ '' }}{% set self = 1 %}",
    "{{ super ~ '' }}{% set super = 1 %}",
    "{{ caller ~ '' }}",
    "{% autoescape true %}{{ city }}{% endautoescape %}",
    "{{ city.encode() ~ '' }}",
    "{{ city.encode()|string }}",
    "{{ city.maketrans('a', 'b') ~ '' }}",
    "{{ city.translate({}) ~ '' }}",
    "{{ city.upper.__name__ }}",
    "{{ city.strip().upper }}",
    "{{ city.strip().upper ~ '' }}",
    "{{ (shoes).bit_length ~ '' }}",
    "{{ shoes.bit_length() }}",
    "{{ [1].pop ~ '' }}",
    "{{ {}.get ~ '' }}",
    "{{ {}.items()|string }}",
    "{{ {'a': city.upper}['a'] ~ '' }}",
    "{{ ({'a': 1})['item' ~ 's'] ~ '' }}",
    "{{ ([1])['po' ~ 'p'] ~ '' }}",
    "{{ (1)['re' ~ 'al'] }}",
    "{{ '{:n}'.format(shoes) }}",
    "{{ '{:,n}'.format(shoes) }}",
    "{{ '{:{}}'.format(shoes, 'n') }}",
]


@pytest.mark.parametrize("line", INSIDE)
@pytest.mark.parametrize("around", ["", "{{ name }} has ", "{% if city == 'Oslo' %}"])
def test_a_template_does_not_reach_into_python(tmp_path: Path, line: str, around: str):
    after = "{% endif %}" if "if" in around else ""
    assert template(tmp_path, f"{around}{line}{after}"), "it must be refused"


@pytest.mark.parametrize("line", GROWING)
def test_a_template_cannot_blow_a_text_up(tmp_path: Path, line: str):
    assert template(tmp_path, line), "it must be refused"


@pytest.mark.parametrize("line", OBJECTS)
def test_a_template_does_not_show_objects_whose_text_differs_from_run_to_run(tmp_path: Path, line: str):
    assert template(tmp_path, line), "it must be refused: it shows an address in memory"


@pytest.mark.parametrize(
    "line",
    [
        "{{ name }} {{ name.first }} {{ born.year }}",
        "{{ name|upper }}{{ city.lower() }}{{ city[0] }}{{ city[:2] }}",
        "{% if pronoun == 'he' %}{{ city }}{% else %}{{ shoes }}{% endif %}",
        "{{ city if shoes > 40 else country }}",
        "{{ shoes + 1 }} {{ shoes * 2 }} {{ shoes % 7 }} {{ shoes // 2 }}",
        "{{ verb('is', 'are') }} {{ possessive }} {{ object }}",
        "{{ [name, city]|join(' of ') }} {{ city|replace('o', '0')|title }}",
        "{% set home = city ~ ', ' ~ country %}{{ home }}",
        "{# nothing #}{% raw %}{{ x }}{% endraw %}",
        "{{ '{} of {:>10}'.format(name, city) }} {{ '{0}{x:04d}'.format(city, x=shoes) }}{{ '{:{}}'.format(city, 9) }}",
        "{{ '%s, %04d, %.2f'|format(city, shoes, shoes / 3) }}",
        "{{ {'he': 'his', 'she': 'her'}[pronoun] if pronoun in ['he', 'she'] else 'their' }}",
        "{% with c = city|upper %}{{ c[-1] ~ c[1:] }}{% endwith %}{% filter title %}{{ city }}{% endfilter %}",
        "{{ city.split('s')[0] }} {{ ', '.join([city, name]) }} {{ city.startswith('O') }} {{ name.first.upper() }}",
        "{% if shoes is even and city is defined and shoes is not divisibleby 3 %}{{ city }}{% endif %}",
        "{{ 'x' if city is string and shoes is number and 'o' in city else 'y' }}",
        "{{ city|truncate(4, true) }} {{ [shoes, 1]|join('-') }} {{ city|replace('o', shoes)|length }}",
    ],
)
def test_what_a_template_is_for_is_allowed(tmp_path: Path, line: str):
    assert template(tmp_path, line) is None
