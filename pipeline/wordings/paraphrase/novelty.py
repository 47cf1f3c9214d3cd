"""How far a line is from all others, by the words and pairs of words that they share.

    {{ subject }} was born in {{ city }}.      words subject was born in city, pairs subject·was was·born born·in …
    {{ subject }} was raised in {{ city }}.    6 of 12 different ones are in both: the distance is 1 - 6/12

A line that differs only in case, accents of quotes, or punctuation has the distance 0. Only lines that share rare words
are compared, as many as can be near at all, so the distance is exact, and thousands of lines take seconds.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from fractions import Fraction
from itertools import pairwise
from math import ceil

_TOKEN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|[^\W\d_]+|\d+")
_QUOTED = re.compile(r"""["']([^"']*)["']""")
_NAME = re.compile(r"[A-Za-z_]\w*")
_ALONE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff]")  # scripts without blanks between words


def words_of(line: str) -> tuple[str, ...]:
    """The words of a line, without punctuation and case; a slot is the name of its variable.

    >>> words_of('{{ subject }} {{ verb("was", "were") }} Born in {{ city | upper }}!')
    ('{subject}', 'was', 'born', 'in', '{city}')
    """
    words: list[str] = []
    for token in _TOKEN.findall(unicodedata.normalize("NFKC", line)):
        if token.startswith("{%"):
            continue
        if token.startswith("{{"):
            words.append(_word_of_slot(token))
        elif _ALONE.search(token):
            words += token
        else:
            words.append(token.casefold())
    return tuple(words)


def _word_of_slot(token: str) -> str:
    """The word for what stands in braces: of a verb its first form, else the name of the variable, in braces."""
    quoted, name = _QUOTED.search(token), _NAME.search(token)
    if quoted and token[2:].lstrip().startswith("verb"):
        return quoted[1].casefold()
    return f"{{{name[0] if name else ''}}}"


class Novelty:
    """The lines so far. least: the distance that a new one must have from each of them."""

    def __init__(self, least: Fraction) -> None:
        self._least = least
        self._known: set[tuple[str, ...]] = set()
        self._grams: list[frozenset[str]] = []
        self._with: dict[str, list[int]] = defaultdict(list)

    def add(self, line: str) -> None:
        """Count a line among the others."""
        words = words_of(line)
        self._known.add(words)
        grams = _grams(words)
        for gram in grams:
            self._with[gram].append(len(self._grams))
        self._grams.append(grams)

    def is_known(self, line: str) -> bool:
        """Whether a line has the words of another one."""
        return words_of(line) in self._known

    def is_near(self, line: str) -> bool:
        """Whether some line is nearer than `least`."""
        grams = _grams(words_of(line))
        alike = 1 - self._least  # at least this share of both lines' grams is shared by a line that is too near
        rare = sorted(grams, key=lambda gram: (len(self._with.get(gram, ())), gram))
        rare = rare[: len(grams) - ceil(alike * len(grams)) + 1]
        candidates = {number for gram in rare for number in self._with.get(gram, ())}
        return any(_shared(grams, self._grams[number]) > alike for number in candidates)


def _grams(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(words) | {" ".join(pair) for pair in pairwise(words)}


def _shared(left: frozenset[str], right: frozenset[str]) -> Fraction:
    both = len(left & right)
    return Fraction(both, len(left) + len(right) - both or 1)
