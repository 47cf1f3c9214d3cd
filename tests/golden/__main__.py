"""Write the golden file, after a change of bytes that is meant (raise OUTPUT_VERSION, say so in CHANGELOG.md), and the
gallery of recipes that is made of it."""

import json

from tests.golden import FILE, gallery, observe, stored
from tests.plans import RECIPES

FILE.write_text(json.dumps({recipe: observe(recipe) for recipe in RECIPES}, indent=1, ensure_ascii=False) + "\n")
gallery.FILE.write_text(gallery.gallery(stored()))
print(f"wrote {FILE} and {gallery.FILE}")
