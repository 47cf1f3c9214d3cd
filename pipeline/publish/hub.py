"""A built dataset on the Hugging Face Hub: few commits, resumable, and a manifest only where all of it has arrived.

    shards ──► a few at a time, uploaded ──► 256 of them, committed … ──► the last of them, with the card, the recipe,
                                                                          the tokenizer and the manifest

What the branch holds already (by SHA-256, or git's own hash for small files) is left out, and the server says itself
which files it has although nobody committed them. So the same command, run again, goes on where the last one stopped,
and where nothing is new it makes no commit.

**Xet or plain LFS.** The client sends every large file by Xet as soon as `hf_xet` is installed, and never asks whether
the server speaks it. Here the server is asked, by the LFS batch request, which names all three ways of sending: the Hub
answers "xet", a server that answers anything else gets plain HTTP.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import HubError, PipelineError, StorageError
from pipeline.core.system.caches import user_cache
from pipeline.core.system.secrets import redacted
from pipeline.dataset import Dataset, card_marks
from pipeline.dataset.card import header
from pipeline.dataset.card_marks import Marked, licence_of
from pipeline.dataset.card_on_hub import on_hub
from pipeline.dataset.manifest import MANIFEST, MEND, README, RECIPE
from pipeline.dataset.seals import is_sealed
from pipeline.dataset.shard_record import ShardRecord
from pipeline.storage import LocalFolder
from pipeline.storage.folder import MOST_READ
from pipeline.storage.local import hash_of, hash_of_bytes

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub.hf_api import RepoFile

BATCH = 256  # shards a commit: the Hub counts commits an hour, and takes long over big ones
FIRST, LEAST, MOST = 32 << 20, 8 << 20, 2 << 30  # bytes that are uploaded at a time: at first, and as time shows
SECONDS = (5.0, 20.0)  # that an upload of so many should take
PATIENCE = 300.0  # seconds without a byte, after which the client tries again
AGAIN = "Run the same command again: what has arrived is kept."

_REPO = re.compile(r"(?!.*(?:--|\.\.|\.git$))\w[\w.-]{0,95}(?<=\w)/\w[\w.-]{0,95}(?<=\w)", re.ASCII)
_SHARD = re.compile(r"[^/]+/shard-\d+-of-\d+\.arrow")
_REFUSALS = {  # status: problem, remedy
    400: ("the Hub does not take this", "Correct what it names, then run the same command again."),
    401: ("the Hub does not know this token", "Run `hf auth login`, or set HF_TOKEN to a token that may write."),
    402: ("the account's limit is reached", f"Make room there or pay for more. {AGAIN}"),
    403: ("this token may not write there", f"Give a token or a REPO that may be written, or make room. {AGAIN}"),
    404: ("there is no such repository or branch, or this token may not see it", "Check REPO and --revision."),
    409: ("somebody else changes the repository at this moment", AGAIN),
    412: ("somebody else has changed the repository meanwhile", AGAIN),
    413: ("this is more than the Hub takes", f"Make room, or build with a smaller shard_tokens. {AGAIN}"),
    429: ("the Hub has had too many requests", f"Wait some minutes. {AGAIN}"),
}


@dataclass(frozen=True)
class Pushed:
    """What became of a push. new: files that a commit was needed for; size: their bytes. kept: files there before."""

    url: str
    revision: str
    private: bool
    commits: int
    new: int
    size: int
    kept: int


def check(repo: str, revision: str = "", licence: str = "") -> None:
    """HubError unless the words are such as the Hub takes; nothing is asked of it."""
    if not _REPO.fullmatch(repo):
        raise HubError(
            f"'{repo}' cannot be the name of a repository",
            "Write user/name or organization/name, of letters, digits, '-', '_' and '.'.",
        )
    if revision and not re.fullmatch(r"(?!refs/)[\w][\w./-]*", revision):
        raise HubError(f"'{revision}' cannot be the name of a branch", "Write one such as seed7.")
    if licence and not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", licence):
        raise HubError(f"'{licence}' is no name of a licence", "Write one as the Hub does, such as cc-by-4.0 or mit.")


def check_shards(dataset: Dataset, checked: Callable[[int], object] = lambda _: None) -> None:
    """StorageError where a shard is not the one recorded. `checked` is told the bytes of each."""

    def holds(record: ShardRecord) -> bool:
        return dataset.folder.has(record.file, record.bytes, record.file_hash)

    damaged = []
    records = dataset.manifest.shards
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for record, whole in zip(records, pool.map(holds, records), strict=True):
            checked(record.bytes)
            damaged += [] if whole else [record.file]
    if damaged:
        shown = ", ".join(damaged[:3]) + (", …" if len(damaged) > 3 else "")
        raise StorageError(f"missing or not as recorded: {shown}; nothing was sent", MEND, dataset.folder.url)


def push(
    dataset: Dataset,
    repo: str,
    *,
    public: bool = False,
    revision: str = "",
    message: str = "",
    licence: str = "",
    replace: bool = False,
    passed: Callable[[int], object] = lambda _: None,
) -> Pushed:
    """The dataset in the repository `repo`, made if there is none (private unless `public`), on a branch, made too.

    Its files are sent as they are: `check_shards` comes first. `passed` is told the bytes of shards that are on the
    server. `replace`: another dataset there gives way.

    HubError where that cannot be done; what has arrived stays, and the same call goes on.
    """
    check(repo, revision, licence)
    head = _head(dataset)
    message = message or f"{dataset.folder.name}, fingerprint {dataset.manifest.fingerprint[:16]}"
    with _client(repo) as api:
        branch = _Branch.of(api, repo, revision or "main", public)
        foreign = branch.foreign(dataset, head[MANIFEST], replace)
        pending = _Pending(branch, message, foreign, gone=branch.strange(dataset, replace))
        head[README] = _card(branch, head[README].decode("utf-8", "replace"), licence, foreign)
        for group in _groups(dataset.manifest.shards):
            with ExitStack() as opened:
                paths = {record.file: opened.enter_context(dataset.folder.local(record.file)) for record in group}
                _check_fetched(dataset, group, paths)
                pending.add(paths)
            passed(sum(record.bytes for record in group))
        pending.finish(head)
        return Pushed(
            redacted(branch._place),
            branch.name,
            branch.private,
            pending.commits,
            pending.new,
            pending.size,
            len(head) + len(dataset.manifest.shards) - pending.new,
        )


def _head(dataset: Dataset) -> dict[str, bytes]:
    """The files beside the shards, the manifest last. StorageError for one that is missing or not as recorded."""
    manifest = dataset.manifest
    try:
        head = {name: dataset.folder.read(name) for name in (README, RECIPE, *manifest.files, MANIFEST)}
    except FileNotFoundError as error:
        raise StorageError(f"{error} is missing", MEND, dataset.folder.url) from None
    damaged = [name for name, one in manifest.files.items() if hash_of_bytes(head[name]) != one["file_hash"]]
    if not is_sealed(head[RECIPE], manifest.fingerprint):
        damaged.append(RECIPE)
    if fault := card_marks.fault(head[README], header(manifest), manifest.fingerprint):
        damaged.append(f"{README} ({fault})")
    if damaged:
        raise StorageError(f"not as recorded: {', '.join(damaged)}; nothing was sent", MEND, dataset.folder.url)
    return head


def _card(branch: _Branch, text: str, licence: str, foreign: bool) -> bytes:
    """The card to send, held against the Hub's rules. Its licence: the one given, the folder's, or the one there.

    What a person has written into the card there stays. HubError where that, and what stands in the folder, are both
    new: to choose is a person's part.
    """
    from huggingface_hub import DatasetCard

    stated, words = f"license: {licence}\n" if licence else licence_of(text), Marked.of(text).words_hash
    card = on_hub(text, branch.repo, stated, words).encode()
    if branch.holds(README, card):
        return card
    if README in branch.files and not foreign:
        there = branch.read(README)
        joined = card_marks.reconciled(text, there)
        if joined is None:
            raise HubError(
                "the card was edited there and in the folder too",
                f"Copy what was written there into the {README} of the folder.",
                branch._place,
            )
        card = on_hub(joined, branch.repo, stated or licence_of(there), words).encode()
    if not branch.holds(README, card):
        DatasetCard(card.decode(), ignore_metadata_errors=True).validate(repo_type="dataset")
    return card


def _check_fetched(dataset: Dataset, records: Sequence[ShardRecord], paths: Mapping[str, Path]) -> None:
    """StorageError for a shard that is not as recorded, of a bucket, which was asked for sizes alone before."""
    if isinstance(dataset.folder, LocalFolder):
        return
    for record in records:
        if hash_of(paths[record.file]) != record.file_hash:
            raise StorageError("its bytes have changed", MEND, f"{dataset.folder.url}/{record.file}")


def _groups(records: Sequence[ShardRecord]) -> Iterator[Sequence[ShardRecord]]:
    """The shards, as many at a time as are dealt with in some seconds, at least one and at most a commit's."""
    most = FIRST
    while records:
        size, count = records[0].bytes, 1
        while count < min(BATCH, len(records)) and size + records[count].bytes <= most:
            size, count = size + records[count].bytes, count + 1
        began = time.monotonic()
        yield records[:count]
        records = records[count:]
        seconds = time.monotonic() - began
        if seconds < SECONDS[0]:
            most = min(2 * most, MOST)
        elif seconds > SECONDS[1]:
            most = max(most // 2, LEAST)


@dataclass
class _Branch:
    """A branch of a repository. head: its last commit; files: path → what the Hub knows of it, at that commit."""

    api: HfApi
    repo: str
    name: str
    private: bool
    head: str
    files: dict[str, RepoFile]

    @classmethod
    def of(cls, api: HfApi, repo: str, name: str, public: bool) -> _Branch:
        """The branch, made where there is none. A new one starts at the first commit, which holds no data."""
        from huggingface_hub.hf_api import RepoFile

        api.create_repo(repo, repo_type="dataset", private=not public, exist_ok=True)
        if name != "main" and name not in {ref.name for ref in api.list_repo_refs(repo, repo_type="dataset").branches}:
            first = api.list_repo_commits(repo, repo_type="dataset")[-1].commit_id
            api.create_branch(repo, branch=name, revision=first, repo_type="dataset", exist_ok=True)
        info = api.dataset_info(repo, revision=name)
        head = str(info.sha)
        tree = api.list_repo_tree(repo, recursive=True, revision=head, repo_type="dataset")
        files = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
        return cls(api, repo, name, bool(info.private), head, files)

    def read(self, name: str) -> str:
        """The text of a file on it. HubError for one that is too big to be ours."""
        if self.files[name].size > MOST_READ:
            raise HubError(
                f"its {name} has {self.files[name].size:,} bytes, and may have {MOST_READ:,}",
                "Give another REPO or --revision.",
                self._place,
            )
        with tempfile.TemporaryDirectory(prefix="push-") as cache:
            path = self.api.hf_hub_download(self.repo, name, repo_type="dataset", revision=self.head, cache_dir=cache)
            return Path(path).read_text("utf-8", "replace")

    def holds(self, name: str, content: Path | bytes) -> bool:
        """Whether it has this very file, by what the Hub says of it."""
        there = self.files.get(name)
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        if there is None or there.size != size:
            return False
        if there.lfs is None:
            data = content if isinstance(content, bytes) else content.read_bytes()
            return there.blob_id == hashlib.sha1(b"blob %d\0" % size + data, usedforsecurity=False).hexdigest()
        if isinstance(content, bytes):
            return there.lfs.sha256 == hashlib.sha256(content).hexdigest()
        with open(content, "rb") as file:
            return there.lfs.sha256 == hashlib.file_digest(file, "sha256").hexdigest()

    def foreign(self, dataset: Dataset, manifest: bytes, replace: bool) -> bool:
        """Whether it holds another dataset. HubError where it does, unless that is to give way."""
        if MANIFEST not in self.files or self.holds(MANIFEST, manifest):
            return False
        try:
            found = str(json.loads(self.read(MANIFEST))["fingerprint"])
        except (ValueError, TypeError, KeyError):
            found = "unknown"
        mine = dataset.manifest.fingerprint
        if found != mine and not replace:
            raise HubError(
                f"it holds another dataset (fingerprint {found[:16]}, this is {mine[:16]})",
                "Give another REPO or --revision, or --replace to put this one in its place.",
                self._place,
            )
        return found != mine

    def strange(self, dataset: Dataset, replace: bool) -> list[str]:
        """The shards on it that are not the dataset's, to be removed. HubError where there are any, unless `replace`.

        `load_dataset` reads whatever lies in a split's folder, so a strange shard would be read as one of ours.
        """
        mine = {record.file for record in dataset.manifest.shards}

        def is_read(name: str) -> bool:
            folder, _, file = name.rpartition("/")
            return bool(_SHARD.fullmatch(name)) or (folder in dataset.manifest.splits and file.endswith(".arrow"))

        strange = [name for name in self.files if name not in mine and is_read(name)]
        if strange and not replace:
            shown = ", ".join(strange[:3]) + (", …" if len(strange) > 3 else "")
            raise HubError(f"it holds shards of something else: {shown}", "--replace removes them.", self._place)
        return strange

    def upload(self, additions: list[CommitOperationAdd]) -> None:
        """Send files that the next commit names. A temporary file may go away after that."""
        self.api.preupload_lfs_files(self.repo, additions, repo_type="dataset", revision=self.name)
        for addition in additions:
            if addition._should_ignore:
                raise HubError(
                    f"its .gitignore leaves out {addition.path_in_repo}", "Take that line out of it.", self._place
                )
            if addition._upload_mode == "regular" and isinstance(addition.path_or_fileobj, str):
                addition.path_or_fileobj = Path(addition.path_or_fileobj).read_bytes()  # goes with the commit itself

    def commit(self, operations: Sequence[CommitOperationAdd | CommitOperationDelete], message: str) -> None:
        """One commit upon the one that was seen. HubError where somebody else was faster."""
        made = self.api.create_commit(
            self.repo,
            operations,
            commit_message=message,
            repo_type="dataset",
            revision=self.name,
            parent_commit=self.head,
        )
        self.head = made.oid

    @property
    def _place(self) -> str:
        return f"{self.api.endpoint}/datasets/{self.repo}"


@dataclass
class _Pending:
    """What the next commit will say. gone: files that the first one takes away. foreign: instead of another dataset."""

    branch: _Branch
    message: str
    foreign: bool
    gone: list[str] = field(default_factory=list)
    additions: list[CommitOperationAdd] = field(default_factory=list)
    commits: int = 0
    new: int = 0
    size: int = 0
    _asked: bool = False

    def add(self, shards: Mapping[str, Path]) -> None:
        """Upload what is not there; commit when it is enough, and there is more."""
        for addition in self._uploaded(shards):
            if len(self.additions) == BATCH:
                self._commit_part()
            self.additions.append(addition)

    def finish(self, head: Mapping[str, bytes]) -> None:
        """The last commit: what is left, and the files beside the shards. None where there is nothing to say."""
        self.additions += self._uploaded(head)
        if self.additions or self.gone:
            self._commit(self.message)

    def _uploaded(self, files: Mapping[str, Path | bytes]) -> list[CommitOperationAdd]:
        """Those that are not there, sent."""
        from huggingface_hub import CommitOperationAdd

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            there = pool.map(self.branch.holds, files, files.values())
        added = [CommitOperationAdd(*file) for file, held in zip(files.items(), there, strict=True) if not held]
        if not added:
            return []
        if not self._asked:
            _choose_transfer(self.branch, added[0])
            self._asked = True
        self.branch.upload(added)
        self.new += len(added)
        self.size += sum(addition.upload_info.size for addition in added)
        return added

    def _commit_part(self) -> None:
        """A commit that others follow. It takes the manifest away: until the last one, the branch is not whole."""
        outdated = (MANIFEST, README) if self.foreign else (MANIFEST,)
        self.gone += [name for name in outdated if self.branch.files.pop(name, None)]
        self._commit(f"{self.message} (part {self.commits + 1})")

    def _commit(self, message: str) -> None:
        from huggingface_hub import CommitOperationDelete

        self.branch.commit([*(CommitOperationDelete(name) for name in self.gone), *self.additions], message)
        self.gone, self.additions = [], []
        self.commits += 1


def _choose_transfer(branch: _Branch, addition: CommitOperationAdd) -> None:
    """Xet where the server would have it, for as long as `_client` lasts. A user's HF_HUB_DISABLE_XET stands."""
    from huggingface_hub import constants
    from huggingface_hub.lfs import post_lfs_batch_info
    from huggingface_hub.utils._runtime import is_xet_available

    if not is_xet_available():
        return
    *_, transfer = post_lfs_batch_info(
        [addition.upload_info],
        token=str(branch.api.token),
        repo_type="dataset",
        repo_id=branch.repo,
        revision=branch.name,
        endpoint=branch.api.endpoint,
        transfers=["basic", "multipart", "xet"],
    )
    constants.HF_HUB_DISABLE_XET = transfer != "xet"


@contextmanager
def _client(repo: str) -> Iterator[HfApi]:
    """The Hub's client with the user's token: patient but not for ever, without bars, what it raises as refusals."""
    user_cache()  # where there is no home, the Hub's library would make a folder named ~
    from huggingface_hub import HfApi, constants, get_token, set_client_factory
    from huggingface_hub.utils._http import default_client_factory
    from huggingface_hub.utils.tqdm import disable_progress_bars

    def bounded(request: Any) -> None:
        waits = request.extensions.get("timeout", {})
        names = ("connect", "read", "write", "pool")
        request.extensions["timeout"] = {name: waits.get(name) or PATIENCE for name in names}

    def patient() -> Any:
        client = default_client_factory()  # which would wait for ever
        client.event_hooks["request"].append(bounded)
        return client

    place, secret, xet = f"{constants.ENDPOINT}/datasets/{repo}", "", constants.HF_HUB_DISABLE_XET
    try:
        secret = get_token() or ""
        if not secret:
            raise HubError("there is no token", _REFUSALS[401][1], place)
        if not re.fullmatch("[!-~]+", secret):  # a client that cannot send it would show it
            raise HubError("the token has signs that no token has", "Set HF_TOKEN anew, or run `hf auth login`.", place)
        set_client_factory(patient)
        with _secrets_hidden(secret), disable_progress_bars():
            yield HfApi(token=secret)
    except PipelineError:
        raise
    except Exception as error:  # httpx's, the client's own, hf_xet's, and what an answer of another kind leads to
        raise _refusal(error, place, secret) from None
    finally:
        constants.HF_HUB_DISABLE_XET = xet
        set_client_factory(default_client_factory)


@contextmanager
def _secrets_hidden(secret: str) -> Iterator[None]:
    """The client's notices of failed attempts are shown, a line each, without signatures, and never with the token."""

    def hide(record: logging.LogRecord) -> bool:
        record.msg, record.args = _without(secret, record.getMessage()), ()
        return not record.msg.startswith("Retrying in ")

    handlers = list(logging.getLogger("huggingface_hub").handlers)
    for handler in handlers:
        handler.addFilter(hide)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(hide)


def _without(secret: str, text: str) -> str:
    """A text without the token, which may come from a file, other secrets, and what follows a path's "?"."""
    text = text.replace(secret, "(token)") if secret else text
    return redacted(re.sub(r"(/[^\s?'\"]*)\?[^\s'\"]*", r"\1", text))


def _refusal(error: Exception, place: str, secret: str) -> HubError:
    """What stopped the client, as a refusal: the first of its causes that had an answer of the server."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    for cause in causes:
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status is not None:
            problem, remedy = _REFUSALS.get(status, ("the Hub fails", AGAIN))
            said = _line(secret, getattr(cause, "server_message", None) or "")
            return HubError(f"{problem} ({status}{': ' if said else ''}{said})", remedy, place)
    said = _line(secret, str(causes[-1]) or str(error)) or type(causes[-1]).__name__
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return HubError("HF_HUB_OFFLINE is set, so nothing is sent", "Unset it.", place)
    if any(type(cause).__module__.startswith("http") or isinstance(cause, ConnectionError) for cause in causes):
        return HubError(f"it cannot be reached: {said}", f"Check the network and HF_ENDPOINT. {AGAIN}", place)
    return HubError(f"the client stopped: {said}", AGAIN, place)


def _line(secret: str, text: str) -> str:
    """A text as one line, not too long, without secrets."""
    return "; ".join(line.strip() for line in _without(secret, text).splitlines() if line.strip())[:300]
