"""What a language model is asked for new template lines: the lines there are, what stands in braces, and the rules.

Each request shows other lines and other individuals of the world, drawn by its number, so the replies differ too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from pipeline.core.draws import below
from pipeline.core.files import Text
from pipeline.core.key import Key
from pipeline.sources.knowledge.cast import OTHER
from pipeline.sources.knowledge.subjects import PRONOUN
from pipeline.text.fields import Field
from pipeline.text.paths import Other
from pipeline.wordings.paraphrase.checking import Checker
from pipeline.wordings.paraphrase.frame import SUBJECT, Frame

MODELS = 8  # lines that are shown in a request
PEOPLE = 4  # individuals whose values are shown
_SHOWN = re.compile(r"\{\{\s*(\w+(?:\.\w+)*)\s*(?:\||\}\})")
KEY = Key.root(0).child("paraphrase")
NAMES = {
    "en": "English",
    "fr": "French",
    "ko": "Korean",
    "de": "German",
    "es": "Spanish",
    "zh": "Chinese",
    "ja": "Japanese",
}


def prompt(frame: Frame, checker: Checker, lines: Sequence[str], batch: int, number: int) -> str:
    """The request with this number for `batch` lines. lines: the parts that are asked for, of the lines there are."""
    people = drawn(frame.world.size, PEOPLE, number, "people")
    shown = [lines[i] for i in sorted(drawn(len(lines), MODELS, number, "lines"))] or _first_lines(frame)
    language = NAMES.get(frame.language, f"sentences in the language '{frame.language}',")
    kind = {"questions": "questions", "statements": "sentences"}.get(frame.kind, "sentences")
    filled = [checker.rendered(Text(line, "example"), people) for line in shown[:2]]
    examples = [text for texts in filled for text in dict.fromkeys((texts[0], texts[len(texts) // 2]))]
    return "\n".join([
        f"Write {batch} new {language} {kind} with placeholders, for texts about people who do not exist. Each says"
        " exactly what these lines say, in other words:",
        "",
        *shown,
        "",
        "Placeholders stand in double braces. They are filled in later, and must be written exactly like this:",
        *_placeholders(frame, shown, people),
        "",
        "Filled in, lines read like this:",
        *examples,
        "",
        "Rules:",
        f"- One line for each of the {batch}; no numbers, no quotes, no comments, nothing else.",
        *_rules(frame, checker),
    ])  # fmt: skip


def _rules(frame: Frame, checker: Checker) -> list[str]:
    rules = []
    names = " and ".join(f"{{{{ {name} }}}}" for name in _needed(frame))
    if frame.kind == "biographies":
        rules.append(f"- Each line begins with {{{{ subject }}}} and shows {names}, once; nothing else of the person.")
    else:
        rules.append(f"- Each line shows {names}, once, and no other fact.")
    if "verb" in frame.scopes[max(frame.scopes)]:
        rules.append(
            "- Write verbs in the past tense, or, where they follow the subject and depend on it, as"
            ' {{ verb("is", "are") }} or {{ verb("was", "were") }}, with any verb: first the form for one person, then'
            " for several."
        )
    if PRONOUN in frame.scopes and "possessive" in frame.scopes[PRONOUN]:
        rules.append("- Never write he, she, they, his, her or their: write {{ possessive }} or {{ object }}.")
    rules += [
        "- Never write a name, a place, a date or another value yourself.",
        f"- At most {checker.longest} characters beside the placeholders; one sentence, and the same sign at its end.",
        "- Let the lines differ from each other and from those above, in their words and in how they are built.",
    ]
    return rules


def _needed(frame: Frame) -> list[str]:
    """The placeholders whose values a line has to show; of other individuals those that the lines there are use."""
    needed, free = frame.must.slots.keys(), frame.free_slots()
    skipped = {"value", *SUBJECT, "object", "possessive"}
    scope = frame.scopes[0]
    used = (written for line in frame.lines for written in _SHOWN.findall(frame.asked(line.text)))
    along = [written for written in used if isinstance(scope.get(written.partition(".")[0]), Other)]
    fields = {name: frame.field(name) for name in dict.fromkeys([*scope, *along]) if name not in skipped}
    fields = {name: of for name, of in fields.items() if not isinstance(scope.get(name), Other) or name in along}
    return [name for name, of in fields.items() if of and of.slots & needed - free and not of.slots - needed]


def _placeholders(frame: Frame, lines: Sequence[str], people: Sequence[int]) -> list[str]:
    """A line for each value, or form of one, that the lines shown use, with those of these individuals."""
    used = [*(written for line in lines for written in _SHOWN.findall(line)), *_needed(frame)]
    fields = {written: of for written in used if (of := frame.field(written))}
    rows = frame.rows([of.pieces for of in fields.values()], people)
    described = {}
    for written, of in fields.items():
        if frame.kind != "biographies" and written.startswith(OTHER):
            continue  # like those of the first individual
        texts = dict.fromkeys(of.text(dict(enumerate(row.tolist()))) for row in rows)
        described[written] = f"{{{{ {written} }}}}: such as {'; '.join(texts)}{_or_pronoun(frame, written)}"
    bare = {written for written in _SHOWN.findall("\n".join(lines)) if "." not in written}
    whole = {
        written.partition(".")[0] for written in described if "." in written
    }  # in a form, unless it stands bare too
    return [line for written, line in described.items() if written not in whole or written in bare]


def _or_pronoun(frame: Frame, name: str) -> str:
    scope = frame.scopes.get(PRONOUN, {})
    of = scope.get(name)
    if name not in SUBJECT or not isinstance(of, Field):
        return ""
    pronouns = dict.fromkeys(piece for part in of.pieces for piece in part.texts.rows)
    return f"; or a pronoun: {', '.join(pronouns)}"


def _first_lines(frame: Frame) -> list[str]:
    """A plain line to begin with, where there is none."""
    return [f"{{{{ subject }}}}: {{{{ {frame.sentence} }}}}."]


def drawn(size: int, count: int, number: int, what: str) -> list[int]:
    """`count` of the numbers below `size`, or all, drawn for the request with this number; the same ones each time."""
    if size <= count:
        return list(range(size))
    keys = (KEY.child(what, number, i) for i in range(4 * count))
    picked = dict.fromkeys(int(below(key, size, np.zeros(1, np.int64))[0]) for key in keys)
    return list(picked)[:count]
