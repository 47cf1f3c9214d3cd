"""A push from beginning to end, and what is refused before anything is sent."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import HubError, StorageError
from pipeline.core.system.secrets import redacted
from pipeline.dataset import Dataset, card_marks
from pipeline.dataset.card import header
from pipeline.dataset.manifest import MANIFEST, MEND, README, RECIPE
from pipeline.dataset.seals import is_sealed
from pipeline.dataset.shard_record import ShardRecord
from pipeline.publish.hub.branch import Branch
from pipeline.publish.hub.card import card_to_send
from pipeline.publish.hub.client import client
from pipeline.publish.hub.commits import Commits, upload_groups
from pipeline.storage import LocalFolder
from pipeline.storage.local import hash_of, hash_of_bytes

_REPO = re.compile(r"(?!.*(?:--|\.\.|\.git$))\w[\w.-]{0,95}(?<=\w)/\w[\w.-]{0,95}(?<=\w)", re.ASCII)


@dataclass(frozen=True)
class Pushed:
    """The result of a push. new, size: files that were sent, and their bytes. kept: files that were there before."""

    url: str
    revision: str
    private: bool
    commits: int
    new: int
    size: int
    kept: int


def check(repo: str, revision: str = "", licence: str = "") -> None:
    """HubError unless the names are well-formed for the Hub. Nothing is sent."""
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
    """StorageError where a shard is not as recorded. checked: called with the bytes of each shard."""

    def is_whole(record: ShardRecord) -> bool:
        return dataset.folder.has(record.file, record.bytes, record.file_hash)

    damaged = []
    records = dataset.manifest.shards
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for record, whole in zip(records, pool.map(is_whole, records), strict=True):
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
    """Send the dataset to the branch `revision` of `repo`. Both are created if missing, the repository as private.

    Call `check_shards` first: shards on a disk are not checked here. public: create a public repository. replace:
    whether another dataset there may be replaced. passed: called with the bytes of shards that are on the server.

    HubError on failure. What has arrived stays, and the same call continues.
    """
    check(repo, revision, licence)
    head = _head(dataset)
    message = message or f"{dataset.folder.name}, fingerprint {dataset.manifest.fingerprint[:16]}"
    with client(repo) as api:
        branch = Branch.of(api, repo, revision or "main", public)
        foreign = branch.is_foreign(dataset, head[MANIFEST], replace)
        commits = Commits(branch, message, foreign, gone=branch.strange_shards(dataset, replace))
        head[README] = card_to_send(branch, head[README].decode("utf-8", "replace"), licence, foreign)
        for group in upload_groups(dataset.manifest.shards):
            with ExitStack() as files:
                paths = {record.file: files.enter_context(dataset.folder.local(record.file)) for record in group}
                _check_fetched(dataset, group, paths)
                commits.add(paths)
            passed(sum(record.bytes for record in group))
        commits.finish(head)
        return Pushed(
            redacted(branch.url),
            branch.name,
            branch.private,
            commits.made,
            commits.new,
            commits.size,
            len(head) + len(dataset.manifest.shards) - commits.new,
        )


def _head(dataset: Dataset) -> dict[str, bytes]:
    """Name → bytes of the files beside the shards, the manifest last. StorageError for a missing or changed one."""
    manifest = dataset.manifest
    try:
        head = {name: dataset.folder.read(name) for name in (README, RECIPE, *manifest.files, MANIFEST)}
    except FileNotFoundError as error:
        raise StorageError(f"{error} is missing", MEND, dataset.folder.url) from None
    damaged = [name for name, recorded in manifest.files.items() if hash_of_bytes(head[name]) != recorded["file_hash"]]
    if not is_sealed(head[RECIPE], manifest.fingerprint):
        damaged.append(RECIPE)
    if fault := card_marks.fault(head[README], header(manifest), manifest.fingerprint):
        damaged.append(f"{README} ({fault})")
    if damaged:
        raise StorageError(f"not as recorded: {', '.join(damaged)}; nothing was sent", MEND, dataset.folder.url)
    return head


def _check_fetched(dataset: Dataset, records: Sequence[ShardRecord], paths: Mapping[str, Path]) -> None:
    """StorageError for a shard from a bucket that is not as recorded; before, only its size was checked."""
    if isinstance(dataset.folder, LocalFolder):
        return
    for record in records:
        if hash_of(paths[record.file]) != record.file_hash:
            raise StorageError("its bytes have changed", MEND, f"{dataset.folder.url}/{record.file}")
