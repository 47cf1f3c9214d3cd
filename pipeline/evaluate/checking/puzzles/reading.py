"""Tokens by their names, and the words and numbers that they make.

<bos> 12 7| 3 8| <query_3> 12 7| <ans>                           of a tokenizer of symbols alone
<bos><depo:12><depo:7|><depo:3><depo:8|><depo:query_3>…          of several tasks, or beside text
bos, 12, 7|, 3, 8|, query_3, 12, 7|, ans                         the names of both
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

from pipeline.evaluate.checking.verdict import ProblemError

BOS, EOS, ANSWER = "bos", "eos", "ans"
ENDS = (BOS, EOS)  # of all that is said: those of an alphabet, or shared by all
BAR = "|"  # on the last token of a word
_TOKEN = re.compile(r"<(?:([^<>:\s]+):)?([^<>\s]+)>|([^<\s]+|<)")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


def tokens(text: str, alphabet: str | None = None) -> list[str]:
    """The names of the tokens in a text; `<alphabet:x>` and `<x>` are x.

    alphabet: where it is named, only its own tokens go by their names, for text and other alphabets mean other things.
    """
    found = []
    for token in _TOKEN.finditer(text):
        of, name, word = token.groups()
        if alphabet is None or of == alphabet or (of is None and name in ENDS):
            found.append(name or word)
        else:
            found.append(f"'{token[0]}'")  # which is the name of nothing
    return found


def alphabet_of(text: str) -> str | None:
    """The alphabet of the first token that names one; None where there is none."""
    return next((token[1] for token in _TOKEN.finditer(text) if token[1]), None)


def said(names: Iterable[str], mark: str) -> list[str]:
    """What is said up to its end, without the mark that an answer may begin with."""
    found = list(takewhile(lambda name: name not in ENDS, names))
    return found[1:] if found[:1] == [mark] else found


def words(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Words, their tokens with blanks between: `12 7|`; and the tokens of a last one that breaks off."""
    found: list[str] = []
    word: list[str] = []
    for name in names:
        word.append(name)
        if name.endswith(BAR):
            found.append(" ".join(word))
            word = []
    return found, word


def body(prompt: Sequence[str], mark: str) -> list[str]:
    """What stands between `<bos>` and the mark of the answer, if there is one. ProblemError where no `<bos>` is."""
    if not prompt or prompt[0] != BOS:
        raise ProblemError("it does not begin with <bos>", "Give the document from its beginning.")
    end = len(prompt) - (prompt[-1] == mark)
    return list(prompt[1:end])


def number(text: str, what: str) -> int:
    """A whole number in its usual form. ProblemError for anything else."""
    if not _NUMBER.fullmatch(text):
        raise ProblemError(f"'{text}' is no {what}", "It must be a whole number.")
    return int(text)


def numbered(word: str) -> bool:
    """Whether a word is made of numbers, with or without bars."""
    return all(_NUMBER.fullmatch(part.removesuffix(BAR)) for part in word.split(" "))


def pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Words two by two: the edges of a graph. ProblemError for none, an odd number, or words that are no numbers."""
    for name in names:
        if not numbered(name):
            raise ProblemError(f"'{name}' is no name", "Names are made of numbers.")
    if not names or len(names) % 2:
        raise ProblemError(f"{len(names)} names are no edges", "Edges are pairs of names.")
    return list(zip(names[::2], names[1::2], strict=True))


def parted(document: Sequence[str], mark: str) -> tuple[list[str], list[str]]:
    """A document before the mark of its answer, and from it. ProblemError where there is none."""
    if mark not in document:
        raise ProblemError(f"it has no <{mark}>", "Is it a puzzle of another kind?")
    at = list(document).index(mark)
    return list(document[:at]), list(document[at:])


def beyond(answer: Sequence[str]) -> list[str]:
    """What stands behind the end of a document."""
    behind = list(answer[len(list(takewhile(lambda name: name not in ENDS, answer))) :])
    return behind[1:] if behind[:1] == [EOS] else behind
