"""Object stores that fsspec speaks to: which package a protocol needs, and the stamps of objects."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from pipeline.core.errors import StorageError
from pipeline.core.system.secrets import has_secret

PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""Protocol → the package that speaks it, where it is none of ours."""
SILENCE = 60.0  # seconds without a byte after which a request is given up, as other clients do
_ASKED: set[str] = set()
_FORBIDDEN = "Forbidden: "  # of gcsfs: the address follows, and what the store says in the next line
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
    _heard()
    return fsspec.filesystem(protocol, use_listings_cache=False, **_patience(protocol))


@cache
def _heard() -> None:
    """Have logs of stores' clients, where nobody reads them, not written to stderr: they raise what they write."""
    for name in ("gcsfs", "adlfs", "azure"):
        logging.getLogger(name).addHandler(logging.NullHandler())


def _patience(protocol: str) -> dict[str, Any]:
    """Options with which a store's client gives up an answer that does not come, where it would wait for ever."""
    import fsspec.config

    if PACKAGES.get(protocol) != "gcsfs" or "requests_timeout" in fsspec.config.conf.get(protocol, {}):
        return {}
    from aiohttp import ClientTimeout

    return {"requests_timeout": ClientTimeout(sock_connect=SILENCE, sock_read=SILENCE)}


def asked() -> frozenset[str]:
    """The protocols, each with `://`, of the stores that this process has asked, as workers of a build will."""
    return frozenset(_ASKED)


def stamp_of(info: Mapping[str, Any]) -> str:
    """The hash or ETag in a store's facts about an object; "" where there is none."""
    return next((str(info[key]) for key in _STAMPS if info.get(key)), "")


def is_denied(error: BaseException) -> bool:
    """Whether what a store's client raised says that something is not permitted.

    Each says it in its own way: s3fs by PermissionError, gcsfs by an OSError that begins so, both of them and adlfs by
    an error with the status of the answer.
    """
    return isinstance(error, PermissionError) or _status(error) in (401, 403) or str(error).startswith(_FORBIDDEN)


def is_missing(error: BaseException) -> bool:
    """Whether what a store's client raised says that there is no such object, or no such bucket."""
    return isinstance(error, FileNotFoundError) or _status(error) == 404


def _status(error: BaseException) -> int:
    """The HTTP status of the answer that an error tells of; 0 where it tells of none."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return int(status) if isinstance(status, int) or str(status).isdecimal() else 0


def reason_of(error: BaseException) -> str:
    """What a store's client says of an error, in a line: without the numbers of requests that follow it."""
    lines = str(error).removeprefix(_FORBIDDEN).splitlines() or [type(error).__name__]
    return lines[1] if str(error).startswith(_FORBIDDEN) and len(lines) > 1 else lines[0]
