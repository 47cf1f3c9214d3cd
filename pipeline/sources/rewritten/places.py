"""Where a text states the values of an individual, character by character.

    Anya Briar Forger grew up in Princeton, NJ, and worked at Meta in Menlo Park, CA.
    ───── name ──────            ─ birth_city ─              employer ─ company_city

Longer values come first, so that a value inside another one is not taken for it. Two attributes may have the same
value, as a city of birth and of work: then it has to stand there twice, and an attribute that follows from another one
gets the place nearest to that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from pipeline.sources.rewritten.facts import Facts, Value

Place = tuple[int, int, int]
"""(first character, end, label)."""


def places(text: str, facts: Facts) -> list[Place]:
    """Every place of the name and of the values, in order; they do not overlap."""
    stood = _occurrences(text, [facts.name, *(value.text for value in facts.values)])
    standing = [(begin, end, facts.name_label) for begin, end in stood[facts.name]]
    by_text: dict[str, list[Value]] = defaultdict(list)
    for value in facts.values:
        by_text[value.text].append(value)
    for written, values in by_text.items():
        if written != facts.name:
            standing += _shared(stood[written], values, stood, facts)
    return sorted(standing)


def missing(text: str, facts: Facts) -> list[str]:
    """The attributes whose values a text does not state."""
    stated = {label for _, _, label in places(text, facts)}
    return [value.attribute for value in facts.values if value.label not in stated]


def _occurrences(text: str, wanted: list[str]) -> dict[str, list[tuple[int, int]]]:
    """Text → where it stands, between ends of words, and not inside a longer one."""
    stood: dict[str, list[tuple[int, int]]] = {written: [] for written in wanted}
    taken: list[tuple[int, int]] = []
    for written in sorted(stood, key=lambda one: (-len(one), one)):
        for begin, end in _all(text, written):
            if all(end <= first or last <= begin for first, last in taken):
                stood[written].append((begin, end))
                taken.append((begin, end))
    return stood


def _all(text: str, written: str) -> Iterator[tuple[int, int]]:
    begin = text.find(written)
    while begin >= 0:
        end = begin + len(written)
        before, after = text[max(begin - 1, 0) : begin], text[end : end + 1]
        if not (before.isalnum() and written[:1].isalnum()) and not (after.isalnum() and written[-1:].isalnum()):
            yield begin, end
        begin = text.find(written, end)


def _shared(
    at: list[tuple[int, int]], values: list[Value], stood: dict[str, list[tuple[int, int]]], facts: Facts
) -> Iterator[Place]:
    """The places of a text that is the value of these attributes: all of the one, or shared among several."""
    if len(values) == 1:
        yield from ((begin, end, values[0].label) for begin, end in at)
        return
    left = list(at)
    texts = {value.attribute: value.text for value in facts.values}
    ordered = sorted(values, key=lambda value: value.of not in texts)  # those that follow from another one first
    for number, value in enumerate(ordered):
        if number == len(ordered) - 1:
            yield from ((begin, end, value.label) for begin, end in left)
        elif left:
            near = stood.get(texts.get(value.of, ""), [])
            nearest = min(left, key=lambda place: min((abs(place[0] - begin) for begin, _ in near), default=place[0]))
            left.remove(nearest)
            yield (*nearest, value.label)
