"""Every format, collected from the KIND at the foot of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BeforeValidator

from pipeline.core.registry import declared
from pipeline.core.spec import any_of
from pipeline.formats.format import ExportSpec, Format, FormatKind

FORMATS: dict[str, FormatKind] = {kind.name: kind for kind in declared("pipeline.formats", FormatKind)}


def format_of(spec: ExportSpec) -> Format:
    """The format of these options, with these options."""
    return FORMATS[spec.kind].format(spec)


def _named(value: Any) -> Any:
    """`parquet` stands for `{kind: parquet}`."""
    return {"kind": value} if isinstance(value, str) else value


if TYPE_CHECKING:
    FormatSpec: TypeAlias = ExportSpec
else:
    FormatSpec = Annotated[any_of(kind.spec for kind in FORMATS.values()), BeforeValidator(_named)]
