"""From a recipe to exact counts and one order: position ⇄ (source, item, exposure).

compiling.py        compile_plan: recipe → Plan; worlds and sources compiled, splits planned, notices collected
cached.py           planned: the same, from the user's cache if it is there
splitting.py        the plan of one split, step by step
phases.py           how many tokens each phase of a split has
vocabulary.py       the tokens in use, to which a tokenizer may be reduced
plan.py             Plan: all that workers need
laying_out.py       the documents of a mixture as rows, and their orders
phase.py            Phase: the documents of one mixture, in one order
orders/             orders other than a shuffle
order.py            SplitPlan: which document stands at a position, and at which position a document stands
document_counts.py  exposures, shares, ratios and tokens of a mixture → counts of documents
ramps.py            shares that change over a phase, as counts in consecutive slices
zipf.py             long tails: how many exposures the item of each rank has
blocks.py           counts → blocks of rows, in which all items have equally many exposures
document_sizes.py   tokens of a document of each source, and the room that it takes in sequences
overlaps.py         documents that two splits or phases have in common
checks.py           notices: knowledge that gets lost, padding, repeated documents
information.py      what a split states of a world, in bits
cost.py             about how long a split takes to build
summary.py          exposures, bits and amounts, as the manifest and `plan` show them
"""

from pipeline.plan.cached import planned
from pipeline.plan.compiling import compile_plan
from pipeline.plan.plan import Plan

__all__ = ["Plan", "compile_plan", "planned"]
