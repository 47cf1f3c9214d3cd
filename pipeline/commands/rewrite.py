"""rewrite: the biographies of a source of the kind `rewritten`, written by a language model."""

from __future__ import annotations

import argparse
import datetime

from pipeline.commands.asking import asking_arguments, asking_of, at_least, settings_of
from pipeline.commands.command import Command
from pipeline.commands.common import recipe_arguments
from pipeline.core.system import output
from pipeline.core.system.progress import bar, counted

STREAMS = 32


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: recipe, source, how much, and those of the servers."""
    recipe_arguments(parser)
    parser.add_argument("--source", required=True, help="of the kind `rewritten`")
    parser.add_argument("--limit", type=int, metavar="N", help="requests that this run sends at most (default: all)")
    parser.add_argument(
        "--attempts", type=int, default=10, help="requests for a biography before it is given up (default 10)"
    )
    parser.add_argument("--show", action="store_true", help="print what it costs and the first request, and send none")
    asking_arguments(parser, STREAMS)


def run(options: argparse.Namespace) -> int:
    """Say what it costs, ask, write, and print what came of it. Returns the exit code: 1 where texts are given up."""
    from pipeline.recipe import load
    from pipeline.wordings.rewriting.job import Job
    from pipeline.wordings.rewriting.writing import first_request, rewrite

    at_least(options, limit=1, attempts=1)
    settings, asking = settings_of(options), asking_of(options)
    job = Job.of(load(options.recipe, options.set), options.source)
    if not job.left:
        output.say(f"{job.path}: all {len(job.people) * job.spec.generations:,} biographies are there")
        return 0
    output.say(f"{job.cost.biographies:,} biographies to write: {job.cost.described()}")
    output.flush()
    if options.show:
        output.show(first_request(job))
        return 0
    day = datetime.date.today().isoformat()
    with asking, bar("rewrite", job.cost.biographies, "biographies") as shown:
        done = rewrite(
            job, settings, asking, day=day, limit=options.limit, attempts=options.attempts, done=shown.update
        )
    for reason, replies in done.refused.most_common():
        output.say(f"  {replies:>6,} refused: {reason.value}")
    output.say(f"{counted(done.asked, 'request')}; {done.tokens_read:,} tokens read, {done.tokens_written:,} written")
    if not done.missing:
        output.say(f"{job.path}: {len(job.people) * job.spec.generations:,} biographies")
        return 0
    output.say(f"{done.missing:,} are missing; what was answered is in {job.journal.name}: run the command again")
    if done.given_up:
        output.complain(f"notice: {done.given_up:,} were refused {options.attempts} times: allow more --attempts")
    return 1 if done.given_up else 0


HELP = "Let a language model write the biographies of a source of the kind `rewritten`."
COMMAND = Command(36, "rewrite", HELP, run, arguments)
