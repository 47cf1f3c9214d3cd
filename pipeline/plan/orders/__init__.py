"""Orders of the documents of a source that a shuffle of the whole split cannot give: bijections with inverses.

turns.py        sources take turns in exact shares, each in an order of its own
rounds.py       exposure e of all items before exposure e + 1; with a least distance between exposures of an item
massed.py       all exposures of an item near each other
groups.py       numbers shuffled within groups, which the others have in common
blockwise.py    items shuffled block by block, as files are read

slices.py       turns whose shares change
consecutive.py  the orders of phases, one after another

An order maps the place of a document among those of its source to its row (`plan/blocks.py`).
"""
