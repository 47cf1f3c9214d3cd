"""What the object stores on loopback share: a server that fails when it is told to, and how its clients find it.

tests/s3.py, tests/gs.py and tests/az.py are the stores. The first is moto; the others are as much of Google's JSON API
and of Azure's Blob API as their clients use, and run where gcsfs or adlfs is installed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pipeline.core.system import stores

if TYPE_CHECKING:
    import pytest

Environment = dict[str, Any]
App = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]

CLIENTS = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}
PROTOCOLS = [protocol for protocol, client in CLIENTS.items() if find_spec(client)]
"""The stores whose clients are installed."""


@dataclass
class Server:
    """A server with a bucket named `bucket`. error: status, headers and body of a failure, by how and the message.

    bytes_at: the path of what gives the bytes of an object, before its key. put(key, data) makes an object without the
    store's client; put(key, data, encoding) one with a content encoding. fail(request) says how a request is to fail,
    if at all: "500", "403" or "hang".
    """

    protocol: str
    bytes_at: str
    put: Callable[..., object]
    error: Callable[[str, str], tuple[str, list[tuple[str, str]], bytes]]
    url: str = ""
    fail: Callable[[Environment], str] = lambda request: ""
    requests: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    message: str = "as the test has asked"

    def at(self, key: str) -> str:
        """The URL of an object, or of a prefix."""
        return f"{self.protocol}://bucket/{key}"

    def send(self, path: Path, key: str) -> str:
        """Make an object of a file, or objects of those of a folder, without the state of builds; its URL."""
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.is_file() and ".pipeline" not in file.parts:
                below = key if file == path else f"{key}/{file.relative_to(path).as_posix()}"
                self.put(below, file.read_bytes())
        return self.at(key)

    def gets(self, key: str) -> int:
        """How often the bytes of an object were asked for."""
        return self.requests.count(f"GET {self.bytes_at}{key}")

    def failing(self, methods: str, part: str, how: str, times: int = 10**9) -> None:
        """The first `times` requests of some methods ("PUT POST"), with `part` in their path, fail.

        Of a POST, the part may be in the head of its body instead.
        """
        left = iter(range(times))

        def fail(request: Environment) -> str:
            where = request["PATH_INFO"]
            if request["REQUEST_METHOD"] == "POST":
                body = request["wsgi.input"].read(int(request.get("CONTENT_LENGTH") or 0))
                request["wsgi.input"] = BytesIO(body)
                where += body[:1000].decode(errors="replace")
            mine = request["REQUEST_METHOD"] in methods.split() and part in where
            return how if mine and next(left, None) is not None else ""

        self.fail = fail

    def answer(self, app: App, request: Environment, start: Callable[..., Any]) -> Iterable[bytes]:
        """A request passed on to the store, or failed."""
        name = f"{request['REQUEST_METHOD']} {request['PATH_INFO']}"
        self.requests.append(name)
        how = self.fail(request)
        if not how:
            return app(request, start)
        self.failed.append(name)
        request["wsgi.input"].read(int(request.get("CONTENT_LENGTH") or 0))
        if how == "hang":
            self.ended.wait()
        status, headers, body = self.error(how, self.message)
        start(status, headers)
        return [body]


@contextmanager
def listening(server: Server, app: App, environment: Callable[[str], Mapping[str, str]]) -> Iterator[Server]:
    """The server while it answers. environment: what its clients read to find it, by its URL."""
    from werkzeug.serving import make_server  # here: other environments, such as that of torch, have no moto

    http = make_server("127.0.0.1", 0, lambda request, start: server.answer(app, request, start), threaded=True)
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    variables = environment(server.url)
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield server
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        server.ended.set()
        http.shutdown()
        thread.join()
        http.server_close()


def served(protocol: str) -> AbstractContextManager[Server]:
    """The server of a protocol, with an empty bucket."""
    made: AbstractContextManager[Server] = import_module(f"tests.{protocol}").served()
    return made


@contextmanager
def forgotten(protocol: str) -> Iterator[None]:
    """Has the store's client remember nothing of other servers, before and after the block."""
    import fsspec

    client = fsspec.get_filesystem_class(protocol)
    client.clear_instance_cache()
    try:
        yield
    finally:
        client.clear_instance_cache()


def lose_patience(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a store's client wait a second for an answer, and ask again at once, a time or two."""
    import fsspec

    async def at_once(_: float) -> None:
        pass

    if protocol == "s3":
        options: dict[str, Any] = {"connect_timeout": 1, "read_timeout": 1, "retries": {"max_attempts": 2}}
        monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": options})
    if protocol == "gs":
        monkeypatch.setattr(stores, "SILENCE", 1.0)
        monkeypatch.setattr("gcsfs.retry.asyncio", SimpleNamespace(sleep=at_once))
    if protocol == "az":
        retry = "azure.storage.blob._shared.policies_async.ExponentialRetry"
        monkeypatch.setattr(f"{retry}.get_backoff_time", lambda policy, settings: 0)
        monkeypatch.setitem(fsspec.config.conf, "az", {"read_timeout": 1, "connection_timeout": 1})


def give_up_soon(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a client that asks again itself, above the retries of `lose_patience`, do so once."""
    if protocol == "s3":
        monkeypatch.setattr("s3fs.S3FileSystem.retries", 2)
