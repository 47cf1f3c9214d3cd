"""What work relies on that was proved and not calculated, and what of that is found to be wrong meanwhile.

    with noted() as reliance:      what runs the work, such as a worker that builds a shard
        ...rely_on(proof)          at any depth; or disprove(proof, reason)
    reliance.proofs, reliance.disproved

Where nobody notes them, both are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Reliance:
    """proofs: the names of those that were relied on. disproved: name → why, of those that were found to be wrong."""

    proofs: set[str] = field(default_factory=set)
    disproved: dict[str, str] = field(default_factory=dict)


_NOTED: ContextVar[Reliance | None] = ContextVar("reliance", default=None)


def rely_on(proof: str) -> None:
    """Note that what is made would be wrong if a proof were."""
    if noting := _NOTED.get():
        noting.proofs.add(proof)


def disprove(proof: str, reason: str) -> None:
    """Note that a proof is wrong."""
    if noting := _NOTED.get():
        noting.disproved[proof] = reason


@contextmanager
def noted() -> Iterator[Reliance]:
    """What the block relies on, as it goes; and so does a block around it."""
    reliance = Reliance()
    token = _NOTED.set(reliance)
    try:
        yield reliance
    finally:
        _NOTED.reset(token)
        if outer := _NOTED.get():
            outer.proofs |= reliance.proofs
            outer.disproved |= reliance.disproved
