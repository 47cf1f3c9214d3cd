"""The base class of sources with templates: their documents are outlines, which a renderer turns into tokens."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from pipeline.core.documents import Documents
from pipeline.core.draws import I64
from pipeline.core.notices import quoted
from pipeline.sources.lengths import SAMPLE
from pipeline.sources.source import Source
from pipeline.sources.spec import Variants
from pipeline.text.expressions import Program
from pipeline.text.fragments import Fragments
from pipeline.text.outline import Choose, Outline
from pipeline.text.render_and_encode import Rendered


class TemplateSource(Source):
    """A source that states what its documents contain (`outline`), and leaves tokens to its renderer."""

    longest: int | None = None
    programs: Sequence[Program]
    slots: int
    wrong_label = 0  # the label of false values
    never_first: Collection[int] = ()
    _renderer: Fragments | Rendered

    @abstractmethod
    def outline(self, item: I64, exposure: I64) -> Outline:
        """The outline of the documents of `item` (d,) at `exposure` (d,)."""

    @property
    def rendered(self) -> bool:
        return isinstance(self._renderer, Rendered)

    def documents_of(self, outline: Outline) -> Documents:
        """The documents of an outline, with their parts."""
        return self._renderer.documents(
            len(outline), None, outline.slice, spans=False, parts=True, wrong=self.wrong_label
        )

    def token_ids(self) -> I64 | None:
        return self._renderer.token_ids()

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        choose = self._choose(item, exposure)
        return self._renderer.documents(
            item.size, self.longest, choose, spans=spans, parts=parts, wrong=self.wrong_label
        )

    def lengths(self, item: I64, exposure: I64) -> I64 | None:
        """The number of tokens of each document, int64 (d,); None if only making the documents can tell."""
        return self._renderer.lengths(item.size, self._choose(item, exposure))

    def _choose(self, item: I64, exposure: I64) -> Choose:
        return lambda chunk: self.outline(item[chunk], exposure[chunk])

    def _unknown(self, token: int | None, mean: Callable[[Fragments], Fraction | None]) -> Fraction | None:
        """The expected number of occurrences of a token in a document; None if only a sample can tell.

        mean: fragments → expected tokens of a document, end token included; None if not computed.
        """
        if token is None:
            return Fraction(0)
        if not isinstance(self._renderer, Fragments):
            return None
        only = self._renderer.only(token)
        if not only.start[-1] and not only.prefix.size:
            return Fraction(0)
        expected = None if only.around is None else mean(only)
        return None if expected is None else expected - 1

    def _example(self, rendered: Rendered, bits: Callable[[I64], I64], which: Callable[[I64], Any]) -> str:
        """The first item whose bits satisfy `which`, with its text at exposure 0.

        rendered: renders the text. bits: items (d,) → their bits, int64 (d,).
        """
        item = np.arange(min(len(self), SAMPLE), dtype=np.int64)
        matching = item[which(bits(item))][:1]
        if not matching.size:
            return f"none of the first {item.size:,} items at exposure 0"
        text = rendered.text(self.outline(matching, np.zeros_like(matching)))
        return f"item {matching[0]}, exposure 0: {quoted(text)}"


def variant_at(variants: Variants, exposure: I64) -> I64:
    """The number of the variant at each exposure (d,): the exposure itself if "fresh", otherwise modulo `variants`."""
    return exposure % variants if isinstance(variants, int) else exposure
