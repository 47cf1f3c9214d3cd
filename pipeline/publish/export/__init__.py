"""A built dataset in the format of another trainer: a pure function of the dataset and the options.

exporting.py     the whole of it, in order
request.py       what is exported of which dataset, and where to: refused where a folder holds something else
splits.py        the dataset as a format sees it: its splits, and the columns of their shards
writing.py       parts into files; a part that is finished is kept
records.py       export.json and the records of parts
verification.py  what is wrong with an export
"""

from pipeline.publish.export.exporting import Exported, export
from pipeline.publish.export.records import RECORD
from pipeline.publish.export.request import EXPORTS, Export, own_place
from pipeline.publish.export.verification import faults

__all__ = ["EXPORTS", "RECORD", "Export", "Exported", "export", "faults", "own_place"]
