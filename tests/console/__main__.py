"""Run the blocks of pages and say what differs: python -m tests.console [--update] [page …]."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.console.comparison import laid_out
from tests.console.pages import blocks, pages
from tests.console.server import examined
from tests.console.session import Difference


def report(difference: Difference, page: Path) -> str:
    """A difference, for somebody who mends the page."""
    shown = "".join(f"  - {line}\n" for line in difference.shown)
    printed = "".join(f"  + {line}\n" for line in laid_out(difference.printed))
    return f"{page.name}:{difference.first}: {difference.code}\n{shown}{printed}"


def updated(text: str, found: list[Difference]) -> str:
    """A page that shows what was printed. Python that fails and excerpts of files are left to their author."""
    lines = text.splitlines()
    for difference in reversed(found):
        if difference.output:
            command = lines[difference.first - 2]
            indent = command[: len(command) - len(command.lstrip())]
            printed = [f"{indent}{line}".rstrip() for line in laid_out(difference.printed)]
            lines[difference.first - 1 : difference.last - 1] = printed
    return "".join(f"{line}\n" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.console", description="Run what the pages show.")
    parser.add_argument("--update", action="store_true", help="write what is printed into the pages")
    parser.add_argument("page", nargs="*", type=Path, help="default: README.md and docs/**/*.md")
    options = parser.parse_args()
    differing = 0
    for page in map(Path.resolve, options.page or pages()):
        began = time.perf_counter()
        found = examined(page)
        differing += len(found)
        for block in blocks(page.read_text()):
            if block.runs and block.reason:
                print(f"{page.name}:{block.first}: not run: {block.reason}")
        for difference in found:
            print(report(difference, page))
        print(f"{page.name}: {len(found)} differ, {time.perf_counter() - began:.1f} s", flush=True)
        if options.update and found:
            page.write_text(updated(page.read_text(), found))
    return 1 if differing and not options.update else 0


if __name__ == "__main__":
    sys.exit(main())
