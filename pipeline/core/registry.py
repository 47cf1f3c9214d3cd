"""The one way in which lists of kinds are made: from what the files of a package declare.

A kind of attribute, source, column or format, or a command, is one file of a package, with its declaration at the foot:
an object that names it and holds what the rest of the library needs of it. Nobody lists the files, so a new kind is a
new file.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

Declaration = TypeVar("Declaration")


def declared(package: str, kind: type[Declaration]) -> list[Declaration]:
    """Every object of a type that a file of the package, or of a package in it, has at its top level.

    In the order of the files' names, each object once, wherever it is imported to. All files are imported.
    """
    values: dict[int, Declaration] = {}
    for file in iter_modules(import_module(package).__path__, f"{package}."):
        inside = declared(file.name, kind) if file.ispkg else vars(import_module(file.name)).values()
        values |= {id(value): value for value in inside if isinstance(value, kind)}
    return list(values.values())
