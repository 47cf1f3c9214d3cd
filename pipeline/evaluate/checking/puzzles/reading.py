"""From text to names of tokens, and from these to words and numbers.

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
ENDS = (BOS, EOS)  # names that end every answer, of an alphabet or shared by all
BAR = "|"  # on the last token of a word
_TOKEN = re.compile(r"<(?:([^<>:\s]+):)?([^<>\s]+)>|([^<\s]+|<)")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


def tokens(text: str, alphabet: str | None = None) -> list[str]:
    """The names of the tokens in a text; `<alphabet:x>` and `<x>` are x.

    alphabet: where one is given, only its own tokens have their names; text and tokens of other alphabets have none.
    """
    names = []
    for token in _TOKEN.finditer(text):
        owner, name, word = token.groups()
        if alphabet is None or owner == alphabet or (owner is None and name in ENDS):
            names.append(name or word)
        else:
            names.append(f"'{token[0]}'")  # quoted: the name of no token
    return names


def alphabet_of(text: str) -> str | None:
    """The alphabet of the first token that names one; None where there is none."""
    return next((token[1] for token in _TOKEN.finditer(text) if token[1]), None)


def answer_in(names: Iterable[str], mark: str) -> list[str]:
    """The tokens of an answer before its end, without a leading `mark`.

    >>> answer_in(["ans", "3", "8|", "eos", "5"], "ans")
    ['3', '8|']
    """
    answer = list(takewhile(lambda name: name not in ENDS, names))
    return answer[1:] if answer[:1] == [mark] else answer


def words(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """(words that the tokens form, tokens of an incomplete last word).

    >>> words(["12", "7|", "8|", "3"])
    (['12 7|', '8|'], ['3'])
    """
    whole: list[str] = []
    word: list[str] = []
    for name in names:
        word.append(name)
        if name.endswith(BAR):
            whole.append(" ".join(word))
            word = []
    return whole, word


def body(prompt: Sequence[str], mark: str) -> list[str]:
    """The tokens after `<bos>`, without a final `mark`. ProblemError where there is no `<bos>`."""
    if not prompt or prompt[0] != BOS:
        raise ProblemError("it does not begin with <bos>", "Give the document from its beginning.")
    end = len(prompt) - (prompt[-1] == mark)
    return list(prompt[1:end])


def number(text: str, what: str) -> int:
    """The int of decimal digits. ProblemError, which calls it `what`, for anything else."""
    if not _NUMBER.fullmatch(text):
        raise ProblemError(f"'{text}' is no {what}", "It must be a whole number.")
    return int(text)


def numbered(word: str) -> bool:
    """Whether a word is one or more numbers, with or without bars."""
    return all(_NUMBER.fullmatch(part.removesuffix(BAR)) for part in word.split(" "))


def pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Words in pairs, the edges of a graph. ProblemError for no words, an odd number, or words that are not numbers."""
    for name in names:
        if not numbered(name):
            raise ProblemError(f"'{name}' is no name", "Names are made of numbers.")
    if not names or len(names) % 2:
        raise ProblemError(f"{len(names)} names are no edges", "Edges are pairs of names.")
    return list(zip(names[::2], names[1::2], strict=True))


def parted(document: Sequence[str], mark: str) -> tuple[list[str], list[str]]:
    """(tokens before the mark of the answer, tokens from the mark on). ProblemError without a mark."""
    if mark not in document:
        raise ProblemError(f"it has no <{mark}>", "Is it a puzzle of another kind?")
    at = list(document).index(mark)
    return list(document[:at]), list(document[at:])


def beyond(answer: Sequence[str]) -> list[str]:
    """The tokens after the end of a document."""
    rest = list(answer[len(list(takewhile(lambda name: name not in ENDS, answer))) :])
    return rest[1:] if rest[:1] == [EOS] else rest
