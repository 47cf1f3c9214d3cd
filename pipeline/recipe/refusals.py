"""From pydantic's errors to one refusal: what is wrong with a recipe, where, and what to do about it.

`core/value_errors.py` words the problems; the remedies are here.
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
from pipeline.core.value_errors import NEEDED, problem_of

Context = Mapping[str, Any]
"""What pydantic adds to an error: bounds, the words that were expected."""


def refusal(errors: Sequence[ErrorDetails], tree: Any, kinds: Mapping[str, Collection[str]]) -> SpecError:
    """The SpecError for pydantic's errors in a tree of plain values, of which the deepest is reported.

    (Where a value has several forms, each form fails; the one that failed deepest is the one that was meant.) kinds:
    first key of a path → the values of `kind` below it.
    """
    error = max(errors, key=lambda error: (len(_path(error, tree)), error["type"] not in NEEDED))
    path, context = _path(error, tree), error.get("ctx", {})
    match error["type"]:
        case "unknown_key":
            return SpecError("unknown key", context["remedy"], path)
        case "refused":
            among = [(*path, *below) for below in context["among"]]
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
    remedy = REMEDIES[error["type"]]
    problem = problem_of(error)
    assert problem, "all that have a remedy have a wording"
    return SpecError(problem, remedy if isinstance(remedy, str) else remedy(error["input"], context), path)


# ── what to do about each kind of error ─────────────────────────────────────────────────────────────────────────────


def _text(value: Any, context: Context) -> str:
    return "Write one text." if isinstance(value, list | dict) else "Put it in quotes."


def _whole(value: Any, context: Context) -> str:
    if isinstance(value, Fraction):
        return "Round it." if len(str(int(value))) > 20 else f"Write {int(value // 1)} or {int(value // 1) + 1}."
    return _number(value, context)


def _number(value: Any, context: Context) -> str:
    if not isinstance(value, str):
        return "Write one number, in digits."
    if re.fullmatch(rf"{NUMBER}[eE][-+]?[0-9]{{4,}}", value):
        return "An exponent has at most three digits."
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF|nan|NaN|NAN)", value):
        return "It must be finite."
    if re.fullmatch(r"0x[0-9a-fA-F]{1,16}|0o[0-7]{1,20}", value):
        return f"Write it in decimal digits: {int(value, 0)}."
    return "Remove the quotes." if re.fullmatch(NUMBER, value) else "Write it in digits, without quotes."


def _list(value: Any, context: Context) -> str:
    if isinstance(value, dict):
        return "Write its entries in brackets, [a, b]; --set reaches one by its number: exports.0.kind."
    return f"Write it in brackets: [{str(shown(value)).strip(chr(39))}]."


def _name(value: Any, context: Context) -> str:
    assert context["pattern"] == NAME, "every other pattern needs a remedy of its own"
    clean = re.sub(r"[^A-Za-z0-9_]+", "_", value).strip("_")
    return f"Write {shortened(clean)}." if re.fullmatch(NAME, clean) else "Example: birth_city."


def _word(value: Any, context: Context) -> str:
    return suggest(value if isinstance(value, str) else "", _options(context["expected"]))


def _options(listed: str) -> list[str]:
    """The options in a list as pydantic writes it: `'a', 'b' or False`."""
    words = [word.strip(" '\"") for word in listed.replace(" or ", ",").split(",")]
    return [word.lower() if word in ("True", "False") else word for word in words]


_LINES = "Write `key: value` lines below it."
REMEDIES: dict[str, str | Callable[[Any, Context], str]] = {
    "string_type": _text,
    "int_type": _whole,
    "number": _number,
    "bool_type": "Write one of them, without quotes.",
    "list_type": _list,
    "dict_type": _LINES,
    "model_attributes_type": _LINES,
    "model_type": _LINES,
    "greater_than": "Raise it.",
    "greater_than_equal": "Raise it.",
    "less_than": "Lower it.",
    "less_than_equal": "Lower it.",
    "too_short": "Add what is missing.",
    "too_long": "Remove what is too much.",
    "string_too_short": "Write it, or leave it out.",
    "string_too_long": "Shorten it.",
    "string_pattern_mismatch": _name,
    "literal_error": _word,
}
"""pydantic's name of an error → what to do about it, by the value and pydantic's context. `refusal` has the others."""

WORDED = frozenset({*REMEDIES, UNKNOWN_KEY, REFUSED, "missing", "union_tag_invalid", "union_tag_not_found"})
"""Every kind of error there is a remedy for."""


def _written(key: str, path: KeyPath) -> str:
    """The remedy for a missing key of the mapping at `path`."""
    if not path or (len(path) == 2 and path[0] in ("worlds", "sources")):
        return "Write it, or inherit it with `extends`."
    return f"Write `{key}: …` there."


# ── where an error is ───────────────────────────────────────────────────────────────────────────────────────────────


def _path(error: ErrorDetails, tree: Any) -> KeyPath:
    """The path of an error in the tree. For an unknown key it includes the key, which pydantic's location lacks."""
    path = _real_path(error["loc"], tree)
    return (*path, error["ctx"]["key"]) if error["type"] == UNKNOWN_KEY else path


def _real_path(loc: KeyPath, tree: Any) -> KeyPath:
    """pydantic's location without the names of union members, which it puts between the keys."""
    path: list[str | int] = []
    for before, step in zip((None, *loc), loc, strict=False):
        if path and path[-1] == before and isinstance(tree, dict) and tree.get("kind") == step:
            continue  # the kind of the member, which may have a key of that name as well
        inside = step in tree if isinstance(tree, dict) else isinstance(tree, list) and step in range(len(tree))
        if inside:
            tree = tree[step]
            path.append(step)
    return tuple(path)
