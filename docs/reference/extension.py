"""An extension of griffe, from which mkdocstrings has docstrings."""

from __future__ import annotations

from typing import Any

from griffe import Attribute, Docstring, Extension, Object

from docs.reference.docstrings import markdown


class Docstrings(Extension):
    """Has every docstring rendered as Markdown that keeps its layout."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called for each object, once griffe has read all of them."""
        if isinstance(obj.docstring, Docstring):
            obj.docstring.value = markdown(obj.docstring.value, _names(obj))


def _names(obj: Object) -> set[str]:
    """What the docstring of an object may say something about: parameters, attributes."""
    functions = [obj] if obj.is_function else [obj.members["__init__"]] if "__init__" in obj.members else []
    parameters = {parameter.name for function in functions for parameter in getattr(function, "parameters", ())}
    return (parameters | {name for name, member in obj.members.items() if isinstance(member, Attribute)}) - {"self"}
