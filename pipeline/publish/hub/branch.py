"""A branch of a repository: its files, uploads to it, and commits on top of the commit that was read."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import HubError
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import MANIFEST
from pipeline.storage.folder import MOST_READ

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile

_SHARD = re.compile(r"[^/]+/shard-\d+-of-\d+\.arrow")
# Used instead of the repository's .gitignore: every file of a dataset is sent.
_NOTHING_IGNORED = "# nothing is left out\n"


@dataclass
class Branch:
    """A branch of a repository. head: its last commit; files: path → the Hub's facts about the file at that commit."""

    api: HfApi
    repo: str
    name: str
    private: bool
    head: str
    files: dict[str, RepoFile]

    @classmethod
    def of(cls, api: HfApi, repo: str, name: str, public: bool) -> Branch:
        """The branch; created where there is none, at the repository's first commit, which has no data."""
        from huggingface_hub import RepoFile

        api.create_repo(repo, repo_type="dataset", private=not public, exist_ok=True)
        if name != "main" and name not in {ref.name for ref in api.list_repo_refs(repo, repo_type="dataset").branches}:
            first = api.list_repo_commits(repo, repo_type="dataset")[-1].commit_id
            api.create_branch(repo, branch=name, revision=first, repo_type="dataset", exist_ok=True)
        info = api.dataset_info(repo, revision=name)
        head = str(info.sha)
        tree = api.list_repo_tree(repo, recursive=True, revision=head, repo_type="dataset")
        files = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
        return cls(api, repo, name, bool(info.private), head, files)

    @property
    def url(self) -> str:
        """The URL of the repository, for a browser."""
        return f"{self.api.endpoint}/datasets/{self.repo}"

    def read(self, name: str) -> str:
        """The text of a file on the branch. HubError for a file that is too large to be ours."""
        if self.files[name].size > MOST_READ:
            raise HubError(
                f"its {name} has {self.files[name].size:,} bytes, and may have {MOST_READ:,}",
                "Give another REPO or --revision.",
                self.url,
            )
        with tempfile.TemporaryDirectory(prefix="push-") as cache:
            path = self.api.hf_hub_download(self.repo, name, repo_type="dataset", revision=self.head, cache_dir=cache)
            return Path(path).read_text("utf-8", "replace")

    def holds(self, addition: CommitOperationAdd) -> bool:
        """Whether the branch has a file with the same bytes, by size and hash. A file of another size is not read.

        The client compares too, but only after it has sent the file, and without reporting how many are new.
        """
        from huggingface_hub.utils.sha import git_hash

        entry = self.files.get(addition.path_in_repo)
        if entry is None or entry.size != addition.upload_info.size:
            return False
        if entry.lfs is not None:
            return entry.lfs.sha256 == addition.upload_info.sha256.hex()
        with addition.as_file() as file:
            return entry.blob_id == git_hash(file.read())

    def is_foreign(self, dataset: Dataset, manifest: bytes, replace: bool) -> bool:
        """Whether the branch has another dataset than that of `manifest`. HubError if it has, unless `replace`."""
        from huggingface_hub import CommitOperationAdd

        if MANIFEST not in self.files or self.holds(CommitOperationAdd(MANIFEST, manifest)):
            return False
        try:
            fingerprint = str(json.loads(self.read(MANIFEST))["fingerprint"])
        except (ValueError, TypeError, KeyError):
            fingerprint = "unknown"
        own = dataset.manifest.fingerprint
        if fingerprint != own and not replace:
            raise HubError(
                f"it holds another dataset (fingerprint {fingerprint[:16]}, this is {own[:16]})",
                "Give another REPO or --revision, or --replace to put this one in its place.",
                self.url,
            )
        return fingerprint != own

    def strange_shards(self, dataset: Dataset, replace: bool) -> list[str]:
        """Shards on the branch that are not the dataset's, to remove. HubError if there are any, unless `replace`.

        `load_dataset` reads every file in a split's folder, so it would read them as ours.
        """
        own = {record.file for record in dataset.manifest.shards}

        def is_read(name: str) -> bool:
            folder, _, file = name.rpartition("/")
            return bool(_SHARD.fullmatch(name)) or (folder in dataset.manifest.splits and file.endswith(".arrow"))

        strange = [name for name in self.files if name not in own and is_read(name)]
        if strange and not replace:
            shown = ", ".join(strange[:3]) + (", …" if len(strange) > 3 else "")
            raise HubError(f"it holds shards of something else: {shown}", "--replace removes them.", self.url)
        return strange

    def upload(self, additions: Sequence[CommitOperationAdd]) -> None:
        """Upload files for the next commit. Afterwards those on disk may be removed."""
        self.api.preupload_lfs_files(
            self.repo, additions, repo_type="dataset", revision=self.name, gitignore_content=_NOTHING_IGNORED
        )
        for addition in additions:
            if isinstance(addition.path_or_fileobj, str):  # of a sent one, b"": this one goes with the commit itself
                addition.path_or_fileobj = Path(addition.path_or_fileobj).read_bytes()

    def commit(self, operations: Sequence[CommitOperationAdd | CommitOperationDelete], message: str) -> None:
        """Commit on top of `head`. HubError where the branch has moved on."""
        commit = self.api.create_commit(
            self.repo,
            operations,
            commit_message=message,
            repo_type="dataset",
            revision=self.name,
            parent_commit=self.head,
        )
        self.head = commit.oid
