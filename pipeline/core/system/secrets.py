"""Finds passwords and tokens, in the environment and in texts, so that they are not shown or passed on.

A variable is a secret if a word of its name says so (HF_TOKEN, AWS_SECRET_ACCESS_KEY), or if its value is a URL with a
password. In a text, these are secrets: the value of such a variable, the password of a URL, the query of a URL (it may
be a signature), and headers and tokens of known forms.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import quote

# How a word of a name ends: TOKEN, GITHUBTOKEN, but not TOKENIZERS.
_ENDS = ("TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY", "CREDENTIALS", "COOKIE")
_WORDS = {"KEY", "KEYS", "SAS", "CREDENTIAL", "AUTHORIZATION", "CONNECTION"}
_PATHS = ("_FILE", "_PATH", "_DIR")  # such a variable holds the path of a secret, not the secret
_SHORTEST = 8  # characters of a value that is searched in texts: "test" and "1" are no secrets, and are everywhere
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
    """Whether an environment variable is a secret.

    >>> is_secret("HF_TOKEN", "hf_x"), is_secret("TOKENIZERS_PARALLELISM", "false"), is_secret("P", "http://a:b@c/")
    (True, False, True)
    """
    upper = name.upper()
    words = upper.split("_")
    named = any(word.endswith(_ENDS) or word in _WORDS for word in words) and not upper.endswith(_PATHS)
    return named or upper.startswith("FSSPEC_") or bool(_USER.search(value))


def needed(environment: Mapping[str, str], *urls: str) -> dict[str, str]:
    """The environment without the secrets that reading and writing at `urls` (URLs or paths) does not need.

    A store of an unknown kind may need any of them. Every store may need a proxy's password.

    >>> needed({"HF_TOKEN": "x", "AWS_SECRET_ACCESS_KEY": "y", "HOME": "/"}, "s3://bucket/data")
    {'AWS_SECRET_ACCESS_KEY': 'y', 'HOME': '/'}
    """
    protocols = {url.partition("://")[0].lower() if "://" in url else "" for url in urls}
    if not protocols <= _FAMILIES.keys():
        return dict(environment)
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") if any(protocols) else ()
    families = ("RAY_", *(name for protocol in protocols for name in _FAMILIES[protocol]), *proxies)
    return {
        name: value
        for name, value in environment.items()
        if not is_secret(name, value) or name.upper().startswith(families)
    }


def has_secret(url: str) -> bool:
    """Whether a URL contains a password or a query. Of a store, `?` without `=` is a letter of a pattern.

    >>> has_secret("s3://key:secret@bucket/x"), has_secret("hf://datasets/user/name@main/x"), has_secret("s3://b/x?s=1")
    (True, False, True)
    >>> has_secret("s3://bucket/part-?.txt"), has_secret("https://host/x?abc")
    (False, True)
    """
    of_pattern = "=" not in url.partition("?")[2] and not url.lower().startswith("http")
    shown = url.replace("?", "*") if of_pattern else url
    return redacted(shown, {}) != shown


def redacted(text: str, environment: Mapping[str, str] | None = None) -> str:
    """A text with every secret in it hidden. environment: its secrets are hidden too (default: this process's).

    >>> redacted("PUT https://me:pw@host/a?X-Signature=1 with hf_12345678", {"HF_TOKEN": "hf_12345678"})
    'PUT https://(hidden)@host/a?(hidden) with (HF_TOKEN)'
    """
    variables = os.environ if environment is None else environment
    for name, value in sorted(variables.items(), key=lambda variable: (-len(variable[1]), variable[0])):
        for shown in (value, quote(value, safe="", errors="surrogateescape")):  # as it is, and as written in a URL
            if len(value) >= _SHORTEST and shown in text and is_secret(name, value):
                text = text.replace(shown, f"({name})")
    text = _QUERY.sub(r"\1?(hidden)", _USER.sub(r"\1(hidden)@", text))
    return _HUB.sub("(token)", _HEADER.sub(r"\1 (hidden)", text))
