"""How a line reads for each subject: pronouns that are written out, words that do not agree.

    {{ subject }} studied for his degree.            "his" is wrong of her: {{ possessive }}
    In {{ city }} {{ subject }} was born.            "In Oslo They …": a capital inside the sentence
    {{ subject }} was born in {{ city }}.            "They was": {{ verb("was", "were") }}
    {{ subject }} {{ verb("hail", "hails") }} from   the first word is for one person: hails, hail
    {{ subject }}는 {{ city | … }}                    after a consonant 은: {{ particle("은", "는") }}
    He is an {{ job }}.                              "an teacher": {{ job.a }}, where the values have it

English is looked at most closely, then Korean. Of other languages only written-out pronouns and capitals are seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pipeline.text.fields import Field, Variable
from pipeline.text.languages import Language

PLURAL = {"was": "were", "is": "are", "has": "have", "does": "do", "wasn't": "weren't", "isn't": "aren't"}
REFLEXIVE = {"en": ("himself", "herself", "themselves", "themself", "hers", "theirs")}
PERSONAL = ("he", "she", "they")  # pronouns whose forms are never written out; those of `it` are, in "it was in …"
BEFORE_VERBS = {"also", "first", "once", "always", "often", "never", "still", "then", "later", "soon", "ever"}

_SUBJECT = re.compile(r"\{\{\s*(subject|subject_possessive)\s*\}\}")
_CHANGED = re.compile(r"\{\{\s*subject(?:_possessive)?\s*\|")
_SENTENCE_ENDS = re.compile(r"""[.!?。][)"'”’]*\s*$""")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_VERB = re.compile(r"""verb\(\s*(["'])(.*?)\1\s*,\s*(["'])(.*?)\3\s*\)""")
_SLOT = re.compile(r"\{\{\s*(\w+)\s*(?:\.\s*(\w+)\s*)?\}\}")
_ARTICLE = re.compile(r"(?:^|\s)(a|an|the)\s+$", re.IGNORECASE)
_KOREAN = re.compile(r"\}\}(?:은|는|이|가|을|를|과|와|으로|로)(?![가-힣])")
_ROUGH = re.compile(r"\s{2,}|\s[,.;:!?]|[,;:]{2}|^\s*$")


class Reading:
    """What is looked for in lines of a language. known: pairs of verb forms that lines of the library use."""

    def __init__(
        self, words: Language, scope: Mapping[str, Variable], pronouns: Iterable[str], lines: Iterable[str]
    ) -> None:
        """scope: the variables in the mode with a pronoun. pronouns: of the world, in English. lines: those known."""
        pronouns = set(pronouns)
        self._several = bool(pronouns & set(PERSONAL))  # of a thing, which is never "they", verbs need not agree
        shown = {*PERSONAL, *pronouns} & {str(pronoun) for pronoun in words.spec.pronouns}
        forms = {form for pronoun in sorted(shown) for form in words.forms_of(pronoun).values()}
        # One letter is mostly another word too: 그 is "he", and "that".
        self.forms = {form.casefold() for form in forms if len(form) > 1} | set(REFLEXIVE.get(words.name, ()))
        self._capital = any(form[:1].isupper() for form in forms)
        self._english, self._scope = words.name == "en", scope
        self._sounds = any(rule.by == "final_sound" for rule in words.spec.agreement.values())
        self._verbs = {(match[2], match[4]) for line in lines for match in _VERB.finditer(line)}
        self._plural = {second for _, second in self._verbs} | {*PLURAL.values()}

    def pronoun_written(self, words: Iterable[str]) -> bool:
        """Whether a pronoun is written out. words: those between the braces."""
        return any(word.casefold() in self.forms for text in words for word in _WORD.findall(text))

    def misplaced(self, line: str) -> bool:
        """Whether a pronoun with a capital would stand inside a sentence, get a 's, or be changed by a filter."""
        if _CHANGED.search(line):
            return True
        for subject in _SUBJECT.finditer(line):
            before, after = line[: subject.start()], line[subject.end() :]
            if self._capital and before.strip() and not _SENTENCE_ENDS.search(before):
                return True
            if after[:2] in ("'s", "’s") or (subject[1] == "subject" and after.startswith(",")):
                return True
        return False

    def disagrees(self, line: str) -> bool:
        """Whether a word does not agree with the subject, or with the value beside it, for some of them."""
        if self._sounds:
            return bool(_KOREAN.search(line))
        return self._english and (self._verb_disagrees(line) or self._article_disagrees(line))

    def _verb_disagrees(self, line: str) -> bool:
        for match in _VERB.finditer(line):
            if not _is_pair(match[2], match[4]) and (match[2], match[4]) not in self._verbs:
                return True
        for subject in _SUBJECT.finditer(line) if self._several else ():
            if subject[1] != "subject":
                continue
            rest = line[subject.end() :].lstrip()
            while (word := _WORD.match(rest)) and (word[0].endswith("ly") or word[0] in BEFORE_VERBS):
                rest = rest[word.end() :].lstrip()
            if word and (word[0].lower() in PLURAL or word[0] in self._plural or _is_singular(word[0])):
                return True
        return False

    def _article_disagrees(self, line: str) -> bool:
        """Whether `a`, `an` or `the` stands before a slot whose values have a form with it."""
        for slot in _SLOT.finditer(line):
            article = _ARTICLE.search(line[: slot.start()])
            field = self._scope.get(slot[1])
            if article is None or not isinstance(field, Field):
                continue
            if article[1].lower() in ("a", "an") or "the" in field.parts or "The" in field.parts:
                return True
        return False


def is_rough(text: str) -> bool:
    """Whether a rendered sentence shows that a slot is at a wrong place: two blanks, a blank before a comma.

    >>> is_rough("Ann was born in Rome."), is_rough("Ann was born  in Rome ."), is_rough("ann was born.")
    (False, True, True)
    """
    first = text.lstrip("\"'“‘(")[:1]
    return bool(_ROUGH.search(text)) or first.islower()


def _is_pair(one: str, several: str) -> bool:
    """Whether two texts differ in their verb, which comes first, as it does for one person and for several."""
    (first, *rest), (second, *other) = one.split() or [""], several.split() or [""]
    if rest != other or not first:
        return False
    if first in PLURAL or second in PLURAL.values():
        return PLURAL.get(first) == second
    thirds = {second + "s", second + "es", second[:-1] + "ies" if second.endswith("y") else second + "s"}
    return first in thirds


def _is_singular(word: str) -> bool:
    """Whether a word looks like a verb in the present tense, of one person: hails, but not pass, thus or was."""
    return word.islower() and len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
