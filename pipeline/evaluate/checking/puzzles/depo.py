"""Depo (Part 4.1): which node comes k hops after another one, on a cycle whose edges are in any order.

    <bos> 3 8| 5| 5| 12 7| 12 7| 3 8| <query_2> 12 7| <ans> 5| …          12 7 → 3 8 → 5 → 12 7

A name is one or more numbers; a bar on the last token ends it. A document has several queries, each about a different
node. A prompt may contain earlier queries with their answers. An answer is one name, followed only by the next query or
the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from pipeline.evaluate.checking.puzzles.reading import ANSWER, answer_in, beyond, body, number, pairs, words
from pipeline.evaluate.checking.puzzles.rules import puzzle
from pipeline.evaluate.checking.puzzles.verdict import RIGHT, Reason, Verdict
from pipeline.evaluate.checking.verdict import ProblemError

QUERY = "query_"
FORM = "It is <bos>, the edges of one cycle, and queries `<query_k> name <ans> name` of other nodes each."
SIZES = ("k", "n")


@dataclass(frozen=True)
class Depo:
    """A query. place: node → its index on the cycle. answer: the tokens that follow the query."""

    place: dict[str, int]
    k: int
    node: str
    answer: list[str]

    @property
    def sizes(self) -> dict[str, int]:
        """k: hops of the query; n: nodes of the cycle."""
        return {"k": self.k, "n": len(self.place)}

    def verify(self, answer: Sequence[str]) -> Verdict:
        """The verdict: right if the answer is the k-th node after that of the query."""
        names, rest = words(takewhile(lambda name: not name.startswith(QUERY), answer_in(answer, ANSWER)))
        if not names:
            return Verdict(Reason.UNFINISHED, " ".join(rest))
        if names[0] not in self.place:
            return Verdict(Reason.STRANGER, names[0])
        hops = (self.place[names[0]] - self.place[self.node]) % len(self.place)
        if hops != self.k % len(self.place):
            return Verdict(Reason.VALUE, f"{names[0]}, {hops} after {self.node} and not {self.k}")
        if len(names) > 1 or rest:
            return Verdict(Reason.EXTRA, " ".join((*names[1:], *rest)))
        return RIGHT


def read(prompt: Sequence[str]) -> Depo:
    """The last query of a prompt. ProblemError where there is none, or an earlier answer is wrong."""
    *answered, last = _queries(body(prompt, ANSWER))
    for query in answered:
        if not (verdict := query.verify(query.answer)).ok:
            raise ProblemError(f"the answer to {query.node} is wrong: {verdict.reason} ({verdict.detail})", FORM)
    if last.answer:
        raise ProblemError("it does not end with a query", FORM)
    return last


def verify(prompt: Sequence[str], answer: Sequence[str]) -> Verdict:
    """The verdict on an answer, with `<ans>` or without. ProblemError for a prompt without such a problem."""
    return read(prompt).verify(answer)


def document(tokens: Sequence[str]) -> list[Verdict]:
    """The verdicts on all answers of a document, in order. ProblemError where it has no such queries."""
    rest = beyond(tokens[1:])
    queries = _queries(answer_in(body(tokens, ""), ""))
    verdicts = [query.verify(query.answer) for query in queries]
    if rest and verdicts[-1].ok:
        verdicts[-1] = Verdict(Reason.EXTRA, " ".join(rest))
    return verdicts


def _queries(names: list[str]) -> list[Depo]:
    """The queries of a document without its `<bos>`, at least one."""
    starts = [i for i, name in enumerate(names) if name.startswith(QUERY)]
    place = _cycle(names[: starts[0]] if starts else names)
    if not starts:
        raise ProblemError("it has no query", FORM)
    queries: list[Depo] = []
    for first, end in zip(starts, [*starts[1:], len(names)], strict=True):
        k = number(names[first].removeprefix(QUERY), "number of hops")
        question = list(takewhile(lambda name: name != ANSWER, names[first + 1 : end]))
        nodes, rest = words(question)
        if k == 0 or rest or len(nodes) != 1 or nodes[0] not in place:
            raise ProblemError(f"'{' '.join(names[first:end])}' is no query", FORM)
        if any(query.node == nodes[0] for query in queries):
            raise ProblemError(f"'{nodes[0]}' is asked for twice", FORM)
        queries.append(Depo(place, k, nodes[0], names[first + 1 + len(question) : end]))
    return queries


def _cycle(names: list[str]) -> dict[str, int]:
    """Node → its index on the cycle that these edges form, in order. ProblemError where they form none."""
    nodes, rest = words(names)
    if rest:
        raise ProblemError(f"'{' '.join(rest)}' has no bar", FORM)
    edges = pairs(nodes)
    after = dict(edges)
    place: dict[str, int] = {}
    node: str | None = edges[0][0]
    while node is not None and node not in place:
        place[node] = len(place)
        node = after.get(node)
    if len(place) < len(edges) or node != edges[0][0]:
        raise ProblemError("its edges are not one cycle", FORM)
    return place


VERIFIER = puzzle(SIZES, lambda: read)
