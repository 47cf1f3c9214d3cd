"""A server on 127.0.0.1 that speaks the Hugging Face Hub's API as `huggingface_hub` and `datasets` use it.

It knows repositories of datasets, branches, commits, trees in pages, large files by LFS "basic", and no Xet; all of it
in memory. What it is sent is checked: hashes, sizes, parents of commits, large files that never came. Every request is
kept in `requests`, and `fail` makes some of them go wrong.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import yaml

LICENCES = {"mit", "apache-2.0", "cc-by-4.0", "other"}
GITATTRIBUTES = b"*.arrow filter=lfs diff=lfs merge=lfs -text\n"
DROP = 0  # instead of a status: the connection is closed without an answer


@dataclass(frozen=True)
class Blob:
    """A file of a commit. lfs: the SHA-256 of a large one, "" for one that is in git itself."""

    data: bytes
    lfs: str = ""

    @property
    def id(self) -> str:
        """Git's hash, for a large file that of the pointer."""
        data = self.pointer if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    @property
    def pointer(self) -> bytes:
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.lfs}\nsize {len(self.data)}\n".encode()


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str
    title: str
    files: Mapping[str, Blob]


@dataclass
class Repo:
    """A repository: its branches are names of commits."""

    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, title: str, files: Mapping[str, Blob]) -> Commit:
        parent = self.branches.get(branch, "")
        tree = "".join(f"{path} {blob.id}\n" for path, blob in sorted(files.items()))
        oid = hashlib.sha1(f"{parent}\n{title}\n{tree}".encode()).hexdigest()
        self.commits[oid] = Commit(oid, parent, title, dict(files))
        self.branches[branch] = oid
        return self.commits[oid]

    def at(self, revision: str) -> Commit | None:
        return self.commits.get(self.branches.get(revision, revision))

    def history(self, revision: str) -> list[Commit]:
        """From the newest to the first."""
        found = [commit] if (commit := self.at(revision)) else []
        while found and found[-1].parent:
            found.append(self.commits[found[-1].parent])
        return found


@dataclass(frozen=True)
class Request:
    """What came. sent: bytes of its body that were read."""

    method: str
    path: str
    status: int
    sent: int
    token: str


@dataclass
class Fault:
    """Requests that go wrong: `times` of them, after the first `after`."""

    pattern: str
    status: int
    after: int
    times: int
    action: Callable[[], object] | None = None


class Refused(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, message: str, code: str = "", **body: Any) -> None:
        self.status, self.code, self.body = status, code, {"error": message, **body}


class Hub:
    """The server's state, and what a test asks of it. page: entries of a tree in one answer."""

    def __init__(self, token: str = "hf_writer", page: int = 4) -> None:
        self.token, self.page = token, page
        self.reader, self.transfer = "hf_reader", "basic"
        self.repos: dict[str, Repo] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.lock = Lock()
        self.url = ""

    def fail(self, pattern: str, status: int, *, after: int = 0, times: int = 1) -> None:
        """Requests whose "METHOD path" matches are answered by `status`, or dropped."""
        self.faults.append(Fault(pattern, status, after, times))

    def meanwhile(self, pattern: str, action: Callable[[], object]) -> None:
        """Something that happens just before the first such request."""
        self.faults.append(Fault(pattern, 200, 0, 1, action))

    def fault(self, request: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if re.search(fault.pattern, request):
                    fault.after -= 1
                    if fault.after < 0 <= fault.times - 1:
                        fault.times -= 1
                        return fault
        return None

    def asked(self, pattern: str, since: int = 0) -> list[Request]:
        """The requests whose "METHOD path" matches."""
        return [one for one in self.requests[since:] if re.search(pattern, f"{one.method} {one.path}")]

    def files(self, repo: str, revision: str = "main") -> dict[str, bytes]:
        """What a branch holds, without what every repository begins with."""
        commit = self.repos[repo].at(revision)
        assert commit
        return {path: blob.data for path, blob in commit.files.items() if path != ".gitattributes"}

    def titles(self, repo: str, revision: str = "main") -> list[str]:
        """Of the commits that were made, oldest first."""
        return [commit.title for commit in reversed(self.repos[repo].history(revision))][1:]

    def create(self, repo: str, private: bool = True) -> Repo:
        self.repos[repo] = Repo(private)
        self.repos[repo].commit("main", "initial commit", {".gitattributes": Blob(GITATTRIBUTES)})
        return self.repos[repo]

    def put(self, repo: str, files: Mapping[str, bytes], branch: str = "main") -> None:
        """A commit by somebody else."""
        commit = self.repos[repo].at(branch)
        assert commit
        blobs = {path: self.blob(path, data) for path, data in files.items()}
        self.repos[repo].commit(branch, "by hand", {**commit.files, **blobs})

    def blob(self, path: str, data: bytes) -> Blob:
        return Blob(data, hashlib.sha256(data).hexdigest() if self.is_large(path, len(data)) else "")

    def is_large(self, path: str, size: int) -> bool:
        return path.endswith(".arrow") or size > 10_000_000


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub, answering on a port of this machine."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that goes away is none."""

    with Server(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub})) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


REPO = r"(?P<repo>[^/]+/[^/]+)"
ROUTES: list[tuple[str, str, str]] = [  # method, path, the handler's method
    ("GET", "/api/whoami-v2", "whoami"),
    ("POST", "/api/repos/create", "create"),
    ("POST", "/api/validate-yaml", "validate"),
    ("GET", f"/api/datasets/{REPO}(?:/revision/(?P<revision>[^/]+))?", "info"),
    ("GET", f"/api/datasets/{REPO}/refs", "refs"),
    ("GET", f"/api/datasets/{REPO}/commits/(?P<revision>[^/]+)", "commits"),
    ("GET", f"/api/datasets/{REPO}/tree/(?P<revision>[^/]+)(?:/(?P<path>.+))?", "tree"),
    ("POST", f"/api/datasets/{REPO}/paths-info/(?P<revision>[^/]+)", "paths"),
    ("POST", f"/api/datasets/{REPO}/branch/(?P<revision>[^/]+)", "branch"),
    ("POST", f"/api/datasets/{REPO}/preupload/(?P<revision>[^/]+)", "preupload"),
    ("POST", f"/api/datasets/{REPO}/commit/(?P<revision>[^/]+)", "commit"),
    ("POST", rf"/datasets/{REPO}\.git/info/lfs/objects/batch", "batch"),
    ("PUT", "/lfs/(?P<oid>[0-9a-f]{64})", "store"),
    ("POST", "/lfs/verify", "verify"),
    ("GET", f"/datasets/{REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
]
WRITING = {"create", "branch", "preupload", "commit", "batch"}
OPEN = {"validate", "store", "verify"}  # signed, or nobody's


class Handler(BaseHTTPRequestHandler):
    """One connection. The methods of ROUTES return what is sent as JSON, or bytes."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet, for which nobody waits
    disable_nagle_algorithm = True
    hub: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `requests` has it."""

    def answer(self) -> None:
        address = urlsplit(self.path)
        path = unquote(address.path)
        name = f"{self.command} {path}"
        self.query = {key: values[-1] for key, values in parse_qs(address.query).items()}
        self.extra: dict[str, str] = {}
        fault = self.hub.fault(name)
        try:
            if fault and fault.status == DROP:
                self.body = self.rfile.read(min(1000, int(self.headers.get("Content-Length") or 0)))
                self.note(path, DROP)
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.body = self.read_body()
            if fault and fault.action:
                fault.action()
            elif fault:  # a server that tells what it was told: a client must not repeat it
                raise Refused(fault.status, f"injected for {self.bearer or self.path}")
            method, values = self.route(address.path)
            answer, status = method(**values), 200
        except Refused as refused:
            answer, status = refused.body, refused.status
            self.extra["X-Error-Message"] = str(refused.body["error"])
            if refused.code:
                self.extra["X-Error-Code"] = refused.code
        self.note(path, status)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        if status == 200 and isinstance(answer, bytes):
            data, status = self.part(data)
        self.send_response(status)
        self.extra.setdefault("Content-Type", "application/json")
        self.extra.setdefault("Content-Length", str(len(data)))
        for header, value in self.extra.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815

    def note(self, path: str, status: int) -> None:
        self.hub.requests.append(Request(self.command, path, status, len(self.body), self.bearer))

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def route(self, path: str) -> tuple[Callable[..., Any], dict[str, str]]:
        asked = "GET" if self.command == "HEAD" else self.command
        for method, pattern, name in ROUTES:
            found = re.fullmatch(pattern, path)
            if method == asked and found:
                values = {key: unquote(value or "") for key, value in found.groupdict().items()}
                if name not in OPEN:
                    self.admit(name, values.get("repo", ""))
                return getattr(self, name), values
        raise Refused(404, "there is nothing here")

    @property
    def bearer(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def admit(self, name: str, repo: str) -> None:
        """Refuse who may not: as the Hub does, which does not tell a stranger that a private repository exists."""
        known = self.bearer in (self.hub.token, self.hub.reader)
        if self.bearer and not known:
            raise Refused(401, "Invalid credentials in Authorization header")
        if name in WRITING and self.bearer != self.hub.token:
            raise Refused(403 if known else 401, "You don't have the rights to write here")
        if repo and (repo not in self.hub.repos or (self.hub.repos[repo].private and not known)):
            raise Refused(404 if known else 401, "Repository not found", "RepoNotFound")

    def revision(self, repo: str, revision: str) -> Commit:
        commit = self.hub.repos[repo].at(revision or "main")
        if commit is None:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    # ── about repositories ──────────────────────────────────────────────────────────────────────────────────────────

    def whoami(self) -> Any:
        if not self.bearer:
            raise Refused(401, "Invalid username or password.")
        return {"type": "user", "name": "user", "auth": {"accessToken": {"role": "write"}}}

    def create(self) -> Any:
        told = json.loads(self.body)
        assert told["type"] == "dataset"
        repo = f"{told['organization'] or 'user'}/{told['name']}"
        url = f"{self.hub.url}/datasets/{repo}"
        if repo.partition("/")[0] != "user":
            raise Refused(403, "You don't have the rights to create a dataset under this namespace")
        with self.hub.lock:
            if repo in self.hub.repos:
                raise Refused(409, "You already created this dataset repo", url=url)
            self.hub.create(repo, told.get("visibility") == "private")
        return {"url": url, "name": repo}

    def info(self, repo: str, revision: str) -> Any:
        commit = self.revision(repo, revision)
        files = [{"rfilename": path} for path in commit.files]
        private = self.hub.repos[repo].private
        return {"id": repo, "sha": commit.oid, "private": private, "tags": [], "downloads": 0, "siblings": files}

    def refs(self, repo: str) -> Any:
        branches = self.hub.repos[repo].branches.items()
        shown = [{"name": name, "ref": f"refs/heads/{name}", "targetCommit": oid} for name, oid in branches]
        return {"branches": shown, "converts": [], "tags": []}

    def commits(self, repo: str, revision: str) -> Any:
        about = {"authors": [{"user": "user"}], "date": "2026-01-01T00:00:00.000Z", "message": ""}
        self.revision(repo, revision)
        found = [{"id": c.oid, "title": c.title, **about} for c in self.hub.repos[repo].history(revision)]
        return self.paged(found)

    def paged(self, entries: list[Any]) -> list[Any]:
        start = int(self.query.get("cursor", 0))
        if start + self.hub.page < len(entries):
            query = "&".join(f"{k}={quote(v)}" for k, v in {**self.query, "cursor": str(start + self.hub.page)}.items())
            self.extra["Link"] = f'<{self.hub.url}{urlsplit(self.path).path}?{query}>; rel="next"'
        return entries[start : start + self.hub.page]

    def tree(self, repo: str, revision: str, path: str) -> Any:
        commit = self.revision(repo, revision)
        below = f"{path}/" if path else ""
        entries: dict[str, Any] = {}
        for name, blob in sorted(commit.files.items()):
            if not name.startswith(below):
                continue
            parts = name[len(below) :].split("/")
            for depth in range(1, len(parts)):
                folder = below + "/".join(parts[:depth])
                entries[folder] = {"type": "directory", "path": folder, "oid": "0" * 40, "size": 0}
            entries[name] = self.entry(name, blob)
        if path and not entries:
            raise Refused(404, f"{path} does not exist on {revision}", "EntryNotFound")
        if self.query.get("recursive", "").lower() != "true":
            entries = {name: entry for name, entry in entries.items() if "/" not in name[len(below) :]}
        return self.paged(list(entries.values()))

    def entry(self, name: str, blob: Blob) -> Any:
        found = {"type": "file", "path": name, "oid": blob.id, "size": len(blob.data)}
        if blob.lfs:
            found["lfs"] = {"oid": blob.lfs, "size": len(blob.data), "pointerSize": len(blob.pointer)}
        return found

    def paths(self, repo: str, revision: str) -> Any:
        commit = self.revision(repo, revision)
        if self.headers.get("Content-Type", "").startswith("application/json"):
            asked = json.loads(self.body)["paths"]
        else:
            asked = parse_qs(self.body.decode()).get("paths", [])
        found = []
        for name in asked:
            if name in commit.files:
                found.append(self.entry(name, commit.files[name]))
            elif any(path.startswith(f"{name}/") for path in commit.files):
                found.append({"type": "directory", "path": name, "oid": "0" * 40, "size": 0})
        return found

    def branch(self, repo: str, revision: str) -> Any:
        if revision in self.hub.repos[repo].branches:
            raise Refused(409, f"Reference already exists: {revision}")
        start = self.revision(repo, json.loads(self.body).get("startingPoint", "main"))
        self.hub.repos[repo].branches[revision] = start.oid
        return {}

    def validate(self) -> Any:
        told = json.loads(self.body)
        assert told["repoType"] == "dataset"
        found = re.match(r"---\n(.*?\n)---\n", told["content"], re.DOTALL)
        header = yaml.safe_load(found[1]) if found else {}
        errors = []
        if header.get("license", "mit") not in LICENCES:
            errors.append({"message": '"license" must be one of [mit, …]'})
        names = [config["config_name"] for config in header.get("configs", [])]
        if len(names) != len(set(names)):
            errors.append({"message": '"configs" has a name twice'})
        if errors:
            raise Refused(400, "Invalid metadata", errors=errors)
        return {"errors": [], "warnings": [] if header else [{"message": "empty or missing yaml metadata"}]}

    # ── files on their way in ───────────────────────────────────────────────────────────────────────────────────────

    def preupload(self, repo: str, revision: str) -> Any:
        commit = self.revision(repo, revision)
        told = json.loads(self.body)
        asked = told["files"]
        if len(asked) > 256:
            raise Refused(413, "too many files")
        committed = commit.files[".gitignore"].data.decode() if ".gitignore" in commit.files else ""
        ignored = [line for line in told.get("gitIgnore", committed).splitlines() if not line.startswith("#")]
        answers = []
        for file in asked:
            base64.b64decode(file["sample"], validate=True)
            there = commit.files.get(file["path"])
            mode = "lfs" if self.hub.is_large(file["path"], file["size"]) else "regular"
            oid = (there.lfs or there.id) if there else None
            ignore = any(fnmatch.fnmatch(file["path"], pattern) for pattern in ignored)
            answers.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": ignore, "oid": oid})
        return {"files": answers, "commitOid": commit.oid}

    def batch(self, repo: str) -> Any:
        told = json.loads(self.body)
        assert told["operation"] == "upload"
        assert told["hash_algo"] == "sha256"
        assert "basic" in told["transfers"]
        self.revision(repo, told["ref"]["name"])
        objects = []
        for asked in told["objects"]:
            actions = {
                "upload": {"href": f"{self.hub.url}/lfs/{asked['oid']}?signature=secret"},
                "verify": {"href": f"{self.hub.url}/lfs/verify"},
            }
            there = asked["oid"] in self.hub.objects
            objects.append({**asked, **({} if there else {"actions": actions})})
        self.extra["Content-Type"] = "application/vnd.git-lfs+json"
        return {"transfer": self.hub.transfer, "objects": objects}

    def store(self, oid: str) -> Any:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refused(400, "this is not what was announced")
        self.hub.objects[oid] = self.body
        return b""

    def verify(self) -> Any:
        told = json.loads(self.body)
        if len(self.hub.objects.get(told["oid"], b"")) != told["size"]:
            raise Refused(404, "it has not arrived")
        return {}

    def commit(self, repo: str, revision: str) -> Any:
        assert self.headers["Content-Type"] == "application/x-ndjson"
        before = self.revision(repo, revision)
        lines = [json.loads(line) for line in self.body.splitlines()]
        (header,) = (line["value"] for line in lines if line["key"] == "header")
        if header.get("parentCommit", before.oid) != before.oid:
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        files = dict(before.files)
        for line in lines[1:]:
            told = line["value"]
            path = told["path"]
            if line["key"] == "deletedFile":
                if files.pop(path, None) is None:
                    raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
            elif line["key"] == "file":
                files[path] = Blob(base64.b64decode(told["content"], validate=True))
                if self.hub.is_large(path, len(files[path].data)):
                    raise Refused(400, f"{path} belongs into LFS")
            else:
                assert line["key"] == "lfsFile"
                assert told["algo"] == "sha256"
                data = self.hub.objects.get(told["oid"])
                if data is None or len(data) != told["size"]:
                    raise Refused(400, f"{path}: its content was never sent")
                files[path] = Blob(data, told["oid"])
        with self.hub.lock:
            made = self.hub.repos[repo].commit(revision, header["summary"], files)
        url = f"{self.hub.url}/datasets/{repo}/commit/{made.oid}"
        return {"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""}

    # ── files on their way out ──────────────────────────────────────────────────────────────────────────────────────

    def resolve(self, repo: str, revision: str, path: str) -> Any:
        commit = self.revision(repo, revision)
        self.extra["X-Repo-Commit"] = commit.oid
        if path not in commit.files:
            raise Refused(404, f"{path} does not exist on {revision}", "EntryNotFound")
        blob = commit.files[path]
        etag = f'"{blob.lfs or blob.id}"'
        self.extra |= {"ETag": etag, "X-Linked-Etag": etag, "X-Linked-Size": str(len(blob.data))}
        self.extra |= {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        return blob.data

    def part(self, data: bytes) -> tuple[bytes, int]:
        """What a Range asks for, and the status that says so."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            return data, 200
        first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
        self.extra["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return data[first : last + 1], 206
