"""The command line. What each command does is in `commands/`, a file each.

Exit codes: 0 done; 1 work or a check failed, or what was printed could not be written; 2 the input was refused; 130,
143, 129 stopped by Ctrl-C, by `kill`, by the terminal's end.
"""

from __future__ import annotations

from pipeline.core.system import signals

TYPE_CHECKING = False  # as typing's: until signals are handled, hardly anything is imported
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import NoReturn

STOPPED = "Stopped. What is complete is kept: run the same command to go on."


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command as a process of its own, by default that of its arguments, and exit with its code."""
    signals.handle()
    try:
        from pipeline.core.system import output

        output.prepare()
        code = run(arguments)
    except KeyboardInterrupt as stopped:  # before or after the command itself
        code = _stopped(stopped)
    finally:
        signals.release()
    raise SystemExit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. A refusal is one line on stderr, without a traceback."""
    from pipeline.core.errors import PipelineError
    from pipeline.core.system import output

    try:
        try:
            return _parsed(arguments)
        finally:
            output.flush()  # of what --help has printed, too
    except PipelineError as error:
        output.complain(f"{type(error).__name__}: {error}")
        return error.exit_code
    except KeyboardInterrupt as stopped:
        return _stopped(stopped)
    except output.ReaderGone:  # `… | head`
        return 0


def _parsed(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    code: int = options.command(options)
    return code


def _stopped(error: KeyboardInterrupt) -> int:
    from pipeline.core.system import output

    output.complain(STOPPED)
    return error.exit_code if isinstance(error, signals.Stopped) else 130


def _parser() -> argparse.ArgumentParser:
    """The parser of all commands. They are imported here: a signal may come while they are."""
    from pipeline.commands import COMMANDS
    from pipeline.commands.common import Parser

    parser = Parser(prog="pipeline", description="Synthetic pretraining data from a recipe.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2]
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.arguments(command)
        command.set_defaults(command=module.run)
    return parser
