"""Why a biography that a language model wrote is refused, or how it is kept."""

from __future__ import annotations

import re
from enum import Enum

from pipeline.core.errors import holds_surrogate
from pipeline.core.system.reading import control_in
from pipeline.sources.rewritten.facts import Facts
from pipeline.sources.rewritten.naming import Unnamed, mentions, named, other_pronouns
from pipeline.sources.rewritten.places import missing

MOST = 8  # times as many words as were asked for
_THOUGHT = re.compile(r"^.*?</think>", re.DOTALL)
_TITLE = re.compile(r"^(?:#+ [^\n]*|\*\*[^\n]*\*\*|[^\n]{0,100}:)\s*\n+")


class Reason(Enum):
    """Why a biography is refused."""

    CUT = "cut off by the limit of tokens"
    EMPTY = "no text, or far too long"
    FORM = "a list, a table or a control character"
    VALUE = "a value does not stand in it"
    NAME = "the full name cannot stand in its first sentence, or no pronoun after it"
    PRONOUN = "another pronoun than its subject's"


def tidied(reply: str) -> str:
    """A reply as one paragraph: without thoughts, a heading, stars and quotes around it; blanks are single.

    >>> tidied('Here is the biography:\\n\\n**Ann Poe** swam.\\nShe slept.')
    'Ann Poe swam. She slept.'
    """
    text = _TITLE.sub("", _THOUGHT.sub("", reply).strip()).replace("**", "").strip()
    if len(text) > 1 and text[0] in '"“' and text[-1] in '"”' and text[1:-1].find(text[0]) < 0:
        text = text[1:-1]
    return "\n".join(line for line in map(_single, text.split("\n")) if line).replace("\n", " ")


def _single(line: str) -> str:
    return " ".join(line.split(" ")).strip() if "  " not in line else " ".join(line.split())


def refused(text: str, facts: Facts, words: int) -> Reason | None:
    """Why a tidied biography is refused; None if it is accepted, for any way to name its subject.

    words: how many were asked for.
    """
    count = len(text.split())
    if not text or count > MOST * words + 100 or len(text) > 20 * (MOST * words + 100):
        return Reason.EMPTY
    if control_in(text) or holds_surrogate(text) or text.startswith(("- ", "* ", "#", "|", "1.")):
        return Reason.FORM
    if missing(text, facts):
        return Reason.VALUE
    if facts.pronoun and other_pronouns(text, facts):
        return Reason.PRONOUN
    return None if is_named(text, facts) else Reason.NAME


def is_named(text: str, facts: Facts) -> bool:
    """Whether the full name can stand in a text once, then a pronoun, and everywhere, with all values still there."""
    try:
        if not facts.pronoun:
            return bool(named(text, facts, "as_written"))
        forms = [named(text, facts, mode) for mode in ("first", "all")]
    except Unnamed:
        return False
    spoken = [mention for mention in mentions(forms[0], facts) if not mention.name]  # so that it is known from each
    return bool(spoken) and all(facts.name in form and not missing(form, facts) for form in forms)
