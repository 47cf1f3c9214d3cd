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
    """Every object of a type that a file of the package has at its top level, in the order of the files' names.

    All files directly in the package are imported; those without such an object, and folders, are passed over. What one
    file imports from another is there once.
    """
    files = [file.name for file in iter_modules(import_module(package).__path__) if not file.ispkg]
    modules = [import_module(f"{package}.{name}") for name in files]
    objects = [value for module in modules for value in vars(module).values() if isinstance(value, kind)]
    return list({id(value): value for value in objects}.values())
