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
_PACKED = ("gzip", "x-gzip", "deflate", "br", "zstd")
_STAMPS = ("md5Hash", "ETag", "etag", "blob_id")


def checked_protocol(url: str) -> str:
    """The protocol of a URL.

    StorageError where no installed package speaks it, for a URL that holds a secret, and for one that names an account
    of Azure: the client is asked for by protocol alone, and would look into the account of the environment.
    """
    import fsspec

    protocol, _, place = url.partition("://")
    if has_secret(url):
        raise StorageError(
            "a password or a signature in a URL is seen by all who see commands, logs or the list of processes",
            "Give it as the store's own client reads it: in the environment, or in a file of its own.",
            url,
        )
    container = place.partition("/")[0]
    if PACKAGES.get(protocol) == "adlfs" and ("@" in container or container.endswith(".core.windows.net")):
        remedy = f"Name the account in AZURE_STORAGE_ACCOUNT_NAME, and write {protocol}://container/path."
        raise StorageError("an account is not named in the address", remedy, url)
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
    """The hash or ETag in a store's facts about an object; "" where there is none.

    Of Google's store it is the MD5 hash of the bytes, or of composed objects, which have none, the ETag, which changes
    with each write; of Azure's the ETag too.

    >>> stamp_of({"etag": "CJ0=", "md5Hash": "1B2M2Y8AsgTpgAmY7PhCfg=="}), stamp_of({"etag": "CJ0="})
    ('1B2M2Y8AsgTpgAmY7PhCfg==', 'CJ0=')
    >>> stamp_of({"etag": '"0x8D"'}), stamp_of({"etag": "0x8D"})  # older adlfs: of an object, and in a listing
    ('0x8D', '0x8D')
    """
    return next((_unquoted(key, str(info[key])) for key in _STAMPS if info.get(key)), "")


def _unquoted(key: str, stamp: str) -> str:
    return stamp.strip('"') if key == "etag" else stamp


def encoding_of(info: Mapping[str, Any]) -> str:
    """How an object is packed, of a store whose client unpacks it while it reads; "" where it is read as it is stored.

    The clients of Google's and Azure's stores do so. Its size is that of what is stored, so only a part would be read.

    >>> encoding_of({"contentEncoding": "gzip"}), encoding_of({"content_settings": {"content_encoding": "utf-8"}})
    ('gzip', '')
    """
    settings = info.get("content_settings") or {}
    encoding = str(info.get("contentEncoding") or settings.get("content_encoding") or "")
    return encoding if encoding.lower() in _PACKED else ""


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
    said = str(getattr(error, "status_code", None) or getattr(error, "code", None))
    return int(said) if said.isdecimal() else 0


def reason_of(error: BaseException) -> str:
    """What a store's client says of an error, in a line: without the numbers of requests that follow it."""
    lines = str(error).removeprefix(_FORBIDDEN).splitlines() or [type(error).__name__]
    return lines[1] if str(error).startswith(_FORBIDDEN) and len(lines) > 1 else lines[0]
