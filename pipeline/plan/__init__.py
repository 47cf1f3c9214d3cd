"""From a recipe to exact counts and one order: position ⇄ (source, item, exposure).

compiling.py        compile_plan: recipe → Plan; worlds and sources compiled, splits planned, notices collected
vocabulary.py       the tokens in use, to which a tokenizer may be reduced
plan.py             Plan: all that workers need
order.py            SplitPlan: which document stands at a position, and at which position a document stands
document_counts.py  exposures, shares, ratios and tokens of a mixture → counts of documents
zipf.py             long tails: how many exposures the item of each rank has
blocks.py           counts → blocks of rows, in which all items have equally many exposures
document_sizes.py   tokens of a document of each source, and the room that it takes in sequences
checks.py           notices: knowledge that gets lost, padding, repeated documents
information.py      what a split states of a world, in bits
cost.py             about how long a split takes to build
summary.py          exposures, bits and amounts, as the manifest and `plan` show them
"""

from pipeline.plan.cached import planned
from pipeline.plan.compiling import compile_plan
from pipeline.plan.plan import Plan

__all__ = ["Plan", "compile_plan", "planned"]
