"""What is wrong with the values of a recipe, in words: each kind of error that the types of specs have, with a remedy.

pydantic finds the errors; nothing of what it says about them is shown. Values are shown as YAML has them, and cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

from pydantic_core import ErrorDetails

from pipeline.core.errors import KeyPath, SpecError, suggest
from pipeline.core.scalars import NUMBER, shown
from pipeline.core.spec import NAME, REFUSED, UNKNOWN_KEY
from pipeline.core.system.escaping import shortened

Worded = tuple[str, str]
"""Problem and remedy."""


def refusal(errors: Sequence[ErrorDetails], tree: Any, kinds: Mapping[str, Collection[str]]) -> SpecError:
    """The refusal of a tree of plain values in which there are these errors; `at` is below the tree.

    Of a value that may be written in several ways, the way that went furthest is the one that was meant. kinds: first
    key of a path → what `kind` can be below it.
    """
    error = max(errors, key=lambda one: (len(_path(one, tree)), one["type"] not in NEEDED))
    path, context = _path(error, tree), error.get("ctx", {})
    match error["type"]:
        case "unknown_key":
            return SpecError("unknown key", context["remedy"], path)
        case "refused":
            among = [(*path, *one) for one in context["among"]]
            problem, remedy = context["problem"], context["remedy"]
            return SpecError(problem, remedy, (*path, *context["at"]), among, exclusive=context["exclusive"])
        case "missing":
            key = str(error["loc"][-1])
            return SpecError(f"'{key}' is missing", _written(key, path), path, lacking=True)
        case "union_tag_invalid":
            remedy = suggest(str(error["input"]["kind"]), _options(context["expected_tags"]))
            return SpecError(f"{shown(error['input']['kind'])} is not possible here", remedy, (*path, "kind"))
        case "union_tag_not_found":
            return SpecError("'kind' is missing", suggest("", kinds[str(path[0])]), path)
    problem, remedy = WORDINGS[error["type"]](error["input"], context)
    return SpecError(problem, remedy, path)


# ── one wording for each kind of error ──────────────────────────────────────────────────────────────────────────────


def _text(value: Any) -> str:
    return "Write one text." if isinstance(value, list | dict) else "Put it in quotes."


def _whole(value: Any) -> str:
    if isinstance(value, Fraction):
        return "Round it." if len(str(int(value))) > 20 else f"Write {int(value // 1)} or {int(value // 1) + 1}."
    return _number(value)


def _number(value: Any) -> str:
    if not isinstance(value, str):
        return "Write one number, in digits."
    if re.fullmatch(rf"{NUMBER}[eE][-+]?[0-9]{{4,}}", value):
        return "An exponent has at most three digits."
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF|nan|NaN|NAN)", value):
        return "It must be finite."
    if re.fullmatch(r"0x[0-9a-fA-F]{1,16}|0o[0-7]{1,20}", value):
        return f"Write it in decimal digits: {int(value, 0)}."
    return "Remove the quotes." if re.fullmatch(NUMBER, value) else "Write it in digits, without quotes."


def _list(value: Any) -> str:
    if isinstance(value, dict):
        return "Write its entries in brackets, [a, b]; --set reaches one by its number: exports.0.kind."
    return f"Write it in brackets: [{str(shown(value)).strip(chr(39))}]."


NEEDED: dict[str, tuple[str, Callable[[Any], str]]] = {
    "string_type": ("a text", _text),
    "int_type": ("a whole number", _whole),
    "number": ("a number", _number),
    "bool_type": ("true or false", lambda value: "Write one of them, without quotes."),
    "list_type": ("a list", _list),
    "dict_type": ("a mapping", lambda value: "Write `key: value` lines below it."),
    "model_attributes_type": ("a mapping", lambda value: "Write `key: value` lines below it."),
    "model_type": ("a mapping", lambda value: "Write `key: value` lines below it."),
}
"""What is needed where a value is of another type, and how it is written."""


def _needed(kind: str) -> Callable[[Any, Mapping[str, Any]], Worded]:
    needed, remedy = NEEDED[kind]
    return lambda value, context: (f"{needed} is needed, not {shown(value)}", remedy(value))


def _bound(words: str, key: str, remedy: str) -> Callable[[Any, Mapping[str, Any]], Worded]:
    return lambda value, context: (f"must be {words} {_limit(context[key])}, not {shown(value)}", remedy)


def _limit(bound: Any) -> str:
    """A bound of a number, which pydantic gives as a number, or as a text."""
    return str(bound) if isinstance(bound, str) else shown(bound if isinstance(bound, int) else Fraction(bound))


def _count(words: str, key: str, remedy: str) -> Callable[[Any, Mapping[str, Any]], Worded]:
    return lambda value, context: (f"{words} {context[key]}, not {len(value)}", remedy)


def _pattern(value: Any, context: Mapping[str, Any]) -> Worded:
    assert context["pattern"] == NAME, "every pattern has its wording here"
    clean = re.sub(r"[^A-Za-z0-9_]+", "_", value).strip("_")
    fits = f"Write {shortened(clean)}." if re.fullmatch(NAME, clean) else "Example: birth_city."
    return f"a name has letters, digits and _, and begins with no digit: not {shown(value)}", fits


def _literal(value: Any, context: Mapping[str, Any]) -> Worded:
    return f"{shown(value)} is not possible here", suggest(
        value if isinstance(value, str) else "", _options(context["expected"])
    )


def _options(listed: str) -> list[str]:
    """The words of a list as pydantic writes it: `'a', 'b' or False`."""
    words = [word.strip(" '\"") for word in listed.replace(" or ", ",").split(",")]
    return [word.lower() if word in ("True", "False") else word for word in words]


WORDINGS: dict[str, Callable[[Any, Mapping[str, Any]], Worded]] = {
    **{kind: _needed(kind) for kind in NEEDED},
    "greater_than": _bound("greater than", "gt", "Raise it."),
    "greater_than_equal": _bound("greater than or equal to", "ge", "Raise it."),
    "less_than": _bound("less than", "lt", "Lower it."),
    "less_than_equal": _bound("less than or equal to", "le", "Lower it."),
    "too_short": _count("the number of entries must be at least", "min_length", "Add what is missing."),
    "too_long": _count("the number of entries must be at most", "max_length", "Remove what is too much."),
    "string_too_short": _count("the number of characters must be at least", "min_length", "Write it, or leave it out."),
    "string_pattern_mismatch": _pattern,
    "literal_error": _literal,
}
"""pydantic's name of an error → its wording, from the value and pydantic's context. Others are told in `refusal`."""

WORDED = frozenset({*WORDINGS, UNKNOWN_KEY, REFUSED, "missing", "union_tag_invalid", "union_tag_not_found"})
"""Every kind of error there is a wording for."""


def _written(key: str, path: KeyPath) -> str:
    """What to do about a key that is missing in the mapping at `path`."""
    if not path or (len(path) == 2 and path[0] in ("worlds", "sources")):
        return "Write it, or inherit it with `extends`."
    return f"Write `{key}: …` there."


# ── where an error is ───────────────────────────────────────────────────────────────────────────────────────────────


def _path(error: ErrorDetails, tree: Any) -> KeyPath:
    """Where in the tree an error is: below the mapping for an unknown key, which pydantic does not know of."""
    path = _real_path(error["loc"], tree)
    return (*path, error["ctx"]["key"]) if error["type"] == UNKNOWN_KEY else path


def _real_path(loc: KeyPath, tree: Any) -> KeyPath:
    """pydantic's location without the names of union members that it puts between the keys."""
    path: list[str | int] = []
    for before, step in zip((None, *loc), loc, strict=False):
        if path and path[-1] == before and isinstance(tree, dict) and tree.get("kind") == step:
            continue  # the kind of the member, which may have a key of that name as well
        inside = step in tree if isinstance(tree, dict) else isinstance(tree, list) and step in range(len(tree))
        if inside:
            tree = tree[step]
            path.append(step)
    return tuple(path)
