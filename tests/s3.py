"""A real S3 server on loopback, which fails when it is told to."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Environment = dict[str, Any]


@dataclass
class Server:
    """`url` of the server. fail(request) says how a request is to fail, if at all: "500", "403" or "hang"."""

    url: str = ""
    fail: Callable[[Environment], str] = lambda request: ""
    requests: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    message: str = "as the test has asked"

    def failing(self, method: str, part: str, how: str, times: int = 10**9) -> None:
        """The first `times` requests of a method, with `part` in their path, fail."""
        left = iter(range(times))

        def fail(request: Environment) -> str:
            mine = request["REQUEST_METHOD"] == method and part in request["PATH_INFO"]
            return how if mine and next(left, None) is not None else ""

        self.fail = fail

    def answer(self, app: Any, request: Environment, start: Callable[..., Any]) -> Iterable[bytes]:
        """A request passed on to the server, or failed."""
        name = f"{request['REQUEST_METHOD']} {request['PATH_INFO']}"
        self.requests.append(name)
        how = self.fail(request)
        if not how:
            return app(request, start)
        self.failed.append(name)
        request["wsgi.input"].read(int(request.get("CONTENT_LENGTH") or 0))
        if how == "hang":
            self.ended.wait()
        status, code = ("403 Forbidden", "AccessDenied") if how == "403" else ("500 Internal Error", "InternalError")
        start(status, [("Content-Type", "application/xml")])
        return [f"<Error><Code>{code}</Code><Message>{escape(self.message)}</Message></Error>".encode()]


@contextmanager
def served() -> Iterator[Server]:
    """An S3 server with an empty bucket named `bucket`, and the environment in which clients find it."""
    import boto3

    app = DomainDispatcherApplication(create_backend_app)
    server = Server()
    http = make_server("127.0.0.1", 0, lambda request, start: server.answer(app, request, start), threaded=True)
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    environment = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        boto3.client("s3").create_bucket(Bucket="bucket")
        yield server
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        server.ended.set()
        http.shutdown()
        thread.join()
        http.server_close()
