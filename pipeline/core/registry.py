"""Makes every list of kinds (attributes, columns, formats, commands) from what the files of a package declare.

A kind is one file of a package. At its foot is the declaration: an object with the kind's name and all that the rest of
the library needs to know. No list of files is kept, so a new kind is a new file.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

Declaration = TypeVar("Declaration")


def declared(package: str, kind: type[Declaration]) -> list[Declaration]:
    """Every top-level object of the type `kind` in the files of the package, in the order of file names.

    Imports all files directly in the package; folders are skipped. An object that several files import is listed once.
    """
    files = [file.name for file in iter_modules(import_module(package).__path__) if not file.ispkg]
    modules = [import_module(f"{package}.{name}") for name in files]
    objects = [value for module in modules for value in vars(module).values() if isinstance(value, kind)]
    return list({id(value): value for value in objects}.values())
