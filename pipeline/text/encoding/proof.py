"""The proof that gigatoken gives the ids that `tokenizers` gives, before it encodes anything.

It must load the tokenizer, and agree on a list of texts that are easy to get wrong. That is proved once for a
tokenizer, the releases of both libraries and the sources of this folder, and kept in the user's cache. Of a corpus, a
sample of its own texts is compared beside that, once. Only then is gigatoken used. Where it is wrong after all, in a
build, that is kept too, and refutes it for the tokenizer.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from blake3 import blake3

from pipeline.core.documents import Ragged
from pipeline.core.notices import Notice, information, quoted
from pipeline.core.system import kept_arrays
from pipeline.core.system.progress import bar
from pipeline.text.encoding.engines import INSTALL, Exact, Fast, Texts, listed, release
from pipeline.text.encoding.hard_texts import hard_texts
from pipeline.text.encoding.unassigned import with_unassigned
from pipeline.text.tokenizer import Tokenizer, TokenizerFault

_MISSING = "that is not installed"
SAMPLED = 10_000  # texts of a sample
SAMPLED_BYTES = 32 * 2**20  # of text, at most; the first batch of a sample is always taken
PROOF, SAMPLE, REFUTED = "proof", "sample", "refuted"  # what is kept: why gigatoken may not encode; "" where it may
_REFUTED: dict[Path, dict[str, str]] = {}
"""Place in the cache → what was refuted in this process, whose cache may keep nothing."""
_AGREED: set[tuple[Any, str]] = set()
"""(engine, proof) that agreed on the hard texts in this process, perhaps one that can keep nothing."""


@dataclass(frozen=True)
class Verdict:
    """Which engine encodes, and why.

    release: the version of gigatoken that was proved; None: tokenizers encodes, for this reason. proof: the digest of
    all that the proof rests on, beside a sample; "" where there was none.
    """

    release: str | None
    reason: str = ""
    proof: str = ""

    @property
    def refuted(self) -> bool:
        """Whether gigatoken was proved, and is refuted by now."""
        return bool(self.proof and refutation(self.proof))

    @property
    def stands(self) -> bool:
        """Whether gigatoken may encode in this process: the release that was proved, and not refuted since."""
        return self.release is not None and self.release == release() and not refutation(self.proof)

    @property
    def notice(self) -> Notice:
        """What `plan` says about it."""
        if self.release:
            return information("gigatoken encodes it, whose ids were compared with those of tokenizers")
        slow = f"tokenizers encodes it, some fifty times slower than gigatoken: {self.reason}"
        return Notice(slow, f"{INSTALL}." if self.reason == _MISSING else "", lost=False)


def proved(
    tokenizer: Tokenizer, *, plain: bool, about: Iterable[str] = (), sample: Callable[[], Iterable[Texts]] | None = None
) -> Verdict:
    """Which engine may encode. plain: whether the text of a special token is ordinary text.

    sample: batches of the texts that are to be encoded, of which SAMPLED or SAMPLED_BYTES are compared too. about: what
    these depend on.
    """
    if not tokenizer.texts:
        return Verdict(None, "this tokenizer has no tokens for texts")
    if tokenizer.alphabet.needs_texts:
        return Verdict(None, "this tokenizer leaves out what it has no token for, so each text has to be examined")
    installed = release()
    if installed is None:
        return Verdict(None, _MISSING)
    releases = [installed, tokenizers.__version__, unicodedata.unidata_version]
    proof = _digest([tokenizer.content_hash, str(plain), *releases, _sources()])
    if reason := refutation(proof):
        return Verdict(None, f"that was wrong in a build: {reason}", proof)
    reason = _of_hard_texts(tokenizer, plain, proof)
    if not reason and sample:
        batches = sample
        reason = _kept(SAMPLE, _digest([proof, *about]), lambda: _compared(tokenizer, plain, _bounded(batches())))
    return Verdict(None, reason) if reason else Verdict(installed, "", proof)


def refute(proof: str, reason: str) -> None:
    """Note that gigatoken was wrong after all: nobody who has this user's cache uses it with that tokenizer."""
    _REFUTED.setdefault(_place(), {})[proof] = reason
    with suppress(OSError), kept_arrays.alone(REFUTED, ""):
        kept_arrays.keep(REFUTED, "", refutations())


def know(refuted: Mapping[str, str]) -> None:
    """Note what somebody else has refuted, such as the process that sends work here."""
    for proof in refuted.keys() - refutations().keys():
        refute(proof, refuted[proof])


def refutation(proof: str) -> str:
    """Why a proof does not hold; "" if it does."""
    return refutations().get(proof, "")


def refutations() -> dict[str, str]:
    """All that is refuted: proof → why."""
    found = kept_arrays.kept(REFUTED, "")
    return {**(found.facts if found else {}), **_REFUTED.get(_place(), {})}


def _place() -> Path:
    return kept_arrays.place(REFUTED, "")


def first_difference(one: Ragged, other: Ragged) -> int | None:
    """The number of the first document whose ids differ; None if there is none. Both are of the same documents."""
    if np.array_equal(one.offsets, other.offsets) and np.array_equal(one.values, other.values):
        return None
    pairs = ((one.slice(i, i + 1).values, other.slice(i, i + 1).values) for i in range(len(one)))
    return next(i for i, (a, b) in enumerate(pairs) if not np.array_equal(a, b))


def _of_hard_texts(tokenizer: Tokenizer, plain: bool, proof: str) -> str:
    """Why gigatoken may not encode; "" if both give the same ids of the hard texts."""
    if (Fast, proof) in _AGREED:
        return ""
    reason = _kept(PROOF, proof, lambda: _compared(tokenizer, plain, [hard_texts(tokenizer)]))
    if not reason:
        _AGREED.add((Fast, proof))
    return reason


def _kept(what: str, name: str, compare: Callable[[], str]) -> str:
    """The reason that is kept, or else that which comes out of the comparison now."""
    reason = _found(what, name)
    if reason is None:
        reason = compare()
        kept_arrays.keep(what, name, reason)
    return reason


def _found(what: str, name: str) -> str | None:
    found = kept_arrays.kept(what, name)
    return str(found.facts) if found else None


def _compared(tokenizer: Tokenizer, plain: bool, batches: Iterable[Texts]) -> str:
    """Why gigatoken may not encode such texts; "" if both give the same ids."""
    try:
        fast, exact = Fast(tokenizer, plain=plain), Exact(tokenizer, plain=plain)
    except TokenizerFault as fault:
        return f"that cannot load this tokenizer ({_cause(fault)})"
    with bar("comparing encoders, once", None, "texts") as shown:
        for batch in batches:
            texts = _certain(batch)
            try:
                different = first_difference(fast.ids(texts), exact.ids(texts))
            except TokenizerFault as fault:
                return f"one of the two fails at a text of the comparison ({_cause(fault)})"
            if different is not None:
                return f"that encodes {quoted(texts[different])} otherwise"
            shown.update(len(texts))
    return ""


@cache
def _sources() -> str:
    """The digest of the sources of this folder: the texts, the engines, and how they are compared."""
    return _digest(path.read_text("utf-8") for path in sorted(Path(__file__).parent.glob("*.py")))


def _digest(parts: Iterable[str]) -> str:
    state = blake3()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()


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
