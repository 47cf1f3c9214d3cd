"""Object stores that fsspec speaks to: which package a protocol needs, and the stamps of objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import StorageError
from pipeline.core.system.secrets import has_secret

PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""Protocol → the package that speaks it, where it is none of ours."""
_ASKED: set[str] = set()
_STAMPS = ("md5Hash", "ETag", "etag", "blob_id")


def checked_protocol(url: str) -> str:
    """The protocol of a URL. StorageError where no installed package speaks it, and for a URL that holds a secret."""
    import fsspec

    protocol = url.partition("://")[0]
    if has_secret(url):
        raise StorageError(
            "a password or a signature in a URL is seen by all who see commands, logs or the list of processes",
            "Give it as the store's own client reads it: in the environment, or in a file of its own.",
            url,
        )
    try:
        fsspec.get_filesystem_class(protocol)
    except ValueError:
        raise StorageError(f"unknown protocol '{protocol}'", "It can be s3, gs, az, hf or a path.", url) from None
    except ImportError:
        package = PACKAGES.get(protocol)
        remedy = f"Install it: pip install {package}." if package else f"Install what fsspec names for '{protocol}'."
        raise StorageError(f"'{protocol}' needs a package", remedy, url) from None
    return protocol


def store_of(url: str) -> Any:
    """The fsspec file system of a URL, which keeps no listings. Errors as the store's client raises them."""
    import fsspec

    protocol = url.partition("://")[0]
    _ASKED.add(f"{protocol}://")
    return fsspec.filesystem(protocol, use_listings_cache=False)


def asked() -> frozenset[str]:
    """The protocols, each with `://`, of the stores that this process has asked, as workers of a build will."""
    return frozenset(_ASKED)


def stamp_of(info: Mapping[str, Any]) -> str:
    """The hash or ETag in a store's facts about an object; "" where there is none."""
    return next((str(info[key]) for key in _STAMPS if info.get(key)), "")
