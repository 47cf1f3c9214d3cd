"""Holding back the signals that stop this process, while something runs that must not be interrupted.

Signal masks do not help, since a signal goes to any thread that does not mask it. So the handlers are replaced. Python
allows this in the main thread, where it also runs them.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipeline.core.system.signals import HANDLED


def handlers() -> dict[signal.Signals, Any]:
    """The current handlers of the signals that stop this process."""
    return {number: signal.getsignal(number) for number in HANDLED}


def install(wanted: Mapping[signal.Signals, Any]) -> None:
    """Set these handlers, in Python and natively, whatever native code has set."""
    if threading.current_thread() is threading.main_thread():
        for number, handler in wanted.items():
            if handler is not None:  # None: a native handler that Python does not know
                signal.signal(number, handler)


@contextmanager
def held() -> Iterator[None]:
    """Hold the signals during the block; afterwards the previous handlers get them."""
    before, came = handlers(), []
    install(dict.fromkeys(HANDLED, lambda number, frame: came.append(number)))
    try:
        yield
    finally:
        install(before)
        if came:
            signal.raise_signal(came[0])
