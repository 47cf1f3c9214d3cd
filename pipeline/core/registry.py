"""Kinds of things, each declared once at the foot of its own file, and found there: nothing lists them by hand."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

Kind = TypeVar("Kind")


def declared(package: str, name: str, kind: type[Kind]) -> list[Kind]:
    """What the modules of a package hold under a name, in the alphabetical order of the modules.

    Modules without the name are imported and passed over, packages in it are looked through. TypeError where what
    stands under the name is not of the kind.
    """
    found: list[Kind] = []
    for module in iter_modules(import_module(package).__path__, f"{package}."):
        if module.ispkg:
            found += declared(module.name, name, kind)
            continue
        value = getattr(import_module(module.name), name, None)
        if value is None:
            continue
        if not isinstance(value, kind):
            raise TypeError(f"{module.name}.{name} is no {kind.__name__}")
        found.append(value)
    return found
