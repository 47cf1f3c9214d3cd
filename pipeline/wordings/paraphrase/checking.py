"""Why a line that a language model wrote is refused, or that it is not.

The language is decided by writing, in three steps. Every letter must be of a script that the lines of the language are
written in; of the Latin, Greek and Cyrillic scripts, which languages share, it must be a letter that these lines have
(or a to z, where they have those). Other characters must be in these lines too, or be plain punctuation. And where
there are enough of them, at least a third of the words must be words of these lines, which are mostly small words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import Enum
from fractions import Fraction
from functools import lru_cache

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.core.files import Text
from pipeline.core.system.reading import control_in
from pipeline.sources.knowledge.subjects import NAME, PRONOUN
from pipeline.text.compiler import Compiler
from pipeline.text.expressions import Expression, Program
from pipeline.text.fields import Column
from pipeline.text.fusing import Uncuttable
from pipeline.text.outline import Outline
from pipeline.text.pieces import Piece
from pipeline.text.render_and_encode import Rendered
from pipeline.text.shown_facts import shown_by, slots_read
from pipeline.text.templates import BAR
from pipeline.text.written import names_used, words_written
from pipeline.wordings.paraphrase.frame import SUBJECT, Frame
from pipeline.wordings.paraphrase.novelty import Novelty
from pipeline.wordings.paraphrase.reading import Reading, is_rough
from pipeline.wordings.paraphrase.values import Values
from pipeline.worlds.world import World

ENOUGH = 20  # lines of a language, from which its small words are known
LEAST = 8  # characters of a line, beside its slots
USUAL = 120  # characters that a line may have beside its slots, where those there are have fewer than half
AGREEING = frozenset({"josa", "elide", "contract"})  # filters that change no value; others, if known lines use them
_SHARED = ("LATIN", "GREEK", "CYRILLIC")  # scripts of several languages
_PLAIN = frozenset(" .,;:!?'’-–—()\"“”")
_WORD = re.compile(r"[^\W\d_]+")
_SLOT = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_BRACES = re.compile(r"\{[{%#].*?[}%#]\}")
_PLAIN_SLOT = re.compile(  # a value, perhaps through filters; a word that agrees; a branch
    r"""\{\{\s*(?:(?:verb|particle)\([^{}]*\)|\w+(?:\.\w+)?(?:\s*\|\s*\w+(?:\([^{}]*\))?)*)\s*\}\}"""
    r"""|\{%-?\s*(?:if|elif)\s[^{}]*%\}|\{%-?\s*(?:else|endif)\s*-?%\}"""
)
_FILTER = re.compile(r"\|\s*(\w+)")
_LAST = re.compile(r"[.!?。?!…]$")


class Reason(Enum):
    """Why a line is refused."""

    FORM = "not one sentence on its own"
    LENGTH = "too short or too long"
    TEMPLATE = "no plain template that compiles"
    SLOTS = "other slots than it must show"
    SLOW = "several values at once, or words that cannot be cut"
    VALUE = "a value written out"
    LANGUAGE = "another language or script"
    PRONOUN = "a pronoun that fits only some"
    AGREEMENT = "a word that does not agree"
    KNOWN = "a line that is there already"
    NEAR = "too near to another line"


class Checker:
    """Checks lines for a frame, one after the other: an accepted line is one of the others from then on."""

    def __init__(self, frame: Frame, least_distance: Fraction, longest: int | None = None) -> None:
        """least_distance: from all other lines, 0 to 1. longest: characters of a line beside its slots."""
        self._frame = frame
        self._novelty = Novelty(least_distance)
        for line in frame.lines:
            self._novelty.add(frame.asked(line.text))
        texts = [line.text for line in frame.others]
        scope = frame.scopes[PRONOUN if PRONOUN in frame.scopes else NAME]
        self._reading = Reading(frame.world.language(frame.language), scope, _pronouns(frame.world), texts)
        self._filters = AGREEING.union(*(_FILTER.findall(braces) for text in texts for braces in _BRACES.findall(text)))
        self._programs: dict[str, dict[int, Program]] = {}
        self._values = Values.of(frame.world, frame.language)
        self._language = _Language([words for line in frame.others for words in words_written(line)], len(texts))
        own = [len(_SLOT.sub("", frame.asked(line.text)).strip()) for line in frame.lines]
        self._least = min([LEAST, *own])
        self.longest = longest or max(USUAL, 2 * max(own, default=0))
        ends = {_last(frame.asked(line.text)) for line in frame.lines}
        self._ends = {*".?!"} if not ends else None if None in ends else ends  # None: anything
        self._compiler = Compiler(frame.tokenizer, frame.cast.slots)

    def refused(self, line: str) -> Reason | None:
        """Why a line, without its end, is refused; None if it is accepted, and then it counts as one of the others."""
        reason = self._reason(Text(line, "reply"))
        if reason is None:
            self._novelty.add(line)
        return reason

    def _reason(self, line: Text) -> Reason | None:
        for check in (self._form, self._compiles, self._says, self._reads, self._is_new):
            try:
                if reason := check(line):
                    return reason
            except (PipelineError, RecursionError, MemoryError):
                return Reason.TEMPLATE
        return None

    def _is_new(self, line: Text) -> Reason | None:
        if self._novelty.is_known(line.text):
            return Reason.KNOWN
        return Reason.NEAR if self._novelty.is_near(line.text) else None

    def _form(self, line: Text) -> Reason | None:
        if len(line.text) > 10 * self.longest:
            return Reason.LENGTH
        bare = _SLOT.sub("", line.text)
        if control_in(line.text) or "{#" in line.text or BAR in bare or line.text != line.text.strip():
            return Reason.FORM
        if self._ends is not None and _last(line.text) not in self._ends:
            return Reason.FORM
        for braces in _BRACES.findall(line.text):
            if not _PLAIN_SLOT.fullmatch(braces) or not self._filters.issuperset(_FILTER.findall(braces)):
                return Reason.TEMPLATE
        if not self._least <= len(bare.strip()) <= self.longest:
            return Reason.LENGTH
        return None

    def _compiles(self, line: Text) -> Reason | None:
        frame = self._frame
        programs = self._compiled(line)
        if any(isinstance(part, Expression) for program in programs.values() for part in program):
            return Reason.SLOW
        shown = shown_by([programs[NAME]], frame.cast.sizes)
        free = frame.free_slots()
        if shown.slots.keys() - free != frame.must.slots.keys() - free:
            return Reason.SLOTS
        if not shown.whole(slot for slot, classes in frame.must.slots.items() if classes is None):
            return Reason.SLOTS
        names = names_used(line)
        name = frame.world.of_kind("name")
        if frame.kind == "biographies":
            if not any(word in names for word in SUBJECT) or name in names:
                return Reason.SLOTS
            if any(names.count(word) > 1 for word in SUBJECT):
                return Reason.SLOTS
        if _shown_twice(programs[NAME], free):
            return Reason.SLOTS
        try:
            for program in programs.values():
                self._compiler.add([part for part in program if isinstance(part, Piece)])
        except Uncuttable:
            return Reason.SLOW
        return None

    def _compiled(self, line: Text) -> dict[int, Program]:
        """Mode → what a line shows in it. TemplateError where it cannot be compiled."""
        if line.text not in self._programs:
            self._programs = {line.text: {mode: self._frame.program(line, mode) for mode in self._frame.scopes}}
        return self._programs[line.text]

    def _says(self, line: Text) -> Reason | None:
        words = words_written(line)
        if any(self._values.within(text) for text in words):
            return Reason.VALUE
        return None if self._language.is_of(words) else Reason.LANGUAGE

    def _reads(self, line: Text) -> Reason | None:
        if self._reading.pronoun_written(words_written(line)) or self._reading.misplaced(line.text):
            return Reason.PRONOUN
        if self._reading.disagrees(line.text):
            return Reason.AGREEMENT
        return Reason.FORM if any(map(is_rough, self.rendered(line))) else None

    def rendered(self, line: Text, people: Sequence[int] = (0, 1, 2)) -> list[str]:
        """What a line reads like, for each way to name its subject, and each pronoun, about these individuals."""
        frame, world = self._frame, self._frame.world
        pronoun = world.of_kind("pronoun")
        slot = world.slots_of(pronoun)[0] if pronoun else 0
        rows = frame.rows(list(self._compiled(line).values()), people)
        texts = []
        for mode in frame.scopes:
            renderer = Rendered((self._compiled(line)[mode],), frame.tokenizer)
            for value in range(world.sizes(slot) if mode == PRONOUN else 1):
                told = rows.copy()
                if mode == PRONOUN:
                    told[:, slot] = value
                outline = Outline.table(np.zeros((len(told), 1), np.int32), told)
                texts += [renderer.text(outline, i).strip() for i in range(len(told))]
        return list(dict.fromkeys(texts))


def _shown_twice(program: Program, free: frozenset[int]) -> bool:
    """Whether a line shows a value, or a part of it, twice in the same form; free slots apart."""
    labelled = [part for part in program if isinstance(part, Piece) and part.label and part.slot]
    shown = [(part.slot, part.texts) for part in labelled if not slots_read(part) & free]
    return len(set(shown)) < len(shown)


def _pronouns(world: World) -> list[str]:
    """The values of a world's pronoun, in English; none if it has no pronoun."""
    pronoun = world.of_kind("pronoun")
    columns = [piece for piece in world.fields[pronoun].format if isinstance(piece, Column)] if pronoun else []
    return [str(value) for column in columns for value in column.values]


def _last(line: str) -> str | None:
    """The punctuation at the end of a line; None where there is none."""
    match = _LAST.search(line)
    return match[0] if match else None


class _Language:
    """The writing of the lines of a language; see the docstring of the file."""

    def __init__(self, texts: Sequence[str], lines: int) -> None:
        text = " ".join(texts)
        letters = {character for character in text if character.isalpha()}
        self._scripts = {_script(letter) for letter in letters}
        self._letters = {letter.lower() for letter in letters if _script(letter) in _SHARED}
        if self._letters & set("etaoin"):
            self._letters |= set("abcdefghijklmnopqrstuvwxyz")
        self._others = _PLAIN | {character for character in text if not character.isalpha()}
        words = {word.casefold() for word in _WORD.findall(text)}
        self._words = words if lines >= ENOUGH and not self._scripts - set(_SHARED) else None

    def is_of(self, texts: Sequence[str]) -> bool:
        """Whether words are of this language."""
        for character in "".join(texts):
            if not character.isalpha() and not unicodedata.combining(character):
                if character not in self._others:
                    return False
            elif _script(character) in _SHARED:
                if self._letters and character.lower() not in self._letters:
                    return False
            elif self._scripts and _script(character) not in self._scripts:
                return False
        words = [word.casefold() for text in texts for word in _WORD.findall(text)]
        return self._words is None or 3 * sum(word in self._words for word in words) >= len(words)


@lru_cache(4096)
def _script(letter: str) -> str:
    """The script of a letter, as its Unicode name begins: LATIN, HANGUL, CJK."""
    return unicodedata.name(letter, "?").split()[0]
