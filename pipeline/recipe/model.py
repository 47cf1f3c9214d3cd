"""The keys of a recipe as specs. Worlds, sources, tokenizers, packings and formats have theirs in their folders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    Discriminator,
    Field,
    Tag,
    field_serializer,
    field_validator,
    model_validator,
)

from pipeline.columns import COLUMNS
from pipeline.core.key import Key
from pipeline.core.spec import Name, Rational, Size, Spec, refused
from pipeline.formats import FORMATS, FormatSpec
from pipeline.packing.spec import PackingSpec
from pipeline.recipe.order_spec import OrderSpec
from pipeline.sources import SOURCES, SourceSpec
from pipeline.text.language_spec import LanguageSpec
from pipeline.text.tokenizer_loading import TokenizerSpec
from pipeline.worlds.attributes import ATTRIBUTE_KINDS
from pipeline.worlds.spec import WorldSpec

MOST_EXPOSURES = 2**31  # what the column `documents` can hold

if TYPE_CHECKING:
    Column = str
else:
    Column = Literal[tuple(COLUMNS)]
KINDS: dict[str, Collection[str]] = {"sources": SOURCES, "exports": sorted(FORMATS), "worlds": sorted(ATTRIBUTE_KINDS)}
"""First key of a path → what `kind` can be below it."""

From = Annotated[
    int,
    Field(
        alias="from", ge=0, lt=MOST_EXPOSURES, description="The first exposure: those before it are of other splits."
    ),
]


class _From(Spec):
    """The key `from`, the first exposure."""

    from_: From = 0


class ZipfExposuresSpec(_From):
    """A long tail: item i (from 0) is seen max(least, floor(most / (i + 1)^zipf)) times."""

    zipf: Rational = Field(ge=0, le=10, description="The exponent: 1 is Zipf's law.")
    most: int = Field(ge=1, le=10**9, description="How often the first item is seen.")
    least: int = Field(1, ge=0, le=10**9, description="How often the last ones are seen.")

    @field_validator("zipf")
    @classmethod
    def _in_four_digits(cls, value: Fraction) -> Fraction:
        if value.denominator > 10_000:  # most^denominator must stay small enough to compute
            raise refused("four digits of the exponent zipf are enough", "Round it.")
        return value


class CountedExposuresSpec(_From):
    """Exposures from a later one on: after seven of another split, `{count: 3, from: 7}` are new ones."""

    count: Rational = Field(ge=0, description="How often each item is seen, exactly; at 1.5 half of them twice.")


def _way(value: Any) -> str:
    """The tag of the form in which exposures are written. Tags are not keys, so they never occur in a path."""
    if isinstance(value, ZipfExposuresSpec) or (isinstance(value, dict) and {"zipf", "most", "least"} & value.keys()):
        return "{zipf}"
    return "{count}" if isinstance(value, dict | CountedExposuresSpec) else "<number>"


Exposures = Annotated[
    Annotated[Rational, Field(ge=0), Tag("<number>")]
    | Annotated[CountedExposuresSpec, Tag("{count}")]
    | Annotated[ZipfExposuresSpec, Tag("{zipf}")],
    Discriminator(_way),
]


class AmountSpec(_From):
    """How much of a source a split takes. Nothing: each item as often as the source has wordings of it."""

    exposures: Exposures | None = Field(
        None,
        description="How often each item is seen, exactly; at 1.5 half of them twice. {count: 3, from: 7}: at the "
        "exposures 7, 8 and 9. {zipf, most}: a long tail.",
    )
    share: Rational | None = Field(None, ge=0, le=1, description="A fraction of the split's tokens.")
    tokens: int | None = Field(None, ge=0, le=2**61, description="How many tokens.")
    ratio: Rational | None = Field(None, ge=0, description="How many times the tokens of the source `to`.")
    to: Name | None = Field(None, description="The source that `ratio` compares with.")

    @field_serializer("exposures")
    def _as_written(self, exposures: Any) -> Any:
        if isinstance(exposures, Spec):
            return exposures.model_dump(mode="json", by_alias=True)
        return None if exposures is None else str(exposures)

    @property
    def first(self) -> int:
        """The first exposure, from 0."""
        return self.from_ if self.exposures is None or isinstance(self.exposures, Fraction) else self.exposures.from_

    @property
    def tail(self) -> ZipfExposuresSpec | None:
        """The long tail, where items have different numbers of exposures; None otherwise."""
        return self.exposures if isinstance(self.exposures, ZipfExposuresSpec) else None

    @property
    def count(self) -> Fraction | None:
        """Exposures of each item, where the amount states one number for all of them; None otherwise."""
        if isinstance(self.exposures, CountedExposuresSpec):
            return self.exposures.count
        return self.exposures if isinstance(self.exposures, Fraction) else None

    @model_validator(mode="after")
    def _at_most_one(self) -> AmountSpec:
        given = [name for name in ("exposures", "share", "tokens", "ratio") if getattr(self, name) is not None]
        if len(given) > 1:
            problem = f"one of {' and '.join(given)} is enough"
            raise refused(problem, among=[(name,) for name in given], exclusive=True)
        if (self.ratio is None) != (self.to is None):
            missing = "to" if self.to is None else "ratio"
            raise refused("a ratio is written {ratio: 7, to: another source}", f"Add `{missing}`.")
        if self.exposures is not None and self.from_:
            remedy = f"Write exposures: {{count: …, from: {self.from_}}}."
            raise refused("exposures from a later one on have their own `from`", remedy, ("from",))
        return self


class SplitSpec(Spec):
    """A mixture of sources, in one order, packed into sequences."""

    mixture: dict[Name, AmountSpec] = Field(
        min_length=1, description="Which sources, by their names, and how much of each."
    )
    tokens: Size | None = Field(None, description="Tokens of the whole split, where the sources have shares of it.")
    order: OrderSpec = Field(
        "shuffled",
        description="shuffled: all documents of the split. Others order each source, and sources take turns: rounds: "
        "exposure e of all items before exposure e + 1; {spaced: {documents: n}}: rounds with exposures of an item at "
        "least n documents of the source apart; {massed: {documents: n}}: all exposures of an item within n of them.",
    )
    packing: PackingSpec = Field(PackingSpec(), description="How its documents become sequences.")
    columns: list[Column] = Field(
        [],
        description="Beside input_ids. " + "; ".join(f"{name}: {kind.summary}" for name, kind in COLUMNS.items()) + ".",
    )


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
