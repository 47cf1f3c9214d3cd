"""Other trainers' files: the formats that a built dataset is exported to. They know no recipes, plans or sources.

format.py        what a format is: what it knows of a split, reads and writes
registry.py      all of them: FORMATS, the union of their options
unpacking.py     documents out of packed sequences
token_stream.py  what formats share whose files are one stream of tokens
tables.py        what formats share that `load_dataset` opens
the others       a format each: its layout in the first lines, its options (keys of `exports:` in a recipe), its code,
                 and at the foot its KIND. A new one is such a file.
"""

from pipeline.formats.format import Format
from pipeline.formats.registry import FORMATS, FormatSpec, format_of

__all__ = ["FORMATS", "Format", "FormatSpec", "format_of"]
