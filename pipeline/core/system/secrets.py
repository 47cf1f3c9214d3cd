"""What must not be shown or handed on: passwords and tokens, in the environment and in texts.

A variable holds a secret where a word of its name says so (HF_TOKEN, AWS_SECRET_ACCESS_KEY), or where its value is a
URL with a password. A text holds one where it shows the value of such a variable, a URL with a password, what follows
the "?" of a URL, which may sign it, or a header or token of a known form.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import quote

# How a word of a name ends: TOKEN, GITHUBTOKEN, but not TOKENIZERS.
_ENDS = ("TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY", "CREDENTIALS", "COOKIE")
_WORDS = {"KEY", "KEYS", "SAS", "CREDENTIAL", "AUTHORIZATION", "CONNECTION"}
_PATHS = ("_FILE", "_PATH", "_DIR")  # the name of a place where a secret lies is none
_SHORTEST = 8  # characters of a value that is looked for in texts: "test" and "1" are no secrets, and stand everywhere
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/?#\s'\"@]*:[^/?#\s'\"]*@", re.IGNORECASE)
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?'\"<>]*)\?[^\s'\"<>]+", re.IGNORECASE)
_HEADER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
_HUB = re.compile(r"\bhf_\w{16,}")  # a token of the Hub's, wherever it was read from

# The variables that a store's client reads: the protocol of a URL → how their names begin.
_FAMILIES: dict[str, tuple[str, ...]] = {
    "": (),  # a folder on a disk
    **dict.fromkeys(("s3", "s3a"), ("AWS_", "FSSPEC_S3")),
    **dict.fromkeys(("gs", "gcs"), ("GOOGLE_", "GCLOUD_", "GCSFS_", "FSSPEC_GS", "FSSPEC_GCS")),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), ("AZURE_", "FSSPEC_AZ", "FSSPEC_ABFS", "FSSPEC_ADL")),
    "hf": ("HF_", "HUGGING_FACE_", "HUGGINGFACE_", "FSSPEC_HF"),
}


def is_secret(name: str, value: str) -> bool:
    """Whether a variable of the environment holds a secret.

    >>> is_secret("HF_TOKEN", "hf_x"), is_secret("TOKENIZERS_PARALLELISM", "false"), is_secret("P", "http://a:b@c/")
    (True, False, True)
    """
    upper = name.upper()
    words = upper.split("_")
    named = any(word.endswith(_ENDS) or word in _WORDS for word in words) and not upper.endswith(_PATHS)
    return named or upper.startswith("FSSPEC_") or bool(_USER.search(value))


def needed(environment: Mapping[str, str], url: str) -> dict[str, str]:
    """An environment for who writes to a folder's URL or path: of its secrets, those that its store asks for.

    A store of an unknown kind may ask for any. A proxy's password is one that every store may ask for.

    >>> needed({"HF_TOKEN": "x", "AWS_SECRET_ACCESS_KEY": "y", "HOME": "/"}, "s3://bucket/data")
    {'AWS_SECRET_ACCESS_KEY': 'y', 'HOME': '/'}
    """
    protocol = url.partition("://")[0].lower() if "://" in url else ""
    if protocol not in _FAMILIES:
        return dict(environment)
    families = ("RAY_", *_FAMILIES[protocol], *(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") if protocol else ()))
    return {
        name: value
        for name, value in environment.items()
        if not is_secret(name, value) or name.upper().startswith(families)
    }


def has_secret(url: str) -> bool:
    """Whether a URL has a password, or a query, in it.

    >>> has_secret("s3://key:secret@bucket/x"), has_secret("hf://datasets/user/name@main/x"), has_secret("s3://b/x?s=1")
    (True, False, True)
    """
    return redacted(url, {}) != url


def redacted(text: str, environment: Mapping[str, str] | None = None) -> str:
    """A text without the secrets that stand in it. environment: whose secrets are looked for (default: this process's).

    >>> redacted("PUT https://me:pw@host/a?X-Signature=1 with hf_12345678", {"HF_TOKEN": "hf_12345678"})
    'PUT https://(hidden)@host/a?(hidden) with (HF_TOKEN)'
    """
    variables = os.environ if environment is None else environment
    for name, value in sorted(variables.items(), key=lambda variable: (-len(variable[1]), variable[0])):
        for shown in (value, quote(value, safe="", errors="surrogateescape")):  # as it is, and as it stands in a URL
            if len(value) >= _SHORTEST and shown in text and is_secret(name, value):
                text = text.replace(shown, f"({name})")
    text = _QUERY.sub(r"\1?(hidden)", _USER.sub(r"\1(hidden)@", text))
    return _HUB.sub("(token)", _HEADER.sub(r"\1 (hidden)", text))
