"""Sweeps: a grid of recipes declared once, each cell a recipe with a name.

    base × axes ──► cells ──► recipes ──► plans ──► one table; datasets, of which equal ones are built once

spec.py        the keys of a sweep, which a file holds, or another spec
conditions.py  the expressions of `exclude`, read without evaluating any code
levels.py      the levels of an axis, and what each of them sets
sweep.py       Sweep: its cells, and the recipe of each
planning.py    cells planned, in numbers; cells that have the same dataset
json_schema.py the JSON Schema, for editors
table.py       the numbers of all cells in one table

(The names of cells are in `core/cell_names.py`, since readers of built sweeps need them too.)
"""

from pipeline.sweeps.spec import SweepSpec
from pipeline.sweeps.sweep import Cell, Sweep, read_sweep, recipe_of, sweep_of

__all__ = ["Cell", "Sweep", "SweepSpec", "read_sweep", "recipe_of", "sweep_of"]
