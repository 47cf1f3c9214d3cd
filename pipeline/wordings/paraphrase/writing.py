"""Asks for lines until there are enough, and checks them: the same lines from the same replies, however they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.system.caches import say_if_temporary, user_cache
from pipeline.core.system.journal import Journal
from pipeline.wordings.asking.asking import Asking
from pipeline.wordings.asking.request import Reply, Request, Settings
from pipeline.wordings.paraphrase.checking import Checker, Reason
from pipeline.wordings.paraphrase.frame import Frame
from pipeline.wordings.paraphrase.lines import lines_in
from pipeline.wordings.paraphrase.prompt import prompt

TIRED = 25  # requests in a row without one new line, after which the model has no more to say


@dataclass
class Written:
    """What came of it. lines: accepted, with their ends. refused: reason → lines. asked, kept: replies from a server,
    and from the journal. Tokens of all of them."""

    lines: list[str] = field(default_factory=list)
    refused: Counter[Reason] = field(default_factory=Counter)
    asked: int = 0
    kept: int = 0
    tokens_read: int = 0
    tokens_written: int = 0


def requests_of(frame: Frame, checker: Checker, settings: Settings, batch: int) -> Callable[[int], Request]:
    """number → request for that batch of lines: a function of the recipe, the lines there are, and the settings."""
    lines = [frame.asked(line.text) for line in frame.lines]
    return lambda number: Request(prompt(frame, checker, lines, batch, number), settings, number)


def journal_of(request: Callable[[int], Request]) -> Path:
    """The file with the replies to a run: in the user's cache, by the digest of its first request."""
    path = user_cache() / "pretraining-recipes" / "replies" / f"{request(0).digest}.jsonl"
    say_if_temporary(path)
    return path


def write(
    frame: Frame,
    checker: Checker,
    request: Callable[[int], Request],
    count: int,
    batch: int,
    most_requests: int,
    asking: Asking,
    journal: Journal,
    done: Callable[[int], object] = lambda lines: None,
) -> Written:
    """`count` new lines, or as many as `most_requests` of `batch` lines each give, checked in the order of requests.

    done: called with the number of new lines of each reply. EndpointError or RunError where one cannot be answered.
    """
    written = Written()
    without = 0

    def ahead() -> int:
        """How many requests may be on their way: no more than would do if each line that is asked for were good."""
        return min(2 * asking.streams, -(-(count - len(written.lines)) // batch))

    for reply, is_kept in _replies(request, most_requests, asking, journal, ahead):
        written.kept, written.asked = written.kept + is_kept, written.asked + (not is_kept)
        written.tokens_read += reply.tokens_read
        written.tokens_written += reply.tokens_written
        before = len(written.lines)
        for line in lines_in(reply):
            asked = frame.asked(line)
            reason = checker.refused(asked)
            if reason:
                written.refused[reason] += 1
            else:
                written.lines.append(asked + frame.end)
                if len(written.lines) == count:
                    break
        new = len(written.lines) - before
        done(new)
        without = 0 if new else without + 1
        if len(written.lines) == count or without == TIRED:
            break
    return written


def _replies(
    request: Callable[[int], Request], most: int, asking: Asking, journal: Journal, ahead: Callable[[], int]
) -> Iterator[tuple[Reply, bool]]:
    """(reply, whether it was kept) for the requests 0 … most - 1, in order."""
    known = {entry["request"]: reply for entry in journal.entries() if (reply := _kept(entry)) is not None}
    waiting: dict[int, Reply] = {}
    sent = 0
    for number in range(most):
        reply = known.get(request(number).digest)
        if reply is not None:
            yield reply, True
            continue
        while number not in waiting:
            sent = max(sent, number)
            while sent < most and (sent == number or asking.waiting < ahead()):
                if (later := request(sent)).digest not in known:
                    asking.submit(later)
                sent += 1
            answer = asking.next()
            got = answer.reply
            journal.append({
                "request": answer.request.digest,
                "text": got.text,
                "cut": got.cut,
                "tokens": [got.tokens_read, got.tokens_written],
            })  # fmt: skip
            waiting[answer.request.number] = got
        yield waiting.pop(number), False


def _kept(entry: dict[str, object]) -> Reply | None:
    """The reply in an entry of a journal; None where it is none."""
    match entry:
        case {"request": str(), "text": str(text), "cut": bool(cut), "tokens": [int(read), int(written)]}:
            return Reply(text, cut, read, written)
    return None
