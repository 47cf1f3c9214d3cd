"""The net: random recipes, and all that has to be true of each. recipes.py draws them, promises.py holds them to it."""
