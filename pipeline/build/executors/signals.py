"""The signals that stop this process, held back while something goes on that must not be stopped half-way.

Masks do not hold them: a signal to the process comes to whichever thread has none. So their handlers are changed, which
Python allows in the main thread, the only one in which it runs them.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipeline.core.system.signals import HANDLED


def handlers() -> dict[signal.Signals, Any]:
    """How this process handles them now."""
    return {number: signal.getsignal(number) for number in HANDLED}


def install(wanted: Mapping[signal.Signals, Any]) -> None:
    """Handle them so, natively too, whatever native code has set meanwhile."""
    if threading.current_thread() is threading.main_thread():
        for number, handler in wanted.items():
            if handler is not None:  # which is one that Python does not know
                signal.signal(number, handler)


@contextmanager
def held() -> Iterator[None]:
    """They come when the block is left, to the handlers that there were before it."""
    before, came = handlers(), []
    install(dict.fromkeys(HANDLED, lambda number, frame: came.append(number)))
    try:
        yield
    finally:
        install(before)
        if came:
            signal.raise_signal(came[0])
