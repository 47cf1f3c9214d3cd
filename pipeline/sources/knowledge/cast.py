"""The individuals that a document is about, and where the facts about each stand in its row of facts.

slots        0          1 … n - 1           n … 2n - 2                2n - 1 …
             literal    of the subject      of a second individual    of each to whom a path in the templates leads
variables               {{ birth_city }}    {{ other_birth_city }}    {{ mother.birth_city }}, {{ other_mother }}

Another individual is another row of its world, whose columns stand beside those of the subject; so a sentence is a
gather from one row, whoever it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import combinations
from math import expm1, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I32, I64
from pipeline.core.errors import SpecError, specified_at
from pipeline.core.notices import Notice, information
from pipeline.text.expressions import Program
from pipeline.text.fields import LANGUAGE, Field, Grammar, Variable
from pipeline.text.fragments import Fragments
from pipeline.text.paths import Other
from pipeline.text.shown_facts import Shown, slots_read
from pipeline.worlds.relations.relation import NOBODY
from pipeline.worlds.world import MOST_ATTRIBUTES, World

OTHER = "other_"  # before the names of the second individual's variables
LISTED = 50_000  # individuals of a world, each of whom is looked at for the lengths of documents
COUNTED = 1_000_000  # subjects whose others are counted one by one
MOST_SLOTS = 2_000  # columns of a row of facts
Path = tuple[str, ...]  # "" for the subject or OTHER for the second individual, and the relations from there on


@dataclass(frozen=True)
class _Member:
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
        self._members: dict[Path, _Member] = {}
        self._values: dict[tuple[Path, int], int] = {}  # an individual, a label of its world → the label here
        self._listed: dict[Path, tuple[I32, NDArray[Any]] | None] = {}
        self._fields: dict[tuple[str, str], dict[str, Field]] = {}
        for root in ("", OTHER)[: 1 + second]:
            self._member((root,), world)
        self._needed: dict[Path, frozenset[str] | None] = dict.fromkeys(self._members)

    @property
    def slots(self) -> int:
        """The number of columns of a row of facts."""
        return max(self._members[path].columns.stop for path in self._needed)

    @property
    def sizes(self) -> list[int]:
        """The number of rows of each slot, also of those that no row of facts has, as no program shows them."""
        sizes = [1]
        for member in self._members.values():
            sizes += [member.world.sizes(slot) for slot in range(1, member.world.slots)]
        return sizes

    def probability(self, slot: int) -> tuple[Fraction, ...]:
        """The probability of each row of a slot, over all individuals.

        Of individuals to whom a path leads it is that of those who are there, where these are few: then some of them,
        such as a large employer, matter much.
        """
        member = self._of(slot)
        if member.path not in self._listed:
            reached = self._reached(member.path) if len(member.path) > 1 else None
            self._listed[member.path] = reached and (member.world.rows(reached[0]), reached[1])
        if (listed := self._listed[member.path]) is None:
            return member.world.probability(slot - member.first)
        rows, likely = listed
        of_rows = np.zeros(member.world.sizes(slot - member.first), object)
        np.add.at(of_rows, rows[:, slot - member.first], likely)
        total = int(likely.sum())
        return tuple(Fraction(int(weight), total) for weight in of_rows.tolist())

    def _reached(self, path: Path) -> tuple[I64, NDArray[Any]] | None:
        """The individuals (k,) at the ends of a path, and how likely each is: integers (k,).

        None where these are more than LISTED, all of them equally likely.
        """
        world = self._world(path)
        relation = self._world(path[:-1]).relations[path[-1]] if len(path) > 1 else None
        before = self._reached(path[:-1]) if relation else None
        if relation and before:
            others = relation(before[0])
            reached, number = np.unique(others[others != NOBODY], return_inverse=True)
            likely = np.zeros(reached.size, object)
            np.add.at(likely, number, before[1][others != NOBODY])
            return reached, likely
        weights = relation.weights if relation else None
        if weights is None and world.size > LISTED:
            return None
        common = lcm(*(weight.denominator for weight in weights or ()))
        likely = np.array([int(weight * common) for weight in weights or ()] or [1] * world.size, object)
        return np.arange(world.size, dtype=np.int64), likely

    def independent(self, renderer: Fragments) -> bool:
        """Whether in each joint slot of the documents the slots are independent: then its probabilities are products.

        Those of individuals who may be the same one are not taken to be.
        """
        for joint in renderer.joints:
            members = list(dict.fromkeys(map(self._of, joint.slots)))
            if not all(self._apart(*pair) for pair in combinations(members, 2)):
                return False
            for member in members:
                own = [slot - member.first for slot in joint.slots if slot in member.columns]
                if not member.world.independent(own):
                    return False
        return True

    def _apart(self, one: _Member, other: _Member) -> bool:
        """Whether two of the cast are sure to be two individuals."""
        less, more = sorted((one.path, other.path), key=len)
        if one.world is not other.world or len(more) == 1:
            return True
        return more[:-1] == less and self._world(less).relations[more[-1]].apart

    # ── what templates see ──────────────────────────────────────────────────────────────────────────────────────────

    def variables(self, language: str) -> dict[str, Variable]:
        """Variables: the attributes of the subject, and with the prefix `other_` those of a second individual."""
        with specified_at("language"):
            words = self.world.language(language)
        scope: dict[str, Variable] = {}
        for root in sorted({path[0] for path in self._members}, reverse=True):
            scope |= {root + name: self.variable((root,), name, language) for name in self.world.labels[1:]}
        return {**scope, LANGUAGE: Grammar(words)}

    def variable(self, path: Path, attribute: str, language: str) -> Field | _Related:
        """What an attribute of the individual at the end of a path is, for templates."""
        world = self._world(path)
        if attribute in world.relations:
            return _Related(self, (*path, attribute), language)
        member = self._member(path, world)
        known = self._fields_in(world, language)[attribute]
        return _shifted(known, member.first, self._label(path, attribute, known.label))

    def _fields_in(self, world: World, language: str) -> dict[str, Field]:
        if (world.name, language) not in self._fields:
            self._fields[world.name, language] = world.fields_in(language)
        return self._fields[world.name, language]

    def _world(self, path: Path) -> World:
        world = self.world
        for step in path[1:]:
            world = world.other(step)
        return world

    def _member(self, path: Path, world: World) -> _Member:
        if path not in self._members:
            first = sum(member.world.slots - 1 for member in self._members.values())
            if first + world.slots > MOST_SLOTS and len(path) > 1:
                problem = f"up to '{'.'.join(path[1:])}' its templates show {first + world.slots:,} columns of facts"
                raise SpecError(problem, f"At most {MOST_SLOTS:,}: take fewer paths.", ("templates",))
            self._members[path] = _Member(world, path, first)
        return self._members[path]

    def _label(self, path: Path, attribute: str, own: int) -> int:
        if len(path) == 1:
            return own
        named = attribute == self._world(path).of_kind("name")
        label = ".".join(path[1:] if named else (*path[1:], attribute))
        if label not in self.labels:
            if len(self.labels) >= MOST_ATTRIBUTES:
                raise SpecError(f"more than {MOST_ATTRIBUTES} attributes and paths", "Show fewer.", ("templates",))
            self.labels.append(label)
        self._values[path, own] = self.labels.index(label)
        return self._values[path, own]

    # ── rows of facts ───────────────────────────────────────────────────────────────────────────────────────────────

    def settle(self, programs: Iterable[Program]) -> None:
        """Have in rows of facts only whom these programs show."""
        read = frozenset[int]().union(*(slots_read(part) for program in programs for part in program)) - {0}
        needed: dict[Path, frozenset[str] | None] = {("",): None}
        for path, member in self._members.items():
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
            self._fill(path, self._followed(path, individuals), out)
        return out

    def write(self, path: Path, known: tuple[int, I64], rows: I32) -> None:
        """Write into rows (d, slots) the facts about the end of a path.

        known: how many steps of the path, its root being one, lead to these individuals (d,).
        """
        steps, individuals = known
        self._fill(path, self._followed(path, {path[:steps]: individuals}), rows)

    def beginning(self, *steps: str) -> list[Path]:
        """The paths that begin with these steps, of those whose ends are shown."""
        return [path for path in self._needed if path[: len(steps)] == steps]

    def columns(self, path: Path) -> range:
        """The columns of the facts about the end of a path."""
        return self._members[path].columns

    def _fill(self, path: Path, item: I64, rows: I32) -> None:
        member = self._members[path]
        member.world.fill(item, rows[:, member.first : member.columns.stop], self._needed[path])

    def _followed(self, path: Path, individuals: dict[Path, I64]) -> I64:
        """The individuals (d,) at the end of a path; those on the way are kept in `individuals`."""
        if path not in individuals:
            before = self._followed(path[:-1], individuals)
            individuals[path] = self._world(path[:-1]).relations[path[-1]](before)
        return individuals[path]

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
            relation = self._world(path[:count]).relations[path[count]]
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

    # ── what documents tell ─────────────────────────────────────────────────────────────────────────────────────────

    def shown(self, shown: Shown) -> Shown:
        """What is shown of the world of the subject, of the subject or the second individual: its slots.

        A relation is told by the whole name of the other one; what else is shown of that one is not counted here.
        """
        total = Shown(labels=shown.labels)
        for path, member in self._members.items():
            of = {slot - member.first: classes for slot, classes in shown.slots.items() if slot in member.columns}
            bare = frozenset(slot - member.first for slot in shown.bare if slot in member.columns)
            if len(path) == 1:
                total = total.joined(self.world.drawn(Shown(of, bare=bare)))
            name = member.world.of_kind("name") if len(path) == 2 else None
            if name and Shown(of).whole(member.world.slots_of(name)):
                total = total.joined(Shown(dict.fromkeys(self.world.slots_of(path[1]))))
        return total

    def others_shown(self, shown: Shown) -> tuple[Reached, ...]:
        """What is shown of those to whom paths lead, and who is named whole."""
        told = []
        for path, member in self._members.items():
            name = member.world.of_kind("name") if len(path) > 1 else None
            of = {slot - member.first: classes for slot, classes in shown.slots.items() if slot in member.columns}
            if name and Shown(of).whole(member.world.slots_of(name)):
                here = {own: label for (at, own), label in self._values.items() if at == path}
                labels = frozenset(own for own, label in here.items() if label in shown.labels)
                bare = frozenset(slot - member.first for slot in shown.bare if slot in member.columns)
                of_other = member.world.drawn(Shown(of, labels, bare))
                told.append(Reached(member.world, of_other, partial(self._shares, path)))
        return tuple(told)

    def _shares(self, path: Path, people: range, chance: float) -> NDArray[np.float64] | float:
        """How likely each individual of a world is at the end of a path: see `Reached`."""
        world = self._world(path)
        if max(len(people), world.size) > COUNTED:
            injective = all(self._world(path[:at]).relations[path[at]].most == 1 for at in range(1, len(path)))
            expected = len(people) * chance / world.size
            return expected if injective else -expm1(-expected)
        ends = self._followed(path, {path[:1]: np.arange(people.start, people.stop, dtype=np.int64)})
        counts = np.bincount(ends[ends != NOBODY], minlength=world.size)
        return np.asarray(1 - (1 - chance) ** counts, np.float64)

    def _of(self, slot: int) -> _Member:
        return next(member for member in self._members.values() if slot in member.columns)


@dataclass(frozen=True)
class Reached:
    """What documents show of the individuals of a world to whom a path leads.

    shares(people, chance): how likely each individual of that world is reached, float64 (n,), if each of these subjects
    has documents with a chance; of more than COUNTED individuals the mean, as if they were drawn uniformly.
    """

    world: World
    shown: Shown
    shares: Callable[[range, float], NDArray[np.float64] | float]


class _Related(Other):
    """What a template calls another individual, in a language."""

    def __init__(self, cast: Cast, path: Path, language: str) -> None:
        self._cast, self._path, self._language = cast, path, language
        self._world = cast._world(path)
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
