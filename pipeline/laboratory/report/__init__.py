"""The report of an experiment: one page that needs nothing else, and the same as Markdown.

content.py    what both show, from the records of runs
charts.py     bars and curves as SVG
markdown.py   the tables as Markdown, for docs/experiments.md
page.py       the page; page.html.j2 is its form
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.core.errors import StorageError
from pipeline.core.system.open_files import contents, created
from pipeline.laboratory.experiment import Experiment
from pipeline.laboratory.report.content import Content, content_of
from pipeline.laboratory.report.markdown import inserted, markdown
from pipeline.laboratory.report.page import html
from pipeline.laboratory.results import Results

MOST = 2**26  # bytes of a page that gets a report


def write_report(experiment: Experiment, folders: Sequence[Path], into: Path | None = None) -> list[Path]:
    """Write report.html and report.md into the first folder of an experiment; their paths.

    folders: with runs, those done elsewhere too. into: a page of Markdown that gets the report too, beside those of
    other experiments.

    StorageError, before anything is written, for a page that is no text or has half of an earlier report; and where a
    file cannot be written.
    """
    content = content_of(Results.of(experiment, *folders))
    out = folders[0]
    pages = {out / "report.html": html(content), out / "report.md": markdown(content)}
    if into:
        pages[into] = _inserted(into, content)
    for path, text in pages.items():
        try:
            with created(path.resolve()) as file:  # a link stays one
                file.write(text.encode())
        except OSError as error:
            problem = f"cannot be written: {error.strerror or error}"
            raise StorageError(problem, "Give another place.", str(path)) from None
    return list(pages)


def _inserted(path: Path, content: Content) -> str:
    """The text of a page, which need not be there, with a report in it."""
    try:
        page = contents(path, MOST).decode() if path.exists() else ""
        return inserted(page, content)
    except OSError as error:
        problem, remedy = f"cannot be read: {error.strerror or error}", "Name a page of Markdown: --into page.md"
    except UnicodeDecodeError:
        problem, remedy = "this is no text in UTF-8", "Name a page of Markdown: --into page.md"
    except ValueError as error:
        problem, remedy = str(error), "Mend them, or take both out: the report then stands at the end."
    raise StorageError(problem, remedy, str(path))
