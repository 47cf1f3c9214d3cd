"""The command line. Each command is a file of `commands/`.

Exit codes: 0 success; 1 the work or a check failed, or output could not be written; 2 the input was refused; 130, 143,
129 stopped by Ctrl-C, by `kill`, by a closed terminal.
"""

from __future__ import annotations

from pipeline.core.system import signals

TYPE_CHECKING = False  # like typing.TYPE_CHECKING; hardly anything is imported before signals are handled
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import NoReturn

STOPPED = "Stopped. What is complete is kept: run the same command to go on."


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit the process with its code. arguments: by default those of the process."""
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
    """Run one command and return its exit code. A refusal is one line on stderr, without a traceback."""
    from pipeline.core.errors import PipelineError
    from pipeline.core.system import output

    try:
        try:
            return _carried_out(arguments)
        finally:
            output.flush()  # output of --help, too
    except PipelineError as error:
        output.complain(f"{type(error).__name__}: {error}")
        return error.exit_code
    except KeyboardInterrupt as stopped:
        return _stopped(stopped)
    except output.ReaderGone:  # `… | head`
        return 0


def _carried_out(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def _stopped(error: KeyboardInterrupt) -> int:
    from pipeline.core.system import output

    output.complain(STOPPED)
    return error.exit_code if isinstance(error, signals.Stopped) else 130


def _parser() -> argparse.ArgumentParser:
    """The parser of all commands. They are imported here, after signals are handled."""
    from pipeline.commands.command import commands
    from pipeline.commands.parser import Parser, ShowVersion

    parser = Parser(prog="pipeline", description="Synthetic pretraining data from a recipe.")
    parser.add_argument("--version", action=ShowVersion, help="print the versions of the package and of its output")
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in commands():
        own = parsers.add_parser(command.name, help=command.help, description=command.help)
        command.arguments(own)
        own.set_defaults(run=command.run)
    return parser
