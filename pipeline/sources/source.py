"""What every source is: a length, and documents as a pure function of (item, exposure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from pipeline.core.documents import Documents
from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds.world import World


@dataclass(frozen=True)
class Context:
    """What a source is compiled from, beside its own spec."""

    worlds: Mapping[str, World]
    tokenizer: Tokenizer
    key: Key


class Source(Protocol):
    """Items 0 … len-1, each of which can be told at any exposure.

    labels: what the label of a span means. notices: what `plan` should tell the user. exposures: how often each item is
    told where the recipe does not say; None where it must. mean_tokens: expected tokens of a document, its end token
    included. longest: most tokens of a document; None where that is not known ahead.
    """

    labels: tuple[str, ...]
    notices: tuple[str, ...]
    exposures: int | None
    mean_tokens: Fraction
    longest: int | None

    def __init__(self, spec: Any, context: Context) -> None:
        """SpecError, `at` below the spec, where it cannot be compiled."""
        ...

    def __len__(self) -> int: ...

    def documents(self, item: I64, exposure: I64, *, spans: bool) -> Documents:
        """One document for each row of item, exposure (d,): row by row, whatever the other rows are."""
        ...
