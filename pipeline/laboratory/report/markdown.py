"""The report as Markdown: claims, a table for each measure, and what the runs were."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipeline.core.system.progress import duration
from pipeline.laboratory.report.content import Content, Table


def markdown(content: Content) -> str:
    """The report, under a heading of the second level."""
    return "\n".join(_lines(content)) + "\n"


def inserted(page: str, content: Content) -> str:
    """A page with the report in it: in the place of an earlier one of the same experiment and scale, or at the end.

    The report stands between two comments, and everything around them stays as it is. ValueError for a page that does
    not have each of them once, in this order, or neither: what belongs to the report cannot be told then.
    """
    of = f"of {content.name.replace('--', '__')}, {content.scale} -->"  # two hyphens would end the comment
    begin, end = (f"<!-- {word} {of}" for word in ("report", "end"))
    section = f"{begin}\n{markdown(content)}{end}"
    begins, ends = (list(re.finditer(f"^{re.escape(line)}(?=\r?$)", page, re.MULTILINE)) for line in (begin, end))
    if not begins and not ends:
        return f"{page.rstrip()}\n\n{section}\n".lstrip("\n")
    if (len(begins), len(ends)) != (1, 1) or ends[0].start() < begins[0].start():
        raise ValueError(f"the lines '{begin}' and '{end}' do not stand there once each, in this order")
    return f"{page[: begins[0].start()]}{section}{page[ends[0].end() :]}"


def _lines(content: Content) -> Iterator[str]:
    yield f"## {_text(content.name)}, scale {content.scale}"
    yield ""
    yield _text(content.title)
    for note in content.notes:
        yield ""
        yield _text(note)
    if content.verdicts:
        yield ""
        yield from _rows(
            ("claim", "test", "holds"),
            [(_text(one.claim), f"`{_line(one.test)}`", one.word) for one in content.verdicts],
        )
    for table in content.tables:
        yield ""
        yield f"**{table.measure}** ({table.number})" + (f"; the paper: {_text(table.source)}" if table.source else "")
        yield ""
        yield from _table(table)
    yield ""
    yield from _runs(content)


def _table(table: Table) -> Iterator[str]:
    with_paper = any(row.paper is not None for row in table.rows)
    head = ("cell", "mean", "runs", *(("paper",) if with_paper else ()))
    rows = [
        (row.cell, table.shown(row.mean), ", ".join(map(table.shown, row.values)) or "–", table.shown(row.paper))
        for row in table.rows
    ]
    yield from _rows(head, [row[: len(head)] for row in rows])


def _runs(content: Content) -> Iterator[str]:
    head = ("cell", "seed", "parameters", "ids", "tokens", "training", "tokens/s", "dataset")
    rows = [
        (
            run.cell,
            str(run.seed),
            f"{run.parameters:,}",
            f"{run.vocabulary:,}",
            f"{run.tokens:,}",
            duration(run.seconds),
            f"{run.tokens / run.seconds:,.0f}" if run.seconds else "–",
            _text(run.fingerprint[:16]),
        )
        for run in content.runs
    ]
    yield from _rows(head, rows)
    for machine in content.machines:
        yield ""
        yield _text(machine)


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _line(text: str) -> str:
    """A text in one line."""
    return " ".join(text.split())


def _text(text: str) -> str:
    """A text in one line that no page takes for HTML; the rest of Markdown is left to its author."""
    return _line(text).replace("&", "&amp;").replace("<", "&lt;")
