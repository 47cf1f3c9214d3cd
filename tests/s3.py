"""A real S3 server on loopback, which fails when it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from xml.sax.saxutils import escape

from moto.server import DomainDispatcherApplication, create_backend_app

from tests.object_stores import Server, listening


def _put(key: str, data: bytes, encoding: str = "") -> None:
    import boto3

    more = {"ContentEncoding": encoding} if encoding else {}
    boto3.client("s3").put_object(Bucket="bucket", Key=key, Body=data, **more)


def _error(how: str, message: str) -> tuple[str, list[tuple[str, str]], bytes]:
    status, code = ("403 Forbidden", "AccessDenied") if how == "403" else ("500 Internal Error", "InternalError")
    body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()
    return status, [("Content-Type", "application/xml")], body


def _environment(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@contextmanager
def served() -> Iterator[Server]:
    """An S3 server with an empty bucket named `bucket`, and the environment in which clients find it."""
    import boto3

    app = DomainDispatcherApplication(create_backend_app)
    with listening(Server("s3", "/bucket/", _put, _error), app, _environment) as server:
        boto3.client("s3").create_bucket(Bucket="bucket")
        yield server
