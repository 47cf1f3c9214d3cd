"""The phrases that problems and solutions are made of, as kernels know them; `words.py` has their wording."""

from __future__ import annotations

PHRASES = (
    "statement", "alone", "more than", "times as much", "sum of", "difference of", "first", "between", "last", "only",
    "question", "define", "leaf", "copy", "add", "subtract", "multiply", "more", "times", "then add", "then subtract",
    "then multiply", "wrong", "name", "as", "back", "stop", "start", "solution", "answered", "answer", "holds",
    "category", "member", "last member",
)  # fmt: skip
"""What each phrase is for; its number is its place here."""

(
    STATEMENT, ALONE, MORE_THAN, TIMES_AS_MUCH, SUM_OF, DIFFERENCE_OF, FIRST, BETWEEN, LAST, ONLY,
    QUESTION, DEFINE, LEAF, COPY, ADD, SUBTRACT, MULTIPLY, MORE, TIMES, THEN_ADD, THEN_SUBTRACT,
    THEN_MULTIPLY, WRONG, NAME, AS, BACK, STOP, START, SOLUTION, ANSWERED, ANSWER, HOLDS,
    CATEGORY, MEMBER, LAST_MEMBER,
) = range(len(PHRASES))  # fmt: skip

OF_BACKGROUND = ("holds", "category", "member", "last member")
OF_MISTAKES = ("wrong", "name", "as", "back", "stop")

OWNER, THING, VALUE, V, A, B, A_VALUE, B_VALUE = range(1, 9)
"""The slots of a phrase, columns of the row that it shows. A step is V = A · B = A_VALUE · B_VALUE = VALUE."""

SLOTS = 9
LETTERS = 52  # a … z, A … Z
MOST_PHRASES = 24_000  # of a document: 64 steps, before each of which there are 63 mistakes of five phrases, and more
