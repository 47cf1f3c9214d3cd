"""Floor 3: sinks write what trainers read. They know no recipes, plans or sources.

`arrow` writes the shards themselves. The others are formats that a built dataset is exported to, and each is one file:
its layout told in the first lines, its options (keys of `sinks:` in a recipe), its code. A new one is a class with a
Spec, added to FORMATS and to FormatSpec below.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pipeline.formats.format import Format
from pipeline.formats.jsonl import Jsonl, JsonlSpec
from pipeline.formats.litdata import Litdata, LitdataSpec
from pipeline.formats.llmc import Llmc, LlmcSpec
from pipeline.formats.mds import Mds, MdsSpec
from pipeline.formats.megatron import Megatron, MegatronSpec
from pipeline.formats.nanogpt import Nanogpt, NanogptSpec
from pipeline.formats.parquet import Parquet, ParquetSpec

FORMATS: dict[str, type[Format]] = {
    "parquet": Parquet,
    "jsonl": Jsonl,
    "nanogpt": Nanogpt,
    "llmc": Llmc,
    "megatron": Megatron,
    "mds": Mds,
    "litdata": Litdata,
}


def _named(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


FormatSpec = Annotated[
    Annotated[
        ParquetSpec | JsonlSpec | NanogptSpec | LlmcSpec | MegatronSpec | MdsSpec | LitdataSpec,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_named),
]

__all__ = ["FORMATS", "Format", "FormatSpec"]
