"""cache: what this package keeps in the user's cache, and removing it."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pipeline.commands.command import Command
from pipeline.commands.parser import Parser
from pipeline.core.errors import PipelineError, suggest
from pipeline.core.system import output
from pipeline.core.system.progress import counted

HELP = "Show what is kept in your cache, or remove what can be made again."
KINDS = {
    "rows": "copies of the texts of corpora",
    "packed": "the same of compressed files, compressed, for `order: blocks`",
    "copy": "copies of files in stores",
    "folder": "what datasets in stores say of themselves",
    "index": "blocks and rows of files of corpora",
    "footer": "the same, from the footers of Parquet files",
    "lengths": "tokens of each row of corpora",
    "ids": "the same, and the tokens themselves, of corpora whose rows are split",
    "mean": "tokens of a sample of the rows of corpora",
    "documents": "where documents of files of tokens are",
    "hash": "hashes of files",
    "proof": "whether gigatoken may encode with a tokenizer",
    "sample": "whether gigatoken may encode a corpus",
    "refuted": "what gigatoken encoded otherwise than tokenizers",
    "unassigned": "characters that this release of Unicode has not",
    "plans": "compiled plans",
}
STAY = ("refuted",)  # what is removed only by its name: it cannot be made again


def arguments(parser: Parser) -> None:
    """Add the argument: what to remove."""
    besides = f"all but {', '.join(STAY)}"
    parser.add_argument("--remove", nargs="*", metavar="KIND", help=f"remove these kinds (without any: {besides})")
    parser.below = _kinds


def _kinds() -> str:
    """A line for each kind."""
    return "\n".join(["kinds:", *(f"  {kind:<10} {what}" for kind, what in KINDS.items())])


def run(options: argparse.Namespace) -> int:
    """Print a line for each kind, or remove some. Returns the exit code."""
    from pipeline.core.system.caches import user_cache

    folder = user_cache() / "pretraining-recipes"
    found = _found(folder)
    if options.remove is not None:
        return _remove(found, options.remove)
    output.say(f"{folder}: {_size(path for paths in found.values() for path in paths)}")
    for kind, paths in found.items():
        output.say(f"{kind:<10} {counted(len(paths), 'file'):>12} {_size(paths):>10}  {KINDS[kind]}")
    return 0


def _remove(found: dict[str, list[Path]], kinds: list[str]) -> int:
    for kind in kinds:
        if kind not in KINDS:
            raise PipelineError(f"no kind '{kind}' of what is kept", suggest(kind, KINDS))
    wanted = kinds or [kind for kind in found if kind not in STAY]
    paths = [path for kind in wanted for path in found.get(kind, ())]
    size = _size(paths)
    for path in paths:
        with suppress(FileNotFoundError):  # another process may remove it too
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    output.say(f"{counted(len(paths), 'file')} of {size} removed")
    return 0


def _found(folder: Path) -> dict[str, list[Path]]:
    """Kind → its files, in the order of KINDS."""
    from pipeline.core.system.kept_arrays import FOLDER

    found: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    for path in _listed(folder / FOLDER):
        kind = path.name.split(".")[1] if "." in path.name else ""
        if kind in found and not path.name.endswith(".lock"):
            found[kind].append(path)
    found["plans"] = _listed(folder / "plans")
    return {kind: paths for kind, paths in found.items() if paths}


def _listed(folder: Path) -> list[Path]:
    with suppress(OSError):  # there is none, or it cannot be read
        return sorted(Path(entry.path) for entry in os.scandir(folder) if not entry.name.startswith("."))
    return []


def _size(paths: Iterable[Path]) -> str:
    total = 0
    for path in paths:
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return f"{total / 1e9:.2f} GB" if total >= 10**8 else f"{total / 1e6:.1f} MB"


COMMAND = Command(135, "cache", HELP, run, arguments)
