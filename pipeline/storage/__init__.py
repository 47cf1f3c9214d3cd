"""Where a dataset lies: a folder on a disk, or under a prefix of an object store. Files are complete or absent."""

from __future__ import annotations

from pathlib import Path

from pipeline.storage.folder import STATE, Folder
from pipeline.storage.local import LocalFolder

__all__ = ["STATE", "Folder", "LocalFolder", "folder_at"]


def folder_at(place: str | Path) -> Folder:
    """The folder at a path, or at a URL such as s3://bucket/prefix, gs://…, az://… or hf://datasets/user/name.

    StorageError where the package that speaks the protocol is not installed, or nobody knows the protocol.
    """
    if isinstance(place, str) and "://" in place and not place.startswith("file://"):
        from pipeline.storage.bucket import BucketFolder

        return BucketFolder.at(place)
    return LocalFolder(Path(str(place).removeprefix("file://")).resolve())
