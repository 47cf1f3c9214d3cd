"""YAML to a frozen Recipe; every refusal names file and line.

A recipe may start from another (`extends: bioS_single`): mappings are merged, anything else is replaced, and `null`
takes an inherited key away. A mapping with another `kind` than the inherited one replaces it. What the recipe names
elsewhere (value lists, templates, Faker) is then written into it, so that the resolved recipe stands alone.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

import numpy as np
from pydantic import (
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationError,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from pipeline.columns import COLUMNS, stored
from pipeline.core.errors import KeyPath, PipelineError, RecipeError, SpecError, alike, suggest
from pipeline.core.files import Files, library
from pipeline.core.key import Key
from pipeline.core.scalars import shown
from pipeline.core.spec import Name, Rational, Size, Spec, refused
from pipeline.core.system.escaping import shortened
from pipeline.core.system.opening import expanded
from pipeline.formats import FORMATS, FormatSpec
from pipeline.formats.format import Split, selected
from pipeline.packing.spec import PackingSpec
from pipeline.recipe.origin import OVERRIDE, Mark, Marks, Origin, dotted_path
from pipeline.recipe.refusals import refusal
from pipeline.recipe.yaml_tree import MOST_DEPTH, Tree, dumped, read_tree, tree_of
from pipeline.sources import SOURCES, SourceSpec
from pipeline.text.tokenizer import TokenizerSpec
from pipeline.worlds.attributes import ATTRIBUTE_KINDS, WorldSpec

OUTPUT_VERSION = 4
"""Raised whenever the same recipe gives other bytes; part of every fingerprint. See "changes bytes" in CHANGELOG.md."""

RESERVED = {
    "tokenizer": "the tokenizer lies there",
    "exports": "the exports lie there",
    "all": "`datasets` takes it for all splits together",
    "default": "`datasets` takes it for the default config",
}
"""Names, in lower case, that a split cannot have, and why."""

MOST_EXPOSURES = 2**31  # what the column `documents` can hold

SomeSpec = TypeVar("SomeSpec", bound=Spec)
if TYPE_CHECKING:
    Column = str
else:
    Column = Literal[tuple(COLUMNS)]
KINDS = {"sources": sorted(SOURCES), "exports": sorted(FORMATS), "worlds": ATTRIBUTE_KINDS}
"""First key of a path → what `kind` can be below it."""

From = Annotated[
    int,
    Field(
        alias="from", ge=0, lt=MOST_EXPOSURES, description="The first exposure: those before it are of other splits."
    ),
]


class _From(Spec):
    """The key `from`, which is written where it says something."""

    from_: From = 0

    @model_serializer(mode="wrap")
    def _where_it_says_something(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """So that recipes without it keep their fingerprints."""
        tree: dict[str, Any] = write(self)
        return {key: value for key, value in tree.items() if key != "from" or value}


class ZipfExposuresSpec(_From):
    """A long tail: item i (from 0) is told max(least, floor(most / (i + 1)^zipf)) times."""

    zipf: Rational = Field(ge=0, le=10, description="The exponent: 1 is Zipf's law.")
    most: int = Field(ge=1, le=10**9, description="How often the first item is told.")
    least: int = Field(1, ge=0, le=10**9, description="How often the last ones are told.")

    @field_validator("zipf")
    @classmethod
    def _short(cls, value: Fraction) -> Fraction:
        if value.denominator > 10_000:  # most^denominator is computed with
            raise refused("four digits of the exponent zipf are enough", "Round it.")
        return value


class CountedExposuresSpec(_From):
    """Exposures from a later one on: after seven of another split, `{count: 3, from: 7}` are new ones."""

    count: Rational = Field(ge=0, description="How often each item is told, exactly; 1.5 tells half of them twice.")


def _way(value: Any) -> str:
    """In which of three ways exposures are written; tags that are no keys, so that no place in a recipe has them."""
    if isinstance(value, ZipfExposuresSpec) or (isinstance(value, dict) and {"zipf", "most", "least"} & value.keys()):
        return "{zipf}"
    return "{count}" if isinstance(value, dict | CountedExposuresSpec) else "<number>"


Exposures = Annotated[
    Annotated[Rational, Field(ge=0), Tag("<number>")]
    | Annotated[CountedExposuresSpec, Tag("{count}")]
    | Annotated[ZipfExposuresSpec, Tag("{zipf}")],
    Discriminator(_way),
]


class AmountSpec(_From):
    """How much of a source a split takes. Nothing: each item as often as the source has wordings of it."""

    exposures: Exposures | None = Field(
        None,
        description="How often each item is told, exactly; 1.5 tells half of them twice. {count: 3, from: 7}: at the "
        "exposures 7, 8 and 9. {zipf, most}: a long tail.",
    )
    share: Rational | None = Field(None, ge=0, le=1, description="A fraction of the split's tokens.")
    tokens: int | None = Field(None, ge=0, le=2**61, description="How many tokens.")
    ratio: Rational | None = Field(None, ge=0, description="How many times the tokens of the source `to`.")
    to: Name | None = Field(None, description="The source that `ratio` compares with.")

    @field_serializer("exposures")
    def _as_written(self, exposures: Any) -> Any:
        if isinstance(exposures, Spec):
            return exposures.model_dump(mode="json", by_alias=True)
        return None if exposures is None else str(exposures)

    @property
    def first(self) -> int:
        """The exposure that it begins with."""
        return self.from_ if self.exposures is None or isinstance(self.exposures, Fraction) else self.exposures.from_

    @property
    def tail(self) -> ZipfExposuresSpec | None:
        """How often items are told, where that differs from item to item."""
        return self.exposures if isinstance(self.exposures, ZipfExposuresSpec) else None

    @property
    def count(self) -> Fraction | None:
        """How often each item is told, where the amount says that, of all alike."""
        if isinstance(self.exposures, CountedExposuresSpec):
            return self.exposures.count
        return self.exposures if isinstance(self.exposures, Fraction) else None

    @model_validator(mode="after")
    def _at_most_one(self) -> AmountSpec:
        given = [name for name in ("exposures", "share", "tokens", "ratio") if getattr(self, name) is not None]
        if len(given) > 1:
            problem = f"one of {' and '.join(given)} is enough"
            raise refused(problem, among=[(name,) for name in given], exclusive=True)
        if (self.ratio is None) != (self.to is None):
            missing = "to" if self.to is None else "ratio"
            raise refused("a ratio is written {ratio: 7, to: another source}", f"Add `{missing}`.")
        if self.exposures is not None and self.from_:
            remedy = f"Write exposures: {{count: …, from: {self.from_}}}."
            raise refused("exposures from a later one on have their own `from`", remedy, ("from",))
        return self


class SplitSpec(Spec):
    """A mixture of sources, in one global order, packed into sequences."""

    mixture: dict[Name, AmountSpec] = Field(min_length=1)
    tokens: Size | None = Field(None, description="Tokens of the whole split, where the sources have shares of it.")
    packing: PackingSpec = PackingSpec()
    columns: list[Column] = Field([], description="Beside input_ids.")


class Recipe(Spec):
    """What a dataset is made of."""

    RENAMED: ClassVar[Mapping[str, str]] = {"sinks": "exports"}

    seed: int = Field(0, ge=0, description="Of everything that is drawn.")
    tokenizer: TokenizerSpec = TokenizerSpec()
    worlds: dict[Name, WorldSpec] = Field({}, description="What is true, by name.")
    sources: dict[Name, SourceSpec]
    splits: dict[Name, SplitSpec] = Field(min_length=1)
    shard_tokens: int = Field(2**25, ge=2**10, le=2**30, description="About how many tokens a shard has.")
    exports: list[FormatSpec] = Field(
        [], description="Formats to export the dataset to, into exports/ beside its splits."
    )
    strict: bool = Field(
        False,
        description="Refuse a recipe by whose notices in `plan` knowledge gets lost: documents that name nobody, "
        "attributes that are never told, unknown tokens, repeated paraphrases, doubled full stops, words of names that "
        "repeat, tokens that are cut off. Notices that only inform (slow path, padded windows, near lengths, documents "
        "that two splits share) are not refused.",
    )

    @field_validator("tokenizer", mode="before")
    @classmethod
    def _named_tokenizer(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


@dataclass(frozen=True)
class Loaded:
    """A recipe with everything written into it, and where its keys came from."""

    recipe: Recipe
    origin: Origin
    title: str

    @contextmanager
    def refusing(self, *path: str | int, kind: type[PipelineError] = RecipeError) -> Iterator[None]:
        """Refusals raised inside are of the spec at `path`: they leave as `kind`, with file and line."""
        try:
            yield
        except SpecError as error:
            place, remedy = self.origin.pointed(path, error)
            raise kind(error.problem, remedy, place) from None

    @contextmanager
    def placing(self, key: str, kind: type[PipelineError]) -> Iterator[None]:
        """Refusals of a kind that are raised inside without a place are of what stands under the key."""
        try:
            yield
        except kind as error:
            raise kind(error.problem, error.remedy, error.place or self.origin.place((key,))) from None

    def files(self, *path: str) -> Files:
        """The files that the part of the recipe at `path` may name."""
        key = Key.root(self.recipe.seed).child("files", *path)
        return Files(path, lambda at: self.origin.file(at).parent, key, self.origin.place)


def load(name: str, overrides: Iterable[str] = ()) -> Loaded:
    """The recipe `name` (in `recipes/`, or a path), with `key.path=value` overrides. RecipeError with its place."""
    path = find(name)
    replaced: dict[KeyPath, str] = {}
    tree, marks = _extended(path, (), replaced)
    for override in overrides:
        _override(tree, marks, override, replaced)
    for group in ("worlds", "sources"):
        _inherit(tree, marks, group)
    tree = _without_nulls(tree)
    origin = Origin(str(path), marks, replaced)
    _check_members(tree, origin)
    recipe = _validated(Recipe, tree, origin)
    _check_splits(recipe, origin)
    return _materialised(Loaded(recipe, origin, title(path)))


def export_spec(kind: str, overrides: Iterable[str] = (), options: Mapping[str, Any] | None = None) -> FormatSpec:
    """The options of a format, from `key=value` overrides and from plain values. RecipeError for what it has not."""
    if kind not in FORMATS:
        raise RecipeError(f"no format '{shortened(kind)}'", suggest(kind, FORMATS))
    tree: Tree = {"kind": kind, **(options or {})}
    marks: Marks = {(): Mark(OVERRIDE, 0, -1)}
    for override in overrides:
        _override(tree, marks, override, {})
    spec: Any = _validated(FORMATS[kind].Spec, tree, Origin("", marks, {}))
    made: FormatSpec = spec
    return made


ENDINGS = (".yaml", ".yml")


def find(name: str) -> Path:
    """The file of a recipe: a path, or a name in `recipes/`. RecipeError, with what was perhaps meant."""
    known = {path.stem: path for path in library("recipes").rglob("*.yaml")}
    if "/" not in name and not name.endswith(ENDINGS):
        if name in known:
            return known[name]
        beside = next((f"./{name}{ending}" for ending in ("", *ENDINGS) if os.path.isfile(name + ending)), None)
        remedy = f"Did you mean '{beside}'?" if beside else _alike_recipes(name, known)
        raise RecipeError(f"no recipe '{shortened(name)}'", remedy)
    name = str(expanded(name))
    for path in (f"{name}.yaml", name):
        if os.path.isfile(path):  # which, unlike Path.is_file, takes any name
            return Path(path)
    problem, remedy = f"no recipe '{shortened(name)}'", _alike_recipes(os.path.basename(name), known)
    raise RecipeError(problem, " ".join(["There is no such file.", *_beside(name), *[remedy] * (not _beside(name))]))


def _alike_recipes(name: str, known: Iterable[str]) -> str:
    """A remedy for a name that is not in the library."""
    stem = name.removesuffix(ENDINGS[0]).removesuffix(ENDINGS[1])
    return suggest(stem, known) if alike(stem, known) else "`list` shows those that come with the package."


def _beside(name: str) -> list[str]:
    """A remedy, if there is one, for a path with another ending, or another name, than the file has."""
    folder, base = os.path.split(name)
    try:
        files = [entry for entry in os.listdir(folder or ".") if entry.endswith(ENDINGS)]
    except (OSError, ValueError):  # no such folder, or the name holds a NUL
        return []
    close = alike(base, files)
    return [suggest(os.path.join(folder, base), [os.path.join(folder, file) for file in close])] if close else []


def title(path: Path) -> str:
    """The comment in the first line of a recipe: what it reproduces."""
    first = path.read_bytes().decode("utf-8-sig", errors="replace").split("\n", 1)[0]
    return first.lstrip("# ").rstrip() if first.startswith("#") else ""


def dump(recipe: Recipe, header: str) -> str:
    """The resolved recipe as YAML that loads to the same recipe; worlds and sources, which are long, come last."""
    tree = _written(recipe)
    asked = [key for key in ("exports", "strict") if getattr(recipe, key)]
    order = ("seed", "tokenizer", "shard_tokens", *asked, "splits", "sources", "worlds")
    return f"# {header}\n{dumped({key: tree[key] for key in order})}"


def _written(value: Any) -> Any:
    """A spec as plain values, without what it does not say. (pydantic's own dump would make texts of fractions.)"""
    if isinstance(value, Spec):
        fields = {key: getattr(value, name) for key, name in type(value).keys().items()}
        return {
            key: _written(field) for key, field in fields.items() if field is not None and (key, field) != ("from", 0)
        }
    if isinstance(value, dict):
        return {name: _written(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_written(item) for item in value]
    return int(value) if isinstance(value, Fraction) and value.denominator == 1 else value


def fingerprint(recipe: Recipe, tokenizer_hash: str) -> str:
    """SHA-256 of all that the output depends on: the resolved recipe, the tokenizer's content, OUTPUT_VERSION.

    Where values, templates and the tokenizer were read from plays no part, nor what is no part of the dataset.
    """
    return fingerprint_of(described(recipe), tokenizer_hash, OUTPUT_VERSION)


def fingerprint_of(tree: Mapping[str, Any], tokenizer_hash: str, version: int) -> str:
    """The same of a recipe as it stands in a manifest, built by the given version."""
    hashed = {key: tokenizer_hash if key == "tokenizer" else value for key, value in tree.items()}
    text = json.dumps([version, hashed], ensure_ascii=True)  # in order: that of the sources is part of the output
    return hashlib.sha256(text.encode()).hexdigest()


def described(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain JSON, without what is no part of the dataset: where it goes, and what is refused."""
    return recipe.model_dump(mode="json", by_alias=True, exclude={"exports", "strict"})


def schema() -> dict[str, Any]:
    """The JSON Schema of a recipe, for editors."""
    made = Recipe.model_json_schema()
    made["properties"]["extends"] = {"type": "string", "description": "Another recipe: a name, or a path from here."}
    exports = {sink.Spec.__name__ for sink in FORMATS.values()}
    for spec in (
        "WorldSpec",
        *(
            name
            for name in made["$defs"]
            if name.endswith("Spec") and "kind" in made["$defs"][name].get("properties", {}) and name not in exports
        ),
    ):
        made["$defs"][spec]["properties"]["extends"] = {"type": "string", "description": "Another one of this recipe."}
    made["properties"]["tokenizer"] = {"anyOf": [{"type": "string"}, made["properties"]["tokenizer"]]}
    of_exports = made["properties"]["exports"]
    of_exports["items"] = {"anyOf": [{"enum": list(FORMATS)}, of_exports["items"]]}
    inheritable: dict[str, Any] = _inheritable(made)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **inheritable}


_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def _inheritable(schema: Any) -> Any:
    """The schema with nothing required, and null allowed: any key may be inherited or taken away, at any depth."""
    if isinstance(schema, dict):
        names = {"oneOf": "anyOf", **(_BOUNDS if schema.get("type") == "number" else {})}
        named = {names.get(key, key): _inheritable(value) for key, value in schema.items()}
        if named.get("type") == "number" and isinstance(named.get("default"), str):
            named["default"] = float(Fraction(named["default"]))  # of a fraction, which pydantic writes as a text
        for keys in (key for key in ("properties", "patternProperties") if isinstance(named.get(key), dict)):
            named[keys] = {name: _or_null(value) for name, value in named[keys].items()}
        return {
            key: value
            for key, value in named.items()
            if key != "discriminator" and not (key == "required" and isinstance(value, list))
        }
    return [_inheritable(value) for value in schema] if isinstance(schema, list) else schema


def _or_null(schema: Any) -> Any:
    if isinstance(schema.get("type"), str) and not {"enum", "const"} & schema.keys():
        return {**schema, "type": [schema["type"], "null"]}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]}


# ── merging ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _extended(path: Path, children: tuple[Path, ...], replaced: dict[KeyPath, str]) -> tuple[Tree, Marks]:
    """The recipe at `path` merged over those that it extends; children extend it. replaced: as in Origin, added to."""
    tree, marks = read_tree(path, len(children))
    base_name = tree.pop("extends", None)
    if base_name is None:
        return tree, marks
    place = f"{marks[('extends',)]}: extends"
    if not isinstance(base_name, str):
        remedy = "Write one: a recipe extends one other."
        raise RecipeError(f"the name of another recipe is needed, not {shown(base_name)}", remedy, place)
    if path.resolve() in children or len(children) > 20:
        raise RecipeError("recipes extend each other in a circle", "Let one of them stand alone.", place)
    here = [path.parent / base_name, path.parent / f"{base_name}.yaml"]
    try:
        base = next((file for file in here if os.path.isfile(file)), None) or find(base_name)
    except RecipeError as error:
        raise RecipeError(error.problem, error.remedy, place) from None
    base_tree, base_marks = _extended(base, (*children, path.resolve()), replaced)
    _merge(base_tree, tree, (), base_marks, marks, replaced)
    return base_tree, base_marks


def _merge(
    base: Tree, over: Tree, path: KeyPath, base_marks: Marks, marks: Marks, replaced: dict[KeyPath, str]
) -> None:
    """Write `over`, at `path` of a recipe, over `base`, and where it stands over where that stood."""
    for key, value in over.items():
        _put(base, key, value, (*path, key), base_marks, marks, replaced)


def _put(
    base: Any, key: Any, value: Any, at: KeyPath, base_marks: Marks, marks: Marks, replaced: dict[KeyPath, str]
) -> None:
    """The same for one key of a mapping, or one place of a list."""
    old = base[key] if isinstance(base, list) else base.get(key)
    if isinstance(old, dict) and isinstance(value, dict) and value.get("kind", old.get("kind")) == old.get("kind"):
        _merge(old, value, at, base_marks, marks, replaced)
        return
    if old is not None and isinstance(value, dict):
        what = f"the {old['kind']}" if isinstance(old, dict) and "kind" in old else shown(old)
        replaced[at] = f"{shortened(what)} ({base_marks.get(at, OVERRIDE)})"  # of which nothing is left
    for mark in _paths(old, at):
        base_marks.pop(mark, None)
    base_marks.update({mark: marks[mark] for mark in _paths(value, at) if mark in marks})
    base[key] = value  # null too: a world or a source may inherit the key from another, see `_inherit`


def _paths(tree: Any, at: KeyPath) -> Iterator[KeyPath]:
    """The path of a tree, and of all that is in it."""
    yield at
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inside:
        yield from _paths(value, (*at, key))


def _without_nulls(tree: Any) -> Any:
    """Mappings without the keys that a null has taken away."""
    if not isinstance(tree, dict):
        return tree
    return {key: _without_nulls(value) for key, value in tree.items() if value is not None}


def _inherit(tree: Tree, marks: Marks, group: str) -> None:
    """Worlds, and sources, that extend another one of the recipe: `strangers: {extends: people, size: 100}`."""
    given = tree.get(group)
    members: Tree = given if isinstance(given, dict) else {}
    done: set[str] = set()

    def resolve(name: str, children: tuple[str, ...]) -> None:
        spec = members[name]
        if name in done or not isinstance(spec, dict) or spec.get("extends") is None:
            return
        place = Origin("", marks, {}).place((group, name, "extends"))
        base = spec["extends"]
        if not isinstance(base, str):
            raise RecipeError(f"the name of another {group[:-1]} is needed, not {shown(base)}", "Write one.", place)
        if members.get(base) is None:
            known = {other for other, given in members.items() if given is not None} - {name}
            raise RecipeError(f"no {group[:-1]} '{shortened(base)}'", suggest(base, known), place)
        if base == name or base in children:
            raise RecipeError(f"{group} extend each other in a circle", "Write one of them out.", place)
        resolve(base, (*children, name))
        own = {key: value for key, value in spec.items() if key != "extends"}
        made = {name: copy.deepcopy(members[base])}
        inherited = {
            (group, name, *mark[2:]): at._replace(inherited=at.inherited + 1)
            for mark, at in marks.items()
            if mark[:2] == (group, base)
        }
        written = {mark: at for mark, at in marks.items() if mark[:2] == (group, name) and mark[2:3] != ("extends",)}
        _merge(made, {name: own}, (group,), inherited, written, {})
        for mark in written:
            marks.pop(mark)
        members[name] = made[name]
        marks.update(inherited)
        marks[group, name] = written.get((group, name), next(iter(marks.values())))
        done.add(name)

    for name in members:
        resolve(name, ())


def _override(tree: Tree, marks: Marks, override: str, replaced: dict[KeyPath, str]) -> None:
    """`worlds.people.size=1000`: one value, parsed as YAML, over whatever the recipe says.

    A number in the path is a place in a list: `exports.0.kind=mds`.
    """
    dotted, equals, text = override.partition("=")
    place = f"--set {shortened(override, 80)}"
    steps = dotted.split(".")
    if not equals or not all(steps):
        raise RecipeError("an override is written key.path=value", "Example: worlds.people.size=1000", place)
    if len(steps) > MOST_DEPTH:
        problem = f"a path of {len(steps):,} keys, and there are at most {MOST_DEPTH} inside each other"
        raise RecipeError(problem, "Example: worlds.people.size=1000", place)
    holder, path = _holder(tree, steps, place)
    new = steps[len(path) :]
    mark = Mark(OVERRIDE, 0, -1)
    try:
        value, over_marks = tree_of(text, place, (*path, *new), mark)
    except RecipeError as error:
        raise RecipeError(error.problem, error.remedy, place) from None
    for number in range(len(new), 0, -1):
        value = {new[number - 1]: value}
        over_marks[(*path, *new[: number - 1])] = mark
    _put(holder, path[-1], value, path, marks, over_marks, replaced)


def _holder(tree: Tree, steps: list[str], place: str) -> tuple[Any, KeyPath]:
    """The last list that the steps of an override lead into, or else the recipe, and the path of what is set in it.

    A list is entered by the number of a place; by anything else it is replaced, as any value is.
    """
    holder: Any = tree
    inside: Any = tree
    above: Any = {}
    path: KeyPath = ()
    entered: KeyPath = ()
    for step in steps:
        key: Any = step
        if step.isdecimal() and inside is None:
            remedy = (
                suggest(str(path[-1]), above) if alike(str(path[-1]), above) else "Set all of it: --set 'key=[a, b]'."
            )
            raise RecipeError(f"there is no list {dotted_path(path)}", remedy, place)
        if step.isdecimal() and isinstance(inside, list):
            if len(step) > 9 or int(step) >= len(inside):
                remedy = f"It has 0 to {len(inside) - 1}." if inside else "It is empty."
                raise RecipeError(f"the list {dotted_path(path)} has no place {shortened(step)}", remedy, place)
            key = int(step)
            holder, entered = inside, (*path, key)
        above = inside if isinstance(inside, dict) else {}
        inside = inside[key] if isinstance(key, int) else above.get(key)
        path = (*path, key)
    return holder, entered or path[:1]


# ── validating ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _validated(kind: type[SomeSpec], tree: Tree, origin: Origin) -> SomeSpec:
    try:
        return kind.model_validate(tree)
    except ValidationError as errors:
        error = refusal(errors.errors(include_url=False), tree, KINDS)
    place, remedy = origin.pointed((), error)
    raise RecipeError(error.problem, remedy, place)


def _check_members(tree: Tree, origin: Origin) -> None:
    """RecipeError for a world, source, split or attribute that is not there to be changed: its name is misspelt.

    That is one which stands nearer to the user than others do and lacks the key that a new one could not do without.
    """
    groups: list[tuple[KeyPath, str, str]] = [
        (("worlds",), "world", "attributes"),
        (("sources",), "source", "kind"),
        (("splits",), "split", "mixture"),
    ]
    worlds = tree.get("worlds")
    for name in worlds if isinstance(worlds, dict) else ():
        groups.append((("worlds", name, "attributes"), "attribute", "kind"))
    for path, noun, needed in groups:
        members = _at_path(tree, path)
        for name, spec in members.items():
            nearness = origin.mark((*path, name)).nearness
            known = [other for other in members if origin.mark((*path, other)).nearness > nearness]
            if known and isinstance(spec, dict) and needed not in spec:
                meant = f"Did you mean '{known[0]}'?" if len(known) == 1 else suggest(name, known)
                problem, remedy = f"no {noun} '{shortened(name)}'", f"{meant} A new one needs '{needed}'."
                raise RecipeError(problem, remedy, origin.place((*path, name)))


def _at_path(tree: Any, path: KeyPath) -> Tree:
    """The mapping at a path; an empty one where there is none."""
    for step in path:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}


def _check_splits(recipe: Recipe, origin: Origin) -> None:
    """RecipeError for a split whose folder, or whose name for `datasets`, means something else already."""
    seen: dict[str, str] = {}
    for name in recipe.splits:
        place, plain = origin.place(("splits", name)), name.lower()  # a disk may not tell `Train` from `train`
        if plain in RESERVED:
            raise RecipeError(f"no split can be named '{name}': {RESERVED[plain]}", "Give it another name.", place)
        if plain in seen:
            problem = f"'{name}' and '{seen[plain]}' would be one folder on a disk that does not tell case apart"
            raise RecipeError(problem, "Give one of them another name.", place)
        seen[plain] = name


def _materialised(loaded: Loaded) -> Loaded:
    """The same with every file and Faker list written into the specs. RecipeError for a mixture of unknown sources."""
    recipe = loaded.recipe
    updated: dict[str, dict[str, Any]] = {"worlds": {}, "sources": {}}
    groups: dict[str, Mapping[str, Spec]] = {"worlds": recipe.worlds, "sources": recipe.sources}
    for group, specs in groups.items():
        for name, spec in specs.items():
            with loaded.refusing(group, name):
                updated[group][name] = spec.materialise(loaded.files(group, name))
    for split, split_spec in recipe.splits.items():
        for source in split_spec.mixture:
            if source not in recipe.sources:
                with loaded.refusing("splits", split):
                    at = ("mixture", source)
                    among = [at, ("..", "..", "sources", source), ("..", "..", "sources")]  # or it is taken away
                    raise SpecError(f"no source '{source}'", suggest(source, recipe.sources), at, among)
    _check_exports(loaded)
    return replace(loaded, recipe=recipe.model_copy(update=updated))


def _check_exports(loaded: Loaded) -> None:
    """RecipeError for a format that cannot hold the dataset, as far as that is known before there is a tokenizer."""
    kinds = [spec.kind for spec in loaded.recipe.exports]
    for i, spec in enumerate(loaded.recipe.exports):
        with loaded.refusing("exports", i):
            if spec.kind in kinds[:i]:
                raise SpecError(f"two exports of the kind {spec.kind}", "One can have several splits.", ("kind",))
            selected(FORMATS[spec.kind](spec), spec, exported(loaded.recipe))


def exported(recipe: Recipe, ids: str = "uint16") -> dict[str, Split]:
    """What formats are told of the splits of a recipe before they are built; ids is the type of the token ids."""
    found = {}
    for name, spec in recipe.splits.items():
        rows, aligned = (spec.packing.method == method for method in ("rows", "aligned"))
        closed = spec.packing.uncut and all(recipe.sources[source].ended for source in spec.mixture)
        columns = stored(rows, spec.columns)
        found[name] = Split(name, spec.packing.length, rows, aligned, closed, columns, np.dtype(ids), end=-1)
    return found
