"""YAML to a frozen Recipe; every refusal names file and line.

loading       load: from a name to a Recipe with everything written into it
paths         the file of a recipe, by its name or path
yaml_tree     a recipe as it was written: each value with the place in which it stands
yaml_dialect  the YAML of recipes: its scalars, its bounds, texts that are no YAML
reading       YAML to a tree
validating    plain values as a spec
languages     the languages of its sentences, from their files
merging       extends, --set, worlds and sources that inherit from each other
model         the keys of a recipe, as specs; split_spec, amount_spec, order_spec: those of its splits
refusals      what is wrong with a value, in words
places        which file and line a refusal points at
checks        what must hold between the parts of a recipe
writing       the resolved recipe as YAML and as JSON; the fingerprint
json_schema   the JSON Schema, for editors
"""

from pipeline.recipe.loading import load
from pipeline.recipe.model import Recipe
from pipeline.recipe.places import Loaded

__all__ = ["Loaded", "Recipe", "load"]
