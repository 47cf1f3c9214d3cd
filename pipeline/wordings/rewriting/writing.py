"""Asks for biographies until each individual has its generations, and writes the file.

    journal   {"individual": 17, "generation": 3, "text": "…", …}      a line for each reply, in the order they come
    file      rows in the order of individuals and generations         when nothing is missing; then the journal goes

A refused reply is asked for again, with another number. Whatever was answered is never asked again: a second run reads
the journal first. If the file holds fewer generations, or fewer people, what it holds is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.core.errors import SpecError, StorageError
from pipeline.core.system.journal import Journal, entry_at
from pipeline.core.system.open_files import opened
from pipeline.sources.rewritten.checking import Reason, is_named, refused, tidied
from pipeline.sources.rewritten.facts import Facts, facts_of
from pipeline.sources.rewritten.naming import named
from pipeline.sources.rewritten.places import missing
from pipeline.sources.rewritten.progress import Replies, is_accepted, replies_in
from pipeline.sources.rewritten.request import requests_of
from pipeline.sources.rewritten.stored import Row, Stored, rows_of, write
from pipeline.wordings.asking.asking import Answer, Asking
from pipeline.wordings.asking.request import Request, Settings
from pipeline.wordings.rewriting.job import Job

TOGETHER = 256  # individuals whose requests are made at once
MOST_ATTEMPTS = 10_000  # numbers of a request's attempts


@dataclass
class Rewritten:
    """What came of a run. accepted: biographies. refused: reason → replies. asked: requests. missing: of the file.
    given_up: biographies refused as often as allowed."""

    accepted: int = 0
    refused: Counter[Reason] = field(default_factory=Counter)
    asked: int = 0
    tokens_read: int = 0
    tokens_written: int = 0
    missing: int = 0
    given_up: int = 0


@dataclass(frozen=True)
class _Wanted:
    """A biography that is being asked for."""

    facts: Facts
    individual: int
    generation: int
    attempt: int
    prompt: str
    words: int

    def request(self, settings: Settings) -> Request:
        return Request(self.prompt, settings, self.generation * MOST_ATTEMPTS + self.attempt)


def rewrite(
    job: Job,
    settings: Settings,
    asking: Asking,
    *,
    day: str,
    limit: int | None = None,
    attempts: int = 10,
    done: Callable[[int], object] = lambda biographies: None,
) -> Rewritten:
    """Ask for what is missing, at most `limit` requests, and write the file once nothing is. day: for the authors.

    attempts: requests for a biography before it is given up. done: called with 1 for each accepted biography.
    EndpointError or RunError where a request cannot be answered, StorageError where a file cannot be written.
    """
    run = Rewritten()
    with Journal(job.journal) as journal:
        _keep_rows(job, journal)
        journal.append({"streams": asking.streams})
        replies = replies_in(job.journal, job.digest, job.people, job.spec.generations)
        author = f"{settings.model}: {settings.described()}; {day}"
        _ask(job, settings, asking, journal, replies, run, author, limit, attempts, done)
        run.missing = replies.left - run.accepted
        if run.missing:
            after = replies_in(job.journal, job.digest, job.people, job.spec.generations)
            run.given_up = int(((after.offsets < 0) & (after.attempts >= attempts)).sum())
        if not run.missing:
            _write_file(job)
            job.journal.unlink()
    return run


def first_request(job: Job) -> str:
    """The first request for what is missing; "" if nothing is."""
    replies = replies_in(job.journal, job.digest, job.people, job.spec.generations)
    return next((one.prompt for one in _wanted(job, replies, MOST_ATTEMPTS)), "")


def _ask(
    job: Job,
    settings: Settings,
    asking: Asking,
    journal: Journal,
    replies: Replies,
    run: Rewritten,
    author: str,
    limit: int | None,
    attempts: int,
    done: Callable[[int], object],
) -> None:
    wanted = _wanted(job, replies, attempts)
    pending: dict[str, _Wanted] = {}
    sent = 0

    def send(one: _Wanted) -> None:
        nonlocal sent
        sent += 1
        request = one.request(settings)
        pending[request.digest] = one
        asking.submit(request)

    exhausted = False
    while True:
        while not exhausted and asking.room and (limit is None or sent < limit):
            one = next(wanted, None)
            exhausted = one is None
            if one is not None:
                send(one)
        if asking.idle:
            return
        answer = asking.next()
        one = pending.pop(answer.request.digest)
        again = _taken(job, one, answer, journal, run, author, done)
        if again and one.attempt + 1 < attempts and (limit is None or sent < limit):
            send(_Wanted(one.facts, one.individual, one.generation, one.attempt + 1, one.prompt, one.words))


def _taken(
    job: Job,
    one: _Wanted,
    answer: Answer,
    journal: Journal,
    run: Rewritten,
    author: str,
    done: Callable[[int], object],
) -> bool:
    """Write a reply into the journal. Returns whether it is refused."""
    text = tidied(answer.reply.text)
    reason = Reason.CUT if answer.reply.cut else refused(text, one.facts, one.words)
    entry = _entry(job, one.individual, one.generation, [answer.reply.tokens_read, answer.reply.tokens_written])
    outcome = {"refused": reason.name} if reason else {"text": text, "author": author}
    journal.append(entry | {"request": answer.request.digest, "seconds": round(answer.seconds, 3) + 0.0} | outcome)
    run.asked += 1
    run.tokens_read += answer.reply.tokens_read
    run.tokens_written += answer.reply.tokens_written
    if reason:
        run.refused[reason] += 1
        return True
    run.accepted += 1
    done(1)
    return False


def _entry(job: Job, individual: int, generation: int, tokens: list[int]) -> dict[str, object]:
    return {"job": job.digest, "individual": individual, "generation": generation, "tokens": tokens, "seconds": 0.0}


def _wanted(job: Job, replies: Replies, attempts: int) -> Iterator[_Wanted]:
    """The biographies without an accepted reply, and with attempts left, individual by individual."""
    words = (job.spec.words[0], job.spec.words[1])
    for first in range(0, len(job.people), TOGETHER):
        block = slice(first, first + TOGETHER)
        open_ = (replies.offsets[block] < 0) & (replies.attempts[block] < attempts)
        if not open_.any():
            continue
        individuals = np.arange(job.people.start + first, job.people.start + first + len(open_), dtype=np.int64)
        facts = facts_of(job.world, individuals, job.attributes)
        prompts = {
            generation: requests_of(facts, individuals, generation, words)
            for generation in np.flatnonzero(open_.any(axis=0)).tolist()
        }
        for row, generation in np.argwhere(open_).tolist():
            attempt = int(replies.attempts[first + row, generation])
            yield _Wanted(facts[row], int(individuals[row]), generation, attempt, prompts[generation][row], words[1])


def _keep_rows(job: Job, journal: Journal) -> None:
    """Write the rows of a file that is there, with fewer people or generations, into its journal, once."""
    if job.stored is None or not job.left:
        return
    replies = replies_in(job.journal, job.digest, job.people, job.spec.generations)
    for row in rows_of(job.path):
        inside = row.individual in job.people and 0 <= row.generation < job.spec.generations
        if inside and replies.offsets[row.individual - job.people.start, row.generation] < 0:
            kept = {"text": row.as_written, "author": row.author, "asked": False}
            journal.append(_entry(job, row.individual, row.generation, [0, 0]) | kept)


def _write_file(job: Job) -> None:
    """The file, from its journal. StorageError where it cannot be written, SpecError for a text of another world."""
    replies = replies_in(job.journal, job.digest, job.people, job.spec.generations)
    authors = Counter(entry["author"] for _, entry in _accepted(job, replies))
    lines = tuple(f"{count:,} biographies written by {author}" for author, count in sorted(authors.items()))
    stored = Stored(job.people.start, len(job.people), job.spec.generations, lines, job.digest)
    try:
        write(job.path, stored, _rows(job, replies))
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror or error}", "Free some space.", str(job.path)) from None


def _rows(job: Job, replies: Replies) -> Iterator[Row]:
    """The rows of the file, each checked against the facts of its individual. SpecError for one that is not true."""
    for first in range(0, len(job.people), TOGETHER):
        offsets = replies.offsets[first : first + TOGETHER]
        individuals = np.arange(len(offsets), dtype=np.int64) + job.people.start + first
        facts = facts_of(job.world, individuals, job.attributes)
        for (row, generation), entry in _accepted(job, replies, first):
            text, of = entry["text"], facts[row]
            if not is_named(text, of) or missing(text, of):
                problem = f"the text about {of.name} does not state its values: it is of another world"
                raise SpecError(problem, "Name another file.", ("file",))
            once, everywhere = (named(text, of, mode) if of.pronoun else text for mode in ("first", "all"))
            yield Row(int(individuals[row]), generation, text, once, everywhere, entry["author"])


def _accepted(job: Job, replies: Replies, first: int | None = None) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """((row, generation), entry) of the accepted biographies, in order: of TOGETHER individuals from `first` on, whose
    rows are counted from there; of all for None."""
    block = slice(None) if first is None else slice(first, first + TOGETHER)
    with opened(job.journal) as file:
        for (row, generation), at in np.ndenumerate(replies.offsets[block]):
            entry = entry_at(file, int(at))
            if not is_accepted(entry):
                raise StorageError("was changed meanwhile", "Run the same command.", str(job.journal))
            yield (row, generation), entry
