"""Checks JSON files that anybody may have written: strict types, bounded numbers, names that are no paths.

A text is parsed once and that result is checked, so checker and reader see the same value of a duplicate key. An error
is one line of words, with the keys that lead to it.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.core.cell_names import CELL, LONGEST
from pipeline.core.errors import dotted_path
from pipeline.core.value_errors import PATTERNS, problem_of

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

_FILE_HASH = r"^blake3:[0-9a-f]{64}$"
_CONTENT_HASH = r"^xxh3_128:[0-9a-f]{32}$"
_FINGERPRINT = r"^[0-9a-f]{64}$"
_SHARD_FILE = r"^[A-Za-z_][A-Za-z0-9_]*/shard-[0-9]{5,}-of-[0-9]{5,}\.arrow$"
_HEAD_FILE = r"^(tokenizer/[A-Za-z0-9_]+\.(json|jinja)|code/[A-Za-z_][A-Za-z0-9_]*\.py)$"
_EXPORT_FILE = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$"
_PATTERNS = {
    **PATTERNS,
    _FILE_HASH: "a hash is needed, blake3: and 64 hexadecimal digits, not {}",
    _CONTENT_HASH: "a hash is needed, xxh3_128: and 32 hexadecimal digits, not {}",
    _FINGERPRINT: "a fingerprint is needed, 64 hexadecimal digits, not {}",
    _SHARD_FILE: "the file of a shard is needed, such as train/shard-00000-of-00006.arrow, not {}",
    _HEAD_FILE: "a file of the tokenizer or of code is needed, such as tokenizer/tokenizer.json, not {}",
    CELL: "the name of a cell is needed, such as wording=multi5,exposures=100, not {}",
    _EXPORT_FILE: "a path below the export is needed, such as data/train-00000-of-00002.parquet, not {}",
}

Count = Annotated[int, Field(ge=0, lt=2**63)]
FileHash = Annotated[str, Field(pattern=_FILE_HASH)]
ContentHash = Annotated[str, Field(pattern=_CONTENT_HASH)]
Fingerprint = Annotated[str, Field(pattern=_FINGERPRINT)]
ShardFile = Annotated[str, Field(pattern=_SHARD_FILE)]
HeadFile = Annotated[str, Field(pattern=_HEAD_FILE)]
ExportFile = Annotated[str, Field(pattern=_EXPORT_FILE, max_length=1000)]
CellName = Annotated[str, Field(pattern=CELL, max_length=LONGEST)]
T = TypeVar("T")


class Layout(BaseModel):
    """A mapping with exactly the declared keys."""

    model_config = STRICT


class OpenLayout(BaseModel):
    """A mapping with the declared keys; other keys are ignored."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


def parsed(data: bytes | str) -> Any:
    """JSON as Python values. ValueError, with one line of words, if it is not JSON."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("lists in lists without end") from None


def checked(layout: type[T] | TypeAdapter[T], tree: Any) -> T:
    """A parsed value as its layout's type. ValueError, with one line of words, if it does not fit the layout.

    >>> checked(list[Count], [1, -2])
    Traceback (most recent call last):
    ValueError: 1: must be greater than or equal to 0, not -2
    """
    adapter: TypeAdapter[T] = layout if isinstance(layout, TypeAdapter) else TypeAdapter(layout)
    try:
        return adapter.validate_json(json.dumps(tree))
    except ValidationError as errors:
        raise ValueError(in_words(errors)) from None
    except RecursionError:
        raise ValueError("lists in lists without end") from None


def in_words(errors: ValidationError) -> str:
    """The first error: the keys that lead to it, what is needed, and the value found instead."""
    error = errors.errors(include_url=False)[0]
    match error["type"]:
        case "missing":
            problem = "it is missing"
        case "extra_forbidden":
            problem = "there is no such key"
        case _:
            problem = problem_of(error, _PATTERNS) or error["msg"][:1].lower() + error["msg"][1:]
    place = dotted_path(tuple(key for key in error["loc"] if key != "[key]"))
    return f"{place}: {problem}" if place else problem
