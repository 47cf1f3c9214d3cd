"""Ctrl-C, `kill` and a terminal that goes away: the first such signal unwinds, the second ends the process at once.

The first raises `Stopped` in the main thread, so that files, locks and processes are cleaned up on the way out. From
then on the signals have the effect that the system gives them: a second one ends the process without a word, whatever
it is doing (cleaning up, waiting for threads, leaving Python). What a process that ends so leaves behind, partial files
of a build above all, is cleaned up by the next run. A signal that was ignored when the process started, as by `nohup`
or `&`, stays ignored.

Only the command line calls `handle`. A program that uses the package keeps its own handlers.
"""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False  # as typing's: the sooner signals are handled, the better
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_AFTER = 0.01  # seconds until a `Stopped` that Python has dropped is raised once more
_handling: set[int] = set()  # those that raise Stopped: as the handlers themselves, this belongs to the process


class Stopped(KeyboardInterrupt):
    """Somebody has asked the process to end. exit_code: as shells count it, 128 and the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        return 128 + self.number


def handle() -> None:
    """From here on the first signal raises Stopped. To be called once, in the main thread, before all else."""
    _handling.update(number for number in HANDLED if signal.getsignal(number) is not signal.SIG_IGN)
    for number in _handling:
        signal.signal(number, _stop)
    sys.unraisablehook = _dropped


def release() -> None:
    """From here on each signal has the system's own effect; nothing where none is handled."""
    for number in _handling:
        signal.signal(number, signal.SIG_DFL)
    _handling.clear()


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    release()
    raise Stopped(number)


def _dropped(unraisable: sys.UnraisableHookArgs) -> None:
    """What Python calls with an exception that has nowhere to go, raised in a `__del__` or a callback.

    Stopped is raised again a moment later, in what the main thread does then; all else is shown as ever.
    """
    if isinstance(stopped := unraisable.exc_value, Stopped):
        signal.signal(signal.SIGALRM, lambda *_: _stop(stopped.number, None))
        signal.setitimer(signal.ITIMER_REAL, AGAIN_AFTER)
    else:
        sys.__unraisablehook__(unraisable)
