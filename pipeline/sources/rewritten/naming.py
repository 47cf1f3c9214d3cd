"""The full name once, or everywhere: names and pronouns of a text exchanged, values left as they are.

    as written   Anya Forger was born in Boston, MA. She studied music, and Forger worked for Meta.
    first        Anya Briar Forger was born in Boston, MA. She studied music, and she worked for Meta.
    all          Anya Briar Forger was born in Boston, MA. Anya Briar Forger studied music, and Anya Briar Forger …

As in Part 3.1 (section A.2; fact sheet, section 1.5). Which form of a pronoun is needed is read off the neighbouring
words, for English. Words inside of values are never changed: Forger may be a university too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.sources.rewritten.facts import Facts
from pipeline.sources.rewritten.places import places

FORMS = {
    "he": ("he", "him", "his"),
    "she": ("she", "her", "her"),
    "they": ("they", "them", "their"),
    "it": ("it", "it", "its"),
}
"""Pronoun → as a subject, as an object, possessive."""
_PREPOSITIONS = frozenset({
    "about", "after", "against", "alongside", "among", "as", "at", "before", "behind", "between", "by", "during", "for",
    "from", "in", "into", "like", "near", "of", "on", "onto", "over", "than", "through", "to", "toward", "towards",
    "under", "until", "upon", "via", "with", "within", "without",
})  # fmt: skip
_FOLLOWERS = _PREPOSITIONS | {
    "a", "an", "the", "and", "but", "or", "nor", "so", "that", "when", "where", "while", "who", "which", "because",
    "if",
}  # fmt: skip
_TITLES = r"(?:(?:Mr|Mrs|Ms|Dr|Prof)\.?\s+)?"
_ABBREVIATIONS = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Inc|Co|Corp|Ltd|Jr|Sr|No|vs)|\b[A-Z])\.$")
_ENDS = re.compile(r"[.!?][\"”’)]*(?=\s|$)")
_NEXT = re.compile(r"\s+([^\W\d_]+)")
_BEFORE = re.compile(r"([^\W\d_]+)\s+$")
_PLURAL = {"was": "were", "is": "are", "has": "have", "does": "do"}
_SINGULAR = {plural: singular for singular, plural in _PLURAL.items()}


class Unnamed(Exception):
    """A text whose names cannot be brought into the form."""


@dataclass(frozen=True)
class Mention:
    """A place where a text means its subject. role: 0 subject, 1 object, 2 possessive. name: by name, not pronoun."""

    begin: int
    end: int
    role: int
    name: bool


def named(text: str, facts: Facts, mode: str) -> str:
    """The text with the full name as `mode` says. Unnamed where that is not possible.

    >>> ann = Facts("Ann Bo Poe", ("Ann", "Bo", "Poe"), "she", ())
    >>> named("Ann Poe swam. At noon Poe slept, and her dog too.", ann, "first")
    'Ann Bo Poe swam. At noon she slept, and her dog too.'
    >>> named("Ann Poe swam. At noon she slept, and her dog too.", ann, "all")
    "Ann Bo Poe swam. At noon Ann Bo Poe slept, and Ann Bo Poe's dog too."
    """
    if mode == "as_written":
        if facts.name not in text:
            raise Unnamed("the full name does not stand in it")
        return text
    spoken = mentions(text, facts)
    if not spoken or spoken[0].begin >= first_sentence(text, facts):
        raise Unnamed("its first sentence does not name the subject")
    pieces, at = [], 0
    for number, mention in enumerate(spoken):
        if mode == "first" and number and not mention.name:
            continue
        by_name = mode == "all" or not number
        pieces.append(text[at : mention.begin])
        pieces.append(_shown(text, mention, facts, by_name=by_name))
        at = mention.end
        if mention.role == 0 and facts.pronoun == "they" and mention.name != by_name:
            at = _agreeing(text, at, pieces, plural=not by_name)
    return "".join([*pieces, text[at:]])


def _shown(text: str, mention: Mention, facts: Facts, *, by_name: bool) -> str:
    if by_name:
        return facts.name + ("'s" if mention.role == 2 else "")
    form = FORMS[facts.pronoun][mention.role]
    return form.capitalize() if _begins(text, mention.begin) else form


def _agreeing(text: str, at: int, pieces: list[str], *, plural: bool) -> int:
    """Put the verb behind a mention into the other number; returns where the text goes on."""
    following = _NEXT.match(text, at)
    word = following[1] if following else ""
    other = (_PLURAL if plural else _SINGULAR).get(word)
    if following is None or other is None:
        if plural and word.endswith("s") and not word.endswith(("ss", "us")):
            raise Unnamed("a verb does not agree with the pronoun")
        return at
    pieces += [text[at : following.start(1)], other]
    return following.end()


def mentions(text: str, facts: Facts) -> list[Mention]:
    """Where the text means its subject, in order, outside of values."""
    values = [(begin, end) for begin, end, label in places(text, facts) if label != facts.name_label]
    spoken: list[Mention] = []
    forms = FORMS.get(facts.pronoun, ())
    for match in _pattern(facts).finditer(text):
        if any(begin < match.end() and match.start() < end for begin, end in values):
            continue
        if match["name"]:
            role = 2 if match["possessive"] else _role_of_name(text, *match.span())
            spoken.append(Mention(*match.span(), role, True))
        else:
            spoken.append(Mention(*match.span(), _role(text, match.end(), match[0].lower(), forms), False))
    return spoken


def other_pronouns(text: str, facts: Facts) -> bool:
    """Whether a text speaks of a he or a she that is not its subject's pronoun, outside of values."""
    own = set(FORMS.get(facts.pronoun, ()))
    others = {form for pronoun in ("he", "she") for form in FORMS[pronoun]} - own
    values = [(begin, end) for begin, end, _ in places(text, facts)]
    pattern = re.compile(rf"\b(?:{'|'.join(sorted(others))}|{_reflexive(own)})\b", re.IGNORECASE)
    spoken = (match.span() for match in pattern.finditer(text))
    return any(not any(begin < last and first < end for begin, end in values) for first, last in spoken)


def _reflexive(own: Iterable[str]) -> str:
    return "|".join(word for word, form in (("himself", "him"), ("herself", "her")) if form not in own) or "(?!)"


def _pattern(facts: Facts) -> re.Pattern[str]:
    """Names, longest first, or forms of the pronoun. Parts of a name count if they begin with a capital."""
    words = [re.escape(word) for word in facts.words]
    names = [re.escape(facts.name)]
    if len(words) > 1:
        first, last = words[0], words[-1]
        middles = "".join(rf"(?:\s+(?:{word}|{word[0]}\.))?" for word in words[1:-1])
        names += [rf"{_TITLES}{first}{middles}\s+{last}", rf"{first}{middles}", rf"{_TITLES}{last}"]
    pronouns = "|".join(sorted(set(FORMS.get(facts.pronoun, ())), key=len, reverse=True)) or "(?!)"
    return re.compile(
        rf"(?<!\w)(?:(?P<name>{'|'.join(names)})(?P<possessive>['’]s?(?!\w))?|(?P<pronoun>(?i:{pronouns})))(?!\w)"
    )


def _role(text: str, end: int, form: str, forms: tuple[str, ...]) -> int:
    """The role of a pronoun; of `her`, by the word behind it."""
    roles = [role for role, one in enumerate(forms) if one == form]
    if len(roles) == 1:
        return roles[0]
    following = _NEXT.match(text, end)
    if following and following[1].lower() not in _FOLLOWERS:
        return 2 if 2 in roles else roles[0]
    return 1 if 1 in roles else roles[0]


def _role_of_name(text: str, begin: int, end: int) -> int:
    """Whether a name stands as a subject (0) or as an object (1)."""
    if _begins(text, begin):
        return 0
    before, following = _BEFORE.search(text, max(begin - 40, 0), begin), _NEXT.match(text, end)
    if before and before[1].lower() in _PREPOSITIONS and (not following or following[1].lower() in _FOLLOWERS):
        return 1
    return 1 if not following or following[1].lower() in _PREPOSITIONS else 0


def _begins(text: str, at: int) -> bool:
    """Whether a sentence begins at a place."""
    before = text[:at].rstrip("\"“'‘( \n")
    return not before or (before[-1] in ".!?" and not _ABBREVIATIONS.search(before))


def first_sentence(text: str, facts: Facts) -> int:
    """Where the first sentence of a text ends; full stops of values and abbreviations end none."""
    values = [(begin, end) for begin, end, _ in places(text, facts)]
    for match in _ENDS.finditer(text):
        inside = any(begin <= match.start() < end for begin, end in values)
        last = any(match.start() == end - 1 for _, end in values) and text[match.end() :][:2].strip()[:1].isupper()
        if (not inside or last) and not _ABBREVIATIONS.search(text[: match.start() + 1]):
            return match.end()
    return len(text)
