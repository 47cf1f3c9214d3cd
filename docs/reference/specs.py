"""The keys of specs as tables, from the JSON Schema of recipes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from docs.reference.docstrings import line, outside_code
from docs.reference.words import bounds, default_of, either
from pipeline.core.spec import Spec
from pipeline.formats import FORMATS
from pipeline.recipe import Recipe
from pipeline.recipe.json_schema import schema
from pipeline.sources import SOURCES
from pipeline.worlds.attributes import ATTRIBUTE_KINDS

MOST_OWNERS = 6  # that are named as the places of a spec


class Specs:
    """All specs of recipes: on which page each stands, and its table of keys.

    A spec of a kind stands on the page of these kinds, under the kind's name; one that only specs of a page refer to
    stands there too, and all others on the page of the recipe.
    """

    def __init__(self) -> None:
        tree = schema()
        self._specs: dict[str, Mapping[str, Any]] = {"Recipe": tree, **tree["$defs"]}
        own = Recipe.model_json_schema()
        self._required = {name: set(spec.get("required", ())) for name, spec in own["$defs"].items()}
        self._required["Recipe"] = set(own["required"])
        self._titles: dict[str, str] = {}
        self._pages: dict[str, str] = {}
        kinds: dict[str, list[tuple[str, type[Spec]]]] = {
            "attributes": [(name, kind.spec) for name, kind in ATTRIBUTE_KINDS.items()],
            "sources": [(name, kind.spec) for name, kind in SOURCES.items()],
            "formats": [(name, kind.spec) for name, kind in FORMATS.items()],
        }
        for page, declared in kinds.items():
            for name, spec in declared:
                self._titles.setdefault(spec.__name__, name)
                self._pages.setdefault(spec.__name__, page)
        self._kinds = tuple(self._pages)
        self._names = {page: {name for name, _ in declared} for page, declared in kinds.items()}
        for start in (*self._kinds, "Recipe"):
            self._place(start, self._pages.get(start, "recipe"))

    def _place(self, name: str, page: str) -> None:
        """Give a spec and all that it refers to their page, where they have none."""
        self._pages.setdefault(name, page)
        self._titles.setdefault(name, _title(name))
        for referred in _references(self._specs[name].get("properties", {})):
            if referred not in self._pages:
                self._place(referred, page)

    def others(self, page: str) -> list[str]:
        """The specs of a page that are of no kind, in the order in which keys lead to them."""
        return [name for name, of in self._pages.items() if of == page and name not in (*self._kinds, "Recipe")]

    def title(self, name: str) -> str:
        """The title of a spec, which is also its anchor when it is in lower case, with `-` for blanks."""
        return self._titles[name]

    def link(self, name: str, page: str) -> str:
        """A link from a page to a spec."""
        place = "" if self._pages[name] == page else f"{self._pages[name]}.md"
        return f"[{self._titles[name]}]({place}#{self._anchor(name)})"

    def description(self, name: str) -> str:
        """What a spec is, from its docstring."""
        return line(self._specs[name]["description"])

    def owners(self, name: str, page: str) -> str:
        """Which keys of which specs have this one as their value."""
        owners = [
            (owner, f"`{key}.<name>`" if _in_mapping(value, name) else f"`{key}`")
            for owner, spec in self._specs.items()
            for key, value in spec.get("properties", {}).items()
            if name in _references(value)
        ]
        if len(owners) > MOST_OWNERS:
            return ", ".join(dict.fromkeys(key for _, key in owners))
        return ", ".join(key if owner == "Recipe" else f"{key} of {self.link(owner, page)}" for owner, key in owners)

    def section(self, name: str, page: str, level: int = 3) -> str:
        """A spec that is of no kind: its title, where it stands, its keys."""
        heading = f"{'#' * level} {self._titles[name]}"
        stands = f"The value of {self.owners(name, page)}."
        return "\n\n".join([heading, self.description(name), stands, self.table(name, page)])

    def table(self, name: str, page: str, last: Iterable[str] = ()) -> str:
        """The keys of a spec: type, default, description. last: keys that come behind the others.

        ValueError for a key without a description.
        """
        properties = self._specs[name].get("properties", {})
        keys = sorted(properties, key=lambda key: key in last)
        rows = [self._row(name, key, properties[key], page) for key in keys if key != "kind"]
        head = ["| key | value | default | |", "|---|---|---|---|"]
        return "\n".join([*head, *rows]) + "\n" if rows else "It has no other keys.\n"

    def _row(self, name: str, key: str, value: Mapping[str, Any], page: str) -> str:
        if not value.get("description"):
            raise ValueError(f"{name}: the key '{key}' has no description")
        anchor = f"{self._anchor(name)}.{key}"
        cells = (
            f'<a id="{anchor}" href="#{anchor}"><code>{key}</code></a>',
            self._words(value, page),
            "**required**" if key in self._required.get(name, ()) else default_of(value.get("default")),
            line(value["description"]),
        )
        escaped = [outside_code(cell, lambda prose: prose.replace("|", "\\|")) for cell in cells]
        return f"| {' | '.join(escaped)} |"

    def _anchor(self, name: str) -> str:
        return self._titles[name].lower().replace(" ", "-")

    def _words(self, value: Mapping[str, Any], page: str) -> str:
        """The type of a value in words. That null is possible everywhere is not among them."""
        words = dict.fromkeys(self._possible(value, page))
        for kinds, names in self._names.items():
            every = {f"{{…}} {self.link(name, page)}" for name in self._kinds if self._pages[name] == kinds}
            if every <= words.keys():
                alone = {f"`{name}`" for name in names} & words.keys()
                rest = [word for word in words if word not in every | alone]
                return either(
                    [*rest, *(["its kind alone"] if alone else []), f"{{…}} [one of the {kinds}]({kinds}.md)"]
                )
        return either(words)

    def _possible(self, value: Mapping[str, Any], page: str) -> Iterator[str]:
        kinds = value.get("type", ())
        kind = next((kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"), "")
        match value:
            case {"anyOf": many} | {"allOf": many}:
                for one in many:
                    yield from self._possible(one, page)
            case {"$ref": reference}:
                yield f"{{…}} {self.link(_named(reference), page)}"
            case {"const": constant}:
                yield f"`{str(constant).lower() if isinstance(constant, bool) else constant}`"
            case {"enum": constants}:
                yield from (f"`{constant}`" for constant in constants)
            case _ if kind in ("integer", "number"):
                yield ("whole number" if kind == "integer" else "number") + bounds(value)
            case _ if kind == "array":
                yield self._list(value, page)
            case _ if kind == "object":
                yield self._mapping(value, page)
            case _ if kind:
                yield {"string": "name" if "pattern" in value else "text", "boolean": "true or false"}[kind]

    def _list(self, value: Mapping[str, Any], page: str) -> str:
        least, most = value.get("minItems"), value.get("maxItems")
        how_many = f" of {least}" if least == most and least else f" of at least {least}" if least else ""
        items = [self._words(item, page) for item in (value.get("prefixItems") or [value["items"]])]
        return f"list{how_many}: {', '.join(items)}"

    def _mapping(self, value: Mapping[str, Any], page: str) -> str:
        (values,) = [*value.get("patternProperties", {}).values()] or [value.get("additionalProperties", {})]
        said = isinstance(values, Mapping) and values  # or anything, where its values may be anything
        return f"mapping: name → {self._words(values, page)}" if said else "mapping"


def _title(name: str) -> str:
    """`CountedExposuresSpec` is called counted exposures."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.rpartition("__")[2].removesuffix("Spec")).lower()


def _named(reference: str) -> str:
    return reference.removeprefix("#/$defs/")


def _references(tree: Any) -> list[str]:
    """The names of specs to which a part of the schema refers, each once."""
    return list(dict.fromkeys(re.findall(r'"\$ref": "#/\$defs/(\w+)"', json.dumps(tree))))


def _in_mapping(value: Mapping[str, Any], name: str) -> bool:
    """Whether the values of a key are mappings of names to a spec, rather than the spec."""
    values = [one for one in value.get("anyOf", [value]) if name in _references(one)]
    return any({"patternProperties", "additionalProperties"} & one.keys() for one in values)
