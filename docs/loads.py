"""What a browser would load from elsewhere when it shows a page of the site, which is to need no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path


def foreign_loads(path: Path) -> Iterator[str]:
    """The addresses elsewhere from which a browser that shows a page, or uses a stylesheet, would load something."""
    if path.suffix == ".html":
        loads = _Loads()
        loads.feed(path.read_text())
        yield from loads.foreign
    elif path.suffix == ".css":
        yield from re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^)\"']+)", path.read_text())


class _Loads(HTMLParser):
    """What the browser loads of its own accord for a page: the addresses that lie elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {"link": ("href",), "object": ("data",), "image": ("href",), "use": ("href",)}
        for name, value in attrs:
            loaded = name in ("src", "srcset", "poster", *names.get(tag, ()))
            urls = [value or ""] if loaded else re.findall(r"url\(([^)]*)\)", value or "") if name == "style" else []
            self.foreign += [url for url in urls if re.match(r"(https?:)?//", url.strip("\"' "))]
            if name == "class" and "mermaid" in (value or "").split():
                self.foreign.append("a diagram of mermaid, whose script Material loads from a CDN")
