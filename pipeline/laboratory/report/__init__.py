"""The report of an experiment: one page that needs nothing else, and the same as Markdown.

content.py    what both show, from the records of runs
charts.py     bars and curves as SVG
markdown.py   the tables as Markdown, for docs/experiments.md
page.py       the page; page.html.j2 is its form
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.core.system.open_files import created
from pipeline.laboratory.experiment import Experiment
from pipeline.laboratory.report.content import content_of
from pipeline.laboratory.report.markdown import inserted, markdown
from pipeline.laboratory.report.page import html
from pipeline.laboratory.results import Results


def write_report(experiment: Experiment, folders: Sequence[Path], into: Path | None = None) -> list[Path]:
    """Write report.html and report.md into the first folder of an experiment; their paths.

    folders: with runs, those done elsewhere too. into: a page of Markdown that gets the report too, beside those of
    other experiments.
    """
    content = content_of(Results.of(experiment, *folders))
    out = folders[0]
    pages = {out / "report.html": html(content), out / "report.md": markdown(content)}
    if into:
        pages[into] = inserted(into.read_text("utf-8") if into.exists() else "", content)
    for path, text in pages.items():
        with created(path) as file:
            file.write(text.encode())
    return list(pages)
