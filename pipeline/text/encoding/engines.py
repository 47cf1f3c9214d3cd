"""The two engines that encode batches of texts: `tokenizers`, which is always right, and `gigatoken`, which is fast.

Both turn d texts into one flat array of ids, without the places of characters. An engine fails with TokenizerFault, of
whatever its library raised; `fast_encoder.py` chooses the engine, and checks what it gives.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from pipeline.core.documents import Ragged, offsets_of
from pipeline.text.tokenizer import Tokenizer, TokenizerFault, refusing_faults

PACKAGE = "gigatoken"
INSTALL = "pip install 'pretraining-recipes[fast]'"
TOGETHER = 1024  # texts that `tokenizers` encodes at once
MOST_GROWTH = 512 * 2**20  # bytes that the memory of this process may grow before gigatoken's words are forgotten
LOOK = 16 * 2**20  # bytes of text between two looks at that memory
MOST_UNSEEN = 256 * 2**20  # bytes of text after which they are forgotten where the system does not tell

Texts: TypeAlias = Any
"""d texts: a list of str, or a `pyarrow.LargeStringArray` without nulls."""


class Engine(Protocol):
    """What encodes texts."""

    name: str

    def ids(self, texts: Texts, *, parallel: bool = False) -> Ragged:
        """The ids of each text, of the tokenizer's dtype, no token added around it. TokenizerFault if it fails.

        parallel: whether all cores may take part; otherwise it stays in the thread of the caller.
        """
        ...


class Exact:
    """`tokenizers` itself; TOKENIZERS_PARALLELISM decides whether all cores take part.

    plain: whether the text of a special token is ordinary text.
    """

    name = "tokenizers"

    def __init__(self, tokenizer: Tokenizer, *, plain: bool) -> None:
        self._tokenizer, self._plain, self._dtype = tokenizer, plain, tokenizer.dtype

    def ids(self, texts: Texts, *, parallel: bool = False) -> Ragged:
        backend = self._tokenizer.backend
        backend.encode_special_tokens = self._plain
        try:
            with refusing_faults():
                return by_parts(texts, partial(backend.encode_batch_fast, add_special_tokens=False), self._dtype)
        finally:
            backend.encode_special_tokens = False


class Fast:
    """`gigatoken`. TokenizerFault if it cannot load the tokenizer.

    It remembers every different word that it met. So its memory is watched, and it begins anew where that grew by
    MOST_GROWTH; loading takes a fraction of a second.
    """

    name = PACKAGE

    def __init__(self, tokenizer: Tokenizer, *, plain: bool) -> None:
        self._tokenizer, self._json = tokenizer, json.dumps(_described(tokenizer, plain=plain))
        self._load()

    def ids(self, texts: Texts, *, parallel: bool = False) -> Ragged:
        with refusing_faults():
            encoded = self._encoder.encode_batch(_given(texts), parallel=parallel).layout
            ids, offsets = np.asarray(encoded.content.data), np.asarray(encoded.offsets.data)
        if ids.size and int(ids.max()) >= self._tokenizer.vocabulary:
            raise TokenizerFault(f"it gives the id {ids.max()}, which the tokenizer does not have")
        self._count(4 * len(ids))
        return Ragged(ids.astype(self._tokenizer.dtype), offsets.astype(np.int64, copy=False))

    def _load(self) -> None:
        with refusing_faults():
            import gigatoken

            self._encoder = gigatoken.Tokenizer.from_json(self._json)
        self._seen, self._looked, self._memory = 0, 0, own_memory()

    def _count(self, size: int) -> None:
        """Load the tokenizer anew if too much is remembered. size: about how many bytes of text there were."""
        self._seen += size
        if self._seen - self._looked < LOOK:
            return
        self._looked, now = self._seen, own_memory()
        if now is None or self._memory is None:
            full = self._seen > MOST_UNSEEN
        else:
            full = now - self._memory > MOST_GROWTH
        if full:
            self._load()


def release() -> str | None:
    """The version of gigatoken; None where it is not installed."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return None


def listed(texts: Texts) -> list[str]:
    """Texts as a list of str."""
    return list(texts) if isinstance(texts, list | tuple) else list(texts.to_pylist())


def flat(encodings: Sequence[Any], dtype: np.dtype[Any]) -> Ragged:
    """The ids of `tokenizers.Encoding`s."""
    offsets = offsets_of(np.fromiter(map(len, encodings), np.int64, len(encodings)))
    ids = chain.from_iterable(encoding.ids for encoding in encodings)
    return Ragged(np.fromiter(ids, dtype, offsets[-1]), offsets)


def by_parts(texts: Texts, encode: Callable[[list[str]], Sequence[Any]], dtype: np.dtype[Any]) -> Ragged:
    """The ids of texts, of which TOGETHER are encoded at once: encodings take hundreds of bytes a token."""
    firsts = range(0, max(len(texts), 1), TOGETHER)
    return Ragged.concat([flat(encode(listed(texts[first : first + TOGETHER])), dtype) for first in firsts])


def own_memory() -> int | None:
    """Bytes of memory of this process that are not of files; None where the system does not tell."""
    try:
        _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    except (OSError, ValueError):
        return None
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def _described(tokenizer: Tokenizer, *, plain: bool) -> dict[str, Any]:
    """The tokenizer.json; plain: without its special tokens, so that their texts are text."""
    added = tokenizer.description.get("added_tokens", [])
    kept = [token for token in added if not (plain and token["special"])]
    return {**tokenizer.description, "added_tokens": kept, "post_processor": None}


def _given(texts: Texts) -> Any:
    """Texts as gigatoken takes them: a list, or the memory of an Arrow array as awkward's, without a copy."""
    if isinstance(texts, list | tuple):
        return list(texts)
    import awkward as ak

    _, places, data = texts.buffers()
    offsets = np.frombuffer(places, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
    content = ak.contents.NumpyArray(letters, parameters={"__array__": "char"})
    index = ak.index.Index64(offsets)
    return ak.Array(ak.contents.ListOffsetArray(index, content, parameters={"__array__": "string"}))
