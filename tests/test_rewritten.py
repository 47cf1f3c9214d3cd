"""Biographies that a language model wrote: checked, kept, and a source like any other."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pipeline
from pipeline import cli
from pipeline.core.documents import ROLES
from pipeline.core.errors import PipelineError, PlanError
from pipeline.core.system.journal import entries
from pipeline.evaluate.capacity.measuring import measure
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.sources.rewritten.checking import Reason, refused, tidied
from pipeline.sources.rewritten.facts import Facts, Value
from pipeline.sources.rewritten.naming import Unnamed, named
from pipeline.sources.rewritten.places import missing, places
from pipeline.sources.rewritten.stored import rows_of, stored_in
from pipeline.worlds.knowledge import knowledge_of
from tests.conftest import GOLDEN, built
from tests.language_model import Body, Fault, Server, biography, facts_in, prompt_of, served

RECIPE = f"""# Twenty people, whose biographies a model writes.
seed: 3
tokenizer: {{name: {GOLDEN / "byte_tokenizer.json"}}}
worlds:
  people:
    size: 20
    groups: {{first: [0, 0.5]}}
    attributes:
      name: {{kind: name, pools: {{first: [Ann, Bob, Cid, Dee, Eve], last: [Moe, Nye, Orr, Poe, Quo]}}}}
      pronoun: {{kind: pronoun}}
      born: {{kind: date, first_year: 1990, years: 10}}
      city: {{kind: choice, values: [Oslo, "Bern", "Washington, D.C."]}}
      firm: {{kind: choice, values: [Moe Inc., Acme]}}
      town: {{kind: lookup, of: firm, values: [Oslo, "Rome"]}}
sources:
  bios: {{kind: rewritten, world: people, file: bios.parquet, generations: 2, words: [20, 60]}}
splits:
  train: {{mixture: {{bios: {{}}}}, packing: {{length: 512}}, columns: [documents, spans]}}
  probe: {{mixture: {{bios: {{exposures: 1}}}}, packing: {{method: rows, length: 1024}}, columns: [probes]}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the recipe r.yaml and caches of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path


def model(body: Body, number: int) -> str | Fault:
    return biography(prompt_of(body))


def run(server: Server, *more: str) -> int:
    return cli.run(["rewrite", "r.yaml", "--source", "bios", "--endpoint", server.url, "--model", "big/model", *more])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the recipe's biographies, by a good model."""
    path = tmp_path_factory.mktemp("written") / "bios.parquet"
    (path.parent / "r.yaml").write_text(RECIPE)
    with served(model) as server:
        command = ["rewrite", str(path.parent / "r.yaml"), "--source", "bios", "--endpoint", server.url]
        assert cli.run([*command, "--model", "big/model", "--streams", "4"]) == 0
    return path


@pytest.fixture
def written(folder: Path, file: Path) -> Path:
    """The folder, with that file in it."""
    shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="module")
def plan(file: Path) -> Plan:
    """The plan of the recipe, with its file."""
    return compile_plan(load(str(file.parent / "r.yaml")))


# ── texts ───────────────────────────────────────────────────────────────────────────────────────────────────────────

ANYA = Facts(
    "Anya Briar Forger",
    ("Anya", "Briar", "Forger"),
    "she",
    (
        Value("city", "Washington, D.C.", 2),
        Value("firm", "Forger Inc.", 3),
        Value("town", "Washington, D.C.", 4, "firm"),
        Value("year", "1996", 5),
    ),
)


@pytest.mark.parametrize(
    ("text", "first", "everywhere"),
    [
        (
            "Anya Forger was born. She swam, and Forger's mother saw her in time.",
            "Anya Briar Forger was born. She swam, and her mother saw her in time.",
            "Anya Briar Forger was born. Anya Briar Forger swam, and Anya Briar Forger's mother saw Anya Briar Forger"
            " in time.",
        ),
        (
            "Born in 1996, she swam. Ms. Forger was glad. For Anya, it was enough.",
            "Born in 1996, Anya Briar Forger swam. She was glad. For her, it was enough.",
            "Born in 1996, Anya Briar Forger swam. Anya Briar Forger was glad. For Anya Briar Forger, it was enough.",
        ),
        (
            "In 1996 Anya B. Forger joined Forger Inc. in Washington, D.C. Her desk was big.",
            "In 1996 Anya Briar Forger joined Forger Inc. in Washington, D.C. Her desk was big.",
            "In 1996 Anya Briar Forger joined Forger Inc. in Washington, D.C. Anya Briar Forger's desk was big.",
        ),
    ],
)
def test_the_full_name_stands_once_or_everywhere_and_values_stay(text: str, first: str, everywhere: str) -> None:
    assert (named(text, ANYA, "first"), named(text, ANYA, "all")) == (first, everywhere)
    assert missing(first, ANYA) == missing(text, ANYA) == missing(everywhere, ANYA)


def test_a_verb_agrees_with_they() -> None:
    someone = Facts("Ann Poe", ("Ann", "Poe"), "they", ())
    assert named("Ann was here. They were glad, and Ann has slept.", someone, "first") == (
        "Ann Poe was here. They were glad, and they have slept."
    )
    assert named("Ann was here. They were glad.", someone, "all") == "Ann Poe was here. Ann Poe was glad."
    with pytest.raises(Unnamed, match="does not agree"):
        named("Ann was here. Poe works.", someone, "first")


def test_values_are_found_where_they_stand_longest_first() -> None:
    text = "In 1996, not 19960, Anya Briar Forger of Washington, D.C. ran Forger Inc. in Washington, D.C. until 1996."
    stand = [(text[begin:end], label) for begin, end, label in places(text, ANYA)]
    assert stand == [
        ("1996", 5),
        ("Anya Briar Forger", 1),
        ("Washington, D.C.", 2),
        ("Forger Inc.", 3),
        ("Washington, D.C.", 4),
        ("1996", 5),
    ]


def test_a_value_of_two_attributes_has_to_stand_twice() -> None:
    text = "In 1996 Anya Briar Forger left Washington, D.C. for Forger Inc. there."
    assert missing(text, ANYA) == ["city"]
    assert missing(text.replace("Washington, D.C.", "Oslo"), ANYA) == ["city", "town"]


GOOD = "Anya Forger was born in Washington, D.C. in 1996. She ran Forger Inc. in Washington, D.C. for years."


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (GOOD, None),
        (f"<think>Anya…</think>\n# A life\n\n{GOOD}\n", None),
        (f'Here is the biography:\n\n"{GOOD}"', None),
        ("", Reason.EMPTY),
        (GOOD + " And so on." * 400, Reason.EMPTY),
        ("- " + GOOD, Reason.FORM),
        (GOOD + " \x1b[2J", Reason.FORM),
        (GOOD.replace("1996", "1997"), Reason.VALUE),
        (GOOD.replace("1996", "19961"), Reason.VALUE),
        (GOOD.replace("D.C. for", "DC for"), Reason.VALUE),
        (GOOD + " He was glad.", Reason.PRONOUN),
        (GOOD + " The boat was his.", Reason.PRONOUN),
        (GOOD.replace("Anya Forger was", "A child was"), Reason.NAME),
        (GOOD.replace("She ran", "This child ran"), Reason.NAME),
    ],
)
def test_a_biography_is_refused_for_its_reason(reply: str, reason: Reason | None) -> None:
    assert refused(tidied(reply), ANYA, 50) == reason


# ── from end to end ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_says_what_it_costs_before_it_asks_and_plan_does_too(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cost = "40 requests, about 19 k tokens to read and 2.2 k to write, 2 s at 960 tokens/s"
    assert cli.run(["plan", "r.yaml"]) == 2
    assert f"r.yaml:16: sources.bios.file: 40 of its 40 biographies are not written yet: {cost}" in (
        capsys.readouterr().err
    )
    with served(model) as server:
        assert run(server, "--show") == 0
        assert server.bodies == []
    out = capsys.readouterr().out
    assert out.startswith(f"40 biographies to write: {cost}")
    assert "Write a biography of about " in out
    assert not (folder / "bios.parquet").exists()


def test_a_file_is_written_once_all_is_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(model) as server:
        assert run(server) == 0
    out = capsys.readouterr().out
    assert "40 requests; " in out
    assert f"{folder / 'bios.parquet'}: 40 biographies\n" in out
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ["bios.parquet", "r.yaml"]
    assert stored_in(folder / "bios.parquet").count == 20
    assert [(row.individual, row.generation) for row in rows_of(folder / "bios.parquet")] == [
        (i, g) for i in range(20) for g in range(2)
    ]


def test_it_is_a_source_like_any_other(plan: Plan) -> None:
    source = plan.sources["bios"]
    assert (len(source), source.exposures, plan.splits["train"].documents) == (20, 2, 40)
    people = np.arange(20, dtype=np.int64)
    documents = source.documents(people, people % 2, spans=True)
    facts = plan.worlds["people"]
    rows = facts.rows(people)
    for i in range(20):
        tokens = documents.tokens.values[documents.tokens.offsets[i] : documents.tokens.offsets[i + 1]]
        spans = documents.spans.values[documents.spans.offsets[i] : documents.spans.offsets[i + 1]].tolist()
        shown = {}
        for start, length, label in spans:
            shown.setdefault(source.labels[label], plan.tokenizer.decode(tokens[start : start + length]).strip())
        at = dict(enumerate(rows[i].tolist()))
        assert shown == {name: facts.fields[name].text(at) for name in ("name", "born", "city", "firm", "town")}
        text = plan.tokenizer.decode(tokens)
        assert text.startswith(f" {shown['name']} ")
        assert text.count(shown["name"]) == 1
    again = source.documents(people[::-1].copy(), (people % 2)[::-1].copy(), spans=True).take(people[::-1].copy())
    assert (again.tokens.values == documents.tokens.values).all()
    assert (again.spans.values == documents.spans.values).all()
    copy = pickle.loads(pickle.dumps(source)).documents(people, people % 2, spans=False)
    assert (copy.tokens.values == documents.tokens.values).all()


def test_it_is_built_streamed_probed_and_measured(written: Path, plan: Plan) -> None:
    folder = written
    assert cli.run(["build", "r.yaml", "--out", "data", "--executor", "inline"]) == 0
    assert cli.run(["verify", "data"]) == 0
    rows = [row["input_ids"].tolist() for row in pipeline.stream("r.yaml", "train")]
    assert rows == [row["input_ids"].tolist() for row in pipeline.read("data", "train")]
    probes = [row["probes"] for row in pipeline.read("data", "probe")]
    assert len(probes) == 20
    assert all(len(row["attribute"]) == 4 for row in probes)
    card = (folder / "data/README.md").read_text()
    assert "- `bios`: 40 biographies written by big/model: temperature 1; " in card
    (folder / "bios.parquet").rename(folder / "elsewhere.parquet")
    capacity = measure("data", "train", lambda ids: np.ones(ids.shape, np.float32))
    assert capacity.individuals == 20
    known = knowledge_of(plan.worlds["people"])
    assert [line for line in capacity.lines() if line.startswith("name ")]
    assert known.values > 0


@pytest.mark.parametrize("change", ["full_name=all", "full_name=as_written"])
def test_one_file_serves_every_way_to_name(file: Path, plan: Plan, change: str) -> None:
    source = compile_plan(load(str(file.parent / "r.yaml"), [f"sources.bios.{change}"])).sources["bios"]
    item = np.zeros(1, np.int64)
    text = plan.tokenizer.decode(source.documents(item, item, spans=False).tokens.values)
    name = facts_of_first(plan)
    assert text.count(name) == (3 if "as_written" in change else text.count("liked it") * 2 + 3)


def facts_of_first(plan: Plan) -> str:
    world = plan.worlds["people"]
    return world.fields["name"].text(dict(enumerate(world.rows(np.zeros(1, np.int64))[0].tolist())))


def test_a_tag_and_a_group(folder: Path) -> None:
    (folder / "r.yaml").write_text(RECIPE.replace("generations: 2", "generations: 2, only: first, tag: <bio>"))
    with served(model) as server:
        assert run(server) == 0
    plan = compile_plan(load("r.yaml"))
    source = plan.sources["bios"]
    assert (len(source), source.mask, stored_in(folder / "bios.parquet").count) == (10, (), 10)
    documents = source.documents(np.arange(2), np.zeros(2, np.int64), spans=True, parts=True)
    assert documents.parts.values.tolist() == [[0, 1, ROLES.index("tag")]] * 2
    assert plan.tokenizer.decode(documents.tokens.values[:1]) == "<bio>"
    name = documents.spans.values[0]
    assert plan.tokenizer.decode(documents.tokens.values[name[0] : name[0] + name[1]]).strip() == facts_of_first(plan)
    other = compile_plan(load("r.yaml", ["sources.bios.tag={text: 'Read:'}"])).sources["bios"]
    marked = other.documents(np.arange(1), np.zeros(1, np.int64), spans=True, parts=True)
    start, length, _ = marked.parts.values[0].tolist()
    assert plan.tokenizer.decode(marked.tokens.values[start : start + length]) == " Read:"


def test_refused_replies_are_asked_for_again_and_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def sloppy(body: Body, number: int) -> str:
        text = biography(prompt_of(body))
        _, _, facts = facts_in(prompt_of(body))
        return text.replace(facts["born"], "one day") if body["seed"] % 10_000 == 0 else text

    with served(sloppy) as server:
        assert run(server) == 0
        assert len(server.bodies) == len(server.distinct) == 80
    out = capsys.readouterr().out
    assert "      40 refused: a value does not stand in it\n80 requests; " in out


def test_what_is_always_refused_is_given_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(lambda body, number: "Sorry.") as server:
        assert run(server, "--attempts", "2") == 1
        assert len(server.bodies) == 80
        assert run(server, "--attempts", "2") == 1
        assert len(server.bodies) == 80, "what was given up is not asked for again"
    out, error = capsys.readouterr()
    assert "40 are missing; what was answered is in bios.parquet.replies.jsonl" in out
    assert "notice: 40 were refused 2 times: allow more --attempts" in error


def test_a_limit_and_a_second_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(model) as server:
        assert run(server, "--limit", "15", "--streams", "2") == 0
        assert len(server.bodies) == 15
        assert cli.run(["plan", "r.yaml"]) == 2
        assert "25 of its 40 biographies are not written yet: 25 requests, about" in capsys.readouterr().err
        assert run(server) == 0
        assert len(server.bodies) == len(server.distinct) == 40
        assert run(server) == 0
        assert len(server.bodies) == 40
    assert "all 40 biographies are there" in capsys.readouterr().out


def test_a_run_that_fails_goes_on_where_it_was(folder: Path) -> None:
    with served(lambda body, number: model(body, number) if number < 9 else Fault(500)) as server:
        assert run(server, "--streams", "3", "--retries", "0") == 1
    kept = [entry for entry in entries(folder / "bios.parquet.replies.jsonl") if "text" in entry]
    assert len(kept) == 9
    with served(model) as server:
        assert run(server) == 0
        assert len(server.bodies) == 31


@pytest.mark.slow
def test_a_killed_run_asks_only_for_what_had_no_answer(folder: Path) -> None:
    streams = 2
    with served(lambda body, number: model(body, number) if number < 20 else Fault(held=True)) as server:
        command = [sys.executable, "-m", "pipeline", "rewrite", "r.yaml", "--source", "bios", "--endpoint", server.url]
        process = subprocess.Popen([*command, "--model", "m", "--streams", str(streams)], cwd=folder)
        while len(server.bodies) < 20 + streams:
            time.sleep(0.02)
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        answered = {json.dumps(body, sort_keys=True) for body in server.bodies[:20]}
    with served(model) as server:
        assert cli.run([*command[3:-1], server.url, "--model", "m"]) == 0
        assert len(server.bodies) == 20
        assert not server.distinct & answered
    assert stored_in(folder / "bios.parquet").count == 20


def test_more_generations_keep_those_that_are_there(written: Path) -> None:
    folder = written
    before = {(row.individual, row.generation): row for row in rows_of(folder / "bios.parquet")}
    (folder / "r.yaml").write_text(RECIPE.replace("generations: 2", "generations: 3"))
    with served(model) as server:
        assert run(server, "--temperature", "0.5") == 0
        assert len(server.bodies) == 20
    after = {(row.individual, row.generation): row for row in rows_of(folder / "bios.parquet")}
    assert len(after) == 60
    assert {place: after[place] for place in before} == before
    authors = stored_in(folder / "bios.parquet").authors
    assert [line.split(";")[0] for line in authors] == [
        "20 biographies written by big/model: temperature 0.5",
        "40 biographies written by big/model: temperature 1",
    ]
    (folder / "r.yaml").write_text(RECIPE)
    assert len(compile_plan(load("r.yaml")).sources["bios"]) == 20, "a file may hold more than is asked for"


def test_several_servers_share_the_work(folder: Path) -> None:
    with served(model) as one, served(model) as other:
        assert run(one, "--endpoint", other.url, "--streams", "2") == 0
        assert len(one.bodies) + len(other.bodies) == 40
        assert one.bodies
        assert other.bodies


def test_the_same_texts_give_the_same_file_in_whatever_order_they_come(folder: Path) -> None:
    contents = []
    for streams in ("1", "7"):
        with served(model) as server:
            assert run(server, "--streams", streams) == 0
        contents.append((folder / "bios.parquet").read_bytes())
        (folder / "bios.parquet").unlink()
    assert contents[0] == contents[1]


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("bios.parquet", "bios.txt"), "'bios.txt' is no name of a Parquet file"),
        (("bios.parquet", "../bios.parquet"), "leaves the folder of its recipe"),
        (("words: [20, 60]", "words: [60, 20]"), "60 to 20 words. Exchange them."),
        (("words: [20, 60]", "attributes: [shoes]"), "no attribute 'shoes' to state"),
        (("words: [20, 60]", "only: second"), "the world 'people' has no group 'second'"),
        (("      pronoun: {kind: pronoun}\n", ""), "has no pronoun, so names cannot be exchanged"),
        (("kind: rewritten, world: people", "kind: rewritten, world: folk"), "no world 'folk'"),
    ],
)
def test_a_recipe_that_cannot_be_written_is_refused(
    folder: Path, change: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "r.yaml").write_text(RECIPE.replace(*change))
    with served(model) as server:
        assert run(server) == 2
        assert server.bodies == []
    assert said in capsys.readouterr().err
    assert cli.run(["plan", "r.yaml"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--source", "nobody"), "PlanError: no source 'nobody'"),
        (("--limit", "0"), "EndpointError: --limit: a value of 0. Give 1 or more."),
        (("--set", "sources.bios.kind=names"), ""),
    ],
)
def test_a_command_that_cannot_be_is_refused(
    folder: Path, more: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(model) as server:
        assert run(server, *more) == 2
    assert capsys.readouterr().err.startswith(said)


def test_texts_of_another_world_are_refused(written: Path) -> None:
    with pytest.raises(PipelineError, match=r"the text about .* does not state .*Was the seed or the world changed\?"):
        compile_plan(load("r.yaml", ["seed=4"]))


def test_a_file_that_differs_from_the_content_is_refused(written: Path) -> None:
    with pytest.raises(PipelineError, match="the file is not the one that the recipe was made with"):
        load("r.yaml", ["sources.bios.content='blake3:00'"])


@pytest.mark.parametrize("damage", ["cut", "other", "text", "none"])
def test_a_file_that_is_none_is_refused(written: Path, damage: str) -> None:
    import pyarrow
    from pyarrow import parquet

    path = written / "bios.parquet"
    table = parquet.read_table(path)
    if damage == "cut":
        parquet.write_table(table.slice(0, 39), path)
    if damage == "other":
        parquet.write_table(pyarrow.table({"text": ["a"]}), path)
    if damage == "text":
        path.write_text("Ann was born.")
    if damage == "none":
        path.unlink()
        path.mkdir()
    with pytest.raises(PipelineError, match=r"must be written by `pipeline rewrite`"):
        load("r.yaml")


def test_a_file_that_changes_after_the_plan_is_refused_by_the_build(written: Path) -> None:
    plan = compile_plan(load("r.yaml"))
    saved = (written / "bios.parquet").read_bytes()
    (written / "bios.parquet").write_bytes(saved[:-9])
    with pytest.raises(PlanError, match=r"sources: bios: '.*/bios\.parquet' has changed since the plan was made"):
        built(plan, written / "data")
    (written / "bios.parquet").write_bytes(saved)
    assert built(plan, written / "data")[0]


def test_a_changed_row_is_found_when_it_is_used(written: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    path = written / "bios.parquet"
    table = parquet.read_table(path)
    texts = table.column("first").to_pylist()
    texts[7] = "Nobody was born."
    changed = table.set_column(3, table.schema.field("first"), pyarrow.array(texts, pyarrow.large_string()))
    parquet.write_table(changed, path)
    with pytest.raises(PipelineError, match="does not state"):
        compile_plan(load("r.yaml"))


def test_given_token_ids_are_no_words(folder: Path) -> None:
    codes = "      codes: {kind: codes, chunks: 1, length: 2, diversity: 4, symbols: ids, vocabulary: 100}\n"
    (folder / "r.yaml").write_text(RECIPE.replace("      town:", codes + "      town:"))
    with pytest.raises(PipelineError, match="the values of 'codes_1' are token ids, no words"):
        compile_plan(load("r.yaml"))
