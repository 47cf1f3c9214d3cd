"""Google's object store on loopback: as much of its JSON API as gcsfs uses, with its rules.

Objects have generations, MD5 hashes (but for composed ones, whose key ends in `.composed`) and ETags that change with
the generation. Listings come in pages of three. Bytes are given by ranges, and sent whole or in parts, of which no more
than a multiple of 256 KiB is taken; a condition on the generation is kept. What is stored with a content encoding is
unpacked for clients that do not ask for gzip, whatever range they want.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from threading import Lock
from typing import Any

from werkzeug.wrappers import Request, Response

from tests.object_stores import Environment, Server, listening

PAGE = 3
QUANTUM = 2**18
NOW = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass
class Store:
    """The objects of the bucket, by key: what the API says of each, and its bytes."""

    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, tuple[str, bytearray]] = field(default_factory=dict)
    generations: Iterator[int] = field(default_factory=lambda: count(1_700_000_000_000_000))
    lock: Lock = field(default_factory=Lock)

    def put(self, key: str, data: bytes, encoding: str = "") -> dict[str, str]:
        """Make an object; what the API says of it."""
        generation, now = str(next(self.generations)), datetime.now(UTC).strftime(NOW)
        facts = {
            "kind": "storage#object",
            "bucket": "bucket",
            "name": key,
            "size": str(len(data)),
            "generation": generation,
            "metageneration": "1",
            "etag": base64.b64encode(f"generation {generation}".encode()).decode(),
            "timeCreated": now,
            "updated": now,
        }
        if not key.endswith(".composed"):
            facts["md5Hash"] = base64.b64encode(hashlib.md5(data).digest()).decode()
        if encoding:
            facts["contentEncoding"] = encoding
        with self.lock:
            self.facts[key], self.data[key] = facts, data
        return facts

    def answer(self, request: Environment, start: Any) -> Any:
        """The answer to a request (WSGI)."""
        return self._answer(Request(request))(request, start)

    def _answer(self, request: Request) -> Response:
        _, at, path = request.path.partition("/storage/v1/b/")
        bucket, of_objects, key = path.partition("/o")
        if not at or bucket != "bucket":
            return _refused(404, "The specified bucket does not exist.")
        if request.path.startswith("/upload/"):
            return self._sent(request)
        if not of_objects:
            return _json({"kind": "storage#bucket", "name": "bucket"})
        if not key:
            return self._listed(request)
        return self._object(request, key.removeprefix("/"))

    def _listed(self, request: Request) -> Response:
        prefix, after = request.args.get("prefix", ""), request.args.get("pageToken", "")
        delimiter, most = request.args.get("delimiter", ""), min(PAGE, int(request.args.get("maxResults", PAGE)))
        entries: dict[str, dict[str, str] | None] = {}
        with self.lock:
            for key in sorted(self.facts, key=str.encode):
                if key.startswith(prefix):
                    head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
                    entries[prefix + head + cut if cut else key] = None if cut else self.facts[key]
        left = [name for name in entries if name.encode() > after.encode()]
        page: dict[str, Any] = {"kind": "storage#objects"}
        items = [entries[name] for name in left[:most] if entries[name]]
        prefixes = [name for name in left[:most] if not entries[name]]
        page.update({"items": items} if items else {})
        page.update({"prefixes": prefixes} if prefixes else {})
        page.update({"nextPageToken": left[most - 1]} if len(left) > most else {})
        return _json(page)

    def _object(self, request: Request, key: str) -> Response:
        with self.lock:
            facts, data = self.facts.get(key), self.data.get(key, b"")
            if facts is None or request.args.get("generation", facts["generation"]) != facts["generation"]:
                return _refused(404, f"No such object: bucket/{key}")
            if request.method == "DELETE":
                del self.facts[key], self.data[key]
                return Response(status=204)
        if request.args.get("alt") != "media":
            return _json(facts)
        headers = {"Content-Type": "application/octet-stream", "X-Goog-Generation": facts["generation"]}
        if "contentEncoding" in facts:
            if "gzip" not in request.headers.get("Accept-Encoding", ""):
                return Response(gzip.decompress(data), headers=headers)
            headers["Content-Encoding"] = facts["contentEncoding"]
        if request.range is None:
            return Response(data, headers=headers)
        found = request.range.range_for_length(len(data))
        if found is None:
            return _refused(416, "The requested range cannot be satisfied.")
        headers["Content-Range"] = f"bytes {found[0]}-{found[1] - 1}/{len(data)}"
        return Response(data[slice(*found)], 206, headers=headers)

    def _sent(self, request: Request) -> Response:
        body = request.get_data()
        if "upload_id" in request.args:
            return self._sent_on(request, body)
        if request.args["uploadType"] == "multipart":
            _, about, content = body.split(f"--{request.mimetype_params['boundary']}".encode() + b"\n", 2)
            key = json.loads(about.partition(b"\n\n")[2])["name"]
            data = content.partition(b"\n\n")[2].rpartition(b"\n--")[0]
            return self._put_if(request, key, data)
        key = request.args["name"]
        identity = str(next(self.generations))
        self.uploads[identity] = (key, bytearray())
        return Response(headers={"Location": f"{request.url}&upload_id={identity}"})

    def _sent_on(self, request: Request, body: bytes) -> Response:
        """A part of an upload, of which as much is kept as comes to a multiple of the quantum, but for the last one."""
        key, kept = self.uploads[request.args["upload_id"]]
        if request.method == "DELETE":
            return _refused(499, "cancelled")
        span, _, total = request.headers["Content-Range"].removeprefix("bytes ").partition("/")
        first = int(span.partition("-")[0])
        if first != len(kept):
            return _refused(400, "the part is out of place")
        is_last = total != "*" and first + len(body) == int(total)
        kept += body if is_last else body[: len(body) // QUANTUM * QUANTUM]
        if is_last:
            return self._put_if(request, key, bytes(kept))
        return Response(status=308, headers={"Range": f"bytes=0-{len(kept) - 1}"})

    def _put_if(self, request: Request, key: str, data: bytes) -> Response:
        wanted = request.args.get("ifGenerationMatch")
        if wanted is not None and wanted != self.facts.get(key, {"generation": "0"})["generation"]:
            return _refused(412, "At least one of the pre-conditions you specified did not hold.")
        return _json(self.put(key, data))


def _json(value: object) -> Response:
    return Response(json.dumps(value), content_type="application/json; charset=UTF-8")


def _refused(status: int, message: str) -> Response:
    error = {"error": {"code": status, "message": message, "errors": [{"message": message, "reason": "asked"}]}}
    return Response(json.dumps(error), status, content_type="application/json; charset=UTF-8")


def _error(how: str, message: str) -> tuple[str, list[tuple[str, str]], bytes]:
    status = 403 if how == "403" else 500
    refused = _refused(status, message)
    return refused.status, list(refused.headers), refused.get_data()


def _environment(url: str) -> dict[str, str]:
    return {"STORAGE_EMULATOR_HOST": url, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}  # what asks by gRPC


@contextmanager
def served() -> Iterator[Server]:
    """A server with an empty bucket named `bucket`, and the environment in which clients find it."""
    store = Store()
    server = Server("gs", "/download/storage/v1/b/bucket/o/", store.put, _error)
    with listening(server, store.answer, _environment):
        yield server
