"""verify: a built dataset checked against its manifest."""

from __future__ import annotations

import argparse

from pipeline.commands.command import Command
from pipeline.commands.common import folder_argument, folder_of
from pipeline.core.system import output
from pipeline.core.system.progress import bar, counted


def run(options: argparse.Namespace) -> int:
    """Print the faults. Returns the exit code: 1 where there are any."""
    from pipeline.build.verification import verify

    folder = folder_of(options)
    with bar("verify", None, "tokens") as shown:
        wrong = verify(folder, checked=lambda record: shown.update(record.tokens))
    for line in wrong:
        output.say(line)
    mends = "build mends what is missing or damaged, and leaves the rest"
    outcome = f"{counted(len(wrong), 'fault')}; {mends}" if wrong else "whole and as recorded"
    output.say(f"{folder}: {outcome}")
    return 1 if wrong else 0


COMMAND = Command(
    40, "verify", "Read a built dataset, or all of a sweep, and hold it against its manifest.", run, folder_argument
)
