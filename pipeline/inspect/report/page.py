"""A report as one self-contained HTML file. Jinja2 escapes all texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jinja2

from pipeline.columns import COLUMNS
from pipeline.core.documents import ROLES
from pipeline.inspect.highlight import WRONG, Run
from pipeline.inspect.report import chart, diversity, sampling
from pipeline.inspect.report.content import Report, Source, Split
from pipeline.inspect.report.diversity import Coverage
from pipeline.inspect.report.marginals import Marginal

TEMPLATE = Path(__file__).with_name("page.html.j2")
HUES = 10  # colours in the style sheet, for sources and for attributes
CARDS = 12  # attributes of a world that are shown
BINS = 10  # numbers of exposures with a line each; more are grouped by powers of two
MEANING = {
    "tag": "tag",
    "prompt": "prompt",
    "hint": "hint",
    "answer": "answer",
    "mistake": "wrong, taken back",
    "weak": "too early, taken back",
    "silent": "wrong, not taken back",
    "back": "taking back",
    "attempt": "around what is wrong",
    "system": "system prompt",
    "template": "of the chat template",
    "end": "end of the assistant's turn",
}


@dataclass(frozen=True)
class Mark:
    """A stretch of text, the CSS classes of its highlight, and a title that explains it."""

    text: str
    classes: str
    title: str


@dataclass(frozen=True)
class ExposureLine:
    """The items with some number of exposures; their share of all items, and of all documents."""

    exposures: str
    items: int
    of_items: float
    of_documents: float


def html(report: Report) -> str:
    """The page of a report."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "short": short, "percent": percent, "sized": sized, "lengths": _lengths, "profile": _profile, "beside": _beside,
        "exposure_lines": exposure_lines, "cards": _cards, "by_language": _by_language,
    }  # fmt: skip
    page = environment.from_string(TEMPLATE.read_text("utf-8"))
    hues = _hues(report)

    def marked(runs: Sequence[Run]) -> list[Mark]:
        marks = [mark for run in runs for mark in _marks(run, hues, report.end_of_text)]
        return [replace(marks[0], text=marks[0].text.removeprefix(" ")), *marks[1:]] if marks else []

    return page.render(
        summaries={"input_ids": "token ids", **{name: kind.summary for name, kind in COLUMNS.items()}},
        report=report, marks=marked, legend=lambda split: _legend(split, hues), hue=_hue_of_sources(report),
        attribute_hue=hues,
        documents=sum(split.documents for split in report.splits), tokens=sum(split.tokens for split in report.splits),
        bytes=sum(split.bytes for split in report.splits), shards=sum(split.shards for split in report.splits),
        sequences=sum(split.sequences for split in report.splits), sampled=sampling.DOCUMENTS,
        gram_tokens=diversity.TOKENS, earlier=diversity.EARLIER,
    )  # fmt: skip


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def short(number: float) -> str:
    """A number with three digits and a unit of thousands: 37.7 M."""
    if number >= 1e15:
        digits, _, power = f"{number:.1e}".partition("e+")
        return f"{digits} × 10{power.translate(_RAISED)}"
    for least, unit, name in ((1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if number >= least:
            return f"{number / unit:.3g} {name}"
    return f"{number:,.0f}"


def sized(number: float) -> str:
    """A number of bytes in decimal units."""
    return f"{number / 1e9:,.2f} GB" if number >= 1e9 else f"{number / 1e6:,.1f} MB"


def percent(share: float, digits: int = 1) -> str:
    """A share, 0 to 1, in percent. A small share is not shown as 0."""
    least = 10.0 ** -(digits + 2)
    return f"<{least:.{digits}%}" if 0 < share < least else f"{share:.{digits}%}"


def exposure_lines(items_by_exposures: Mapping[int, int]) -> list[ExposureLine]:
    """The lines of a source. items_by_exposures: number of exposures → number of items."""
    if len(items_by_exposures) <= BINS:
        bins = [(exposures, exposures) for exposures in items_by_exposures]
    else:
        highest = max(items_by_exposures).bit_length()
        bins = [(0, 0)] * (0 in items_by_exposures) + [(2**k, 2 ** (k + 1) - 1) for k in range(highest)]
    all_items, all_documents = sum(items_by_exposures.values()), _documents(items_by_exposures)
    lines = []
    for first, last in bins:
        inside = {exposures: items for exposures, items in items_by_exposures.items() if first <= exposures <= last}
        if items := sum(inside.values()):
            least, most = min(inside), max(inside)
            of_documents = _documents(inside) / all_documents if all_documents else 0.0
            shown = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            lines.append(ExposureLine(shown, items, items / all_items, of_documents))
    return lines


def _documents(items_by_exposures: Mapping[int, int]) -> int:
    return sum(exposures * items for exposures, items in items_by_exposures.items())


# ── charts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _lengths(source: Source, colour: str) -> str:
    total = sum(source.lengths.values())
    mean = sum(length * count for length, count in source.lengths.items()) / total if total else 0.0
    return chart.histogram(source.lengths, mean, colour, "tokens")


def _profile(marginal: Marginal) -> str:
    spans = marginal.spans or 1
    pairs = [(count / spans / values, probability / values) for count, probability, values in marginal.bins]
    return chart.profile(pairs, f"{marginal.title}: the share of each value, in the order of the table")


def _beside(share: float, expected: float | None, highest: float) -> str:
    return chart.beside(share, expected, highest)


def _cards(parts: Sequence[Marginal]) -> tuple[list[Marginal], list[str]]:
    """(parts of the attributes that are shown, names of the other attributes)."""
    attributes = list(dict.fromkeys(part.attribute for part in parts))
    shown = attributes[:CARDS]
    return [part for part in parts if part.attribute in shown], attributes[CARDS:]


@dataclass(frozen=True)
class Table:
    """Wordings by sentence. rows: (sentence, its coverage in each language)."""

    languages: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Coverage, ...]], ...]


def _by_language(wordings: Sequence[Coverage]) -> Table:
    languages = tuple(dict.fromkeys(coverage.language for coverage in wordings))
    names = dict.fromkeys(coverage.name for coverage in wordings)
    rows = ((name, tuple(coverage for coverage in wordings if coverage.name == name)) for name in names)
    return Table(languages, tuple(rows))


# ── highlights ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _hues(report: Report) -> dict[str, str]:
    """Attribute → its class: the same one on the whole page."""
    attributes = dict.fromkeys(name for name in report.attributes if name and name != WRONG)
    return {attribute: f"v a{i % HUES}" for i, attribute in enumerate(attributes)} | {WRONG: "v wrong"}


def _hue_of_sources(report: Report) -> dict[str, str]:
    names = dict.fromkeys(source.name for split in report.splits for source in split.sources)
    return {name: f"s{i % HUES}" for i, name in enumerate(names)}


def _marks(run: Run, hues: dict[str, str], end: str) -> list[Mark]:
    """The marks of a run; end tokens have their own."""
    classes = [hues.get(run.attribute, ""), f"r-{run.role}" if run.role else "", "masked" if run.masked else ""]
    meanings = [run.attribute, MEANING.get(run.role, ""), "no loss" if run.masked else ""]
    css = " ".join(filter(None, classes))
    title = " · ".join(filter(None, meanings))
    pieces = run.text.split(end)
    marks = [Mark(pieces[0], css, title)]
    for piece in pieces[1:]:
        marks += [Mark(end, f"end {css}".strip(), title), Mark(piece, css, title)]
    return [mark for mark in marks if mark.text]


def _legend(split: Split, hues: dict[str, str]) -> list[Mark]:
    """What is highlighted in the examples of a split."""
    runs = [run for source in split.sources for example in source.examples for run in example.runs]
    runs += list(split.row.runs) if split.row else []
    values = [Mark(name, hues[name], "") for name in hues if any(run.attribute == name for run in runs)]
    more = len(values) - CARDS
    values = values[:CARDS] + [Mark(f"and {more} more", "", "")] * (more > 0)
    roles = [Mark(MEANING[role], f"r-{role}", "") for role in ROLES[1:] if any(run.role == role for run in runs)]
    return values + roles + [Mark("no loss", "masked", "")] * any(run.masked for run in runs)
