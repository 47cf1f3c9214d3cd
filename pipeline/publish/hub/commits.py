"""Which files are uploaded and committed together: few commits, the manifest in the last one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.dataset.manifest import MANIFEST, README
from pipeline.dataset.shard_record import ShardRecord
from pipeline.publish.hub.branch import Branch
from pipeline.publish.hub.client import choose_transfer

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

BATCH = 256  # shards per commit: the Hub limits commits per hour, and large ones take long
FIRST, LEAST, MOST = 32 << 20, 8 << 20, 2 << 30  # bytes uploaded at a time: the first group, the smallest, the largest
SECONDS = (5.0, 20.0)  # seconds that the upload of a group should take, from and to


def upload_groups(records: Sequence[ShardRecord]) -> Iterator[Sequence[ShardRecord]]:
    """The shards in order, in groups that take some seconds to upload: at least one shard, at most BATCH.

    The size follows from the time that the last group took. Progress is shown after each group, and an interruption
    loses at most one.
    """
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
class Commits:
    """The commits of a push. foreign: whether another dataset is replaced. gone: files that the next commit removes.

    made: commits so far. new, size: files uploaded so far, and their bytes.
    """

    branch: Branch
    message: str
    foreign: bool
    gone: list[str] = field(default_factory=list)
    made: int = field(default=0, init=False)
    new: int = field(default=0, init=False)
    size: int = field(default=0, init=False)
    _additions: list[CommitOperationAdd] = field(default_factory=list, init=False)
    _transfer_chosen: bool = field(default=False, init=False)

    def add(self, shards: Mapping[str, Path]) -> None:
        """Upload shards that the branch lacks; commit each time BATCH are uploaded and another one follows."""
        for addition in self._uploaded(shards):
            if len(self._additions) == BATCH:
                self._commit_part()
            self._additions.append(addition)

    def finish(self, head: Mapping[str, bytes]) -> None:
        """Make the last commit: the remaining shards, and `head`, the other files. No commit where nothing is new."""
        self._additions += self._uploaded(head)
        if self._additions or self.gone:
            self._commit(self.message)

    def _uploaded(self, files: Mapping[str, Path | bytes]) -> list[CommitOperationAdd]:
        """Upload the files that the branch lacks and return them."""
        from huggingface_hub import CommitOperationAdd

        additions = [CommitOperationAdd(*file) for file in files.items()]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            held = list(pool.map(self.branch.holds, additions))
        new = [addition for addition, known in zip(additions, held, strict=True) if not known]
        if not new:
            return []
        if not self._transfer_chosen:
            choose_transfer(self.branch.api, self.branch.repo, self.branch.name, new[0])
            self._transfer_chosen = True
        self.branch.upload(new)
        self.new += len(new)
        self.size += sum(addition.upload_info.size for addition in new)
        return new

    def _commit_part(self) -> None:
        """Make a commit that is not the last. It removes the manifest: until the last one the branch is incomplete."""
        outdated = (MANIFEST, README) if self.foreign else (MANIFEST,)
        self.gone += [name for name in outdated if self.branch.files.pop(name, None)]
        self._commit(f"{self.message} (part {self.made + 1})")

    def _commit(self, message: str) -> None:
        from huggingface_hub import CommitOperationDelete

        self.branch.commit([*(CommitOperationDelete(name) for name in self.gone), *self._additions], message)
        self.gone, self._additions = [], []
        self.made += 1
