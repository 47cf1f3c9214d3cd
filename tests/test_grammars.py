"""Grammars: what they are, how they are written and drawn by chance, and the sentences that are drawn from them."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np
import pytest
import yaml

from pipeline.core.errors import SpecError
from pipeline.core.files import Text, library
from pipeline.core.key import Key
from pipeline.grammars.grammar import Grammar
from pipeline.grammars.notation import parse, written
from pipeline.grammars.parser import Parser
from pipeline.grammars.released import released
from pipeline.grammars.sampler import Noise, Sampler
from pipeline.grammars.shapes import ShapeSpec, draw_grammar
from tests.plans import usual
from tests.reference import grammars as reference

FILES = {path.stem: path for path in sorted((library("recipes") / "values" / "grammars").glob("*.cfg"))}
KEYS = np.array([(key.high, key.low) for key in map(Key.root(5).child, ("sentence", "noise"))], np.uint64)
# Levels of three and four symbols, rules of one to five.
UNEVEN = """
    r -> a b c | c a [2]
    a -> k l | l | k m k l n
    b -> n | m n [3]
    c -> k k k
    k -> x y | z
    l -> y [4] | z z
    m -> x x x x
    n -> z y | x
"""


def grammar_of(text: str) -> Grammar:
    return parse(Text(line, f"g.cfg:{number}") for number, line in enumerate(text.splitlines(), 1))


@cache
def stored(name: str) -> Grammar:
    return grammar_of(FILES[name].read_text("utf-8"))


def rows(d: int, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Items and turns."""
    return np.arange(first, first + d), np.zeros(d, np.int64)


# ── what a grammar is ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", reference.TINY)
def test_lengths_and_bits_are_those_of_all_derivations(name: str):
    grammar, every = grammar_of(reference.TINY[name]), reference.derivations(reference.read(reference.TINY[name]))
    lengths: Counter[int] = Counter()
    for share, tree in every:
        lengths[len(reference.leaves(tree))] += share  # type: ignore[assignment]
    assert grammar.mean_length == sum(length * share for length, share in lengths.items())
    assert (grammar.shortest, grammar.longest) == (min(lengths), max(lengths))
    assert grammar.lengths() == pytest.approx([float(lengths[length]) for length in range(max(lengths) + 1)])
    assert grammar.derivation_bits == pytest.approx(reference.entropy([share for share, _ in every]))


def test_lengths_of_a_large_grammar_add_up():
    grammar = stored("cfg3k_like")
    lengths = grammar.lengths()
    assert lengths.sum() == pytest.approx(1, abs=1e-12)
    assert lengths @ np.arange(len(lengths)) == pytest.approx(float(grammar.mean_length))
    assert np.flatnonzero(lengths)[[0, -1]].tolist() == [grammar.shortest, grammar.longest]


def test_symbols_are_numbered_from_the_root_to_the_terminals():
    grammar = grammar_of("s -> b a [2] | a\n b -> 2 10\n a -> 9 2 2 | 10")
    assert grammar.symbols == ("s", "b", "a", "2", "9", "10")
    tables = grammar.tables()
    assert tables.level.tolist() == [0, 1, 3, 6]
    assert tables.first.tolist() == [0, 2, 3, 5]
    children = np.split(tables.children, tables.start[1:-1])
    assert [row.tolist() for row in children] == [[1, 2], [2], [3, 5], [4, 3, 3], [5]]
    assert tables.share == pytest.approx([2 / 3, 1 / 3, 1, 0.5, 0.5])
    assert (tables.shortest.tolist(), tables.longest.tolist()) == ([1, 2, 1, 1, 1, 1], [5, 2, 3, 1, 1, 1])


@pytest.mark.parametrize(
    ("levels", "rules", "problem"),
    [
        ([["s"]], [], "at least one level"),
        ([["s", "t"], ["x"]], [[[[0]], [[0]]]], "one root"),
        ([["s"], ["x", "x"]], [[[[0, 1]]]], "'x' stands on two levels, or twice"),
        ([["s"], ["x y"]], [[[[0]]]], "'x y' cannot name"),
        ([["s"], ["x"]], [[[]]], "'s' has no rules"),
        ([["s"], ["x"]], [[[[0], []]]], "'s' has no rules, or one that is empty"),
        ([["s"], ["x"]], [[[[0], [0]]]], "'s' has the same rule twice"),
        ([["s"], ["x"]], [[[[0, 1]]]], "'s' names a symbol that the next level does not have"),
        ([["s"], ["x"]], [[[[-1]]]], "'s' names a symbol that the next level does not have"),
        ([["s"], ["x", "y"]], [[[[0]]]], "no sentence needs the symbol 'y'"),
        ([["s"], ["x"]], [], "each symbol above the terminals needs its rules"),
    ],
)
def test_what_is_no_grammar_is_refused(levels: Any, rules: Any, problem: str):
    with pytest.raises(SpecError, match=problem):
        Grammar(tuple(map(tuple, levels)), tuple(tuple(tuple(map(tuple, mine)) for mine in level) for level in rules))


def test_a_weight_is_above_0():
    with pytest.raises(SpecError, match="a rule of 's' has the weight 0"):
        Grammar((("s",), ("x",)), ((((0,), (0, 0)),),), (((1, 0),),))


# ── how it is written ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", [*reference.TINY.values(), UNEVEN])
def test_what_is_written_is_read_again(text: str):
    grammar = grammar_of(text)
    assert grammar_of(written(grammar)) == grammar
    assert reference.read(written(grammar)) == reference.read(text)


def test_comments_blanks_and_weights():
    grammar = grammar_of("# a grammar\n\n  s->x y[ 3 ]|y   # two rules\n")
    assert grammar == Grammar((("s",), ("x", "y")), ((((0, 1), (1,)),),), (((3, 1),),))


def document(grammar: Grammar, **more: Any) -> dict[str, Any]:
    """A grammar with numbers for names in the form of the published generator."""
    idx = [[int(name) for name in level] for level in grammar.levels]
    nodes = [
        [{"id": one, "name": f"N{one}", "depth": at, "children": None} for one in row] for at, row in enumerate(idx)
    ]
    for level, rules in zip(nodes, grammar.rules, strict=False):
        for node, mine in zip(level, rules, strict=True):
            node["children"] = [list(rule) for rule in mine]
    known = {"depth": len(idx) - 1, "sizes": [len(row) for row in idx], "idx": idx, "all": nodes}
    return {**known, "num_sym": 3, "disallow_duplicate_seq": "true", "ptb": None, **more}


SMALL = "10 -> 8 9 | 9 8 8\n8 -> 1 2 | 3\n9 -> 2 3 3 | 1"


def test_the_released_form_is_read():
    for grammar in (grammar_of(SMALL), stored("cfg3f_like")):
        assert released(document(grammar)) == grammar


def test_a_released_rule_that_stands_twice_weighs_twice():
    said = document(grammar_of(SMALL))
    said["all"][1][0]["children"] = [[0, 1], [2], [0, 1]]
    assert released(said) == grammar_of(SMALL.replace("1 2 |", "1 2 [2] |"))


def test_released_symbols_that_no_sentence_needs_are_left_out():
    said = document(grammar_of("10 -> 8 9\n8 -> 1 2\n9 -> 3 2"))
    said["all"][0][0]["children"] = [[0], [0, 0]]
    assert released(said) == grammar_of("10 -> 8 | 8 8\n8 -> 1 2")


@pytest.mark.parametrize(
    ("kind", "bags", "shown"),
    [
        ("disjoint", [[1, 4], [2, 5], [3, 6]], ("1 | 4", "2 | 5", "3 | 6")),
        ("overlap_NU1", [[1, 4, 2], [2, 5], [12]], ("1 | 4 [2] | 2 [3]", "2 | 5 [2]", "12")),
    ],
)
def test_bags_of_released_terminals_are_a_level(kind: str, bags: list[list[int]], shown: tuple[str, ...]):
    hidden = SMALL.replace("1", "31").replace("2", "32").replace("3 3", "33 33").replace("| 3\n", "| 33\n")
    hidden = "40 -> 38 39 | 39 38 38\n38 -> 31 32 | 33\n39 -> 32 33 33 | 31"
    said = document(grammar_of(hidden), multi_vocab=kind, vocab_size=12, content_map=bags)
    said["sizes"].append(12)  # as the published generator has it
    lines = [f"\n{31 + at} -> {bag}" for at, bag in enumerate(shown)]
    assert released(said) == grammar_of(hidden + "".join(lines))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"idx": None}, "not a grammar of the published generator"),
        ({"all": [[{}]]}, "not a grammar of the published generator"),
        ({"depth": 5}, "not a grammar of the published generator"),
        ({"multi_vocab": "both"}, "multi_vocab 'both' is unknown"),
        ({"multi_vocab": "overlap"}, "KeyError: 'content_map'"),
        ({"content_depth": 3}, "a grammar with 'content_depth'"),
    ],
)
def test_what_is_not_the_released_form_is_refused(change: dict[str, Any], refusal: str):
    with pytest.raises(SpecError, match=refusal):
        released({**document(grammar_of(SMALL)), **change})


# ── how it is drawn by chance ───────────────────────────────────────────────────────────────────────────────────────


def shape_of(name: str) -> ShapeSpec:
    """The shape that stands in the comment of a file."""
    line = next(line for line in FILES[name].read_text("utf-8").splitlines() if line.startswith("# shape: "))
    return ShapeSpec(**yaml.safe_load(line.removeprefix("# "))["shape"])


def rules_of(grammar: Grammar) -> int:
    return sum(len(rules) for level in grammar.rules for rules in level)


def test_there_are_nine_grammars():
    assert list(FILES) == [f"cfg3{letter}_like" for letter in ("b", "e1", "e2", "f", "g", "h", "i", "j", "k")]


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n == "cfg3e1_like" else n for n in FILES])
def test_a_stored_grammar_is_the_first_of_its_shape_as_its_comment_says(name: str):
    said, shape = FILES[name].read_text("utf-8"), shape_of(name)
    assert draw_grammar(shape) == stored(name)
    count = int(re.search(r"rules as cfg\w+ has, (\d+),", said)[1])  # type: ignore[index]
    mean = Fraction(re.search(r"within 5 % of its ([\d.]+) symbols", said)[1])  # type: ignore[index]
    grammars = (draw_grammar(shape.model_copy(update={"seed": seed})) for seed in range(shape.seed + 1))
    fits = [rules_of(one) == count and abs(one.mean_length / mean - 1) <= Fraction(5, 100) for one in grammars]
    assert fits == [False] * shape.seed + [True]
    found = stored(name)
    assert f"it is {float(found.mean_length):.1f}, and lengths are {found.shortest} to {found.longest}." in said


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("distinct", [False, True])
def test_a_drawn_grammar_has_its_shape(seed: int, distinct: bool):
    shape = ShapeSpec(sizes=[1, 4, 6, 5], rules=[2, 4], length=[1, 4], distinct=distinct, seed=seed)
    grammar = draw_grammar(shape)
    assert [len(level) for level in grammar.levels] == shape.sizes
    assert grammar.levels == (("16",), ("12", "13", "14", "15"), ("6", "7", "8", "9", "10", "11"), tuple("12345"))
    for level in grammar.rules:
        every = [rule for rules in level for rule in rules]
        assert len(set(every)) == len(every)
        assert all(2 <= len(rules) <= 4 for rules in level)
        assert all(1 <= len(rule) <= 4 for rule in every)
        assert not distinct or all(len(set(rule)) == len(rule) for rule in every)


@pytest.mark.slow  # grammars in the golden files fix these draws
def test_numbers_of_rules_lengths_and_symbols_are_uniform():
    shapes = [ShapeSpec(sizes=[1, 8], rules=[10, 12], length=[3, 5], distinct=True, seed=seed) for seed in range(200)]
    drawns = [draw_grammar(shape).rules[0][0] for shape in shapes]
    rules = [rule for one in drawns for rule in one]
    counts = Counter(map(len, drawns)), Counter(map(len, rules)), Counter(symbol for rule in rules for symbol in rule)
    for count, options in zip(counts, (3, 3, 8), strict=True):
        expected = sum(count.values()) / options
        assert len(count) == options
        assert sum((n - expected) ** 2 / expected for n in count.values()) < options - 1 + 5 * sqrt(2 * (options - 1))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"rules": [2, 5], "length": [2, 2]}, r"level 1 may have 15 rules, but there are only 9 different"),
        ({"rules": [2, 3], "length": [2, 2], "distinct": True}, r"level 1 may have 9 rules, but there are only 6"),
        ({"distinct": True, "length": [2, 4]}, "a rule of 4 symbols cannot have 3 of them, each once"),
        ({"sizes": [1, 20, 3]}, "so few rules cannot use the 20 symbols of level 1"),
        ({"sizes": [1, 20, 2], "rules": [15, 15], "length": [3, 4]}, "level 1 may have 300 rules"),
        ({"sizes": [1, 46, 60], "rules": [16, 16]}, "hardly any rules use all 46 symbols of level 1"),
    ],
)
def test_a_shape_that_no_grammar_has_is_refused(change: dict[str, Any], refusal: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipeline.grammars.shapes._TRIES", 50)
    with pytest.raises(SpecError, match=refusal):
        draw_grammar(ShapeSpec(**{"sizes": [1, 3, 3], "rules": [2, 3], "length": [2, 3], **change}))


@pytest.mark.parametrize("change", [{"sizes": [2, 3]}, {"rules": [3, 2]}, {"length": [0, 2]}, {"length": [3, 2]}])
def test_a_shape_that_is_none_is_refused(change: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(change)) + "|range"):
        ShapeSpec(**{"sizes": [1, 3, 3], "rules": [2, 3], "length": [2, 3], **change})


# ── the sentences that are drawn from it ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", reference.TINY)
@pytest.mark.slow  # grammars in the golden files fix these draws
def test_derivations_are_as_frequent_as_they_are_probable(name: str):
    grammar = grammar_of(reference.TINY[name])
    expected: dict[Any, Fraction] = {}
    for share, tree in reference.derivations(reference.read(reference.TINY[name])):
        paths = reference.above(tree)
        expected[reference.leaves(tree), tuple(path for path, _ in paths), tuple(end for _, end in paths)] = share
    d = 20_000
    values, offsets, above, ends = Sampler(grammar, KEYS).trees(*rows(d))
    found: Counter[Any] = Counter()
    names = np.array(grammar.symbols)
    for first, last in pairwise(offsets):
        paths = tuple(tuple(row) for row in names[above[first:last]].tolist())
        said = tuple(grammar.terminals[value] for value in values[first:last])
        found[said, paths, tuple(ends[first:last].tolist())] += 1
    assert found.keys() <= expected.keys()
    statistic = sum((found[one] - d * share) ** 2 / (d * share) for one, share in expected.items())
    assert statistic < len(expected) - 1 + 5 * sqrt(2 * len(expected))


@pytest.mark.parametrize("name", usual(list(FILES), "cfg3b_like", "cfg3e1_like", "cfg3k_like"))
def test_every_sentence_is_one(name: str):
    grammar = stored(name)
    values, offsets = Sampler(grammar, KEYS).sentences(*rows(300))
    assert Parser(grammar).accepts_all(values, offsets).all()
    lengths = np.diff(offsets)
    shares = grammar.lengths()
    spread = sqrt(shares @ np.arange(len(shares)) ** 2 - float(grammar.mean_length) ** 2)
    assert abs(lengths.mean() - float(grammar.mean_length)) < 5 * spread / sqrt(300)
    assert len({values[a:b].tobytes() for a, b in pairwise(offsets)}) == 300


def test_a_sentence_depends_on_its_item_alone():
    sampler = Sampler(stored("cfg3f_like"), KEYS)
    item, turn = np.array([7, 2**40, 0, 7, 12]), np.array([0, 0, 5, 3, 2**33])
    values, offsets = sampler.sentences(item, turn)
    together = np.split(values, offsets[1:-1])
    alone = [sampler.sentences(item[i : i + 1], np.array([0]))[0] for i in range(5)]
    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))
    assert np.array_equal(together[0], together[3])
    assert not np.array_equal(together[0][:50], together[4][:50])
    other = Sampler(stored("cfg3f_like"), KEYS + np.array([[0, 1], [0, 0]], np.uint64)).sentences(item[:1], turn[:1])[0]
    assert not np.array_equal(together[0][:50], other[:50])


def test_sentences_stay_what_they_are():
    """Whoever changes this changes every dataset of a grammar."""
    values, _ = Sampler(stored("cfg3f_like"), KEYS).sentences(np.array([7]), np.array([0]))
    assert values[:24].tolist() == [2, 2, 2, 0, 2, 2, 0, 2, 2, 1, 2, 2, 1, 2, 2, 0, 1, 2, 2, 1, 2, 1, 2, 1]


def test_places_for_a_frame_are_left_free():
    sampler = Sampler(grammar_of(UNEVEN), KEYS)
    item, turn = rows(50)
    bare, tight = sampler.sentences(item, turn)
    for lead, trail in ((0, 1), (3, 0), (2, 20)):
        values, offsets, above, ends = sampler.trees(item, turn, lead, trail)
        assert np.array_equal(np.diff(offsets), np.diff(tight) + lead + trail)
        inside = np.concatenate([np.arange(a + lead, b - trail) for a, b in pairwise(offsets)])
        free = np.setdiff1d(np.arange(len(values)), inside)
        assert np.array_equal(values[inside], bare)
        assert not values[free].any()
        assert (above[free] == -1).all()
        assert (above[inside] >= 0).all()
        assert not ends[free].any()
        assert np.array_equal(sampler.sentences(item, turn, lead, trail)[0], values)


def test_no_sentences_are_none():
    values, offsets = Sampler(grammar_of(UNEVEN), KEYS).sentences(*rows(0))
    assert (len(values), offsets.tolist()) == (0, [0])


def constituents(grammar: Grammar, level: int, above: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a level, counted from the root: the symbols of all sentences, and the last place of each."""
    last = np.flatnonzero(ends >= len(grammar.levels) - 1 - level)
    return above[last, level], last


@pytest.mark.parametrize("noise", [None, Noise(Fraction(1, 2), Fraction(1, 3), 1)])
def test_trees_consist_of_rules(noise: Noise | None):
    grammar = grammar_of(UNEVEN)
    values, _, above, ends = Sampler(grammar, KEYS, noise).trees(*rows(500))
    base = grammar.tables().level
    full = np.column_stack([above, values + base[-2]])
    broken = [0] * len(grammar.rules)
    for level, rules in enumerate(grammar.rules):
        parents, last = constituents(grammar, level, above, ends)
        children, places = full[:, level + 1], np.arange(len(full))
        if level + 1 < len(grammar.rules):
            children, places = constituents(grammar, level + 1, above, ends)
        for parent, mine in zip(parents, np.split(children, np.searchsorted(places, last[:-1]) + 1), strict=True):
            known = rules[parent - base[level]]
            broken[level] += tuple((mine - base[level + 1]).tolist()) not in known
    assert [count > 0 for count in broken] == [False, noise is not None, False]


def test_noise_at_terminals_changes_what_is_flagged():
    grammar, d = stored("cfg3e1_like"), 4000
    item, turn = rows(d)
    share, rate = Fraction(1, 4), Fraction(1, 7)
    plain, offsets = Sampler(grammar, KEYS).sentences(item, turn, 1, 1)
    sampler = Sampler(grammar, KEYS, Noise(share, rate))
    values, same, flags = sampler.flagged(item, turn, 1, 1)
    assert np.array_equal(same, offsets)
    assert np.array_equal(flags.astype(bool), values != plain)
    hit = np.add.reduceat(flags, offsets[:-1]) > 0
    assert abs(hit.mean() - float(share)) < 5 * sqrt(share * (1 - share) / d)
    terminals = np.repeat(hit, np.diff(offsets)).sum() - 2 * hit.sum()
    assert abs(flags.sum() / terminals - float(rate)) < 5 * sqrt(rate * (1 - rate) / terminals)
    steps = np.bincount((values - plain)[flags > 0] % 9, minlength=9)
    assert (abs(steps[1:] - flags.sum() / 8) < 5 * sqrt(flags.sum() / 8)).all()
    assert np.array_equal(sampler.sentences(item, turn, 1, 1)[0], values)
    again = sampler.flagged(item, turn + 1, 1, 1)[2]
    assert not np.array_equal(again, flags)


@pytest.mark.parametrize("kind", ["random", "shift"])
def test_noise_above_the_terminals_replaces_symbols_of_its_level(kind: Any):
    grammar, d, level = stored("cfg3k_like"), 400, 2
    item, turn = rows(d)
    noise = Noise(Fraction(1), Fraction(1, 5), 7 - level, kind)
    sampler = Sampler(grammar, KEYS, noise)
    _, _, above, ends = sampler.trees(item, turn)
    flags = sampler.flagged(item, turn)[2]
    _, _, before, closed = Sampler(grammar, KEYS).trees(item, turn)
    base = grammar.tables().level
    for higher in range(level):
        assert np.array_equal(
            constituents(grammar, higher, above, ends)[0], constituents(grammar, higher, before, closed)[0]
        )
    (symbols, last), (were, _) = constituents(grammar, level, above, ends), constituents(grammar, level, before, closed)
    step = (symbols - were) % 3
    assert set(step.tolist()) == ({0, 1} if kind == "shift" else {0, 1, 2})
    assert symbols.min() == base[level]
    assert symbols.max() == base[level + 1] - 1
    assert abs((step > 0).mean() - 0.2) < 5 * sqrt(0.16 / len(step))
    spans = np.diff(last, prepend=-1)
    assert np.array_equal(np.repeat(step > 0, spans), flags.astype(bool))


def test_noise_that_makes_sentences_longer_finds_room():
    text = "s -> a a a a [99] | b a\na -> x\nb -> x x x x x y x x x y"
    grammar, noise = grammar_of(text), Noise(Fraction(1), Fraction(9, 10), 1, "shift")
    sampler = Sampler(grammar, KEYS, noise)
    assert sampler.longest == 40
    item, turn = rows(500)
    values, offsets, flags = sampler.flagged(item, turn, 1, 1)
    assert np.diff(offsets).max() == 42
    assert np.diff(offsets).mean() > 30
    alone = [sampler.flagged(item[i : i + 1], turn[:1], 1, 1) for i in range(500)]
    assert np.array_equal(values, np.concatenate([one[0] for one in alone]))
    assert np.array_equal(flags, np.concatenate([one[2] for one in alone]))
    assert Sampler(grammar, KEYS).longest == 11


@pytest.mark.parametrize(("level", "shown"), [(2, "0, 1"), (3, "0, 1"), (-1, "0, 1")])
def test_noise_needs_a_level_of_several_symbols(level: int, shown: str):
    with pytest.raises(SpecError, match=f"no symbols of level {level} .* Levels that have: {shown}"):
        Sampler(grammar_of(SMALL), KEYS, Noise(Fraction(1), Fraction(1), level))


@pytest.mark.parametrize(("levels", "shown"), [(7, "10,000,000"), (20, "100,000,000,000,000,000,000")])
def test_a_grammar_of_endless_sentences_can_be_parsed_but_not_drawn_from(levels: int, shown: str):
    lines = [f"n{level} -> {' '.join([f'n{level + 1}'] * 10)}" for level in range(levels)]
    grammar = grammar_of("\n".join(lines))
    assert not Parser(grammar).accepts([0] * 100)
    assert Parser(grammar).next_symbols([0] * 3).tolist() == [[1, 0]] * 4
    with pytest.raises(SpecError, match=f"sentences of up to {shown} symbols"):
        Sampler(grammar, KEYS)


def test_rules_longer_than_a_vector_are_moved_whole():
    long = " ".join("xyzzy"[i % 5] for i in range(40))
    grammar = grammar_of(f"s -> a b a\na -> {long}\nb -> y [3] | {long} {long}")
    values, offsets = Sampler(grammar, KEYS).sentences(*rows(20), 1, 1)
    row = [grammar.terminals.index(name) for name in long.split()]
    said = {tuple(values[a + 1 : b - 1].tolist()) for a, b in pairwise(offsets)}
    assert said == {(*row, 1, *row), (*row, *row, *row, *row)}


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ([f"a{i} -> a{i + 1}" for i in range(1000)], "a grammar of 257 levels. It may have 256."),
        (["s -> " + " | ".join(f"a{i}" for i in range(200_001))], "200,001 symbols in the rules of a grammar. It may"),
        (["s -> " + "a " * 150_000, "a -> " + "b " * 60_000], "210,000 symbols in the rules of a grammar. It may"),
    ],
)
def test_a_grammar_that_would_be_planned_for_ever_is_refused_with_the_bound(lines: list[str], refusal: str):
    with pytest.raises(SpecError, match=refusal):
        grammar_of("\n".join(lines))


def test_weights_without_a_denominator_in_common_are_refused():
    """A thousand symbols, whose weights add up to as many primes of eighteen digits or so, on each of ten levels."""
    lines = ["s -> " + " | ".join(f"a0x{i}" for i in range(200))]
    for level in range(20):
        ends = [f"a{level + 1}x{i}" for i in range(200)]
        lines += [
            f"a{level}x{i} -> {end} [{10**17 + 7919 * i + level}] | {ends[i - 1]} [{10**16 + 31 * i}]"
            for i, end in enumerate(ends)
        ]
    with pytest.raises(SpecError, match=r"common denominator of more than 100,000 bits. Write smaller weights"):
        Sampler(grammar_of("\n".join(lines)), KEYS)


def test_the_mean_length_is_that_of_fractions_level_by_level():
    def mean(grammar: Grammar) -> Fraction:
        below = [Fraction(1)] * len(grammar.terminals)
        for rules, weights in zip(reversed(grammar.rules), reversed(grammar.weights), strict=True):
            below = [
                sum(
                    Fraction(w, sum(chances)) * sum(below[child] for child in rule)
                    for rule, w in zip(mine, chances, strict=True)
                )
                for mine, chances in zip(rules, weights, strict=True)
            ]
        return below[0]

    for grammar in [grammar_of(UNEVEN), *map(stored, FILES), *map(grammar_of, reference.TINY.values())]:
        assert grammar.mean_length == mean(grammar)


def test_terminals_that_are_numbers_of_any_length_stand_in_their_order():
    names = ["0", "00", "1", "07", "9", "10", "9" * 4999, "1" + "0" * 4999, "x"]
    assert grammar_of("s -> " + " | ".join(reversed(names))).terminals == tuple(names)


@pytest.mark.parametrize(
    ("shape", "refusal"),
    [
        ({"sizes": [1, 10_000, 10_000], "rules": [1, 10_000], "length": [1, 10_000]}, "It may have 200,000"),
        ({"sizes": [1, 9_000], "rules": [1, 1], "length": [9_000, 9_000]}, "hardly any rules use all 9000 symbols"),
    ],
)
def test_a_shape_that_would_be_drawn_for_ever_is_refused(
    shape: dict[str, Any], refusal: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipeline.grammars.shapes._DRAWS", 40_000)
    with pytest.raises(SpecError, match=refusal):
        draw_grammar(ShapeSpec.model_validate(shape))


def test_a_grammar_with_too_large_trees_is_refused():
    levels = 200
    lines = [f"a{i} -> a{i + 1} a{i + 1}" if i < 19 else f"a{i} -> a{i + 1}" for i in range(levels)]
    with pytest.raises(
        SpecError, match=r"524,288 symbols, with 200 levels above them. Their trees may have 67,108,864"
    ):
        Sampler(grammar_of("\n".join(lines)), KEYS)


@pytest.mark.parametrize("value", [float("inf"), 10**30, "9" * 5000, [], {}])
def test_numbers_of_a_released_grammar_that_are_none_are_refused(value: Any):
    with pytest.raises(SpecError, match="not a grammar of the published generator"):
        released({"depth": value, "sizes": [1, 2], "idx": [[3], [1, 2]], "all": [[{"children": [[0, 1]]}]]})
