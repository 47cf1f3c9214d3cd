"""YAML to a frozen Recipe; every refusal names file and line."""

from pipeline.recipe.recipe import Recipe, load

__all__ = ["Recipe", "load"]
