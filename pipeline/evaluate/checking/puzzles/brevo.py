"""Brevo (Part 4.1): all that something depends on, in an order in which it could be done.

    <bos> 4 2 2 9 7 9 9 1 <query> 9 <ans> 7 4 2 9 <eos>           2 needs 4, 9 needs 2 and 7; 1 is not asked for

Names are single tokens, or words whose last token has a bar (`4 1|`): never both. Any order counts in which each node
stands after all that it depends on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pipeline.evaluate.checking.puzzles.reading import ANSWER, BAR, EOS, beyond, body, pairs, parted, said, words
from pipeline.evaluate.checking.puzzles.verdict import Reason, Verdict
from pipeline.evaluate.checking.verdict import ProblemError

QUERY = "query"
MOST = 4  # dependencies and dependents of a node
FORM = "It is <bos>, edges of a graph without cycles, dependency before dependent, and `<query> name`."
SIZES = ("depth", "n", "size")


@dataclass(frozen=True)
class Brevo:
    """A graph and a query. needs: node → what it depends on. barred: whether names are words that end with a bar."""

    needs: Mapping[str, tuple[str, ...]]
    query: str
    barred: bool

    @cached_property
    def asked(self) -> frozenset[str]:
        """The query and all that it depends on."""
        found, pending = {self.query}, [self.query]
        while pending:
            new = {need for need in self.needs[pending.pop()] if need not in found}
            found |= new
            pending += new
        return frozenset(found)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """depth: edges on the shortest way from the query to a leaf; n: nodes in the edges; size: nodes to be listed.

        A node without any edge is not told, so it is not in n.
        """
        depth, level = 0, {self.query}
        while all(self.needs[node] for node in level):
            depth, level = depth + 1, {need for node in level for need in self.needs[node]}
        return {"depth": depth, "n": len(self.needs), "size": len(self.asked)}

    def verify(self, said_tokens: Sequence[str]) -> Verdict:
        """Whether exactly what is needed is listed, in one of the orders that are right."""
        listed, rest = self._names(said(said_tokens, ANSWER))
        seen: set[str] = set()
        disorder = ""
        for name in listed:
            if name not in self.asked:
                return Verdict(Reason.NEEDLESS if name in self.needs else Reason.STRANGER, name)
            if name in seen:
                return Verdict(Reason.REPEATED, name)
            if not disorder and not seen.issuperset(self.needs[name]):
                disorder = name
            seen.add(name)
        if rest or not listed:
            return Verdict(Reason.UNFINISHED, " ".join(rest))
        if missing := [name for name in self.needs if name in self.asked - seen]:
            return Verdict(Reason.MISSING, ", ".join(missing))
        return Verdict(Reason.ORDER if disorder else None, disorder)

    def _names(self, names: list[str]) -> tuple[list[str], list[str]]:
        """The names in tokens, and what is left of one that breaks off."""
        return words(names) if self.barred else (names, [])


def read(prompt: Sequence[str]) -> Brevo:
    """The problem in a prompt. ProblemError where it is none."""
    edges, query = parted(body(prompt, ANSWER), QUERY)
    barred = any(name.endswith(BAR) for name in prompt)
    asked, rest = words(query[1:]) if barred else (query[1:], [])
    names, left = words(edges) if barred else (edges, [])
    if rest or left:
        raise ProblemError(f"'{' '.join(left or rest)}' has no bar", FORM)
    needs = _graph(pairs(names))
    if len(asked) != 1 or not needs.get(asked[0]):
        raise ProblemError(f"'{', '.join(asked)}' is not one node that depends on others", FORM)
    return Brevo(needs, asked[0], barred)


def verify(prompt_tokens: Sequence[str], said_tokens: Sequence[str]) -> Verdict:
    """The verdict on an answer, with `<ans>` or without. ProblemError for a prompt that is no such problem."""
    return read(prompt_tokens).verify(said_tokens)


def document(tokens: Sequence[str]) -> list[Verdict]:
    """The verdict on the answer of a document, which must end with `<eos>`. ProblemError where it has no problem."""
    prompt, answer = parted(tokens, ANSWER)
    verdict = verify(prompt, answer)
    if verdict.ok and EOS not in answer:
        return [Verdict(Reason.UNFINISHED, f"no <{EOS}>")]
    if verdict.ok and (behind := beyond(answer)):
        return [Verdict(Reason.EXTRA, " ".join(behind))]
    return [verdict]


def _graph(edges: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Node → what it depends on."""
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
