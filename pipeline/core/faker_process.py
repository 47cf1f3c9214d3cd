"""What is run as a process of its own to draw values from Faker: see faker_values.py.

Here there is no clock and no randomness but the seed: before Faker is imported, `datetime`, `time` and `os.urandom` are
replaced by ones that stand still while modules are loaded and refuse to be read while a value is drawn. So it does not
matter which of Faker's many providers look at them, for which locale, or by way of which other provider.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

MOMENT = 946_684_800  # 1 January 2000, which it is while modules are loaded
_drawing = False


class _Unrepeatable(BaseException):  # which no provider catches
    """What a provider wanted to look at."""


def _looked_at(what: str) -> None:
    if _drawing:
        raise _Unrepeatable(what)


class _Kind(type):
    """Instances of the real class are instances of the one that takes its name."""

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
    """A function of `time`: as it is where the last of its inputs, the moment, is given; else that of a fixed one."""

    def function(*given: Any) -> Any:
        if len(given) >= inputs:
            return real(*given)
        _looked_at("today's date")
        return real(*given, moment)

    return function


def _stopped(moment: Any) -> Callable[[], Any]:
    """A clock that always shows the same."""

    def clock() -> Any:
        _looked_at("today's date")
        return moment

    return clock


def _without_clock() -> None:
    """Replace all that shows a time, or chance that the seed does not rule."""
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
    """`{"values": [...]}`, or one other key that says why there are none."""
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
    """Answer requests, a line of JSON each, until there are no more."""
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
