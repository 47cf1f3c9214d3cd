"""Floor 3: sinks write what trainers read. They know no recipes, plans or sources.

`arrow` writes the shards themselves. The others are formats that a built dataset is exported to, and each is one file:
its layout told in the first lines, its options (keys of `sinks:` in a recipe), its code. A new one is a class with a
Spec, added to SINKS and to SinkSpec below.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pipeline.sinks.jsonl import Jsonl, JsonlSpec
from pipeline.sinks.litdata import Litdata, LitdataSpec
from pipeline.sinks.llmc import Llmc, LlmcSpec
from pipeline.sinks.mds import Mds, MdsSpec
from pipeline.sinks.megatron import Megatron, MegatronSpec
from pipeline.sinks.nanogpt import Nanogpt, NanogptSpec
from pipeline.sinks.parquet import Parquet, ParquetSpec
from pipeline.sinks.sink import Sink

SINKS: dict[str, type[Sink]] = {
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


SinkSpec = Annotated[
    Annotated[
        ParquetSpec | JsonlSpec | NanogptSpec | LlmcSpec | MegatronSpec | MdsSpec | LitdataSpec,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_named),
]

__all__ = ["SINKS", "Sink", "SinkSpec"]
