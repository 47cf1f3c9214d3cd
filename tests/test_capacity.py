"""Bits of knowledge from losses: against losses whose answer is known by hand, and a walk through the tokens."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.build.building import build
from pipeline.build.executors import Inline
from pipeline.core.errors import PipelineError, PlanError, StorageError
from pipeline.evaluate.capacity import Capacity, measure
from pipeline.evaluate.capacity.documents import BATCH, Measured
from pipeline.worlds.knowledge import knowledge_of
from tests.encoders import tokenizer
from tests.plans import plan_at

LN2 = math.log(2)
N, N0, S0 = 64, 16 * 16, 2 * 8 * 4  # all powers of two: people, names, and what is to know of one of them

RECIPE = """
tokenizer: small.json
worlds:
  people:
    size: 64
    attributes:
      name: {kind: name, pools: {first: FIRST, last: LAST}}
      pronoun: {kind: pronoun}
      city: {kind: choice, values: [Boston, New York, Los Angeles, Washington D.C., Rome, Oslo, Saint Petersburg, Bern]}
      employer: {kind: choice, values: [Adobe, The Home Depot, C.H. Robinson, Intel]}
      office: {kind: lookup, of: employer, values: [San Jose, Atlanta, Eden Prairie, Santa Clara]}
sources:
  biographies:
    kind: biographies
    world: people
    templates:
      city: ["{{ subject }} was born in {{ city }}.", "{{ city }} is where {{ subject }} spent {{ possessive }} youth."]
      employer: ["{{ subject }} works for {{ employer }}.", "{{ employer }} pays {{ subject }} for {{ employer }}."]
      office: ["{{ subject }} goes to {{ office }} every day."]
    paraphrases: fresh
    permutations: fresh
splits:
  score:
    mixture: {biographies: {exposures: 12}}
    packing: {length: 100}
    columns: [documents, spans]
shard_tokens: 8192
"""
for _pool in ("FIRST", "LAST"):
    RECIPE = RECIPE.replace(_pool, str([f"{_pool[0]}{letter}{_pool.lower()[1:]}" for letter in "abcdefghijklmnop"]))

# Two sources about two worlds in one split, each document tagged, mistakes, a name in every sentence, half the people.
MIXED = """
extends: plain.yaml
worlds:
  people: {groups: {half: [0, 0.5]}, attributes: {city: {weights: zipf}, shoes: {kind: integer, first: 35, last: 46}}}
  strangers: {extends: people, size: 128, disjoint_from: people}
sources:
  biographies: {tag: <people>, full_name: all, mistakes: {corrected: 0.2, weak: 0.1, silent: 0.2}, only: half}
  junk: {extends: biographies, world: strangers, tag: null, mistakes: null, only: null}
  questions: {kind: questions, world: people, templates: {city: ["Where is {{ name }} from? | {{ city }}."]}}
splits:
  score:
    mixture: {biographies: {exposures: 40}, junk: {exposures: 6}, questions: {exposures: 3}}
    packing: {length: 100, windows: PURE}
"""

CODES = """
extends: plain.yaml
worlds:
  people:
    attributes: {city: null, employer: null, office: null, id: {kind: codes, ID}}
sources: {biographies: {templates: {city: null, employer: null, office: null, id: [TEMPLATE]}}}
"""
IDS = "repeat: 4, chunks: 3, diversity: 16, length: 2, vocabulary: 64, first_id: 100"


def recipes() -> dict[str, str]:
    """Every dataset of these tests, by name."""
    codes = CODES.replace("TEMPLATE", '"{{ subject_possessive }} ID {{ number }} is{{ value }}."')
    texts = CODES.replace("TEMPLATE", '"{{ subject_possessive }} ID {{ number }} is {{ value }}."')
    return {
        "plain": RECIPE,
        "mixed": MIXED.replace("PURE", "mixed"),
        "pure": MIXED.replace("PURE", "pure"),
        "codes": codes.replace("ID}", f"{IDS}}}"),
        "text": texts.replace("ID}", f"{IDS}, symbols: text}}"),
        "text1": "tokenizer: gpt2" + texts.replace("ID}", f"{IDS}, symbols: text}}").replace("chunks: 3", "chunks: 1"),
        "used": "tokenizer: {name: gpt2, vocabulary: used}"
        + texts.replace("ID}", "repeat: 1, chunks: 9, diversity: 8, vocabulary: 26, symbols: text}"),
        "two": "extends: plain.yaml\nsplits: {another: {mixture: {biographies: {exposures: 2}}, "
        "packing: {length: 100}, columns: [documents, spans]}}\n",
        "rows": "extends: plain.yaml\nsplits: {score: {packing: {method: rows}}}\n",
        "bare": "extends: plain.yaml\nsplits: {score: {columns: []}, spans: {mixture: {biographies: {exposures: 1}}, "
        "columns: [spans]}, asked: {mixture: {questions: {exposures: 1}}, columns: [documents, spans]}}\n"
        'sources: {questions: {kind: questions, world: people, templates: {city: ["Where is {{ name }} from? | '
        '{{ city }}."]}}}\n',
        "large": "extends: plain.yaml\nworlds: {people: {size: 200}}\n"
        "splits: {score: {mixture: {biographies: {exposures: 100}}}}\nshard_tokens: 200000\n",
        "nameless": 'extends: plain.yaml\nsources: {biographies: {templates: {city: ["Born in {{ city }}."], '
        'employer: null, office: ["In {{ office }}."]}}}\n',
    }


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The built dataset of a name, built once. Not to be changed."""
    folder = tmp_path_factory.mktemp("capacity")
    (folder / "plain.yaml").write_text(RECIPE)
    tokenizer("cl100k").backend.save(str(folder / "small.json"))

    @cache
    def built(name: str) -> Path:
        build(plan_at(folder / f"{name}.yaml", recipes()[name]), folder / name, Inline())
        return folder / name

    return built


@pytest.fixture
def plain(folder_of: Callable[[str], Path]) -> Path:
    return folder_of("plain")


# ── reading a dataset without our own reader ────────────────────────────────────────────────────────────────────────


def manifest_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())["splits"]["score"]


@cache
def column_of(folder: Path, column: str) -> list[Any]:
    rows: list[Any] = []
    for shard in manifest_of(folder)["shards"]:
        with pa.OSFile(str(folder / shard["file"])) as file, pa.ipc.open_stream(file) as stream:
            rows += stream.read_all()[column].to_pylist()
    return rows


def ids_of(folder: Path) -> np.ndarray:
    return np.array(column_of(folder, "input_ids"))


@cache
def eos_of(folder: Path) -> int:
    vocabulary = json.loads((folder / "tokenizer/tokenizer.json").read_text())["added_tokens"]
    return next(token["id"] for token in vocabulary if token["content"] == "<|endoftext|>")


def whole_documents(folder: Path, source: str = "biographies") -> Iterator[tuple[int, int, int]]:
    """(sequence, first token, end) of every document that counts, found by walking over the end tokens."""
    eos = eos_of(folder)
    number = manifest_of(folder)["source_names"].index(source)
    rows = zip(column_of(folder, "input_ids"), column_of(folder, "documents"), strict=True)
    for s, (ids, pieces) in enumerate(rows):
        sources = {piece["start"]: piece["source"] for piece in pieces}
        begin = 0
        for t, token in enumerate(ids):
            if token == eos:
                if begin > 0 and sources.get(begin) == number:
                    yield s, begin, t + 1
                begin = t + 1


def spans_of(folder: Path) -> list[list[tuple[int, int, str]]]:
    """Per sequence (first token, end, attribute) of every span, in order."""
    names = manifest_of(folder)["attributes"]
    rows = column_of(folder, "spans")
    return [[(e["start"], e["start"] + e["length"], names[e["attribute"]]) for e in row] for row in rows]


def first_spans(folder: Path, source: str = "biographies") -> Iterator[dict[str, tuple[int, int, int]]]:
    """Of every document that counts attribute → (sequence, first token, end)."""
    spans = spans_of(folder)
    for s, begin, end in whole_documents(folder, source):
        found: dict[str, tuple[int, int, int]] = {}
        for first, last, attribute in spans[s]:
            if begin <= first < end:
                found.setdefault(attribute, (s, first, last))
        yield found


def losses_in_bits(folder: Path, bits: dict[str, int], elsewhere: float = 0.0) -> np.ndarray:
    """So many bits on a first span, spread over its tokens as halves, and the rest on the last; `elsewhere` beside."""
    losses = np.full(ids_of(folder).shape, elsewhere)
    for spans in first_spans(folder):
        for attribute, (s, first, end) in spans.items():
            losses[s, first:end] = 0
            losses[s, first] = bits.get(attribute, 0) * LN2 / 2
            losses[s, end - 1] += bits.get(attribute, 0) * LN2 / 2
    return losses


def random_losses(folder: Path) -> np.ndarray:
    return np.random.default_rng(7).exponential(1.0, ids_of(folder).shape)


# ── known by hand ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_losses_of_whole_bits_give_the_formula_of_definition_4_3(plain: Path):
    bits = {"name": 7, "pronoun": 1, "city": 2, "employer": 1, "office": 50}
    found = measure(plain, "score", losses_in_bits(plain, bits), parameters=32)
    assert found.p1 == pytest.approx(7 * LN2, rel=1e-12)
    assert found.p2 == pytest.approx((1 + 2 + 1) * LN2, rel=1e-12)
    assert found.name_bits == pytest.approx(N * (math.log2(N0) - 7), rel=1e-12)
    assert found.value_bits == pytest.approx(N * (math.log2(S0) - 4), rel=1e-12)
    assert found.total_bits == pytest.approx(N * (8 - 7 + 6 - 4), rel=1e-12)
    assert found.ratio == pytest.approx(N * 3 / 32, rel=1e-12)
    assert found.max_ratio == pytest.approx(N * (8 - 6 + 6) / 32, rel=1e-12)
    assert (found.p3, found.set_bits) == (None, 0)
    assert (found.individuals, found.source, found.split) == (N, "biographies", "score")


def test_who_knows_everything_reaches_the_maximum_and_whoever_foresees_the_names_too_exceeds_it(plain: Path):
    knows = measure(plain, "score", losses_in_bits(plain, {"name": 6}), parameters=1000)
    assert knows.ratio == pytest.approx(knows.max_ratio, rel=1e-12)
    foresees = measure(plain, "score", np.zeros(ids_of(plain).shape), parameters=1000)
    assert (foresees.p1, foresees.p2) == (0, 0)
    assert foresees.total_bits - foresees.max_bits == pytest.approx(N * math.log2(N), rel=1e-12)


def test_whoever_guesses_uniformly_has_learned_nothing_and_whoever_does_worse_less_than_that(plain: Path):
    guesses = {"name": 8, "pronoun": 1, "city": 3, "employer": 2}
    assert measure(plain, "score", losses_in_bits(plain, guesses)).total_bits == pytest.approx(0, abs=1e-9)
    worse = measure(plain, "score", losses_in_bits(plain, guesses | {"name": 9, "city": 5}))
    assert worse.name_bits == pytest.approx(-N, rel=1e-12)
    assert worse.value_bits == pytest.approx(-2 * N, rel=1e-12)


def test_only_first_spans_of_documents_that_count_are_looked_at(plain: Path):
    bits = {"name": 3, "pronoun": 1, "city": 2, "employer": 1, "office": 2}
    quiet = measure(plain, "score", losses_in_bits(plain, bits))
    assert measure(plain, "score", losses_in_bits(plain, bits, elsewhere=1e6)) == quiet
    told_twice = [row for row in spans_of(plain) if [span[2] for span in row].count("employer") > 3]
    assert told_twice, "or there are no second spans"


def test_a_document_counts_if_it_ends_with_its_sequence_but_not_if_it_begins_it_or_is_cut(plain: Path):
    ids, eos = ids_of(plain), eos_of(plain)
    counted = list(whole_documents(plain))
    assert any(end == ids.shape[1] for _, _, end in counted)
    assert any(ids[s, -1] != eos for s in range(len(ids)))
    assert any(ids[s, -1] == eos for s in range(len(ids) - 1)), "a document that begins a sequence"
    assert measure(plain, "score", random_losses(plain)).documents == len(counted) < manifest_of(plain)["documents"]


def test_attributes_have_their_own_bits_and_losses(plain: Path):
    bits = {"name": 7, "pronoun": 0, "city": 2, "employer": 1, "office": 5}
    found = measure(plain, "score", losses_in_bits(plain, bits)).attributes
    assert list(found) == ["name", "pronoun", "city", "employer", "office"]
    assert [found[a].loss / LN2 for a in found] == pytest.approx([7, 0, 2, 1, 5], abs=1e-12)
    assert [found[a].bits for a in found] == [8, 1, 3, 2, None]
    assert [found[a].learned for a in found if a != "office"] == pytest.approx([1, 1, 1, 1], abs=1e-12)
    assert found["office"].learned is None


# ── bioD ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def losses_of_codes(folder: Path) -> np.ndarray:
    """Names 6 bits; of every value the two tokens of the first chunk a bit each, the comma 1, the last token 2."""
    losses = losses_in_bits(folder, {"name": 6})
    for spans in first_spans(folder):
        for attribute, (s, first, end) in spans.items():
            if attribute.startswith("id_"):
                assert end - first == 3 * 2 + 2, "three chunks of two, and two commas"
                losses[s, first : first + 3] = LN2
                losses[s, end - 1] = 2 * LN2
    return losses


def test_codes_give_the_formula_of_definition_4_1(folder_of: Callable[[str], Path]):
    folder = folder_of("codes")
    found = measure(folder, "score", losses_of_codes(folder), parameters=100)
    k, c, d, log_d, log_tl = 4, 3, 16, 4, 12
    assert found.p1 == pytest.approx(6 * LN2, rel=1e-12)
    assert found.p2 == pytest.approx(k * 5 * LN2, rel=1e-12)
    assert found.p3 == pytest.approx(2 * LN2, rel=1e-12)
    learned = N * (8 - 6) + N * 1 + N * k * (c * log_d - 5) + k * d * (log_tl - log_d - 2)  # 1: the pronoun
    assert found.ratio == pytest.approx(learned / 100, rel=1e-12)
    assert found.max_ratio == pytest.approx((N * 2 + N + N * k * c * log_d + k * d * (log_tl - log_d)) / 100, rel=1e-12)
    assert found.set_bits == pytest.approx(k * d * (log_tl - log_d - 2), rel=1e-12)


def test_of_codes_in_text_a_first_chunk_is_known_only_if_it_is_the_only_one(folder_of: Callable[[str], Path]):
    several = measure(folder_of("text"), "score", losses_in_bits(folder_of("text"), {"id_1": 5, "id_2": 3}))
    assert (several.p3, several.set_bits) == (None, None)
    assert several.total_bits == several.name_bits + several.value_bits
    assert any("nobody knows where the first" in line for line in several.lines())
    one = measure(folder_of("text1"), "score", losses_in_bits(folder_of("text1"), {"id_1": 5, "id_2": 3}))
    assert one.p3 == pytest.approx(8 / 4 * LN2, rel=1e-12)
    assert one.set_bits == pytest.approx(4 * 16 * (12 - 4 - 2), rel=1e-12)


# ── a walk through the tokens ───────────────────────────────────────────────────────────────────────────────────────


def walked(folder: Path, losses: np.ndarray, source: str) -> tuple[int, dict[str, list[float]], dict[str, list[bool]]]:
    """Documents; attribute → the loss of its first span in each, and whether its first token is below ln 2."""
    documents, sums, below = 0, defaultdict(list), defaultdict(list)
    for spans in first_spans(folder, source):
        documents += 1
        for attribute, (s, first, end) in spans.items():
            total = 0.0
            for t in range(first, end):
                total += float(losses[s, t])
            sums[attribute].append(total)
            below[attribute].append(float(losses[s, first]) < LN2)
    return documents, sums, below


@pytest.mark.parametrize(
    ("name", "source"),
    [("plain", None), ("mixed", "biographies"), ("mixed", "junk"), ("pure", "biographies"), ("codes", None)],
)
def test_random_losses_give_what_a_walk_from_token_to_token_gives(
    folder_of: Callable[[str], Path], name: str, source: str | None
):
    folder = folder_of(name)
    losses = random_losses(folder)
    found = measure(folder, "score", losses, source=source)
    documents, sums, below = walked(folder, losses, source or "biographies")
    assert found.documents == documents > 50
    assert list(found.attributes) == [a for a in manifest_of(folder)["attributes"] if a in sums and a != "(wrong)"]
    for attribute, its in found.attributes.items():
        assert its.documents == len(sums[attribute]), attribute
        assert its.loss == pytest.approx(np.mean(sums[attribute]), rel=1e-12), attribute
        assert its.first_token == np.mean(below[attribute]), attribute
    assert found.p1 == pytest.approx(np.mean(sums["name"]), rel=1e-12)
    values = [np.mean(told) for a, told in sums.items() if a not in ("name", "office", "(wrong)")]
    assert found.p2 == pytest.approx(np.sum(values), rel=1e-12)


def test_where_all_documents_tell_all_p2_is_the_mean_of_their_sums(plain: Path):
    losses = random_losses(plain)
    sums = [
        sum(losses[s, first:end].sum() for a, (s, first, end) in spans.items() if a not in ("name", "office"))
        for spans in first_spans(plain)
    ]
    assert measure(plain, "score", losses).p2 == pytest.approx(np.mean(sums), rel=1e-12)


def test_wrong_values_are_nobodys_and_attributes_told_nowhere_are_left_out(folder_of: Callable[[str], Path]):
    folder = folder_of("mixed")
    found = measure(folder, "score", random_losses(folder), source="biographies")
    assert "(wrong)" in manifest_of(folder)["attributes"]
    assert found.not_stated == ("shoes",)
    assert found.attributes["pronoun"].documents < found.attributes["city"].documents < found.documents
    assert any("shoes" in line for line in found.lines())
    zipf = np.array([1 / rank for rank in range(1, 9)])
    zipf /= zipf.sum()
    bits = {"pronoun": 1.0, "city": -(zipf * np.log2(zipf)).sum(), "employer": 2.0}
    assert {a: found.attributes[a].bits for a in bits} == pytest.approx(bits, rel=1e-9)
    half = N // 2
    assert found.individuals == half, "the source tells of a group"
    assert found.max_bits == pytest.approx(half * (8 - 5) + half * sum(bits.values()), rel=1e-9)


def test_a_split_is_measured_for_itself(folder_of: Callable[[str], Path]):
    losses = random_losses(folder_of("plain"))
    assert measure(folder_of("two"), "score", losses) == measure(folder_of("plain"), "score", losses)
    other = measure(folder_of("two"), "another", lambda ids: np.ones(ids.shape))
    assert N < other.documents < 2 * N


@pytest.mark.parametrize("name", ["plain", "mixed", "codes", "text", "used"])
def test_the_world_that_is_measured_is_the_one_that_was_planned(folder_of: Callable[[str], Path], name: str):
    """Eight letters of 26 are in use where the vocabulary is reduced: with other codes it would be refused."""
    plan = plan_at(folder_of(name).parent / f"{name}.yaml", recipes()[name])
    measured = Measured.of(folder_of(name), "score", "biographies").world
    for attribute, field in plan.worlds["people"].fields.items():
        tables = [[piece.texts.rows for piece in of.pieces] for of in (field, measured.fields[attribute])]
        assert tables[0] == tables[1]
    everybody = np.arange(measured.size)
    assert np.array_equal(measured.rows(everybody), plan.worlds["people"].rows(everybody))


@pytest.mark.parametrize("name", ["plain", "codes", "text1"])
def test_the_maximum_is_what_the_world_says_there_is_to_know(folder_of: Callable[[str], Path], name: str):
    plan = plan_at(folder_of(name).parent / f"{name}.yaml", recipes()[name])
    known = knowledge_of(plan.worlds["people"])
    found = measure(folder_of(name), "score", random_losses(folder_of(name)))
    assert found.max_bits == pytest.approx(known.total, rel=1e-12)
    assert sum(its.bits or 0 for its in found.attributes.values()) == pytest.approx(
        known.names + known.values, rel=1e-12
    )


# ── where losses come from ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16])
def test_an_array_its_file_and_a_function_give_the_same(plain: Path, tmp_path: Path, kind: type):
    losses = random_losses(plain).astype(kind)
    from_array = measure(plain, "score", losses, parameters=17)
    np.save(tmp_path / "losses.npy", losses)
    assert measure(plain, "score", tmp_path / "losses.npy", parameters=17) == from_array
    assert measure(plain, "score", str(tmp_path / "losses.npy"), parameters=17) == from_array
    seen: list[np.ndarray] = []

    def model(ids: np.ndarray) -> np.ndarray:
        at = sum(map(len, seen))
        seen.append(ids)
        return losses[at : at + len(ids)]

    assert measure(plain, "score", model, parameters=17) == from_array
    assert np.array_equal(np.concatenate(seen), ids_of(plain)), "all shards in order, once"
    assert len(manifest_of(plain)["shards"]) > 1
    assert max(map(len, seen)) <= BATCH
    assert {ids.dtype for ids in seen} == {np.dtype(np.int64)}
    assert all(ids.flags.writeable for ids in seen), "torch warns otherwise"


def test_what_stands_at_the_first_token_of_a_sequence_does_not_matter(plain: Path):
    losses = random_losses(plain)
    usual = measure(plain, "score", losses)
    for nonsense in (math.nan, -1, math.inf):
        losses[:, 0] = nonsense
        assert measure(plain, "score", losses) == usual


def test_predictions_are_counted_where_a_value_begins(plain: Path, tmp_path: Path):
    ids, losses = ids_of(plain), random_losses(plain)
    right = np.random.default_rng(3).random(ids.shape) < 0.3
    predictions = np.where(right, ids, ids + 1)
    found = measure(plain, "score", losses, predictions=predictions)
    expected = defaultdict(list)
    for spans in first_spans(plain):
        for attribute, (s, first, _) in spans.items():
            expected[attribute].append(bool(right[s, first]))
    assert {a: its.first_token for a, its in found.attributes.items()} == {a: np.mean(v) for a, v in expected.items()}
    assert found.exact
    np.save(tmp_path / "predictions.npy", predictions.astype(np.uint16))
    assert measure(plain, "score", losses, predictions=tmp_path / "predictions.npy") == found
    assert measure(plain, "score", losses, predictions=lambda batch: batch).attributes["city"].first_token == 1


def test_without_predictions_a_first_token_counts_if_it_is_likelier_than_all_others_together(plain: Path):
    for loss, share in ((LN2 * 0.999, 1), (LN2, 0), (LN2 * 1.001, 0)):
        found = measure(plain, "score", np.full(ids_of(plain).shape, loss))
        assert {its.first_token for its in found.attributes.values()} == {share}
        assert not found.exact


def test_a_file_is_never_held_in_memory(folder_of: Callable[[str], Path], tmp_path: Path):
    folder = folder_of("large")
    split = manifest_of(folder)
    shape = (split["sequences"], split["length"])
    np.save(tmp_path / "losses.npy", np.ones(shape, np.float32))
    held, before = list[int](), [0]

    def predictions(ids: np.ndarray) -> np.ndarray:
        held.append(tracemalloc.get_traced_memory()[1] - before[0])
        tracemalloc.reset_peak()
        before[0] = tracemalloc.get_traced_memory()[0]  # with the recipe, which is no part of the file
        return ids

    measure(folder, "score", tmp_path / "losses.npy")  # once, so that all is imported
    tracemalloc.start()  # which does not count what is memory-mapped
    try:
        measure(folder, "score", tmp_path / "losses.npy", predictions=predictions)
    finally:
        tracemalloc.stop()
    assert len(held) > 50
    assert max(held[1:]) < shape[0] * shape[1] * 4 / 4, "bytes: a quarter of the file, between any two batches"


# ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_lines_are_an_aligned_table_with_all_that_was_found(plain: Path):
    bits = {"name": 7, "pronoun": 1, "city": 2, "employer": 1, "office": 5}
    found = measure(plain, "score", losses_in_bits(plain, bits), parameters=32)
    head, *table = found.lines()[1:7]
    assert len({len(line) for line in (head, *table)}) == 1
    assert head.endswith("first token ≥")
    by_name = {line.split()[0]: line.split()[1:] for line in table}
    counted = f"{found.documents:,}"
    assert by_name["city"][:4] == [counted, "1.386", "3.000", "1.000"]
    assert by_name["office"][:4] == [counted, "3.466", "–", "–"]
    below = "\n".join(found.lines()[7:])
    assert "p1 4.8520 · p2 2.7726 nats" in below
    assert "learned 192 bits of 512: names 64 · values 128" in below
    assert "6.0000 bits for each of 32 parameters, at most 16.0000" in below
    assert "p3" not in below
    without = dataclasses.replace(found, parameters=None, exact=True)
    assert (without.ratio, without.max_ratio) == (None, None)
    assert without.lines()[1].endswith("first token")
    assert len(without.lines()) == len(found.lines()) - 1


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def refused(kind: type[PipelineError], folder: Path, split: str = "score", losses: Any = None, **more: Any) -> str:
    """What is said of it, in one line."""
    with pytest.raises(kind) as error:
        measure(folder, split, (lambda ids: np.ones(ids.shape)) if losses is None else losses, **more)
    assert error.value.exit_code == 2
    assert error.value.remedy
    return str(error.value)


def test_a_split_without_the_columns_is_refused_with_what_to_add(folder_of: Callable[[str], Path]):
    folder = folder_of("bare")
    assert "no documents and no spans" in refused(PlanError, folder)
    said = refused(PlanError, folder, "spans")
    assert "no documents." in said
    assert "columns: [documents, spans]" in said


def test_a_split_or_source_that_does_not_exist_or_is_not_clear_is_refused(folder_of: Callable[[str], Path]):
    assert "no split 'scor'" in refused(StorageError, folder_of("plain"), "scor")
    assert "Did you mean 'score'" in refused(StorageError, folder_of("plain"), "scor")
    assert "2 sources of biographies. Name one: biographies, junk" in refused(PlanError, folder_of("mixed"))
    assert "Did you mean 'junk'" in refused(PlanError, folder_of("mixed"), source="jun")
    assert "no biographies 'questions'" in refused(PlanError, folder_of("mixed"), source="questions")
    assert "no sources of biographies" in refused(PlanError, folder_of("bare"), "asked")


def test_sequences_that_begin_with_their_only_document_have_nothing_to_count(folder_of: Callable[[str], Path]):
    assert "packing.method to concat" in refused(PlanError, folder_of("rows"))


def test_documents_that_never_say_the_name_are_refused(folder_of: Callable[[str], Path]):
    assert "never states the name" in refused(PlanError, folder_of("nameless"))


@pytest.mark.parametrize("number", [math.nan, -1e-9, math.inf, -math.inf])
def test_what_cannot_be_a_loss_is_refused_with_its_place(plain: Path, number: float):
    losses = random_losses(plain)
    losses[70, 99] = number
    assert f"losses[70, 99] is {number}" in refused(PlanError, plain, losses=losses)


def test_shapes_that_do_not_fit_are_refused(plain: Path, tmp_path: Path):
    s, length = ids_of(plain).shape
    assert f"of shape ({s - 1}, {length}), not ({s}, {length})" in refused(
        PlanError, plain, losses=np.ones((s - 1, length))
    )
    assert "column of zeros before them" in refused(PlanError, plain, losses=np.ones((s, length - 1)))
    assert "column of zeros before them" in refused(PlanError, plain, losses=lambda ids: np.ones(ids[:, 1:].shape))
    assert "of shape ()" in refused(PlanError, plain, losses=lambda ids: np.float64(1))
    np.save(tmp_path / "losses.npy", np.ones((s + 1, length)))
    assert f"of shape ({s + 1}, {length})" in refused(PlanError, plain, losses=tmp_path / "losses.npy")
    assert "predictions of shape" in refused(PlanError, plain, predictions=np.ones((s, 3), np.int64))


def test_numbers_of_another_kind_are_refused(plain: Path):
    ones = np.ones(ids_of(plain).shape)
    assert "losses of type int64" in refused(PlanError, plain, losses=ones.astype(np.int64))
    assert "losses of type bool" in refused(PlanError, plain, losses=lambda ids: ids > 0)
    assert "predictions of type float64" in refused(PlanError, plain, predictions=ones)
    assert "0 parameters" in refused(PlanError, plain, parameters=0)


def test_files_that_are_missing_or_no_arrays_are_refused(plain: Path, tmp_path: Path):
    path = tmp_path / "losses.npy"
    assert str(path) in refused(StorageError, plain, losses=path)
    assert str(tmp_path) in refused(StorageError, plain, losses=tmp_path)
    for content in (b"", b"not an array at all, but long enough for a header", b"\x93NUMPY\x01\x00"):
        path.write_bytes(content)
        assert "numpy.save" in refused(StorageError, plain, losses=path)
    np.save(path, np.ones(ids_of(plain).shape))
    path.write_bytes(path.read_bytes()[:-1])
    assert "numpy.save" in refused(StorageError, plain, losses=path)
    np.save(path, np.array([None]), allow_pickle=True)
    assert "numpy.save" in refused(StorageError, plain, losses=path)


def header(shape: Any, kind: str = "<f4", order: str = "False") -> bytes:
    """The beginning of an .npy file, which may say anything."""
    text = f"{{'descr': {kind!r}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (header("(10000000000000000, 256)") + b"\0" * 64, "needs 10,240,000,000,000,000,0"),
        (header("(10000000000000000, 256)") + b"\0" * 64, "and it has "),
        (header(f"({10**30}, {10**30})"), "an array of shape"),
        (header("(-1, 256)"), "its shape is (-1, 256)"),
        (header("(2, 4)", order="True") + b"\0" * 32, "it is in Fortran order"),
        (header("(2, 4)", kind="|O") + b"\0" * 64, "it holds objects"),
        (header("(2, 4)") + b"\0" * 33, "needs "),
        (header("'x'"), "it does not begin with the header of an array"),
        (b"\x93NUMPY\x07\x00" + b"\0" * 64, "it does not begin with the header of an array"),
    ],
)
def test_an_array_is_what_its_header_says_or_refused(plain: Path, tmp_path: Path, content: bytes, said: str):
    path = tmp_path / "losses.npy"
    path.write_bytes(content)
    error = refused(StorageError, plain, losses=path)
    assert said in error
    assert error.endswith("It must be an array of numbers in C order, saved by numpy.save.")


def test_a_pipe_of_losses_is_not_waited_for(plain: Path, tmp_path: Path):
    os.mkfifo(tmp_path / "losses.npy")
    assert "it is a pipe or a device" in refused(StorageError, plain, losses=tmp_path / "losses.npy")
    assert "it is a pipe or a device" in refused(StorageError, plain, losses="/dev/zero")


def test_a_folder_that_holds_no_whole_dataset_is_refused(plain: Path, tmp_path: Path):
    assert "not complete" in refused(StorageError, tmp_path / "nothing")
    folder = tmp_path / "data"
    shutil.copytree(plain, folder)
    shard = folder / manifest_of(folder)["shards"][1]["file"]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-100])
    assert str(shard) in refused(StorageError, folder)
    shutil.copy(folder / manifest_of(folder)["shards"][0]["file"], shard)
    assert str(shard) in refused(StorageError, folder), "another shard in its place"
    shard.write_bytes(b"x" * len(whole))
    assert str(shard) in refused(StorageError, folder)
    shard.unlink()
    assert str(shard) in refused(StorageError, folder)
    (folder / "manifest.json").write_text("{}")
    assert "manifest.json cannot be read" in refused(StorageError, folder)


def test_what_a_function_raises_is_its_own_affair(plain: Path):
    def model(ids: np.ndarray) -> np.ndarray:
        raise ValueError("out of memory")

    with pytest.raises(ValueError, match="out of memory"):
        measure(plain, "score", model)


def test_the_result_is_frozen(plain: Path):
    found = measure(plain, "score", random_losses(plain))
    assert isinstance(found, Capacity)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.p1 = 0.0  # type: ignore[misc]
