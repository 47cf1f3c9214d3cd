"""Notices: what `plan` reports beside its numbers, such as facts that documents never show."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from pipeline.core.system.escaping import escaped

SHOWN = 200  # characters of an example


@dataclass(frozen=True)
class Notice:
    """One thing that a user should know about a source, a world or a split.

    problem: one line. remedy: what to do about it, if anything. example: a document or a value that shows it. lost:
    whether documents lose knowledge, which `strict: true` refuses. at: the path of the key, below the spec.

    >>> print(Notice("2 of 4 documents never name their subject", "Set full_name: all.", "item 0: 'She was born.'"))
    2 of 4 documents never name their subject. Set full_name: all. Example: item 0: 'She was born.'
    """

    problem: str
    remedy: str = ""
    example: str = ""
    lost: bool = True
    at: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        example = f"Example: {self.example}" if self.example else ""
        after = [part for part in (self.remedy, example) if part]
        line = " ".join([self.problem + "." * bool(after), *after])
        return escaped(line)  # one line, like an error

    def __contains__(self, words: str) -> bool:
        return words in str(self)

    @property
    def described(self) -> str:
        """The problem with its example, as an error states it."""
        return f"{self.problem}: {self.example}" if self.example else self.problem


def information(problem: str) -> Notice:
    """A notice without a loss of knowledge."""
    return Notice(problem, lost=False)


def quoted(text: str) -> str:
    """A text in quotes for an example, cut after SHOWN characters."""
    text = text.strip()
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…")


def percent(share: float) -> str:
    """A share of documents or tokens: 17.5%, 0.031%.

    >>> percent(0.175), percent(0.00031), percent(1), percent(1e-9)
    ('17.5%', '0.031%', '100%', '1e-07%')
    """
    return f"{100 * share:.3g}%"


def rounded(number: Fraction | int) -> str:
    """A number of any size for a message, to four significant digits.

    >>> rounded(Fraction(1, 3)), rounded(Fraction(7, 5)), rounded(10**400)
    ('0.3333', '1.4', '1.000e+400')
    """
    try:
        return f"{float(number):.4g}"
    except OverflowError:
        return f"{Decimal(number.numerator) / Decimal(number.denominator):.3e}"


def whole(number: Fraction | int) -> str:
    """The nearest whole number for a message, written out unless it has very many digits.

    >>> whole(Fraction(15001, 10)), whole(10**400)
    ('1,500', '1.000e+400')
    """
    return f"{round(number):,}" if -(10**18) < number < 10**18 else rounded(number)
