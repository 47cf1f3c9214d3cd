"""Paths from one individual to another, `{{ mother.employer.city }}`: each is a variable of its own in a line.

    {{ mother.employer.city.the }}     the part `the` of the variable mother·employer·city
    {{ mother.employer }}              the variable mother·employer·, her employer's name

So what comes after, the evaluation of expressions included, knows fields only. `·` is in no attribute's name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from pipeline.core.errors import TemplateError, suggest
from pipeline.core.files import Text
from pipeline.text.fields import Field, Variable
from pipeline.text.sandbox import METHODS

STEP = "·"


class Other(ABC):
    """What a template calls `mother`: another individual. It is a variable that stands for others.

    world: whose individual it is. attributes: what is known of it.
    """

    slots: frozenset[int] = frozenset()
    label = 0
    world: str

    @property
    @abstractmethod
    def attributes(self) -> Collection[str]: ...

    @property
    @abstractmethod
    def name(self) -> str | None:
        """The attribute that is shown where nothing more is said; None if there is none."""

    @abstractmethod
    def attribute(self, name: str) -> Field | Other:
        """One of its attributes, which may lead on."""

    def value(self, rows: Mapping[int, int]) -> Any:
        """Never asked for: expressions see the fields that paths lead to."""
        raise AssertionError("a path ends at a field")


def resolved(
    tree: nodes.Template, scope: Mapping[str, Variable], line: Text
) -> tuple[nodes.Template, Mapping[str, Variable]]:
    """The tree of a line with a variable for each path, and the scope with these. TemplateError for an unknown step.

    Both are returned as they are, if no path is in the line. A scope that has the variables already needs no more.
    """
    roots = {name.partition(STEP)[0] for name, variable in scope.items() if isinstance(variable, Other) or STEP in name}
    if not any(name.name in roots for name in tree.find_all(nodes.Name)):
        return tree, scope
    paths = _Paths(scope, line)
    without = paths.replaced(tree)
    assert isinstance(without, nodes.Template), "a path is an expression"
    return without, {**scope, **paths.found}


@dataclass
class _Paths:
    """Replaces paths by variables. found: these, by name."""

    scope: Mapping[str, Variable]
    line: Text
    found: dict[str, Variable] = field(default_factory=dict)

    def replaced(self, node: nodes.Node) -> nodes.Node:
        """A copy of a tree, its paths replaced; the tree itself is kept for other scopes."""
        inner = node
        steps: list[str] = []
        while isinstance(inner, nodes.Getattr):
            steps.insert(0, inner.attr)
            inner = inner.node
        if isinstance(inner, nodes.Name) and (variable := self._of(inner, steps)):
            return variable
        fields = [self._copied(getattr(node, name)) for name in node.fields]
        return type(node)(*fields, lineno=node.lineno, environment=node.environment)

    def _copied(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(map(self._copied, value))
        return self.replaced(value) if isinstance(value, nodes.Node) else value

    def _of(self, root: nodes.Name, steps: list[str]) -> nodes.Expr | None:
        """The variable to which a root and some steps lead, with the steps that are left as parts of it."""
        other = self.scope.get(root.name)
        name, taken = self._followed(root.name, other, steps) if isinstance(other, Other) else self._known(root, steps)
        if not name:
            return None
        node: nodes.Expr = nodes.Name(name, "load", lineno=root.lineno, environment=root.environment)
        for part in steps[taken:]:
            node = nodes.Getattr(node, part, "load", lineno=root.lineno, environment=root.environment)
        return node

    def _followed(self, root: str, other: Other, steps: list[str]) -> tuple[str, int]:
        """The name of the variable to which steps lead from a root, and how many they are.

        Where a path ends at an individual, it is the name of that one, which has no article (`employer.the`).
        """
        for taken, step in enumerate(steps, 1):
            if step not in other.attributes:
                break
            target = other.attribute(step)
            if not isinstance(target, Other):
                self.found[name := STEP.join([root, *steps[:taken]])] = target
                return name, taken
            other = target
        else:
            taken = len(steps) + 1
        path, rest = [root, *steps[: taken - 1]], steps[taken - 1 :]
        shown = other.attribute(other.name) if other.name is not None else None
        assert not isinstance(shown, Other), "a name is a field"
        article = shown is not None and rest[:1] and rest[0] in shown.articles and rest[0] not in shown.parts
        if shown is None or (rest and rest[0] not in METHODS and not article and not shown.part(rest[0])):
            raise self._unknown(".".join(path), other, rest[0] if rest else "")
        self.found[name := STEP.join([*path, ""])] = shown
        return name, len(path) - 1 + bool(article)

    def _known(self, root: nodes.Name, steps: list[str]) -> tuple[str, int]:
        """As `_followed`, in a scope that has the variables of paths already; an empty name if this is none of them."""
        for taken in range(len(steps), -1, -1):
            path = STEP.join([root.name, *steps[:taken]])
            for name in (path, path + STEP) if taken else (path + STEP,):
                if name in self.scope:
                    return name, taken
        return "", 0

    def _unknown(self, path: str, other: Other, step: str) -> TemplateError:
        known = suggest(step, other.attributes)
        if step:
            problem = f"no attribute '{step}' of '{path}', an individual of the world '{other.world}'"
            return TemplateError(problem, known, self.line.place)
        problem = f"'{path}' is an individual of the world '{other.world}', which has no name"
        return TemplateError(problem, f"Say what of it is shown. {known}", self.line.place)
