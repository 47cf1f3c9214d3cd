"""Which files are uploaded together, and which committed: few commits, the manifest in the last one."""

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

BATCH = 256  # shards a commit: the Hub counts commits an hour, and takes long over big ones
FIRST, LEAST, MOST = 32 << 20, 8 << 20, 2 << 30  # bytes that are uploaded at a time: at first, and as time shows
SECONDS = (5.0, 20.0)  # that an upload of so many should take


def upload_groups(records: Sequence[ShardRecord]) -> Iterator[Sequence[ShardRecord]]:
    """The shards in order, at a time as many as are uploaded in some seconds, at least one and at most a commit's.

    How long that takes is measured between two groups: progress is shown after each, and an interruption loses one.
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
    """The commits of a push. gone: files that the next one takes away. foreign: in the place of another dataset.

    made: commits so far. new, size: the files that they were needed for, and their bytes.
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
        """Upload the shards that are not there; commit when there are enough, and there are more."""
        for addition in self._uploaded(shards):
            if len(self._additions) == BATCH:
                self._commit_part()
            self._additions.append(addition)

    def finish(self, head: Mapping[str, bytes]) -> None:
        """The last commit: what is left, and the files beside the shards. None where nothing is new."""
        self._additions += self._uploaded(head)
        if self._additions or self.gone:
            self._commit(self.message)

    def _uploaded(self, files: Mapping[str, Path | bytes]) -> list[CommitOperationAdd]:
        """Those that the branch does not hold, sent."""
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
        """A commit that others follow. It takes the manifest away: until the last one, the branch is not whole."""
        outdated = (MANIFEST, README) if self.foreign else (MANIFEST,)
        self.gone += [name for name in outdated if self.branch.files.pop(name, None)]
        self._commit(f"{self.message} (part {self.made + 1})")

    def _commit(self, message: str) -> None:
        from huggingface_hub import CommitOperationDelete

        self.branch.commit([*(CommitOperationDelete(name) for name in self.gone), *self._additions], message)
        self.gone, self._additions = [], []
        self.made += 1
