"""Which tokens of a reduced tokenizer are in use, and the check that a text has no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.core.errors import TokenizerError

AROUND = 30  # characters of a text that a refusal shows on either side of a token
_MORE = "Add the text to `plus` of tokenizer.vocabulary, or leave it out."
_SAVED = "Name the tokenizer that it was reduced from, with `vocabulary: used`, or take `vocabulary` away."


class Encoder(Protocol):
    """What is needed of the tokenizer that a reduced one was made from."""

    @property
    def backend(self) -> Any: ...

    @property
    def vocabulary(self) -> int: ...

    @property
    def inside(self) -> Encoder: ...

    def encodings(self, texts: Sequence[str]) -> list[Any]: ...


@dataclass(frozen=True)
class TokensInUse:
    """The ids of a reduced tokenizer that documents may have: those below `count`.

    whole: the tokenizer that it was reduced from; None where only the reduced one is known, as in a saved dataset.
    ids: id of the whole tokenizer → id of the reduced one, for the tokens in use.
    """

    count: int
    whole: Encoder | None = None
    ids: Mapping[int, int] | None = None

    @property
    def inside(self) -> TokensInUse:
        """The same, for the tokenizers of text that stands behind other text."""
        return TokensInUse(self.count, self.whole and self.whole.inside, self.ids)

    def check(self, texts: Sequence[str], encodings: Sequence[Any], *, plain: bool) -> None:
        """TokenizerError for a text with a token that is not in use, or that the whole tokenizer encodes otherwise.

        encodings: of the texts, by the reduced tokenizer. plain: whether special tokens were taken for ordinary text.
        """
        if self.whole is None or self.ids is None:
            for text, encoding in zip(texts, encodings, strict=True):
                if max(encoding.ids, default=0) >= self.count:
                    raise _outside(text, encoding, [number < self.count for number in encoding.ids], _SAVED)
            return
        self.whole.backend.encode_special_tokens = plain
        try:
            by_whole = self.whole.encodings(texts)
        finally:
            self.whole.backend.encode_special_tokens = False
        for text, encoding, whole in zip(texts, encodings, by_whole, strict=True):
            expected = [self.ids.get(number) for number in whole.ids]
            if None in expected:
                raise _outside(text, whole, [number is not None for number in expected], _MORE)
            if encoding.ids != expected:
                raise TokenizerError(
                    f"reduced to the tokens in use, the tokenizer makes other tokens of {text[: 2 * AROUND]!r}",
                    "Leave tokenizer.vocabulary out, or rename the added token that the text has as ordinary words.",
                )


def _outside(text: str, encoding: Any, in_use: Sequence[bool], remedy: str) -> TokenizerError:
    """The refusal of a text. in_use: whether each of its tokens is."""
    place = in_use.index(False)
    begin, end = encoding.offsets[place]
    shown = f"{'…' * (begin > AROUND)}{text[max(begin - AROUND, 0) : end + AROUND]}{'…' * (end + AROUND < len(text))}"
    return TokenizerError(f"the token {text[begin:end]!r} in the text {shown!r} is not in use", remedy)
