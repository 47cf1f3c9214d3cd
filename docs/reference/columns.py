"""reference/columns.md: the kinds of columns, and the types that they have in a shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from docs.reference.docstrings import markdown
from pipeline.columns import COLUMNS, FIELDS
from pipeline.columns.column import ColumnKind
from pipeline.columns.fields import Dense, Either, Entries, Field, Levels, Messages, Records, Single

HEAD = """\
# Columns

A row of a shard is a sequence of `packing.length` tokens. Each has `input_ids`; where `packing.method` is `rows`, also
`length`, the number of its tokens without padding. `columns` of a split asks for more:

| kind | what it holds | columns of a shard |
|---|---|---|
"""
LETTERS = """
Numbers stand for sources, attributes, roles and symbols; their names are in the split's entry of `manifest.json`, under
the keys that are given here. Below, S is the number of rows, and L the number of tokens of each.

## In every shard

"""
CHECKS = ("check", "check_missing", "check_shard")


def page() -> str:
    """The page."""
    rows = "".join(
        f"| [`{name}`](#{name}) | {kind.summary} | {', '.join(f'`{field}`' for field in kind.fields)} |\n"
        for name, kind in COLUMNS.items()
    )
    always = _fields({name: FIELDS[name] for name in ("input_ids", "length")})
    return "\n".join([HEAD + rows + LETTERS + always, *map(_section, COLUMNS.values())])


def _section(kind: ColumnKind) -> str:
    lines = [f"## {kind.name}", f"`columns: [{kind.name}]`: {kind.summary}.", markdown(type(kind).__doc__ or "")]
    lines += [_fields(kind.fields)]
    if kind.facts:
        lines.append(f"The split's entry of the manifest gets {', '.join(f'`{key}`' for key in kind.facts)}.")
    lines += _refusals(kind)
    return "\n\n".join(lines) + "\n"


def _refusals(kind: ColumnKind) -> Iterator[str]:
    """The contracts of the checks that a kind has of its own: when it raises SpecError."""
    own = [getattr(type(kind), check) for check in CHECKS if check in vars(type(kind))]
    undescribed = [check.__qualname__ for check in own if not check.__doc__]
    if undescribed:
        raise ValueError(f"no docstring says when a recipe is refused: {', '.join(undescribed)}")
    if own:
        yield "\n".join(f"- {markdown(check.__doc__).replace('SpecError', 'Refused', 1)}" for check in own)


def _fields(fields: Mapping[str, Field]) -> str:
    rows = "".join(
        f"| `{name}` | {shape} | {kinds} |\n" for name, field in fields.items() for shape, kinds in [_type(field)]
    )
    return f"| column | shape | type |\n|---|---|---|\n{rows}"


def _type(field: Field) -> tuple[str, str]:
    """The shape of a field, and its types in words."""
    match field:
        case Dense():
            return "(S, L)", " or ".join(field.numbers)
        case Levels():
            return "(S, L, levels)", field.number
        case Single():
            return "(S,)", " or ".join(field.kinds)
        case Either():
            each = [_type(one) for one in field.fields]
            return each[0][0], " or ".join(kinds for _, kinds in each)
        case Messages():
            return "a list for each row", "messages: `role` string, `content` string"
        case Entries():
            return "a list for each row", field.kind
        case Records():
            return "a list for each row", ", ".join(f"`{name}` {kind}" for name, kind in field.fields.items())
    raise TypeError(f"no words for a field of the type {type(field).__name__}")
