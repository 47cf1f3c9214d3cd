"""The verifiers of puzzles: right documents, every kind of fault, brute force, both forms of text, and the command."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pipeline import cli
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import Manifest
from pipeline.evaluate.checking.puzzles import brevo, copying, depo, mano, sentences
from pipeline.evaluate.checking.puzzles.reading import alphabet_of, tokens
from pipeline.evaluate.checking.puzzles.verdict import Reason, Verdict
from pipeline.evaluate.checking.verdict import ProblemError
from pipeline.storage import folder_at
from tests.conftest import built
from tests.plans import plan_at
from tests.reference import puzzles as reference

MARKS = ("bos", "eos", "ans", "copy", "query", "len_")
VERIFIERS: dict[str, Any] = {"depo": depo, "brevo": brevo, "mano": mano, "copy": copying}
MADE: dict[str, tuple[str, Callable[[Random], list[str]]]] = {
    "depo": ("depo", lambda rng: reference.depo(rng, 40, 8)),
    "depo of long words": ("depo", lambda rng: reference.depo(rng, 20, 16, (5, 7), 4)),
    "depo, small": ("depo", lambda rng: reference.depo(rng, 5, 40, (1, 1))),
    "brevo": ("brevo", lambda rng: reference.brevo(rng, 40)),
    "brevo of words": ("brevo", lambda rng: reference.brevo(rng, 30, (2, 4))),
    "brevo, small": ("brevo", lambda rng: reference.brevo(rng, 3)),
    "mano": ("mano", lambda rng: reference.mano(rng, 16)),
    "copy": ("copy", lambda rng: reference.copy(rng, 30, 9)),
}
SLOW = {
    "depo 375": ("depo", lambda rng: reference.depo(rng, 375, 8, n=375)),
    "depo 125": ("depo", lambda rng: reference.depo(rng, 125, 16, (5, 7), 4, n=125, k=16)),
    "brevo 110": ("brevo", lambda rng: reference.brevo(rng, 110, n=110)),
    "brevo 50": ("brevo", lambda rng: reference.brevo(rng, 50, (2, 4), n=50)),
}


def plain(names: Iterable[str]) -> str:
    """As a tokenizer of symbols alone shows them."""
    return " ".join(f"<{name}>" if name.startswith(MARKS) else name for name in names)


def mixed(names: Iterable[str], alphabet: str) -> str:
    """As they are shown among others."""
    return "".join(f"<{name}>" if name in ("bos", "eos") else f"<{alphabet}:{name}>" for name in names)


def split(names: list[str], mark: str = "ans") -> tuple[list[str], list[str]]:
    """Before the last mark, and from it."""
    at = len(names) - 1 - names[::-1].index(mark)
    return names[:at], names[at:]


def mark_of(task: str) -> str:
    return "copy" if task == "copy" else "ans"


# ── tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("<bos> 12 7| 3 8| <query_3> 12 7| <ans> 4|", "bos 12 7| 3 8| query_3 12 7| ans 4|"),
        ("<bos><depo:12><depo:7|><depo:query_3>\n <depo:ans>", "bos 12 7| query_3 ans"),
        ("<len_2>+ - 3<ans>4", "len_2 + - 3 ans 4"),
        ("<|endoftext|> < a<b x:y <a:> <:b>", "|endoftext| < a < b x:y a: :b"),
        ("", ""),
    ],
)
def test_tokens_by_their_names(text: str, names: str):
    assert tokens(text) == names.split()


def test_tokens_of_other_alphabets_are_others():
    text = "<bos><depo:12><mano:12> 12 <ans><eos>"
    assert tokens(text) == ["bos", "12", "12", "12", "ans", "eos"]
    names = tokens(text, "depo")
    assert (names[:2], names[-1]) == (["bos", "12"], "eos")
    assert not {"12", "ans"} & {*names[2:]}
    assert (alphabet_of(text), alphabet_of("<bos> 12 <ans>")) == ("depo", None)


@pytest.mark.parametrize(
    "made", [*MADE.values(), *(pytest.param(one, marks=pytest.mark.slow) for one in SLOW.values())]
)
def test_right_documents_in_both_forms(made: tuple[str, Callable[[Random], list[str]]]):
    task, make = made
    random = Random(1)
    for _ in range(60):
        names = make(random)
        assert tokens(plain(names)) == tokens(mixed(names, task)) == names
        verdicts = VERIFIERS[task].document(names)
        assert verdicts == [Verdict()] * names.count(mark_of(task))
        prompt, answer = split(names, mark_of(task))
        for asked in (prompt, [*prompt, mark_of(task)]):
            for said in (answer, answer[1:]):
                for behind in ([], ["eos"], ["bos", "7"]):
                    assert VERIFIERS[task].verify(asked, [*said, *behind]).ok


# ── corruptions ─────────────────────────────────────────────────────────────────────────────────────────────────────

Corruption = Callable[[list[str], list[str], Random], list[str] | None]
CORRUPTIONS: list[tuple[str, Corruption, Reason]] = []


def corruption(tasks: str, reason: Reason, names: Sequence[str] = tuple(MADE)) -> Callable[[Corruption], Corruption]:
    """What makes another answer of (prompt, answer without its mark and end); None where it cannot."""

    def listed(corrupt: Corruption) -> Corruption:
        CORRUPTIONS.extend((name, corrupt, reason) for name in names if MADE[name][0] in tasks.split())
        return corrupt

    return listed


def words_of(names: list[str]) -> list[list[str]]:
    """Cut behind each bar, or between all tokens where there is no bar."""
    if not any(name.endswith("|") for name in names):
        return [[name] for name in names]
    found: list[list[str]] = [[]]
    for name in names:
        found[-1].append(name)
        if name.endswith("|"):
            found.append([])
    return [word for word in found if word]


def joined(words: list[list[str]]) -> list[str]:
    return [name for word in words for name in word]


def edges_of(prompt: list[str]) -> list[tuple[str, str]]:
    """The edges of a graph, words with blanks between their tokens."""
    at = next(i for i, name in enumerate(prompt) if name.startswith("query"))
    words = [" ".join(word) for word in words_of(prompt[1:at])]
    return list(zip(words[::2], words[1::2], strict=True))


def asked_of(prompt: list[str]) -> tuple[str, str]:
    """The last query, and the node that it asks for."""
    at = max(i for i, name in enumerate(prompt) if name.startswith("query"))
    return prompt[at], " ".join(prompt[at + 1 :])


def hop(prompt: list[str], add: int) -> list[str] | None:
    """The answer of that many hops more."""
    after = dict(edges_of(prompt))
    query, node = asked_of(prompt)
    for _ in range(int(query.removeprefix("query_")) + add):
        node = after[node]
    return node.split()


@corruption("depo", Reason.VALUE)
def a_hop_more(prompt, answer, random):
    return hop(prompt, 1)


@corruption("depo", Reason.VALUE)
def a_hop_less(prompt, answer, random):
    return hop(prompt, -1)


@corruption("depo", Reason.VALUE)
def another_node(prompt, answer, random):
    return random.choice([x.split() for x, _ in edges_of(prompt) if x.split() != answer])


@corruption("depo brevo", Reason.STRANGER)
def a_node_that_there_is_not(prompt, answer, random):
    words = words_of(answer)
    words[random.randrange(len(words))] = ["99", "99|"] if "|" in answer[-1] else ["999"]
    return joined(words)


@corruption("depo", Reason.STRANGER)
def the_beginning_is_lost(prompt, answer, random):
    rest = answer[1:]
    return rest if rest and " ".join(rest) not in dict(edges_of(prompt)) else None


@corruption("depo", Reason.UNFINISHED)
def no_bar(prompt, answer, random):
    return [*answer[:-1], answer[-1].removesuffix("|")]


@corruption("depo brevo", Reason.UNFINISHED, ("depo", "depo of long words", "brevo of words"))
def broken_off(prompt, answer, random):
    return answer[:-1] if len(words_of(answer)[-1]) > 1 else None


@corruption("depo brevo mano copy", Reason.UNFINISHED)
def nothing_said(prompt, answer, random):
    return []


@corruption("depo mano copy", Reason.EXTRA)
def more_said(prompt, answer, random):
    return [*answer, random.choice([answer[0], answer[-1], "ans", "5", "+"])]


@corruption("brevo", Reason.ORDER)
def a_node_before_one_that_it_needs(prompt, answer, random):
    words, edges = words_of(answer), edges_of(prompt)
    at = random.choice([(i, j) for j in range(len(words)) for i in range(j) if needs(edges, words[j], words[i])])
    words[at[0]], words[at[1]] = words[at[1]], words[at[0]]
    return joined(words)


@corruption("brevo", Reason.ORDER)
def backwards(prompt, answer, random):
    return joined(words_of(answer)[::-1])


@corruption("brevo", Reason.MISSING)
def a_node_missing(prompt, answer, random):
    words = words_of(answer)
    del words[random.randrange(len(words))]
    return joined(words)


@corruption("brevo", Reason.REPEATED)
def a_node_again(prompt, answer, random):
    words = words_of(answer)
    at = random.randrange(len(words))
    words.insert(random.randint(at, len(words)), words[at])
    return joined(words)


@corruption("brevo", Reason.NEEDLESS)
def a_node_that_is_not_needed(prompt, answer, random):
    words = words_of(answer)
    others = sorted({name for edge in edges_of(prompt) for name in edge} - {" ".join(word) for word in words})
    words.insert(random.randint(0, len(words)), random.choice(others).split() if others else [])
    return joined(words) if others else None


@corruption("brevo", Reason.STRANGER)
def tokens_of_the_prompt_said_again(prompt, answer, random):
    return [random.choice(["ans", "query", "7 7"]), *answer]


@corruption("mano", Reason.VALUE)
def another_number(prompt, answer, random):
    return [str((int(answer[0]) + random.randint(1, 22)) % 23)]


@corruption("mano copy", Reason.STRANGER)
def nothing_like_it(prompt, answer, random):
    return [random.choice([f"0{answer[0]}", "23", "-1", "+", "ans"]), *answer[1:]]


@corruption("copy", Reason.VALUE)
def two_swapped(prompt, answer, random):
    i, j = random.choice([(i, j) for i in range(len(answer)) for j in range(i) if answer[i] != answer[j]] or [(0, 0)])
    said = [*answer]
    said[i], said[j] = answer[j], answer[i]
    return said if i else None


@corruption("copy", Reason.MISSING)
def the_end_missing(prompt, answer, random):
    return answer[: random.randrange(1, len(answer))]


def needs(edges: list[tuple[str, str]], node: list[str], other: list[str]) -> bool:
    return (" ".join(other), " ".join(node)) in edges


@pytest.mark.parametrize(
    ("name", "corrupt", "reason"), CORRUPTIONS, ids=lambda value: getattr(value, "__name__", value)
)
def test_corrupted_answers_are_rejected(name: str, corrupt: Corruption, reason: Reason):
    task, make = MADE[name]
    random, tried = Random(3), 0
    for _ in range(60):
        names = make(random)
        prompt, (mark, *answer) = split(names, mark_of(task))
        said = corrupt(prompt, answer[:-1] if answer[-1] == "eos" else answer, random)
        if said is not None:
            verdict = VERIFIERS[task].verify(prompt, [mark, *said, "eos"])
            assert verdict.reason == reason, f"{verdict}\n{prompt}\n{said}"
            assert VERIFIERS[task].document([*prompt, mark, *said, "eos"])[-1] == verdict
            tried += 1
    assert tried >= 10 or "small" in name


@pytest.mark.parametrize("task", ["depo", "mano", "copy", "brevo"])
def test_nothing_stands_behind_a_document(task: str):
    names = MADE[task][1](Random(1))
    names = names if names[-1] == "eos" else [*names, "eos"]
    assert VERIFIERS[task].document(names)[-1].ok
    for behind in (["5"], ["bos"], ["eos"]):
        assert VERIFIERS[task].document([*names, *behind])[-1].reason == Reason.EXTRA


def test_a_document_of_brevo_has_its_end_token():
    names = reference.brevo(Random(1), 20)
    assert brevo.document(names[:-1])[0].reason == Reason.UNFINISHED
    assert brevo.verify(*split(names[:-1])).ok  # while a model may be stopped there


def test_a_model_may_go_on_with_the_next_query():
    prompt, answer = ["bos", "1|", "2|", "2|", "1|", "query_1", "1|"], ["ans", "2|"]
    for behind in ("query_1 2| ans 1|", "query_1", "query_x ans 7"):
        assert depo.verify(prompt, [*answer, *behind.split()]).ok
        assert not depo.verify(prompt, behind.split()).ok


def test_every_answer_of_a_document_is_looked_at():
    random = Random(4)
    for _ in range(30):
        names = reference.depo(random, 20, 8, (1, 1), n=20)
        answers = [i + 1 for i, name in enumerate(names) if name == "ans"]
        wrong = random.sample(range(10), 3)
        for i in wrong:
            names[answers[i]] = random.choice([name for name in names[1:41] if name != names[answers[i]]])
        reasons = [verdict.reason for verdict in depo.document(names)]
        assert reasons == [Reason.VALUE if i in wrong else None for i in range(10)]
        with pytest.raises(ProblemError, match="the answer to"):
            depo.verify(*split(names[: answers[min(wrong)] + 5]))


# ── brute force ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_depo_is_the_node_k_links_further():
    random = Random(5)
    for _ in range(60):
        names = reference.depo(random, 15, 40)
        prompt, _ = split(names)
        after = dict(edges_of(prompt))
        right = hop(prompt, 0)
        accepted = [node.split() for node in after if depo.verify(prompt, node.split()).ok]
        assert accepted == [right]
        query, _ = asked_of(prompt)
        assert depo.read(prompt).sizes == {"k": int(query[6:]), "n": len(after)}


def test_brevo_accepts_exactly_the_orders_that_are_right():
    """Of all that can be listed of the nodes of a small graph, each at most once."""
    random, orders = Random(6), Counter[int]()
    for _ in range(40):
        names = reference.brevo(random, 6, random.choice([None, (2, 4)]))
        prompt, _ = split(names)
        edges, (_, query) = edges_of(prompt), asked_of(prompt)
        nodes = sorted({name for edge in edges for name in edge})
        asked = {query}
        for _ in nodes:
            asked |= {need for need, node in edges if node in asked}
        problem, accepted = brevo.read(prompt), 0
        for length in range(1, len(nodes) + 1):
            for order in permutations(nodes, length):
                right = {*order} == asked and all(
                    need in order[: order.index(node)] for need, node in edges if node in asked
                )
                assert problem.verify([name for word in order for name in word.split()]).ok == right
                accepted += right
        assert accepted > 0
        orders[accepted] += 1
        assert (problem.sizes["n"], problem.sizes["size"]) == (len(nodes), len(asked))
    assert len(orders) > 2, "some have one order, others many"


def test_depth_is_that_of_the_nearest_leaf():
    # 5 needs 4 needs 3 needs 2 needs 1: a chain; with 1 → 5 there is a leaf beside it
    chain = ["bos", *"12233445"]
    assert brevo.read([*chain, "query", "5"]).sizes == {"depth": 4, "n": 5, "size": 5}
    assert brevo.read([*chain, "1", "5", "query", "5"]).sizes["depth"] == 1
    assert brevo.read([*chain, "query", "3"]).sizes == {"depth": 2, "n": 5, "size": 3}


def infix(names: list[str]) -> str:
    """An expression with brackets; takes its tokens away."""
    name = names.pop(0)
    if name.isdigit():
        return name
    left = infix(names)
    return f"({left} {name} {infix(names)})"


def test_mano_is_what_python_says():
    random, met = Random(7), set[str]()
    for _ in range(300):
        modulus = random.choice([2, 7, 23, 97])
        prompt, (_, answer) = split(reference.mano(random, 12, modulus))
        problem = mano.read(prompt, modulus)
        expression = infix(prompt[2:])
        assert str(problem.value) == answer == str(eval(expression) % modulus)
        assert problem.sizes == {"l": sum(expression.count(operator) for operator in "+-*")}
        accepted = [value for value in map(str, range(-modulus, 2 * modulus)) if problem.verify([value]).ok]
        assert accepted == [answer]
        met |= {*prompt}
    assert {"+", "-", "*"} <= met


RULES = ("s -> a b | b a b | a a", "a -> x y | y [2] | z z", "b -> y y x")


def language_of(rules: Sequence[str]) -> set[str]:
    """All sentences, by replacing whatever can be replaced."""
    expansions = {rule.split(" -> ")[0]: rule.split(" -> ")[1].replace(" [2]", "").split(" | ") for rule in rules}
    done, pending = set[str](), ["s"]
    while pending:
        names = pending.pop().split()
        at = next((i for i, name in enumerate(names) if name in expansions), None)
        if at is None:
            done.add(" ".join(names))
        else:
            pending += [" ".join((*names[:at], told, *names[at + 1 :])) for told in expansions[names[at]]]
    return done


def test_sentences_are_exactly_those_of_the_grammar():
    language, right = sentences.Language(RULES), language_of(RULES)
    beginnings = {" ".join(one.split()[:i]) for one in right for i in range(len(one.split()) + 1)}
    met = Counter[Reason | None]()
    for length in range(6):
        for names in product("xyz", repeat=length):
            text = " ".join(names)
            for cut in range(length + 1):
                prompt, said = ["bos", *names[:cut]], [*names[cut:], "eos", "q"]
                if " ".join(names[:cut]) not in beginnings:
                    with pytest.raises(ProblemError, match="no sentence begins with its first"):
                        sentences.verify(prompt, said, language)
                    continue
                reason = sentences.verify(prompt, said, language).reason
                expected = Reason.UNFINISHED if text in beginnings else Reason.SENTENCE
                assert reason == (None if text in right else expected)
                met[reason] += 1
            assert sentences.document(["bos", *names], language)[0].ok == (text in right)
    assert len(met) == 3
    assert max(len(one.split()) for one in right) < 10


def test_what_a_grammar_does_not_have():
    language = sentences.Language(RULES)
    assert sentences.verify(["bos", "x"], ["y", "a", "x"], language) == Verdict(Reason.STRANGER, "a")
    assert sentences.document(["bos", "y", "y", "eos"], language)[0].ok
    assert sentences.document(["bos", "y", "y", "eos", "y"], language)[0].reason == Reason.EXTRA
    assert sentences.read(["bos", "x"], language).sizes == {"prefix": 1}
    for prompt in ("", "y y", "bos a", "bos y bos"):
        with pytest.raises(ProblemError):
            sentences.verify(prompt.split(), ["y"], language)


# ── prompts that are no problems ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("task", "prompt"),
    [
        ("depo", ""),
        ("depo", "1| 2| 2| 1| query_1 1|"),  # no bos
        ("depo", "bos query_1 1|"),  # no edges
        ("depo", "bos 1| 2| 2| 1|"),  # no query
        ("depo", "bos 1| 2| 2| 3| query_1 1|"),  # no cycle
        ("depo", "bos 1| 2| 2| 1| 3| 4| 4| 3| query_1 1|"),  # two cycles
        ("depo", "bos 1| 2| 2| 1| 3| 1| query_1 1|"),  # a tail
        ("depo", "bos 3| 1| 1| 2| 2| 1| query_1 1|"),  # the same, told from its end
        ("depo", "bos 1| 2| 2| 1| 1| 2| query_1 1|"),  # an edge twice
        ("depo", "bos 1| 2| 2| 1| 3| query_1 1|"),  # an odd name
        ("depo", "bos 1| 2| 2| 1| 4 query_1 1|"),  # no bar
        ("depo", "bos 1| 2| 2| 1| query_1 3|"),
        ("depo", "bos 1| 2| 2| 1| query_1 1| 2|"),
        ("depo", "bos 1| 2| 2| 1| query_1 1"),
        ("depo", "bos 1| 2| 2| 1| query_1 1| 5"),
        ("depo", "bos 1| 2| 2| 1| query_0 1|"),
        ("depo", "bos 1| 2| 2| 1| query_01 1|"),
        ("depo", "bos 1| 2| 2| 1| query_x 1|"),
        ("depo", "bos 1| 2| 2| 1| query_ 1|"),
        ("depo", "bos 1| 2| 2| 1| query_1 1| ans 2|"),  # answered already
        ("depo", "bos 1| 2| 2| 1| query_1 1| ans 2| query_1 1|"),  # asked again
        ("depo", "bos 1| 2| 2| 1| query_1 1| query_1 2|"),  # the first has no answer
        ("depo", "bos 1| 2| bos 2| 1| query_1 1|"),
        ("depo", "bos a| 2| 2| a| query_1 2|"),
        ("brevo", ""),
        ("brevo", "1 2 query 2"),
        ("brevo", "bos query 2"),
        ("brevo", "bos 1 2"),
        ("brevo", "bos 1 2 3 query 2"),
        ("brevo", "bos 1 2 query"),
        ("brevo", "bos 1 2 query 1"),  # needs nothing
        ("brevo", "bos 1 2 query 3"),
        ("brevo", "bos 1 2 query 2 1"),
        ("brevo", "bos 1 2 1 2 query 2"),
        ("brevo", "bos 1 1 1 2 query 2"),
        ("brevo", "bos 1 2 2 3 3 1 3 4 query 4"),
        ("brevo", "bos 1 2 2 3 3 1 4 5 query 5"),  # a cycle elsewhere
        ("brevo", "bos 1 6 2 6 3 6 4 6 5 6 query 6"),
        ("brevo", "bos 6 1 6 2 6 3 6 4 6 5 query 5"),
        ("brevo", "bos 1 2 query 2|"),
        ("brevo", "bos 1 2 3| query 3|"),
        ("brevo", "bos 1| 2| 3 query 2|"),
        ("brevo", "bos 1| 2| query 2"),
        ("brevo", "bos 1 x query x"),
        ("brevo", "bos 1 2 ans query 2"),
        ("mano", ""),
        ("mano", "bos"),
        ("mano", "len_1 + 1 2"),
        ("mano", "bos + 1 2"),
        ("mano", "bos len_2 + 1 2"),
        ("mano", "bos len_0 3"),
        ("mano", "bos len_1 + 1"),
        ("mano", "bos len_1 + 1 2 3"),
        ("mano", "bos len_1 1 + 2"),
        ("mano", "bos len_1 / 1 2"),
        ("mano", "bos len_1 + 1 23"),
        ("mano", "bos len_1 + 1 02"),
        ("mano", "bos len_1 + 1 2 eos"),
        ("copy", ""),
        ("copy", "4 5"),
        ("copy", "bos"),
        ("copy", "bos copy"),
        ("copy", "bos 4 bos 5"),
        ("copy", "bos 4 copy 5 copy"),
    ],
)
def test_prompts_that_are_refused(task: str, prompt: str):
    for mark in ([], [mark_of(task)]):
        with pytest.raises(ProblemError):
            VERIFIERS[task].verify([*prompt.split(), *mark], ["7"])


@pytest.mark.parametrize(
    ("task", "prompt", "answer"),
    [
        ("depo", "bos 1 2| 3| 3| 4 2| 4 2| 1 2| query_5 3| ans 1 2| query_3 4 2|", "4 2|"),
        ("brevo", "bos 1 6 2 6 3 6 4 6 query 6", "4 2 3 1 6"),
        ("brevo", "bos 1| 1 1| query 1 1|", "1| 1 1|"),
        ("mano", "bos len_2 - + 21 5 4", "22"),
        ("copy", "bos 4 17 4 9", "4 17 4 9"),
    ],
)
def test_puzzles_written_by_hand(task: str, prompt: str, answer: str):
    assert VERIFIERS[task].verify(prompt.split(), answer.split()) == Verdict()


@pytest.mark.parametrize("name", MADE)
def test_any_tokens_at_all_have_a_verdict(name: str):
    task, make = MADE[name]
    random = Random(8)
    for _ in range(30):
        names = make(random)
        prompt, answer = split(names, mark_of(task))
        for _ in range(20):
            said = [*answer]
            for _ in range(random.randint(1, 3)):
                said[random.randrange(len(said))] = random.choice(names)
            verdict = VERIFIERS[task].verify(prompt, said)
            assert verdict.ok == (verdict.reason is None)
            if task != "depo" or not any(name.startswith("query_") for name in said):
                assert VERIFIERS[task].document([*prompt, mark_of(task), *said])[-1].ok <= verdict.ok


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────


def lines_of(path: Path, lines: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def ran(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, list[str]], str]:
    """Exit code, the table by the first word of its lines, and what is said on stderr."""
    code = cli.run(["check", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}, err


@pytest.mark.parametrize("form", ["plain", "mixed"])
@pytest.mark.parametrize("name", MADE)
def test_prompts_and_answers_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, form: str):
    task, make = MADE[name]
    random = Random(9)
    documents = [make(random) for _ in range(30)]
    lines, sizes = [], Counter[str]()
    for i, names in enumerate(documents):
        parts = split(names, mark_of(task))
        sizes[str(next(iter(VERIFIERS[task].read(parts[0]).sizes.values())))] += 1
        prompt, answer = (plain(part) if form == "plain" else mixed(part, task) for part in parts)
        answer = [
            answer,
            f"{answer}<eos> 5",
            f"{answer} <bos>",
            f"{answer} 5 5",
            answer.replace(f"<{task}:", "<other:"),
        ][i % 5]
        lines.append({"prompt": prompt, ("prediction", "solution")[i % 2]: answer})
    right = 18 + 6 * (form == "plain") + 6 * (task == "brevo")  # behind an end token nothing is read
    code, table, err = ran(capsys, lines_of(tmp_path / "some.jsonl", lines), "--kind", task)
    assert (code, err) == (0, "")
    assert table["all"][:2] == ["30", str(right)]
    assert {size: int(row[0]) for size, row in table.items() if size.isdigit()} == sizes


RECIPE = """
tokenizer: {name: TOKENIZER}
sources:
  depo: {kind: depo, nodes: 12, hops: 4, queries: 1, instances: 20}
  mano: {kind: mano, operations: 6, modulus: 29, instances: 20}
  brevo: {kind: brevo, nodes: 12, instances: 20, bos: {token: <start>}}
  copy: {kind: copy, length: 9, instances: 20}
  other: {extends: mano, modulus: 31, alphabet: other}
splits:
  depo: {mixture: {depo: {exposures: 1}}, packing: {method: rows, length: 128}, columns: [answers]}
  mano: {mixture: {mano: {exposures: 1}}, packing: {method: rows, length: 128}, columns: [answers]}
  brevo: {mixture: {brevo: {exposures: 1}}, packing: {method: rows, length: 128, longer: drop}, columns: [answers]}
  copy: {mixture: {copy: {exposures: 1}}, packing: {method: rows, length: 128}, columns: [answers]}
  kinds: {mixture: {depo: {}, mano: {}}, packing: {method: rows, length: 128}, columns: [answers]}
  manos: {mixture: {mano: {}, other: {}}, packing: {method: rows, length: 128}, columns: [answers]}
  bare: {mixture: {mano: {}}, packing: {method: rows, length: 128}}
"""


@pytest.fixture(scope="module", params=["symbols", "gpt2"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built dataset with a split of each puzzle."""
    folder = tmp_path_factory.mktemp("puzzles")
    built(plan_at(folder / "puzzles.yaml", RECIPE.replace("TOKENIZER", request.param)), folder / "data")
    return folder / "data"


def rows_of(data: Path, split: str) -> list[tuple[str, str]]:
    """Prompt and answer of each row."""
    batches = [batch.to_pydict() for batch in Dataset.at(data).batches(split)]
    return [pair for batch in batches for pair in zip(batch["prompt"], batch["answer"], strict=True)]


@pytest.mark.parametrize(("task", "by"), [("depo", "k"), ("mano", "l"), ("brevo", "depth"), ("copy", "n")])
def test_predictions_for_a_split(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: Path, task: str, by: str):
    rows = rows_of(data, task)
    assert len(rows) > 10
    end = Dataset.at(data).end_of_text()
    said = [answer + ["", end, f"{end} <bos> 7", "<bos>"][i % 4] for i, (_, answer) in enumerate(rows)]
    if task == "brevo":
        said = [text.replace("<bos>", "<start>") for text in said]
    said[3], said[5] = "", f"<{task}:77|>"
    path = lines_of(tmp_path / "some.jsonl", [{"prediction": text} for text in said])
    code, table, err = ran(capsys, data, path, "--split", task)
    assert (code, err) == (0, "")
    assert table["all"][:2] == [str(len(rows)), str(len(rows) - 2)]
    assert next(iter(table)) == by
    assert table["unfinished"][0] == table["stranger"][0] == "1"
    path = lines_of(tmp_path / "some.jsonl", [{"row": i, "prediction": said[i]} for i in (7, 3)])
    assert ran(capsys, data, path, "--split", task)[1]["all"][:2] == ["2", "1"]


GRAMMAR = """
tokenizer: {name: symbols}
sources: {exam: {kind: grammar, instances: 20, cut: 1, grammar: RULES}}
splits: {exam: {mixture: {exam: {}}, packing: {method: rows, length: 64}, columns: [answers]}}
"""


def test_sentences_of_a_grammar_in_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    built(plan_at(tmp_path / "grammar.yaml", GRAMMAR.replace("RULES", json.dumps(RULES))), tmp_path / "data")
    rows = rows_of(tmp_path / "data", "exam")
    right, said, expected = sorted(language_of(RULES)), [], 0
    for i, (prompt, answer) in enumerate(rows):
        first = prompt.removeprefix("<bos> ")
        other = Random(i).choice([one for one in right if one.startswith(f"{first} ")]).removeprefix(f"{first} ")
        said.append([answer, f"{other} <eos> x", f"{other} x x x x x x <bos> y", "a", ""][i % 5])
        expected += i % 5 < 2
    path = lines_of(tmp_path / "some.jsonl", [{"prediction": text} for text in said])
    code, table, err = ran(capsys, tmp_path / "data", path)
    assert (code, err) == (0, "")
    assert next(iter(table)) == "prefix"
    assert table["1"][:2] == table["all"][:2] == ["20", str(expected)]
    assert [table[reason][0] for reason in ("sentence", "stranger", "unfinished")] == ["4", "4", "4"]
    code, _, err = ran(capsys, path, "--kind", "grammar")
    assert code == 2
    assert "Give a dataset whose recipe has them" in err


ALONE = """
tokenizer: {name: symbols}
sources: {exam: {kind: brevo, nodes: 12, instances: 20, words: {length: [2, 4], vocabulary: 4}, tag: <TAG>, bos: BOS}}
splits: {exam: {mixture: {exam: {}}, packing: {method: rows, length: 512}, columns: [answers]}}
"""


@pytest.mark.parametrize("opening", ["<bos>", "false"])
def test_a_puzzle_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str], opening: str):
    """Its tokens stand apart then, without the name of an alphabet; before them a tag."""
    built(plan_at(tmp_path / "alone.yaml", ALONE.replace("BOS", opening)), tmp_path / "data")
    rows = rows_of(tmp_path / "data", "exam")
    assert rows[0][0].startswith("<TAG> ")
    assert "brevo" not in rows[0][0]
    path = lines_of(tmp_path / "some.jsonl", [{"prediction": answer} for _, answer in rows])
    code, table, err = ran(capsys, tmp_path / "data", path)
    assert (code, err) == (0, "")
    assert table["all"] == ["20", "20", "100.00%"]


def test_splits_and_options_that_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: Path):
    path = lines_of(tmp_path / "some.jsonl", [{"prediction": "x"}] * 20)
    for arguments, said in (
        ((data, path), "no split 'exam'"),
        ((data, path, "--split", "kinds"), "its sources are of several kinds: depo, mano"),
        ((data, path, "--split", "manos"), "its sources have not the same modulus"),
        ((data, path, "--split", "bare"), "the rows of the split 'bare' have no answers"),
        ((data, path, "--split", "mano", "--modulus", "7"), "row 0 of 'mano'"),
        ((data, path, "--split", "mano", "--modulus", "exact"), "--modulus: mano has a modulus"),
        (
            (data, path, "--split", "depo", "--modulus", "7"),
            "--modulus: depo has no such option. It is of: mano, igsm.",
        ),
        ((data, path, "--split", "depo", "--kind", "brevo"), "row 0 of 'depo': it has no <query>"),
        ((data, path, "--split", "depo", "--kind", "dep"), "Did you mean 'depo'?"),
        ((data, path, "--split", "depo", "--by", "size"), "It can be: k, n."),
        ((path, "--kind", "mano", "--back", "BACK"), "--back: mano has no such option. It is of: igsm."),
        ((path, "--kind", "brevo", "--childless"), "--childless: brevo"),
        ((path, "--by", "n"), "--by: igsm"),
        ((path,), 'some.jsonl:1: there is no text under "problem"'),
        ((path, "--kind", "depo"), 'some.jsonl:1: there is no text under "prompt"'),
    ):
        code, table, err = ran(capsys, *arguments)
        assert (code, table) == (2, {})
        assert said in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(("split", "modulus"), [("mano", "31"), ("manos", "31"), ("manos", "29")])
def test_rules_that_are_not_those_of_the_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: Path, split: str, modulus: str
):
    """A model would seem bad by them. The own answers of rows tell."""
    path = lines_of(tmp_path / "some.jsonl", [{"prediction": "?"} for _ in rows_of(data, split)])
    code, table, err = ran(capsys, data, path, "--split", split, "--modulus", modulus)
    assert (code, table) == (2, {})
    assert f"of '{split}': " in err
    assert "its own answer is wrong" in err or "is not below 29" in err


def test_results_by_another_size(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: Path):
    path = lines_of(tmp_path / "some.jsonl", [{"prediction": answer} for _, answer in rows_of(data, "brevo")])
    for size in brevo.SIZES:
        _, table, _ = ran(capsys, data, path, "--split", "brevo", "--by", size)
        assert next(iter(table)) == size
        assert table["all"][2] == "100.00%"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"prompt": "<bos> 5 <copy>"}, 'there is no text under "prediction"'),
        ({"prompt": "<bos> 5 <copy>", "prediction": 7}, 'there is no text under "prediction"'),
        ({"prompt": "5 <copy>", "prediction": "7"}, "it does not begin with <bos>"),
        ({"prompt": 5, "prediction": "7"}, 'there is no text under "prompt"'),
    ],
)
def test_lines_that_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: Any, said: str):
    path = lines_of(tmp_path / "some.jsonl", [{"prompt": "<bos> 5 <copy>", "prediction": "5"}, line])
    code, table, err = ran(capsys, path, "--kind", "copy")
    assert (code, table) == (2, {})
    assert f"{path}:2: {said}" in err


def test_texts_are_for_score(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: Path):
    manifest = Manifest.of(folder_at(data))
    sources = {name: {**source, "kind": "corpus"} for name, source in manifest.recipe["sources"].items()}
    changed = replace(manifest, recipe={**manifest.recipe, "sources": sources})
    (tmp_path / "manifest.json").write_text(changed.dumps())
    path = lines_of(tmp_path / "some.jsonl", [{"prediction": "x"}])
    code, _, err = ran(capsys, tmp_path, path, "--split", "copy")
    assert code == 2
    assert "what is of the kind 'corpus' cannot be checked" in err
    assert "`score`" in err


IGSM = """
sources:
  exam:
    kind: igsm
    problems: 12
    op: [3, 6]
    modulus: 29
    childless: true
    retry: {rate: 0.5, back: {text: NO}}
    vocabulary: VOCABULARY
splits: {exam: {mixture: {exam: {exposures: 1}}, packing: {method: rows, length: 1024}, columns: [answers]}}
"""


def test_igsm_is_checked_by_the_words_of_its_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """modulus, what takes back, and a vocabulary of its own: none of them need be said again."""
    chains = {
        f"chain {c}": {f"{c} kind {k}": {"all": ", ".join(f"{c} {k} {n} thing" for n in "abcdefgh")} for k in "uvwx"}
        for c in "mn"
    }
    built(plan_at(tmp_path / "exam.yaml", IGSM.replace("VOCABULARY", json.dumps(chains))), tmp_path / "data")
    batches = [batch.to_pydict() for batch in Dataset.at(tmp_path / "data").batches("exam")]
    said = [
        f"{hint} {answer}" for batch in batches for hint, answer in zip(batch["hint"], batch["answer"], strict=True)
    ]
    assert any("NO." in text for text in said)
    path = lines_of(tmp_path / "some.jsonl", [{"prediction": text} for text in said])
    code, table, err = ran(capsys, tmp_path / "data", path)
    assert (code, err) == (0, "")
    assert table["all"][:2] == ["12", "12"]
    for flags in (("--modulus", "31"), ("--back", "[BACK]")):
        code, _, err = ran(capsys, tmp_path / "data", path, *flags)
        assert code == 2, flags
