"""Sources of one's own: functions of a Python file, from a plan to checked answers; and kinds of installed packages."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

import pipeline
from pipeline import cli
from pipeline.build.executors import Ray
from pipeline.build.verification import verify
from pipeline.core.documents import ROLES, Documents
from pipeline.core.errors import CodeError, PipelineError, RecipeError, StorageError
from pipeline.core.generators import Draws, generators
from pipeline.core.key import Key
from pipeline.dataset import Dataset
from pipeline.inspect.report.measuring import plan_of
from pipeline.plan import Plan, cached, compile_plan
from pipeline.recipe import load
from pipeline.recipe.json_schema import schema
from pipeline.shard.shard import make_shard
from pipeline.sources import SOURCES
from pipeline.sources.own import sampling
from pipeline.sources.own.python import Python
from pipeline.sources.registry import origin_of
from pipeline.sweeps import read_sweep, recipe_of
from pipeline.text.offsets import _last_visible, tokens_of_each, tokens_within
from tests.conftest import built, contents

EXAMPLES = Path(pipeline.__file__).parents[1] / "examples" / "sources"
ONE = np.zeros(1, np.int64)

SUMS = """
from dataclasses import dataclass
from fractions import Fraction
from pipeline.sources import Document, Part


@dataclass
class Options:
    digits: int = 2
    rate: float = 0.5
    exact: Fraction = Fraction(1, 3)
    pair: tuple[int, int] = (1, 2)


def one(rng, options: Options):
    a, b = rng.integers(0, 10**options.digits, 2).tolist()
    return Document([("prompt", f"{a} + {b} ="), Part(f" {a + b}", "answer", "sum")], topic=f"{options.digits} digits")


def many(rng, options: Options, items):
    a, b = rng.integers(0, 10**options.digits, 2).T.tolist()
    prompts = [f"{x} + {y} =" for x, y in zip(a, b)]
    return {"prompt": prompts, "answer": [f" {x + y}" for x, y in zip(a, b)]}


def numbered(item):
    return f"item {item}"


def verify(prompt, answer):
    a, _, b, _ = prompt.split()
    return int(a) + int(b) == int(answer)
"""

RECIPE = """
# Sums
sources: {sums: {kind: python, file: sums.py, function: FUNCTION, items: 200, mask: [prompt]}}
splits:
  train: {mixture: {sums: {}}, packing: {length: 64}, columns: [loss_mask, parts, SPANS]}
  exam: {mixture: {sums: {}}, packing: {method: rows, length: 32}, columns: [answers, loss_mask]}
shard_tokens: 1024
"""
WITH_SPANS = RECIPE.replace("SPANS", "spans")
RECIPE = RECIPE.replace("SPANS", "documents")
TRAIN = RECIPE.split("  exam:")[0].replace("{sums: {}}", "{sums: {tokens: 900}}")


@pytest.fixture(autouse=True)
def tried(request: pytest.FixtureRequest) -> Iterator[None]:
    """Documents are not made in another process, which takes a second, but where a test is about that."""
    forget()
    if "nondeterminism" in request.node.name:
        yield
    else:
        with patch("pipeline.sources.own.python.check_same"):
            yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(code: str, function: str = "one", *overrides: str, recipe: str = RECIPE) -> Plan:
    Path("sums.py").write_text(code)
    Path("r.yaml").write_text(recipe.replace("FUNCTION", function))
    return compile_plan(load("r.yaml", overrides, allow_code=True))


def refusal(code: str, function: str = "one", *overrides: str, recipe: str = RECIPE) -> str:
    with pytest.raises(PipelineError) as caught:
        planned(code, function, *overrides, recipe=recipe)
    assert caught.value.exit_code == 2
    return str(caught.value)


def made(plan: Plan, *items: int, name: str = "sums", exposure: int = 0) -> Documents:
    item = np.array(items, np.int64)
    return plan.sources[name].documents(item, np.full_like(item, exposure), spans=True, parts=True)


def texts(plan: Plan, documents: Documents) -> list[str]:
    tokens = documents.tokens
    return [plan.tokenizer.decode(tokens.slice(i, i + 1).values) for i in range(len(tokens))]


def marked(plan: Plan, documents: Documents, number: int = 0) -> list[tuple[str, str]]:
    """(role, text) of each part of a document."""
    ids = documents.tokens.slice(number, number + 1).values
    assert documents.parts is not None
    rows = documents.parts.slice(number, number + 1).values.tolist()
    return [(ROLES[role], plan.tokenizer.decode(ids[start : start + length])) for start, length, role in rows]


def forget() -> None:
    """As in another process: what a file has made is made anew."""
    for name in [name for name in sys.modules if name.startswith("pretraining_recipes_code_")]:
        del sys.modules[name]


def said(capsys: pytest.CaptureFixture[str], *arguments: Any, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.run([str(argument) for argument in arguments]) == code
    output = capsys.readouterr()
    return output.out + output.err


# ── draws ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_generator_of_an_item_is_numpys_and_the_same_wherever_it_stands() -> None:
    key, items = Key.root(5), np.array([3, 17, 4])
    rng, begin = generators(key, items, items * 0)
    begin(1)
    first = (rng.integers(0, 10**6, 3).tolist(), rng.random(), rng.permutation(5).tolist(), rng.normal())
    begin(0)
    rng.random(7)
    other, begin_other = generators(key, np.array([17]), ONE)
    begin_other(0)
    assert first == (
        other.integers(0, 10**6, 3).tolist(),
        other.random(),
        other.permutation(5).tolist(),
        other.normal(),
    )
    assert isinstance(rng, np.random.Generator)
    for state in ((Key.root(6), 17, 0), (key, 18, 0), (key, 17, 1)):
        other, begin_other = generators(state[0], np.array([state[1]]), np.array([state[2]]))
        begin_other(0)
        assert other.integers(0, 10**6, 3).tolist() != first[0]


def test_the_numbers_of_a_generator_are_spread_evenly() -> None:
    items = np.arange(20_000)
    rng, begin = generators(Key.root(0), items, items * 0)
    drawn = []
    for row in range(len(items)):
        begin(row)
        drawn.append([rng.integers(10), rng.random()])
    digits, fractions = np.array(drawn).T
    assert abs(np.bincount(digits.astype(int)) - 2000).max() < 5 * 2000**0.5
    assert abs(fractions.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(digits, fractions)[0, 1]) < 0.03


DRAWN: dict[str, Callable[[Draws], Any]] = {
    "integers": lambda rng: rng.integers(3, 9, 4),
    "integers of each item": lambda rng: rng.integers(0, np.arange(1, 6)[: len(rng), None] * 0 + 7, 2),
    "random": lambda rng: rng.random((2, 3)),
    "chance": lambda rng: rng.chance(0.25, 9),
    "weighted": lambda rng: rng.weighted([1, 2, 0.5], 5),
    "permutation": lambda rng: rng.permutation(6),
    "choice": lambda rng: rng.choice(["a", "b", "c"], 4),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_row_of_draws_depends_on_its_item_alone(name: str) -> None:
    def draws(*items: int) -> Any:
        rng = Draws(Key.root(3), np.array(items), np.zeros(len(items), np.int64))
        rng.integers(5)  # a call before
        return DRAWN[name](rng)

    whole = draws(4, 1, 17, 9, 1)
    assert (whole[2] == draws(17)[0]).all()
    assert (whole[[3, 0]] == draws(9, 4)).all()
    assert (whole[1] == whole[4]).all()
    assert not (whole[0] == whole[2]).all()


def test_a_size_that_depends_on_the_batch_changes_no_row() -> None:
    items = np.arange(50)
    rng = Draws(Key.root(3), items, items * 0)
    assert (rng.integers(10, size=7)[:, :4] == Draws(Key.root(3), items, items * 0).integers(10, size=4)).all()


def test_draws_have_their_bounds_rates_and_weights() -> None:
    items = np.arange(10_000)
    rng = Draws(Key.root(1), items, items * 0)
    assert np.unique(rng.integers(-3, 4)).tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert abs(rng.chance(0.1).mean() - 0.1) < 0.015
    assert (rng.chance(1).all(), rng.chance(0).any()) == (True, False)
    assert abs(np.bincount(rng.weighted([2, 1, 1])) / 10_000 - [0.5, 0.25, 0.25]).max() < 0.025
    orders, counts = np.unique(rng.permutation(3), axis=0, return_counts=True)
    assert len(orders) == 6
    assert abs(counts - 10_000 / 6).max() < 5 * (10_000 / 6) ** 0.5
    for wrong in (
        lambda: rng.integers(4, 4),
        lambda: rng.chance(2),
        lambda: rng.weighted([0, 0]),
        lambda: rng.weighted([]),
    ):
        with pytest.raises(ValueError, match=r"no integers from 4 to 4|from 0 to 1, not 2|not all zero"):
            wrong()


# ── documents ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_document_has_its_parts_labels_and_topic(folder: Path) -> None:
    plan = planned(SUMS, recipe=WITH_SPANS)
    documents = made(plan, 17, 3)
    text = texts(plan, documents)[0].removesuffix("<|endoftext|>")
    prompt, answer = text.rsplit(" ", 1)
    assert marked(plan, documents) == [("prompt", prompt), ("answer", f" {answer}")]
    a, _, b, _ = prompt.split()
    assert int(a) + int(b) == int(answer)
    assert plan.sources["sums"].labels == ("", "sum")
    assert documents.spans is not None
    start, length, label = documents.spans.values[0].tolist()
    assert (plan.tokenizer.decode(documents.tokens.values[start : start + length]), label) == (f" {answer}", 1)
    assert plan.sources["sums"].topics(np.array([5])) == ["2 digits"]
    assert plan.sources["sums"].roles == ("prompt", "answer")


@pytest.mark.parametrize("function", ["one", "many"])
def test_item_17_is_the_same_whatever_is_made_with_it(folder: Path, function: str) -> None:
    plan = planned(SUMS, function)
    alone = made(plan, 17)
    rows = make_shard(plan, "exam", 0).columns
    for items in ([17, 3], [199, *range(17, 40)], [5, 17, 17], [*range(200)] * 6):
        together = made(plan, *items)
        at = items.index(17)
        for name in ("tokens", "parts", "spans"):
            row = getattr(together, name).slice(at, at + 1)
            assert row.values.tolist() == getattr(alone, name).values.tolist()
    assert len({tuple(row) for row in np.asarray(rows["input_ids"]).tolist()}) > 20


def test_every_form_in_which_a_document_can_be_returned(folder: Path) -> None:
    code = """
from pipeline.sources import Document, Part
def text(rng): return "a b"
def roles(rng): return {"prompt": "a", "answer": " b"}
def pairs(rng): return [("prompt", "a"), ("answer", " b"), ("prompt", " c"), ("answer", " d")]
def parts(rng): return [Part("a", "prompt", "x"), " b"]
def whole(rng): return Document(["a", Part(" b", label="y")], "topic")
def column(rng, items): return ["a b"] * len(items)
def columns(rng, items): return {"prompt": ["a"] * len(items), "answer": [" b"] * len(items)}
def twice(rng, items):
    a, b, t = (["a"] * len(items)), ([" b"] * len(items)), (["t"] * len(items))
    return Document([("prompt", a), ("prompt", b)], t)
def alike(rng, items): return [("prompt", ["a"] * len(items)), Part([" b"] * len(items), "answer")]
def listed(rng, items): return [{"prompt": "a", "answer": f" {i}"} for i in items.tolist()]
"""
    recipe = RECIPE.replace(", mask: [prompt]", "").replace("[answers, loss_mask]", "[]")
    expected = {
        "text": ("a b", []),
        "roles": ("a b", [("prompt", "a"), ("answer", " b")]),
        "pairs": ("a b c d", [("prompt", "a"), ("answer", " b"), ("prompt", " c"), ("answer", " d")]),
        "parts": ("a b", [("prompt", "a")]),
        "whole": ("a b", []),
        "column": ("a b", []),
        "columns": ("a b", [("prompt", "a"), ("answer", " b")]),
        "twice": ("a b", [("prompt", "a"), ("prompt", " b")]),
        "alike": ("a b", [("prompt", "a"), ("answer", " b")]),
        "listed": ("a 7", [("prompt", "a"), ("answer", " 7")]),
    }
    for function, (text, parts) in expected.items():
        plan = planned(code, function, recipe=recipe)
        documents = made(plan, 7)
        assert (texts(plan, documents), marked(plan, documents)) == ([f"{text}<|endoftext|>"], parts), function
    assert planned(code, "parts", recipe=recipe).sources["sums"].labels == ("", "x")
    assert planned(code, "twice", recipe=recipe).sources["sums"].topics(ONE) == ["t"]


def test_the_whole_text_is_encoded_and_a_token_across_a_bar_belongs_to_the_later_part(folder: Path) -> None:
    plan = planned('def one(rng): return [("prompt", "inter"), ("answer", "national"), ("hint", " law")]')
    documents = made(plan, 0)
    assert documents.tokens.values[:-1].tolist() == plan.tokenizer.encode(["international law"])[0].tolist()
    assert marked(plan, documents) == [("answer", "international"), ("hint", " law")]


def test_many_texts_have_the_tokens_of_their_parts_that_each_has_alone() -> None:
    tokenizer = compile_plan(load("tiny")).tokenizer
    parted = [["Where is", " Anya", "?  ", "\n", "Oslo."], ["", "x", " \u3000", ""], ["né", "e", "𝄞", " ."], ["a"]]
    whole = ["".join(parts) for parts in parted]
    encodings = tokenizer.plain(whole)
    expected = [
        tokens_within(one.offsets, text, np.cumsum([*map(len, parts)]).tolist()).tolist()
        for one, text, parts in zip(encodings, whole, parted, strict=True)
    ]
    shift, counts = np.cumsum([0, *map(len, whole)])[:-1], np.array([len(one) for one in encodings])
    places = np.array([place for one in encodings for place in one.offsets]) + np.repeat(shift, counts)[:, None]
    ends = np.cumsum([len(part) for parts in parted for part in parts])
    last = np.repeat(np.cumsum([*map(len, parted)]) - 1, counts)
    each = tokens_of_each(places[:, 0], places[:, 1], "".join(whole), ends, last)
    assert each.tolist() == [*chain.from_iterable(expected)]
    blanks = [number for number in range(sys.maxunicode + 1) if chr(number).isspace()]
    assert (_last_visible("".join(map(chr, blanks))) == -1).all()
    assert _last_visible("a b").tolist() == [0, 0, 2]


@pytest.mark.parametrize(("tag", "head"), [("<sums>", "<sums>"), ('{text: "sum:"}', " sum: ")])
def test_a_tag_stands_before_each_document(folder: Path, tag: str, head: str) -> None:
    plan = planned(SUMS, "one", f"sources.sums.tag={tag}")
    plain, documents = made(planned(SUMS), 17), made(plan, 17)
    assert texts(plan, documents)[0].startswith(head)
    assert marked(plan, documents)[0] == ("tag", head.rstrip())
    assert [role for role, _ in marked(plan, documents)] == ["tag", "prompt", "answer"]
    assert texts(plan, documents)[0].removeprefix(head) == texts(plan, plain)[0]
    start, length, _ = documents.spans.values[0].tolist()  # type: ignore[union-attr]
    assert plan.tokenizer.decode(documents.tokens.values[start : start + length]).strip().isdigit()


def test_exposures_repeat_an_item_unless_it_has_variants(folder: Path) -> None:
    for variants, distinct, exposures in (("1", 1, 1), ("3", 3, 3), ("fresh", 6, None)):
        plan = planned(SUMS, "one", f"sources.sums.variants={variants}", recipe=TRAIN)
        shown = [texts(plan, made(plan, 17, exposure=exposure))[0] for exposure in range(6)]
        assert len({*shown}) == distinct
        assert shown[0] == texts(planned(SUMS), made(planned(SUMS), 17))[0]
        assert plan.sources["sums"].exposures == exposures
        assert (shown[:3] == shown[3:]) == (variants != "fresh")


SYMBOLS = """
import numpy as np
SYMBOLS = ["<q>", "<a>", "0", "1", "2"]
def names(rng): return [("prompt", ["<q>", str(rng.integers(3))]), ("answer", "<a> 1")]
def numbers(rng, items):
    padded = np.where(np.arange(3) < rng.integers(1, 4)[:, None], rng.integers(2, 5, 3), -1)
    return {"prompt": padded, "answer": np.full(len(items), 1)}
def listed(rng, items): return {"prompt": ["<q> 1"] * len(items), "answer": [[1, "2"]] * len(items)}
def verify(prompt, answer): return (prompt, answer) == ("<q> 1", "<a> 1")
"""
OF_SYMBOLS = "tokenizer: symbols" + RECIPE


def test_documents_of_symbols_by_name_and_by_number(folder: Path) -> None:
    plan = planned(SYMBOLS, "names", recipe=OF_SYMBOLS)
    documents = made(plan, 0, 1)
    assert texts(plan, documents)[0].startswith("<q> ")
    assert marked(plan, documents)[1] == ("answer", "<a> 1")
    assert {*np.unique(documents.tokens.values)} <= {*plan.sources["sums"].token_ids().tolist()}  # type: ignore[union-attr]
    assert len(plan.sources["sums"].token_ids()) == 6  # type: ignore[arg-type]
    plan = planned(SYMBOLS, "numbers", recipe=OF_SYMBOLS)
    documents = made(plan, *range(100))
    assert {*documents.tokens.lengths.tolist()} == {3, 4, 5}, "-1 is no symbol"
    assert all(marked(plan, documents, i)[1] == ("answer", "<a>") for i in range(100))
    assert texts(plan, made(planned(SYMBOLS, "listed", recipe=OF_SYMBOLS), 0)) == ["<q> 1 <a> 2 <eos>"]


def test_symbols_beside_text_name_their_alphabet(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mixed = RECIPE.replace("items: 200", "items: 20")
    plan = planned(SYMBOLS, "names", recipe=mixed)
    assert texts(plan, made(plan, 0))[0].startswith("<names:q><names:")
    built(plan, folder / "data")
    rows = [row for batch in Dataset.at("data").batches("exam") for row in batch.to_pylist()]
    Path("answers.jsonl").write_text(
        "\n".join(
            json.dumps({"row": i, "prediction": row["answer"]})
            for i, row in enumerate(rows)
            if "q><names:1>" in row["prompt"]
        )
    )
    capsys.readouterr()
    check = ("check", "data", "answers.jsonl", "--code", "sums.py", "--allow-code")
    with patch("pipeline.evaluate.checking.files.GOLD", 0):
        table = said(capsys, *check)
    assert "100.00%" in table
    with pytest.raises(StorageError, match="are symbols"):
        from pipeline.evaluate.scoring import score

        score("data", "exam", "answers.jsonl")


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def two(rng): return 'x'", "sources.sums.function: sums.py has no function 'one'. It can be: two."),
        (
            "from shutil import copy\ndef verify(prompt, answer): ...\ndef two(rng): return 'x'",
            "sums.py has no function 'one'. It can be: two.",
        ),
        ("def one(rng):\n  yield 'x'", "one of sums.py awaits or yields, and returns no document. It is def f(rng"),
        ("async def one(rng): return 'x'", "one of sums.py awaits or yields, and returns no document."),
        (
            "def one(rng:\n  pass",
            "sources.sums.file: the file fails: SyntaxError: '(' was never closed (sums.py:1). Mend sums.py.",
        ),
        (
            "a = 1\nb = a / 0",
            "the file fails: ZeroDivisionError: division by zero (sums.py:2: b = a / 0). Mend sums.py.",
        ),
        (
            "import nothing_of_that_name",
            "No module named 'nothing_of_that_name' (sums.py:1: import nothing_of_that_name). Write what it needs",
        ),
        ("raise SystemExit(3)", "SystemExit: 3 (sums.py:1: raise SystemExit(3))"),
        (
            "def one(rng, size): return 'x'",
            "one of sums.py has an argument 'size'. It is def f(rng, options), for one item",
        ),
        ("def one(rng, item, items): return 'x'", "one of sums.py is for one item, or for many."),
        (
            "def one(rng, item):\n  return 'x' if item != 17 else 'x'[9]",
            "one of sums.py fails at item 17: IndexError: string index out of range (sums.py:2: return 'x' if",
        ),
        (
            "def one(rng, items):\n  return ['x' if i != 17 else 'x'[9] for i in items]",
            "one of sums.py fails at item 17: IndexError",
        ),
        (
            "def one(rng): return 3",
            "one of sums.py at item 0: a content is a text, not int. It returns a text, {role: content}",
        ),
        ("def one(rng): return {'promt': 'a'}", "one of sums.py at item 0: no role 'promt'. Did you mean 'prompt'?"),
        ("def one(rng): return [('a', 'b', 'c')]", "a part is (role, content), not ('a', 'b', 'c')"),
        ("def one(rng, items): return ['x']", "it returns 1 documents for "),
        ("def one(rng, items): return 'x'", "a content of a batch is a column of texts, not str"),
        ("def one(rng): return ''", ": the document is empty. Return at least one character"),
        (
            "LABELS = ['a']\nfrom pipeline.sources import Part\ndef one(rng): return [Part('x', 'prompt', 'b')]",
            "the label 'b' is not among those of the source. Name all of them at the file's foot: LABELS = ['a', 'b']",
        ),
        ("SYMBOLS = ['a']\ndef one(rng): return 'b'", "the alphabet has no symbol 'b'. It can be: a."),
        ("SYMBOLS = ['a', 'a']\ndef one(rng): return 'a'", "the symbol 'a' stands twice"),
        ("SYMBOLS = ['a b']\ndef one(rng): return 'a'", "'a b' is no name of a symbol"),
        (
            "SYMBOLS = ['a']\nimport numpy as np\ndef one(rng, items): return np.full(len(items), 7)",
            "there is no symbol 7. They are 0 to 0.",
        ),
        ("def one(rng): return 'x \\ud800'", "one of sums.py at item 0"),
        (
            "def one(rng): return 'x ' * 2_000_001",
            "a text has 4,000,002 characters, and 4,000,000 are the most. Make several documents of it, or keep it in",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line_and_its_item(folder: Path, code: str, message: str) -> None:
    assert message in refusal(code, recipe=RECIPE.replace(", mask: [prompt]", ""))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("options.digit=3", "--set sources.sums.options.digit: unknown key. Did you mean 'digits'?"),
        (
            "options.digits=many",
            "options.digits: a whole number is needed, not 'many'. The options of one of sums.py are digits: int, ",
        ),
        ("options.digits=0.5", "--set sources.sums.options.digits: a whole number is needed, not 0.5"),
        ("options.pair=[1]", "--set sources.sums.options.pair"),
        ("options.digits=true", "--set sources.sums.options.digits: a whole number is needed, not true"),
        ("mask=[hint]", "no part of these documents is of the role hint. It has: prompt, answer."),
        ("alphabet=x", "--set sources.sums.alphabet: one of sums.py makes texts, and these have no alphabet"),
        ("file=other.py", "--set sources.sums.file: no file 'other.py'"),
        ("file=../sums.py", "leaves the folder of its recipe"),
        ("content=blake3:0", "sums.py is not the file that the recipe was made with (blake3:0). Name the right one"),
        ("file=null", "r.yaml:3: sources.sums: 'file' is missing"),
    ],
)
def test_what_is_wrong_with_keys_is_said_with_their_place(folder: Path, override: str, message: str) -> None:
    assert message in refusal(SUMS, "one", f"sources.sums.{override}")


def test_options_are_checked_by_a_dataclass_or_a_model_and_keep_their_digits(folder: Path) -> None:
    shown = SUMS + "def shown(options: Options): return repr(options)\n"
    plan = planned(
        shown,
        "shown",
        "sources.sums.options={rate: 0.1, exact: 0.1, pair: [3, 4]}",
        "sources.sums.mask=[]",
        recipe=TRAIN,
    )
    assert "rate=0.1, exact=Fraction(1, 10), pair=(3, 4)" in texts(plan, made(plan, 0))[0]
    model = """
from typing import Literal
from pydantic import BaseModel, Field
class Options(BaseModel):
    size: int = Field(ge=1)
    order: Literal["up", "down"] = "up"
def one(rng, options: Options): return f"{options.size} {options.order}"
"""
    recipe = RECIPE.replace(", mask: [prompt]", ", options: {size: 3}").replace("answers, ", "")
    plan = planned(model, recipe=recipe)
    assert texts(plan, made(plan, 0)) == ["3 up<|endoftext|>"]
    assert "options.size: must be greater than or equal to 1, not 0." in refusal(
        model, "one", "sources.sums.options.size=0", recipe=recipe
    )
    assert "'size' is missing. The options of one of sums.py are size: int, order: " in refusal(
        model, "one", "sources.sums.options.size=null", recipe=recipe
    )
    assert "options.order: 'left' is not possible here" in refusal(
        model, "one", "sources.sums.options.order=left", recipe=recipe
    )
    assert "says of no class that it is one. Annotate it" in refusal("def one(rng, options): return 'x'", recipe=recipe)
    assert "options.size: one of sums.py takes no options" in refusal("def one(rng): return 'x'", recipe=recipe)


def test_an_exact_option_may_be_larger_than_a_float(folder: Path) -> None:
    code = (
        "from dataclasses import dataclass\nfrom fractions import Fraction\n@dataclass\nclass Options:\n  n: Fraction\n"
    )
    code += "def one(rng, options: Options): return {'prompt': 'n', 'answer': str(len(str(options.n)))}\n"
    plan = planned(code, "one", "sources.sums.options={n: 1e400}")
    assert texts(plan, made(plan, 0)) == ["n401<|endoftext|>"]
    assert plan.recipe.model_dump(mode="json")["sources"]["sums"]["options"] == {"n": 10**400}


def test_a_file_beside_it_is_not_imported(folder: Path) -> None:
    Path("helper.py").write_text("x = 1")
    assert "sums.py:1: it imports 'helper', a file beside it, which would be no part of the fingerprint" in refusal(
        "import helper\n"
    )
    assert "it imports '.'" in refusal("from . import helper\n")


RANDOM = {
    "the machine's randomness": (
        "import random\ndef one(rng): return str(random.random())",
        "item 0 is another document when made again",
    ),
    "a state": (
        "n = []\ndef one(rng):\n  n.append(1)\n  return str(len(n) % 50)",
        "another document when made again, in another order",
    ),
    "its neighbours": (
        "def one(rng, items): return [str(items.size)] * items.size",
        "when made again, in another order",
    ),
    "the hash of texts": (
        "def one(rng): return ' '.join({'a', 'b', 'c', 'd', 'e', 'f'})",
        "item 0 is another document when made in another process",
    ),
    "the process": (
        "import os\nP = os.getpid()\ndef one(rng, item): return str(P if item == 3 else 5)",
        "item 3 is another document when made in another process",
    ),
}


@pytest.mark.parametrize("what", RANDOM)
def test_nondeterminism_is_refused_with_the_item(folder: Path, what: str) -> None:
    code, message = RANDOM[what]
    assert message in refusal(code, recipe=RECIPE.replace(", mask: [prompt]", ""))


def test_nondeterminism_is_not_said_of_what_is_the_same(folder: Path) -> None:
    for function in ("one", "many"):
        assert (
            planned("print('said')\n" + SUMS, function, "sources.sums.options.exact=0.1").sources["sums"].mean_tokens
            > 0
        )


# ── code is never run unasked ───────────────────────────────────────────────────────────────────────────────────────

UNASKED = "this runs the code of sums.py, and code is never run unasked. Read that file. If it may run: --allow-code"


def test_no_code_runs_unasked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned(SUMS)
    Path("sums.py").write_text("open('ran', 'w').close()\n" + SUMS)
    Path("s.yaml").write_text(
        "# A sweep\nbase: r\naxes: {n: {10: {sources.sums.items: 10}, 20: {sources.sums.items: 20}}}\n"
    )
    calls: list[Callable[[], object]] = [
        lambda: load("r.yaml"),
        lambda: recipe_of("r.yaml"),
        lambda: pipeline.stream("r.yaml", "train"),
        lambda: pipeline.stream("s.yaml", "train", cell="n=10"),
        lambda: read_sweep("s.yaml").load(read_sweep("s.yaml").cells[0]),
    ]
    for call in calls:
        with pytest.raises(RecipeError, match="code is never run unasked"):
            call()
    for command in ("plan", "preview", "build"):
        assert UNASKED in said(capsys, command, "r.yaml", code=2)
    assert "code is never run unasked" in said(capsys, "plan", "s.yaml", code=2)
    assert UNASKED in said(capsys, "where", "r.yaml", "--source", "sums", "--item", "1", code=2)
    assert not Path("ran").exists()
    assert next(iter(pipeline.stream("r.yaml", "train", allow_code=True)))["input_ids"].shape == (64,)
    assert Path("ran").exists()
    assert "2 cells" in said(capsys, "plan", "s.yaml", "--allow-code")


def test_a_dataset_keeps_the_code_and_runs_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned("open('ran', 'w').close()\n" + SUMS)
    built(plan, folder / "data")
    Path("ran").unlink()
    forget()
    assert Path("data/code/sums.py").read_text() == Path("sums.py").read_text()
    assert "file" not in Path("data/recipe.yaml").read_text().partition("sources:")[2]
    assert said(capsys, "verify", "data")
    assert "kept to be read: `code/sums.py`. Nothing here runs it." in Path("data/README.md").read_text()
    rows = list(pipeline.read("data", "exam"))
    Path("answers.jsonl").write_text("\n".join(json.dumps({"prediction": row["answer"]}) for row in rows))
    assert "all rows            200      200   100.00%" in said(capsys, "score", "data", "answers.jsonl")
    for command in (["plan", "data/recipe.yaml"], ["plan", "data/recipe.yaml", "--allow-code"]):
        assert "a dataset's recipe names no file. Read what the dataset keeps in code/" in said(
            capsys, *command, code=2
        )
    assert "these answers are checked by code, and a dataset's code is never run" in said(
        capsys, "check", "data", "answers.jsonl", code=2
    )
    assert "code is never run unasked" in said(capsys, "check", "data", "answers.jsonl", "--code", "sums.py", code=2)
    assert "Name the recipe it was built from" in said(capsys, "report", "data", code=2)
    assert not Path("ran").exists()
    assert "200      200   100.00%" in said(
        capsys, "check", "data", "answers.jsonl", "--code", "sums.py", "--allow-code"
    )
    assert Path("ran").exists()
    assert "kB" in said(capsys, "report", "data", "--recipe", "r.yaml", "--allow-code")
    named = load("data/recipe.yaml", ["sources.sums.file=sums.py"], allow_code=True)
    assert (
        compile_plan(named).fingerprint
        == plan.fingerprint
        == plan_of(Dataset.at("data"), "r.yaml", allow_code=True).fingerprint
    )


def test_verify_finds_other_code(folder: Path) -> None:
    built(planned(SUMS), folder / "data")
    assert list(verify("data")) == []
    Path("data/code/sums.py").write_text(SUMS + "\n")
    assert list(verify("data")) == [
        "code/sums.py: its bytes have changed",
        "code/sums.py: it is not the code that the recipe has the hash of",
    ]
    Path("data/code/sums.py").unlink()
    assert list(verify("data")) == ["code/sums.py: missing"]


def test_only_the_content_of_the_file_is_in_the_fingerprint(folder: Path) -> None:
    first = planned(SUMS).fingerprint
    Path("moved").mkdir()
    Path("moved/other.py").write_text(SUMS)
    assert compile_plan(load("r.yaml", ["sources.sums.file=moved/other.py"], allow_code=True)).fingerprint == first
    assert planned(SUMS + "# a word\n").fingerprint != first
    assert planned(SUMS, "one", "sources.sums.options.digits=2").fingerprint != first


def test_a_verifier_says_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("v.py").write_text(
        """
def one(rng): return 'x'
def verify(prompt, answer): return answer == '3' or f'{answer} is not 3'
def odd(rng): return 'x'
def verify_odd(prompt, answer): return 5
"""
    )
    Path("p.jsonl").write_text(
        "\n".join(json.dumps({"prompt": "1 + 2 =", "prediction": answer}) for answer in (" 3", "4", "4", "5"))
    )
    check = ("check", "p.jsonl", "--kind", "python", "--allow-code", "--code")
    table = said(capsys, *check, "v.py:one")
    assert "all        4        1    25.00%" in table
    assert "4 is not 3        2  50.00%" in table
    assert "verify of v.py returns 5. It is True, False or a reason." in said(capsys, *check, "v.py:odd", code=2)
    assert "nothing says of which function these answers are. Name it: --code v.py:FUNCTION." in said(
        capsys, *check, "v.py", code=2
    )
    Path("w.py").write_text("def one(rng): return 'x'\ndef verify(prompt, answer): return int(answer) == 3\n")
    Path("p.jsonl").write_text('{"prompt": "1", "prediction": "many"}')
    assert (
        "verify fails for the prompt '1': ValueError: invalid literal for int() with base 10: 'many' (w.py:2: def"
        in said(capsys, *check, "w.py:one", code=2)
    )
    Path("n.py").write_text("def one(rng): return 'x'\n")
    assert "n.py has no verify. Write `def verify(prompt, answer)`" in said(capsys, *check, "n.py:one", code=2)


# ── everything else goes on as for other sources ────────────────────────────────────────────────────────────────────


def test_workers_get_the_code_with_the_plan(folder: Path) -> None:
    plan = planned(SUMS, "many")
    built(plan, folder / "here" / "data")
    Path("sums.py").unlink()
    built(plan, folder / "there" / "data", Ray(workers=2))
    assert contents(folder / "here" / "data") == contents(folder / "there" / "data")


def test_another_process_makes_the_same_shard_without_the_file(folder: Path) -> None:
    plan = planned(SUMS)
    Path("plan.pickle").write_bytes(pickle.dumps(plan))
    Path("sums.py").unlink()
    code = """
import pickle
from pipeline.core.table import content_hash
from pipeline.shard.shard import make_shard
print(content_hash(make_shard(pickle.load(open("plan.pickle", "rb")), "train", 0).columns))
"""
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(pipeline.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    from pipeline.core.table import content_hash

    assert done.stdout.strip() == content_hash(make_shard(plan, "train", 0).columns), done.stderr


def test_a_build_goes_on_where_it_stopped_and_a_failure_names_shard_and_item(folder: Path) -> None:
    late = SUMS + "def late(rng, item):\n    return [('prompt', 'a'), ('answer', str(1 // (item != 199)))]\n"
    with (
        patch("pipeline.sources.own.python.SAMPLE", 5),
        patch("pipeline.sources.own.python.sample_of", lambda items, key: np.arange(3)),
        patch("pipeline.plan.document_sizes.TRIED", 5),
        patch("pipeline.plan.checks.SAMPLED", 5),
    ):
        plan = planned(late, "late", "splits.train.columns=[loss_mask]", "splits.train.packing.length=32")
    failed = r"shard \d of train: late of sums.py fails at item 199: ZeroDivisionError.*sums.py:\d+: return"
    with pytest.raises(CodeError, match=failed) as caught:
        built(plan, folder / "data")
    assert caught.value.exit_code == 2
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value), "as it comes from a worker"
    plan = planned(SUMS)
    new, _ = built(plan, folder / "other")
    (folder / "other" / sorted(new)[0]).unlink()
    again, kept = built(plan, folder / "other")
    assert (again, kept) == ({sorted(new)[0]}, new - again)
    assert list(verify(folder / "other")) == []


def test_a_plan_is_found_in_the_cache_by_the_content_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(SUMS)
    digest = cached.plan_digest(load("r.yaml", allow_code=True))
    assert digest is not None
    assert cached.plan_digest(load("r.yaml", allow_code=True)) == digest
    Path("sums.py").write_text(SUMS + "\n")
    assert cached.plan_digest(load("r.yaml", allow_code=True)) != digest


def test_a_small_vocabulary_knows_symbols_and_asks_for_texts(folder: Path) -> None:
    said = refusal(SUMS, "one", "tokenizer={name: gpt2, vocabulary: used}")
    assert "the tokens of the source 'sums' are not known before its documents are encoded. Give texts with all" in said
    plus = [f"{a} + {b} = {a + b}" for a in range(10) for b in range(10)]
    vocabulary = f"tokenizer={{name: gpt2, vocabulary: {{used: true, plus: {json.dumps(plus)}}}}}"
    plan = planned(SUMS, "one", vocabulary, "sources.sums.options.digits=1")
    assert plan.tokenizer.vocabulary < 600
    plan = planned(SYMBOLS, "names", "tokenizer={name: gpt2, vocabulary: used}", recipe=RECIPE)
    assert "<names:q>" in texts(plan, made(plan, 0))[0]


def test_a_dataset_with_code_in_it_is_measured_without_it(folder: Path) -> None:
    from pipeline.evaluate.capacity.documents import Measured

    recipe = """
worlds:
  people:
    size: 16
    attributes:
      name: {kind: name, pools: {first: [Ann, Bo, Cy, Di], last: [Lee, Poe, Roe, Wu]}}
      city: {kind: choice, values: [Rome, Oslo]}
sources:
  bios: {kind: biographies, world: people, templates: {city: ["{{ name }} is from {{ city }}."]}}
  sums: {kind: python, file: sums.py, function: one, items: 20}
splits: {score: {mixture: {bios: {exposures: 2}, sums: {}}, packing: {length: 64}, columns: [documents, spans]}}
"""
    built(planned(SUMS, recipe=recipe), folder / "data")
    assert Measured.of("data", "score", None).individuals == 16


def test_streams_and_places_are_those_of_the_shards(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned(SUMS, "many")
    rows = [row["input_ids"].tolist() for row in pipeline.stream("r.yaml", "train", allow_code=True)]
    made_rows = [
        row
        for k in range(plan.splits["train"].shards)
        for row in make_shard(plan, "train", k).columns["input_ids"].tolist()
    ]  # type: ignore[union-attr]
    assert rows == made_rows
    assert pipeline.stream("r.yaml", "train", allow_code=True)[7]["input_ids"].tolist() == rows[7]
    text = texts(plan, made(plan, 17))[0]
    where = said(capsys, "where", "r.yaml", "--source", "sums", "--item", "17", "--allow-code")
    assert where.startswith("train: position ")
    assert text.split()[0] in where


def test_what_a_file_prints_is_no_output_of_a_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned("print('hello')\n" + SUMS)
    forget()
    capsys.readouterr()
    assert cli.run(["plan", "r.yaml", "--allow-code", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["splits"]["train"]["documents"] == 200
    assert printed.err == "hello\n"


def test_annotations_may_be_texts_and_one_item_is_enough(folder: Path) -> None:
    plan = planned(
        "from __future__ import annotations\n" + SUMS, "one", "sources.sums.items=1", "sources.sums.options.exact=0.1"
    )
    assert len(plan.sources["sums"]) == 1
    assert texts(plan, made(plan, 0)) == texts(planned(SUMS), made(planned(SUMS), 0))


def test_labels_of_symbols_have_places_too(folder: Path) -> None:
    code = """
from pipeline.sources import Document, Part
SYMBOLS = ["a", "b"]
def one(rng): return [Part("a b a", "prompt"), Part(["b", "a"], "answer", "last")]
"""
    plan = planned(code, recipe="tokenizer: symbols" + WITH_SPANS)
    documents = made(plan, 0)
    assert documents.spans is not None
    assert documents.spans.values.tolist() == [[3, 2, 1]]
    assert marked(plan, documents) == [("prompt", "a b a"), ("answer", "b a")]


def test_an_experiment_runs_no_code_unasked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned(SUMS)
    Path("e.yaml").write_text("""
# An experiment
sweep: {base: r, axes: {n: {10: {sources.sums.items: 10}, 20: {sources.sums.items: 20}}}}
scales: {small: {model: {layers: 1, width: 8, heads: 1}, training: {tokens: 1000, batch: 2, rate: 0.001, seeds: [0]}}}
measures: {right: {kind: exam, split: exam, rows: 10, times: 1, tokens: 4}}
""")
    assert "code is never run unasked, in the cell n=10" in said(capsys, "experiment", "plan", "e.yaml", code=2)
    assert "n=20" in said(capsys, "experiment", "plan", "e.yaml", "--allow-code")


# ── examples ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
def test_an_example_is_short_built_and_its_answers_are_checked(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) < 40
    plan = compile_plan(load(str(EXAMPLES / f"{name}.yaml"), allow_code=True))
    built(plan, folder / "data")
    assert list(verify("data")) == []
    exams = [split for split in plan.splits if split.startswith("exam")]
    assert exams
    for split in exams:
        rows = list(pipeline.read("data", split))
        Path("right.jsonl").write_text("\n".join(json.dumps({"prediction": row["answer"]}) for row in rows))
        wrong = [rows[(i + 1) % len(rows)]["answer"] if i % 2 else row["answer"] for i, row in enumerate(rows)]
        Path("wrong.jsonl").write_text("\n".join(json.dumps({"prediction": answer}) for answer in wrong))
        check = ("--split", split, "--code", EXAMPLES / f"{name}.py", "--allow-code")
        assert f"all      {len(rows):>3}      {len(rows):>3}   100.00%" in said(
            capsys, "check", "data", "right.jsonl", *check
        )
        assert "100.00%" not in said(capsys, "check", "data", "wrong.jsonl", *check).split("\n\n")[0]


def test_the_examples_do_what_they_say(folder: Path) -> None:
    plan = compile_plan(load(str(EXAMPLES / "flipped.yaml"), allow_code=True))
    animals = {"robin", "wren", "otter", "badger", "salmon", "beetle"}
    animals |= {"heron", "weasel", "lizard", "adder", "moth", "hare"}
    for name, expected in (("plain", 0), ("exchanged", 1)):
        shown = texts(plan, made(plan, *range(100), name=name))
        pairs = [pair.split(": ") for text in shown for pair in text.removesuffix(".<|endoftext|>").split(". ")]
        assert {(word in animals) != (label == "animal") for word, label in pairs} == {bool(expected)}
    shown = texts(plan, made(plan, *range(400), name="shown"))
    flipped = [(text.split(": ")[0] in animals) != (text.split(": ")[1].split(".")[0] == "animal") for text in shown]
    assert 0.15 < np.mean(flipped) < 0.35
    plan = compile_plan(load(str(EXAMPLES / "recall.yaml"), allow_code=True))
    *facts, _ = texts(plan, made(plan, 0, name="recall"))[0].split()
    pairs = dict(zip(facts[:12:2], facts[1:12:2], strict=True))
    assert len(pairs) == 6
    assert {*zip(facts[12::2], facts[13::2], strict=True)} == {*pairs.items()}
    assert plan.splits["train"].columns == ("loss_mask",)
    plan = compile_plan(load(str(EXAMPLES / "addition.yaml"), allow_code=True))
    assert {*plan.sources["sums"].topics(np.arange(300))} == {f"{n} carries" for n in range(5)}


# ── kinds of installed packages ─────────────────────────────────────────────────────────────────────────────────────

SORTING = '''
"""Sorting."""
from typing import Literal

from pipeline.sources import SourceKind
from pipeline.sources.own.python import Python, PythonSpec


class SortingSpec(PythonSpec):
    kind: Literal["sorting"]


KIND = SourceKind("sorting", SortingSpec, Python, "sorted numbers")
'''


def install(folder: Path, name: str, version: str, points: str, **modules: str) -> None:
    """A distribution with entry points in a folder, as `pip install` leaves it."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[pretraining_recipes.sources]\n{points}\n")
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)


@pytest.fixture
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages: one that works, and two that do not."""
    install(folder / "site", "sorting-tasks", "1.2", "sorting = sorting_tasks:KIND", sorting_tasks=SORTING)
    install(folder / "site", "broken-tasks", "0.1", "broken = broken_tasks", broken_tasks="import nothing_there")
    install(folder / "site", "empty-tasks", "0.2", "empty = empty_tasks", empty_tasks="")
    monkeypatch.syspath_prepend(folder / "site")
    yield folder
    for name in ("sorting", "broken", "empty"):
        SOURCES.pop(name, None)
        sys.modules.pop(f"{name}_tasks", None)
    from pipeline.sources import registry

    registry._OF_PACKAGES.clear()


def test_an_installed_package_offers_a_kind(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "sorting" not in SOURCES
    plan = planned(SUMS, recipe=RECIPE.replace("kind: python", "kind: sorting"))
    assert type(plan.sources["sums"]) is Python
    assert origin_of("sorting") == "sorting-tasks 1.2"
    assert cached.plan_digest(load("r.yaml", allow_code=True)) is None, "its code is not known to us"


def test_a_broken_package_says_so_and_breaks_no_other(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = said(capsys, "list", "--kinds")
    assert "From sorting-tasks 1.2:\nsorting       sorted numbers\n" in listed
    assert (
        "broken        the kind 'broken' of the installed package broken-tasks 0.1 cannot be loaded: "
        "ModuleNotFoundError: No module named 'nothing_there'. Mend that package, or remove it." in listed
    )
    assert "empty-tasks 0.2 cannot be loaded: ValueError: empty_tasks registers no kind of that name" in listed
    assert "SortingSpec" in schema()["$defs"]
    message = refusal(SUMS, recipe=RECIPE.replace("kind: python", "kind: broken"))
    assert message.startswith(
        "r.yaml:3: sources.sums.kind: the kind 'broken' of the installed package broken-tasks 0.1"
    )
    assert "Did you mean 'sorting'?" in refusal(SUMS, recipe=RECIPE.replace("kind: python", "kind: sortin"))


def test_two_packages_with_one_kind_are_refused(installed: Path) -> None:
    install(installed / "site", "other-tasks", "3", "sorting = other_tasks:KIND", other_tasks=SORTING)
    message = refusal(SUMS, recipe=RECIPE.replace("kind: python", "kind: sorting"))
    assert "the kind 'sorting' is offered by " in message
    assert "Remove all but one." in message


def test_known_kinds_look_for_no_package(folder: Path) -> None:
    with patch("importlib.metadata.entry_points", side_effect=AssertionError("it was looked for")):
        load("tiny")
        planned(SUMS)


def test_a_kind_from_a_file_says_which(folder: Path) -> None:
    assert origin_of("mano") == ""
    assert sampling.SAMPLE <= 64, "plan stays quick"
