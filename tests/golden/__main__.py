"""Write the golden file and the gallery anew."""

import json

from tests.golden import FILE, gallery, observe
from tests.plans import RECIPES

FILE.write_text(json.dumps({recipe: observe(recipe) for recipe in RECIPES}, indent=1, ensure_ascii=False) + "\n")
gallery.FILE.write_text(gallery.gallery())
print(f"wrote {FILE} and {gallery.FILE}")
