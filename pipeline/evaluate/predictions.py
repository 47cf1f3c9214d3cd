"""Reads a model's predictions from a file, a line of JSON each, and assigns them to rows of a split."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.system.open_files import expanded, opened
from pipeline.core.system.reading import MOST_LINE, line_of, not_utf8, raw_lines

FORM = 'Each line is {"prediction": "…"}, and {"row": 17, "prediction": "…"} where they are not in order.'


def by_row(path: str | Path, rows: int, file: str) -> Iterator[tuple[str, int, str]]:
    """(place, row, prediction) of each line: all rows in order, or the rows that the lines name.

    rows: of the split. file: what messages say that the file should contain. PipelineError with file and line.
    """
    seen = bytearray(rows)
    count, numbered = 0, None
    for place, line in lines(path, ("prediction",), FORM, file):
        numbered = "row" in line if numbered is None else numbered
        if ("row" in line) != numbered:
            raise PipelineError("some lines have a row and others have none", "Number all of them, or none.", place)
        row = line["row"] if numbered else count
        if not isinstance(row, int) or isinstance(row, bool):
            raise PipelineError("the row is not a whole number", FORM, place)
        if not 0 <= row < rows:
            problem = f"there is no row {row}" if numbered else f"more predictions than the {rows} rows of the split"
            raise PipelineError(problem, f"The rows are 0 to {rows - 1}.", place)
        if seen[row]:
            raise PipelineError(f"row {row} stands twice", "Keep one of the lines.", place)
        seen[row] = 1
        count += 1
        yield place, row, line["prediction"]
    if not numbered and count < rows:
        raise PipelineError(
            f"{count} predictions for {rows} rows", 'Give each row its line, or number them: "row": 17.', str(path)
        )


def lines(path: str | Path, keys: tuple[str, ...], form: str, file: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, object) of each line that is not blank, with texts under `keys`. form: the right form, for messages."""
    try:
        predictions = opened(expanded(path))
    except OSError as error:
        raise PipelineError(f"cannot be read: {error.strerror}", f"Give a file of {file}.", str(path)) from None
    with predictions:
        for number, raw in raw_lines(predictions, MOST_LINE):
            if not raw.strip():
                continue
            place = f"{path}:{number}"
            if len(raw) > MOST_LINE:
                raise PipelineError(f"the line has more than {MOST_LINE:,} bytes", form, place)
            try:
                line = json.loads(line_of(raw, first=number == 1))
            except UnicodeDecodeError as error:
                raise PipelineError(f"not JSON: {not_utf8(raw, error)[1]}", form, place) from None
            except RecursionError:
                raise PipelineError("not JSON: nested too deeply", form, place) from None
            except ValueError as error:
                raise PipelineError(f"not JSON: {error}", form, place) from None
            for key in keys:
                if not isinstance(line, dict) or not isinstance(line.get(key), str):
                    raise PipelineError(f'there is no text under "{key}"', form, place)
            yield place, line
