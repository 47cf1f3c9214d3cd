"""A server on loopback that speaks /v1/chat/completions, and fails as it is told; models that answer it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from typing import Any

from pipeline.wordings.asking.patience import Clock

Body = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """How a request fails. status: with this, `headers` and `body`. cut: the connection is, inside the reply."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    held: bool = False  # no answer until the server ends


@dataclass
class Server:
    """answer: body of a request, its number → the text of the reply, all of the JSON, or how it fails."""

    answer: Callable[[Body, int], str | Body | Fault]
    url: str = ""
    bodies: list[Body] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def distinct(self) -> set[str]:
        """The requests, each once."""
        return {json.dumps(body, sort_keys=True) for body in self.bodies}


@contextmanager
def served(answer: Callable[[Body, int], str | Body | Fault]) -> Iterator[Server]:
    """A server that answers so."""
    server = Server(answer)

    class Handler(BaseHTTPRequestHandler):
        wbufsize = 2**16  # head and body in one packet: else the second waits for what the first is answered with

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with server.lock:
                number = len(server.bodies)
                server.bodies.append(body)
                server.keys.append(self.headers.get("Authorization"))
            said = server.answer(body, number)
            fault = said if isinstance(said, Fault) else Fault(body=json.dumps(_completion(said, body)))
            if self.path != "/v1/chat/completions":
                fault = Fault(404, '{"error": {"message": "nothing is here"}}')
            if fault.held:
                server.ended.wait(20)
            data = fault.body.encode()
            self.send_response(fault.status)
            for name, value in {"Content-Length": str(len(data)), **fault.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if fault.cut else data)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        server.ended.set()
        http.shutdown()
        http.server_close()


def _completion(said: str | Body, body: Body) -> Body:
    if isinstance(said, dict):
        return said
    usage = {"prompt_tokens": len(prompt_of(body).split()), "completion_tokens": len(said.split())}
    return {"choices": [{"message": {"role": "assistant", "content": said}, "finish_reason": "stop"}], "usage": usage}


def prompt_of(body: Body) -> str:
    return str(body["messages"][0]["content"])


class Moments(Clock):
    """A clock that waits in no time. waited: seconds, in order."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        self._now = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def today(self) -> float:
        return 1_000_000.0

    def wait(self, seconds: float, stopped: threading.Event) -> None:
        with self._lock:
            self.waited.append(round(seconds, 6))
            self._now += seconds


# ── a model that writes template lines ──────────────────────────────────────────────────────────────────────────────

_STARTS = ("first", "long ago", "at last", "in due time", "by chance", "one day", "in the end", "on a quiet night")
_VERBS = (
    "came into the world",
    "began life",
    "arrived",
    "drew a first breath",
    "was welcomed",
    "saw daylight",
    "cried",
)
_ENDS = ("near the river of", "in the middle of", "not far from", "in a small house in", "at a hospital in", "inside")


def sentences(slot: str = "birth_city") -> Iterator[str]:
    """Template lines that are right, hundreds of them, all different."""
    for i, (start, verb, end) in enumerate(product(_STARTS, _VERBS, _ENDS)):
        said = '{{ verb("was", "were") }} welcomed' if verb == "was welcomed" else verb
        tail = ("", " as a healthy child", " among happy parents", " to the joy of everybody")[i % 4]
        yield f"{{{{ subject }}}} {said} {start} {end} {{{{ {slot} }}}}{tail}."


# ── a model that writes biographies ─────────────────────────────────────────────────────────────────────────────────


def facts_in(prompt: str) -> tuple[str, str, dict[str, str]]:
    """(name, pronoun, label → value) of a request for a biography."""
    name = re.search(r"full name, (.+), in the first sentence(?:, and the pronoun (\w+))?", prompt)
    assert name
    return name[1], name[2] or "", dict(re.findall(r"^- (.+?): (.+)$", prompt, re.MULTILINE))


def biography(prompt: str) -> str:
    """A biography with all facts of a request, in their order: the name in the middle of it, and at its end."""
    name, pronoun, facts = facts_in(prompt)
    words = name.split()
    listed = list(facts.items())
    said = [f"{words[0]} {words[-1]} cared about the {label} {value}." for label, value in listed[:1]]
    said += [
        f"Later {pronoun or words[0]} had the {label} {value}, and {words[-1]} liked it." for label, value in listed[1:]
    ]
    return " ".join([*said, f"{name}'s friends remembered {name}."])
