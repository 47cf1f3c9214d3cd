"""Symbols: tokens that are no text, such as the terminals of a grammar. Each has a name, unique in its alphabet.

    alphabets   {depo: (<ans>, <query_1>, 1, 2, …), mano: (<ans>, +, -, 0, 1, …)}
    tokens      <depo:ans> <depo:query_1> <depo:1> …  <mano:ans> <mano:+> …     several alphabets, or text as well
    tokens      <ans> <query_1> 1 2 …                                           a single alphabet and no text

Sources with the same alphabet, such as a training set and its exam, share its ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.core.errors import SpecError

Alphabet = tuple[str, tuple[str, ...]]
"""(name of the alphabet, names of its symbols)."""


@dataclass(frozen=True)
class Symbols:
    """The alphabets of a recipe. alone: there is one alphabet and no text, so tokens need not name the alphabet."""

    alphabets: Mapping[str, tuple[str, ...]]
    alone: bool

    @classmethod
    def of(cls, sources: Iterable[tuple[str, Alphabet]], texts: bool) -> Symbols:
        """The alphabets of sources (name, alphabet), in their order. texts: whether the tokenizer has text as well.

        Of alphabets with one name the longer is used. SpecError, at the source, unless it begins with the shorter one.
        """
        names_of: dict[str, tuple[str, ...]] = {}
        for source, (name, names) in sources:
            known = names_of.get(name, ())
            longer, shorter = (names, known) if len(names) > len(known) else (known, names)
            if longer[: len(shorter)] != shorter:
                raise SpecError(
                    f"another source has other symbols in the alphabet '{name}'",
                    "Give one of the two an `alphabet` of its own.",
                    (source, "alphabet"),
                )
            names_of[name] = longer
        return cls(names_of, len(names_of) == 1 and not texts)

    def tokens(self, alphabet: str) -> list[str]:
        """The tokens of an alphabet's symbols, in order."""
        names = self.alphabets[alphabet]
        if self.alone:
            return list(names)
        return [f"<{alphabet}:{name.strip('<>')}>" for name in names]

    @property
    def all(self) -> list[str]:
        """The tokens of all symbols of all alphabets."""
        return [token for alphabet in self.alphabets for token in self.tokens(alphabet)]


NO_SYMBOLS = Symbols({}, alone=False)
