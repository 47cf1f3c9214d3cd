"""A compiled world: computes the facts about any individuals, as rows of finite tables of values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np

from pipeline.core.draws import I32, I64
from pipeline.core.errors import SpecError, specified_at, suggest
from pipeline.core.key import Key
from pipeline.core.notices import Notice, information, rounded
from pipeline.core.spec import texts_in
from pipeline.core.system.reading import control_in
from pipeline.text.arithmetic import NoArithmetic, composed
from pipeline.text.fields import Field
from pipeline.text.language_spec import LanguageSpec
from pipeline.text.languages import Language
from pipeline.text.pieces import Joint, probability_of_rows
from pipeline.text.shown_facts import Shown, shown_by, told_by_others
from pipeline.worlds.attributes.attribute import Attribute
from pipeline.worlds.attributes.individual import IndividualSpec
from pipeline.worlds.naming import Naming
from pipeline.worlds.relations.relation import NOBODY, Relation
from pipeline.worlds.spec import WorldSpec

MOST_NOTICES = 3  # about control characters
MOST_ROWS = 2_000_000  # of the tables of all attributes together
MOST_ATTRIBUTES = 254  # spans store the attribute's number in a byte; one number is for wrong values


class World:
    """Individuals 0 … size-1 and the facts about them: a pure function of (key, item).

    attributes: attribute → what is compiled of it. fields: attribute → its variable in templates. relations: attribute
    that is another individual → who that is; it has no slot and no field. labels: labels[l] is the attribute with the
    label l; labels[0] is "". naming: where its names are from.
    Slot 0 belongs to literals and always holds row 0; the other slots are numbered in the order of attributes.
    """

    def __init__(
        self,
        name: str,
        spec: WorldSpec,
        key: Key,
        others: Mapping[str, World] | None = None,
        languages: Mapping[str, LanguageSpec] | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        """others: worlds from which it may be disjoint, or to which its individuals are related; the latter may be
        added later. languages: those in which sentences are about it, by name. sizes: of all worlds, by name.

        SpecError, `at` below the spec, for attributes that do not fit together, or more individuals than names.
        """
        self.name, self.size, self.spec = name, spec.size, spec
        self.languages = {code: Language(code, language) for code, language in (languages or {}).items()}
        expanded = spec.expanded
        self.labels = ("", *expanded)
        self.fields: dict[str, Field] = {}
        self.relations: dict[str, Relation] = {}
        self._worlds = {} if others is None else others  # the same object: worlds are added to it
        self.attributes: dict[str, Attribute] = {}
        self._weights: list[tuple[Fraction, ...] | None] = [None]
        self._sizes = [1]
        if len(expanded) > MOST_ATTRIBUTES:
            raise SpecError(f"{len(expanded)} attributes; a span can name {MOST_ATTRIBUTES}", at=("attributes",))
        self._joints: dict[int, Joint] = {}  # slot → how it follows from independent ones
        tables = 0  # rows of all of them
        for label, (attribute, (declared, attribute_spec, path)) in enumerate(expanded.items(), 1):
            with specified_at("attributes", declared):
                if isinstance(attribute_spec, IndividualSpec):
                    sizes = sizes or {name: spec.size}
                    self.relations[attribute] = attribute_spec.relation(key.child(*path), name, sizes)
                    continue
                compiled = attribute_spec.compile(key.child(*path), spec.size)
                tables += compiled.rows
                if tables > MOST_ROWS:
                    raise SpecError(
                        f"up to here the attributes have {tables:,} values",
                        f"A world may have {MOST_ROWS:,}: each is tokenized ahead.",
                    )
                self._add(attribute, label, compiled)
        self.groups = {group: self._group(group, *bounds) for group, bounds in spec.groups.items()}
        naming = Naming(name, spec.size, self.of_kind("name") or "", spec.attributes, self.attributes, key)
        with specified_at("disjoint_from"):
            apart_from = [self._other(other, others or {}).naming for other in spec.others]
            self.naming: Naming = naming.apart_from(apart_from, [world.naming for world in (others or {}).values()])

    def _add(self, name: str, label: int, attribute: Attribute) -> None:
        """Give an attribute its slots, behind those of the others. SpecError as of `_related`."""
        first = len(self._sizes)
        self.fields[name] = attribute.field(first, label, self.fields)
        self.attributes[name] = attribute
        self._sizes += attribute.sizes
        for slot in range(len(attribute.sizes)):
            relation = attribute.relations.get(slot)
            self._weights.append(self._related(first + slot, relation) if relation else attribute.weights(slot))

    def __len__(self) -> int:
        return self.size

    @property
    def slots(self) -> int:
        """The number of slots, including slot 0 of literals."""
        return len(self._sizes)

    def of_kind(self, kind: str) -> str | None:
        """The name of the first attribute of a kind; None if there is none."""
        return next((name for name, spec in self.spec.attributes.items() if spec.kind == kind), None)

    def rows(self, item: I64) -> I32:
        """The facts about the items (d,): the row that each slot holds, int32 (d, slots); column 0 is zero."""
        out = np.empty((item.size, len(self._sizes)), np.int32)
        out[:, 0] = 0
        self.fill(item, out)
        return out

    def fill(self, item: I64, out: I32, attributes: Collection[str] | None = None) -> None:
        """Write the facts about the items (d,) into out, int32 (d, slots); column 0 is left as it is.

        attributes: those that are needed, with what they follow from; None: all.
        """
        first = 1
        for name, attribute in self.attributes.items():
            if attributes is None or name in attributes:
                attribute.draw(item, out[:, first : first + len(attribute.sizes)])
                for slot, joint in attribute.relations.items():
                    out[:, first + slot] = joint.rows(out)
            first += len(attribute.sizes)

    def drawing(self, slots: Collection[int]) -> frozenset[str]:
        """The attributes that `fill` needs for these slots: those that draw them, and those that they follow from."""
        drawn = frozenset(slots)
        while (more := drawn.union(*(self._joints[slot].slots for slot in drawn & self._joints.keys()))) != drawn:
            drawn = more
        return frozenset(name for name in self.attributes if drawn.intersection(self._own_slots(name)))

    def other(self, attribute: str) -> World:
        """The world of the individuals to whom an attribute of kind individual leads."""
        of = self.relations[attribute].of
        return self if of == self.name else self._worlds[of]

    def sizes(self, slot: int) -> int:
        """The number of rows of a slot."""
        return self._sizes[slot]

    def slots_of(self, attribute: str) -> range:
        """The slots that an attribute draws; none if it follows from another attribute.

        Of another individual the number, from `slots` on, that stands for it in `Shown`.
        """
        if attribute in self.relations:
            number = self.slots + list(self.relations).index(attribute)
            return range(number, number + 1)
        own = self._own_slots(attribute)
        return own[: len(own) - len(self.attributes[attribute].relations)]

    def _own_slots(self, attribute: str) -> range:
        """The slots of an attribute, those that follow from others included."""
        first = 1
        for name, compiled in self.attributes.items():
            if name == attribute:
                return range(first, first + len(compiled.sizes))
            first += len(compiled.sizes)
        raise KeyError(attribute)

    def shown_in_full(self, attribute: str) -> Shown:
        """What a template shows that writes an attribute in full: of a date with the format month-year, no day."""
        if attribute in self.relations:
            return Shown(dict.fromkeys(self.slots_of(attribute)))
        return self.drawn(shown_by([self.fields[attribute].pieces], self._sizes))

    def drawn(self, shown: Shown) -> Shown:
        """What is shown, in terms of the slots that are drawn: of those that follow from others, what they tell."""
        return told_by_others(shown, self._joints)

    @property
    def following(self) -> frozenset[int]:
        """The slots that follow from others by arithmetic."""
        return frozenset(self._joints)

    def independent(self, slots: Iterable[int]) -> bool:
        """Whether the rows of these slots are drawn independently: none follows from another, or from the same one."""
        drawn = [root for slot in slots for root in self._roots(slot)]
        return len(set(drawn)) == len(drawn)

    def probability(self, slot: int) -> tuple[Fraction, ...]:
        """The probability of each row of a slot, over all items."""
        return self._weights[slot] or (Fraction(1, self._sizes[slot]),) * self._sizes[slot]

    def weights(self, slot: int) -> tuple[Fraction, ...] | None:
        """The same; None if all rows are equally likely."""
        return self._weights[slot]

    def fields_in(self, language: str) -> dict[str, Field]:
        """Attribute → its variable in templates of a language."""
        words = self.languages.get(language)
        articles = frozenset(words.spec.articles) if words else frozenset()
        fields = {name: self.attributes[name].translated(field, language, words) for name, field in self.fields.items()}
        return {name: replace(field, articles=articles) for name, field in fields.items()} if articles else fields

    def language(self, name: str) -> Language:
        """The language with this name. SpecError if sentences about this world have none with it."""
        if name not in self.languages:
            raise SpecError(f"no language '{name}'", suggest(name, self.languages))
        return self.languages[name]

    def values(self, item: int, language: str = "") -> Mapping[str, object]:
        """Attribute → its value for one item, as an expression in a template sees it.

        Of another individual the value of its name, None if it has no name or does not exist.
        """
        rows = dict(enumerate(self.rows(np.array([item]))[0].tolist()))
        fields = self.fields_in(language)
        return {
            name: fields[name].value(rows) if name in fields else self._name_of_other(name, item, language)
            for name in self.labels[1:]
        }

    def _name_of_other(self, attribute: str, item: int, language: str) -> object:
        other, number = self.other(attribute), int(self.relations[attribute](np.array([item]))[0])
        name = other.of_kind("name")
        if name is None or number == NOBODY:
            return None
        rows = dict(enumerate(other.rows(np.array([number]))[0].tolist()))
        return other.fields_in(language)[name].value(rows)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What `plan` should report: control characters in texts of the spec, which are kept unchanged."""
        held = [(path, text) for path, text in texts_in(self.spec) if control_in(text)]
        shown = [f"{path}: {text!r} holds the control character U+{ord(control_in(text)):04X}" for path, text in held]
        more = f"{len(held) - MOST_NOTICES:,} more of its texts hold control characters"
        return tuple(map(information, [*shown[:MOST_NOTICES], *[more] * (len(held) > MOST_NOTICES)]))

    def members(self, group: str | None) -> range:
        """The items of a group; all items for None. SpecError for an unknown group."""
        if group is None:
            return range(self.size)
        if group not in self.groups:
            raise SpecError(f"the world '{self.name}' has no group '{group}'", suggest(group, self.groups))
        return self.groups[group]

    def _roots(self, slot: int) -> frozenset[int]:
        """The drawn slots that a slot follows from; itself, if it is drawn."""
        if slot not in self._joints:
            return frozenset({slot})
        return frozenset().union(*map(self._roots, self._joints[slot].slots))

    def _related(self, slot: int, joint: Joint) -> tuple[Fraction, ...]:
        """Note how a slot follows from others. Returns the probability of its rows.

        SpecError if it follows from slots that depend on each other, and there are too many combinations of those that
        these follow from.
        """
        try:
            while not self.independent(joint.slots):
                joint = composed(joint, self._joints, self._sizes)
        except NoArithmetic as error:
            remedy = "Make it follow from fewer attributes, or smaller ones."
            raise SpecError(f"it cannot be computed ahead: {error}", remedy) from None
        self._joints[slot] = joint
        likely = probability_of_rows(joint, self.probability)
        return (*likely, *[Fraction(0)] * (self._sizes[slot] - len(likely)))  # results that do not occur together

    def _group(self, name: str, first: Fraction, last: Fraction) -> range:
        if not 0 <= first < last <= 1:
            raise SpecError(
                f"the group '{name}' goes from {rounded(first)} to {rounded(last)}",
                "Give two fractions of the individuals, from 0 to 1: [0, 0.5].",
                ("groups", name),
            )
        members = range(int(first * self.size), int(last * self.size))
        if not members:
            at = ("groups", name)
            raise SpecError(f"the group '{name}' has nobody in it", "Make it or the world larger.", at, [at, ("size",)])
        return members

    def _other(self, name: str, others: Mapping[str, World]) -> World:
        if name not in others:
            among = [(), ("..", "..", name)]
            raise SpecError(f"no world '{name}' to be disjoint from", suggest(name, others), (), among)
        return others[name]
