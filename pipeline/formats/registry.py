"""Every format, collected from the foot of its file: the only place that knows them all. The order is that of help."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from pipeline.formats import jsonl, litdata, llmc, mds, megatron, nanogpt, parquet
from pipeline.formats.format import ExportSpec, Format, FormatKind

KINDS = (parquet.KIND, jsonl.KIND, nanogpt.KIND, llmc.KIND, megatron.KIND, mds.KIND, litdata.KIND)
FORMATS: dict[str, FormatKind] = {kind.name: kind for kind in KINDS}


def format_of(spec: ExportSpec) -> Format:
    """The format that the options are of, with these options."""
    return FORMATS[spec.kind].format(spec)


def _named(value: Any) -> Any:
    """`parquet` stands for `{kind: parquet}`."""
    return {"kind": value} if isinstance(value, str) else value


if TYPE_CHECKING:
    FormatSpec: TypeAlias = ExportSpec
else:
    _Options = Annotated[reduce(or_, (kind.spec for kind in KINDS)), Field(discriminator="kind")]
    FormatSpec = Annotated[_Options, BeforeValidator(_named)]
