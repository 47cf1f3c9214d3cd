"""Recipe to plan: exact counts, one global order, and the way back.

    position ──Permutation──► row ──blocks──► source, item, exposure          locate
    position ◄──its inverse── row ◄──────────  source, item, exposure          find

A split has n documents. Position p of the shuffled split shows row `order(p)`; the rows are laid out source by source,
in blocks of equal exposure, so a row is one `divmod`. A shard is a range of positions. No float decides a count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.core.errors import PlanError, SpecError
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.packing import PackingSpec
from pipeline.recipe import AmountSpec, Loaded, Recipe, SplitSpec, fingerprint
from pipeline.sources import SOURCES, Source
from pipeline.sources.source import Context
from pipeline.text.tokenizer import Tokenizer, load
from pipeline.worlds.world import World

MOST_DOCUMENTS = 2**61  # of a split: what a permutation can count


@dataclass(frozen=True)
class Block:
    """`exposures` rounds over `items` items of a source, from row `first` on; round e is exposure `exposure + e`.

    subset: None, or the bijection of all items of which the last, incomplete round tells the first `items`.
    """

    source: int
    first: int
    items: int
    exposures: int
    exposure: int
    subset: Permutation | None = None

    @property
    def rows(self) -> int:
        """Documents in it."""
        return self.items * self.exposures


@dataclass(frozen=True)
class Located:
    """What stands at k positions: index of the source, item and exposure, each (k,)."""

    source: NDArray[np.uint16]
    item: I64
    exposure: I64


@dataclass(frozen=True)
class SplitPlan:
    """One split: which documents, in which order, in how many shards.

    attributes: what the number of a span's attribute means; number 0 is not used.
    """

    name: str
    sources: tuple[str, ...]
    attributes: tuple[str, ...]
    blocks: tuple[Block, ...]
    key: Key
    expected: Mapping[str, Fraction]
    packing: PackingSpec
    columns: tuple[str, ...]
    shards: int

    @property
    def documents(self) -> int:
        """How many, in all."""
        return sum(block.rows for block in self.blocks)

    @property
    def tokens(self) -> Fraction:
        """Expected tokens on disk: those of the documents, and for rows their padding too."""
        if self.packing.method == "rows":
            return Fraction(self.documents * self.packing.length)
        return sum(self.expected.values(), Fraction(0))

    def documents_of(self, source: str) -> int:
        """How many, of one source."""
        return sum(block.rows for block in self.blocks if self.sources[block.source] == source)

    @cached_property
    def order(self) -> Permutation:
        """Position → row: the global shuffle."""
        return Permutation(self.documents, self.key)

    def positions(self, shard: int) -> I64:
        """The positions of a shard, int64 (d,): shards differ in size by at most one document."""
        first, last = (k * self.documents // self.shards for k in (shard, shard + 1))
        return np.arange(first, last, dtype=np.int64)

    def shard_of(self, position: int) -> int:
        """The shard that holds a position."""
        return ((position + 1) * self.shards - 1) // self.documents

    def locate(self, positions: I64) -> Located:
        """Which document stands at each position (k,)."""
        rows = self.order(positions)
        item, exposure = np.empty_like(rows), np.empty_like(rows)
        source = np.empty(rows.size, np.uint16)
        for block in self.blocks:
            mine: slice | NDArray[np.intp] = slice(None)
            if len(self.blocks) > 1:
                mine = np.flatnonzero((rows >= block.first) & (rows < block.first + block.rows))
            source[mine] = block.source
            row = rows[mine] - block.first
            turn = row // block.items
            place = row - turn * block.items
            item[mine] = block.subset(place) if block.subset else place
            exposure[mine] = turn + block.exposure
        return Located(source, item, exposure)

    def find(self, source: str, item: int, exposure: int) -> int | None:
        """The position of a document; None where the split does not hold it."""
        for block in self.blocks:
            turn = exposure - block.exposure
            if self.sources[block.source] != source or not 0 <= turn < block.exposures:
                continue
            place = item
            if block.subset and 0 <= item < block.subset.n:
                place = int(block.subset.inverse(np.array([item]))[0])
            if 0 <= place < block.items:
                row = block.first + turn * block.items + place
                return int(self.order.inverse(np.array([row]))[0])
        return None


@dataclass(frozen=True)
class Plan:
    """All that workers need: a recipe compiled. Pickles to a few hundred kilobytes."""

    recipe: Recipe
    title: str
    tokenizer: Tokenizer
    worlds: Mapping[str, World]
    sources: Mapping[str, Source]
    splits: Mapping[str, SplitPlan]
    fingerprint: str

    @property
    def shards(self) -> list[tuple[str, int]]:
        """Every (split, shard) there is."""
        return [(split.name, k) for split in self.splits.values() for k in range(split.shards)]

    def bytes_of(self, name: str) -> int:
        """About how many bytes a split takes on disk."""
        split = self.splits[name]
        per_token = (
            self.tokenizer.dtype.itemsize + ("loss_mask" in split.columns) + 2 * ("segment_ids" in split.columns)
        )
        pieces = split.documents + split.tokens // split.packing.length
        values = max(len(source.labels) for source in self.sources.values()) * 3 // 2  # a pronoun comes with many
        return int(
            split.tokens * per_token
            + pieces * (4 + 3 * 4 + 2 + 8 + 4) * ("documents" in split.columns)
            + (split.documents * values * (4 + 4 + 1) + pieces * 4) * ("spans" in split.columns)
        )

    def portable_recipe(self) -> Recipe:
        """The recipe as it is saved: a tokenizer of the user's is the one in `tokenizer/` beside it."""
        spec = self.recipe.tokenizer
        if spec.name == "gpt2":
            return self.recipe
        beside = spec.model_copy(update={"name": "tokenizer/tokenizer.json"})
        return self.recipe.model_copy(update={"tokenizer": beside})


def compile_plan(loaded: Loaded) -> Plan:
    """The plan of a recipe. RecipeError, TemplateError or PlanError with the place of what cannot be planned."""
    recipe = loaded.recipe
    root = Key.root(recipe.seed)
    with loaded.refusing("tokenizer"):
        tokenizer = load(recipe.tokenizer, loaded.files("tokenizer"))
    worlds = {}
    for name, world in recipe.worlds.items():
        with loaded.refusing("worlds", name):
            worlds[name] = World(name, world, root.child("worlds", name))
    sources: dict[str, Source] = {}
    for name, source in recipe.sources.items():
        with loaded.refusing("sources", name):
            sources[name] = SOURCES[source.kind](source, Context(worlds, tokenizer, root.child("sources", name)))
    splits = {}
    for name, spec in recipe.splits.items():
        with loaded.refusing("splits", name, kind=PlanError):
            splits[name] = _split(name, spec, sources, root.child("splits", name), recipe.shard_tokens)
    return Plan(recipe, loaded.title, tokenizer, worlds, sources, splits, fingerprint(recipe, tokenizer.content_hash))


def _split(name: str, spec: SplitSpec, sources: Mapping[str, Source], key: Key, shard_tokens: int) -> SplitPlan:
    told = {source: sources[source] for source in spec.mixture}
    amounts = _document_counts(spec, told)
    blocks: list[Block] = []
    first = 0
    for s, (source, count) in enumerate(amounts.items()):
        rounds, rest = divmod(count, len(told[source]))
        for block in (
            Block(s, first, len(told[source]), rounds, 0),
            Block(s, first + rounds * len(told[source]), rest, 1, rounds, _subset(told[source], key, source)),
        ):
            if block.rows:
                blocks.append(block)
                first += block.rows
    if not blocks:
        raise SpecError("the split has no documents", "Raise an amount of its mixture.", ("mixture",))
    longest = [source.longest for source in told.values() if source.longest is not None]
    if spec.packing.method == "rows" and longest and max(longest) > spec.packing.length:
        raise SpecError(
            f"a document can have {max(longest)} tokens, a row {spec.packing.length}",
            f"Set packing.length to {max(longest)} or more.",
            ("packing",),
        )
    expected = {source: amounts[source] * told[source].mean_tokens for source in told}
    tokens = sum(expected.values(), Fraction(0))
    if spec.packing.method == "rows":
        tokens = Fraction(sum(amounts.values()) * spec.packing.length)
    shards = min(max(1, -(-tokens // shard_tokens)), sum(amounts.values()))
    return SplitPlan(
        name,
        tuple(told),
        _attributes(told),
        tuple(blocks),
        key.child("order"),
        expected,
        spec.packing,
        tuple(spec.columns),
        int(shards),
    )


def _attributes(sources: Mapping[str, Source]) -> tuple[str, ...]:
    """The labels of all sources, each once."""
    return tuple(dict.fromkeys(label for source in sources.values() for label in source.labels))


def _subset(source: Source, key: Key, name: str) -> Permutation:
    """Which items an incomplete round tells: the first of a keyed order."""
    return Permutation(len(source), key.child("round", name))


def _document_counts(spec: SplitSpec, sources: Mapping[str, Source]) -> dict[str, int]:
    """Documents of each source, exact. Shares become counts by the sources' mean lengths.

    With shares s_i and exposures fixing F tokens of the others, the split has T = F / (1 - Σ s_i) tokens, or the
    `tokens` that it asks for; a share is s_i · T / mean length documents, rounded to the nearest.
    """
    counts: dict[str, int] = {}
    for name, amount in spec.mixture.items():
        if amount.share is None:
            counts[name] = _counted(name, amount, sources[name])
    shares = {name: amount.share for name, amount in spec.mixture.items() if amount.share is not None}
    total_share = sum(shares.values(), Fraction(0))
    fixed = sum((count * sources[name].mean_tokens for name, count in counts.items()), Fraction(0))
    if total_share > 1:
        listed = ", ".join(f"{name} {float(share):.4g}" for name, share in shares.items())
        raise SpecError(
            f"shares add up to {float(total_share):.4g} ({listed})",
            f"Lower one by {float(total_share - 1):.4g}, or give one source exposures instead.",
            ("mixture",),
        )
    total = _total(spec, fixed, total_share)
    for name, share in shares.items():
        counts[name] = round(share * total / sources[name].mean_tokens)
    return {name: counts[name] for name in spec.mixture}


def _counted(name: str, amount: AmountSpec, source: Source) -> int:
    if amount.tokens is not None:
        return round(amount.tokens / source.mean_tokens)
    exposures = source.exposures if amount.exposures is None else amount.exposures
    if exposures is None:
        raise SpecError(
            f"how often '{name}' is told is not said, and it has fresh wordings for ever",
            "Give it exposures, a share or tokens.",
            ("mixture", name),
        )
    if exposures * len(source) >= MOST_DOCUMENTS:
        raise SpecError(f"more than {MOST_DOCUMENTS:,} documents", "Lower the exposures.", ("mixture", name))
    return round(exposures * len(source))


def _total(spec: SplitSpec, fixed: Fraction, total_share: Fraction) -> Fraction:
    """Expected tokens of the whole split."""
    if not total_share and spec.tokens is None:
        return fixed
    if spec.tokens is not None:
        rest = spec.tokens - fixed - total_share * spec.tokens
        if abs(rest) > Fraction(spec.tokens, 1000):
            told = f"{float(fixed):,.0f} tokens are fixed and shares of {float(total_share):.4g} are asked"
            raise SpecError(
                f"the amounts do not make up {spec.tokens:,} tokens: {told}, which leaves {float(rest):,.0f}",
                "Let the shares add up to 1, or remove `tokens`.",
                ("tokens",),
            )
        return Fraction(spec.tokens)
    if total_share == 1:
        raise SpecError(
            "shares add up to 1, but nothing says of how many tokens",
            "Give the split `tokens`, or one source exposures instead of a share.",
            ("mixture",),
        )
    if not fixed:
        raise SpecError("there are shares but no amount", "Give the split `tokens`.", ("mixture",))
    return fixed / (1 - total_share)
