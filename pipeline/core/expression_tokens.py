"""The tokens of a short expression that a stranger wrote, read from left to right; parsers of such texts share it."""

from __future__ import annotations

import re

from pipeline.core.errors import SpecError
from pipeline.core.system.escaping import shortened

MOST_CHARACTERS = 2000
MOST_DEPTH = 20  # of what stands inside each other


class ExpressionTokens:
    """Tokens by a pattern whose group 1 is a token. name: of such an expression; example: of one, for messages.

    SpecError for a text that is too long, or has anything else.

    >>> tokens = ExpressionTokens("a >= 10", re.compile(r"\\s*(\\w+|>=)"), "condition", "Example: a >= 1.")
    >>> tokens.next("an axis"), tokens.taken("<"), tokens.taken(">="), tokens.head
    ('a', False, True, '10')
    """

    def __init__(self, text: str, pattern: re.Pattern[str], name: str, example: str) -> None:
        if len(text) > MOST_CHARACTERS:
            problem = f"a {name} of {len(text):,} characters, and at most {MOST_CHARACTERS:,} are read"
            raise SpecError(problem, "Split it.")
        self._name, self._example = name, example
        tokens, at = [], 0
        while at < len(text.rstrip()):
            token = pattern.match(text, at)
            if not token:
                raise SpecError(f"no {name} has '{shortened(text[at:].strip(), 20)}'", example)
            tokens.append(token[1])
            at = token.end()
        self._left = tokens[::-1]

    @property
    def head(self) -> str:
        """The next token, which stays; "" at the end."""
        return self._left[-1] if self._left else ""

    def next(self, needed: str) -> str:
        """The next token. SpecError at the end, where `needed` is missing."""
        if not self._left:
            raise SpecError(f"the {self._name} ends where {needed} is needed", self._example)
        return self._left.pop()

    def taken(self, token: str) -> bool:
        """Whether the next token is this one, which is then read."""
        if self.head != token:
            return False
        self._left.pop()
        return True

    def expected(self, token: str) -> None:
        """Read this token. SpecError where another one stands."""
        if not self.taken(token):
            after = f", not '{shortened(self.head)}'" if self.head else ""
            raise SpecError(f"'{token}' is needed{after}", self._example)
