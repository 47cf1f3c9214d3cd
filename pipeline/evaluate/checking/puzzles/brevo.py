"""Brevo (Part 4.1): all dependencies of a node, direct and indirect, in a topological order.

    <bos> 4 2 2 9 7 9 9 1 <query> 9 <ans> 7 4 2 9 <eos>           2 needs 4, 9 needs 2 and 7; 1 is not needed

Names are single tokens, or words whose last token has a bar (`4 1|`), never both. An order is right if each node comes
after all of its dependencies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pipeline.evaluate.checking.puzzles.reading import ANSWER, BAR, EOS, answer_in, beyond, body, pairs, parted, words
from pipeline.evaluate.checking.puzzles.rules import puzzle
from pipeline.evaluate.checking.puzzles.verdict import Reason, Verdict
from pipeline.evaluate.checking.verdict import ProblemError

QUERY = "query"
MOST = 4  # dependencies and dependents of a node
FORM = "It is <bos>, edges of a graph without cycles, dependency before dependent, and `<query> name`."
SIZES = ("depth", "n", "size")


@dataclass(frozen=True)
class Brevo:
    """A graph and a query. needs: node → its dependencies. barred: whether names are words that end with a bar."""

    needs: Mapping[str, tuple[str, ...]]
    query: str
    barred: bool

    @cached_property
    def needed(self) -> frozenset[str]:
        """The query and all of its dependencies, direct and indirect."""
        needed, pending = {self.query}, [self.query]
        while pending:
            new = {need for need in self.needs[pending.pop()] if need not in needed}
            needed |= new
            pending += new
        return frozenset(needed)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """depth: edges on the shortest way from the query to a leaf; n: nodes in the edges; size: nodes to be listed.

        A node without any edge is not in the prompt, so it is not in n.
        """
        depth, level = 0, {self.query}
        while all(self.needs[node] for node in level):
            depth, level = depth + 1, {need for node in level for need in self.needs[node]}
        return {"depth": depth, "n": len(self.needs), "size": len(self.needed)}

    def verify(self, answer: Sequence[str]) -> Verdict:
        """The verdict: right if exactly the needed nodes are listed, in a right order."""
        listed, rest = self._names(answer_in(answer, ANSWER))
        seen: set[str] = set()
        disorder = ""
        for name in listed:
            if name not in self.needed:
                return Verdict(Reason.NEEDLESS if name in self.needs else Reason.STRANGER, name)
            if name in seen:
                return Verdict(Reason.REPEATED, name)
            if not disorder and not seen.issuperset(self.needs[name]):
                disorder = name
            seen.add(name)
        if rest or not listed:
            return Verdict(Reason.UNFINISHED, " ".join(rest))
        if missing := [name for name in self.needs if name in self.needed - seen]:
            return Verdict(Reason.MISSING, ", ".join(missing))
        return Verdict(Reason.ORDER if disorder else None, disorder)

    def _names(self, names: list[str]) -> tuple[list[str], list[str]]:
        """(names in tokens, tokens of an incomplete last name)."""
        return words(names) if self.barred else (names, [])


def read(prompt: Sequence[str]) -> Brevo:
    """The problem in a prompt. ProblemError where there is none."""
    edges, query = parted(body(prompt, ANSWER), QUERY)
    barred = any(name.endswith(BAR) for name in prompt)
    queries, broken_query = words(query[1:]) if barred else (query[1:], [])
    names, broken_name = words(edges) if barred else (edges, [])
    if broken_query or broken_name:
        raise ProblemError(f"'{' '.join(broken_name or broken_query)}' has no bar", FORM)
    needs = _graph(pairs(names))
    if len(queries) != 1 or not needs.get(queries[0]):
        raise ProblemError(f"'{', '.join(queries)}' is not one node that depends on others", FORM)
    return Brevo(needs, queries[0], barred)


def verify(prompt: Sequence[str], answer: Sequence[str]) -> Verdict:
    """The verdict on an answer, with `<ans>` or without. ProblemError for a prompt without such a problem."""
    return read(prompt).verify(answer)


def document(tokens: Sequence[str]) -> list[Verdict]:
    """The verdict on the answer of a document, which must end with `<eos>`. ProblemError where it has no problem."""
    prompt, answer = parted(tokens, ANSWER)
    verdict = verify(prompt, answer)
    if verdict.ok and EOS not in answer:
        return [Verdict(Reason.UNFINISHED, f"no <{EOS}>")]
    if verdict.ok and (rest := beyond(answer)):
        return [Verdict(Reason.EXTRA, " ".join(rest))]
    return [verdict]


def _graph(edges: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Node → its dependencies. ProblemError where there is a cycle, or too many edges at a node."""
    needs: dict[str, tuple[str, ...]] = {}
    dependents: dict[str, int] = {}
    for need, node in edges:
        needs[node] = (*needs.get(node, ()), need)
        needs.setdefault(need, ())
        dependents[need] = dependents.get(need, 0) + 1
    if len(set(edges)) < len(edges):
        raise ProblemError("an edge stands twice", FORM)
    if max(*map(len, needs.values()), *dependents.values()) > MOST:
        raise ProblemError(f"a node has more than {MOST} dependencies or dependents", FORM)
    done: set[str] = set()
    while ready := [node for node in needs if node not in done and done.issuperset(needs[node])]:
        done.update(ready)
    if len(done) < len(needs):
        raise ProblemError("some nodes depend on themselves", FORM)
    return needs


VERIFIER = puzzle(SIZES, lambda: read)
