"""Where a dataset lies: a folder on a disk, or under a prefix of an object store. Files are complete or absent.

folder.py  Folder: the operations that builds, exports and readers need
local.py   a folder on a disk; hashes of files
bucket.py  a prefix of an object store: S3, Google, Azure, the Hub
arrow.py   Arrow files, and the columns in them
shard_layout.py   what the file of a shard may hold
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from pipeline.core.errors import StorageError
from pipeline.core.system.open_files import destination
from pipeline.storage.folder import STATE, Folder
from pipeline.storage.local import LocalFolder

__all__ = ["STATE", "Folder", "LocalFolder", "folder_at", "place_below"]

FILE = "file://"


def place_below(place: str | Path, name: str) -> str:
    """The path or URL of the folder `name` below a path or URL.

    >>> place_below("s3://bucket/data/", "seed=1")
    's3://bucket/data/seed=1'
    """
    return f"{str(place).rstrip('/')}/{name}"


def folder_at(place: str | Path) -> Folder:
    """The folder at a path, or at a URL such as s3://bucket/prefix, gs://…, az://… or hf://datasets/user/name.

    `~` is the user's home; `%20` in a file:// URL is a space. StorageError where the protocol is unknown, its package
    is not installed, or there is no home.
    """
    if isinstance(place, str) and "://" in place and not place.startswith(FILE):
        from pipeline.storage.bucket import BucketFolder

        return BucketFolder.at(place)
    path = str(place)
    if path.startswith(FILE):
        path = unquote(path.removeprefix(FILE).removeprefix("localhost"), errors="surrogateescape")
        if "\0" in path:
            raise StorageError("a path cannot hold %00", "Write it without.", str(place))
    return LocalFolder(destination(path).resolve())
