"""Many requests at once, to many servers.

Each server has some threads, its streams. All take requests from one queue, so a fast server answers more of them. A
request that fails goes back into the queue, for whichever server is next; the server that failed rests, all its streams
together: longer from failure to failure, or as long as it asks. The threads are daemons, so a stopped command need not
wait for replies that are on their way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Lock, Thread
from types import TracebackType

from pipeline.core.errors import EndpointError, PipelineError, RunError
from pipeline.wordings.asking.endpoint import Endpoint, Failure
from pipeline.wordings.asking.patience import Clock, Patience
from pipeline.wordings.asking.request import Reply, Request

TAKE = 0.2  # seconds after which a thread without work looks whether it should end


@dataclass
class _Job:
    request: Request
    failures: int = 0


@dataclass
class Answer:
    """A reply to a request, and the seconds that it took."""

    request: Request
    reply: Reply
    seconds: float


class Asking:
    """Threads that ask, as a context manager. streams: of all servers. waiting: answers that are to come."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        streams: int,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        """streams: requests on their way to each server at a time."""
        self._patience, self._clock = patience or Patience(), clock or Clock()
        self._jobs: Queue[_Job] = Queue()
        self._answers: Queue[Answer | BaseException] = Queue()
        self._stopped = Event()
        self._error: BaseException | None = None
        self._busy = 0  # requests on their way
        self._lock = Lock()
        self.waiting = 0
        self.streams = streams * len(endpoints)
        servers = [_Server(endpoint) for endpoint in endpoints]
        self._threads = [Thread(target=self._work, args=(one,), daemon=True) for one in servers for _ in range(streams)]

    def __enter__(self) -> Asking:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()

    @property
    def idle(self) -> bool:
        """Whether no answer is to come."""
        return not self.waiting

    @property
    def room(self) -> bool:
        """Whether a thread may soon be without work."""
        return self.waiting < 2 * self.streams

    def submit(self, request: Request) -> None:
        """Send a request, as soon as a thread has time."""
        self.waiting += 1
        self._jobs.put(_Job(request))

    def next(self) -> Answer:
        """The next answer, whichever it is. EndpointError or RunError where a request cannot be answered, and all that
        were on their way then have been returned."""
        while True:
            if self._error and not self._busy and self._answers.empty():
                raise self._error
            try:
                answer = self._answers.get(timeout=TAKE if self._error else None)
            except Empty:
                continue
            if isinstance(answer, Answer):
                self.waiting -= 1
                return answer
            self._error = self._error or answer

    def _work(self, server: _Server) -> None:
        """What a thread does, until it is stopped."""
        while not self._stopped.is_set():
            if (left := server.until - self._clock.now()) > 0:
                self._clock.wait(left, self._stopped)
                continue
            try:
                job = self._jobs.get(timeout=TAKE)
            except Empty:
                continue
            self._count(1)
            try:
                self._ask(server, job)
            finally:
                self._count(-1)

    def _ask(self, server: _Server, job: _Job) -> None:
        round_, began = server.round, self._clock.now()
        try:
            reply = server.endpoint.reply(job.request)
        except Failure as failure:
            self._failed(server, job, failure, round_)
        except BaseException as error:  # for the main thread, which waits for it
            self._give_up(error)
        else:
            server.failures = 0
            self._answers.put(Answer(job.request, reply, self._clock.now() - began))

    def _give_up(self, error: BaseException) -> None:
        """End with this error, once what is on its way is there."""
        self._stopped.set()
        self._answers.put(error)

    def _count(self, more: int) -> None:
        with self._lock:
            self._busy += more

    def _failed(self, server: _Server, job: _Job, failure: Failure, round_: int) -> None:
        """Let the server rest, and send the request again; or give up."""
        job.failures += 1
        if failure.unreachable and not server.endpoint.answered:
            remedy = "Is the server running? Its URL usually ends in /v1."
            self._give_up(EndpointError(failure.problem, remedy, server.endpoint.url))
        elif job.failures > self._patience.retries:
            self._give_up(_given_up(server.endpoint.url, failure.problem, job.failures))
        else:
            server.rest(round_, failure.asked, self._patience, self._clock)
            self._jobs.put(job)


class _Server:
    """A server and its rests. round: how often it has rested; requests of an earlier round fail for the same reason."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.until = float("-inf")
        self.failures = self.round = 0
        self._lock = Lock()

    def rest(self, round_: int, asked: float | None, patience: Patience, clock: Clock) -> None:
        with self._lock:
            if round_ == self.round:
                self.failures, self.round = self.failures + 1, self.round + 1
            if round_ == self.round - 1 or asked:
                self.until = max(self.until, clock.now() + patience.seconds(max(self.failures, 1), asked))


def _given_up(url: str, problem: str, times: int) -> PipelineError:
    remedy = "What was answered is kept: run the same command to go on."
    return RunError(f"{problem}; this was asked {times} times", remedy, url)
