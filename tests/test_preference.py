"""Right answers beside wrong ones: what is wrong about them, and the columns that trainers read."""

# ruff: noqa: E501  # templates and refusals stand in one line, as they are written and read

from __future__ import annotations

import json
import re
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from pipeline.build.building import build
from pipeline.build.executors import Inline
from pipeline.build.verification import verify
from pipeline.core.errors import PipelineError
from pipeline.core.table import content_hash, take
from pipeline.dataset import Dataset
from pipeline.evaluate.checking.igsm.rules import IgsmRules
from pipeline.evaluate.prompts import prompt_ids
from pipeline.evaluate.rewards import by_rule
from pipeline.evaluate.scoring import score
from pipeline.plan import Plan, compile_plan
from pipeline.publish.export import export
from pipeline.recipe import load
from pipeline.recipe.loading import export_spec
from pipeline.shard import make_shard
from pipeline.storage import arrow
from pipeline.training.rows import row_of

PEOPLE = """
worlds:
  people:
    size: 60
    groups: {known: [0, 0.5]}
    attributes:
      name: {kind: name, pools: {first: [Ann, Bob, Cid, Dee, Eve, Flo, Gus, Hal, Ida, Joe], last: [Moe, Nye, Orr, Poe, Quo, Roe]}}
      born: {kind: date, first_year: 1990, years: 10}
      city: {kind: choice, values: [Oslo, Bern, Rome, Prague, Lima, Quito]}
      country: {kind: lookup, of: city, values: [Norway, Switzerland, Italy, Czechia, Peru, Ecuador]}
sources:
  it:
    kind: questions
    world: people
    templates:
      born: ["When was {{ name }} born? | {{ born }}."]
      city: ["Where does {{ name }} live? | {{ name }} lives in {{ city }}."]
      country: ["Where is the home of {{ name }}? | In {{ country }}."]
    paraphrases: fresh
    chat: {template: chatml}
  pairs: {kind: preference, of: it, margins: {individual: 0.5}}
splits:
  train: {mixture: {pairs: {exposures: 2}}, packing: {method: rows, length: 96}, columns: [preference]}
  sft: {mixture: {it: {exposures: 1}}, packing: {method: rows, length: 96}, columns: [loss_mask, completion]}
  rl: {mixture: {it: {exposures: 1}}, packing: {method: rows, length: 96}, columns: [reward]}
  choices: {mixture: {pairs: {exposures: 1}}, packing: {method: rows, length: 96}, columns: [choices]}
  exam: {mixture: {it: {exposures: 1}}, packing: {method: rows, length: 96}, columns: [answers, loss_mask]}
"""
PROBLEMS = """
sources:
  it: {kind: igsm, family: med, op: [2, 6], problems: 200, chat: {template: chatml}}
  pairs: {kind: preference, of: it}
splits:
  train: {mixture: {pairs: {exposures: 1}}, packing: {method: rows, length: 1000}, columns: [preference]}
  rl: {mixture: {it: {exposures: 1}}, packing: {method: rows, length: 1000}, columns: [reward]}
"""
PLAIN = "sources.it.chat=null"


@lru_cache(32)
def plan_of(text: str, *overrides: str) -> Plan:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.yaml"
        path.write_text(text)
        return compile_plan(load(str(path), overrides))


def rows_of(plan: Plan, split: str = "train") -> list[dict[str, Any]]:
    columns = make_shard(plan, split, 0).columns
    return [row_of(columns, at) for at in range(len(columns["length"]))]  # type: ignore[arg-type]


def said(spoken: Any) -> str:
    return (spoken if isinstance(spoken, str) else spoken[-1]["content"]).strip()


# ── what is wrong ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("overrides", [(), (PLAIN,), ("sources.it.chat.turns=3",)])
def test_a_rejected_answer_is_the_chosen_sentence_with_another_value(overrides: tuple[str, ...]) -> None:
    patterns = [
        r"(January|February|March|April|May|June|July|August|September|October|November|December) \d+, 199\d\.",
        r"(\w+ \w+) lives in (Oslo|Bern|Rome|Prague|Lima|Quito)\.",
        r"In (Norway|Switzerland|Italy|Czechia|Peru|Ecuador)\.",
    ]
    rows = rows_of(plan_of(PEOPLE, *overrides))
    assert len(rows) == (360 if "turns=3" not in str(overrides) else 120)
    for row in rows:
        chosen, rejected = said(row["chosen"]), said(row["rejected"])
        assert chosen != rejected
        (pattern,) = (pattern for pattern in patterns if re.fullmatch(pattern, chosen))
        assert (other := re.fullmatch(pattern, rejected))
        if "lives in" in chosen:  # whose question it is stays
            assert other[1] == chosen.partition(" lives")[0]


def test_the_value_of_another_individual_is_true_of_somebody_in_the_group() -> None:
    plan = plan_of(PEOPLE, "sources.it.only=known", "sources.pairs.wrong={individual: 1}")
    world = plan.worlds["people"]
    births = {str(world.values(i)["born"]) for i in range(30)}
    own = {f"{world.values(i)['name']}": str(world.values(i)["born"]) for i in range(30)}
    seen = 0
    for row in rows_of(plan):
        assert row["kind"] == "individual"
        assert row["margin"] == 0.5
        if match := re.fullmatch(r"When was (.*) born\?", said(row["prompt"])):
            seen += 1
            assert said(row["chosen"]) == f"{own[match[1]]}."
            assert said(row["rejected"]).removesuffix(".") in births - {own[match[1]]}
    assert seen == 60


def test_ways_are_drawn_by_their_weights_and_margins_go_with_them() -> None:
    rows = rows_of(
        plan_of(
            PEOPLE, "sources.pairs.wrong={value: 3, individual: 1}", "sources.pairs.margins={value: 2, individual: 1}"
        )
    )
    kinds = [row["kind"] for row in rows]
    assert {row["margin"] for row in rows if row["kind"] == "value"} == {2.0}
    assert {row["margin"] for row in rows if row["kind"] == "individual"} == {1.0}
    assert 55 < kinds.count("individual") < 130  # of 360


@pytest.mark.parametrize("overrides", [(), ("sources.it.chat=null",), ("sources.it.retry={rate: 0.3}",)])
def test_a_wrong_step_makes_a_solution_that_is_refused_for_its_arithmetic(overrides: tuple[str, ...]) -> None:
    rules = IgsmRules.of()
    for row in rows_of(plan_of(PROBLEMS, *overrides))[:60]:
        assert row["kind"] == "step"
        problem = said(row["prompt"]).replace("<problem>", "").replace("<solution>", "")
        verdicts = []
        for solution in (said(row["chosen"]), said(row["rejected"])):
            steps, _, answer = solution.partition("<answer>")
            verdicts.append(rules.pair({"problem": problem, "solution": steps.strip(), "answer": answer.strip()})[1])
        assert verdicts[0].ok, verdicts[0]
        assert not verdicts[1].ok
        assert str(verdicts[1].reason) in ("result", "numbers", "constant")


def test_a_wrong_step_is_one_and_all_that_follows_is_computed_with_it() -> None:
    changed = []
    for row in rows_of(plan_of(PROBLEMS))[:60]:
        right, wrong = (
            re.findall(r"(\w) = (?:[^;.=]* = )*(\d+)[;.]", said(row[key])) for key in ("chosen", "rejected")
        )
        assert [letter for letter, _ in right] == [letter for letter, _ in wrong]
        values: dict[str, int] = {}
        off = []
        for step in re.findall(r"(\w) = ([^;.]*)[;.]", said(row["rejected"])):
            letter, parts = step[0], step[1].split(" = ")
            if len(parts) == 3:
                left, operator, second = parts[1].split(" ")
                meant = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[operator](int(left), int(second)) % 23
            else:
                meant = values[parts[0]] if len(parts) == 2 else int(parts[0])
            off.append(meant != int(parts[-1]))
            values[letter] = int(parts[-1])
        constants = [r for r, w in zip(right, wrong, strict=True) if r != w]
        assert constants, "something differs"
        changed.append(sum(off))
    assert max(changed) == 1, "a wrong constant is no wrong sum"


def test_where_nobody_knows_any_answer_is_rejected() -> None:
    plan = plan_of(PEOPLE, "sources.it.chat.refusals={known: known}")
    rows = [row for row in rows_of(plan) if row["individual"] >= 30]
    assert len(rows) == 180
    assert {said(row["chosen"]) for row in rows} == {"I do not know."}
    assert "I do not know." not in {said(row["rejected"]) for row in rows}


# ── columns ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("overrides", [(), (PLAIN,), ("sources.it.chat.turns=2", "sources.it.chat.system=[Be brief.]")])
def test_prompt_and_chosen_ids_are_the_row_and_so_would_be_the_rejected_ones(overrides: tuple[str, ...]) -> None:
    plan = plan_of(PEOPLE, *overrides)
    for row in rows_of(plan)[:100]:
        ids = row["input_ids"][: row["length"]].tolist()
        assert [*row["prompt_tokens"], *row["chosen_tokens"]] == ids
        if plan.sources["pairs"].conversing:  # type: ignore[attr-defined]
            assert row["prompt_tokens"][-1] == plan.tokenizer.backend.encode("assistant\n").ids[-1]
        prompt, rejected = (plan.tokenizer.decode(np.array(row[key])) for key in ("prompt_tokens", "rejected_tokens"))
        whole = plan.tokenizer.backend.encode(prompt + rejected, add_special_tokens=False).ids
        assert [*row["prompt_tokens"], *row["rejected_tokens"]] == whole
        assert said(row["rejected"]) in rejected


def test_texts_of_documents_without_chat_make_up_the_document() -> None:
    plan = plan_of(PEOPLE, PLAIN)
    for row in rows_of(plan, "sft"):
        assert row["prompt"] + row["completion"] + "<|endoftext|>" == plan.tokenizer.decode(
            row["input_ids"][: row["length"]]
        )


def test_choices_are_different_and_the_answer_is_the_right_one() -> None:
    for overrides in ((), (PLAIN,), ("sources.pairs.choices=6",)):
        plan = plan_of(PEOPLE, *overrides)
        rows = rows_of(plan, "choices")
        count = plan.sources["pairs"].choices  # type: ignore[attr-defined]
        truth = {said(row["prompt"]): row["answer"].strip() for row in rows_of(plan, "rl")}
        assert len(truth) == 180
        places = [0] * count
        for row in rows:
            assert len({*row["choices"]}) == count
            assert row["choices"][row["answer"]].strip() == truth[said(row["prompt"])]
            places[row["answer"]] += 1
        assert min(places) > 180 / count / 3


def test_rows_do_not_depend_on_the_others() -> None:
    from pipeline.shard.shard import make_rows

    plan = plan_of(PEOPLE)
    for split in plan.splits:
        whole = make_shard(plan, split, 0).columns
        some = np.array([3, 17, 90])
        assert content_hash(make_rows(plan, split, 0, some)) == content_hash(take(whole, some))


def test_columns_of_texts_and_messages_come_back_from_a_file_as_they_were(tmp_path: Path) -> None:
    plan = plan_of(PEOPLE)
    for split in plan.splits:
        columns = make_shard(plan, split, 0).columns
        with open(tmp_path / split, "wb") as file:
            arrow.write(columns, arrow.HashingFile(file))
        assert content_hash(arrow.columns_of(tmp_path / split)) == content_hash(columns)


# ── datasets ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("pairs") / "data"
    build(plan_of(PEOPLE), folder, Inline())
    return Dataset.at(folder)


def exported(built: Dataset, folder: Path, split: str, *columns: str, kind: str = "jsonl") -> Path:
    export(built, export_spec(kind, options={"splits": [split], "columns": list(columns)}), folder)
    return folder


LINES = {
    "sft": ("prompt", "completion"),
    "train": ("prompt", "chosen", "rejected", "margin"),
    "rl": ("prompt", "answer", "kind"),
    "choices": ("prompt", "answer", "choices"),
}


@pytest.mark.parametrize("split", LINES)
def test_json_lines_and_parquet_have_the_columns_that_trainers_document(
    built: Dataset, split: str, tmp_path: Path
) -> None:
    from pyarrow import parquet

    path = exported(built, tmp_path / "jsonl", split, *LINES[split])
    (file,) = (path / "data").glob("*.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {tuple(line) for line in lines} == {LINES[split]}
    assert [message["role"] for message in lines[0]["prompt"]] == ["user"]
    for key in {"chosen", "rejected", "completion"} & {*LINES[split]}:
        assert [message["role"] for message in lines[0][key]] == ["assistant"]
    path = exported(built, tmp_path / "parquet", split, *LINES[split], kind="parquet")
    (file,) = (path / "data").glob("*.parquet")
    assert parquet.read_table(file).to_pylist() == lines


def test_a_built_dataset_is_whole_and_its_tokenizer_has_the_template(built: Dataset, tmp_path: Path) -> None:
    assert verify(built.folder.url) == []
    template = plan_of(PEOPLE).recipe.sources["it"].chat.template  # type: ignore[union-attr]
    assert built.folder.read("tokenizer/chat_template.jinja").decode() == template
    export(built, export_spec("mds"), tmp_path / "mds")


def test_chats_are_scored_by_what_stands_before_the_end_of_a_turn(built: Dataset, tmp_path: Path) -> None:
    rows = rows_of(plan_of(PEOPLE), "exam")
    assert rows[0]["prompt"].startswith("<|im_start|>user\n")
    assert rows[0]["prompt"].endswith("<|im_end|>\n<|im_start|>assistant\n")
    said_ = [f"{row['answer']}<|im_end|>\n" if i % 3 else "Atlantis<|im_end|>" for i, row in enumerate(rows)]
    path = tmp_path / "predictions.jsonl"
    path.write_text("".join(json.dumps({"prediction": text}) + "\n" for text in said_))
    assert score(built.folder.url, "exam", path).micro.accuracy == pytest.approx(2 / 3)
    ids = next(prompt_ids(built, "exam"))
    assert built.tokenizer().decode(ids, skip_special_tokens=False) == rows[0]["prompt"]


def test_rewards_by_rule_are_one_for_the_right_answer_and_zero_for_others(built: Dataset) -> None:
    rows = rows_of(plan_of(PEOPLE), "rl")
    reward = by_rule(built, "rl")
    columns = {key: [row[key] for row in rows] for key in ("answer", "kind", "question")}
    prompts = [row["prompt"] for row in rows]
    right = [[{"role": "assistant", "content": row["answer"]}] for row in rows]
    assert reward(prompts=prompts, completions=right, **columns) == [1.0] * 180
    texts = [f" {row['answer']}<|im_end|>\nmore" for row in rows]
    assert reward(prompts=prompts, completions=texts, **columns) == [1.0] * 180
    assert set(reward(prompts=prompts, completions=["Atlantis."] * 180, **columns)) == {0.0}
    assert {row["kind"] for row in rows} == {"questions"}


def test_solutions_are_rewarded_step_by_step(tmp_path: Path) -> None:
    plan = plan_of(PROBLEMS)
    build(plan, tmp_path / "data", Inline())
    reward = by_rule(tmp_path / "data", "rl")
    pairs = rows_of(plan)[:40]
    answers = {said(row["prompt"]): row["answer"] for row in rows_of(plan, "rl")}
    given = {"prompts": [row["prompt"] for row in pairs], "answer": [answers[said(row["prompt"])] for row in pairs]}
    assert reward(completions=[row["chosen"] for row in pairs], **given) == [1.0] * 40
    assert reward(completions=[row["rejected"] for row in pairs], **given) == [0.0] * 40
    assert reward(completions=["Define nothing."] * 40, **given) == [0.0] * 40


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["sources.pairs.of=its"], "sources.pairs.of: no source 'its'. Did you mean 'it'?"),
        (["sources.pairs.wrong={step: 1}"], "sources.pairs.wrong.step: 'it' has no answers that are wrong by 'step'. It can be: individual, value."),
        (["sources.pairs.margins={value: 1e400}"], "sources.pairs.margins.value: must be less than or equal to 1000000"),
        (["sources.pairs.margins={step: 1}"], "sources.pairs.margins.step: 'it' has no answers that are wrong by 'step'"),
        (["sources.pairs.wrong={value: 0}"], "weights of wrong answers are above zero"),
        (["sources.pairs.mask=[prompt]"], "sources.pairs.mask: 'mask' belongs to the source that `of` names. Move it there."),
        (["sources.pairs.choices=7", "sources.it.questions=[city]"], "no 6 different wrong answers by"),
        (["splits.sft.columns=[preference]"], "splits.sft.columns.0: 'it' has right answers only. Make a source of it: {kind: preference, of: it}."),
        (["splits.rl.columns=[choices]"], "splits.rl.columns.0: 'it' has right answers only"),
        (["splits.rl.columns=[reward, answers]"], "both answers and reward make the column"),
        (["splits.rl.packing.method=concat"], "reward need a document a row. Set packing.method to rows."),
        (["splits.choices.columns=[completion, choices]"], "make the column prompt. Give each a split."),
    ],
)  # fmt: skip
def test_what_cannot_be_preferred_is_refused_with_its_place(overrides: list[str], says: str) -> None:
    with pytest.raises(PipelineError) as caught:
        plan_of(PEOPLE, *overrides)
    assert says in str(caught.value)


def test_a_source_without_answers_has_no_preferences() -> None:
    text = """
worlds: {people: {size: 9, attributes: {name: {kind: name, pools: {first: [Ann, Bo, Cy], last: [Lee, Poe, Roe]}}, city: {kind: choice, values: [Rome, Oslo]}}}}
sources:
  it: {kind: statements, world: people, templates: {city: ["{{ name }} lives in {{ city }}."]}}
  pairs: {kind: preference, of: it}
splits: {train: {mixture: {pairs: {}}, packing: {method: rows, length: 64}, columns: [preference]}}
"""
    with pytest.raises(
        PipelineError, match=r"sources\.pairs\.of: the documents of 'it' have no prompts with answers\. Name one"
    ):
        plan_of(text)
    with pytest.raises(PipelineError, match="'it' does not know wrong answers"):
        plan_of(PROBLEMS, "sources.it.modulus=exact", PLAIN)


def test_other_answers_are_wrong_where_a_source_knows_nothing_else() -> None:
    rows = rows_of(plan_of(PROBLEMS, "sources.it.modulus=exact"))
    answers = {said(row["chosen"]) for row in rows}
    assert {row["kind"] for row in rows} == {"other"}
    assert all(said(row["rejected"]) in answers - {said(row["chosen"])} for row in rows[:20])


def test_some_sources_with_chat_and_others_without_have_no_column_together() -> None:
    more = PEOPLE.replace("  pairs:", "  plain: {extends: it, chat: null}\n  pairs:")
    with pytest.raises(PipelineError, match="some of its sources have `chat`, and others have not"):
        plan_of(more, "splits.rl.mixture.plain={}")


def test_the_recipe_trains_on_one_group_and_examines_the_other() -> None:
    plan = compile_plan(load("bioS_chat", ["worlds.people.size=250"]))
    groups = {name: {*plan.worlds["people"].members(name)} for name in ("p_train", "p_test", "strangers", "known")}
    about = {name: {*source.individuals(np.arange(len(source))).tolist()} for name, source in plan.sources.items()}
    assert about["biographies"] == groups["known"]
    assert about["chat"] == about["dialogue"] == about["pairs"] == groups["p_train"]
    assert about["exam"] == about["pairs_exam"] == groups["p_test"]
    assert about["strangers"] == groups["strangers"]
    assert Fraction(plan.splits["sft"].documents) == 2 * 600 + 2 * 100 + 300
