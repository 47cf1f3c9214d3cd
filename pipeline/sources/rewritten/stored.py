"""The Parquet file of biographies: a row for each individual and generation, the generations of one behind each other.

    row (individual - first) · generations + generation
    columns individual, generation, author, and the text as written (`as_written`), with the full name `first` and `all`

The names are exchanged when the file is written, once: building a dataset reads the column that it needs. The metadata
of the schema says who wrote how many, and holds first, count and generations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.core.errors import SpecError
from pipeline.core.system.open_files import created, opened

KEY = b"pretraining-recipes"
FORMS = ("as_written", "first", "all")  # the columns with texts: the values of `full_name` in a recipe
BATCH = 10_000  # rows of a row group
MOST = 2**40
REMEDY = "It must be written by `pipeline rewrite`."


@dataclass(frozen=True)
class Stored:
    """What a file holds: biographies of the individuals first … first + count - 1, generations of each.

    authors: a line for each model and its settings, with the number of biographies. job: what they were asked for.
    """

    first: int
    count: int
    generations: int
    authors: tuple[str, ...] = ()
    job: str = ""


@dataclass(frozen=True)
class Row:
    """A biography, in the forms of naming.py. author: the model and its settings, in words."""

    individual: int
    generation: int
    as_written: str
    first: str
    all: str
    author: str


def stored_in(path: Path) -> Stored:
    """What a file says that it holds. SpecError, at `file`, where it was not written by `write`."""
    from pyarrow import parquet

    try:
        opened(path).close()  # refuses pipes and devices
        with parquet.ParquetFile(path) as file:
            tree = json.loads((file.schema_arrow.metadata or {}).get(KEY, b"null"))
            rows = file.metadata.num_rows
    except (OSError, ValueError, RecursionError) as error:  # pyarrow's own are of these
        raise SpecError(f"cannot read {path}: {' '.join(str(error).split())}", REMEDY, ("file",)) from None
    match tree:
        case {
            "first": int(first), "count": int(count), "generations": int(generations), "authors": list(authors),
            "job": str(job),
        } if 0 <= first < MOST and 0 < count < MOST and generations > 0 and rows == count * generations:  # fmt: skip
            return Stored(first, count, generations, tuple(str(author) for author in authors), job)
    raise SpecError(f"{path} is no file of biographies, or not a whole one", REMEDY, ("file",))


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a file, in order. SpecError as `stored_in`."""
    from pyarrow import parquet

    stored_in(path)
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            columns = (batch.column(field.name).to_pylist() for field in fields(Row))
            yield from (Row(*row) for row in zip(*columns, strict=True))


def write(path: Path, stored: Stored, rows: Iterable[Row]) -> None:
    """Write a file, which is complete or as it was before. rows: in the order of the file. OSError as the system's."""
    import pyarrow
    from pyarrow import parquet

    kinds: dict[str, Any] = {
        "individual": pyarrow.int64(),
        "generation": pyarrow.int32(),
        **dict.fromkeys(FORMS, pyarrow.large_string()),
        "author": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    }
    schema = pyarrow.schema(kinds, metadata={KEY: json.dumps(asdict(stored)).encode()})
    remaining = iter(rows)
    with created(path) as raw, parquet.ParquetWriter(raw, schema, compression="zstd") as writer:
        while batch := list(islice(remaining, BATCH)):
            table = {name: [getattr(row, name) for row in batch] for name in kinds}
            writer.write_table(pyarrow.table(table, schema=schema))
