"""A report as one self-contained HTML file. Jinja2 escapes all texts."""

from __future__ import annotations

from pathlib import Path

import jinja2

from pipeline.core.system.progress import duration
from pipeline.laboratory.report import charts
from pipeline.laboratory.report.content import Content, Table

TEMPLATE = Path(__file__).with_name("page.html.j2")


def html(content: Content) -> str:
    """The page of a report."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(TEMPLATE.read_text("utf-8"))
    return page.render(
        report=content,
        cells=list(content.losses),
        hues=charts.HUES,
        bars=charts.bars,
        curves=_curves,
        losses=charts.curves(content.losses, "loss of training", lambda value: f"{value:.2f}"),
        duration=duration,
    )


def _curves(table: Table) -> str:
    """The curves of a measure; "" where it was measured once."""
    if not any(len(curve) > 1 for row in table.rows for curve in row.curves):
        return ""
    return charts.curves({row.cell: row.curves for row in table.rows}, table.measure, table.shown)
