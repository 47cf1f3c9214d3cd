"""reference/attributes.md: the kinds of attributes."""

from __future__ import annotations

from docs.reference.specs import Specs
from pipeline.worlds.attributes import ATTRIBUTE_KINDS

HEAD = """\
# Attributes

A world is declared by its attributes: `worlds.<world>.attributes` gives each a name and its keys; `kind` says which of
these it is. What an individual's value is depends on the seed, the world's name, the attribute's name and the
individual's number, and on nothing else.

| kind | values |
|---|---|
"""


def page(specs: Specs) -> str:
    """The page."""
    rows = "".join(f"| [`{name}`](#{name}) | {kind.summary} |\n" for name, kind in ATTRIBUTE_KINDS.items())
    sections = [_section(specs, name) for name in ATTRIBUTE_KINDS]
    shared = [specs.section(name, "attributes") for name in specs.others("attributes")]
    return "\n".join([HEAD + rows, *sections, "## Keys below those\n", *shared])


def _section(specs: Specs, name: str) -> str:
    spec = ATTRIBUTE_KINDS[name].spec.__name__
    return f"## {name}\n\n{specs.description(spec)}\n\n{specs.table(spec, 'attributes', ('extends',))}"
