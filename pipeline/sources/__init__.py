"""Floor 3: sources turn truth into documents. One kind is one file: its keys in a recipe, then its code.

A new kind is a class with a Spec, added to SOURCES and to SourceSpec below.
"""

from pipeline.sources.knowledge.biographies import Biographies, BiographiesSpec
from pipeline.sources.source import Source

SOURCES: dict[str, type[Source]] = {"biographies": Biographies}
SourceSpec = BiographiesSpec

__all__ = ["SOURCES", "Source", "SourceSpec"]
