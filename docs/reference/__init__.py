"""The reference, written from what the code declares: registries, the schema of recipes, the commands' parsers.

    specs        the keys of a spec as tables, from the JSON Schema
    words        their types, numbers and defaults in words
    recipe, sweep, experiment, sources, attributes, templates, columns, formats, commands      a page each
    docstrings   docstrings as Markdown
    extension    has mkdocstrings, which writes the pages about Python, render docstrings so

Nothing of it is kept in a file, so nothing can be out of date. The pages about Python are docs/reference/python*.md.
"""

from docs.reference import attributes, columns, commands, experiment, formats, recipe, sources, sweep, templates
from docs.reference.specs import Specs


def pages() -> dict[str, str]:
    """All generated pages, by their names on the site."""
    specs = Specs()
    written = {
        "recipe": recipe.page(specs),
        "sweep": sweep.page(),
        "experiment": experiment.page(),
        "sources": sources.page(specs),
        "attributes": attributes.page(specs),
        "templates": templates.page(),
        "columns": columns.page(),
        "formats": formats.page(specs),
        "commands": commands.page(),
    }
    return {f"reference/{name}.md": text for name, text in written.items()}
