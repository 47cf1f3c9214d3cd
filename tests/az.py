"""Azure's object store on loopback: as much of its Blob API as adlfs uses, with its rules.

ETags change with every write, whatever is written; in the headers of an answer they stand in quotes, in listings not.
Listings come in pages of three. Bytes are given by ranges, and sent whole or in blocks that a list puts together; the
condition that there is no such blob yet is kept.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from threading import Lock
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from werkzeug.wrappers import Request, Response

from tests.object_stores import Environment, Server, listening

PAGE = 3
ACCOUNT, KEY = "devstoreaccount1", base64.b64encode(b"the key of nobody").decode()
TIME = "%a, %d %b %Y %H:%M:%S GMT"
ABOUT = {  # headers of a blob that a listing has too
    "Last-Modified": "Last-Modified",
    "Content-Type": "Content-Type",
    "Content-Encoding": "Content-Encoding",
    "Content-MD5": "Content-MD5",
    "x-ms-blob-type": "BlobType",
    "x-ms-creation-time": "Creation-Time",
}


@dataclass
class Store:
    """The blobs of the container, by key: their headers, and their bytes."""

    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)
    blocks: dict[tuple[str, str], bytes] = field(default_factory=dict)
    versions: Iterator[int] = field(default_factory=lambda: count(0x8D0000000000000))
    lock: Lock = field(default_factory=Lock)

    def put(self, key: str, data: bytes, encoding: str = "") -> dict[str, str]:
        """Make a blob; its headers."""
        now = datetime.now(UTC).strftime(TIME)
        headers = {
            "ETag": f'"0x{next(self.versions):X}"',
            "Last-Modified": now,
            "x-ms-creation-time": now,
            "Content-Type": "application/octet-stream",
            "Content-MD5": base64.b64encode(hashlib.md5(data).digest()).decode(),
            "x-ms-blob-type": "BlockBlob",
            **({"Content-Encoding": encoding} if encoding else {}),
        }
        with self.lock:
            self.headers[key], self.data[key] = headers, data
        return headers

    def answer(self, request: Environment, start: Any) -> Any:
        """The answer to a request (WSGI)."""
        return self._answer(Request(request))(request, start)

    def _answer(self, request: Request) -> Response:
        bucket, _, key = request.path.removeprefix(f"/{ACCOUNT}/").partition("/")
        if bucket != "bucket":
            return _refused(404, "ContainerNotFound", "The specified container does not exist.")
        if request.args.get("comp") == "list":
            return self._listed(request)
        if not key:
            return Response(headers={"ETag": '"0x1"', "Last-Modified": datetime.now(UTC).strftime(TIME)})
        if request.method == "PUT":
            return self._sent(request, key)
        return self._blob(request, key)

    def _listed(self, request: Request) -> Response:
        prefix, after = request.args.get("prefix", ""), request.args.get("marker", "")
        delimiter, most = request.args.get("delimiter", ""), min(PAGE, int(request.args.get("maxresults", PAGE)))
        entries: dict[str, str] = {}
        with self.lock:
            for key in sorted(self.data, key=str.encode):
                if key.startswith(prefix):
                    head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
                    name = prefix + head + cut if cut else key
                    shown = f"<Name>{escape(name)}</Name>"
                    of_folder = f"<BlobPrefix>{shown}</BlobPrefix>"
                    entries[name] = of_folder if cut else f"<Blob>{shown}{self._properties(key)}</Blob>"
        left = [name for name in entries if name.encode() > after.encode()]
        following = escape(left[most - 1]) if len(left) > most else ""
        listing = "".join(entries[name] for name in left[:most])
        return _xml(
            f'<EnumerationResults ServiceEndpoint="x" ContainerName="bucket"><Prefix>{escape(prefix)}</Prefix>'
            f"<Blobs>{listing}</Blobs><NextMarker>{following}</NextMarker></EnumerationResults>"
        )

    def _properties(self, key: str) -> str:
        headers = self.headers[key]
        said = {listed: headers[name] for name, listed in ABOUT.items() if name in headers}
        said |= {"Etag": headers["ETag"].strip('"'), "Content-Length": str(len(self.data[key]))}
        return f"<Properties>{''.join(f'<{name}>{value}</{name}>' for name, value in said.items())}</Properties>"

    def _blob(self, request: Request, key: str) -> Response:
        with self.lock:
            headers, data = self.headers.get(key), self.data.get(key, b"")
            if headers is None:
                return _refused(404, "BlobNotFound", "The specified blob does not exist.", request)
            if request.method == "DELETE":
                del self.headers[key], self.data[key]
                return Response(status=202)
        if request.headers.get("If-Match", headers["ETag"]) != headers["ETag"]:
            return _refused(412, "ConditionNotMet", "The condition was not met.", request)
        if request.method == "HEAD":
            return Response(headers={**headers, "Content-Length": str(len(data))})
        wanted = request.headers.get("x-ms-range") or request.headers.get("Range")
        if wanted is None:
            return Response(data, headers=headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        span = (int(first), min(int(last or len(data) - 1), len(data) - 1))
        if span[0] >= len(data):
            return _refused(416, "InvalidRange", "The range is invalid for the current size of the resource.")
        ranged = {**headers, "Content-Range": f"bytes {span[0]}-{span[1]}/{len(data)}"}
        ranged["x-ms-blob-content-md5"] = ranged.pop("Content-MD5")
        return Response(data[span[0] : span[1] + 1], 206, headers=ranged)

    def _sent(self, request: Request, key: str) -> Response:
        body, part = request.get_data(), request.args.get("comp")
        if part == "block":
            self.blocks[key, request.args["blockid"]] = body
            return Response(status=201)
        if request.headers.get("If-None-Match") == "*" and key in self.data:
            return _refused(409, "BlobAlreadyExists", "The specified blob already exists.")
        if part == "blocklist":
            names = [str(block.text) for block in ElementTree.fromstring(body)]
            body = b"".join(self.blocks.pop((key, name)) for name in names)
        return Response(status=201, headers=self.put(key, body))


def _xml(text: str) -> Response:
    return Response(f'<?xml version="1.0" encoding="utf-8"?>{text}', content_type="application/xml")


def _refused(status: int, code: str, message: str, request: Request | None = None) -> Response:
    body = "" if request is not None and request.method == "HEAD" else _text(code, message)
    return Response(body, status, {"x-ms-error-code": code}, content_type="application/xml")


def _text(code: str, message: str) -> str:
    shown = escape(f"{message}\nRequestId:0\nTime:{datetime.now(UTC)}")
    return f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{shown}</Message></Error>'


def _error(how: str, message: str) -> tuple[str, list[tuple[str, str]], bytes]:
    status, code = (403, "AuthorizationPermissionMismatch") if how == "403" else (500, "InternalError")
    refused = _refused(status, code, message)
    return refused.status, list(refused.headers), refused.get_data()


def _environment(url: str) -> dict[str, str]:
    endpoint = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={url}/{ACCOUNT}"
    return {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;{endpoint}"}


@contextmanager
def served() -> Iterator[Server]:
    """A server with an empty container named `bucket`, and the environment in which clients find it."""
    store = Store()
    with listening(Server("az", f"/{ACCOUNT}/bucket/", store.put, _error), store.answer, _environment) as server:
        yield server
