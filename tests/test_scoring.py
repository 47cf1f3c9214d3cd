"""Scores of predictions: what counts, the baselines, the order and number of rows, and what is refused."""

from __future__ import annotations

import json
import os
import random
import shutil
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tokenizers import Tokenizer

from pipeline import cli
from pipeline.core.errors import PipelineError, StorageError
from pipeline.evaluate.scoring import Score, score
from tests.conftest import built, recorded
from tests.plans import plan_at

END = "<|endoftext|>"
RANKINGS = "[month_ranking, major_ranking, month_subtraction]"
EXAM = f"""
extends: bioS_comparison
worlds: {{people: {{size: 60}}}}
sources:
  biographies: null
  comparison: {{questions: {RANKINGS}}}
  plain:
    kind: questions
    world: people
    templates: question/en/extraction
    questions: [birth_date, company_city]
    mask: [prompt]
splits:
  train: null
  finetune: null
  exam: {{mixture: {{plain: {{}}}}}}
  seen:
    mixture: {{comparison: {{exposures: 1}}}}
shard_tokens: 4096
"""
STRANGE = r"""
extends: bioS_single
worlds: {people: {size: 20}}
sources:
  biographies: null
  exam:
    kind: questions
    world: people
    hints: {rate: 1}
    templates:
      no_sentence: ["Where was {{ name }} born? | {{ company_city }} | {{ birth_city }}."]
      no_stop: ["Where was {{ name }} born? |  {{ birth_city }}"]
      verse: ["Tell me of {{ name }}. | Two lines,\nfirst {{ company_city }}. | then\n{{ birth_city }}."]
splits:
  train: null
  exam:
    mixture: {exam: {}}
    packing: {method: rows, length: 64}
    columns: [answers]
"""

Row = dict[str, Any]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions about one person and about two, a hint at half of the latter; 210 rows. Not to be changed."""
    folder = tmp_path_factory.mktemp("scoring")
    built(plan_at(folder / "exam.yaml", EXAM), folder / "data")
    return folder / "data"


@pytest.fixture(scope="module")
def rows(data: Path) -> list[Row]:
    """The rows of the exam, read without our own reader."""
    return rows_of(data)


@pytest.fixture
def copy(tmp_path: Path, data: Path) -> Path:
    """A copy of the dataset, to be damaged."""
    shutil.copytree(data, tmp_path / "data")
    return tmp_path / "data"


def rows_of(data: Path) -> list[Row]:
    found: list[Row] = []
    for path in sorted((data / "exam").iterdir()):
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
            found += stream.read_all().to_pylist()
    return found


def scored(data: Path, folder: Path, predictions: Iterable[str | tuple[int, str]], stops: Sequence[str] = ()) -> Score:
    """The score of predictions, in order or numbered, by way of a file."""
    path = folder / "predictions.jsonl"
    with path.open("w") as file:
        for one in predictions:
            line = {"prediction": one} if isinstance(one, str) else {"row": one[0], "prediction": one[1]}
            file.write(json.dumps(line) + "\n")
    return score(data, "exam", path, stops=stops)


def whole(row: Row) -> str:
    """What a perfect model says."""
    return f" {row['hint']} {row['answer']}{END}" if row["hint"] else f" {row['answer']}{END}"


def asked(row: Row) -> str:
    """The question that a row counts for."""
    return f"{row['question']} (hinted)" if row["hint"] else str(row["question"])


def counts(result: Score, question: str) -> tuple[int, int, int, int]:
    tally = result.questions[question]
    return tally.rows, tally.correct, tally.hinted, tally.hints


def usual_answers(rows: Sequence[Row]) -> dict[str, tuple[str, int, int]]:
    """Question → its most frequent answer, how often it is right, how often the question is asked."""
    answers: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        answers[asked(row)].append(row["answer"])
    return {question: (*Counter(said).most_common(1)[0], len(said)) for question, said in answers.items()}


# ── models ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_tokens_that_a_model_is_trained_to_say_are_a_perfect_score(
    data: Path, rows: list[Row], tmp_path: Path
) -> None:
    tokenizer = Tokenizer.from_file(str(data / "tokenizer/tokenizer.json"))
    # From the first token with loss to the end of the row: hint, answer, end token and padding.
    targets = [
        tokenizer.decode(row["input_ids"][row["loss_mask"].index(1) :], skip_special_tokens=False) for row in rows
    ]
    result = scored(data, tmp_path, targets)
    rankings = RANKINGS.strip("[]").split(", ")
    hinted = [f"{question} (hinted)" for question in rankings]
    assert list(result.questions) == sorted([*rankings, *hinted, "birth_date", "company_city"])
    assert {tally.accuracy for tally in result.questions.values()} == {1.0}
    times = Counter(map(asked, rows))
    for question, tally in result.questions.items():
        hints = times[question] if question in hinted else 0
        assert counts(result, question) == (times[question], times[question], hints, hints)
        assert tally.hint_accuracy == (1.0 if hints else None)
    assert 0 < result.micro.hinted < result.micro.rows == len(rows) == 210
    assert (result.micro.accuracy, result.micro.hint_accuracy) == (1.0, 1.0)
    assert (result.macro.accuracy, result.macro.hint_accuracy) == (1.0, 1.0)


def test_a_model_of_the_most_frequent_answers_gets_the_baseline(data: Path, rows: list[Row], tmp_path: Path) -> None:
    usual = usual_answers(rows)
    result = scored(data, tmp_path, (usual[asked(row)][0] for row in rows))
    for question, (_, right, times) in usual.items():
        assert counts(result, question)[:2] == (times, right)
        assert result.questions[question].accuracy == result.questions[question].baseline == right / times
        assert 0 < right < times
    assert result.micro.accuracy == pytest.approx(result.micro.baseline)
    assert result.macro.accuracy == result.macro.baseline
    assert result.micro.accuracy != result.macro.accuracy, "the questions are asked unequally often"
    assert (result.micro.hint_accuracy, result.macro.hint_accuracy) == (0.0, 0.0)


def test_accuracy_with_hints_and_without_them_stands_apart(data: Path, rows: list[Row], tmp_path: Path) -> None:
    """Of a model that is right only where it tells a hint, and of one that is right only where none is to be told."""
    needs = scored(data, tmp_path, (whole(row) if row["hint"] else "Perhaps." for row in rows))
    shuns = scored(data, tmp_path, ("Perhaps." if row["hint"] else whole(row) for row in rows))
    times = Counter(map(asked, rows))
    for question in RANKINGS.strip("[]").split(", "):
        hinted, direct = times[f"{question} (hinted)"], times[question]
        assert min(hinted, direct) > 0
        assert counts(needs, f"{question} (hinted)") == (hinted, hinted, hinted, hinted)
        assert counts(needs, question) == (direct, 0, 0, 0)
        assert counts(shuns, f"{question} (hinted)") == (hinted, 0, hinted, 0)
        assert counts(shuns, question) == (direct, direct, 0, 0)
    assert (needs.macro.accuracy, shuns.macro.accuracy) == (3 / 8, 5 / 8), "of three rankings twice and two plain ones"
    lines = {line[: line.index("  ")]: line.split() for line in needs.lines()[1:]}
    assert lines["major_ranking (hinted)"][4:6] == ["100.00%", "100.00%"]
    assert lines["major_ranking"][3] == "0.00%"


def test_a_model_that_is_always_wrong_gets_nothing(data: Path, rows: list[Row], tmp_path: Path) -> None:
    result = scored(data, tmp_path, ("The moon. I do not know." for _ in rows))
    assert {tally.correct for tally in result.questions.values()} == {0}
    assert (result.micro.accuracy, result.macro.accuracy, result.micro.hints) == (0.0, 0.0, 0)


def test_a_model_of_any_mixture_gets_what_another_count_gives(data: Path, rows: list[Row], tmp_path: Path) -> None:
    draw = random.Random(7)
    expected: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    said = []
    for row in rows:
        hint, answer = row["hint"], row["answer"]
        right, hints = draw.random() < 0.6, bool(hint) and draw.random() < 0.3
        parts = ([hint if hints else "Nothing; nobody."] if hint else []) + [answer if right else "Perhaps."]
        said.append(" ".join(parts) + draw.choice(["", END, "\n", f"{END} Yes.", "\nNo."]))
        for i, one in enumerate((True, right, bool(hint), hints)):
            expected[asked(row)][i] += one
    result = scored(data, tmp_path, said)
    assert {question: list(counts(result, question)) for question in result.questions} == expected
    times, correct, hinted, hints = (sum(column) for column in zip(*expected.values(), strict=True))
    assert (result.micro.accuracy, result.micro.hint_accuracy) == (correct / times, hints / hinted)
    of_hints = [row[3] / row[2] for row in expected.values() if row[2]]
    usual = usual_answers(rows).values()
    assert astuple(result.macro) == pytest.approx(
        (
            sum(row[1] / row[0] for row in expected.values()) / len(expected),
            sum(of_hints) / len(of_hints),
            sum(right / times for _, right, times in usual) / len(expected),
        )
    )
    assert 3 == len(of_hints) < len(expected)


# ── which predictions count ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("{a}", True),
        ("  {a} \n", True),
        ("\n{a}", True),
        ("{cut}", True),
        ("{cut}" + END, True),
        (" {a}" + END + END + " In which city", True),
        (" {a} " + END, True),
        (" {a}\nIn which city", True),
        (" {a}\r\nIn which city", True),
        ("", False),
        (END + "{a}", False),
        ("Perhaps.\n{a}", False),
        ("{a} In which city", False),
        ("{a}.", False),
        ("{cut} ." + END, False),
        ("Answer: {a}", False),
        ("Botany; Law. {a}", False),
    ],
)
def test_what_counts_as_the_answer(data: Path, rows: list[Row], tmp_path: Path, said: str, right: bool) -> None:
    i = next(i for i, row in enumerate(rows) if row["question"] == "birth_date")
    answer = rows[i]["answer"]
    result = scored(data, tmp_path, [(i, said.format(a=answer, cut=answer.removesuffix(".")))])
    assert answer.endswith(".")
    assert counts(result, "birth_date") == (1, right, 0, 0)


@pytest.mark.parametrize(
    ("said", "right", "hint"),
    [
        ("{h} {a}", True, True),
        (" {h} {cut}" + END + " Was", True, True),
        ("{h} I think. {a}", True, True),
        ("{h}", False, True),
        ("{h} {a} {a}", True, True),
        ("{h} Perhaps.", False, True),
        ("{h}{a}", False, False),
        ("{h}\n{a}", False, True),
        ("{h} " + END + "{a}", False, True),
        ("{hcut} {a}", False, False),
        ("{a}", True, False),
        ("{cut}", True, False),
        ("June; no month. {a}", True, False),
        ("Really? {a}", True, False),
        ("June; no month {a}", False, False),
        ("June; no month. {a} {h}", False, False),
        ("June {h} {a}", True, False),
    ],
)
def test_what_counts_beside_a_hint(
    data: Path, rows: list[Row], tmp_path: Path, said: str, right: bool, hint: bool
) -> None:
    i = next(i for i, row in enumerate(rows) if row["question"] == "month_ranking" and row["hint"])
    texts = {"h": rows[i]["hint"], "a": rows[i]["answer"]}
    cut = {"hcut": texts["h"].removesuffix("."), "cut": texts["a"].removesuffix(".")}
    result = scored(data, tmp_path, [(i, said.format(**texts, **cut))])
    assert counts(result, "month_ranking (hinted)") == (1, right, 1, hint)


@pytest.mark.parametrize(
    ("said", "stops", "right"),
    [
        ("{a} Question: In which city", (), False),
        ("{a} Question: In which city", ("Question:",), True),
        (" {cut}### {a}", ("Question:", "###"), True),
        ("{a} ### Question:", ("Question:", "###"), True),  # whichever comes first
        ("{a} ### Question:", ("###", "Question:"), True),
        ("{a} Question", ("Question:",), False),
        ("{a} QUESTION:", ("Question:",), False),
        ("Question: {a}", ("Question:",), False),  # it ends what has not begun
        ("{a}\nQuestion:", ("Question:",), True),
        ("{a}" + END + "Question:", ("Question:",), True),
        ("{a}, said he", (",",), True),  # the comma of the date itself ends nothing
        ("{a}aXb", ("Xb", "aX"), True),  # they overlap: the one that begins first
        ("{a}aXb", ("Xb",), False),
    ],
)
def test_a_stop_ends_a_prediction(
    data: Path, rows: list[Row], tmp_path: Path, said: str, stops: tuple[str, ...], right: bool
) -> None:
    i = next(i for i, row in enumerate(rows) if row["question"] == "birth_date")
    answer = rows[i]["answer"]
    assert answer.count(",") == 1
    result = scored(data, tmp_path, [(i, said.format(a=answer, cut=answer.removesuffix(".")))], stops)
    assert counts(result, "birth_date") == (1, right, 0, 0)


def test_an_empty_stop_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="an empty text ends every prediction"):
        scored(data, tmp_path, [], [""])


def test_the_command_takes_stops_and_says_what_counts(
    data: Path, rows: list[Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "answers.jsonl"
    i = next(i for i, row in enumerate(rows) if row["question"] == "birth_date")
    path.write_text(json.dumps({"row": i, "prediction": f"{rows[i]['answer']} ## Q: who"}))
    assert cli.run(["score", str(data), str(path), "--stop", "Q:", "--stop", "##"]) == 0
    assert "100.00%" in capsys.readouterr().out.splitlines()[1]
    with pytest.raises(SystemExit):
        cli.run(["score", "--help"])
    said = capsys.readouterr().out
    for rule in ("at each --stop", "capitals included", "full stop may be\n    missing", "last sentence"):
        assert rule in said


def test_a_minus_or_a_longer_number_is_another_answer(data: Path, rows: list[Row], tmp_path: Path) -> None:
    some = [i for i, row in enumerate(rows) if row["question"] == "month_subtraction" and row["answer"][0] in "123"]
    times = Counter(asked(rows[i]) for i in some)
    for prefix in ("-", "1", "0"):
        result = scored(data, tmp_path, ((i, f"{rows[i]['hint']} {prefix}{rows[i]['answer']}".strip()) for i in some))
        assert {name: counts(result, name)[:2] for name in result.questions} == {
            name: (n, 0) for name, n in times.items()
        }
    assert len(times) == 2


def test_hints_that_are_no_sentences_and_answers_of_several_lines_can_be_right(tmp_path: Path) -> None:
    data = tmp_path / "data"
    built(plan_at(tmp_path / "strange.yaml", STRANGE), data)
    rows = rows_of(data)
    assert {row["hint"].count("\n") + row["answer"].count("\n") for row in rows} == {0, 2}
    perfect = scored(data, tmp_path, map(whole, rows))
    assert {tally.accuracy for tally in perfect.questions.values()} == {1.0}
    assert perfect.micro.hint_accuracy == 1.0
    going_on = scored(data, tmp_path, (whole(row).removesuffix(END) + "\nTell me of somebody." for row in rows))
    assert going_on == perfect
    wrong = scored(data, tmp_path, (f"Nowhere at all {row['answer']}" for row in rows))
    assert {tally.correct for tally in wrong.questions.values()} == {0}
    stopped = scored(data, tmp_path, (f"{row['answer']}." for row in rows))
    assert stopped.questions["no_stop"].correct == 0


# ── orders and subsets ──────────────────────────────────────────────────────────────────────────────────────────────


def test_numbered_predictions_count_the_same_in_any_order(data: Path, rows: list[Row], tmp_path: Path) -> None:
    said = [whole(row) if i % 3 else "Perhaps." for i, row in enumerate(rows)]
    in_order = scored(data, tmp_path, said)
    numbered = list(enumerate(said))
    assert 0 < in_order.micro.correct < len(rows)
    assert scored(data, tmp_path, numbered) == in_order
    assert scored(data, tmp_path, reversed(numbered)) == in_order
    random.Random(1).shuffle(numbered)
    assert scored(data, tmp_path, numbered) == in_order
    shifted = [((i + 1) % len(said), one) for i, one in enumerate(said)]
    assert scored(data, tmp_path, shifted).micro.correct < in_order.micro.correct / 2, "the number is the row's"


def test_of_some_rows_only_these_count_against_the_baseline_of_all(data: Path, rows: list[Row], tmp_path: Path) -> None:
    some = [i for i, row in enumerate(rows) if row["question"] in ("birth_date", "major_ranking")][::3]
    result = scored(data, tmp_path, ((i, whole(rows[i]) if n % 2 else "?") for n, i in enumerate(some)))
    assert result.questions.keys() == {"birth_date", "major_ranking", "major_ranking (hinted)"}
    assert result.micro.rows == len(some) < 60
    assert result.micro.correct == len(some) // 2
    usual = usual_answers(rows)
    for question, tally in result.questions.items():
        assert tally.rows == sum(asked(rows[i]) == question for i in some)
        assert tally.baseline == usual[question][1] / usual[question][2]
    weighted = sum(usual[asked(rows[i])][1] / usual[asked(rows[i])][2] for i in some) / len(some)
    assert result.micro.baseline == pytest.approx(weighted)


def test_blank_lines_and_other_keys_are_passed_over(data: Path, rows: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    lines = [json.dumps({"id": i, "prediction": whole(row), "beams": [row["answer"]]}) for i, row in enumerate(rows)]
    path.write_text("\ufeff" + "\n\n".join(lines) + "\n \n")  # with the mark that some editors begin a file with
    assert score(data, "exam", path).micro.correct == len(rows)


def test_memory_does_not_grow_with_the_predictions(data: Path, rows: list[Row], tmp_path: Path) -> None:
    babble = "and so on " * 20_000  # 200 kB a row, 40 MB in all
    path = tmp_path / "predictions.jsonl"
    with path.open("w") as file:
        file.writelines(json.dumps({"prediction": f"{whole(row)} {babble}"}) + "\n" for row in rows)
    tracemalloc.start()
    result = score(data, "exam", path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.micro.correct == len(rows)
    assert peak < 5_000_000


# ── the table ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_is_aligned_and_has_every_number(data: Path, rows: list[Row], tmp_path: Path) -> None:
    result = scored(data, tmp_path, (whole(row) if i % 3 else "Perhaps." for i, row in enumerate(rows)))
    head, *lines = result.lines()
    assert head.split("  ")[0] == "question"
    assert len({len(line) for line in (head, *lines)}) == 1
    names = [*sorted(result.questions), "mean of questions", "all rows"]
    assert [line[: len(name)] for line, name in zip(lines, names, strict=True)] == names
    for name in ("month_ranking", "month_ranking (hinted)"):
        tally = result.questions[name]
        rates = (tally.accuracy, tally.hint_accuracy, tally.baseline)
        shown = [str(tally.rows), str(tally.correct), *(f"{rate:.2%}" for rate in rates if rate is not None)]
        assert lines[names.index(name)].removeprefix(name).split() == shown
        assert len(shown) == (5 if "hinted" in name else 4), "without hints there is no accuracy of them"
    assert lines[-2].split()[3:] == [
        f"{one:.2%}" for one in (result.macro.accuracy, result.macro.hint_accuracy, result.macro.baseline)
    ]
    assert lines[-1].split()[2:4] == ["210", str(result.micro.correct)]


def test_the_table_has_no_column_of_hints_where_there_are_none(data: Path, rows: list[Row], tmp_path: Path) -> None:
    result = scored(data, tmp_path, [(i, whole(row)) for i, row in enumerate(rows) if not row["hint"]])
    assert result.micro.hint_accuracy is result.macro.hint_accuracy is None
    assert not any("hint" in line for line in result.lines())
    assert {len(line.split()) for line in result.lines()[1:-2]} == {5}


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lines", "place", "problem"),
    [
        (['{"prediction": "Yes."}', "Yes."], ":2:", "not JSON"),
        (['{"prediction": "Yes."}', "", '{"prediction": "Yes.'], ":3:", "not JSON"),
        (["[" * 100_000], ":1:", "not JSON"),
        (['{"row": ' + "9" * 5000 + ', "prediction": "Yes."}'], ":1:", "not JSON"),
        (['{"predictions": "Yes."}'], ":1:", 'there is no text under "prediction". Each line is {"prediction"'),
        (['{"prediction": null}'], ":1:", 'there is no text under "prediction"'),
        (['{"prediction": ["Yes."]}'], ":1:", 'there is no text under "prediction"'),
        (['"Yes."'], ":1:", 'there is no text under "prediction"'),
        (['{"row": 210, "prediction": "Yes."}'], ":1:", "there is no row 210. The rows are 0 to 209."),
        (['{"row": -1, "prediction": "Yes."}'], ":1:", "there is no row -1"),
        (['{"row": true, "prediction": "Yes."}'], ":1:", "not a whole number"),
        (['{"row": 1.0, "prediction": "Yes."}'], ":1:", "not a whole number"),
        (['{"row": null, "prediction": "Yes."}'], ":1:", "not a whole number"),
        (['{"row": 7, "prediction": "A"}', '{"row": 8, "prediction": "A"}'] * 2, ":3:", "row 7 stands twice"),
        (['{"row": 0, "prediction": "A"}', '{"prediction": "A"}'], ":2:", "some lines have a row and others have none"),
        (['{"prediction": "A"}', '{"row": 1, "prediction": "A"}'], ":2:", "some lines have a row and others have none"),
        (['{"prediction": "A"}'] * 209, ":", "209 predictions for 210 rows. Give each row its line, or number them"),
        (['{"prediction": "A"}'] * 211, ":211:", "more predictions than the 210 rows of the split"),
        ([], ":", "0 predictions for 210 rows"),
    ],
)
def test_predictions_that_do_not_fit_are_refused_with_their_line(
    data: Path, tmp_path: Path, lines: list[str], place: str, problem: str
) -> None:
    path = tmp_path / "said.jsonl"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(PipelineError) as caught:
        score(data, "exam", path)
    assert str(caught.value).startswith(f"{path}{place} ")
    assert problem in str(caught.value)
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_bytes_that_are_no_text_are_refused_with_their_line(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "said.jsonl"
    path.write_bytes(b'{"prediction": "Yes."}\n{"prediction": "\xff"}\n')
    with pytest.raises(PipelineError, match=r"said\.jsonl:2: not JSON"):
        score(data, "exam", path)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_pipe_or_a_device_of_predictions_is_not_read(
    data: Path, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "said.jsonl")
    with pytest.raises(PipelineError, match="it is a pipe or a device, not a file"):
        score(data, "exam", tmp_path / "said.jsonl")


def test_a_line_without_end_is_refused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.evaluate.predictions.MOST_LINE", 100)
    (tmp_path / "said.jsonl").write_text('\n{"prediction": "' + "x" * 100 + '"}')
    with pytest.raises(PipelineError, match=r"said.jsonl:2: the line has more than 100 bytes"):
        score(data, "exam", tmp_path / "said.jsonl")


@pytest.mark.parametrize("name", ["nothing.jsonl", "."])
def test_predictions_that_are_no_file_are_refused(data: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(PipelineError, match=r"cannot be read: .+\. Give a file of predictions\.") as caught:
        score(data, "exam", tmp_path / name)
    assert caught.value.place == str(tmp_path / name)


@pytest.mark.parametrize(
    ("split", "problem"),
    [
        ("exams", "no split 'exams'. Did you mean 'exam'?"),
        ("seen", "the rows of the split 'seen' have no answers. Give it `packing: {method: rows}` and `columns: [answ"),
    ],
)
def test_a_split_that_cannot_be_scored_is_refused(data: Path, tmp_path: Path, split: str, problem: str) -> None:
    with pytest.raises(StorageError) as caught:
        score(data, split, tmp_path / "said.jsonl")
    assert str(caught.value).startswith(f"{data}: {problem}")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("place", ["empty", "nowhere", "file"])
def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"manifest\.json") as caught:
        score(tmp_path / place, "exam", tmp_path / "said.jsonl")
    assert caught.value.place == str(tmp_path / place)
    assert "build" in caught.value.remedy


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", "no splits"])
def test_a_manifest_that_is_none_is_refused(copy: Path, tmp_path: Path, text: str) -> None:
    path = copy / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "splits": []}) if text == "no splits" else text)
    with pytest.raises(StorageError, match=r"manifest\.json cannot be read: .+ Run build\."):
        score(copy, "exam", tmp_path / "said.jsonl")


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "shorter"])
def test_a_damaged_shard_is_refused_by_its_name(copy: Path, tmp_path: Path, damage: str) -> None:
    shard = sorted((copy / "exam").iterdir())[1]
    with pa.OSFile(str(shard)) as file, pa.ipc.open_stream(file) as stream:
        table = stream.read_all()
    data = shard.read_bytes()
    shard.unlink()
    if damage == "empty":
        shard.touch()
    elif damage == "cut":
        shard.write_bytes(data[: len(data) // 2])
    elif damage == "shorter":
        with pa.OSFile(str(shard), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table.slice(0, len(table) - 1))
    with pytest.raises(StorageError, match=r"Run build, which mends it\.") as caught:
        score(copy, "exam", tmp_path / "said.jsonl")
    assert caught.value.place == str(shard)


@pytest.mark.parametrize("text", [None, "{}", "[]", "{", '{"eos_token": null}', '{"eos_token": ""}'])
def test_a_dataset_without_its_end_token_is_refused(copy: Path, tmp_path: Path, text: str | None) -> None:
    path = copy / "tokenizer/tokenizer_config.json"
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with pytest.raises(StorageError, match=r"Run build") as caught:
        score(copy, "exam", tmp_path / "said.jsonl")
    assert caught.value.place == str(path)


def test_the_end_token_is_that_of_the_dataset(copy: Path, rows: list[Row], tmp_path: Path) -> None:
    said = [f"{row['hint']} {row['answer']}".strip() + "</s> and so on" for row in rows]
    assert scored(copy, tmp_path, said).micro.correct == 0
    path = copy / "tokenizer/tokenizer_config.json"
    path.write_text(path.read_text().replace(END, "</s>"))
    with pytest.raises(StorageError, match="its bytes have changed"):
        scored(copy, tmp_path, said)
    recorded(copy, "tokenizer/tokenizer_config.json")
    assert scored(copy, tmp_path, said).micro.correct == len(rows)


def test_symbols_are_not_compared_as_texts(tmp_path: Path):
    text = (
        "tokenizer: symbols\nsources: {it: {kind: brevo, nodes: 5, instances: 20}}\n"
        "splits: {exam: {mixture: {it: {}}, packing: {method: rows, length: 64}, columns: [answers]}}\n"
    )
    built(plan_at(tmp_path / "r.yaml", text), tmp_path / "data")
    (tmp_path / "p.jsonl").write_text('{"row": 0, "prediction": "1"}\n')
    with pytest.raises(StorageError, match=r"are symbols, which are not compared as texts\. `pipeline check`"):
        score(tmp_path / "data", "exam", tmp_path / "p.jsonl")
