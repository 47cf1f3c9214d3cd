"""Loads an untrusted tokenizer.json from a path or the Hugging Face Hub, and examines it before use."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tokenizers

from pipeline.core.errors import SpecError, suggest
from pipeline.core.files import Files
from pipeline.core.system.caches import user_cache
from pipeline.core.system.open_files import contents, expanded
from pipeline.text.tokenizer import TokenizerFault, refusing_faults

MOST_BYTES = 2**27  # of a tokenizer.json
MOST_IDS = 2**24  # the highest id + 1, as memory is needed for every id up to the highest
MOST_GROWTH = 1000  # characters into which its normalizer may turn one character
_FORM = "It must be a Hugging Face tokenizer.json."
_TRIAL = ("a", " Anya Briar Forger was born on October 2, 1996.", "a" * 64 + "!", " " * 64 + "!", "1" * 64 + "!", "é😀")


def from_file(name: str, files: Files) -> tokenizers.Tokenizer | None:
    """The tokenizer at a path, which is a tokenizer.json or a folder with one; None if `name` is no path."""
    read = read_file(name, files)
    return _examined(*read) if read else None


def read_file(name: str, files: Files) -> tuple[bytes, str] | None:
    """The content of the tokenizer.json at a path, which is the file or a folder with it, and the path of the file.

    None if `name` is no path. SpecError if it cannot be read.
    """
    path = expanded(name)
    if not path.is_absolute():  # a user's tokenizer may lie anywhere; a relative path must stay below the recipe
        if not name.endswith(".json"):
            return None
        path = files.find(name, "recipes", "name")
    path = path / "tokenizer.json" if path.is_dir() else path
    return _read(path), str(path)


def at(path: Path) -> tokenizers.Tokenizer:
    """The tokenizer.json at a path. SpecError if it cannot be loaded."""
    return _examined(_read(path), str(path))


def _read(path: Path) -> bytes:
    try:
        return contents(path, MOST_BYTES)
    except OSError as error:
        raise SpecError(f"cannot load the tokenizer {path}: {error.strerror}", _FORM, ("name",)) from None


def from_hub(name: str) -> tokenizers.Tokenizer:
    """The tokenizer of a repository on the Hub, downloaded if it is not cached. SpecError if it cannot be loaded."""
    user_cache()  # without a home, the Hub's library would make a folder named ~
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import logging as hub

    hub.set_verbosity_error()  # type: ignore[no-untyped-call]  # its retries are not the user's business
    try:
        path = hf_hub_download(name, "tokenizer.json")
    except Exception as error:  # of the network, of the name, or of the repository
        remedy = suggest(name, ["gpt2"]) if "/" not in name else ""
        raise SpecError(
            f"cannot fetch the tokenizer '{name}' from the Hugging Face Hub ({type(error).__name__})",
            remedy if "mean" in remedy else "Without a network, name gpt2 or the path of a tokenizer.json.",
            ("name",),
        ) from None
    return _examined(contents(path, MOST_BYTES), name)


def cached(name: str) -> bytes | None:
    """The tokenizer.json of a Hub repository from the local cache; None if it is not cached. Downloads nothing.

    OSError if it cannot be read.
    """
    user_cache()
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(name, "tokenizer.json")
    return contents(path, MOST_BYTES) if isinstance(path, str) else None


def _examined(data: bytes, name: str) -> tokenizers.Tokenizer:
    """The tokenizer in a tokenizer.json. SpecError if it does not work, or would use memory without bound."""
    try:
        text = data.decode()
        _check_description(json.loads(text))
        with refusing_faults(), _silent():
            backend = tokenizers.Tokenizer.from_str(text)
            backend.no_padding()  # it may ask for padding to a thousand million tokens
            backend.no_truncation()
            highest = max(backend.get_vocab(with_added_tokens=True).values(), default=0)
            if highest >= MOST_IDS:
                raise TokenizerFault(f"it has the id {highest:,}, and may have ids below {MOST_IDS:,}")
            _try(backend)
    except RecursionError:
        raise SpecError(f"cannot load the tokenizer {name}: nested too deeply", _FORM, ("name",)) from None
    except (UnicodeDecodeError, ValueError, TokenizerFault) as error:
        raise SpecError(f"cannot load the tokenizer {name}: {error}", _FORM, ("name",)) from None
    return backend


def _check_description(described: Any) -> None:
    """TokenizerFault for contents that would exhaust memory, because the library allocates before it checks."""
    if not isinstance(described, dict):
        raise TokenizerFault("it holds no mapping")
    for part in ("normalizer", "decoder"):
        growth = 1
        for step in _steps(described.get(part)):
            content = step.get("content")
            if isinstance(content, str):
                growth *= max(len(content), 1)
            if growth > MOST_GROWTH:
                raise TokenizerFault(f"its {part} makes more than {MOST_GROWTH:,} characters of one")
            if step.get("type") == "Precompiled":
                _check_charsmap(step.get("precompiled_charsmap"))


def _steps(described: Any) -> Iterator[dict[str, Any]]:
    """A part of a tokenizer, and, if it is a sequence, all of its steps."""
    if isinstance(described, dict):
        yield described
        for value in described.values():
            if isinstance(value, list):
                for step in value:
                    yield from _steps(step)


def _check_charsmap(encoded: Any) -> None:
    """TokenizerFault for an invalid character map: its first four bytes state how many bytes of a trie follow."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError):
        raise TokenizerFault("its precompiled_charsmap is not base64") from None
    size = int.from_bytes(data[:4], "little")
    if len(data) < 4 or size > len(data) - 4 or size % 4:
        raise TokenizerFault("its precompiled_charsmap is cut off")


def _try(backend: tokenizers.Tokenizer) -> None:
    """Encode something, so that a tokenizer that makes the library panic (PanicException) does so now.

    An Exception is ignored: a tokenizer may lack a token for a letter that no document has.
    """
    for text in _TRIAL:
        with suppress(Exception):
            backend.decode(backend.encode(text, add_special_tokens=False).ids, skip_special_tokens=False)
    backend.to_str()


@contextmanager
def _silent() -> Iterator[None]:
    """Discards what the library writes to the terminal when it panics, in addition to the exception."""
    try:
        kept = os.dup(2)
    except OSError:  # stderr is closed
        yield
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
