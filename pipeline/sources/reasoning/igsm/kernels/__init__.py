"""The compiled loops that draw problems and render them. Imported only where documents are made.

structure ──► dependencies ──► values      problems.draw: problems as numbers
writing ──► solutions                      rendering.render: their documents as programs
parameters                                 sets of parameters, which all of them use
"""

from pipeline.core.compile_first import compile_first

compile_first(f"{__name__}.problems", f"{__name__}.rendering")
