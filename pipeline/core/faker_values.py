"""Values of Faker: they depend on provider, locale, count, seed and the release of Faker, and on nothing else.

They are drawn in a separate process (faker_process.py) with a fixed hash seed and no clock. A provider whose values
depend on the day, the process or the machine is refused.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from functools import lru_cache
from typing import Any

from pipeline.core import faker_process
from pipeline.core.errors import SpecError, suggest
from pipeline.core.system.secrets import needed

_ALIKE = {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
_ASKING = threading.Lock()  # one question at a time


def values_of(provider: str, locale: str, count: int, seed: int) -> tuple[str, ...]:
    """`count` distinct texts of a Faker provider, runs of blanks made one blank. SpecError if they cannot be drawn."""
    answer = json.loads(_answer(provider, locale, count, seed))
    match answer:
        case {"values": values}:
            return tuple(values)
        case {"locales": known}:
            raise SpecError(f"Faker has no locale '{locale}'", suggest(locale, known), ("locale",))
        case {"providers": known}:
            raise SpecError(f"Faker has no provider '{provider}'", suggest(provider, known), ("faker",))
        case {"unrepeatable": what}:
            remedy = "Use an attribute of kind date or integer, or another provider."
            raise SpecError(f"Faker's '{provider}' ({locale}) depends on {what}", remedy, ("faker",))
        case {"few": few}:
            raise SpecError(
                f"Faker's '{provider}' ({locale}) has only {few} distinct values, not {count}",
                f"Ask for count: {few} or fewer.",
                ("count",),
            )
        case {"type": kind}:
            raise SpecError(f"Faker's '{provider}' gives {kind}, not text", "Choose another.", ("faker",))
        case {"fails": why}:
            raise SpecError(f"Faker's '{provider}' fails: {why}", "Choose another.", ("faker",))
    raise SpecError(f"Faker cannot be used: {answer['broken']}", "Install it: pip install faker.", ("faker",))


@lru_cache(256)  # a recipe is loaded more than once in a process
def _answer(*question: Any) -> str:
    """The answer of the process to one request, as JSON."""
    with _ASKING:
        process = _process(os.getpid())
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            print(json.dumps(question), file=process.stdin, flush=True)
            answer = process.stdout.readline()
        except OSError:
            answer = ""
        except BaseException:  # an interrupt: the answer to come must not be taken for that to another question
            _end(process)
            raise
        if not answer:
            _end(process)
            raise SpecError("the process that runs Faker has ended", "Run the same command.", ("faker",))
        return answer


@lru_cache(1)
def _process(owner: int) -> subprocess.Popen[str]:
    """The drawing process that belongs to the process `owner` (a pid), started at the first call."""
    command = [sys.executable, "-P", "-W", "ignore", faker_process.__file__]
    environment = {**needed(os.environ, ""), **_ALIKE}
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603  # a script of ours
        command, env=environment, stdin=pipe, stdout=pipe, stderr=none, encoding="utf-8"
    )
    atexit.register(_end, process)
    print(json.dumps(sys.path), file=process.stdin, flush=True)
    return process


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()
    _process.cache_clear()
