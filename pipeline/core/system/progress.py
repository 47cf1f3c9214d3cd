"""Progress of what takes long: a bar on a terminal; where stderr is a file or a pipe, a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from pipeline.core.system import output

if TYPE_CHECKING:
    from tqdm import tqdm

EVERY = 60  # least seconds between two lines; a shorter command prints none
SCALES = ((10**12, " T"), (10**9, " B"), (10**6, " M"), (10**3, " k"), (1, ""))


def bar(name: str, total: int | None, unit: str) -> tqdm[NoReturn] | Lines:
    """A display of progress, with rate and time left; `update(units)` counts. total: units in all, None if unknown."""
    if not sys.stderr.isatty():
        return Lines(name, total, unit)
    from tqdm import tqdm

    return tqdm(desc=name, total=total, unit=f" {unit}", unit_scale=True, smoothing=0.1)


class Lines:
    """Replaces a tqdm bar: `update` counts, and prints a line at most once in EVERY seconds.

    name: what is being done. total: units in all, None where unknown. Rate and time left are computed from the units
    since the last line.

    >>> with Lines("build", 9_800_000_000, "tokens") as shown:  # build: 1.2 B of 9.8 B tokens (12 %), 31 M tokens/s, …
    ...     shown.update(1_200_000_000)
    """

    def __init__(self, name: str, total: int | None, unit: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._total, self._unit, self._clock = name, total, unit, clock
        self._done = self._done_then = 0
        self._then = clock()  # time of the last line

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Prints nothing: the command itself reports its result."""

    def clear(self) -> None:
        """Nothing, where a bar would leave its line to another text."""

    def update(self, units: int = 1) -> None:
        """Count `units` more as done."""
        self._done += units
        now = self._clock()
        if now - self._then >= EVERY:
            output.complain(f"{self._name}: {self._state((self._done - self._done_then) / (now - self._then))}")
            self._done_then, self._then = self._done, now

    def _state(self, rate: float) -> str:
        speed = f", {scaled(rate)} {self._unit}/s" if rate >= 1 else ""
        if not self._total:
            return f"{scaled(self._done)} {self._unit}{speed}"
        share = f"({100 * self._done // self._total} %)"
        left = f", {duration((self._total - self._done) / rate)} left" if rate and self._done < self._total else ""
        return f"{scaled(self._done)} of {scaled(self._total)} {self._unit} {share}{speed}{left}"


def scaled(number: float) -> str:
    """A number as short as it can be read.

    >>> scaled(1_234_567_890), scaled(31_400_000), scaled(950), scaled(0.5)
    ('1.2 B', '31 M', '950', '0.5')
    """
    scale, name = next((step for step in SCALES if number >= step[0]), SCALES[-1])
    shown = number / scale
    return f"{shown:.1f}".removesuffix(".0") + name if shown < 10 else f"{shown:.0f}{name}"


def counted(number: int, thing: str) -> str:
    """A number with its noun.

    >>> counted(1, "shard"), counted(2000, "shard")
    ('1 shard', '2,000 shards')
    """
    return f"{number:,} {thing}{'s' * (number != 1)}"


def duration(seconds: float) -> str:
    """Seconds as text, in seconds, minutes or hours.

    >>> duration(42), duration(250), duration(12_345), duration(300_000)
    ('42 s', '4 min', '3 h 26 min', '83 h 20 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
