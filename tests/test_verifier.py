"""The strict verifier: every form of sentence, every kind of fault, the command and what it refuses."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pipeline import cli
from pipeline.core.errors import PipelineError
from pipeline.evaluate.checking.igsm.problem import read
from pipeline.evaluate.checking.igsm.solution import Reason, Verdict, check, verify
from pipeline.evaluate.checking.igsm.vocabulary import Vocabulary
from pipeline.evaluate.checking.verdict import ProblemError
from tests.conftest import built
from tests.plans import plan_at
from tests.reference.arithmetic import Gold, Sentence, Step, gold, told, write_vocabulary

STATEMENTS = (
    "The number of each Green Zoo's Owl House equals 4.",
    "The number of each Green Zoo's Joe's House equals each Green Zoo's Owl House.",
    "The number of each Sam's Zoo's Joe's House equals 20 more than each Green Zoo's Owl House.",
    "The number of each Owl House's Owl equals the sum of each Green Zoo's Owl House and each Green Zoo's Joe's House.",
    "The number of each Owl House's Snowy Owl equals the difference of each Sam's Zoo's Joe's House and each Owl "
    "House's Owl.",
    "The number of each Joe's House's Owl equals 3 times as much as the sum of each Sam's Zoo's Joe's House, each Owl "
    "House's Owl and each Owl House's Snowy Owl.",
    "The number of each Owl's Rib equals the sum of each Green Zoo's Owl House, each Green Zoo's Joe's House, each "
    "Sam's Zoo's Joe's House and each Owl House's Owl.",
    "The number of each Owl's Humerus equals 5 more than the difference of each Owl House's Owl and each Owl House's "
    "Snowy Owl.",
    "The number of each Snowy Owl's Humerus equals 2 times as much as each Sam's Zoo's House.",
)
QUESTION = "How many Bone does Green Zoo have?"
PROBLEM = " ".join((*STATEMENTS, QUESTION))
STEPS = (
    "Define Green Zoo's Owl House as a; so a = 4.",
    "Define Green Zoo's Joe's House as b; so b = a = 4.",
    "Define Sam's Zoo's Joe's House as c; so c = 20 + a = 20 + 4 = 1.",
    "Define Owl House's Owl as d; so d = a + b = 4 + 4 = 8.",
    "Define Owl House's Snowy Owl as e; so e = c - d = 1 - 8 = 16.",
    "Define Joe's House's Owl as f; g = c + d = 1 + 8 = 9; h = g + e = 9 + 16 = 2; so f = 3 * h = 3 * 2 = 6.",
    "Define Owl's Rib as i; j = a + b = 4 + 4 = 8; k = j + c = 8 + 1 = 9; so i = k + d = 9 + 8 = 17.",
    "Define Owl's Humerus as l; m = d - e = 8 - 16 = 15; so l = 5 + m = 5 + 15 = 20.",
    "Define Sam's Zoo's House as n; so n = c = 1.",  # level 1, one child
    "Define Snowy Owl's Humerus as o; so o = 2 * n = 2 * 1 = 2.",
    "Define Owl's Bone as p; so p = i + l = 17 + 20 = 14.",  # level 1, two children
    "Define Snowy Owl's Bone as q; so q = o = 2.",
    "Define Owl House's Bone as r; s = d * p = 8 * 14 = 20; t = e * q = 16 * 2 = 9; so r = s + t = 20 + 9 = 6.",
    "Define Joe's House's Bone as u; so u = f * p = 6 * 14 = 15.",  # level 2, one child
    "Define Green Zoo's Bone as v; w = a * r = 4 * 6 = 1; x = b * u = 4 * 15 = 14; so v = w + x = 1 + 14 = 15.",
)
SOLUTION = " ".join(STEPS)
OPERATIONS = 1 + 1 + 1 + 1 + 1 + 3 + 3 + 2 + 1 + 1 + 1 + 1 + 3 + 1 + 3


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vocabulary(tmp_path_factory.mktemp("vocabulary") / "lists")


@pytest.fixture(scope="module")
def words(lists: Path) -> Vocabulary:
    return Vocabulary.at(lists)


def changed(old: str, new: str) -> str:
    """The solution with something else in it."""
    assert SOLUTION.count(old) == 1, old
    return SOLUTION.replace(old, new)


# ── problems written by hand ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("answer", [None, "15", " 15", "15."])
@pytest.mark.parametrize(
    "problem",
    [
        PROBLEM,
        f" {' '.join(STATEMENTS)} {QUESTION}",
        f" {QUESTION} {' '.join(STATEMENTS)}",
        f"{' '.join(reversed(STATEMENTS))}\n{QUESTION}\n",
        f"A zoo has houses. A house has creatures, which have bones. {PROBLEM}",
        f"A zoo has houses: they have creatures.\n\n{QUESTION} {' '.join(STATEMENTS)}",
    ],
)
def test_every_form_of_sentence(words: Vocabulary, problem: str, answer: str | None) -> None:
    expected = Verdict(None, 0, OPERATIONS, 0, 0, 0, 15)
    assert verify(problem, SOLUTION, answer, vocabulary=words) == expected
    assert verify(problem, f"  {SOLUTION}\n", answer, vocabulary=words).ok


def test_the_operations_that_a_problem_needs(words: Vocabulary) -> None:
    problem = read(PROBLEM, words, 23)
    assert problem.operations == OPERATIONS
    assert len(problem.necessary) == len(STEPS)
    assert read(" ".join((*STATEMENTS, "How many Joe's House does Green Zoo have?")), words, 23).operations == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a + b = 4 + 4 = 8.", "b + a = 4 + 4 = 8."),
        ("20 + a = 20 + 4", "a + 20 = 4 + 20"),
        ("so f = 3 * h = 3 * 2", "so f = h * 3 = 2 * 3"),
        ("g = c + d = 1 + 8 = 9; h = g + e = 9 + 16", "g = e + c = 16 + 1 = 17; h = d + g = 8 + 17"),
        ("k = j + c = 8 + 1 = 9; so i = k + d = 9 + 8 = 17", "k = d + c = 8 + 1 = 9; so i = j + k = 8 + 9 = 17"),
        (
            "s = d * p = 8 * 14 = 20; t = e * q = 16 * 2 = 9; so r = s + t = 20 + 9",
            "s = q * e = 2 * 16 = 9; t = p * d = 14 * 8 = 20; so r = s + t = 9 + 20",
        ),
    ],
)
def test_terms_and_factors_in_any_order(words: Vocabulary, old: str, new: str) -> None:
    assert verify(PROBLEM, changed(old, new), "15", vocabulary=words).detail == ""


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("so a = 4.", "so a = 5.", Reason.CONSTANT),
        ("c = 20 + a = 20 + 4 = 1", "c = 19 + a = 19 + 4 = 0", Reason.CONSTANT),
        ("c = 20 + a = 20 + 4 = 1", "c = a = 4", Reason.CONSTANT),
        ("c = 20 + a = 20 + 4 = 1", "c = 20 * a = 20 * 4 = 11", Reason.OPERATOR),
        ("b = a = 4", "b = 4", Reason.OPERANDS),
        ("d = a + b = 4 + 4 = 8", "d = a * b = 4 * 4 = 16", Reason.OPERATOR),
        ("d = a + b = 4 + 4 = 8", "d = a + b = 4 * 4 = 8", Reason.NUMBERS),
        ("d = a + b = 4 + 4 = 8", "d = a + b = 4 + 5 = 8", Reason.NUMBERS),
        ("d = a + b = 4 + 4 = 8", "d = a + b = 4 + 4 = 9", Reason.RESULT),
        ("d = a + b = 4 + 4 = 8", "d = a + b = 4 + 4 = 31", Reason.RANGE),
        ("d = a + b = 4 + 4 = 8", "d = a + b = 4 + 4 = 08", Reason.RESULT),
        ("d = a + b = 4 + 4 = 8", "d = a + b = 8", Reason.FORM),
        ("d = a + b = 4 + 4 = 8", "d = a + b + a = 4 + 4 + 4 = 12", Reason.FORM),
        ("d = a + b = 4 + 4 = 8", "d = a / b = 4 / 4 = 1", Reason.FORM),
        ("d = a + b = 4 + 4 = 8", "d = a+b = 4+4 = 8", Reason.FORM),
        ("d = a + b = 4 + 4 = 8", "d = a + z = 4 + 4 = 8", Reason.UNDEFINED),
        ("d = a + b = 4 + 4 = 8", "d = a + d = 4 + 4 = 8", Reason.UNDEFINED),
        ("d = a + b = 4 + 4 = 8", "D = a + b = 4 + 4 = 8", Reason.FORM),
        ("so d = a + b = 4 + 4 = 8", "d = a + b = 4 + 4 = 8", Reason.FORM),
        ("e = c - d = 1 - 8 = 16", "e = d - c = 8 - 1 = 7", Reason.OPERATOR),
        ("e = c - d = 1 - 8 = 16", "e = c - d = 1 - 8 = -7", Reason.RANGE),
        ("g = c + d = 1 + 8 = 9; h", "g = c + d = 1 + 8 = 9; y = a + a = 4 + 4 = 8; h", Reason.SUPERFLUOUS),
        ("h = g + e = 9 + 16 = 2; so", "h = g + e = 9 + 16 = 2; y = 3; so", Reason.SUPERFLUOUS),
        ("so f = 3 * h = 3 * 2", "y = 3; so f = y * h = 3 * 2", Reason.SUPERFLUOUS),
        ("so u = f * p = 6 * 14", "y = f = 6; so u = y * p = 6 * 14", Reason.SUPERFLUOUS),
        ("j = a + b = 4 + 4 = 8; k = j + c = 8", "k = j + c = 8", Reason.UNDEFINED),
        # A step belongs to its sentence.
        ("j = a + b = 4 + 4 = 8; k = j + c = 8 + 1 = 9; so i = k + d", "so i = g + d", Reason.UNDEFINED),
        ("Define Owl's Bone as p", "Define Owl's Feather as p", Reason.UNKNOWN),
        ("Define Owl's Bone as p", "Define Zoo 51's Bone as p", Reason.UNKNOWN),
        ("Define Owl's Bone as p", "Define Owl's Creature as p", Reason.UNKNOWN),
        ("Define Owl's Bone as p", "Define each Owl's Bone as p", Reason.UNKNOWN),
        ("Define Owl's Bone as p", "Define Humerus's Bone as p", Reason.UNKNOWN),
        ("Define Sam's Zoo's House as n", "Define Sam's Zoo's Joe's House as n", Reason.TWICE),
        ("so p = i + l = 17 + 20 = 14. ", "so p = i + l = 17 + 20 = 14. That is much. ", Reason.FORM),
        ("so p = i + l = 17 + 20 = 14. ", "so p = i + l = 17 + 20 = 14 mod 23. ", Reason.RESULT),
        ("Define Owl's Bone as p; ", "Define Owl's Bone as p;", Reason.FORM),
        (
            " so v = w + x = 1 + 14 = 15.",
            " so v = w + x = 1 + 14 = 15. Define Sam's Zoo's Bone as [BACK].",
            Reason.QUERY,
        ),
        (" so v = w + x = 1 + 14 = 15.", " so v = w + x = 1 + 14 = 15. So it is 15.", Reason.FORM),
        (" so v = w + x = 1 + 14 = 15.", " so v = w + x = 1 + 14 = 15", Reason.UNFINISHED),
        (" so v = w + x = 1 + 14 = 15.", " so v = w + x", Reason.UNFINISHED),
        (STEPS[-1], "", Reason.QUERY),
        (SOLUTION, "", Reason.UNFINISHED),
        (SOLUTION, ".", Reason.FORM),
    ],
)
def test_what_is_wrong_is_named(words: Vocabulary, old: str, new: str, reason: Reason) -> None:
    assert verify(PROBLEM, changed(old, new), vocabulary=words).reason == reason


def test_where_it_is_wrong(words: Vocabulary) -> None:
    verdict = verify(PROBLEM, changed("d = a + b = 4 + 4 = 8", "d = a + b = 4 + 4 = 9"), vocabulary=words)
    assert (verdict.reason, verdict.sentence, verdict.operations) == (Reason.RESULT, 4, 3)
    assert "9" in verdict.detail
    assert verdict.value is None
    assert verify(PROBLEM, SOLUTION, "14", vocabulary=words).reason == Reason.ANSWER
    assert verify(PROBLEM, SOLUTION, "", vocabulary=words).reason == Reason.ANSWER


def test_a_letter_may_be_taken_once(words: Vocabulary) -> None:
    for taken in "afg":  # a parameter's letter, one of a sentence with steps, a step's
        text = changed("Define Owl's Bone as p; so p = ", f"Define Owl's Bone as {taken}; so {taken} = ")
        assert verify(PROBLEM, text, vocabulary=words).reason == Reason.REUSED
    for no_letter in ("pp", "é", "1", ""):
        text = changed("Define Owl's Bone as p; so p = ", f"Define Owl's Bone as {no_letter}; so {no_letter} = ")
        assert verify(PROBLEM, text, vocabulary=words).reason == Reason.FORM


@pytest.mark.parametrize("back", ["[BACK]", "BACK"])
def test_parameters_that_are_taken_back(words: Vocabulary, back: str) -> None:
    attempts = ("Owl's Bone", "Joe's House's Bone", "Sam's Zoo's Creature")  # not one of them can be computed yet
    row = " ".join(f"Define {name} as {back}." for name in attempts)
    text = changed(STEPS[3], f"{row} {STEPS[3]}")
    assert verify(PROBLEM, text, "15", back=back, vocabulary=words) == Verdict(None, 0, OPERATIONS, 0, 3, 0, 15)
    # One that could be computed, one that was, one that is at once, and one that is only made of known names.
    false = ("Owl House's Owl", "Green Zoo's Owl House", "Sam's Zoo's House", "Sam's Zoo's Owl House")
    row = " ".join(f"Define {name} as {back}." for name in false)
    found = verify(PROBLEM, changed(STEPS[3], f"{row} {STEPS[3]}"), "15", back=back, vocabulary=words)
    assert found == Verdict(None, 0, OPERATIONS, 0, 4, 3, 15)
    # A special token may be decoded without a space.
    assert verify(PROBLEM, text.replace(f" {back}.", f"{back}."), back=back, vocabulary=words).retries == 3
    other = {"BACK": "[BACK]", "[BACK]": "BACK"}[back]
    assert verify(PROBLEM, text, back=other, vocabulary=words).reason == Reason.FORM
    nonsense = changed(STEPS[3], f"Define the moon as {back}. {STEPS[3]}")
    assert verify(PROBLEM, nonsense, back=back, vocabulary=words).reason == Reason.UNKNOWN
    half = changed(STEPS[3], f"Define Owl House's Owl as d; so d = {back}. {STEPS[3]}")
    assert verify(PROBLEM, half, back=back, vocabulary=words).reason == Reason.FORM


def test_items_without_children_have_no_totals_unless_they_may(words: Vocabulary) -> None:
    problem = (
        "The number of each Green Zoo's Owl House equals 4. The number of each Green Zoo's Joe's House equals 6. The "
        "number of each Owl House's Owl equals 3. How many Creature does {} have?"
    )
    total = "Define Joe's House's Creature as c; so c = 0."
    solution = f"Define Green Zoo's Owl House as a; so a = 4. {total}"
    verdict = verify(problem.format("Owl House"), solution, vocabulary=words)
    assert (verdict.reason, verdict.sentence) == (Reason.CHILDLESS, 2)
    long = (
        f"{solution} Define Green Zoo's Joe's House as b; so b = 6. Define Owl House's Owl as d; so d = 3. Define Owl "
        "House's Creature as e; so e = d = 3. Define Green Zoo's Creature as f; g = a * e = 4 * 3 = 12; h = b * c = 6 "
        "* 0 = 0; so f = g + h = 12 + 0 = 12."
    )
    for asked in ("Joe's House", "Green Zoo"):
        with pytest.raises(ProblemError, match="which there is not"):
            verify(problem.format(asked), solution, vocabulary=words)
        text = solution if asked == "Joe's House" else long
        assert verify(problem.format(asked), text, vocabulary=words, childless=True).ok
    for wrong in ("so c = 1", "so c = a = 4"):
        text = solution.replace("so c = 0", wrong)
        assert not verify(problem.format("Joe's House"), text, vocabulary=words, childless=True).ok
    # An item of the first layer that has nothing stands in totals alone.
    empty = problem.replace("equals 3.", "equals 3 more than each Zoo 51's House.").format("Owl House")
    text = "Define Zoo 51's House as z; so z = 0. Define Owl House's Owl as o; so o = 3 + z = 3 + 0 = 3. Define Owl "
    text += "House's Creature as c; so c = o = 3."
    assert verify(empty, text, "3", vocabulary=words, childless=True).ok
    with pytest.raises(ProblemError, match="which there is not"):
        verify(empty, text, vocabulary=words)
    other = text.replace("Zoo 51's House", "Trader Joe's's House")
    assert verify(empty, other, vocabulary=words, childless=True).reason == Reason.UNKNOWN
    # Below the last layer there is nothing that could be counted.
    below = "Define Owl's Bone as c; so c = 0."
    assert verify(problem.format("Owl House"), below, vocabulary=words, childless=True).reason == Reason.UNKNOWN


def test_exact_integers(words: Vocabulary) -> None:
    problem = (
        "The number of each Green Zoo's Owl House equals 4. The number of each Green Zoo's Joe's House equals 6. The "
        "number of each Owl House's Owl equals the difference of each Green Zoo's Owl House and each Green Zoo's Joe's "
        "House. The number of each Joe's House's Owl equals 22 times as much as each Owl House's Owl. How many Owl "
        "does Joe's House have?"
    )
    solution = (
        "Define Green Zoo's Owl House as a; so a = 4. Define Green Zoo's Joe's House as b; so b = 6. Define Owl "
        "House's Owl as c; so c = a - b = 4 - 6 = -2. Define Joe's House's Owl as d; so d = 22 * c = 22 * -2 = -44."
    )
    assert verify(problem, solution, "-44", modulus=None, vocabulary=words).value == -44
    assert verify(problem, solution, "-44", vocabulary=words).reason == Reason.RANGE
    wrong = solution.replace("-2 = -44", "-2 = 44")
    assert verify(problem, wrong, modulus=None, vocabulary=words).reason == Reason.RESULT
    reduced = solution.replace("= -2.", "= 21.")
    assert verify(problem, reduced, modulus=None, vocabulary=words).reason == Reason.RESULT


def test_numbers_beyond_all_bounds_are_no_error(words: Vocabulary) -> None:
    """A hostile text: a number of thousands of digits, squared."""
    big = "9" * 3000
    problem = f"The number of each Owner's Left Arm equals {'9' * 18}. How many Left Arm does Owner have?"
    text = f"Define Owner's Left Arm as a; b = {big} * {big} = {big} * {big} = 1; so a = b = 1."
    assert verify(problem, text, modulus=None, vocabulary=words).reason == Reason.FORM
    steps = "b = 9 * 9 = 9 * 9 = 81"
    value, letters = 81, "cdefghijklmnopqrst"
    for before, letter in zip("b" + letters, letters, strict=False):
        if value * value >= 10**4299:
            steps += f"; {letter} = {before} * {before} = {value} * {value} = 1"
            break
        steps += f"; {letter} = {before} * {before} = {value} * {value} = {value * value}"
        value *= value
    verdict = verify(problem, f"Define Owner's Left Arm as a; {steps}; so a = b = 81.", modulus=None, vocabulary=words)
    assert verdict.reason == Reason.RANGE


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("Once upon a time.", "it states nothing"),
        (QUESTION, "it states nothing"),
        (" ".join(STATEMENTS), "no question"),
        (f"{QUESTION} {PROBLEM}", "2 questions"),
        (PROBLEM.replace("Green Zoo", "Red Zoo"), "not two items"),
        (PROBLEM.replace(" equals 4.", " equal 4."), "says of nothing what it equals"),
        (PROBLEM.replace(" equals 4.", " equals four."), "no formula"),
        (PROBLEM.replace(" equals 4.", " equals 23."), "'23' is not below 23"),
        (PROBLEM.replace(" equals 4.", " equals 04."), "no formula"),
        (PROBLEM.replace("20 more than", "20 less than"), "no formula"),
        (PROBLEM.replace("the sum of each Green", "the product of each Green"), "no formula"),
        (PROBLEM.replace(" equals 4.", " equals 4. Mind the owls."), "no formula"),
        (PROBLEM.replace(STATEMENTS[1], f"{STATEMENTS[1]} {STATEMENTS[0]}"), "stated twice"),
        (PROBLEM.replace(STATEMENTS[0], ""), "which there is not"),
        (PROBLEM.replace(QUESTION, "How many Owl does Green Zoo have?"), "which there is not"),
        (PROBLEM.replace(QUESTION, "How many Rib does Humerus have?"), "which there is not"),
        (PROBLEM.replace("Owl House's Owl equals", "Owl House's Creature equals"), "not two items"),
        (PROBLEM.replace("Owl's Rib equals", "Owner's Left Arm equals"), "not two items of 'zoo'"),
    ],
)
def test_problems_that_are_none(words: Vocabulary, problem: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        verify(problem, SOLUTION, vocabulary=words)


def test_the_chain_is_the_one_that_has_all_items(words: Vocabulary) -> None:
    problem = (
        "The number of each Guest's Left Arm equals 2. The number of each Left Arm's Humerus equals each Guest's Left "
        "Arm. How many Bone Part does Guest have?"
    )
    solution = (
        "Define Guest's Left Arm as A; so A = 2. Define Left Arm's Humerus as z; so z = A = 2. Define Left Arm's Bone "
        "Part as b; so b = z = 2. Define Guest's Bone Part as c; so c = b * A = 2 * 2 = 4."
    )
    assert verify(problem, solution, "4", vocabulary=words).ok
    assert read(problem, words, 23).chain.name == "body"


# ── vocabularies ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_library_has_a_vocabulary_without_traps() -> None:
    chains = Vocabulary.standard().chains
    assert [len(chain.categories) for chain in chains] == [4] * len(chains)
    names = [name for chain in chains for name in (*chain.items, *chain.categories)]
    assert len(names) == len(set(names)) > 1000
    assert not [name for name in names if "'" in name]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Owl\n# Bird\nOwl\n", "bird.txt:1: the item 'Owl' has no category"),
        ("# Bird\nOwl\n", "fewer than two categories"),
        ("# Bird\nOwl\n# Bone\nOwl\n", "bird.txt:4: 'Owl' stands twice"),
        ("# Bird\nOwl\n# Bird\nRib\n", "bird.txt:3: 'Bird' stands twice"),
        ("# Bird\nBone\n# Bone\nRib\n", "'Bone' is a category and an item"),
        ("# Bird\nSt. Owl\n# Bone\nRib\n", "bird.txt:2: 'St. Owl' holds one of"),
    ],
)
def test_vocabularies_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bird.txt").write_text(text)
    with pytest.raises(PipelineError, match=said.replace(".", r"\.")):
        Vocabulary.at(tmp_path)


def test_names_that_can_be_split_in_two_ways(tmp_path: Path) -> None:
    (tmp_path / "bird.txt").write_text("# Bird\nOwl\nOwl's Nest\n# Part\nNest's Egg\nEgg\n")
    problem = "The number of each Owl's Nest's Egg equals 1. How many Part does Owl have?"
    with pytest.raises(ProblemError, match="two ways"):
        verify(problem, "", vocabulary=Vocabulary.at(tmp_path))
    problem = "The number of each Owl's Egg equals 1. How many Egg does Owl have?"
    text = "Define Owl's Nest's Egg as a; so a = 1."
    assert verify(problem, text, vocabulary=Vocabulary.at(tmp_path)).reason == Reason.UNKNOWN


# ── random problems, right and corrupted ────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def golds() -> list[Gold]:
    random = Random(5)
    return [gold(random, modulus) for modulus in (23, 23, 7919, None) for _ in range(50)]


def judged(words: Vocabulary, made: Gold, text: str, answer: str | None = None, form: str = "pq") -> Verdict:
    return verify(made.problem(form), text, answer, modulus=made.modulus, vocabulary=words)


def test_random_problems_are_right(words: Vocabulary, golds: list[Gold]) -> None:
    for made in golds:
        operations = sum(len(sentence.steps) for sentence in made.sentences)
        for form in ("pq", "qp"):
            verdict = judged(words, made, made.solution(), made.answer(), form)
            assert verdict == Verdict(None, 0, operations, 0, 0, 0, int(made.answer())), made.solution()
        assert read(made.problem(), words, made.modulus).operations == operations


def test_unnecessary_parameters_are_checked_and_counted(words: Vocabulary, golds: list[Gold]) -> None:
    counts: Counter[int] = Counter()
    for made in map(deepcopy, golds):
        extra = [name for name in made.order if name not in made.necessary]
        wanted = [name for name in extra if len(made.letters) > 8][:3]
        made.sentences = [
            made.define(name) if name in wanted else next(old for old in made.sentences if old.name == name)
            for name in made.order
            if name in made.necessary or (name in wanted and made.formulas[name].needs <= {*made.letter_of})
        ]
        if made.sentences[-1].name != made.query:
            assert judged(words, made, made.solution()).reason == Reason.QUERY
            last = next(i for i, one in enumerate(made.sentences) if one.name == made.query)
            made.sentences = made.sentences[: last + 1]
        verdict = judged(words, made, made.solution(), made.answer())
        assert verdict.ok
        assert verdict.unnecessary == len(made.sentences) - len(made.necessary)
        counts[verdict.unnecessary] += 1
    assert sum(counts[number] for number in (1, 2, 3)) > 20


def test_taken_back_parameters_are_false_where_they_could_be_computed(words: Vocabulary, golds: list[Gold]) -> None:
    random, totals = Random(8), Counter[bool]()
    for made in golds:
        sentences: list[Sentence] = []
        defined: set[str] = set()
        expected = []
        for sentence in made.sentences:
            while random.random() < 0.5:
                name = random.choice(made.order)
                sentences.append(Sentence(name))
                expected.append(made.formulas[name].needs <= defined)
            sentences.append(sentence)
            defined.add(sentence.name)
        for back in ("BACK", "[BACK]"):
            text = told(sentences, made.modulus, back)
            verdict = verify(made.problem(), text, modulus=made.modulus, back=back, vocabulary=words)
            assert (verdict.ok, verdict.retries, verdict.false_retries) == (True, len(expected), sum(expected))
        totals.update(expected)
    assert min(totals.values()) > 50


Corruption = Callable[[Gold, Random], str | None]
CORRUPTIONS: list[tuple[Corruption, set[Reason]]] = []


def corruption(*reasons: Reason) -> Callable[[Corruption], Corruption]:
    """A way to make a right solution wrong (None where it has no place for it), and what is to be said of it."""

    def added(corrupt: Corruption) -> Corruption:
        CORRUPTIONS.append((corrupt, set(reasons)))
        return corrupt

    return added


def a_step(made: Gold, random: Random, wanted: Callable[[Step], object]) -> tuple[Sentence, Step] | None:
    found = [(sentence, step) for sentence in made.sentences for step in sentence.steps if wanted(step)]
    return random.choice(found) if found else None


def retold(made: Gold) -> str:
    return told(made.sentences, made.modulus)


@corruption(Reason.CONSTANT)
def wrong_constant(made: Gold, random: Random) -> str | None:
    if not (found := a_step(made, random, lambda step: step.left.isdigit())):
        return None
    found[1].left = str((int(found[1].left) + random.randint(1, 22)) % 23)
    return retold(made)


@corruption(Reason.OPERATOR)
def wrong_operator(made: Gold, random: Random) -> str | None:
    if not (found := a_step(made, random, lambda step: step.operator)):
        return None
    found[1].operator = random.choice([other for other in "+-*" if other != found[1].operator])
    return retold(made)


@corruption(Reason.OPERATOR)
def difference_turned_round(made: Gold, random: Random) -> str | None:
    if not (found := a_step(made, random, lambda step: step.operator == "-")):
        return None
    found[1].left, found[1].right = found[1].right, found[1].left
    return retold(made)


@corruption(Reason.OPERANDS)
def another_parameter(made: Gold, random: Random) -> str | None:
    """An operand is exchanged for another parameter that is defined, sometimes of the same value."""
    places = []
    for i, sentence in enumerate(made.sentences):
        for step in sentence.steps:
            before = {one.steps[-1].letter for one in made.sentences[:i]} - {step.left, step.right}
            places += [(step, letter) for letter in sorted(before) if step.left in made.letter_of.values()]
    if not places:
        return None
    step, letter = random.choice(places)
    step.left = letter
    return retold(made)


@corruption(Reason.OPERANDS)
def operand_missing(made: Gold, random: Random) -> str | None:
    """Of a sum or product of two or more, the first operand of its first step."""
    letters = set(made.letter_of.values())
    places = [one for one in made.sentences if one.steps[0].operator in ("+", "*") and one.steps[0].left in letters]
    if not places:
        return None
    sentence = random.choice(places)
    first = sentence.steps[0]
    if len(sentence.steps) == 1:
        sentence.steps[0] = Step(first.letter, first.right)
        return retold(made)
    del sentence.steps[0]
    for step in sentence.steps:
        step.left = first.right if step.left == first.letter else step.left
        step.right = first.right if step.right == first.letter else step.right
    return retold(made)


@corruption(Reason.OPERANDS)
def operand_doubled(made: Gold, random: Random) -> str | None:
    places = [one for one in made.sentences if one.steps[-1].operator == "+" and one.steps[-1].left.isalpha()]
    if not places or not made.letters:
        return None
    sentence = random.choice(places)
    last = sentence.steps[-1]
    name = next((name for name, letter in made.letter_of.items() if letter in (last.left, last.right)), None)
    if name is None:
        return None
    inner = Step(made.letters.pop(), last.left, "+", last.right)
    sentence.steps[-1:] = [inner, Step(last.letter, inner.letter, "+", made.letter_of[name])]
    return retold(made)


@corruption(Reason.NUMBERS)
def wrong_number(made: Gold, random: Random) -> str | None:
    """Of an operand, the number that is put in for its letter."""
    if not (found := a_step(made, random, lambda step: step.operator)):
        return None
    start, _, rest = retold(made).partition(f"{found[1].letter} = {found[1].left} {found[1].operator} ")
    letters, _, numbers = rest.partition(" = ")
    left, space, more = numbers.partition(" ")
    head = f"{start}{found[1].letter} = {found[1].left} {found[1].operator} {letters}"
    return f"{head} = {int(left) + 1}{space}{more}"


def with_result(made: Gold, random: Random, change: Callable[[int], int]) -> str | None:
    """The solution with another result of one step, in the step alone."""
    if not (found := a_step(made, random, lambda step: step.operator)):
        return None
    start, step, rest = retold(made).partition(f"{found[1].letter} = {found[1].left} {found[1].operator} ")
    ends = min(place for place in (rest.find(";"), rest.find(".")) if place >= 0)
    letters, numbers, result = rest[:ends].split(" = ")
    return f"{start}{step}{letters} = {numbers} = {change(int(result))}{rest[ends:]}"


@corruption(Reason.RESULT)
def wrong_result(made: Gold, random: Random) -> str | None:
    return with_result(made, random, lambda value: value - 1 if value else value + 1)


@corruption(Reason.RANGE)
def result_not_reduced(made: Gold, random: Random) -> str | None:
    return with_result(made, random, lambda value: value + (made.modulus or 0)) if made.modulus else None


@corruption(Reason.REUSED)
def letter_reused(made: Gold, random: Random) -> str | None:
    if len(made.sentences) < 2:
        return None
    at = random.randrange(1, len(made.sentences))
    old = made.sentences[at].steps[-1]
    old.letter = random.choice([step.letter for one in made.sentences[:at] for step in one.steps])
    return told(made.sentences[: at + 1], made.modulus)


@corruption(Reason.UNDEFINED)
def letter_unknown(made: Gold, random: Random) -> str | None:
    if not made.letters or not (found := a_step(made, random, lambda step: step.right)):
        return None
    old = f"{found[1].letter} = {found[1].left} {found[1].operator} {found[1].right} = "
    return retold(made).replace(old, f"{old[: -len(found[1].right) - 3]}{made.letters[0]} = ")


@corruption(Reason.UNKNOWN)
def parameter_unknown(made: Gold, random: Random) -> str | None:
    sentence = random.choice(made.sentences)
    sentence.name = random.choice([f"{sentence.name}s", sentence.name.lower(), "Owl's Feather", "", "Owl"])
    return retold(made)


@corruption(Reason.UNKNOWN)
def parameter_without_edge(made: Gold, random: Random) -> str | None:
    """An unnecessary leaf between two items that have nothing to do with each other: section 5.3."""
    pairs = [name.replace("'s ", "\0").split("\0") for name in made.order if name.count("'s ") == 1]
    items = sorted({item for pair in pairs for item in pair})
    names = {f"{a}'s {b}" for a in items for b in items} - {*made.order}
    categories = {"Zoo", "House", "Creature", "Bone"}
    names = {name for name in names if not any(name.endswith(f"'s {category}") for category in categories)}
    if not names or not made.letters:
        return None
    made.sentences.insert(0, Sentence(random.choice(sorted(names)), [Step(made.letters.pop(), "5")]))
    return retold(made)


@corruption(Reason.CONSTANT)
def unnecessary_leaf_with_wrong_constant(made: Gold, random: Random) -> str | None:
    """The other hole of section 5.3."""
    leaves = [name for name in made.order if made.formulas[name].kind == "constant" and name not in made.necessary]
    if not leaves or not made.letters:
        return None
    made.sentences.insert(0, made.define(random.choice(leaves)))
    made.sentences[0].steps[0].left = str((int(made.sentences[0].steps[0].left) + 1) % 23)
    return retold(made)


@corruption(Reason.UNDEFINED)
def step_missing(made: Gold, random: Random) -> str | None:
    places = [one for one in made.sentences if len(one.steps) > 1]
    if not places:
        return None
    text = retold(made)
    sentence = random.choice(places)
    step = random.choice(sentence.steps[:-1])
    start, _, rest = text.partition(f" {step.letter} = ")
    return start + rest.partition(";")[2]


@corruption(Reason.UNDEFINED)
def sentence_missing(made: Gold, random: Random) -> str | None:
    if len(made.sentences) < 2:
        return None
    texts = retold(made).split(". ")
    del texts[random.randrange(len(texts) - 1)]
    return ". ".join(texts)


@corruption(Reason.UNDEFINED)
def sentences_out_of_order(made: Gold, random: Random) -> str | None:
    """A sentence stands before one that it needs."""
    places = []
    for i, sentence in enumerate(made.sentences):
        needs = made.formulas[sentence.name].needs
        places += [(j, i) for j in range(i) if made.sentences[j].name in needs]
    if not places:
        return None
    texts = retold(made).strip().removesuffix(".").split(". ")
    first, later = random.choice(places)
    texts.insert(first, texts.pop(later))
    return ". ".join(texts) + "."


@corruption(Reason.QUERY)
def another_query(made: Gold, random: Random) -> str | None:
    """The solution ends before what is asked for, or goes on behind it."""
    others = [name for name in made.order if name not in made.necessary]
    ready = [name for name in others if made.formulas[name].needs <= {*made.necessary}]
    if ready and len(made.letters) > 8 and random.random() < 0.5:
        made.sentences.append(made.define(random.choice(ready)))
        return retold(made)
    return told(made.sentences[:-1], made.modulus) if len(made.sentences) > 1 else None


@corruption(Reason.TWICE)
def parameter_twice(made: Gold, random: Random) -> str | None:
    if len(made.letters) < 8:
        return None
    sentence = random.choice(made.sentences[:-1] or made.sentences)
    made.sentences.insert(len(made.sentences) - 1 or 1, made.define(sentence.name))
    return retold(made)


@corruption(Reason.SUPERFLUOUS)
def step_superfluous(made: Gold, random: Random) -> str | None:
    if not made.letters:
        return None
    sentence = random.choice(made.sentences)
    sentence.steps.insert(0, Step(made.letters.pop(), "1", "+", "2"))
    return retold(made)


@corruption(Reason.FORM)
def extra_text(made: Gold, random: Random) -> str | None:
    texts = retold(made).strip().removesuffix(".").split(". ")
    texts.insert(random.randint(0, len(texts)), random.choice(["So be it", "Answer: 7", "define it as x", ""]))
    return ". ".join(texts) + "."


@corruption(Reason.UNFINISHED)
def broken_off(made: Gold, random: Random) -> str | None:
    text = retold(made)
    cut = text[: random.randrange(2, len(text) - 1)].rstrip()
    return None if cut.endswith(".") else cut


@pytest.mark.parametrize(("corrupt", "reasons"), CORRUPTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_corrupted_solutions_are_rejected(
    words: Vocabulary, golds: list[Gold], corrupt: Corruption, reasons: set[Reason]
) -> None:
    random, tried = Random(13), 0
    for made in golds:
        text = corrupt(deepcopy(made), random)
        if text is not None:
            verdict = judged(words, made, text)
            assert verdict.reason in reasons, f"{verdict}\n{made.problem()}\n{text}"
            tried += 1
    assert tried >= 20


def test_wrong_answers_are_rejected(words: Vocabulary, golds: list[Gold]) -> None:
    for made in golds:
        right = int(made.answer())
        for wrong in (str(right + 1), f"0{right}", f"{right} owls", "", "-", str(right + 23)):
            assert judged(words, made, made.solution(), wrong).reason == Reason.ANSWER


def test_any_text_at_all_has_a_verdict(words: Vocabulary, golds: list[Gold]) -> None:
    """Characters changed, lost and doubled: never an error, and hardly ever right."""
    random, alphabet, right = Random(2), "ab0.;= +*-'Dé\n", 0
    for made in golds:
        problem = read(made.problem(), words, made.modulus)
        for _ in range(20):
            text = list(made.solution())
            for _ in range(random.randint(1, 3)):
                text[random.randrange(len(text))] = random.choice(["", *alphabet])
            said = "".join(text)
            verdict = check(problem, said, modulus=made.modulus)
            right += verdict.ok and said.strip() != made.solution().strip()
    assert right == 0


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────


def lines_of(path: Path, lines: Iterable[Any]) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def ran(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = cli.run(["check", "--kind", "igsm", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def table(out: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}


def test_problems_and_solutions_side_by_side(
    tmp_path: Path, lists: Path, golds: list[Gold], capsys: pytest.CaptureFixture[str]
) -> None:
    mine = golds[:60]
    lines: list[Any] = [
        {"problem": made.problem(), "solution": f"{made.solution()} Answer: {made.answer()}."} for made in mine[:20]
    ]
    lines += [{"problem": made.problem(), "solution": made.solution(), "answer": made.answer()} for made in mine[20:40]]
    lines += ["", *({"problem": made.problem(), "solution": f"{made.solution()} 99"} for made in mine[40:50])]
    lines += [{"problem": made.problem(), "solution": made.solution()[:-2]} for made in mine[50:]]
    code, out, _ = ran(capsys, lines_of(tmp_path / "some.jsonl", lines), "--vocabulary", lists)
    found = table(out)
    assert code == 0
    assert found["all"][:3] == ["60", "40", "66.67%"]
    assert found["answer"][:2] == ["10", "16.67%"]
    assert found["unfinished"][:2] == ["10", "16.67%"]
    counts = Counter(sum(len(sentence.steps) for sentence in made.sentences) for made in mine)
    assert {int(name): int(row[0]) for name, row in found.items() if name.isdigit()} == counts


def test_means_are_over_the_right_solutions(tmp_path: Path, lists: Path, capsys: pytest.CaptureFixture[str]) -> None:
    back = "Define Owl's Bone as BACK. Define Owl House's Owl as BACK. "
    problem = PROBLEM.replace(QUESTION, "How many Owl does Owl House have?")
    solution = " ".join((*STEPS[:3], back + STEPS[3]))
    lines = [
        {"problem": problem, "solution": solution},
        {"problem": problem, "solution": " ".join((STEPS[0], STEPS[1], STEPS[3]))},
        {"problem": problem, "solution": solution + " Nonsense."},
    ]
    path = lines_of(tmp_path / "some.jsonl", lines)
    _, out, _ = ran(capsys, path, "--vocabulary", lists, "--back", "BACK")
    assert table(out)["3"] == table(out)["all"] == ["3", "2", "66.67%", "0.50", "1.00", "0.50"]
    _, out, _ = ran(capsys, path, "--vocabulary", lists)
    assert table(out)["form"][:2] == ["2", "66.67%"]
    _, out, _ = ran(capsys, path, "--vocabulary", lists, "--back", "BACK", "--modulus", "exact")
    assert table(out)["result"][:2] == ["2", "66.67%"]


def exam_of(golds: list[Gold]) -> str:
    """A recipe whose questions are problems: a person's name stands before each, as a background."""
    lines = "\n".join(
        f'      problem_{i}: ["For {{{{ name }}}}: {made.problem().strip()} | {made.solution().strip()} | '
        f'{made.answer()}"]'
        for i, made in enumerate(golds)
    )
    return f"""
extends: bioS_single
worlds: {{people: {{size: 2}}}}
sources:
  biographies: null
  exam:
    kind: questions
    world: people
    hints: {{rate: 1}}
    templates:
{lines}
splits:
  train: null
  exam: {{mixture: {{exam: {{}}}}, packing: {{method: rows, length: 4096}}, columns: [answers]}}
"""


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A built split of six problems, two rows each, and its rows."""
    folder, random = tmp_path_factory.mktemp("exam"), Random(3)
    built(plan_at(folder / "exam.yaml", exam_of([gold(random, most=12) for _ in range(6)])), folder / "data")
    import pyarrow as pa

    (shard,) = (folder / "data/exam").iterdir()
    with pa.OSFile(str(shard)) as file, pa.ipc.open_stream(file) as stream:
        return folder / "data", stream.read_all().to_pylist()


def test_predictions_for_a_split(
    tmp_path: Path, lists: Path, exam: tuple[Path, list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    data, rows = exam
    assert len(rows) == 12
    assert rows[0]["prompt"].endswith("?<hint>")
    ends = ("<|endoftext|> Define", "<|endoftext|>", "\nDefine", ".", "")
    said = [f" {row['hint']} {row['answer']}{ends[i % 5]}" for i, row in enumerate(rows)]
    said[3] = said[3].replace(rows[3]["answer"], "77")
    said[5] = rows[5]["hint"]  # the last step says the answer
    said[7] = f"{rows[7]['hint']}<direct> {rows[7]['answer']}<|endoftext|>"  # any special token parts the two
    said[8] = f"{rows[8]['hint']} Is that so? {rows[8]['answer']}"
    path = lines_of(tmp_path / "some.jsonl", [{"prediction": text} for text in said])
    code, out, _ = ran(capsys, data, path, "--vocabulary", lists)
    found = table(out)
    assert code == 0
    assert found["all"][:2] == ["12", "10"]
    path = lines_of(tmp_path / "some.jsonl", [{"row": i, "prediction": said[i]} for i in (11, 7, 3)])
    code, out, _ = ran(capsys, data, path, "--vocabulary", lists, "--split", "exam")
    assert table(out)["all"][:2] == ["3", "2"]


def test_rules_that_are_not_those_of_the_rows(
    tmp_path: Path, lists: Path, exam: tuple[Path, list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    data, rows = exam
    path = lines_of(tmp_path / "some.jsonl", [{"prediction": "?"} for _ in rows])
    code, _, err = ran(capsys, data, path, "--vocabulary", lists, "--modulus", "29")
    assert code == 2
    assert "its own solution is wrong" in err
    code, _, err = ran(capsys, data, path)
    assert code == 2
    assert "row 0 of 'exam'" in err
    assert "not two items of the vocabulary" in err


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["{"], ":1: not JSON"),
        (['{"prediction": "x"}'], ':1: there is no text under "problem"'),
        ([{"problem": PROBLEM, "solution": 7}], ':1: there is no text under "solution"'),
        ([{"problem": PROBLEM, "solution": "", "answer": 7}], ':1: "answer" is not a text'),
        (["", {"problem": "How many?", "solution": ""}], ":2: it states nothing"),
        (["", " "], ": no solutions"),
    ],
)
def test_lines_that_are_refused(
    tmp_path: Path, lists: Path, capsys: pytest.CaptureFixture[str], lines: list[Any], said: str
) -> None:
    path = lines_of(tmp_path / "some.jsonl", lines)
    code, out, err = ran(capsys, path, "--vocabulary", lists)
    assert (code, out) == (2, "")
    assert f"{path}{said}" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"prediction": "x"}], "1 predictions for 12 rows"),
        ([{"row": 0, "prediction": "x"}, {"prediction": "x"}], "some lines have a row"),
        ([{"row": 0, "prediction": "x"}] * 2, "row 0 stands twice"),
        ([{"row": 12, "prediction": "x"}], "there is no row 12"),
        ([{"row": True, "prediction": "x"}], "not a whole number"),
        ([{"prediction": "x"}] * 13, "more predictions"),
        ([{"solution": "x"}], 'no text under "prediction"'),
    ],
)
def test_predictions_that_are_refused(
    tmp_path: Path,
    lists: Path,
    exam: tuple[Path, list[dict[str, Any]]],
    capsys: pytest.CaptureFixture[str],
    lines: list[Any],
    said: str,
) -> None:
    code, out, err = ran(capsys, exam[0], lines_of(tmp_path / "some.jsonl", lines), "--vocabulary", lists)
    assert (code, out) == (2, "")
    assert said in err


def test_datasets_and_options_that_are_refused(
    tmp_path: Path, lists: Path, exam: tuple[Path, list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = lines_of(tmp_path / "some.jsonl", [{"prediction": "x"}])
    for arguments, said in (
        ((exam[0], path, "--split", "train"), "no split 'train'"),
        ((tmp_path, path), str(tmp_path)),
        ((tmp_path / "none.jsonl",), "cannot be read"),
        ((path, "--vocabulary", tmp_path), "no lists of items"),
    ):
        code, out, err = ran(capsys, *arguments)
        assert (code, out) == (2, "")
        assert said in err
    with pytest.raises(SystemExit, match="2"):
        ran(capsys, path, "--modulus", "1")
