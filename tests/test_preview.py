"""Documents in colour: the text stays what it is, and the right words are marked."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pipeline import cli
from pipeline.core.documents import ROLES, Documents, Ragged
from pipeline.core.system.escaping import escaped
from pipeline.inspect import colour
from pipeline.inspect.highlight import WRONG, Run, runs, runs_of
from pipeline.plan.plan import Plan
from pipeline.text.tokenizer import Tokenizer
from pipeline.text.tokenizer_loading import TokenizerSpec, load
from tests.plans import KINDS, plan_at, plan_of, small

CODES = re.compile(r"\x1b\[([0-9;]*)m")
STORY = """
worlds:
  people:
    size: 40
    attributes:
      name: {kind: name, pools: {first: [Ada, Bo, Cleo, Dai, Eve, Flo, Gus], last: [Ash, Birch, Cedar, Oak, Pine, Yew]}}
      pronoun: {kind: pronoun}
      city: {kind: choice, values: [Rome, Oslo, Lima, Kiev]}
      job: {kind: choice, values: [baker, pilot, judge, tailor]}
      saying: {kind: choice, values: [안녕하세요, "물, 불, 흙", 바람]}
sources:
  lives:
    kind: biographies
    world: people
    templates:
      city: ["{{ subject }} lives in {{ city }}."]
      job: ["{{ subject }} is a {{ job }}."]
      saying: ["{{ subject }} says {{ saying }}!"]
    tag: <Wiki>
    mistakes: {corrected: 0.3, weak: 0.2, silent: 0.2}
    mask: [mistake]
    paraphrases: fresh
  asked:
    kind: questions
    world: people
    templates: {job: ["What is {{ name }}? | {{ city }}. | {{ job }}."]}
    hints: {rate: 0.5}
    mask: [prompt]
    paraphrases: fresh
splits:
  train:
    mixture: {lives: {exposures: 1}, asked: {exposures: 1}}
    packing: {method: concat, length: 64}
    columns: [loss_mask]
"""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan_at(tmp_path_factory.mktemp("story") / "story.yaml", STORY)


def told(plan: Plan, name: str, documents: int = 40) -> Documents:
    source = plan.sources[name]
    item = np.arange(min(documents, len(source)), dtype=np.int64)
    return source.documents(item, item % 3, spans=True, parts=True)


def texts(plan: Plan, documents: Documents) -> list[str]:
    tokens = documents.tokens
    return [plan.tokenizer.decode(tokens.values[tokens.offsets[i] : tokens.offsets[i + 1]]) for i in range(len(tokens))]


def stripped(text: str) -> str:
    return CODES.sub("", text)


# ── runs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


SOME = ("bioS_multilingual", "products", "bioS_text")


@pytest.mark.parametrize(
    "recipe", [name if name in SOME else pytest.param(name, marks=pytest.mark.slow) for name in KINDS]
)
def test_the_runs_of_a_document_are_its_text(recipe: str) -> None:
    some = "sources.biographies.sentences=[major]"
    plan = plan_of(recipe, some) if recipe == "bioS_text" else small(recipe)
    hue = colour.hues(label for source in plan.sources.values() for label in source.labels)
    for name, source in plan.sources.items():
        documents = told(plan, name, 12)
        for i, text in enumerate(texts(plan, documents)):
            found = runs_of(plan.tokenizer, source, documents, i)
            assert "".join(run.text for run in found) == text
            assert stripped(colour.painted(found, hue)) == escaped(text, keep="\n\t")
            assert {run.attribute for run in found} <= set(source.labels)


def test_values_are_marked_and_nothing_else(story: Plan) -> None:
    """Every value of the world that stands in a document is a run of its own, with its attribute; no other word is."""
    values = {
        "city": {"Rome", "Oslo", "Lima", "Kiev"},
        "job": {"baker", "pilot", "judge", "tailor"},
        "saying": {"안녕하세요", "물, 불, 흙", "바람"},
        "pronoun": {"He", "She"},
    }
    documents = told(story, "lives")
    seen: set[str] = set()
    for i in range(len(documents)):
        for run in runs_of(story.tokenizer, story.sources["lives"], documents, i):
            if run.attribute in values:
                assert run.text in values[run.attribute]
            elif run.attribute == WRONG:
                assert run.text in values["city"] | values["job"] | values["saying"]
                assert run.role in ("mistake", "silent")
            elif run.attribute == "name":
                assert re.fullmatch("[A-Z][a-z]+ [A-Z][a-z]+", run.text)
            else:
                assert not any(word in run.text for group in values.values() for word in group)
            seen |= {run.attribute, run.role}
    assert seen == {"", "name", WRONG, *values, "tag", "mistake", "weak", "silent", "back"}


def test_what_has_no_loss_is_masked(story: Plan) -> None:
    for name, role in (("lives", "mistake"), ("asked", "prompt")):
        documents = told(story, name)
        found = [
            run
            for i in range(len(documents))
            for run in runs_of(story.tokenizer, story.sources[name], documents, i)
            if run.text.strip()
        ]
        assert {run.role for run in found if run.masked} == {role}
        assert role not in {run.role for run in found if not run.masked}


def test_parts_of_questions_are_cut_where_they_begin(story: Plan) -> None:
    documents = told(story, "asked")
    found = [runs_of(story.tokenizer, story.sources["asked"], documents, i) for i in range(len(documents))]
    parts = [{role: "".join(run.text for run in one if run.role == role) for role in ROLES} for one in found]
    assert all(re.fullmatch(r"What is \w+ \w+\?(<hint>|<direct>)", one["prompt"]) for one in parts)
    assert all(re.fullmatch(r"(baker|pilot|judge|tailor)\.", one["answer"]) for one in parts)
    assert {bool(one["hint"]) for one in parts} == {True, False}


def test_a_run_ends_with_a_character_though_a_token_does_not() -> None:
    """Each Korean letter has three bytes, and GPT-2 has tokens of one or two of them."""
    tokenizer: Tokenizer = load(TokenizerSpec(), None)  # type: ignore[arg-type]
    ids = tokenizer.encode(["가뷁 나힣!"])[0]
    assert len(ids) > 6
    nothing = np.zeros(len(ids), np.int64)
    for cut in range(1, len(ids)):
        label = (np.arange(len(ids)) >= cut).astype(np.int64)
        found = runs(tokenizer, ids, nothing, label, label > 5, ("", "value"))
        assert "".join(run.text for run in found) == "가뷁 나힣!"
        assert all("\ufffd" not in run.text for run in found)


def test_no_more_than_the_first_tokens_are_shown(story: Plan) -> None:
    documents = told(story, "lives", 1)
    found = runs_of(story.tokenizer, story.sources["lives"], documents, 0, 5)
    assert "".join(run.text for run in found) == story.tokenizer.decode(documents.tokens.values[:5])


def test_a_document_without_tokens_has_no_runs(story: Plan) -> None:
    nothing = Ragged(np.zeros((0, 3), np.int32), np.zeros(2, np.int64))
    documents = Documents(Ragged(np.zeros(0, np.uint16), np.zeros(2, np.int64)), nothing, nothing)
    assert runs_of(story.tokenizer, story.sources["lives"], documents, 0) == []


# ── colours ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_attribute_has_a_colour_of_its_own_and_every_role_a_mark() -> None:
    names = [f"attribute {i}" for i in range(12)]
    hue = colour.hues(["", *names, WRONG])
    assert len({*hue.values()}) == 13
    marks = {colour.painted([Run("word", role=role)], hue) for role in ROLES}
    assert len(marks) == len(ROLES)
    assert colour.painted([Run("word", masked=True)], hue) == "\x1b[2mword\x1b[0m"
    assert colour.painted([Run("word")], hue) == "word"


def test_the_legend_names_what_is_shown_in_its_own_colour() -> None:
    hue = colour.hues(["city", "job"])
    shown = [[Run("Rome", attribute="city"), Run(" was "), Run("x", role="mistake", masked=True)]]
    legend = colour.legend(shown, hue)
    assert stripped(legend) == "city · mistake · no loss"
    assert colour.painted([Run("city", attribute="city")], hue) in legend
    assert colour.painted([Run("mistake", role="mistake")], hue) in legend
    assert colour.legend([[Run("plain")]], hue) == ""
    many = [[Run("x", attribute=f"id_{i}") for i in range(50)]]
    assert stripped(colour.legend(many, colour.hues(f"id_{i}" for i in range(50)))).endswith("id_11 38 more")


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_in_colour_a_legend_is_all_that_is_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "story.yaml"
    recipe.write_text(STORY)
    assert cli.run(["preview", str(recipe)]) == 0
    plain = capsys.readouterr().out
    assert "\x1b" not in plain  # what is captured is no terminal
    assert cli.run(["preview", str(recipe), "--color", "never"]) == 0
    assert capsys.readouterr().out == plain
    assert cli.run(["preview", str(recipe), "--color", "always"]) == 0
    lines = capsys.readouterr().out.split("\n")
    legends = [i for i, line in enumerate(lines) if line.startswith("\x1b[38;5;33mname\x1b[0m ")]
    assert len(legends) == 2
    assert "\n".join(stripped(line) for i, line in enumerate(lines) if i not in legends) == plain
    assert "\x1b[1mlives\x1b[0m · item 0 · exposure 0 · " in "\n".join(lines)


@pytest.mark.parametrize(
    ("terminal", "variables", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_auto_colours_on_a_terminal_unless_it_is_told_not_to(
    terminal: bool, variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    assert colour.wanted("auto") is coloured
    assert colour.wanted("always")
    assert not colour.wanted("never")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-n", "0"], "0 documents. Give -n 1 or more."),
        (["-n", "-3"], "-3 documents. Give -n 1 or more."),
        (["--exposure", "-1"], "no exposure -1. Give 0 to 2147483647."),
        (["--exposure", str(2**70)], f"no exposure {2**70}."),
    ],
)
def test_amounts_that_are_none_are_refused(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["preview", "tiny", *arguments]) == 2
    captured = capsys.readouterr()
    assert problem in captured.err
    assert captured.out == ""
