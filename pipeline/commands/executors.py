"""The executor that the arguments of `build` ask for."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from pipeline.core.errors import PlanError
from pipeline.core.system import output
from pipeline.core.system.secrets import redacted

if TYPE_CHECKING:
    from pipeline.build.executors import Executor


def executor_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments --executor, --workers, --address."""
    parser.add_argument(
        "--executor",
        choices=("auto", "ray", "inline"),
        help="inline: this process alone; auto (the default, without --workers and an address): this process, and a"
        " local Ray once the rest would take this process more than 30 s, as the shards before it say",
    )
    parser.add_argument("--workers", type=int, help="processes of a local Ray (default: one for each core)")
    parser.add_argument(
        "--address",
        default=os.environ.get("RAY_ADDRESS"),
        help="of a running Ray cluster, host:port (default: the environment's RAY_ADDRESS, if it is set)",
    )


def check_executor(options: argparse.Namespace) -> None:
    """PlanError for a number of workers that cannot be."""
    if options.workers is not None and options.workers < 1:
        raise PlanError(f"{options.workers} workers", "Give 1 or more.")


def executor_of(options: argparse.Namespace) -> Executor:
    """The executor that was asked for; by default `Auto`, which chooses between this process and Ray."""
    from pipeline.build.executors import Auto, Inline, Ray

    if options.executor == "inline":
        return Inline()
    ray = Ray(options.workers, options.address)
    if options.executor == "ray" or (options.executor is None and (options.workers or options.address)):
        return ray

    def notice(line: str) -> None:
        output.complain(f"notice: {redacted(line)}")

    return Auto(ray, options.workers or os.cpu_count() or 1, notice=notice)


def built_by(executor: Executor) -> str:
    """Which executor has built, for the last line."""
    from pipeline.build.executors import Auto, Inline

    if isinstance(executor, Auto) and executor.by_ray:
        return f" ({executor.inline} by this process, {executor.by_ray} by Ray)"
    return " (by this process)" if isinstance(executor, Auto | Inline) else " (by Ray)"
