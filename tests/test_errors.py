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
    "kind", [kind for kind in every_kind() if not issubclass(kind, SpecError)], ids=lambda kind: kind.__name__
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


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("seed: 1\n", "sead: 1\n", "RecipeError: r.yaml:2: sead: unknown key. Did you mean 'seed'?\n"),
        ("exposures: 4", "share: 0.5", "PlanError: r.yaml:46: splits.train.mixture: there are shares but no amount. "),
    ],
)
def test_a_refusal_is_one_line_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], old: str, new: str, line: str
):
    """What such lines say is in refusals.yaml."""
    (tmp_path / "r.yaml").write_text(SMALL.replace(old, new), "utf-8")
    monkeypatch.chdir(tmp_path)
    assert cli.run(["build", "r.yaml", "--executor", "inline", "--out", "out"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["r.yaml"]


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
        (["exp", "tiny"], "argument COMMAND: 'exp' is not possible here. Did you mean 'experiment' or 'export'?\n"),
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
