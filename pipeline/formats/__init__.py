"""The file formats of other trainers, to which a built dataset is exported. They know no recipes, plans or sources.

format.py        Format, the protocol of all: what a format knows of a split, reads and writes
registry.py      FORMATS, all of them; the union of their options
unpacking.py     documents out of packed sequences
token_stream.py  shared by formats whose files are one stream of tokens
tables.py        shared by formats that `load_dataset` opens
the others       one format each: the layout of its files (first lines), its options (keys of `exports:` in a recipe),
                 its code, and its KIND at the foot. To add a format, add such a file.
"""

from pipeline.formats.format import Format
from pipeline.formats.registry import FORMATS, FormatSpec, format_of

__all__ = ["FORMATS", "Format", "FormatSpec", "format_of"]
