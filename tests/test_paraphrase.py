"""Template lines written by a language model: what is asked, what is refused, what is written."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from fractions import Fraction
from itertools import count, islice, pairwise
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.core.errors import PipelineError, TemplateError
from pipeline.core.files import Text, library
from pipeline.plan import compile_plan
from pipeline.recipe import load
from pipeline.wordings.asking.request import Reply, Settings
from pipeline.wordings.paraphrase import frame as module
from pipeline.wordings.paraphrase.checking import Checker, Reason
from pipeline.wordings.paraphrase.file import comment, extend, folder_for
from pipeline.wordings.paraphrase.frame import Frame
from pipeline.wordings.paraphrase.lines import lines_in
from pipeline.wordings.paraphrase.novelty import Novelty
from pipeline.wordings.paraphrase.prompt import prompt
from tests.language_model import Body, Fault, Server, prompt_of, sentences, served

KEY = "planted-key-of-a-language-model"
RECIPE = """# Fifty people.
tokenizer: gpt2
worlds:
  people:
    size: 50
    attributes:
      name:
        kind: name
        pools: {first: [Ann, Bob, May], middle: [Jo, Lou], last: [Poe, Roe, Doe, Will, Coe, Zoe, Noe, Oe, Ow]}
      pronoun: {kind: pronoun, values: [he, she, they]}
      birth_city: {kind: choice, values: ["Oslo", "New York, NY", "Rome", "Washington, D.C."]}
      code: {kind: codes, chunks: 1, length: 2, diversity: 3, vocabulary: 50, symbols: text}
      job: {kind: choice, values: [baker, artist], forms: {a: [a baker, an artist]}}
sources:
  bios: {kind: biographies, world: people, templates: lines, paraphrases: fresh}
  quiz:
    kind: questions
    world: people
    templates: {birth_city: ["Where was {{ name }} born? Answer: | {{ birth_city }}."]}
splits:
  train: {mixture: {bios: {exposures: 2}, quiz: {exposures: 1}}, packing: {length: 64}}
"""
LINES = {
    "birth_city": [
        '{{ subject }} {{ verb("was", "were") }} born in {{ birth_city }}.',
        "{{ subject }} drew {{ possessive }} first breath in {{ birth_city }}.",
        "{{ subject }} came from {{ birth_city }}, long ago.",
    ],
    "job": ['{{ subject }} {{ verb("works", "work") }} as {{ job.a }} at a small place.'],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the recipe r.yaml, its templates in lines/, and caches of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines").mkdir()
    for name, lines in LINES.items():
        (tmp_path / "lines" / f"{name}.j2").write_text("\n".join(lines) + "\n")
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path


def framed(source: str = "bios", sentence: str = "birth_city", language: str | None = None) -> Frame:
    return Frame.of(load("r.yaml"), source, sentence, language)


def checker(frame: Frame, distance: str = "0.3") -> Checker:
    return Checker(frame, Fraction(distance))


def run(server: Server, *more: str) -> int:
    return cli.run([
        "paraphrase", "r.yaml", "--source", "bios", "--sentence", "birth_city", "--endpoint", server.url,
        "--model", "some/model", "--distance", "0.1", *more,
    ])  # fmt: skip


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = {
    "{{ subject }} grew up in the town of {{ birth_city }}.": None,
    "{{ subject }} once {{ verb(\"was\", \"were\") }} a baby in {{ birth_city }}.": None,
    "{{ subject }} often spoke of {{ birth_city }}, {{ possessive }} first home.": None,
    "{{ subject }} grew up in {{ birth_city }}": Reason.FORM,
    "{{ subject }} grew up in {{ birth_city }}. {# so #}": Reason.FORM,
    "{{ subject }} grew up | in {{ birth_city }}.": Reason.FORM,
    "{{ subject }} grew\u202e up in {{ birth_city }}.": Reason.FORM,
    "{{ subject }} grew up in {{ birth_city }} .": Reason.FORM,
    "{{ subject }} in {{ birth_city }}" + " and so on" * 20 + ".": Reason.LENGTH,
    "{{ subject }} {{ birth_city }}.": Reason.LENGTH,
    "{{ subject }} grew up in {{ birth_city }.": Reason.TEMPLATE,
    "{{ subject }} grew up in {{ birth_city | lengthen }}.": Reason.TEMPLATE,
    "{{ subject }} grew up in {{ birth_town }} of {{ birth_city }}.": Reason.TEMPLATE,
    "{{ subject }} grew up in {{ birth_city.__class__ }}.": Reason.TEMPLATE,
    "{% for x in 'ab' %}{{ subject }} grew up in {{ birth_city }}{% endfor %}.": Reason.TEMPLATE,
    "{{ subject }} grew up in {{ 'a' * 10 ** 10 }} {{ birth_city }}.": Reason.TEMPLATE,
    "{{ subject }} grew up in the country.": Reason.SLOTS,
    "Life began long ago in {{ birth_city }}.": Reason.SLOTS,
    "{{ subject }} grew up in {{ birth_city }} near {{ birth_city }}.": Reason.SLOTS,
    "{{ subject }} grew up in {{ birth_city }} as {{ job.a }}.": Reason.SLOTS,
    "{{ subject }} grew up in {{ birth_city[0] }} town.": Reason.TEMPLATE,
    "{{ subject }} whom all called {{ name }} grew up in {{ birth_city }}.": Reason.SLOTS,
    "{{ subject ~ ' grew up' }} in {{ birth_city }} one day.": Reason.TEMPLATE,
    "{{ subject | josa('a', 'b') }} grew up in {{ birth_city }} one day.": Reason.PRONOUN,
    "{{ subject }} left Oslo for {{ birth_city }} one day.": Reason.VALUE,
    "{{ subject }} left new york, ny for {{ birth_city }}.": Reason.VALUE,
    "{{ subject }} left {{ 'Rome' }} for {{ birth_city }}.": Reason.TEMPLATE,
    "{{ subject }} grew up in {{ birth_city | lower }} town.": Reason.TEMPLATE,
    "{{ subject }} {{ verb('loves Rome', 'love Rome') }} like {{ birth_city }} at home.": Reason.VALUE,
    "{{ subject }} grew up in {{ birth_city | elide('old ', 'Rome ') }} town.": Reason.TEMPLATE,  # not of English
    "{{ subject }} grew up with May in {{ birth_city }}.": Reason.VALUE,
    "{{ subject }} may will a baker's shop in {{ birth_city }}.": Reason.VALUE,
    "{{ subject }} grew up in {{ birth_city }} né là.": Reason.LANGUAGE,
    "{{ subject }} вырос in {{ birth_city }}.": Reason.LANGUAGE,
    "{{ subject }} grew up in {{ birth_city }} @ home.": Reason.LANGUAGE,
    "{{ subject }} drew his first breath near {{ birth_city }}.": Reason.PRONOUN,
    "{{ subject }} saw herself as a child of {{ birth_city }}.": Reason.PRONOUN,
    "In {{ birth_city }} {{ subject }} came to light.": Reason.PRONOUN,
    "{{ subject }}'s cradle stood in {{ birth_city }}.": Reason.PRONOUN,
    "{{ subject }}, a native, came from {{ birth_city }}.": Reason.PRONOUN,
    "{{ subject }} was raised in {{ birth_city }}.": Reason.AGREEMENT,
    "{{ subject }} proudly hails from {{ birth_city }}.": Reason.AGREEMENT,
    "{{ subject }} {{ verb(\"were\", \"was\") }} raised in {{ birth_city }}.": Reason.AGREEMENT,
    "{{ subject }} {{ verb(\"hail\", \"hails\") }} from {{ birth_city }} alone.": Reason.AGREEMENT,
    "{{ SUBJECT }} came from {{ birth_city }}, long ago.": Reason.TEMPLATE,
    "{{ subject }} came, from {{ birth_city }} long ago.": Reason.KNOWN,
    "{{ subject }} came from {{ birth_city }}, so long ago.": Reason.NEAR,
}  # fmt: skip


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Frame:
    """The frame of the sentence birth_city."""
    path = tmp_path_factory.mktemp("people")
    (path / "lines").mkdir()
    for name, lines in LINES.items():
        (path / "lines" / f"{name}.j2").write_text("\n".join(lines) + "\n")
    (path / "r.yaml").write_text(RECIPE)
    return Frame.of(load(str(path / "r.yaml")), "bios", "birth_city", None)


@pytest.mark.parametrize(("line", "reason"), REFUSED.items(), ids=REFUSED)
def test_a_line_is_refused_for_its_reason(people: Frame, line: str, reason: Reason | None) -> None:
    assert checker(people).refused(line) == reason


def test_a_line_that_would_be_slow_is_refused(people: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.text.expressions.MOST_COMBINATIONS", 5)
    line = "{{ subject }} grew up in {% if birth_city == pronoun %}old {% endif %}{{ birth_city }}."
    assert checker(people).refused(line) == Reason.SLOW


def test_an_accepted_line_is_one_of_the_others(people: Frame) -> None:
    check = checker(people)
    line = "{{ subject }} grew up in the town of {{ birth_city }}."
    assert [check.refused(line), check.refused(line.replace("grew", "Grew"))] == [None, Reason.KNOWN]


def test_an_article_belongs_to_its_value(folder: Path) -> None:
    check = checker(framed(sentence="job"))
    assert check.refused("{{ subject }} earned a living as a {{ job }} for years.") == Reason.AGREEMENT
    assert check.refused("{{ subject }} earned a living as {{ job.a }} for years.") is None


def test_a_question_is_asked_for_without_its_answer(folder: Path) -> None:
    frame = framed("quiz")
    check = checker(frame)
    assert frame.end == " Answer: | {{ birth_city }}."
    assert frame.asked("Where was {{ name }} born? Answer: | {{ birth_city }}.") == "Where was {{ name }} born?"
    assert check.refused("In which city did {{ name }} come into the world?") is None
    assert check.refused("Did {{ name }} come from {{ birth_city }} or elsewhere?") == Reason.SLOTS
    assert check.refused("In which city did the person come into the world?") == Reason.SLOTS
    assert check.refused("Tell me the city in which {{ name }} came into the world.") == Reason.FORM


LIBRARY = [("bioS_multilingual", "biographies", "en"), ("bioS_multilingual", "biographies", "fr"),
           ("bioS_multilingual", "biographies", "ko"), ("bioS_reversal", "reversal", "en")]  # fmt: skip
KOREAN_DATES = 2  # 일 always ends in a consonant, so these may write the particle out


@pytest.mark.parametrize(("recipe", "source", "language"), LIBRARY)
def test_the_lines_of_the_library_would_be_accepted(
    recipe: str, source: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them is compared with the others, and with the language of all of them."""
    loaded = load(recipe)
    worlds, tokenizer = module.compiled_worlds(loaded), module.compiled_tokenizer(loaded)
    monkeypatch.setattr(module, "compiled_worlds", lambda loaded: worlds)
    monkeypatch.setattr(module, "compiled_tokenizer", lambda loaded: tokenizer)
    refused: list[str] = []
    for sentence in ("birth_date",) if language == "ko" else ("birth_date", "birth_city"):
        frame = Frame.of(loaded, source, sentence, language)
        check = checker(frame)
        check._novelty = Novelty(Fraction(3, 10))
        reasons = {line.text: check.refused(frame.asked(line.text)) for line in frame.lines}
        refused += [line for line, reason in reasons.items() if reason]
    assert len(refused) == (KOREAN_DATES if language == "ko" else 0), refused


# ── distances ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("least", "near"), [("0.49", False), ("0.5", False), ("0.51", True), ("0.9", True), ("0", False)]
)
def test_a_line_is_near_if_its_distance_is_less(least: str, near: bool) -> None:
    others = Novelty(Fraction(least))
    others.add("{{ subject }} was born in {{ city }}.")
    assert others.is_near("{{ subject }} was raised in {{ city }}.") == near  # 6 of 12 words and pairs are shared


def test_near_lines_are_found_as_by_comparing_with_all() -> None:
    lines = list(islice(sentences(), 300))
    least = Fraction(1, 4)
    others = Novelty(least)
    for line in lines[:200]:
        others.add(line)
    for line in lines[200:]:
        words = _grams(line)
        shared = (Fraction(len(words & _grams(other)), len(words | _grams(other))) for other in lines[:200])
        assert others.is_near(line) == any(1 - part < least for part in shared)


def _grams(line: str) -> set[str]:
    from pipeline.wordings.paraphrase.novelty import words_of

    words = words_of(line)
    return {*words, *(f"{a} {b}" for a, b in pairwise(words))}


def test_the_last_line_of_a_reply_that_was_cut_off_is_none() -> None:
    assert lines_in(Reply("1) {{ a }} b.\n2) {{ a }} c", cut=True)) == ["{{ a }} b."]
    assert lines_in(Reply("```jinja\n**{{ a }} b.**\n```\nThese are {all}.")) == ["{{ a }} b.", "These are {all}."]


# ── from end to end ─────────────────────────────────────────────────────────────────────────────────────────────────


def model(bad: tuple[str, ...] = (), batch: int = 10) -> Callable[[Body, int], str]:
    """A model that writes other good lines at each seed, numbered, and these bad ones."""
    lines = list(sentences())

    def answer(body: Body, number: int) -> str:
        first = batch * int(body["seed"])
        written = [*lines[first : first + batch], *bad]
        return "Here they are:\n" + "\n".join(f"{i}. {line}" for i, line in enumerate(written, 1))

    return answer


def test_lines_are_asked_for_checked_and_added_to_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = ("{{ subject }} went home.", "{{ subject }} saw his first light in {{ birth_city }}.")
    with served(model(bad)) as server:
        assert run(server, "--count", "30", "--batch", "10", "--option", "top_p=0.9", "--streams", "1") == 0
    out = capsys.readouterr().out
    assert "lines/birth_city.j2: 30 new lines\n" in out
    assert re.search(r"^ +2 refused: other slots than it must show$", out, re.MULTILINE)
    assert re.search(r"^ +2 refused: a pronoun that fits only some$", out, re.MULTILINE)
    assert re.search(r"^3 requests sent, 0 answered before; [\d,]+ tokens read, [\d,]+ written$", out, re.MULTILINE)
    assert [body["seed"] for body in server.bodies] != []
    assert {body["seed"] for body in server.bodies} == {0, 1, 2}
    text = (folder / "lines/birth_city.j2").read_text()
    above, _, below = text.partition("{# 30 lines written by some/model: temperature 1, top_p 0.9; ")
    assert above == "\n".join(LINES["birth_city"]) + "\n"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d #\}", below.split("\n")[0])
    assert below.split("\n")[1:-1] == list(islice(sentences(), 30))


def test_what_was_written_is_built_at_compiled_speed_and_stands_in_recipe_and_card(folder: Path) -> None:
    frame = framed()
    extend(frame, folder / "lines", list(islice(sentences(), 200)), Settings("a_b*c/model", 0.7), "2026-11-29")
    before = compile_plan(load("r.yaml"))
    assert not [notice for _, _, notice in before.notices if "slow path" in str(notice)]
    assert cli.run(["build", "r.yaml", "--out", "data", "--executor", "inline"]) == 0
    said = "200 lines written by a_b*c/model: temperature 0.7; 2026-11-29"
    assert (
        "- `bios`: birth_city: 200 lines written by a_b\\*c/model: temperature 0.7; 2026-11-29\n"
        in (folder / "data/README.md").read_text()
    )
    again = load("data/recipe.yaml")
    assert again.recipe.sources["bios"].credits == (f"birth_city: {said}",)
    path = folder / "lines/birth_city.j2"
    path.write_text(path.read_text().replace("a_b*c", "other"))
    assert compile_plan(load("r.yaml")).fingerprint == before.fingerprint, "who wrote them changes no byte"


def test_a_second_run_asks_nothing_again(folder: Path) -> None:
    """Stopped after some replies, whose number is that of requests with an answer."""
    good = model()
    with served(lambda body, number: good(body, number) if number < 2 else Fault(500)) as server:
        assert run(server, "--count", "40", "--batch", "10", "--retries", "0", "--streams", "1") == 1
        assert len(server.bodies) == 3
    assert not (folder / "lines/birth_city.j2").read_text().count("{#"), "nothing is written before all is there"
    with served(good) as server:
        assert run(server, "--count", "40", "--batch", "10", "--streams", "1") == 0
        assert [body["seed"] for body in server.bodies] == [2, 3]
    lines = (folder / "lines/birth_city.j2").read_text().split("\n")
    assert lines[4:-1] == list(islice(sentences(), 40))


def test_lines_do_not_depend_on_which_reply_comes_first(folder: Path) -> None:
    good = model()
    shutil.copytree(folder / "lines", folder / "others")
    turns = count()

    def late(body: Body, number: int) -> str | Fault:
        return Fault(429, "", {"Retry-After": "0"}) if next(turns) % 3 == 0 else good(body, number)

    texts = []
    for answer, streams in ((good, "1"), (late, "4")):
        with served(answer) as server:
            assert run(server, "--count", "60", "--batch", "10", "--streams", streams, "--out", f"s{streams}") == 0
        texts.append((folder / f"s{streams}/birth_city.j2").read_text())
        shutil.rmtree(folder / "cache")
    assert texts[0] == texts[1]


def test_a_model_with_no_more_to_say_ends_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(lambda body, number: "\n".join(islice(sentences(), 5))) as server:
        assert run(server, "--count", "50", "--batch", "5", "--requests", "8") == 1
        assert len(server.bodies) == 8
    out, error = capsys.readouterr()
    assert "5 new lines" in out
    assert "notice: 45 lines are missing: allow more --requests" in error


def test_another_folder_gets_what_the_source_has(folder: Path) -> None:
    with served(model()) as server:
        assert run(server, "--count", "5", "--out", "own/en") == 0
    assert (folder / "own/en/job.j2").read_bytes() == (folder / "lines/job.j2").read_bytes()
    assert (folder / "lines/birth_city.j2").read_text().count("\n") == 3
    assert (folder / "own/en/birth_city.j2").read_text().count("\n") == 3 + 1 + 5
    assert compile_plan(load("r.yaml", ["sources.bios.templates=own/en"])).sources["bios"].sentences == [
        "birth_city", "job",
    ]  # fmt: skip


def test_a_file_with_other_line_ends_is_extended_and_kept(folder: Path) -> None:
    path = folder / "lines/birth_city.j2"
    before = b"\xef\xbb\xbf" + "\r\n".join(LINES["birth_city"]).encode()
    path.write_bytes(before)
    frame = framed()
    lines = [LINES["birth_city"][0], "{{ subject }} rose in {{ birth_city }}."]
    assert extend(frame, folder / "lines", lines, Settings("m"), "2026-11-29") == (path, 1)
    assert path.read_bytes() == before + (
        b"\n{# 1 line written by m: temperature 1; 2026-11-29 #}\n{{ subject }} rose in {{ birth_city }}.\n"
    )
    assert extend(frame, folder / "lines", lines, Settings("m"), "2026-11-29") == (path, 0)


def test_a_request_shows_lines_values_and_rules_and_the_same_ones_each_time(people: Frame) -> None:
    check = checker(people)
    lines = [line.text for line in people.lines]
    asked = prompt(people, check, lines, 12, 3)
    assert asked == prompt(people, checker(people), lines, 12, 3)
    assert asked != prompt(people, check, lines, 12, 4)
    assert "Write 12 new English sentences" in asked
    assert all(line in asked for line in lines)
    assert re.search(r"^\{\{ birth_city \}\}: such as (Oslo|New York, NY|Rome|Washington, D\.C\.)", asked, re.MULTILINE)
    assert "or a pronoun: He, She, They" in asked


def test_the_first_request_is_shown_and_none_sent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(model()) as server:
        assert run(server, "--show") == 0
        assert server.bodies == []
    assert capsys.readouterr().out.startswith("Write 20 new English sentences")


def test_the_key_is_in_the_request_and_nowhere_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOME_API_KEY", KEY)
    good = model()
    said = Fault(500, f"I know {KEY}")
    with served(lambda body, number: said if number == 2 else good(body, number)) as server:
        more = ("--count", "30", "--batch", "10", "--key-variable", "SOME_API_KEY", "--streams", "1")
        assert run(server, *more, "--retries", "0") == 1
        assert run(server, *more) == 0
        assert set(server.keys) == {f"Bearer {KEY}"}
        assert KEY not in "".join(map(prompt_of, server.bodies))
    out, error = capsys.readouterr()
    assert "I know (key)" in error
    assert KEY not in out + error
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix == ".jsonl"]
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--source", "nobody"), "PlanError: no source 'nobody'"),
        (("--sentence", "shoes"), "PlanError: bios: no line of 'shoes' to go by. Write one yourself"),
        (("--sentence", "code"), "PlanError: bios: 'code' are codes"),
        (("--language", "fr"), "PlanError: 'bios' is not in the language 'fr'"),
        (("--count", "0"), "EndpointError: --count: a value of 0. Give 1 or more."),
        (("--temperature", "9"), "EndpointError: --temperature: a temperature of 9.0"),
        (("--endpoint", "localhost"), "EndpointError: --endpoint: 'localhost' is no URL of a server"),
        (("--option", "stream=true"), "EndpointError: --option: 'stream=true' is no option of a request"),
        (("--key-variable", "NO_SUCH_KEY"), "EndpointError: --key-variable: the variable 'NO_SUCH_KEY' holds no key"),
        (("--model", "a#}b"), "EndpointError: --model: this is no name of a model"),
        (("--source", "quiz"), "StorageError: birth_city: the templates stand in the recipe itself. Name a folder"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    folder: Path, more: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(model()) as server:
        assert run(server, *more) == 2
        assert server.bodies == []
    assert capsys.readouterr().err.startswith(said)


def test_templates_of_the_package_are_not_changed(folder: Path) -> None:
    frame = Frame.of(load("bioS_single"), "biographies", "major", None)
    with pytest.raises(PipelineError, match=r"these templates come with the package\. Name a folder of your own"):
        folder_for(frame, None)
    assert folder_for(frame, "x") == Path("x")
    assert not list(library("templates").rglob(".*"))


# ── comments in template files ──────────────────────────────────────────────────────────────────────────────────────


def test_a_line_that_is_only_a_comment_is_no_paraphrase(folder: Path) -> None:
    path = folder / "lines/job.j2"
    path.write_text("{# Read by Kim. #}\n" + LINES["job"][0] + "\n" + comment(2, Settings("m"), "2026-01-02") + "\n")
    spec = load("r.yaml").recipe.sources["bios"]
    assert spec.known["job"] == LINES["job"]
    assert spec.authors == {"job": ["2 lines written by m: temperature 1; 2026-01-02"]}
    assert [line.place for line in spec.lines("job")] == ["lines/job.j2:2"]


@pytest.mark.parametrize("line", ["{# a #} {# b #}", "{# a #}.{# b #}"])
def test_two_comments_are_a_line_like_any_other(folder: Path, line: str) -> None:
    (folder / "lines/job.j2").write_text(line + "\n")
    assert load("r.yaml").recipe.sources["bios"].known["job"] == [line]
    if line.startswith("{# a #} "):
        with pytest.raises(TemplateError, match="says nothing"):
            compile_plan(load("r.yaml"))


def test_a_rendered_line_is_shown_for_each_subject(people: Frame) -> None:
    texts = checker(people).rendered(Text('{{ subject }} {{ verb("was", "were") }} born in {{ birth_city }}.', ""), [0])
    city = texts[0].rpartition(" in ")[2]
    assert texts[1:] == [
        f"{subject} born in {city}" for subject in ("He was", "She was", "They were", "The person was")
    ]
