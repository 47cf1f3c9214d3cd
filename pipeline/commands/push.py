"""push: a built dataset to the Hugging Face Hub."""

from __future__ import annotations

import argparse

from pipeline.commands.command import Command
from pipeline.commands.common import folder_argument, folder_of
from pipeline.core.system import output
from pipeline.core.system.progress import bar, counted


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: the dataset, the repository and its options."""
    folder_argument(parser)
    parser.add_argument("repo", help="user/name; made if there is none")
    parser.add_argument("--public", action="store_true", help="of a repository that is made (default: private)")
    parser.add_argument("--revision", default="", metavar="BRANCH", help="made if there is none (default main)")
    parser.add_argument("--message", default="", metavar="TEXT", help="of the commit (default: name and fingerprint)")
    parser.add_argument(
        "--licence", default="", metavar="NAME", help="for the card, as the Hub names it: cc-by-4.0 (default: none)"
    )
    parser.add_argument("--replace", action="store_true", help="put this dataset in the place of another one")


def run(options: argparse.Namespace) -> int:
    """Push, and print what was sent. Returns the exit code."""
    from pipeline.dataset import Dataset
    from pipeline.publish import hub

    hub.check(options.repo, options.revision, options.licence)
    folder = folder_of(options)
    dataset = Dataset.at(folder)
    total = sum(record.bytes for record in dataset.manifest.shards)
    with bar("push, checked", total, "bytes") as shown:
        hub.check_shards(dataset, shown.update)
    with bar("push, on the Hub", total, "bytes") as shown:
        pushed = hub.push(
            dataset,
            options.repo,
            public=options.public,
            revision=options.revision,
            message=options.message,
            licence=options.licence,
            replace=options.replace,
            passed=shown.update,
        )
    if options.public and pushed.private:
        output.say("notice: the repository was private before and stays so; its settings page makes it public")
    sent = f"{counted(pushed.new, 'file')} ({pushed.size / 1e6:,.1f} MB) new in {counted(pushed.commits, 'commit')}"
    output.say(f"{pushed.url}, {'private' if pushed.private else 'public'}, {pushed.revision}")
    output.say(f"{sent if pushed.commits else 'nothing new'}, {pushed.kept} kept")
    return 0


HELP = "Send a built dataset to the Hugging Face Hub, or what is missing of it there."
COMMAND = Command(70, "push", HELP, run, arguments)
