"""The kinds of sources, each declared once, at the foot of its own file; every list of kinds is read from here.

    register(SourceKind("mano", ManoSpec, Mano, "arithmetic …", kernels=("….mano",), verifier="….mano:VERIFIER"))

A kind in a file outside of the package is declared in the same way; importing that file makes it known. An installed
package offers kinds by the entry point group GROUP, under the name of each kind: a SourceKind, or a module that
registers it. Such a package is looked for where a recipe names a kind that is not known, or all kinds are asked for.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from pipeline.core.compile_first import COMMON
from pipeline.core.errors import PipelineError
from pipeline.core.spec import any_of, refused
from pipeline.sources.source import Source
from pipeline.sources.spec import DocumentsSpec

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "pretraining_recipes.sources"


@dataclass(frozen=True)
class SourceKind:
    """A kind of source.

    name: the value of `kind` in a recipe. spec: its keys there. source: the class that is compiled from them. summary:
    one line of Markdown without a full stop. kernels: its modules of kernels, beside those that every source needs.
    verifier: "module:name" of the `Verifier` of answers, imported only by `check`; None if answers cannot be checked.
    speed: about how many tokens a second one core makes, from plan to Arrow file for rows of ids alone.
    """

    name: str
    spec: type[DocumentsSpec]
    source: type[Source]
    summary: str
    kernels: tuple[str, ...] = ()
    verifier: str | None = None
    speed: float = 14e6  # of a kind that draws its documents one by one


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


# ── kinds of installed packages ─────────────────────────────────────────────────────────────────────────────────────

_OF_PACKAGES: dict[str, str] = {}
"""Kind → name and version of the installed package that offers it, for those that were loaded."""


def offered() -> dict[str, list[EntryPoint]]:
    """Kind → the entry points of that name in installed packages; kinds that are registered otherwise are left out."""
    from importlib.metadata import entry_points  # a hundredth of a second, where a folder has many packages

    by_name: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        if point.name not in SOURCES or point.name in _OF_PACKAGES:
            by_name.setdefault(point.name, []).append(point)
    return dict(sorted(by_name.items()))


def find(name: str) -> SourceKind | None:
    """The kind of this name, loaded from the package that offers it; None where nobody does.

    PipelineError where that package cannot be loaded, or several offer it.
    """
    if name not in SOURCES and (points := offered().get(name)):
        _load(name, points)
    return SOURCES.get(name)


def load_all() -> dict[str, PipelineError]:
    """Load every kind that installed packages offer. Returns kind → what is wrong, for those that cannot be loaded."""
    broken = {}
    for name, points in offered().items():
        if name not in SOURCES:
            try:
                _load(name, points)
            except PipelineError as error:
                broken[name] = error
    return broken


def origin_of(name: str) -> str:
    """Where a registered kind comes from: "" for this package, an installed package with its version, or a file."""
    if name in _OF_PACKAGES:
        return _OF_PACKAGES[name]
    own = __name__.partition(".")[0]
    for module in (SOURCES[name].spec.__module__, SOURCES[name].source.__module__):
        if module.partition(".")[0] != own:
            return str(getattr(sys.modules.get(module), "__file__", None) or module)
    return ""


def _load(name: str, points: list[EntryPoint]) -> None:
    package = " and ".join(dict.fromkeys(map(_package, points)))
    if len({point.value for point in points}) > 1:
        raise PipelineError(f"the kind '{name}' is offered by {package}", "Remove all but one.")
    try:
        declared = points[0].load()
        if isinstance(declared, SourceKind) and declared.name not in SOURCES:
            register(declared)
        if name not in SOURCES:
            raise ValueError(f"{points[0].value} registers no kind of that name")
    except (Exception, SystemExit) as error:  # whatever a package raises
        words = " ".join(f"{type(error).__name__}: {error}".split())[:300].rstrip(": ")
        problem = f"the kind '{name}' of the installed package {package} cannot be loaded: {words}"
        raise PipelineError(problem, "Mend that package, or remove it.") from None
    _OF_PACKAGES[name] = package


def _package(point: EntryPoint) -> str:
    """Name and version of the package that has an entry point."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


# ── lists of kinds ──────────────────────────────────────────────────────────────────────────────────────────────────


def kernels() -> tuple[str, ...]:
    """The modules of kernels that all sources use, and those of all kinds, each once."""
    load_all()
    return (*COMMON, *dict.fromkeys(module for kind in SOURCES.values() for module in kind.kernels))


@lru_cache
def _reader_of(specs: tuple[type[DocumentsSpec], ...]) -> TypeAdapter[Any]:
    """The pydantic reader for a source with any of these specs, which the key `kind` selects."""
    return TypeAdapter(any_of(specs))


def _reader() -> TypeAdapter[Any]:
    return _reader_of(tuple(dict.fromkeys(kind.spec for kind in SOURCES.values())))


def _validated(value: Any) -> Any:
    """A source of any kind, which is loaded if an installed package offers it."""
    name = value.get("kind") if isinstance(value, dict) else None
    if isinstance(name, str) and name not in SOURCES:
        try:
            if find(name) is None:
                load_all()  # so that the refusal can name what there is
        except PipelineError as error:
            raise refused(error.problem, error.remedy, ("kind",)) from None
    return _reader().validate_python(value)


class _AnyKind:
    """The specs of all kinds as one type for pydantic, including kinds that are registered later."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_validated)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        load_all()
        return handler(_reader().core_schema)


SourceSpec = Annotated[DocumentsSpec, _AnyKind()]
"""The keys of a source of any registered kind."""
