"""Symbols: tokens that are no text, such as the terminals of a grammar. Each of them has a name, in an alphabet.

    alphabets   {depo: (<ans>, <query_1>, 1, 2, …), mano: (<ans>, +, -, 0, 1, …)}
    tokens      <depo:ans> <depo:query_1> <depo:1> …  <mano:ans> <mano:+> …     no id stands for two of them
    tokens      <ans> <query_1> 1 2 …                   of the only alphabet, where nothing can be mistaken for another

Sources with one alphabet share its ids: a training set and its exam.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.core.errors import SpecError

Alphabet = tuple[str, tuple[str, ...]]
"""Its name, and the names of its symbols."""


@dataclass(frozen=True)
class Symbols:
    """The alphabets of a recipe. alone: there is but one, and no text, so its symbols need no name of an alphabet."""

    alphabets: Mapping[str, tuple[str, ...]]
    alone: bool

    @classmethod
    def of(cls, sources: Iterable[tuple[str, Alphabet]], texts: bool) -> Symbols:
        """Those of all sources (name, alphabet), in their order; texts: whether the tokenizer has text as well.

        SpecError, at the source, where two of them mean different symbols by one alphabet.
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
        """How the symbols of an alphabet are written, in their order."""
        names = self.alphabets[alphabet]
        if self.alone:
            return list(names)
        return [f"<{alphabet}:{name.strip('<>')}>" for name in names]

    @property
    def all(self) -> list[str]:
        """Every symbol, as it is written."""
        return [token for alphabet in self.alphabets for token in self.tokens(alphabet)]


NO_SYMBOLS = Symbols({}, alone=False)
