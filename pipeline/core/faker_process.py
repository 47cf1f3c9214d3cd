"""The script of the separate process that draws values from Faker; faker_values.py starts it.

The process has no clock, and no randomness but the seed. Before Faker is imported, `datetime`, `time` and `os.urandom`
are replaced: they stand still while modules are loaded, and raise while a value is drawn. So every provider that reads
them, for any locale, is noticed.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

MOMENT = 946_684_800  # 1 January 2000: the time shown while modules are loaded
_drawing = False


class _Unrepeatable(BaseException):  # no Exception: no provider catches it
    """A provider read the clock or the machine's randomness; its argument names which."""


def _looked_at(what: str) -> None:
    if _drawing:
        raise _Unrepeatable(what)


class _Kind(type):
    """Lets instances of the real class pass as instances of the class that replaces it."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__mro__[1])


class _Date(datetime.date, metaclass=_Kind):
    @classmethod
    def today(cls) -> Any:
        _looked_at("today's date")
        return cls(2000, 1, 1)


class _DateTime(datetime.datetime, metaclass=_Kind):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        _looked_at("today's date")
        return cls(2000, 1, 1, tzinfo=tz)

    @classmethod
    def today(cls) -> Any:
        return cls.now()

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now()


def _still(real: Callable[..., Any], inputs: int, moment: Any) -> Callable[..., Any]:
    """Replaces a function of `time`, which may take a moment as the last of its `inputs`; without one, MOMENT."""

    def function(*given: Any) -> Any:
        if len(given) >= inputs:
            return real(*given)
        _looked_at("today's date")
        return real(*given, moment)

    return function


def _stopped(moment: Any) -> Callable[[], Any]:
    """A clock that always shows `moment`."""

    def clock() -> Any:
        _looked_at("today's date")
        return moment

    return clock


def _without_clock() -> None:
    """Replace every function that reads the clock, or randomness that does not come from the seed."""
    moment = time.gmtime(MOMENT)
    for name in ("localtime", "gmtime", "ctime"):
        setattr(time, name, _still(getattr(time, name), 1, MOMENT))
    time.asctime, time.strftime = _still(time.asctime, 1, moment), _still(time.strftime, 2, moment)
    for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
        setattr(time, name, _stopped(float(MOMENT)))
        setattr(time, f"{name}_ns", _stopped(MOMENT * 10**9))
    datetime.date, datetime.datetime = _Date, _DateTime  # type: ignore[misc]
    real = os.urandom

    def urandom(size: int) -> bytes:
        _looked_at("the randomness of the machine")
        return real(size)

    os.urandom = urandom


def answer(provider: str, locale: str, count: int, seed: int) -> dict[str, Any]:
    """`{"values": [...]}`, or one other key that states why they cannot be drawn."""
    global _drawing
    import random

    from faker import Faker
    from faker.config import AVAILABLE_LOCALES

    if locale not in AVAILABLE_LOCALES:
        return {"locales": sorted(AVAILABLE_LOCALES)}
    fake = Faker(locale)
    fake.seed_instance(seed)
    random.seed(seed)
    known = {name for group in fake.get_providers() for name in dir(group) if name.islower() and name[0] != "_"}
    if provider not in known:
        return {"providers": sorted(known)}
    values: dict[str, None] = {}
    misses = 0  # in a row: as many as there are values, and a thousand, and there are hardly any more
    while len(values) < count and misses < 1000 + len(values):
        _drawing = True
        try:
            value = getattr(fake, provider)()
        except _Unrepeatable as looked:
            return {"unrepeatable": str(looked)}
        except Exception as error:  # it needs arguments, or a package
            return {"fails": str(error)}
        finally:
            _drawing = False
        if not isinstance(value, str | int):
            return {"type": type(value).__name__}
        text = " ".join(str(value).split())
        misses = 0 if text and text not in values else misses + 1
        if text:
            values[text] = None
    return {"values": list(values)} if len(values) == count else {"few": len(values)}


def _served() -> None:
    """Read requests from stdin, one line of JSON each, and write their answers, until stdin ends."""
    out, sys.stdout = sys.stdout, sys.stderr  # whatever a provider prints is no answer
    sys.path[:] = json.loads(sys.stdin.readline())
    _without_clock()
    for request in sys.stdin:
        try:
            reply = answer(*json.loads(request))
        except Exception as error:  # Faker is not there, or not as we know it
            reply = {"broken": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__":
    _served()
