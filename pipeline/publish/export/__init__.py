"""A built dataset in the format of another trainer: a pure function of the dataset and the options.

exporting.py     export: all steps in order
request.py       what is exported of which dataset, and its folder; refused where the folder holds something else
splits.py        the dataset as a format sees it: its splits, and the columns of their shards
writing.py       parts into files; finished parts are kept
records.py       export.json and the records of parts
verification.py  an export checked against its export.json
"""

from pipeline.publish.export.exporting import Exported, export
from pipeline.publish.export.records import RECORD
from pipeline.publish.export.request import EXPORTS, Export, own_place
from pipeline.publish.export.verification import faults

__all__ = ["EXPORTS", "RECORD", "Export", "Exported", "export", "faults", "own_place"]
