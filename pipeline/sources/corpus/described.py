"""What `plan` and the manifest say of the files of a corpus: how many, and which rows of them are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.core.notices import Notice, information
from pipeline.sources.corpus.reading.rows import Rows, skipped_of


def notices_of(rows: Rows, named: int) -> Iterator[Notice]:
    """A line for files that a pattern or a folder stands for, and for rows that are left out. named: names given."""
    if len(rows.files) != named:
        size = sum(file.size for file in rows.files)
        yield information(f"it has {len(rows.files):,} files of {size / 1e6:,.1f} MB with {len(rows):,} rows")
    skipped = skipped_of(rows.indexes)
    if skipped:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in skipped.items())
        yield information(f"rows left out because they are broken: {reasons}")
    if filtered := sum(index.filtered for index in rows.indexes):
        yield information(f"rows left out by `where`: {filtered:,}")


def facts_of(rows: Rows, identity: str) -> dict[str, Any]:
    """The same for the manifest, without paths."""
    return {
        "files": len(rows.files),
        "rows": len(rows),
        "skipped": skipped_of(rows.indexes),
        "filtered": sum(index.filtered for index in rows.indexes),
        "identity": identity,
    }
