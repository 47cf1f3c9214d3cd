"""The keys of a recipe as specs. Splits and amounts have theirs beside it; worlds, sources,
tokenizers, packings and formats in their folders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from pydantic import Field, field_validator

from pipeline.core.key import Key
from pipeline.core.spec import Name, Spec
from pipeline.formats import FORMATS, FormatSpec
from pipeline.recipe.split_spec import SplitSpec
from pipeline.sources import SOURCES, SourceSpec
from pipeline.text.language_spec import LanguageSpec
from pipeline.text.tokenizer_loading import TokenizerSpec
from pipeline.worlds.attributes import ATTRIBUTE_KINDS
from pipeline.worlds.spec import WorldSpec

KINDS: dict[str, Collection[str]] = {"sources": SOURCES, "exports": sorted(FORMATS), "worlds": sorted(ATTRIBUTE_KINDS)}
"""First key of a path → what `kind` can be below it."""


class Recipe(Spec):
    """What a dataset is made of."""

    RENAMED: ClassVar[Mapping[str, str]] = {"sinks": "exports"}

    seed: int = Field(0, ge=0, description="Of everything that is drawn.")
    tokenizer: TokenizerSpec = Field(
        TokenizerSpec(), description="What makes tokens of texts. A name or a path alone stands for {name: …}."
    )
    languages: dict[Name, LanguageSpec] = Field(
        {},
        description="What languages need beyond templates, by the name that sources give them. Default: the file "
        "languages/<name>.yaml beside the templates, or in the library.",
    )
    worlds: dict[Name, WorldSpec] = Field({}, description="What is true, by name.")
    sources: dict[Name, SourceSpec] = Field(description="What makes documents, by name.")
    splits: dict[Name, SplitSpec] = Field(min_length=1, description="What is built, by name: train, exam, ….")
    shard_tokens: int = Field(2**25, ge=2**10, le=2**30, description="About how many tokens a shard has.")
    exports: list[FormatSpec] = Field(
        [], description="Formats to export the dataset to, into exports/ beside its splits."
    )
    strict: bool = Field(
        False,
        description="Refuse a recipe by whose notices in `plan` knowledge gets lost: documents that name nobody, "
        "attributes that no document states, unknown tokens, repeated paraphrases, doubled full stops, words of names "
        "that repeat, tokens that are cut off. Notices that only inform (slow path, padded windows, near lengths, "
        "documents that two splits share) are not refused.",
    )

    def key(self, *path: str | int) -> Key:
        """The key of a part of the recipe: of a world `("worlds", name)`, of a source `("sources", name)`."""
        return Key.root(self.seed).child(*path)

    @field_validator("tokenizer", mode="before")
    @classmethod
    def _named_tokenizer(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value
