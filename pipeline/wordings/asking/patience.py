"""How long to wait after a failure, and the clock that measures it, which tests replace."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from threading import Event

LONGEST_ASKED = 3600.0  # seconds that a server's Retry-After can ask for


class Clock:
    """The clock of the system."""

    def now(self) -> float:
        """Seconds, from an arbitrary moment on."""
        return time.monotonic()

    def today(self) -> float:
        """Seconds since 1970, to which a Retry-After with a date compares."""
        return time.time()

    def wait(self, seconds: float, stopped: Event) -> None:
        """Wait, unless `stopped` is set meanwhile."""
        stopped.wait(seconds)


@dataclass(frozen=True)
class Patience:
    """retries: how often a request is sent again. first, longest: seconds to wait after the first failure, at most."""

    retries: int = 8
    first: float = 0.5
    longest: float = 60.0

    def seconds(self, failures: int, asked: float | None) -> float:
        """Seconds to wait after `failures` failures in a row, 1 or more: doubled each time, or what the server asked.

        >>> [Patience().seconds(failures, None) for failures in (1, 2, 3, 20)]
        [0.5, 1.0, 2.0, 60.0]
        """
        return max(min(self.first * 2.0 ** min(failures - 1, 60), self.longest), asked or 0.0)


def seconds_asked(header: str | None, today: float) -> float | None:
    """The seconds that a Retry-After asks to wait, as a number or a date; None where it says nothing readable.

    >>> seconds_asked("3", 0.0), seconds_asked("Thu, 01 Jan 1970 00:01:00 GMT", 45.0), seconds_asked("soon", 0.0)
    (3.0, 15.0, None)
    """
    if header is None:
        return None
    try:
        seconds = float(header) if header.strip()[:1].isdigit() else parsedate_to_datetime(header).timestamp() - today
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_ASKED) if seconds == seconds else None
