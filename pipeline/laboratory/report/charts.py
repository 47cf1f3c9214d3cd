"""Bars and curves as inline SVG. Colours are CSS classes, for a light and a dark page. Texts are escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from pipeline.core.system.progress import scaled
from pipeline.laboratory.report.content import Curve, Table

WIDTH, HEIGHT, LEFT, BELOW = 640, 240, 56, 24
HUES = 8  # colours in the style sheet
LINE = 26  # height of a bar with its space


def bars(table: Table) -> str:
    """A bar for each cell, as long as its mean; dots are the runs, the tick is the paper's figure."""
    numbers = [number for row in table.rows for number in (*row.values, *(() if row.paper is None else (row.paper,)))]
    highest = max((number for number in numbers if number > 0), default=1.0)
    label, room = 210, WIDTH - 210 - 70
    parts = []
    for at, row in enumerate(table.rows):
        y = at * LINE
        parts.append(_text(label - 8, y + 17, _short(row.cell), "end"))
        if row.mean is None:
            parts.append(_text(label, y + 17, "not yet", "start"))
            continue
        length = room * max(row.mean, 0) / highest
        title = f"<title>{escape(row.cell)}: {table.shown(row.mean)}</title>"
        parts.append(
            f'<rect class="h{at % HUES}" x="{label}" y="{y + 5}" width="{length:.1f}" height="16">{title}</rect>'
        )
        parts += [
            f'<circle class="run" cx="{label + room * max(v, 0) / highest:.1f}" cy="{y + 13}" r="2.5"/>'
            for v in row.values
        ]
        if row.paper is not None:
            x = label + room * max(row.paper, 0) / highest
            said = f"<title>paper: {table.shown(row.paper)}</title>"
            parts.append(f'<line class="paper" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 2}" y2="{y + 24}">{said}</line>')
        parts.append(_text(WIDTH, y + 17, table.shown(row.mean), "end"))
    return _svg(WIDTH, LINE * len(table.rows), f"{table.measure} of each cell", "".join(parts))


def curves(of_cells: Mapping[str, Sequence[Curve]], name: str, shown: Callable[[float], str]) -> str:
    """The curves of all cells over the tokens of training, each run a line in the colour of its cell."""
    points = [point for of_cell in of_cells.values() for curve in of_cell for point in curve]
    if not points:
        return ""
    most = max(tokens for tokens, _ in points)
    low, high = min(0.0, *(value for _, value in points)), max(value for _, value in points)
    span = high - low or 1.0

    def place(tokens: int, value: float) -> str:
        x = LEFT + (WIDTH - LEFT) * tokens / most
        return f"{x:.1f} {(HEIGHT - BELOW) * (1 - (value - low) / span) + 6:.1f}"

    lines = []
    for at, (cell, of_cell) in enumerate(of_cells.items()):
        for curve in of_cell:
            path = "M" + "L".join(place(tokens, value) for tokens, value in curve) if curve else ""
            lines.append(f'<path class="h{at % HUES}" d="{path}"><title>{escape(cell)}</title></path>')
    labels = [
        _text(LEFT - 6, 12, shown(high), "end"),
        _text(LEFT - 6, HEIGHT - BELOW + 6, shown(low), "end"),
        _text(WIDTH, HEIGHT - 2, f"{scaled(most)} tokens", "end"),
    ]
    return _svg(WIDTH, HEIGHT, name, f'<g class="curves">{"".join(lines)}</g>{"".join(labels)}')


def _short(cell: str) -> str:
    """A cell's levels, in short."""
    levels = " · ".join(part.partition("=")[2] for part in cell.split(","))
    return levels if len(levels) <= 34 else levels[:33] + "…"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: float, height: float, name: str, inside: str) -> str:
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(name)}">{inside}</svg>'
