"""reference/recipe.md: the keys of a recipe, apart from those of kinds."""

from __future__ import annotations

from docs.reference.specs import Specs

HEAD = """\
# Recipe keys

A recipe is a YAML file with these keys. Every key may be inherited: `extends` names another recipe, whose values stand
wherever this one has none, and `null` takes an inherited value away. An unknown key is refused, with its place and a
suggestion. `--set key.path=value` and `SET="key.path=value"` change a value from the command line.

`python -m pipeline schema` prints the same as a JSON Schema, for editors.

"""


def page(specs: Specs) -> str:
    """The page."""
    sections = [specs.section(name, "recipe", 2) for name in specs.others("recipe")]
    return HEAD + "\n".join([specs.table("Recipe", "recipe"), *sections])
