"""From the losses of a trained model to bits of knowledge: the capacity ratio of Part 3.3, sections 3 and 4.

measuring.py   measure: sums over the documents of a split, batch by batch
documents.py   the split and source that are measured, and the spans of values in its documents
per_token.py   losses and predictions from arrays, .npy files or functions
formulas.py    sums → bits
result.py      Capacity: the numbers, and how they are printed
"""

from pipeline.evaluate.capacity.measuring import measure
from pipeline.evaluate.capacity.result import Capacity, Learned

__all__ = ["Capacity", "Learned", "measure"]
