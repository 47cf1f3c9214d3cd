"""Floor 2: what is true. A world is declared in a recipe, attribute by attribute; no table of people has to exist."""
