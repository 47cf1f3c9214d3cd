"""The individuals that a document is about, and where the facts about each stand in its row of facts.

slots        0          1 … n - 1           n … 2n - 2                2n - 1 …
             literal    of the subject      of a second individual    of each to whom a path in the templates leads
variables               {{ birth_city }}    {{ other_birth_city }}    {{ mother.birth_city }}, {{ other_mother }}

Another individual is another row of its world, whose columns stand beside those of the subject; so a sentence is a
gather from one row, whoever it is about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I32, I64
from pipeline.core.errors import SpecError, specified_at
from pipeline.core.notices import Notice, information
from pipeline.text.expressions import Program
from pipeline.text.fields import LANGUAGE, Field, Grammar, Variable
from pipeline.text.paths import Other
from pipeline.text.shown_facts import slots_read
from pipeline.worlds.relations.relation import NOBODY
from pipeline.worlds.world import MOST_ATTRIBUTES, World

OTHER = "other_"  # before the names of the second individual's variables
MOST_SLOTS = 4_000  # columns of a row of facts
Path = tuple[str, ...]  # "" for the subject or OTHER for the second individual, and the relations from there on


@dataclass(frozen=True)
class Member:
    """An individual of the cast. first: its slot s stands in column first + s."""

    world: World
    path: Path
    first: int

    @property
    def columns(self) -> range:
        return range(self.first + 1, self.first + self.world.slots)


class Cast:
    """The subject, and whoever else the templates name. Complete once they are compiled: then `settle` it.

    labels: of the world, and one for each value at the end of a path, such as "mother.birth_city"; that of a name is
    the relation's own. second: whether some line names a second individual.
    """

    def __init__(self, world: World, *, second: bool = False) -> None:
        """second: whether templates may show a second individual of the world, `other_`."""
        self.world = world
        self.labels = list(world.labels)
        self.second = False
        self.members: dict[Path, Member] = {}
        self.values: dict[tuple[Path, int], int] = {}  # an individual, a label of its world → the label here
        self._fields: dict[tuple[str, str], dict[str, Field]] = {}
        for root in ("", OTHER)[: 1 + second]:
            self._member((root,), world)
        self._needed: dict[Path, frozenset[str] | None] = dict.fromkeys(self.members)

    @property
    def slots(self) -> int:
        """The number of columns of a row of facts."""
        return max(self.members[path].columns.stop for path in self._needed)

    @property
    def sizes(self) -> list[int]:
        """The number of rows of each slot, also of those that no row of facts has, as no program shows them."""
        sizes = [1]
        for member in self.members.values():
            sizes += [member.world.sizes(slot) for slot in range(1, member.world.slots)]
        return sizes

    def member_of(self, slot: int) -> Member:
        return next(member for member in self.members.values() if slot in member.columns)

    # ── what templates see ──────────────────────────────────────────────────────────────────────────────────────────

    def variables(self, language: str) -> dict[str, Variable]:
        """Variables: the attributes of the subject, and with the prefix `other_` those of a second individual."""
        with specified_at("language"):
            words = self.world.language(language)
        scope: dict[str, Variable] = {}
        for root in sorted({path[0] for path in self.members}, reverse=True):
            scope |= {root + name: self.variable((root,), name, language) for name in self.world.labels[1:]}
        return {**scope, LANGUAGE: Grammar(words)}

    def variable(self, path: Path, attribute: str, language: str) -> Field | _Related:
        """What an attribute of the individual at the end of a path is, for templates."""
        world = self.world_at(path)
        if attribute in world.relations:
            return _Related(self, (*path, attribute), language)
        member = self._member(path, world)
        known = self._fields_in(world, language)[attribute]
        return _shifted(known, member.first, self._label(path, attribute, known.label))

    def _fields_in(self, world: World, language: str) -> dict[str, Field]:
        if (world.name, language) not in self._fields:
            self._fields[world.name, language] = world.fields_in(language)
        return self._fields[world.name, language]

    def world_at(self, path: Path) -> World:
        world = self.world
        for step in path[1:]:
            world = world.other(step)
        return world

    def _member(self, path: Path, world: World) -> Member:
        if path not in self.members:
            first = sum(member.world.slots - 1 for member in self.members.values())
            if first + world.slots > MOST_SLOTS and len(path) > 1:
                problem = f"up to '{'.'.join(path[1:])}' its templates show {first + world.slots:,} columns of facts"
                raise SpecError(problem, f"At most {MOST_SLOTS:,}: take fewer paths.", ("templates",))
            self.members[path] = Member(world, path, first)
        return self.members[path]

    def _label(self, path: Path, attribute: str, own: int) -> int:
        if len(path) == 1:
            return own
        named = attribute == self.world_at(path).of_kind("name")
        label = ".".join(path[1:] if named else (*path[1:], attribute))
        if label not in self.labels:
            if len(self.labels) >= MOST_ATTRIBUTES:
                raise SpecError(f"more than {MOST_ATTRIBUTES} attributes and paths", "Show fewer.", ("templates",))
            self.labels.append(label)
        self.values[path, own] = self.labels.index(label)
        return self.values[path, own]

    @property
    def trees(self) -> bool:
        """Whether somebody may lack another one: whether a tree is in some world that a path can reach."""
        waiting, seen = [self.world], {self.world.name}
        while waiting:
            world = waiting.pop()
            if any(relation.first for relation in world.relations.values()):
                return True
            others = [world.other(name) for name in world.relations]
            waiting += [other for other in others if other.name not in seen]
            seen |= {other.name for other in others}
        return False

    # ── rows of facts ───────────────────────────────────────────────────────────────────────────────────────────────

    def settle(self, programs: Iterable[Program]) -> None:
        """Have in rows of facts only whom these programs show."""
        read = frozenset[int]().union(*(slots_read(part) for program in programs for part in program)) - {0}
        needed: dict[Path, frozenset[str] | None] = {("",): None}
        for path, member in self.members.items():
            own = [slot - member.first for slot in sorted(read) if slot in member.columns]
            if own and path != ("",):
                needed[path] = member.world.drawing(own) if len(path) > 1 else None
        self._needed, self._fields = needed, {}
        self.second = any(path[0] == OTHER for path in needed)

    def rows(self, first: I64, second: I64 | None = None) -> I32:
        """The facts about the subjects (d,), and whoever belongs to them: int32 (d, slots).

        second: the second individuals (d,), where lines name them.
        """
        if len(self._needed) == 1:
            return self.world.rows(first)
        out = np.zeros((first.size, self.slots), np.int32)
        individuals: dict[Path, I64] = {("",): first}
        if second is not None:
            individuals[OTHER,] = second
        for path in self._needed:
            self._fill(path, self.followed(path, individuals), out)
        return out

    def write(self, path: Path, known: tuple[int, I64], rows: I32) -> None:
        """Write into rows (d, slots) the facts about the end of a path.

        known: how many steps of the path, its root being one, lead to these individuals (d,).
        """
        steps, individuals = known
        self._fill(path, self.followed(path, {path[:steps]: individuals}), rows)

    def beginning(self, *steps: str) -> list[Path]:
        """The paths that begin with these steps, of those whose ends are shown."""
        return [path for path in self._needed if path[: len(steps)] == steps]

    def columns(self, path: Path) -> range:
        """The columns of the facts about the end of a path."""
        return self.members[path].columns

    def _fill(self, path: Path, item: I64, rows: I32) -> None:
        member = self.members[path]
        item = np.maximum(item, 0)  # what is told of nobody is not shown
        member.world.fill(item, rows[:, member.first : member.columns.stop], self._needed[path])

    def followed(self, path: Path, individuals: dict[Path, I64]) -> I64:
        """The individuals (d,) at the end of a path, NOBODY where it does not lead on.

        individuals: those that are known, by path; those on the way are kept in it.
        """
        if path not in individuals:
            before = self.followed(path[:-1], individuals)
            relation = self.world_at(path[:-1]).relations[path[-1]]
            ended = bool(before.size) and int(before.min()) == NOBODY
            individuals[path] = relation(np.maximum(before, 0) if ended else before)
            if ended:
                individuals[path][before == NOBODY] = NOBODY
        return individuals[path]

    def sometimes(self, programs: Iterable[Program], people: range) -> list[Path]:
        """The paths to ends that programs show, of those that may not lead on from all of these individuals."""
        read = frozenset[int]().union(*(slots_read(part) for program in programs for part in program)) - {0}
        shown = [path for path in self._needed if read.intersection(self.columns(path))]
        return [path for path in shown if self._may_end(path, people)]

    def _may_end(self, path: Path, people: range) -> bool:
        steps = [self.world_at(path[:count]).relations[path[count]] for count in range(1, len(path))]
        if not any(relation.first for relation in steps):
            return False
        try:
            return self.least(path) > people.start
        except SpecError:  # a tree after another step
            return True

    def exactly(self, path: Path) -> int | None:
        """The individual from which on everybody has others along a path, and before which nobody.

        None if none is known. One is where all trees on the way are the same one, from the subject on.
        """
        steps = [(path[count], self.world_at(path[:count])) for count in range(1, len(path))]
        trees = [count for count, (step, world) in enumerate(steps) if world.relations[step].first]
        same = len({steps[count][0] for count in trees}) == 1 and trees == list(range(len(trees)))
        return self.least(path) if same else None

    def lacks(self, path: Path, individual: I64) -> NDArray[np.bool_]:
        """Whether a path does not lead on from each of these individuals (d,): bool (d,)."""
        return np.equal(self.followed(path, {path[:1]: individual}), NOBODY)

    def having(self, people: range) -> range:
        """Those of these individuals to whom all paths lead on. SpecError if there are none, or not known which."""
        first = max(map(self.least, self._needed))
        if first >= people.stop:
            longest = max(self._needed, key=self.least)
            problem = f"none of its {len(people):,} individuals has '{'.'.join(longest[1:])}'"
            lacking = f"the first {first:,} of {self.world.size:,} have not"
            raise SpecError(f"{problem}: {lacking}", "Let it be `only` about others.", ("only",))
        return range(max(people.start, first), people.stop)

    def least(self, path: Path, begin: int = 1) -> int:
        """The individual from which on everybody has others along a path, after `begin` steps of it. SpecError if none.

        An individual without others does not begin such a path.
        """
        least = 0
        for count in range(len(path) - 1, begin - 1, -1):
            relation = self.world_at(path[:count]).relations[path[count]]
            before = relation.least(least)
            if before is None:
                way, step = ".".join(path[1 : count + 1]), path[count + 1]
                raise SpecError(
                    f"'{way}' may be one of the {least:,} individuals who have no '{step}'",
                    f"Let the path begin with '{step}': then it is known who has one.",
                    ("templates",),
                )
            least = before
        return least


class _Related(Other):
    """What a template calls another individual, in a language."""

    def __init__(self, cast: Cast, path: Path, language: str) -> None:
        self._cast, self._path, self._language = cast, path, language
        self._world = cast.world_at(path)
        self.world = self._world.name

    @property
    def attributes(self) -> Collection[str]:
        return self._world.labels[1:]

    @property
    def name(self) -> str | None:
        return self._world.of_kind("name")

    def attribute(self, name: str) -> Field | Other:
        return self._cast.variable(self._path, name, self._language)


def _shifted(field: Field, by: int, label: int) -> Field:
    """The same field with another label, all its slots shifted by `by`."""
    if not by and label == field.label:
        return field
    pieces = tuple(piece if isinstance(piece, str) else piece.at(piece.slot + by) for piece in field.format)
    parts = {name: column.at(column.slot + by) for name, column in field.parts.items()}
    return replace(field, format=pieces, parts=parts, label=label)


def left_out(people: range, having: range) -> list[Notice]:
    """What `plan` says of individuals who are not asked about, because they lack somebody on a path."""
    lacking = (
        f"{len(people) - len(having):,} of {len(people):,} individuals have not all on its paths: they are left out"
    )
    return [information(lacking)] if people != having else []
