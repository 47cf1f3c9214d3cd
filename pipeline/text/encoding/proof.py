"""The proof that gigatoken gives the ids that `tokenizers` gives, before it encodes anything.

It must load the tokenizer, and agree on a list of texts that are easy to get wrong and on a sample of the texts that it
shall encode. Only then is it used; the verdict is kept in the user's cache, so that this costs once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.documents import Ragged
from pipeline.core.errors import RunError
from pipeline.core.notices import Notice, information, quoted
from pipeline.core.system.caches import user_cache
from pipeline.core.system.object_cache import digest_of, kept
from pipeline.core.system.open_files import created
from pipeline.core.system.progress import bar
from pipeline.text.encoding.engines import INSTALL, Exact, Fast, Texts, listed, release
from pipeline.text.encoding.hard_texts import hard_texts
from pipeline.text.encoding.unassigned import with_unassigned
from pipeline.text.tokenizer import Tokenizer, TokenizerFault

_MISSING = "that is not installed"
SAMPLED = 10_000  # texts of a sample
SAMPLED_BYTES = 32 * 2**20  # of text, at most; the first batch of a sample is always taken
_AGREED: set[tuple[Any, str, bool]] = set()
"""(engine, tokenizer, mode) that agreed on the hard texts in this process."""


@dataclass(frozen=True)
class Verdict:
    """Which engine encodes, and why.

    release: the version of gigatoken that was proved; None: tokenizers encodes, for this reason. digest: of what was
    compared.
    """

    release: str | None
    reason: str = ""
    digest: str = ""

    @property
    def stands(self) -> bool:
        """Whether gigatoken may encode in this process: the release that was proved, and not refuted since."""
        return self.release is not None and self.release == release() and not _refutation(self.digest)

    def refute(self, reason: str) -> None:
        """Note that gigatoken was wrong after all: nobody who has this user's cache encodes these texts with it."""
        with suppress(OSError, RunError), created(_place(self.digest)) as file:
            file.write(reason.encode())

    @property
    def notice(self) -> Notice:
        """What `plan` says about it."""
        if self.release:
            return information("gigatoken encodes it, whose ids were compared with those of tokenizers")
        slow = f"tokenizers encodes it, some fifty times slower than gigatoken: {self.reason}"
        return Notice(slow, f"{INSTALL}." if self.reason == _MISSING else "", lost=False)


def proved(
    tokenizer: Tokenizer, *, plain: bool, about: Iterable[str] = (), sample: Callable[[], Iterable[Texts]] = tuple
) -> Verdict:
    """Which engine may encode. plain: whether the text of a special token is ordinary text.

    sample: batches of the texts that are to be encoded, of which SAMPLED or SAMPLED_BYTES are compared. about: what
    these depend on, which is part of the name under which the verdict is kept.
    """
    if not tokenizer.texts:
        return Verdict(None, "this tokenizer has no tokens for texts")
    if tokenizer.drops and tokenizer.known_bytes is None:
        return Verdict(None, "this tokenizer leaves out what it has no token for, so each text has to be examined")
    installed = release()
    if installed is None:
        return Verdict(None, _MISSING)
    named = ["encoder", tokenizer.content_hash, str(plain), installed, *about]
    digest = digest_of(named)
    if reason := _refutation(digest):
        return Verdict(None, reason)
    return replace(kept("encoders", digest, lambda: _compared(tokenizer, installed, plain, sample)), digest=digest)


def first_difference(one: Ragged, other: Ragged) -> int | None:
    """The number of the first document whose ids differ; None if there is none. Both are of the same documents."""
    if np.array_equal(one.offsets, other.offsets) and np.array_equal(one.values, other.values):
        return None
    pairs = ((one.slice(i, i + 1).values, other.slice(i, i + 1).values) for i in range(len(one)))
    return next(i for i, (a, b) in enumerate(pairs) if not np.array_equal(a, b))


def _place(digest: str) -> Path:
    """Where a refutation stands."""
    return user_cache() / "pretraining-recipes" / "encoders" / f"{digest}.refuted"


def _refutation(digest: str) -> str:
    """Why a verdict does not hold; "" if it does."""
    try:
        return _place(digest).read_text("utf-8", "replace")
    except (OSError, RunError):
        return ""


def _compared(tokenizer: Tokenizer, installed: str, plain: bool, sample: Callable[[], Iterable[Texts]]) -> Verdict:
    try:
        fast, exact = Fast(tokenizer, plain=plain), Exact(tokenizer, plain=plain)
    except TokenizerFault as fault:
        return Verdict(None, f"that cannot load this tokenizer ({_cause(fault)})")
    key = (Fast, tokenizer.content_hash, plain)
    hard = [] if key in _AGREED else [hard_texts(tokenizer)]
    with bar("comparing encoders, once", None, "texts") as shown:
        for batch in chain(hard, _bounded(sample())):
            texts = _certain(batch)
            try:
                different = first_difference(fast.ids(texts), exact.ids(texts))
            except TokenizerFault as fault:
                return Verdict(None, f"one of the two fails at a text of the comparison ({_cause(fault)})")
            if different is not None:
                return Verdict(None, f"that encodes {quoted(texts[different])} otherwise")
            shown.update(len(texts))
    _AGREED.add(key)
    return Verdict(installed)


def _certain(texts: Texts) -> list[str]:
    """The texts without those that are left to `tokenizers` in any case."""
    doubtful = set(with_unassigned(texts).tolist())
    return [text for place, text in enumerate(listed(texts)) if place not in doubtful]


def _bounded(batches: Iterable[Texts]) -> Iterator[Texts]:
    """The first batches, until there is enough text."""
    count = size = 0
    for texts in batches:
        if count >= SAMPLED or size >= SAMPLED_BYTES:
            return
        yield texts
        count += len(texts)
        size += texts.nbytes if hasattr(texts, "nbytes") else sum(map(len, texts))


def _cause(fault: TokenizerFault) -> str:
    """The message of a library, short."""
    return str(fault).partition(" Location:")[0][:200]
