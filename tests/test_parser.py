"""The parser of grammars: against all derivations of tiny ones, and a slow recogniser of real ones."""

from __future__ import annotations

from functools import cache
from itertools import pairwise, product
from math import inf, log2, sqrt
from random import Random

import numpy as np
import pytest

from pipeline.core.files import Text, library
from pipeline.core.key import Key
from pipeline.grammars.grammar import Grammar
from pipeline.grammars.notation import parse
from pipeline.grammars.parser import Parser, divergence
from pipeline.grammars.sampler import Sampler
from tests.plans import usual
from tests.reference import grammars as reference

FOLDER = library("recipes") / "values" / "grammars"
FILES = sorted(path.stem for path in FOLDER.glob("*.cfg"))
KEYS = np.array([(key.high, key.low) for key in map(Key.root(6).child, ("sentence", "noise"))], np.uint64)


def grammar_of(text: str) -> Grammar:
    return parse(Text(line, "") for line in text.splitlines())


@cache
def stored(name: str) -> tuple[Grammar, reference.Rules, Parser]:
    text = (FOLDER / f"{name}.cfg").read_text("utf-8")
    grammar = grammar_of(text)
    return grammar, reference.read(text), Parser(grammar)


def sentences(grammar: Grammar, d: int) -> tuple[np.ndarray, np.ndarray]:
    return Sampler(grammar, KEYS).sentences(np.arange(d), np.zeros(d, np.int64))


def strings(grammar: Grammar, longest: int) -> list[tuple[int, ...]]:
    """All strings of its terminals, and one of a symbol that it does not have."""
    every = [string for n in range(longest + 1) for string in product(range(len(grammar.terminals)), repeat=n)]
    return [*every, (len(grammar.terminals),), (-1,), (0, -1)]


def said(grammar: Grammar, string: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(grammar.terminals[number] if 0 <= number < len(grammar.terminals) else "?" for number in string)


LONGEST = {"ambiguous": 9, "unary": 7, "long": 9, "bags": 5, "one": 3}


@pytest.mark.parametrize("name", reference.TINY)
def test_of_every_string_all_is_as_counted_out(name: str):
    grammar = grammar_of(reference.TINY[name])
    parser, known = Parser(grammar), reference.sentences(reference.read(reference.TINY[name]))
    found = 0
    for string in strings(grammar, LONGEST[name]):
        share, count = known.get(said(grammar, string), (0, 0))
        found += count > 0
        assert parser.accepts(string) == (count > 0)
        assert parser.derivations(string) == count
        assert parser.log2_probability(string) == (pytest.approx(log2(share)) if count else -inf)
    assert found == len(known) or LONGEST[name] < grammar.longest


@pytest.mark.parametrize("name", reference.TINY)
def test_what_comes_next_is_as_counted_out(name: str):
    grammar = grammar_of(reference.TINY[name])
    parser, known = Parser(grammar), reference.sentences(reference.read(reference.TINY[name]))
    for string in strings(grammar, 5):
        found = parser.next_symbols(string)
        assert found.shape == (len(string) + 1, len(grammar.terminals) + 1)
        for place, row in enumerate(found):
            true = reference.next_symbols(known, said(grammar, string)[:place])
            expected = [float(true.get(name, 0)) for name in (*grammar.terminals, "")]
            assert row == pytest.approx(expected if true else [np.nan] * len(expected), nan_ok=True)


def test_what_comes_after_the_longest_sentence_is_unknown():
    parser = Parser(grammar_of(reference.TINY["one"]))
    assert parser.next_symbols([0, 0, 0]) == pytest.approx(
        np.array([[1, 0], [0, 1], [np.nan] * 2, [np.nan] * 2]), nan_ok=True
    )


@pytest.mark.parametrize("name", reference.TINY)
def test_entropy_is_estimated(name: str):
    grammar = grammar_of(reference.TINY[name])
    known = reference.sentences(reference.read(reference.TINY[name]))
    mean, error = Parser(grammar).entropy(*sentences(grammar, 2000))
    bits = np.array([-log2(share) for share, _ in known.values()])
    shares = np.array([float(share) for share, _ in known.values()])
    assert abs(mean - reference.entropy([share for share, _ in known.values()])) <= 5 * error
    spread = sqrt(max(0.0, shares @ bits**2 - (shares @ bits) ** 2))
    assert error == pytest.approx(spread / sqrt(2000), rel=0.1)
    assert mean - 5 * error <= grammar.derivation_bits + 1e-9


def changed(string: np.ndarray, terminals: int, random: Random) -> np.ndarray:
    """A string with one symbol replaced."""
    other = string.copy()
    place = random.randrange(len(string))
    other[place] = (other[place] + random.randrange(1, terminals)) % terminals
    return other


@pytest.mark.parametrize("name", usual(FILES, "cfg3b_like", "cfg3e2_like", "cfg3h_like"))
def test_it_agrees_with_a_slow_recogniser(name: str):
    grammar, rules, parser = stored(name)
    random, terminals = Random(1), len(grammar.terminals)
    values, offsets = sentences(grammar, 12)
    every = [values[first:last] for first, last in pairwise(offsets)]
    every += [changed(string, terminals, random) for string in every for _ in range(2)]
    every += [np.array([random.randrange(terminals) for _ in string], np.int32) for string in every[:5]]
    every += [string[:-1] for string in every[:3]]
    truth = [reference.recognises(rules, said(grammar, tuple(string))) for string in every]
    assert parser.accepts_all(np.concatenate(every), np.cumsum([0, *map(len, every)])).tolist() == truth
    assert [parser.accepts(string) for string in every] == truth
    assert all(truth[:12])
    assert not all(truth[12:])


def test_symbols_that_span_words_of_64_places():
    spans = (1, 2, 62, 63, 64, 65, 70, 130)
    runs = " | ".join(" ".join("c" * n) for n in spans)
    parser = Parser(grammar_of(f"s -> a b | b a a\na -> {runs}\nb -> d\nc -> x\nd -> y"))
    sums = {one + other for one in spans for other in spans}
    for n in sorted({span + more for span in {0, *spans, *sums} for more in (-1, 0, 1)} - {-1}):
        pairs = sum(n == one + other for one in spans for other in spans)
        assert parser.accepts([0] * n + [1]) == (n in spans)
        assert parser.derivations([1] + [0] * n) == pairs
        assert parser.log2_probability([1] + [0] * n) == pytest.approx(log2(pairs / 128) if pairs else -inf)
    ways = parser.next_symbols([0] * 131)
    longer = np.array([sum(span > n for span in spans) for n in range(132)])
    assert ways[1:131, 0] == pytest.approx(longer[1:131] / (longer[1:131] + np.isin(np.arange(1, 131), spans)))
    assert np.isnan(ways[131]).all()


@pytest.mark.parametrize("name", usual(FILES, "cfg3b_like", "cfg3f_like", "cfg3e1_like"))
def test_a_sentence_is_as_probable_as_its_symbols_one_after_the_other(name: str):
    grammar, _, parser = stored(name)
    values, offsets = sentences(grammar, 5)
    for first, last in pairwise(offsets):
        string = values[first:last]
        ways = parser.next_symbols(string)
        assert ways.sum(axis=1) == pytest.approx(np.ones(len(ways)))
        steps = [*ways[np.arange(len(string)), string], ways[-1, -1]]
        assert np.log2(steps).sum() == pytest.approx(parser.log2_probability(string))


def test_where_a_string_stops_being_the_beginning_of_a_sentence():
    """A changed sentence: its rows are those of the sentence up to the change, and unknown from some place on."""
    grammar, _, parser = stored("cfg3b_like")
    values, _ = sentences(grammar, 1)
    other, place = values.copy(), 40
    other[place] = (other[place] + 1) % 3
    whole, broken = parser.next_symbols(values), parser.next_symbols(other)
    assert np.array_equal(whole[: place + 1], broken[: place + 1])
    unknown = np.isnan(broken).all(axis=1)
    assert np.array_equal(unknown, np.isnan(broken).any(axis=1))
    first = int(np.argmax(unknown))
    assert place < first < len(values)
    assert unknown[first:].all()
    assert whole[place, other[place]] == 0 if first == place + 1 else whole[place, other[place]] > 0
    assert broken[first - 1, other[first - 1]] == 0
    assert not parser.accepts(other)


def doubling(levels: int, leaf: str) -> Grammar:
    """Sentences of 2^levels symbols."""
    lines = [f"n{level} -> n{level + 1} n{level + 1}" for level in range(levels)]
    return grammar_of("\n".join([*lines, f"n{levels} -> {leaf}"]))


@pytest.mark.parametrize("rare", [1, 3, 10**9 - 1])
def test_long_strings_do_not_underflow(rare: int):
    """2048 symbols of 1, 2 or 30 bits each, or half of them; those of the other half take hardly any, as on average."""
    parser = Parser(doubling(11, f"x | y [{rare}]"))
    takes = np.log2([rare + 1, (rare + 1) / rare])
    half = np.repeat([0, 1], 1024)
    for string in (np.zeros(2048, int), half, half[::-1], np.tile(half[512:1536], 2)):
        assert parser.log2_probability(string) == pytest.approx(-takes[string].sum())
        ways = parser.next_symbols(string)
        assert ways[:-1] == pytest.approx(np.tile([1 / (rare + 1), rare / (rare + 1), 0], (2048, 1)))
        assert ways[-1].tolist() == [0, 0, 1]


def test_more_derivations_than_a_float_counts_are_too_many():
    assert Parser(doubling(5, "b | c\nb -> x\nc -> x")).derivations([0] * 32) == 2**32
    parser = Parser(doubling(11, "b | c\nb -> x\nc -> x"))
    assert parser.log2_probability([0] * 2048) == pytest.approx(0, abs=1e-6)
    with pytest.raises(OverflowError):
        parser.derivations([0] * 2048)


def test_long_sentences_of_a_real_grammar():
    grammar, _, parser = stored("cfg3j_like")
    values, offsets = sentences(grammar, 3000)
    longest = int(np.diff(offsets).argmax())
    string = values[offsets[longest] : offsets[longest + 1]]
    assert len(string) > 800
    bits = -parser.log2_probability(string)
    derivation = np.log2(3) * rules_used(grammar, longest)
    assert bits == pytest.approx(derivation) if parser.derivations(string) == 1 else bits < derivation
    assert bits > derivation - np.log2(parser.derivations(string)) - 1e-6
    assert not np.isnan(parser.next_symbols(string)).any()


def rules_used(grammar: Grammar, item: int) -> int:
    """How many rules a sentence was drawn by."""
    return int(Sampler(grammar, KEYS).trees(np.array([item]), np.array([0]))[3].sum())


def test_divergence_is_in_bits():
    true = np.array([[0.5, 0.5, 0], [1, 0, 0], [np.nan] * 3, [0.25, 0.25, 0.5]])
    model = np.array([[0.25, 0.75, 0], [0, 1, 0], [1, 0, 0], [0.25, 0.25, 0.5]])
    plain = divergence(true, model)
    assert plain[[0, 1, 3]].tolist() == pytest.approx([0.5 * log2(2) + 0.5 * log2(2 / 3), inf, 0])
    assert np.isnan(plain[2])
    assert divergence(true, model, 0.5)[1] == pytest.approx(log2(2.5 / 0.5))
    assert (divergence(true, true, 0)[[0, 1, 3]] == 0).all()


def test_the_plain_generator_draws_sentences():
    """The one that the compiled sampler is measured against does the same work."""
    grammar, rules, parser = stored("cfg3f_like")
    random = Random(2)
    drawn = [reference.sentence(rules, next(iter(rules)), random) for _ in range(200)]
    assert all(parser.accepts([grammar.terminals.index(name) for name in one]) for one in drawn)
    shares, lengths = grammar.lengths(), np.array([len(one) for one in drawn])
    spread = sqrt(shares @ np.arange(len(shares)) ** 2 - float(grammar.mean_length) ** 2)
    assert abs(lengths.mean() - float(grammar.mean_length)) < 5 * spread / sqrt(200)
