"""Small files in the user's cache that are what was written, or are not there: what is known of files of corpora."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from blake3 import blake3

from pipeline.core.errors import RunError
from pipeline.core.system.caches import say_if_temporary, user_cache
from pipeline.core.system.open_files import contents, created

MOST = 2**30  # bytes of one
SEAL = 32


def cached_path(key: str, suffix: str) -> Path:
    """Where something is kept that a text names. SpecError-free: RunError where there is no cache at all."""
    path = user_cache() / "pretraining-recipes" / "corpora" / f"{blake3(key.encode()).hexdigest(20)}{suffix}"
    say_if_temporary(path)
    return path


def read(key: str, suffix: str) -> tuple[Any, bytes] | None:
    """(facts, bytes) as `write` kept them; None where they are missing, or damaged."""
    with suppress(OSError, ValueError, RunError):
        data = contents(cached_path(key, suffix), MOST)
        body, seal = data[:-SEAL], data[-SEAL:]
        if _seal(key, body) == seal:
            facts, _, rest = body.partition(b"\n")
            return json.loads(facts), rest
    return None


def write(key: str, suffix: str, facts: Any, rest: bytes = b"") -> None:
    """Keep facts, which JSON can hold, and bytes. A cache that cannot be written only costs time."""
    body = json.dumps(facts).encode() + b"\n" + rest
    with suppress(OSError, RunError), created(cached_path(key, suffix)) as file:
        file.write(body + _seal(key, body))


def _seal(key: str, body: bytes) -> bytes:
    secret = blake3(key.encode(), derive_key_context="pretraining-recipes: what is known of a file").digest()
    return blake3(body, key=secret).digest()
