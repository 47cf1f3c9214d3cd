"""Bar charts as inline SVG. Colours are CSS classes, for a light and a dark page. Texts are escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 320, 128
_TOP, _BASE = 26, 104  # y of the bars; labels are below
_MOST = 46  # bars of a histogram


def histogram(counts: Mapping[int, int], mean: float, colour: str, unit: str) -> str:
    """A histogram of whole numbers, number → count, with its range, its mean and the share of the highest bar."""
    total = sum(counts.values())
    if not total:
        return ""
    low, high = min(counts), max(counts)
    width = -(-(high - low + 1) // _MOST)
    bars = [0] * ((high - low) // width + 1)
    for value, count in counts.items():
        bars[(value - low) // width] += count
    step = min(WIDTH / len(bars), WIDTH / 6)
    left = (WIDTH - step * len(bars)) / 2
    shown = []
    for i, count in enumerate(bars):
        first, last = low + i * width, min(low + (i + 1) * width - 1, high)
        title = f"{first:,}{f' to {last:,}' if last > first else ''} {unit}: {count / total:.2%}"
        shown.append(_bar(left + i * step, step, count / max(bars), title))
    at = left + (mean - low + 0.5) / width * step
    peak = bars.index(max(bars))
    labels = [
        _text(_held(at), 10, f"mean {mean:,.1f}", "middle", "strong"),
        _text(left + (0.5 if len(bars) == 1 else 0) * step, 120, f"{low:,}", "middle" if len(bars) == 1 else "start"),
    ]
    if len(bars) > 1:
        labels.append(_text(left + step * len(bars), 120, f"{high:,}", "end"))
    if abs(left + (peak + 0.5) * step - at) > 60:  # beside the mean there is no room for it
        labels.append(_text(_held(left + (peak + 0.5) * step), _TOP - 4, f"{max(bars) / total:.1%}", "middle"))
    line = f'<line class="mean" x1="{at:.1f}" x2="{at:.1f}" y1="14" y2="{_BASE}"/>'
    axis = f'<line class="axis" x1="0" x2="{WIDTH}" y1="{_BASE}" y2="{_BASE}"/>'
    name = f"{unit} from {low:,} to {high:,}, mean {mean:,.1f}"
    return _svg(WIDTH, HEIGHT, name, f'<g class="{colour}">{"".join(shown)}</g>{axis}{line}{"".join(labels)}', "chart")


def profile(bins: Sequence[tuple[float, float]], name: str) -> str:
    """Shares in the data as bars, expected shares as a line over them. bins: (share, expected)."""
    width, height = 240.0, 44.0
    highest = max(max(pair) for pair in bins) or 1.0
    step = width / len(bins)
    gap = min(step * 0.2, 1.5)
    bars, line = [], []
    for i, (share, expected) in enumerate(bins):
        top, level = (height - 1 - (height - 2) * value / highest for value in (share, expected))
        bars.append(f"M{i * step + gap / 2:.1f} {height - 1:g}V{top:.1f}h{step - gap:.1f}V{height - 1:g}z")
        line.append(f"{'M' if i == 0 else 'L'}{i * step:.1f} {level:.1f}h{step:.1f}")
    inside = f'<path class="bars" d="{"".join(bars)}"/><path class="expected" d="{"".join(line)}"/>'
    return _svg(width, height, name, inside, "profile")


def beside(share: float, expected: float | None, highest: float) -> str:
    """One horizontal bar, with a tick at the expected share. highest: the share of a full bar."""
    highest = highest or 1.0
    bar = f'<rect class="bars" x="0" y="2" width="{84 * min(share / highest, 1):.1f}" height="6"/>'
    at = None if expected is None else 84 * min(expected / highest, 1)
    tick = "" if at is None else f'<line class="expected" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="10"/>'
    return _svg(86, 10, "", bar + tick, "beside")


def _bar(x: float, step: float, height: float, title: str) -> str:
    gap = min(step * 0.18, 4)
    tall = (_BASE - _TOP) * height
    return (
        f'<rect x="{x + gap / 2:.1f}" y="{_BASE - tall:.1f}" width="{step - gap:.1f}" height="{tall:.1f}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _held(x: float) -> float:
    """x, moved so that a label centred there stays inside."""
    return min(max(x, 36), WIDTH - 36)


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'


def _svg(width: float, height: float, name: str, inside: str, kind: str) -> str:
    hidden = f'role="img" aria-label="{escape(name)}"' if name else 'aria-hidden="true"'
    return f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" {hidden}>{inside}</svg>'
