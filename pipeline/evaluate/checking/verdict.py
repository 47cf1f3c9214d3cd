"""What every check can find: a problem that cannot be read, or what is wrong with an answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol, Self

from pipeline.core.errors import PipelineError


class ProblemError(PipelineError):
    """A problem that cannot be read: it is not of the form, or contradicts itself."""


class Why(StrEnum):
    """Reasons why answers are wrong: each has a name, and its meaning in words."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        reason = str.__new__(cls, name)
        reason._value_, reason.meaning = name, meaning
        return reason


class Finding(Protocol):
    """The verdict on an answer."""

    @property
    def reason(self) -> Why | None:
        """What is wrong, None where nothing is."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
