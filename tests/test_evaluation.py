"""Rows that models are examined with, as whoever opens the dataset finds them: answers, masks, probes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from pipeline.core.documents import ROLES
from pipeline.core.errors import PipelineError
from pipeline.core.files import library
from pipeline.plan.plan import Plan
from pipeline.shard.shard import make_shard
from pipeline.storage import arrow
from tests.conftest import built
from tests.plans import plan_at, plan_of

EOS = 50256
GOLDEN = str(Path(__file__).parent / "golden/small.yaml")

EXAMS = """\
extends: bioS_comparison
worlds: {people: {size: 60}}
sources:
  biographies: null
  comparison: {questions: [month_ranking, major_ranking, month_subtraction]}
  tagged: {extends: comparison, tag: <quiz.example>, mask: [prompt, hint]}
  worded:
    extends: comparison
    tag: {text: "From a quiz:"}
    hints: {hinted: {text: "Think first."}, direct: {text: "At once."}}
    mask: [tag, prompt]
  unhinted: {kind: questions, world: people, templates: question/en/extraction, questions: [birth_date, company_city],
    mask: [answer]}
  unmasked: {extends: unhinted, templates: question/en/dual, questions: [city_employer, employer_workplace], mask: []}
splits:
  train: null
  finetune: null
  exam:
    mixture: {tagged: AMOUNT, worded: AMOUNT, unhinted: AMOUNT, unmasked: AMOUNT, comparison_exam: null}
    columns: [loss_mask, answers, parts, documents]
shard_tokens: 16384
""".replace("AMOUNT", "{exposures: 1}")
OPENED_BY_DATASETS = """
import json, sys
import datasets
data = datasets.load_dataset(sys.argv[1], split="exam", cache_dir=sys.argv[2])
json.dump(data.to_list(), sys.stdout)
"""


@pytest.mark.slow
def test_datasets_reads_these_rows(exam: Any, tmp_path: Path) -> None:
    """In a process of its own, without a network."""
    plan, rows, tokenizer = exam
    assert opened(plan, tmp_path) == rows
    assert tokenizer.to_str() == Tokenizer.from_file(str(tmp_path / "data/tokenizer/tokenizer.json")).to_str()


def opened(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """The rows of the split exam, built, and opened by `datasets`."""
    built(plan, folder / "data")
    environment = {"HF_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", OPENED_BY_DATASETS, str(folder / "data"), str(folder / "cache")],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows_of(plan: Plan, split: str) -> list[dict[str, Any]]:
    """The rows of a split as they would be read, without a file."""
    shards = [make_shard(plan, split, k).columns for k in range(plan.splits[split].shards)]
    return [row for columns in shards for row in arrow.record_batch(columns).to_pylist()]


# ── answers and masks ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, list[dict[str, Any]], Tokenizer]:
    """The plan of EXAMS, its rows, and the tokenizer that would lie beside them."""
    plan = plan_at(tmp_path_factory.mktemp("exam") / "exams.yaml", EXAMS)
    return plan, rows_of(plan, "exam"), Tokenizer.from_str(plan.tokenizer.files()["tokenizer.json"])


def encoded(tokenizer: Tokenizer, *texts: str) -> list[int]:
    """The ids of texts one after the other, each that is not empty with a space before it, unless a token begins it."""
    text = "".join(part if part.startswith("<") else f" {part}" for part in texts if part)
    return tokenizer.encode(text).ids


def test_prompt_hint_and_answer_encode_to_the_row_up_to_its_end_token(exam: Any) -> None:
    _, rows, tokenizer = exam
    for row in rows:
        ids = encoded(tokenizer, row["prompt"], row["hint"], row["answer"])
        assert row["input_ids"] == ids + [EOS] * (128 - len(ids)), row
        assert row["length"] == len(ids) + 1


def test_questions_are_named_and_parts_end_where_the_marks_do(exam: Any) -> None:
    plan, rows, _ = exam
    marked: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        (document,) = row["documents"]
        source = plan.splits["exam"].sources[document["source"]]
        assert row["question"] == plan.sources[source].topics(np.array([document["item"]]))[0]
        assert row["individual"] == plan.sources[source].individuals(np.array([document["item"]]))[0]
        assert str(plan.worlds["people"].values(row["individual"])["name"]) in row["prompt"]
        assert row["answer"].endswith(".")
        assert re.match(
            {"tagged": "<quiz.example> [A-Z]", "worded": "From a quiz: [A-Z]"}.get(source, "[A-Z]"), row["prompt"]
        )
        mark = re.search(r"\?(?: Answer:)?(.*)$", row["prompt"])
        assert mark
        marked[source, bool(row["hint"])].add(mark[1])
    assert marked == {
        ("tagged", True): {"<hint>"}, ("tagged", False): {"<direct>"}, ("worded", True): {" Think first."},
        ("worded", False): {" At once."}, ("unhinted", False): {""}, ("unmasked", False): {""},
    }  # fmt: skip


def test_loss_lies_on_the_end_token_and_on_all_that_is_not_masked(exam: Any) -> None:
    plan, rows, tokenizer = exam
    tags = {"tagged": "<quiz.example>", "worded": "From a quiz:"}
    for row in rows:
        source = plan.splits["exam"].sources[row["documents"][0]["source"]]
        tag = len(encoded(tokenizer, tags.get(source, "")))
        prompt = len(encoded(tokenizer, row["prompt"])) - tag
        hint = len(encoded(tokenizer, row["hint"]))
        answer = row["length"] - 1 - tag - prompt - hint
        masked = {"tagged": (1, 0, 0, 1), "worded": (0, 0, 1, 1), "unhinted": (1, 1, 1, 0), "unmasked": (1, 1, 1, 1)}
        lengths = (tag, prompt, hint, answer)
        loss = [bit for bit, count in zip(masked[source], lengths, strict=True) for _ in range(count)]
        assert row["loss_mask"] == loss + [1] + [0] * (128 - row["length"]), row


def test_of_an_exam_whose_prompts_are_masked_the_answer_its_full_stop_and_its_end_token_carry_loss() -> None:
    plan = plan_of("bioS_mixed_80", "worlds.people.size=40", "splits.train=null", "sources.biographies=null")
    for row in rows_of(plan, "exam"):
        told = [token for token, loss in zip(row["input_ids"], row["loss_mask"], strict=True) if loss]
        assert plan.tokenizer.decode(np.array(told)) == f" {row['answer']}<|endoftext|>"
        assert told[-1] == EOS


PACKED = f"""\
extends: {GOLDEN}
sources:
  asked:
    kind: questions
    world: people
    mask: [prompt]
    templates:
      city: ["Where is {{{{ name }}}}? | {{{{ city }}}}."]
      shoes: ["Which shoes fit {{{{ name }}}}? | {{{{ shoes }}}}."]
splits:
  train: null
  it:
    mixture: {{bios: {{exposures: 5}}, asked: {{exposures: 30}}}}
    packing: {{length: 512, windows: WINDOWS}}
    columns: [loss_mask, parts, documents]
"""


@pytest.mark.parametrize("windows", ["mixed", "pure"])
def test_in_packed_sequences_too_loss_is_missing_on_masked_parts_and_padding_alone(
    tmp_path: Path, windows: str
) -> None:
    plan = plan_at(tmp_path / "r.yaml", PACKED.replace("WINDOWS", windows))
    prompts = 0
    for row in rows_of(plan, "it"):
        expected = np.zeros(512, int)
        for document in row["documents"]:
            expected[document["start"] : document["start"] + document["length"]] = 1
        for part in row["parts"]:
            if ROLES[part["role"]] == "prompt":
                expected[part["start"] : part["start"] + part["length"]] = 0
                prompts += 1
        assert row["loss_mask"] == expected.tolist()
    assert prompts > 1000


def test_the_column_parts_gives_the_same_texts(exam: Any) -> None:
    _, rows, tokenizer = exam
    for row in rows:
        shown = defaultdict(str)
        for part in row["parts"]:
            ids = row["input_ids"][part["start"] : part["start"] + part["length"]]
            shown[ROLES[part["role"]]] += tokenizer.decode(ids, skip_special_tokens=False)
        assert (shown["tag"] + shown["prompt"]).strip() == row["prompt"]
        assert (shown["hint"].strip(), shown["answer"].strip()) == (row["hint"], row["answer"])


# ── probes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

PROBED = ("birth_date", "birth_city", "university", "major", "employer", "company_city")


@pytest.fixture(scope="module")
def probing() -> Plan:
    return plan_of("bioS_probing", "worlds.people.size=400", "splits.train=null")


def test_p_probing_stands_before_the_first_token_of_each_value(probing: Plan) -> None:
    attributes = probing.splits["p_probing"].attributes
    checked = 0
    for row in rows_of(probing, "p_probing"):
        ids, probes = row["input_ids"][: row["length"]], row["probes"]
        text = probing.tokenizer.decode(np.array(ids[:-1]))
        (encoding,) = probing.tokenizer.encodings([text])
        values = probing.worlds["people"].values(row["individual"])
        assert encoding.ids == ids[:-1]
        assert str(values["name"]) in text
        assert sorted(attributes[probe["attribute"]] for probe in probes) == sorted(PROBED)
        assert [probe["position"] for probe in probes] == sorted(probe["position"] for probe in probes)
        for probe in probes:
            value = str(values[attributes[probe["attribute"]]])
            assert probe["first_token"] == ids[probe["position"] + 1]
            if text.count(value) == 1:  # a city may be another's too, and a university's name hold one
                at = text.index(value)
                before = [t for t, (_, end) in enumerate(encoding.offsets) if end <= at]
                assert probe["position"] == before[-1], (text, value)
                checked += 1
    assert checked > 0.9 * 400 * len(PROBED)


def test_p_probing_of_a_value_told_twice_stands_before_the_first(tmp_path: Path) -> None:
    plan = plan_at(tmp_path / "r.yaml", """\
extends: GOLDEN
tokenizer: {name: gpt2}
sources:
  bios:
    sentences: [city]
    templates: {city: ["{{ subject }} took to {{ city }}, {{ city | upper }} and, again, {{ city }}."]}
splits: {train: null, probe: {mixture: {bios: {}}, packing: {method: rows, length: 64}, columns: [probes]}}
""".replace("GOLDEN", GOLDEN))  # fmt: skip
    for row in rows_of(plan, "probe"):
        (city,) = [probe for probe in row["probes"] if plan.splits["probe"].attributes[probe["attribute"]] == "city"]
        assert plan.tokenizer.decode(np.array(row["input_ids"][: city["position"] + 1])).endswith(" took to")
        others = [probe for probe in row["probes"] if probe is not city]
        assert len(others) > 1
        assert {probe["position"] for probe in others} == {row["length"] - 1}, "what is not told is read off at the end"


def test_a_first_token_is_one_of_the_value_where_spaces_are_tokens_of_their_own(tmp_path: Path) -> None:
    text = """\
extends: GOLDEN
splits: {train: null, probe: {mixture: {bios: {}}, packing: {method: rows, length: 160}, columns: [probes]}}
""".replace("GOLDEN", GOLDEN)
    for row in rows_of(plan_at(tmp_path / "r.yaml", text), "probe"):
        told = [probe for probe in row["probes"] if probe["position"] < row["length"] - 1]
        assert len(told) >= 3
        assert all(probe["first_token"] == row["input_ids"][probe["position"] + 1] for probe in told)


def test_q_probing_is_start_name_end_read_off_at_the_end_token(probing: Plan) -> None:
    for row in rows_of(probing, "q_probing"):
        name = str(probing.worlds["people"].values(row["individual"])["name"])
        ids = [EOS, *probing.tokenizer.encode([f" {name}"])[0].tolist(), EOS]
        assert row["input_ids"] == ids + [EOS] * (24 - len(ids))
        assert row["length"] == len(ids)
        assert {probe["position"] for probe in row["probes"]} == {len(ids) - 1}
        values = probing.worlds["people"].values(row["individual"])
        for probe in row["probes"]:
            value = values[probing.splits["q_probing"].attributes[probe["attribute"]]]
            assert probe["first_token"] == probing.tokenizer.encode([f" {value}"])[0][0]


def test_names_may_begin_with_a_tag_and_a_mark_of_their_own(tmp_path: Path) -> None:
    text = f"extends: {GOLDEN}\ntokenizer: {{name: gpt2}}\n"
    text += "sources: {names: {kind: names, world: people, tag: <t>, start: {text: 'The name is'}}}\n"
    text += (
        "splits: {train: null, probe: {mixture: {names: {}}, packing: {method: rows, length: 24}, columns: [probes]}}\n"
    )
    plan = plan_at(tmp_path / "r.yaml", text)
    for row in rows_of(plan, "probe"):
        name = plan.worlds["people"].values(row["individual"])["name"]
        expected = f"<t> The name is {name}<|endoftext|>"
        assert plan.tokenizer.decode(np.array(row["input_ids"][: row["length"]])) == expected
        assert {probe["position"] for probe in row["probes"]} == {row["length"] - 1}


def test_equal_values_have_equal_numbers_and_there_are_as_many_classes_as_values() -> None:
    plan = plan_of(
        "bioS_probing",
        *(f"{key}=null" for key in ("splits.train", "splits.p_probing", "sources.biographies")),
        "worlds.people.size=20_000",
    )
    split = plan.splits["q_probing"]
    columns = make_shard(plan, "q_probing", 0).columns
    probes, individual = columns["probes"].fields, columns["individual"]
    owner = np.repeat(np.arange(len(individual)), np.diff(columns["probes"].offsets))
    rows = plan.worlds["people"].rows(individual)
    folder = library("recipes") / "values/people"
    lists = {"birth_city": "us_cities", "university": "universities", "major": "majors"}
    classes = {name: len((folder / f"{file}.txt").read_text().splitlines()) for name, file in lists.items()}
    employers = [line.split("\t") for line in (folder / "employers.tsv").read_text().splitlines()[1:]]
    classes |= {"employer": len(employers), "company_city": len({city for _, city in employers})}
    assert classes["company_city"] < classes["employer"] == 263
    for attribute in PROBED:
        mine = probes["attribute"] == split.attributes.index(attribute)
        number, row = probes["value"][mine], rows[owner[mine]]
        field = plan.worlds["people"].fields[attribute]
        pairs = {(n, str(field.value(dict(enumerate(r))))) for n, r in zip(number.tolist(), row.tolist(), strict=True)}
        assert len(pairs) == len({n for n, _ in pairs}) == len({value for _, value in pairs})
        if attribute in classes:
            assert {n for n, _ in pairs} == set(range(classes[attribute]))
        else:
            assert max(n for n, _ in pairs) < 12 * 28 * 200


def test_values_too_many_to_number_have_no_number(tmp_path: Path) -> None:
    text = """\
extends: GOLDEN
worlds: {people: {attributes: {
  born: {days: 28, first_year: 1, years: 5000}, code: {kind: codes, chunks: 2, diversity: 3, vocabulary: 9}}}}
sources: {names: {kind: names, world: people}}
splits: {train: null, probe: {mixture: {names: {}}, packing: {method: rows, length: 32}, columns: [probes]}}
""".replace("GOLDEN", GOLDEN)
    plan = plan_at(tmp_path / "r.yaml", text)
    attributes = plan.splits["probe"].attributes
    seen = defaultdict(set)
    for row in rows_of(plan, "probe"):
        for probe in row["probes"]:
            seen[attributes[probe["attribute"]]].add(probe["value"])
    assert seen["born"] == {-1}, "12 × 28 × 5000 dates are more than a million"
    assert seen["city"] == {0, 1, 2}
    assert seen["code_1"] <= set(range(9))
    assert set(seen) == {"born", "city", "country", "shoes", "code_1"}


def test_a_world_of_names_alone_has_nothing_to_probe(tmp_path: Path) -> None:
    text = """\
worlds: {people: {size: 4, attributes: {name: {kind: name, pools: {one: [Ann, Bob], two: [Moe, Nye]}}}}}
sources: {names_alone: {kind: names, world: people}}
splits: {probe: {mixture: {names_alone: {}}, packing: {method: rows, length: 16}, columns: [probes]}}
"""
    rows = rows_of(plan_at(tmp_path / "r.yaml", text), "probe")
    assert [row["probes"] for row in rows] == [[]] * 4


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = """\
extends: GOLDEN
sources:
  ask: {kind: questions, world: people, templates: {q: ["{{ name }}? | {{ city }}."]}}
  masked: {extends: ask, mask: [prompt]}
  told: {kind: statements, world: people, templates: {q: ["{{ name }}: {{ city }}."]}}
  text: {kind: corpus, files: lines.txt}
splits:
  train: null
  exam: {mixture: {SOURCE: {exposures: 1}}, packing: {method: METHOD, length: LENGTH}, columns: [COLUMNS]}
""".replace("GOLDEN", GOLDEN)


@pytest.mark.parametrize(
    ("source", "method", "columns", "at", "problem", "remedy"),
    [
        ("ask", "concat", "answers", "columns.0", "answers need a document a row", "packing.method to rows"),
        ("ask", "concat", "loss_mask, probes", "columns.1", "probes need a document a row", "packing.method to rows"),
        ("bios", "rows", "answers", "columns.0", "'bios' has no answers", "leave the column out"),
        ("told", "rows", "answers", "columns.0", "'told' has no answers", "leave the column out"),
        ("text", "rows", "probes", "columns.0", "'text' has no values to probe", "Leave it out"),
        ("masked", "rows", "answers", "columns", "masks prompt", "Add"),
        ("ask", "rows", "answer", "columns.0", "'answer'", "'answers'"),
    ],
)
def test_a_column_that_cannot_be_filled_is_refused(
    tmp_path: Path, source: str, method: str, columns: str, at: str, problem: str, remedy: str
) -> None:
    (tmp_path / "lines.txt").write_text("One line.\nAnother line.\n")
    changes = {"SOURCE": source, "METHOD": method, "COLUMNS": columns, "LENGTH": "200"}
    text = REFUSED
    for word, change in changes.items():
        text = text.replace(word, change)
    with pytest.raises(PipelineError) as refusal:
        plan_at(tmp_path / "r.yaml", text)
    error = refusal.value
    assert error.place == f"{tmp_path}/r.yaml:9: splits.exam.{at}"
    assert problem in error.problem
    assert remedy in error.remedy


def test_a_row_too_short_for_the_longest_question_is_refused_with_its_length(tmp_path: Path) -> None:
    text = REFUSED.replace("  text: {kind: corpus, files: lines.txt}\n", "").replace("SOURCE", "ask")
    text = text.replace("METHOD", "rows").replace("COLUMNS", "")
    with pytest.raises(
        PipelineError, match=r"r\.yaml:8: splits\.exam\.packing: .*Set packing\.length to (\d+)"
    ) as refusal:
        plan_at(tmp_path / "r.yaml", text.replace("LENGTH", "10"))
    needed = re.search(r"to (\d+) or", refusal.value.remedy)
    assert needed
    assert plan_at(tmp_path / "r.yaml", text.replace("LENGTH", needed[1])).splits["exam"].documents == 20
