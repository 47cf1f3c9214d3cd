"""Outlines of conversations: those of documents, with what a chat template writes around their contents.

    documents      prompt sentences · answer sentences        a document a turn
    conversation   runs · system · runs · prompt · runs · answer · runs · prompt · …        columns of `counts`

Letters: d conversations, n turns in each, s stages: runs and contents in turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import ROLES, offsets_of
from pipeline.core.draws import I32, I64
from pipeline.sources.source import number_of
from pipeline.text.chat.programs import ChatPrograms
from pipeline.text.outline import Outline

PROMPT, ANSWER, SYSTEM, TEMPLATE, LEARNED = map(ROLES.index, ("prompt", "answer", "system", "template", "end"))


@dataclass(frozen=True)
class Said:
    """What is said beside the sentences of documents: numbers of programs, int32; -1 for nothing.

    system (d,). requests (d, n): what the user says where documents have no prompt. refusals (d, n): what the assistant
    says in place of the document's answer.
    """

    system: I32
    requests: I32
    refusals: I32


@dataclass(frozen=True)
class Framing:
    """Puts documents into the frame of their conversations. asked: whether documents have prompts of their own."""

    programs: ChatPrograms
    asked: bool

    def outline(self, documents: Outline, said: Said) -> Outline:
        """The outline of d conversations, out of that of their d · n documents, in order."""
        d, n = said.requests.shape
        prompts, sentences = self._prompts(documents), np.diff(documents.first)
        begin = documents.first[:-1].reshape(d, n)
        prompts, answers = prompts.reshape(d, n), (sentences - prompts).reshape(d, n)
        draft = _Draft(documents, self.programs)
        if (said.system >= 0).any():
            draft.add_runs()
            draft.add_content(said.system, np.ones(d, np.int64), None, SYSTEM)
        for turn in range(n):
            draft.add_runs()
            own = said.requests[:, turn]
            draft.add_content(own, np.where(own >= 0, 1, prompts[:, turn]), begin[:, turn], PROMPT)
            draft.add_runs()
            own = said.refusals[:, turn]
            first = begin[:, turn] + prompts[:, turn]
            draft.add_content(own, np.where(own >= 0, 1, answers[:, turn]), first, ANSWER, bare_roles=not self.asked)
        draft.add_runs()
        return draft.outline(d)

    def _prompts(self, documents: Outline) -> I64:
        """How many sentences of each document are its prompt, which comes first: int64 (documents,)."""
        counts = np.diff(documents.first)
        if not self.asked:
            return np.zeros_like(counts)
        assert documents.roles is not None, "sources with prompts have roles"
        owner = np.repeat(np.arange(len(documents)), counts)
        within = np.arange(len(documents.programs)) - documents.first[owner]
        others = np.flatnonzero(documents.roles != PROMPT)[::-1]
        first_other = counts.copy()
        first_other[owner[others]] = within[others]  # reversed, so that a document's first one is written last
        return first_other


class _Draft:
    """The stages of conversations, from left to right."""

    def __init__(self, documents: Outline, programs: ChatPrograms) -> None:
        self._documents, self._programs = documents, programs
        self._counts: list[I64 | int] = []
        self._stages: list[tuple[NDArray[Any], ...]] = []  # programs, facts, roles, false
        self._run, self._content = programs.runs, 0

    def add_runs(self) -> None:
        """What the template writes before the next content."""
        runs = self._programs.frame.before[self._content]
        numbers = np.arange(self._run, self._run + len(runs), dtype=np.int32)
        roles = np.array([LEARNED if run.learned else TEMPLATE for run in runs], np.uint8)
        self._run += len(runs)
        self._counts.append(len(runs))
        self._stages.append((numbers, np.zeros(len(runs), np.int32), roles, np.zeros(len(runs), np.uint8)))

    def add_content(self, own: I32, counts: I64, first: I64 | None, role: int, bare_roles: bool = False) -> None:
        """A content of each conversation: the program `own` (d,), or if that is -1 `counts` sentences from `first` on.

        role: of own programs, and of sentences without a role if bare_roles.
        """
        documents, ends = self._documents, offsets_of(counts)
        owner = np.repeat(np.arange(len(counts)), counts)
        at = np.zeros(ends[-1], np.int64) if first is None else np.arange(ends[-1]) - ends[owner] + first[owner]
        theirs = own[owner] >= 0
        if first is not None:
            at[theirs] = first[owner[theirs]].clip(max=max(len(documents.programs) - 1, 0))
        programs = np.where(theirs, own[owner], documents.programs[at])
        roles = np.zeros(len(at), np.uint8) if documents.roles is None else documents.roles[at]
        if bare_roles:
            roles = np.where(roles == 0, role, roles)
        roles = np.where(theirs, role, roles).astype(np.uint8)
        false = np.zeros(len(at), np.uint8) if documents.false is None else documents.false[at]
        if not self._programs.frame.spaced[self._content]:
            programs[ends[:-1]] += self._programs.bare
        self._content += 1
        self._counts.append(counts)
        false = np.where(theirs, 0, false).astype(np.uint8)
        self._stages.append((programs.astype(np.int32), documents.facts[at], roles, false))

    def outline(self, d: int) -> Outline:
        """All stages, conversation by conversation."""
        counts = np.column_stack([np.broadcast_to(np.asarray(count, np.int64), d) for count in self._counts])
        starts = offsets_of(counts.reshape(-1))
        total = int(starts[-1])
        columns: list[NDArray[Any]] = [np.empty(total, kind) for kind in (np.int32, np.int32, np.uint8, np.uint8)]
        begins = starts[:-1].reshape(counts.shape)
        for number, (stage, count) in enumerate(zip(self._stages, self._counts, strict=True)):
            each = counts[:, number]
            ends = offsets_of(each)
            owner = np.repeat(np.arange(d), each)
            within = np.arange(ends[-1]) - ends[owner]
            target = begins[owner, number] + within
            source = within if isinstance(count, int) else slice(None)
            for column, values in zip(columns, stage, strict=True):
                column[target] = values[source]
        first = starts[:: counts.shape[1]] if total else np.zeros(d + 1, np.int64)
        return Outline(
            columns[0], columns[1], np.ascontiguousarray(first), self._documents.rows, columns[2], columns[3]
        )


def closing_role(programs: ChatPrograms) -> int:
    """The role of the end token of a conversation."""
    return number_of("end") if programs.frame.learned_end else number_of("template")
