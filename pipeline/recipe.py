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
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import yaml
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
from pydantic_core import PydanticCustomError

from pipeline.core.errors import PipelineError, RecipeError, SpecError, holds_surrogate, suggest
from pipeline.core.files import Files, library
from pipeline.core.key import Key
from pipeline.core.reading import control_in
from pipeline.core.spec import Name, Rational, Size, Spec
from pipeline.packing import PackingSpec
from pipeline.sinks import SINKS, SinkSpec
from pipeline.sinks.sink import Split, columns_of, selected
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

MOST_NODES = 2_000_000  # of a recipe
MOST_EXPOSURES = 2**31  # what the column `documents` can hold

SomeSpec = TypeVar("SomeSpec", bound=Spec)
Column = Literal["loss_mask", "segment_ids", "documents", "spans", "parts", "answers", "probes", "steps", "tree"]
Path_ = tuple[str | int, ...]

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
    least: int = Field(1, ge=0, description="How often the last ones are told.")

    @field_validator("zipf")
    @classmethod
    def _short(cls, value: Fraction) -> Fraction:
        if value.denominator > 10_000:  # most^denominator is computed with
            raise PydanticCustomError("zipf", "four digits of the exponent zipf are enough")
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
    tokens: int | None = Field(None, ge=0, description="How many tokens.")
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
            names = " and ".join(given)
            raise PydanticCustomError(
                "amount", "one of {names} is enough; null removes an inherited one", {"names": names}
            )
        if (self.ratio is None) != (self.to is None):
            raise PydanticCustomError("amount", "a ratio is written {ratio: 7, to: another source}")
        if self.exposures is not None and self.from_:
            raise PydanticCustomError("amount", "exposures from a later one on are written {count: 3, from: 7}")
        return self


class SplitSpec(Spec):
    """A mixture of sources, in one global order, packed into sequences."""

    mixture: dict[Name, AmountSpec] = Field(min_length=1)
    tokens: Size | None = Field(None, description="Tokens of the whole split, where the sources have shares of it.")
    packing: PackingSpec = PackingSpec()
    columns: list[Column] = Field([], description="Beside input_ids.")


class Recipe(Spec):
    """What a dataset is made of."""

    seed: int = Field(0, ge=0, description="Of everything that is drawn.")
    tokenizer: TokenizerSpec = TokenizerSpec()
    worlds: dict[Name, WorldSpec] = Field({}, description="What is true, by name.")
    sources: dict[Name, SourceSpec]
    splits: dict[Name, SplitSpec] = Field(min_length=1)
    shard_tokens: int = Field(2**25, ge=2**10, le=2**30, description="About how many tokens a shard has.")
    sinks: list[SinkSpec] = Field([], description="Formats to export the dataset to, into exports/ beside its splits.")
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
class Origin:
    """Where the keys of a recipe stand: path → (file, line). The nearest key above answers for one not written."""

    name: str
    marks: Mapping[Path_, tuple[Path, int]]

    def place(self, path: Path_) -> str:
        """`file:line: dotted.path`."""
        dotted = ".".join(map(str, path))
        file, line = self._nearest(path)
        shown = str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
        return f"{shown}:{line}" + (f": {dotted}" if dotted else "") if line else f"--set {dotted}"

    def file(self, path: Path_) -> Path:
        """The file in which the key stands."""
        return self._nearest(path)[0]

    def _nearest(self, path: Path_) -> tuple[Path, int]:
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, (Path(self.name), 1))


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
            raise kind(error.problem, error.remedy, self.origin.place((*path, *error.at))) from None

    def files(self, *path: str) -> Files:
        """The files that the part of the recipe at `path` may name."""
        key = Key.root(self.recipe.seed).child("files", *path)
        return Files(path, lambda at: self.origin.file(at).parent, key, self.origin.place)


def load(name: str, overrides: Iterable[str] = ()) -> Loaded:
    """The recipe `name` (in `recipes/`, or a path), with `key.path=value` overrides. RecipeError with its place."""
    path = find(name)
    tree, marks = _extended(path, ())
    for override in overrides:
        _override(tree, marks, override)
    for group in ("worlds", "sources"):
        _inherit(tree, marks, group)
    tree = _without_nulls(tree)
    origin = Origin(str(path), marks)
    recipe = _validated(Recipe, tree, origin)
    _check_splits(recipe, origin)
    return _materialised(Loaded(recipe, origin, title(path)))


def sink(kind: str, overrides: Iterable[str] = (), options: Mapping[str, Any] | None = None) -> SinkSpec:
    """The options of a format, from `key=value` overrides and from plain values. RecipeError for what it has not."""
    if kind not in SINKS:
        raise RecipeError(f"no format '{kind}'", suggest(kind, SINKS))
    tree: Tree = {"kind": kind, **(options or {})}
    marks: Marks = {(): (Path("--set"), 0)}
    for override in overrides:
        _override(tree, marks, override)
    spec: Any = _validated(SINKS[kind].Spec, tree, Origin("", marks))
    made: SinkSpec = spec
    return made


def find(name: str) -> Path:
    """The file of a recipe: a path, or a name in `recipes/`."""
    written_as_path = "/" in name or name.endswith((".yaml", ".yml"))
    if not written_as_path:
        return _in_library(name)
    path = Path(name)
    if os.path.isfile(f"{name}.yaml"):
        path = Path(f"{name}.yaml")
    if not os.path.isfile(path):  # which, unlike Path.is_file, takes any name
        raise RecipeError(f"no recipe '{name}'", "There is no such file.")
    return path


def _in_library(name: str) -> Path:
    """The recipe of this name, in whichever folder of `recipes/`."""
    known = {path.stem: path for path in library("recipes").rglob("*.yaml")}
    if name not in known:
        raise RecipeError(f"no recipe '{name}'", suggest(name, known))
    return known[name]


def title(path: Path) -> str:
    """The comment in the first line of a recipe: what it reproduces."""
    first = path.read_bytes().decode("utf-8-sig", errors="replace").split("\n", 1)[0]
    return first.lstrip("# ").rstrip() if first.startswith("#") else ""


def dump(recipe: Recipe, header: str) -> str:
    """The resolved recipe as YAML that loads to the same recipe; worlds and sources, which are long, come last."""
    tree = _written(recipe)
    asked = [key for key in ("sinks", "strict") if getattr(recipe, key)]
    order = ("seed", "tokenizer", "shard_tokens", *asked, "splits", "sources", "worlds")
    text = yaml.dump({key: tree[key] for key in order}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return f"# {header}\n{text}"


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
    return recipe.model_dump(mode="json", by_alias=True, exclude={"sinks", "strict"})


def schema() -> dict[str, Any]:
    """The JSON Schema of a recipe, for editors."""
    made = Recipe.model_json_schema()
    made["properties"]["extends"] = {"type": "string", "description": "Another recipe: a name, or a path from here."}
    exports = {sink.Spec.__name__ for sink in SINKS.values()}
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
    of_sinks = made["properties"]["sinks"]
    of_sinks["items"] = {"anyOf": [{"enum": list(SINKS)}, of_sinks["items"]]}
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


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

Tree = dict[str, Any]
Marks = dict[Path_, tuple[Path, int]]


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars: no is a text, 1:7 is a text, 1e9 is a number; numbers with a point are exact fractions."""


class _Dumper(yaml.SafeDumper):
    """Texts are quoted wherever _Loader, or a YAML 1.1 reader, would take them for something else."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("bool", r"^(?:true|false)$", list("tf")),
    ("int", r"^[-+]?[0-9][0-9_]*$", list("-+0123456789")),
    ("float", r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?$", list("-+.0123456789")),
    ("float", r"^[0-9]+/[1-9][0-9]*$", list("0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """A text; in double quotes, which escape them, where it holds line breaks that YAML would fold, and their like."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if control_in(text) else None)


_Dumper.add_representer(str, _represented)
_Dumper.add_representer(Fraction, lambda dumper, n: dumper.represent_scalar("tag:yaml.org,2002:float", _decimal(n)))


def _decimal(number: Fraction) -> str:
    """A fraction as 0.25 where that is exact, else as 1/3."""
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    places = number.denominator.bit_length()  # as many digits as that are enough
    if rest > 1 or places > 40:
        return str(number)
    digits = f"{number.numerator * 10**places // number.denominator:0{places + 1}d}"
    return f"{digits[:-places]}.{digits[-places:]}".rstrip("0")


def _scalar(node: yaml.ScalarNode) -> Any:
    text = node.value.replace("_", "") if node.tag.endswith((":int", ":float")) else node.value
    match node.tag.rsplit(":", 1)[-1]:
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int":
            return int(text)
        case "float":
            number = Fraction(text)
            return int(number) if number.denominator == 1 else number
        case "str":
            if holds_surrogate(text):
                raise RecipeError(
                    "a text with half a character (a surrogate)", "Write the character itself.", _at(node)
                )
            return text
    raise RecipeError(f"the tag '{node.tag}' is not allowed", "Write plain YAML.", _at(node))


def _plain(node: yaml.Node, path: Path_, file: Path, marks: Marks) -> Any:
    """A node as Python values; where each stands is noted in marks."""
    marks[path] = (file, node.start_mark.line + 1)
    if len(marks) > MOST_NODES:  # a few lines of aliases of aliases make any number
        raise RecipeError(f"more than {MOST_NODES:,} values", "Put long lists into files.", _at(node))
    if not isinstance(node, yaml.ScalarNode) and node.tag.rsplit(":", 1)[-1] not in ("map", "seq"):
        raise RecipeError(f"the tag '{node.tag}' is not allowed", "Write plain YAML.", _at(node))
    if isinstance(node, yaml.MappingNode):
        tree: Tree = {}
        for key_node, value in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag.endswith(":merge"):
                raise RecipeError("a key must be a plain word", "", f"{file}:{key_node.start_mark.line + 1}")
            key = str(_scalar(yaml.ScalarNode("tag:yaml.org,2002:str", key_node.value, key_node.start_mark)))
            if key in tree:
                raise RecipeError(f"'{key}' stands twice", "Remove one.", f"{file}:{key_node.start_mark.line + 1}")
            tree[key] = _plain(value, (*path, key), file, marks)
            marks[*path, key] = (file, key_node.start_mark.line + 1)
        return tree
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value, (*path, i), file, marks) for i, value in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    return _scalar(node)


def _at(node: yaml.Node) -> str:
    return f"{node.start_mark.name}:{node.start_mark.line + 1}"


_OTHER_BREAKS = re.compile("\r(?!\n)|[\x85\u2028\u2029]")


def _node(text: str, name: str) -> yaml.Node | None:
    """The one document of a YAML text.

    RecipeError for what a reader of YAML 1.1, as ours is, takes for the end of a line: it would become a blank.
    """
    if found := _OTHER_BREAKS.search(text):
        escaped = {"\r": "\\r", "\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P"}[found[0]]
        line = text.count("\n", 0, found.start()) + 1
        raise RecipeError(
            f"the character U+{ord(found[0]):04X} would end the line",
            f'Remove it, or write "{escaped}", in double quotes. Lines end at \\n or \\r\\n.',
            f"{name}:{line}",
        )
    loader = _Loader(text)
    loader.name = name
    node: yaml.Node | None = loader.get_single_node()
    return node


def _read(path: Path) -> tuple[Tree, Marks]:
    marks: Marks = {}
    try:
        node = _node(path.read_bytes().decode("utf-8-sig"), str(path))
        tree = _plain(node, (), path, marks) if node else {}
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read the recipe: {error}", "", str(path)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise RecipeError(
            f"not YAML: {error.problem or error.context}", "Look at colons, brackets and quotes there.", place
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RecipeError(
            f"not YAML: {str(error).splitlines()[0]}", "Write plain text and numbers.", str(path)
        ) from None
    if not isinstance(tree, dict):
        raise RecipeError("a recipe is a mapping", "It has keys such as worlds, sources, splits.", f"{path}:1")
    return tree, marks


def _extended(path: Path, children: tuple[Path, ...]) -> tuple[Tree, Marks]:
    """The recipe at `path` merged over those that it extends."""
    tree, marks = _read(path)
    base_name = tree.pop("extends", None)
    if base_name is None:
        return tree, marks
    place = f"{path}:{marks[('extends',)][1]}: extends"
    if not isinstance(base_name, str):
        raise RecipeError("the name of another recipe is needed", "", place)
    if path.resolve() in children or len(children) > 20:
        raise RecipeError("recipes extend each other in a circle", "", place)
    here = [path.parent / base_name, path.parent / f"{base_name}.yaml"]
    try:
        base = next((file for file in here if os.path.isfile(file)), None) or find(base_name)
    except RecipeError as error:
        raise RecipeError(error.problem, error.remedy, place) from None
    base_tree, base_marks = _extended(base, (*children, path.resolve()))
    _merge(base_tree, tree, (), base_marks, marks)
    return base_tree, base_marks


def _merge(base: Tree, over: Tree, path: Path_, base_marks: Marks, marks: Marks) -> None:
    for key, value in over.items():
        at = (*path, key)
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and value.get("kind", old.get("kind")) == old.get("kind"):
            _merge(old, value, at, base_marks, marks)
            continue
        for mark in [mark for mark in base_marks if mark[: len(at)] == at]:
            del base_marks[mark]
        base_marks.update({mark: place for mark, place in marks.items() if mark[: len(at)] == at})
        base[key] = value  # null too: a world or a source may inherit the key from another, see `_inherit`


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
        place = Origin("", marks).place((group, name, "extends"))
        base = spec["extends"]
        if not isinstance(base, str) or members.get(base) is None:
            known = {other for other, given in members.items() if given is not None} - {name}
            raise RecipeError(f"no {group[:-1]} '{base}'", suggest(str(base), known), place)
        if base == name or base in children:
            raise RecipeError(f"{group} extend each other in a circle", "Write one of them out.", place)
        resolve(base, (*children, name))
        own = {key: value for key, value in spec.items() if key != "extends"}
        made = {name: copy.deepcopy(members[base])}
        inherited = {(group, name, *mark[2:]): at for mark, at in marks.items() if mark[:2] == (group, base)}
        mine = {mark: at for mark, at in marks.items() if mark[:2] == (group, name) and mark[2:3] != ("extends",)}
        _merge(made, {name: own}, (group,), inherited, mine)
        for mark in mine:
            marks.pop(mark)
        members[name] = made[name]
        marks.update(inherited)
        marks.update({(group, name): mine.get((group, name), next(iter(marks.values())))})
        done.add(name)

    for name in members:
        resolve(name, ())


def _override(tree: Tree, marks: Marks, override: str) -> None:
    """`worlds.people.size=1000`: one value, parsed as YAML, over whatever the recipe says."""
    dotted, equals, text = override.partition("=")
    place = f"--set {override}"
    if not equals or not all(dotted.split(".")):
        raise RecipeError("an override is written key.path=value", "Example: worlds.people.size=1000", place)
    here: Path = Path("--set")
    over_marks: Marks = {}
    try:
        node = _node(text, place)
        value = _plain(node, tuple(dotted.split(".")), here, over_marks) if node else None
    except RecipeError as error:
        raise RecipeError(error.problem, error.remedy, place) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise RecipeError("the value is not YAML", "Quote it.", place) from None
    over: Tree = {}
    branch = over
    *above, last = dotted.split(".")
    for key in above:
        branch[key] = {}
        branch = branch[key]
    branch[last] = value
    _merge(tree, over, (), marks, dict.fromkeys(over_marks, (here, 0)))


# ── validating ──────────────────────────────────────────────────────────────────────────────────────────────────────


_REMEDIES = {
    "string_type": ("a text is needed", "Put it in quotes."),
    "int_type": ("a whole number is needed", "Example: 500_000."),
    "list_type": ("a list is needed", "Example: [a, b]."),
}


def _validated(kind: type[SomeSpec], tree: Tree, origin: Origin) -> SomeSpec:
    try:
        return kind.model_validate(tree)
    except ValidationError as errors:
        # Of a value that may be written in several ways, the way that went furthest is the one that was meant.
        error = max(errors.errors(include_url=False), key=lambda one: (len(_path_of(one, tree)), _meant(one)))
    path = _path_of(error, tree)
    context = error.get("ctx", {})
    problem, remedy = error["msg"], ""
    if error["type"] == "unknown_key":
        problem, remedy = "unknown key", context["remedy"]
    elif error["type"] == "missing":
        problem, remedy = f"'{error['loc'][-1]}' is missing", "Write it, or inherit it with `extends`."
    elif error["type"] in ("literal_error", "union_tag_invalid"):
        wrong = error["input"].get("kind") if isinstance(error["input"], dict) else error["input"]
        expected = str(context.get("expected") or context.get("expected_tags"))
        options = [word.strip(" '\"") for word in expected.replace(" or ", ",").split(",")]
        problem, remedy = f"'{wrong}' is not possible here", suggest(str(wrong), options)
        path = (*path, "kind") if error["type"] == "union_tag_invalid" else path
    elif error["type"] == "union_tag_not_found":
        kinds = {"sources": sorted(SOURCES), "sinks": sorted(SINKS)}.get(str(path[0]), ATTRIBUTE_KINDS)
        problem, remedy = "'kind' is missing", f"It can be: {', '.join(kinds)}."
    elif error["type"] in _REMEDIES:
        shown = error["input"] if not isinstance(error["input"], Fraction) else float(error["input"])
        problem, remedy = f"{_REMEDIES[error['type']][0]}, not {shown!r}", _REMEDIES[error["type"]][1]
    elif not isinstance(error["input"], dict | list):
        shown = error["input"] if not isinstance(error["input"], Fraction) else float(error["input"])
        problem = f"{problem}, not {shown!r}"
    raise RecipeError(problem[:1].lower() + problem[1:], remedy, origin.place(path))


def _meant(error: Any) -> bool:
    """Whether an error is more than that the value is of another type."""
    return error["type"] not in _REMEDIES


def _path_of(error: Any, tree: Tree) -> Path_:
    """Where in the recipe an error is: below the mapping for an unknown key, which pydantic does not know of."""
    path = _real_path(error["loc"], tree)
    return (*path, error["ctx"]["key"]) if error["type"] == "unknown_key" else path


def _real_path(loc: tuple[str | int, ...], tree: Any) -> Path_:
    """Pydantic's location without the names of union members that it puts between the keys."""
    path: list[str | int] = []
    for before, step in zip((None, *loc), loc, strict=False):
        if path and path[-1] == before and isinstance(tree, dict) and tree.get("kind") == step:
            continue  # the kind of the member, which may have a key of that name as well
        inside = step in tree if isinstance(tree, dict) else isinstance(tree, list) and step in range(len(tree))
        if inside:
            tree = tree[step]
            path.append(step)
    return tuple(path)


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
                path = ("splits", split, "mixture", source)
                raise RecipeError(f"no source '{source}'", suggest(source, recipe.sources), loaded.origin.place(path))
    _check_sinks(loaded)
    return replace(loaded, recipe=recipe.model_copy(update=updated))


def _check_sinks(loaded: Loaded) -> None:
    """RecipeError for a format that cannot hold the dataset, as far as that is known before there is a tokenizer."""
    kinds = [spec.kind for spec in loaded.recipe.sinks]
    for i, spec in enumerate(loaded.recipe.sinks):
        with loaded.refusing("sinks", i):
            if spec.kind in kinds[:i]:
                raise SpecError(f"two sinks of the kind {spec.kind}", "One can have several splits.", ("kind",))
            selected(SINKS[spec.kind](spec), spec, exported(loaded.recipe))


def exported(recipe: Recipe, ids: str = "uint16") -> dict[str, Split]:
    """What sinks are told of the splits of a recipe before they are built; ids is the type of the token ids."""
    found = {}
    for name, spec in recipe.splits.items():
        rows, aligned = (spec.packing.method == method for method in ("rows", "aligned"))
        closed = spec.packing.uncut and all(recipe.sources[source].ended for source in spec.mixture)
        columns = columns_of(rows, spec.columns)
        found[name] = Split(name, spec.packing.length, rows, aligned, closed, columns, np.dtype(ids), end=-1)
    return found
