"""The results of checks: ProblemError for an unreadable problem, Why for a wrong answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol, Self

from pipeline.core.errors import PipelineError


class ProblemError(PipelineError):
    """A problem that cannot be read, because its form is wrong or it contradicts itself."""


class Why(StrEnum):
    """Reasons why answers are wrong. Each has a name and a meaning, in words."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        reason = str.__new__(cls, name)
        reason._value_, reason.meaning = name, meaning
        return reason


class Said(str):
    """A reason in a user's own words. meaning: more about it, or ""."""

    __slots__ = ("meaning",)
    meaning: str

    def __new__(cls, reason: str, meaning: str = "") -> Self:
        said = super().__new__(cls, reason)
        said.meaning = meaning
        return said


class Finding(Protocol):
    """The verdict on an answer."""

    @property
    def reason(self) -> Why | Said | None:
        """What is wrong, None where nothing is."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
