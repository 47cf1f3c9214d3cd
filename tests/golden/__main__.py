"""Write the golden file, after a change of bytes that is meant: raise OUTPUT_VERSION, and say so in CHANGELOG.md."""

import json

from tests.golden import FILE, observe
from tests.plans import RECIPES

FILE.write_text(json.dumps({recipe: observe(recipe) for recipe in RECIPES}, indent=1, ensure_ascii=False) + "\n")
