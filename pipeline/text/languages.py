"""Languages: words for the subject of sentences, and filters that make words agree, from the data of a language file.

A filter is evaluated for every row of a table when a recipe is compiled, like any expression over one attribute. What
is French or Korean about it stands in `templates/languages/fr.yaml` and `ko.yaml`, not here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from pipeline.text.language_spec import LanguageSpec


class Language:
    """A language, as its file describes it: `spec`."""

    def __init__(self, name: str, spec: LanguageSpec) -> None:
        """name: its code, for messages."""
        self.name, self.spec = name, spec

    # ── filters ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def elide(self, value: object, before: str, elided: str) -> str:
        """The value after a word that loses its vowel before another: `d'informatique`, `de chimie`.

            {{ major | elide("de ", "d'") }}

        before, elided: what stands before the value, and instead of it before the letters of the file's `elision`,
        whatever accents they have.
        """
        return (elided if self._elides(str(value)) else before) + str(value)

    def contract(self, value: object, preposition: str) -> str:
        """The value after a preposition, contracted with the article that it begins with: `du MIT`, `zur ETH`.

            {{ university.le | contract("de") }}

        The file's `contractions` say what becomes of which beginnings. ValueError for a preposition that it lacks.
        """
        text, rules = str(value), self.spec.contractions
        if preposition not in rules:
            *others, last = rules or ("no preposition",)
            known = f"{', '.join(others)} or {last}" if others else last
            raise ValueError(f"contract takes {known}, not {preposition!r}")
        rule = rules[preposition]
        article = max((start for start in rule.before if text.startswith(start)), key=len, default=None)
        if article is not None:
            return rule.before[article] + text.removeprefix(article)
        if rule.elided is not None and self._elides(text):
            return rule.elided + text
        return rule.otherwise + text

    def josa(self, value: object, after_consonant: str, after_vowel: str) -> str:
        """The value with the particle that its last sound requires: 수학을, 경제를.

            {{ major | josa("을", "를") }}

        `final_sounds.as_vowel` of the file may say that a sound counts as a vowel before a particle: 서울로.
        """
        text = str(value)
        sound = self._final(text)
        light = self.spec.final_sounds.as_vowel.get(sound, ())
        consonant = sound != "" and not after_consonant.startswith(tuple(light))
        return text + (after_consonant if consonant else after_vowel)

    def plural(self, number: object, *words: str) -> str:
        """The word that stands after a number: `moon` after 1, `moons` after 2.

            {{ moons }} {{ moons | plural("moon", "moons") }}

        It is the first whose rule in the file's `plurals` holds; the last, if none does. ValueError for other than
        one word more than there are rules, or for no whole number.
        """
        if not isinstance(number, int):
            raise ValueError(f"plural takes a whole number, not {str(number)!r}")
        if len(words) != len(self.spec.plurals) + 1:
            raise ValueError(f"plural takes {len(self.spec.plurals) + 1} words, not {len(words)}")
        held = (word for word, rule in zip(words, self.spec.plurals, strict=False) if rule.holds(number))
        return next(held, words[-1])

    # ── agreement ───────────────────────────────────────────────────────────────────────────────────────────────────

    def word_after_name(self, word: str, name: str) -> int:
        """Which word agrees with a name, or with what stands for one: 0 for the first."""
        return int(self.spec.agreement[word].by == "final_sound" and not self.ends_in_consonant(name))

    def word_of_pronoun(self, word: str, pronoun: str) -> int:
        """Which word agrees with a pronoun: 0 for the first."""
        rule = self.spec.agreement[word]
        if rule.by == "final_sound":
            return self.word_after_name(word, self.forms_of(pronoun)["subject"])
        return {str(key): number for key, number in rule.pronouns.items()}.get(pronoun, 1) - 1

    def forms_of(self, pronoun: str) -> Mapping[str, str]:
        """Variable of templates → the form of a pronoun. KeyError if the language has no such pronoun."""
        return {str(known): forms for known, forms in self.spec.pronouns.items()}[pronoun]

    def ends_in_consonant(self, text: str) -> bool:
        """Whether the last sound of a text is a consonant."""
        return self._final(text) != ""

    # ── sounds ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _elides(self, text: str) -> bool:
        rule = self.spec.elision
        if rule is None:
            raise ValueError(f"the language '{self.name}' has no `elision`")
        first = unicodedata.normalize("NFD", text[:1])[:1]
        return first != "" and first in rule.letters and not text.startswith(tuple(rule.but_not))

    def _final(self, text: str) -> str:
        """The final sound of the last syllable, "" where it is a vowel."""
        rules = self.spec.final_sounds
        word = text.rstrip(" .,'\"!?)]")
        if not word:
            return ""
        last = word[-1]
        if "가" <= last <= "힣":
            return _CONSONANTS[(ord(last) - ord("가")) % 28]
        if last.isdigit():
            return _sound(rules.digits, last)
        if last.isupper() and (len(word) == 1 or not word[-2].islower()):
            return _sound(rules.capitals, last.lower())
        bare = unicodedata.normalize("NFD", word.lower())
        fitting = {end: sound for sound, ends in rules.endings.items() for end in ends if bare.endswith(end)}
        return fitting[max(fitting, key=len)] if fitting else rules.otherwise


_CONSONANTS: list[str] = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]
"""The consonants at the end of syllables of Hangul, in the order of Unicode."""


def _sound(sounds: Mapping[str, list[str]], text: str) -> str:
    """The sound that has a text among its own; "" if none has."""
    return next((sound for sound, texts in sounds.items() if text in texts), "")
