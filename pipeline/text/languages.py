"""The languages of biographies: words for their subject, and three filters that make words agree.

A filter is evaluated for every row of a table when a recipe is compiled, like any expression over one attribute.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Language:
    """How sentences of a language refer to their subject.

    pronouns: English pronoun → template variable → form. after_name: template variable → what follows the full name
    ("'s"). nameless: template variable → form before any name is known. agreement: the template variable that chooses
    between two forms, by the subject's number ("verb") or last sound ("particle"); "" for none. plural: pronouns that
    take the second form of a verb.
    """

    pronouns: Mapping[str, Mapping[str, str]]
    after_name: Mapping[str, str] = field(default_factory=lambda: {"subject": ""})
    nameless: Mapping[str, str] = field(default_factory=dict)
    agreement: str = ""
    plural: frozenset[str] = frozenset()

    def second(self, subject: str, *, pronoun: bool) -> bool:
        """Whether agreement takes the second form after this subject: an English pronoun, or else a name."""
        if self.agreement == "particle":
            return not ends_in_consonant(self.pronouns[subject]["subject"] if pronoun else subject)
        return pronoun and subject in self.plural


def _english(subject: str, others: str, possessive: str) -> dict[str, str]:
    return {
        "subject": subject.capitalize(),
        "subject_possessive": possessive.capitalize(),
        "object": others,
        "possessive": possessive,
    }


LANGUAGES = {
    "en": Language(
        pronouns={
            "he": _english("he", "him", "his"),
            "she": _english("she", "her", "her"),
            "they": _english("they", "them", "their"),
            "it": _english("it", "it", "its"),
        },
        after_name={"subject": "", "subject_possessive": "'s"},
        nameless={"subject": "The person", "subject_possessive": "The person's"},
        agreement="verb",
        plural=frozenset({"they"}),
    ),
    "fr": Language(
        pronouns={pronoun: {"subject": word} for pronoun, word in zip(
            ("he", "she", "they", "it"), ("Il", "Elle", "Iel", "Il"), strict=True)},
        nameless={"subject": "Cette personne"},
    ),
    "ko": Language(
        pronouns={pronoun: {"subject": word} for pronoun, word in zip(
            ("he", "she", "they", "it"), ("그", "그녀", "그들", "그것"), strict=True)},
        nameless={"subject": "이 사람"},
        agreement="particle",
    ),
}  # fmt: skip


ARTICLES = ("the", "The", "a", "A", "le", "Le", "un", "Un")
"""Forms that the library's sentences use. Values without such a form are shown as they are, with a notice in `plan`."""


def elide(value: object, before: str, elided: str) -> str:
    """The value after a French word, elided before a vowel: `d'informatique`, `de chimie`.

    A lower-case h is mute (histoire), the H of a foreign name is not; the y-sound of University is no vowel.
    """
    text = str(value)
    first = unicodedata.normalize("NFD", text[:1])[:1]
    vowel = first != "" and first in "aeiouhœæAEIOUŒÆ" and not text.startswith(("Uni", "Eu"))
    return (elided if vowel else before) + text


def contract(value: object, preposition: str) -> str:
    """The value after a French preposition, contracted with its article: `du MIT`, `de la Sorbonne`, `d'Oregon`.

    `chez` becomes `à` before an article: `chez Boeing`, `à la Mayo Clinic`. ValueError for a preposition other than
    de, à and chez.
    """
    text = str(value)
    article = next((word for word in _ARTICLES if text.startswith(word)), "")
    if preposition not in ("de", "à", "chez"):
        raise ValueError(f"contract takes de, à or chez, not {preposition!r}")
    if article and preposition == "chez":
        preposition = "à"
    if article in _CONTRACTED:
        return _CONTRACTED[article][preposition] + text.removeprefix(article)
    if preposition == "de" and not article:
        return elide(text, "de ", "d'")
    return f"{preposition} {text}"


_ARTICLES = ("le ", "la ", "les ", "l'", "l’")
_CONTRACTED = {"le ": {"de": "du ", "à": "au "}, "les ": {"de": "des ", "à": "aux "}}


def josa(value: object, after_consonant: str, after_vowel: str) -> str:
    """The value with the Korean particle that its last sound requires: 수학을, 경제를.

    The pair (으로, 로) takes the second form after ㄹ too.
    """
    text = str(value)
    final = _final(text)
    consonant = final != "" and not (after_consonant.startswith("으로") and final == "ㄹ")
    return text + (after_consonant if consonant else after_vowel)


def ends_in_consonant(text: str) -> bool:
    """Whether the last sound of a text, read in Korean, is a consonant."""
    return _final(text) != ""


_DIGITS = {"0": "ㅇ", "1": "ㄹ", "3": "ㅁ", "6": "ㄱ", "7": "ㄹ", "8": "ㄹ"}  # 영 일 삼 육 칠 팔
_LETTERS = {"l": "ㄹ", "m": "ㅁ", "n": "ㄴ", "r": "ㄹ"}  # letters read by their names: 엘 엠 엔 알


def _final(text: str) -> str:
    """The final consonant of the last syllable, "" where it ends in a vowel.

    A syllable of Hangul contains it. Digits are read out. Words in Latin letters are judged by their last letters,
    roughly as they are transcribed: -l, -m, -n, -ng are consonants, and so are -k, -p, -t, -c after a short vowel. An
    abbreviation in capitals is read letter by letter.
    """
    word = text.rstrip(" .,'\"!?)]")
    if not word:
        return ""
    last = word[-1]
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28
        return "" if final == 0 else "ㄹ" if final == 8 else "ㅇ"
    if last.isdigit():
        return _DIGITS.get(last, "")
    if last.isupper() and (len(word) == 1 or not word[-2].islower()):
        return _LETTERS.get(last.lower(), "")
    bare = unicodedata.normalize("NFD", word.lower())
    if bare.endswith(("l", "le")):
        return "ㄹ"
    if bare.endswith(("m", "n", "ng", "me", "ne")):
        return "ㄴ"
    short = len(bare) > 1 and bare[-1] in "kptc" and bare[-2] in "aeiouc"
    return "ㄱ" if short else ""
