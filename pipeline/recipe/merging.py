"""Merging: a recipe over the recipes that it extends, then values of the command line over the result.

Mappings are merged, anything else is replaced, and `null` removes an inherited key. A mapping whose `kind` differs from
that of the inherited mapping replaces it whole.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.core.errors import KeyPath, RecipeError, alike, dotted_path, suggest
from pipeline.core.scalars import shown
from pipeline.core.system.escaping import shortened
from pipeline.recipe.paths import find, is_sweep
from pipeline.recipe.reading import read_file, read_text
from pipeline.recipe.yaml_dialect import MOST_DEPTH
from pipeline.recipe.yaml_tree import SET, Node

MOST_BASES = 20  # recipes that extend each other


def extended(path: Path, children: tuple[Path, ...] = ()) -> Node:
    """The recipe in a file, merged over its bases. children: the files that extend this one, the user's first.

    RecipeError for a base that does not exist, and for recipes that extend each other in a circle.
    """
    tree = read_file(path, len(children))
    if axes := tree.child("axes"):
        problem = "this is a sweep, a grid of recipes, where one recipe is needed"
        remedy = "Name one of its recipes, or one of its cells by --cell."
        if not is_sweep(path):
            remedy = "Write `axes:` at the beginning of a line, by which a sweep is known."
        raise RecipeError(problem, remedy, axes.mark.place(("axes",)))
    name = tree.child("extends")
    if name is None or name.value is None:
        return tree.without("extends")
    place = name.mark.place(("extends",))
    if not isinstance(name.value, str):
        remedy = "Write one: a recipe extends one other."
        raise RecipeError(f"the name of another recipe is needed, not {shown(name.plain())}", remedy, place)
    if path.resolve() in children or len(children) > MOST_BASES:
        raise RecipeError("recipes extend each other in a circle", "Let one of them stand alone.", place)
    base = base_file(name.value, path.parent, place)
    return _merged(extended(base, (*children, path.resolve())), tree.without("extends"))


def base_file(name: str, folder: Path, place: str) -> Path:
    """The file that `extends: name` means in a recipe of this folder. RecipeError, at this place, for none."""
    beside = [folder / name, folder / f"{name}.yaml"]
    try:
        return next((file for file in beside if os.path.isfile(file)), None) or find(name)
    except RecipeError as error:
        raise RecipeError(error.problem, error.remedy, place) from None


def inherited(tree: Node, group: str) -> Node:
    """The recipe with `extends` between its worlds (or sources) resolved: `strangers: {extends: people, size: 100}`.

    group: "worlds" or "sources". RecipeError for a base that does not exist, and for members that extend each other in
    a circle.
    """
    members = dict(holder.members) if (holder := tree.child(group)) else {}

    def resolve(name: str, children: tuple[str, ...]) -> None:
        member = members[name]
        extends = member.child("extends")
        if extends is None or extends.value is None:
            return
        place = extends.mark.place((group, name, "extends"))
        base = extends.value
        if not isinstance(base, str):
            problem = f"the name of another {group[:-1]} is needed, not {shown(extends.plain())}"
            raise RecipeError(problem, "Write one.", place)
        known = {member for member, node in members.items() if node.value is not None}
        if base not in known:
            raise RecipeError(f"no {group[:-1]} '{shortened(base)}'", suggest(base, known - {name}), place)
        if base == name or base in children:
            raise RecipeError(f"{group} extend each other in a circle", "Write one of them out.", place)
        resolve(base, (*children, name))
        written = _written_over(_one_step_further(members[base]), member.without("extends"))
        members[name] = replace(written, mark=member.mark)

    for name in members:
        resolve(name, ())
    return tree.with_child(group, replace(holder, value=members)) if holder and members else tree


def overridden(tree: Node, override: str) -> Node:
    """The recipe with one value set: `worlds.people.size=1000`. The value is parsed as YAML.

    A number in the path is an index of a list: `exports.0.kind=mds`. An entry that has a name is reached by it too:
    `splits.train.phases.facts.order=rounds`. RecipeError for an override that is not of this form, for invalid YAML,
    and for an entry that the list does not have.
    """
    return with_value(tree, *override_of(override), place_of_override(override))


def override_of(override: str) -> tuple[str, Node]:
    """(dotted path, value) of an override. RecipeError for one that is not of this form, and for invalid YAML."""
    dotted, equals, text = override.partition("=")
    place = place_of_override(override)
    if not equals:
        raise _not_an_override(place)
    check_dotted(dotted, place)
    try:
        return dotted, read_text(text, place, SET)
    except RecipeError as error:
        raise RecipeError(error.problem, error.remedy, place) from None


def place_of_override(override: str) -> str:
    """What messages about an override begin with."""
    return f"{SET} {shortened(override, 80)}"


def check_dotted(dotted: str, place: str) -> None:
    """RecipeError, at this place, for a text that is no path of keys: with an empty key, or too deep."""
    steps = dotted.split(".")
    if not all(steps):
        raise _not_an_override(place)
    if len(steps) > MOST_DEPTH:
        problem = f"a path of {len(steps):,} keys, and there are at most {MOST_DEPTH} inside each other"
        raise RecipeError(problem, "Example: worlds.people.size=1000", place)


def _not_an_override(place: str) -> RecipeError:
    return RecipeError("an override is written key.path=value", "Example: worlds.people.size=1000", place)


def with_value(tree: Node, dotted: str, value: Node, place: str) -> Node:
    """The recipe with a value written over what stands at a dotted path. RecipeError, at this place, for an entry that
    a list does not have."""
    steps = dotted.split(".")
    path = _entered(tree, steps, place)
    for key in reversed(steps[len(path) :]):
        value = Node({key: value}, value.mark)
    return _written_at(tree, path, value)


def _entered(tree: Node, steps: list[str], place: str) -> KeyPath:
    """The path up to the last list index among the steps of an override; where there is none, the first step alone.

    An index, or the name of an entry, changes that entry; any other step replaces the list, as it replaces any value.
    """
    path: KeyPath = ()
    entered: KeyPath = ()
    above, node = Node(None, SET), tree
    for step in steps:
        key: str | int = step
        if step.isdecimal() and node.value is None:
            last, known = str(path[-1]), above.members
            remedy = suggest(last, known) if alike(last, known) else "Set all of it: --set 'key=[a, b]'."
            raise RecipeError(f"there is no list {dotted_path(path)}", remedy, place)
        if step.isdecimal() and isinstance(node.value, list):
            if len(step) > 9 or int(step) >= len(node.value):
                remedy = f"It has 0 to {len(node.value) - 1}." if node.value else "It is empty."
                raise RecipeError(f"the list {dotted_path(path)} has no place {shortened(step)}", remedy, place)
            key = int(step)
            entered = (*path, key)
        elif names := _names_of_entries(node):
            if step not in names:
                problem = f"the list {dotted_path(path)} has no entry named {shortened(step)}"
                raise RecipeError(problem, suggest(step, names), place)
            key = names.index(step)
            entered = (*path, key)
        above, node = node, node.child(key) or Node(None, SET)
        path = (*path, key)
    return entered or path[:1]


def _names_of_entries(node: Node) -> list[str]:
    """The names of the entries of a list, "" for one without; [] where none has one, and for what is no list."""
    entries = node.value if isinstance(node.value, list) else []
    names = [name.value if (name := entry.child("name")) and isinstance(name.value, str) else "" for entry in entries]
    return names if any(names) else []


# ── writing over ────────────────────────────────────────────────────────────────────────────────────────────────────


def _merged(base: Node, over: Node) -> Node:
    """A mapping written over another, key by key. Keys stay where they were; new ones come last."""
    members = dict(base.members)
    for key, child in over.members.items():
        members[key] = _written_over(members.get(key), child)
    return replace(base, value=members, replaces=over.replaces or base.replaces)


def _written_over(old: Node | None, new: Node) -> Node:
    """The result of writing `new` over `old`: both merged, or `new`, whose `replaces` then describes `old`.

    A null stays in the tree: a world or source may inherit the key from another one, and a refusal may point at it.
    """
    if old is None or old.value is None or not isinstance(new.value, dict):
        return new
    if isinstance(old.value, dict) and _kind(new, _kind(old)) == _kind(old):
        return _merged(old, new)
    if old.mark.inherited:  # the recipe still has the world or source that it came from
        return new
    what = f"the {_kind(old)}" if "kind" in old.members else shown(old.plain())
    return replace(new, replaces=f"{shortened(what)} ({old.mark})")


def _written_at(node: Node | None, path: KeyPath, value: Node) -> Node:
    """The node with `value` written over what stands at the path."""
    if not path or node is None:
        return _written_over(node, value)
    return node.with_child(path[0], _written_at(node.child(path[0]), path[1:], value))


def _kind(node: Node, default: Any = None) -> Any:
    kind = node.child("kind")
    return kind.plain() if kind else default


def _one_step_further(node: Node) -> Node:
    """The tree as a member that extends it inherits it: one step further from the user, `replaces` forgotten."""
    mark = node.mark._replace(inherited=node.mark.inherited + 1)
    if isinstance(node.value, dict):
        return Node({key: _one_step_further(child) for key, child in node.value.items()}, mark)
    if isinstance(node.value, list):
        return Node([_one_step_further(child) for child in node.value], mark)
    return Node(node.value, mark)
