"""The keys of the source `biographies`.

The variants of Part 3.1 (section A.1) combine three choices: how many wordings an individual has (`paraphrases`), how
many orders of the sentences (`permutations`), and which sentences have the full name (`full_name`):

    single            paraphrases 1            single+permute5        permutations 5
    multi5            paraphrases 5            multi5+permute         paraphrases 5, permutations 5
    +fullname         full_name: all           bioS(N) of Part 3.3    paraphrases fresh, permutations fresh
    couple            sentences: [[a, b], …]   reverse1, 2, 6         full_name: {after: 1}, 2, 6 (Part 3.2, section 5)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field as Key_

from pipeline.core.errors import specified_at
from pipeline.core.files import Files
from pipeline.core.spec import Name, Spec
from pipeline.sources.knowledge.mistakes import MistakesSpec
from pipeline.sources.knowledge.template_files import TemplatesSpec, TranslationSpec
from pipeline.sources.spec import AboutSpec, MarkSpec, Variants


class AfterSpec(Spec):
    """The full name comes late: Part 3.2, section 5."""

    after: int = Key_(ge=0, description="Sentences before the one with the full name; all: one more has the name.")


class BiographiesSpec(TemplatesSpec, AboutSpec):
    """One document an individual and exposure; one sentence an attribute."""

    kind: Literal["biographies"]
    language: Name = Key_("en", description="Of the templates: en, or another that has a file languages/<name>.yaml.")
    translations: dict[Name, TranslationSpec] = Key_(
        {}, description="Language → {templates, share}: a share of each individual's paraphrases is in it."
    )
    sentences: list[Name | list[Name]] | None = Key_(
        None, min_length=1, description="Which sentences, in which order; a list in it stays together. Default: all."
    )
    paraphrases: Variants = Key_(1, description="Fixed wordings per individual, or fresh: a new one at each exposure.")
    permutations: Variants | Literal["fixed"] = Key_(
        "fixed", description="Fixed orders of the sentences per individual, fresh, or fixed: the order of `sentences`."
    )
    full_name: Literal["first", "all"] | AfterSpec = Key_(
        "first", description="In the first sentence, then a pronoun; in all; or {after: n}, in a later one."
    )
    mistakes: MistakesSpec | None = Key_(None, description="Sentences that go wrong, and are taken back or not.")

    def materialise(self, files: Files) -> BiographiesSpec:
        translations = {}
        for language, spec in self.translations.items():
            with specified_at("translations", language):
                translations[language] = spec.materialise(files.child("translations", language))
        return super().materialise(files).model_copy(update={"translations": translations})

    @property
    def marks(self) -> tuple[MarkSpec, ...]:
        taken_back = self.mistakes and self.mistakes.rate
        return (*super().marks, *((self.mistakes.back,) if self.mistakes and taken_back else ()))

    @property
    def credits(self) -> tuple[str, ...]:
        others = (f"{name}, {line}" for name, spec in self.translations.items() for line in spec.credits)
        return (*super().credits, *others)

    @property
    def sets(self) -> Mapping[str, TemplatesSpec]:
        """Language → templates, the main one first."""
        return {self.language: self, **self.translations}

    @property
    def named_after(self) -> int | None:
        """The number of sentences before the one with the full name; None if all sentences have it."""
        after = self.full_name.after if isinstance(self.full_name, AfterSpec) else 0
        return None if self.full_name == "all" else after
