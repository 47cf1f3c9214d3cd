"""Copying (Part 4.1, the extra task): a string of tokens, repeated after <copy>.

<bos> 4 17 4 9 <copy> 4 17 4 9
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.evaluate.checking.puzzles.reading import ENDS, answer_in, beyond, body, parted
from pipeline.evaluate.checking.puzzles.rules import puzzle
from pipeline.evaluate.checking.puzzles.verdict import RIGHT, Reason, Verdict
from pipeline.evaluate.checking.verdict import ProblemError

COPY = "copy"
FORM = "It is <bos> and tokens, to be said again behind <copy>."
SIZES = ("n",)


@dataclass(frozen=True)
class Copy:
    """The tokens to copy."""

    tokens: tuple[str, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """n: tokens to be copied."""
        return {"n": len(self.tokens)}

    def verify(self, answer: Sequence[str]) -> Verdict:
        """The verdict: right if the answer is the same tokens."""
        names = answer_in(answer, COPY)
        if not names:
            return Verdict(Reason.UNFINISHED)
        for i, (name, right) in enumerate(zip(names, self.tokens, strict=False), 1):
            if name != right:
                reason = Reason.VALUE if name in self.tokens else Reason.STRANGER
                return Verdict(reason, f"{name} at {i}, not {right}")
        if len(names) < len(self.tokens):
            return Verdict(Reason.MISSING, f"{len(names)} of {len(self.tokens)}")
        return Verdict(Reason.EXTRA, " ".join(names[len(self.tokens) :])) if len(names) > len(self.tokens) else RIGHT


def read(prompt: Sequence[str]) -> Copy:
    """The problem in a prompt. ProblemError where there is none."""
    names = body(prompt, COPY)
    if not names:
        raise ProblemError("there is nothing to copy", FORM)
    if alien := [name for name in names if name in (*ENDS, COPY)]:
        raise ProblemError(f"<{alien[0]}> cannot be copied", FORM)
    return Copy(tuple(names))


def verify(prompt: Sequence[str], answer: Sequence[str]) -> Verdict:
    """The verdict on an answer, with `<copy>` or without. ProblemError for a prompt without such a problem."""
    return read(prompt).verify(answer)


def document(tokens: Sequence[str]) -> list[Verdict]:
    """The verdict on the copy in a document. ProblemError where there is nothing to copy."""
    prompt, answer = parted(tokens, COPY)
    verdict, rest = verify(prompt, answer), beyond(answer)
    return [Verdict(Reason.EXTRA, " ".join(rest)) if verdict.ok and rest else verdict]


VERIFIER = puzzle(SIZES, lambda: read)
