"""The kinds of sources, each declared once, at the foot of its own file; every list of kinds is read from here.

    register(SourceKind("mano", ManoSpec, Mano, "arithmetic …", kernels=("….mano",), verifier="….mano:VERIFIER"))

A kind in a file outside of the package is declared in the same way; importing that file makes it known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from pipeline.core.compile_first import COMMON
from pipeline.core.spec import any_of
from pipeline.sources.source import DocumentsSpec, Source


@dataclass(frozen=True)
class SourceKind:
    """A kind of source.

    name: the value of `kind` in a recipe. spec: its keys there. source: the class that is compiled from them. summary:
    one line of Markdown without a full stop. kernels: its modules of kernels, beside those that every source needs.
    verifier: "module:name" of the `Verifier` of answers, imported only by `check`; None if answers cannot be checked.
    """

    name: str
    spec: type[DocumentsSpec]
    source: type[Source]
    summary: str
    kernels: tuple[str, ...] = ()
    verifier: str | None = None


SOURCES: dict[str, SourceKind] = {}
"""The registered kinds by their names, those of the package first, in the order of their files."""


def register(kind: SourceKind) -> None:
    """Make a kind known to recipes, plans, set-up and `check`. ValueError if it contradicts itself or another kind.

    Two kinds may share a spec, if its key `kind` lists the names of both.
    """
    names = get_args(kind.spec.model_fields["kind"].annotation)
    if kind.name not in names:
        raise ValueError(f"{kind.spec.__name__} has the kinds {', '.join(names)}, not '{kind.name}'")
    if kind.name in SOURCES:
        raise ValueError(f"two kinds of sources are called '{kind.name}'")
    SOURCES[kind.name] = kind


def kernels() -> tuple[str, ...]:
    """The modules of kernels that all sources use, and those of all registered kinds, each once."""
    return (*COMMON, *dict.fromkeys(module for kind in SOURCES.values() for module in kind.kernels))


@lru_cache
def _reader_of(specs: tuple[type[DocumentsSpec], ...]) -> TypeAdapter[Any]:
    """The pydantic reader for a source with any of these specs, which the key `kind` selects."""
    return TypeAdapter(any_of(specs))


def _reader() -> TypeAdapter[Any]:
    return _reader_of(tuple(dict.fromkeys(kind.spec for kind in SOURCES.values())))


class _AnyKind:
    """The specs of all kinds as one type for pydantic, including kinds that are registered later."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(lambda value: _reader().validate_python(value))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(_reader().core_schema)


SourceSpec = Annotated[DocumentsSpec, _AnyKind()]
"""The keys of a source of any registered kind."""
