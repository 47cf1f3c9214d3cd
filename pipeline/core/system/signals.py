"""Ctrl-C, `kill` and a closed terminal: the first such signal unwinds, the second ends the process at once.

The first raises `Stopped` in the main thread, so that files, locks and processes are cleaned up. From then on signals
have the system's default effect: a second one ends the process silently, whatever it is doing (cleaning up, waiting for
threads, leaving Python); the next run removes what it leaves behind, such as partial files of a build. A signal that
was ignored when the process started (`nohup`, `&`) stays ignored.

Only the command line calls `handle`. A program that uses the package keeps its own handlers.
"""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False  # not typing's: the sooner signals are handled, the better
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_AFTER = 0.01  # seconds until a `Stopped` that Python has dropped is raised again
_handling: set[int] = set()  # signals that raise Stopped; global, like the handlers of a process


class Stopped(KeyboardInterrupt):
    """A signal asked the process to end. exit_code: 128 + the signal's number, as in shells."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        return 128 + self.number


def handle() -> None:
    """Let the first signal raise Stopped. Call this once, in the main thread, before anything else."""
    _handling.update(number for number in HANDLED if signal.getsignal(number) is not signal.SIG_IGN)
    for number in _handling:
        signal.signal(number, _stop)
    sys.unraisablehook = _dropped


def release() -> None:
    """Give every handled signal its default effect again; does nothing if none is handled."""
    for number in _handling:
        signal.signal(number, signal.SIG_DFL)
    _handling.clear()


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    release()
    raise Stopped(number)


def _dropped(unraisable: sys.UnraisableHookArgs) -> None:
    """Python's hook for an exception that nobody can catch, raised in a `__del__` or a callback.

    Stopped is raised again a moment later in the main thread; any other exception is shown as usual.
    """
    if isinstance(stopped := unraisable.exc_value, Stopped):
        signal.signal(signal.SIGALRM, lambda *_: _stop(stopped.number, None))
        signal.setitimer(signal.ITIMER_REAL, AGAIN_AFTER)
    else:
        sys.__unraisablehook__(unraisable)
