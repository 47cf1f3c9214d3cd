"""Every format, collected from the KIND at the foot of its file."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from pipeline.core.registry import declared
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
    _Options = Annotated[reduce(or_, (kind.spec for kind in FORMATS.values())), Field(discriminator="kind")]
    FormatSpec = Annotated[_Options, BeforeValidator(_named)]
