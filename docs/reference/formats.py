"""reference/formats.md: the formats of other trainers."""

from __future__ import annotations

import sys

from docs.reference.docstrings import markdown
from docs.reference.specs import Specs
from pipeline.formats import FORMATS

HEAD = """\
# Formats

What a built dataset is exported to: by `pipeline export FOLDER --to KIND`, with options as `--set key=value`, or after
every build by `exports` of a recipe. [Export to the formats of other trainers](../how-to/export-to-trainers.md) says
which trainer opens which, and how.

| kind | files |
|---|---|
"""


def page(specs: Specs) -> str:
    """The page."""
    rows = "".join(f"| [`{name}`](#{name}) | {kind.summary} |\n" for name, kind in FORMATS.items())
    shared = [specs.section(name, "formats") for name in specs.others("formats")]
    return "\n".join([HEAD + rows, *(_section(specs, name) for name in FORMATS), *shared])


def _section(specs: Specs, name: str) -> str:
    kind = FORMATS[name]
    layout = markdown(sys.modules[kind.format.__module__].__doc__ or "")
    return f"## {name}\n\n{layout}\n\n{specs.table(kind.spec.__name__, 'formats', ('splits', 'columns'))}"
