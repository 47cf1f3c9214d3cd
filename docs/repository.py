"""Links of pages to files of the repository, which are relative as on any host of Git; the site has a page of each.

README.md and CHANGELOG.md are pages of the site too, under other names.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {"index.md": ROOT / "README.md", "changelog.md": ROOT / "CHANGELOG.md"}
"""Page of the site → the file outside of docs/ of which it is made."""

FOLDER = "repository"  # of the site, in which the pages of files are
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".md": "markdown", ".j2": "jinja"}

_FENCE = re.compile(r"^ *(`{3,})[^`]*$")
_LINK = re.compile(r"(?P<code>(`+)(?!`).+?(?<!`)\2(?!`))|\]\((?P<target>[^)\s]+)\)|^\[[^\]]+\]: +(?P<defined>\S+)$")


def links(text: str) -> Iterator[str]:
    """The targets of all links of a page."""
    found: list[str] = []

    def keep(target: str) -> str:
        found.append(target)
        return target

    with_links(text, keep)
    yield from found


def with_links(text: str, change: Callable[[str], str]) -> str:
    """A page whose links have other targets. Code, in blocks and in lines, stays as it is."""

    def changed(match: re.Match[str]) -> str:
        target = match["target"] or match["defined"]
        return match[0].replace(target, change(target)) if target else match[0]

    lines, fence = text.split("\n"), ""
    for number, line in enumerate(lines):
        if fence:
            fence = "" if line.strip() == fence else fence
        elif opened := _FENCE.match(line):
            fence = opened[1]
        else:
            lines[number] = _LINK.sub(changed, line)
    return "\n".join(lines)


def source_of(page: str) -> Path:
    """The file of a page of the site; where a page is generated, the one that it would be."""
    return PAGES.get(page, DOCS / page)


def target_of(page: str, link: str) -> tuple[str, Path] | None:
    """Where a relative link of a page leads: a page of the site, and its file; None for links to elsewhere."""
    path = link.partition("#")[0]
    if not path or re.match(r"[a-z][a-z0-9+.-]*:|/", path):
        return None
    file = Path(posixpath.normpath(source_of(page).parent / path))
    for name, source in PAGES.items():
        if file == source:
            return name, file
    if file.is_relative_to(DOCS) and (file.suffix != ".py" or not file.exists()):
        return file.relative_to(DOCS).as_posix(), file
    if not file.is_relative_to(ROOT):
        return None
    name = file.relative_to(ROOT).as_posix()
    return f"{FOLDER}/{name}/index.md" if file.is_dir() else f"{FOLDER}/{name}.md", file


def of_site(page: str, link: str) -> str:
    """A link as the page of the site has it."""
    target = target_of(page, link)
    if target is None:
        return link
    _, hash_, anchor = link.partition("#")
    return posixpath.relpath(target[0], posixpath.dirname(page) or ".") + hash_ + anchor


def page_of(file: Path) -> str:
    """The page of a file, or of a folder: what it contains. Search leaves it out."""
    title = file.relative_to(ROOT).as_posix()
    head = f"---\nsearch:\n  exclude: true\n---\n\n# `{title}`\n\n"
    if file.is_dir():
        names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in file.iterdir())
        return head + "".join(f"- `{name}`\n" for name in names if not name.startswith(("__pycache__", ".")))
    text = file.read_text()
    fence = "`" * max(3, *(len(ticks) + 1 for ticks in re.findall("`+", text)), 3)
    return f"{head}{fence}{LANGUAGES.get(file.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"
