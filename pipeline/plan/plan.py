"""Recipe to plan: exact counts, one global order, and the way back.

    position ──Permutation──► row ──blocks──► source, item, exposure          locate
    position ◄──its inverse── row ◄──────────  source, item, exposure          find

A split has n documents. Position p of the shuffled split shows row `order(p)`; the rows are laid out source by source,
in blocks of equal exposure, so a row is one `divmod`. A shard is a range of positions. No float decides a count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.columns import COLUMNS
from pipeline.columns.column import PlannedSplit, SplitSize
from pipeline.core.draws import I64
from pipeline.core.errors import PlanError, SpecError, TokenizerError, specified_at
from pipeline.core.key import Key
from pipeline.core.narrow import narrowed
from pipeline.core.notices import Notice, information, whole
from pipeline.core.permutation import Permutation
from pipeline.packing.packing import fill
from pipeline.packing.spec import PackingSpec
from pipeline.plan import lost
from pipeline.plan.amounts import MOST_DOCUMENTS, document_counts
from pipeline.plan.blocks import Block, Exposures, blocks_of
from pipeline.recipe.recipe import Loaded, Recipe, SplitSpec, fingerprint
from pipeline.sources import SOURCES, Source
from pipeline.sources.source import AboutSpec, Context, sample_lengths
from pipeline.text.symbols import Symbols
from pipeline.text.tokenizer import SYMBOLS, Tokenizer, load
from pipeline.worlds.world import World

LONG = 65_535  # tokens of a sequence: few shards are shorter than longer ones
PACKING_KEYS = [("packing",), *(("packing", key) for key in ("length", "method", "longer", "windows"))]
TRIED = 200  # documents of which one has to fit, where longer ones are left out
WINDOWED = 10_000  # documents of each source that are packed to see how much of them aligned sequences keep


@dataclass(frozen=True)
class Located:
    """What stands at k positions: index of the source, item and exposure, each (k,)."""

    source: NDArray[np.uint16]
    item: I64
    exposure: I64

    def take(self, rows: I64) -> Located:
        """The same at some of the positions."""
        return Located(self.source[rows], self.item[rows], self.exposure[rows])

    def same(self, one: Located) -> NDArray[np.bool_]:
        """Which of them are the one document."""
        found: NDArray[np.bool_] = (
            (self.source == one.source) & (self.item == one.item) & (self.exposure == one.exposure)
        )
        return found


@dataclass(frozen=True)
class SplitPlan:
    """One split: which documents, in which order, in how many shards.

    attributes: what the number of a span's attribute means; number 0 is not used. each: expected tokens of a document
    of each source, as far as its sequence keeps it. room: the tokens on disk that it takes, padding included.
    """

    name: str
    sources: tuple[str, ...]
    attributes: tuple[str, ...]
    blocks: tuple[Block, ...]
    key: Key
    each: Mapping[str, Fraction]
    room: Mapping[str, Fraction]
    packing: PackingSpec
    columns: tuple[str, ...]
    shards: int
    notices: tuple[Notice, ...] = ()

    @property
    def documents(self) -> int:
        """How many, in all."""
        return sum(block.rows for block in self.blocks)

    @property
    def pure(self) -> bool:
        """Whether a sequence holds documents of one source only, and there are several."""
        return self.packing.pure(len(self.sources))

    @cached_property
    def expected(self) -> dict[str, Fraction]:
        """Tokens of each source."""
        return {source: self.documents_of(source) * each for source, each in self.each.items()}

    @property
    def tokens(self) -> Fraction:
        """Expected tokens on disk, padding included."""
        return sum((self.documents_of(source) * room for source, room in self.room.items()), Fraction(0))

    def documents_of(self, source: str) -> int:
        """How many, of one source."""
        return sum(block.rows for block in self.blocks if self.sources[block.source] == source)

    def exposures_of(self, source: str, items: int) -> Exposures:
        """How often each of a source's items is told."""
        return Exposures.of(self.blocks_of(source), items)

    def blocks_of(self, source: str) -> list[Block]:
        """The blocks of a source."""
        return [block for block in self.blocks if self.sources[block.source] == source]

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
        table = self._table
        block = np.zeros(1, np.int64)
        if len(self.blocks) > 1:
            block = np.searchsorted(table["first"], rows, side="right") - 1
        row = rows - table["first"][block]
        turn = row // table["items"][block]
        item = row - turn * table["items"][block] + table["start"][block]
        for b, one in enumerate(self.blocks):
            if one.subset:
                mine = np.flatnonzero(np.broadcast_to(block == b, rows.shape))
                item[mine] = one.subset(item[mine])
        sources = narrowed(table["source"], np.uint16, "source of a split")
        source = np.broadcast_to(sources[block], rows.shape)
        return Located(source, item, turn + table["exposure"][block])

    @cached_property
    def _table(self) -> dict[str, I64]:
        """The blocks as columns."""
        names = ("source", "first", "items", "exposure", "start")
        return {name: np.array([getattr(block, name) for block in self.blocks], np.int64) for name in names}

    def find(self, source: str, item: int, exposure: int) -> int | None:
        """The position of a document; None where the split does not hold it."""
        for block in self.blocks:
            turn = exposure - block.exposure
            if self.sources[block.source] != source or not 0 <= turn < block.exposures:
                continue
            place = item - block.start
            if block.subset and 0 <= item < block.subset.n:
                place = int(block.subset.inverse(np.array([item]))[0])
            if 0 <= place < block.items:
                row = block.first + turn * block.items + place
                return int(self.order.inverse(np.array([row]))[0])
        return None


@dataclass(frozen=True)
class Plan:
    """All that workers need: a recipe compiled. Pickles to a few hundred kilobytes.

    notices: ("worlds", "splits" or "sources", name, what to know of it).
    """

    recipe: Recipe
    title: str
    tokenizer: Tokenizer
    worlds: Mapping[str, World]
    sources: Mapping[str, Source]
    splits: Mapping[str, SplitPlan]
    fingerprint: str
    notices: tuple[tuple[str, str, Notice], ...] = ()

    @property
    def shards(self) -> list[tuple[str, int]]:
        """Every (split, shard) there is."""
        return [(split.name, k) for split in self.splits.values() for k in range(split.shards)]

    def bytes_of(self, name: str) -> int:
        """About how many bytes a split takes on disk."""
        split = self.splits[name]
        values = max(len(source.labels) for source in self.sources.values()) * 3 // 2  # a pronoun comes with many
        size = SplitSize(split.packing, split.documents, split.tokens, values)
        ids = split.tokens * self.tokenizer.dtype.itemsize
        return int(ids + sum(COLUMNS[column].bytes(size) for column in split.columns))

    def portable_recipe(self) -> Recipe:
        """The recipe as it is saved: a tokenizer of the user's is the one in `tokenizer/` beside it."""
        spec = self.recipe.tokenizer
        if spec.name in ("gpt2", SYMBOLS):
            return self.recipe
        beside = spec.model_copy(update={"name": "tokenizer/tokenizer.json"})
        return self.recipe.model_copy(update={"tokenizer": beside})


def compile_plan(loaded: Loaded) -> Plan:
    """The plan of a recipe. RecipeError, TemplateError or PlanError with the place of what cannot be planned."""
    recipe = loaded.recipe
    root = Key.root(recipe.seed)
    marks = [mark.token for source in recipe.sources.values() for mark in source.marks if mark.token]
    alphabets = [(name, source.symbols) for name, source in recipe.sources.items() if source.symbols]
    with loaded.refusing("sources"):
        symbols = Symbols.of(alphabets, texts=recipe.tokenizer.name != SYMBOLS)
    with loaded.refusing("tokenizer"):
        tokenizer = load(recipe.tokenizer, loaded.files("tokenizer"), marks, symbols.all)
    worlds = _worlds(loaded, root.child("worlds"))
    sources: dict[str, Source] = {}
    for name, source in recipe.sources.items():
        with loaded.refusing("sources", name), loaded.placing("tokenizer", TokenizerError):
            context = Context(worlds, tokenizer, root.child("sources", name), symbols)
            sources[name] = SOURCES[source.kind](source, context)
    splits = {}
    for name, spec in recipe.splits.items():
        with loaded.refusing("splits", name, kind=PlanError):
            splits[name] = _split(name, spec, sources, root.child("splits", name), recipe.shard_tokens)
    splits = _with_shared_documents(recipe, splits, sources)
    notices = tuple(_notices(recipe, worlds, sources, splits, tokenizer, root.child("notices")))
    for group, name, notice in notices if recipe.strict else ():
        if notice.lost:
            with loaded.refusing(group, name, kind=PlanError):
                raise SpecError(notice.described, notice.remedy, notice.at)
    print_ = fingerprint(recipe, tokenizer.content_hash)
    return Plan(recipe, loaded.title, tokenizer, worlds, sources, splits, print_, notices)


def _with_shared_documents(
    recipe: Recipe, splits: Mapping[str, SplitPlan], sources: Mapping[str, Source]
) -> dict[str, SplitPlan]:
    """The splits, each with notices of what it has in common with those before it.

    A split with spans, of documents that another has without them, is there to measure losses on what was trained on.
    """
    found: dict[str, SplitPlan] = {}
    for name, split in splits.items():
        notices = list(split.notices)
        for source in split.sources:
            earlier = {
                other: one.blocks_of(source)
                for other, one in found.items()
                if source in one.sources and ("spans" in one.columns or "spans" not in split.columns)
            }
            amount = recipe.splits[name].mixture[source]
            notices += lost.between_splits(sources[source], source, amount, split.blocks_of(source), earlier)
        found[name] = replace(split, notices=tuple(notices))
    return found


def _notices(
    recipe: Recipe,
    worlds: Mapping[str, World],
    sources: Mapping[str, Source],
    splits: Mapping[str, SplitPlan],
    tokenizer: Tokenizer,
    key: Key,
) -> Iterator[tuple[str, str, Notice]]:
    """As in Plan."""
    told = [name for name in sources if any(split.documents_of(name) for split in splits.values())]
    of_world = {name: spec.world for name, spec in recipe.sources.items() if isinstance(spec, AboutSpec)}
    used = {of_world[name] for name in told if name in of_world}
    apart = {other for name in used for other in recipe.worlds[name].others}
    for name, world in worlds.items():
        about = [sources[source] for source in told if of_world.get(source) == name]
        yield from (("worlds", name, notice) for notice in lost.in_world(world, about, kept_apart=name in apart))
    for name, split in splits.items():
        yield from (("splits", name, notice) for notice in split.notices)
    for name, source in sources.items():
        notices = [*source.notices, *lost.in_tokens(source, tokenizer, key.child(name))]
        yield from (("sources", name, notice) for notice in notices)


def _worlds(loaded: Loaded, key: Key) -> dict[str, World]:
    """The worlds, each after those that it is disjoint from."""
    specs = loaded.recipe.worlds
    made: dict[str, World] = {}

    def make(name: str, children: tuple[str, ...]) -> None:
        with loaded.refusing("worlds", name):
            if name in children:
                raise SpecError(
                    "worlds are disjoint from each other in a circle", "Name one of them first.", ("disjoint_from",)
                )
            for other in specs[name].others:
                if other in specs and other not in made:
                    make(other, (*children, name))
            if name not in made:
                made[name] = World(name, specs[name], key.child(name), made)

    for name in specs:
        make(name, ())
    return {name: made[name] for name in specs}


def _split(name: str, spec: SplitSpec, sources: Mapping[str, Source], key: Key, shard_tokens: int) -> SplitPlan:
    told = {source: sources[source] for source in spec.mixture}
    planned = PlannedSplit(spec.packing, told, spec.columns)
    _check_columns(planned)
    each, room = _sizes(spec, told)
    counts = document_counts(spec, told, each)
    blocks: list[Block] = []
    for s, (source, count) in enumerate(counts.items()):
        first = blocks[-1].first + blocks[-1].rows if blocks else 0
        with specified_at("mixture", source):
            blocks += blocks_of(spec.mixture[source], s, first, count, len(told[source]), key.child("round", source))
    if sum(counts.values()) >= MOST_DOCUMENTS:
        raise SpecError(f"more than {MOST_DOCUMENTS:,} documents", "Lower an amount of its mixture.", ("mixture",))
    if not blocks:
        raise SpecError("the split has no documents", "Raise an amount of its mixture.", ("mixture",))
    tokens = sum((counts[source] * room[source] for source in told), Fraction(0))
    shards = int(min(max(1, -(-tokens // shard_tokens)), sum(counts.values())))
    for column in spec.columns:
        COLUMNS[column].check_shard(planned, tokens / shards)
    return SplitPlan(
        name,
        tuple(told),
        planned.attributes,
        tuple(blocks),
        key.child("order"),
        each,
        room,
        spec.packing,
        tuple(spec.columns),
        shards,
        tuple(_split_notices(spec, told, counts, each, shards, blocks)),
    )


def _sizes(spec: SplitSpec, sources: Mapping[str, Source]) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    """As in SplitPlan: tokens of a document of each source, and its room. SpecError where it cannot be packed so."""
    packing = spec.packing
    longest = max((source.longest or 0 for source in sources.values()), default=0)
    if packing.whole and longest > packing.length:
        raise SpecError(
            f"a document can have {longest} tokens, a sequence {packing.length}",
            f"Set packing.length to {longest} or more, or packing.longer to drop.",
            ("packing",),
            PACKING_KEYS,
        )
    for name, source in sources.items():
        _check_fitting(name, source, packing)
    each = {name: source.mean_tokens for name, source in sources.items()}
    if packing.method == "concat":
        return each, each
    if packing.method == "rows":
        return each, dict.fromkeys(sources, Fraction(packing.length))
    if len(sources) > 1 and packing.windows == "mixed":
        raise SpecError(
            "aligned sequences hold documents of one source", "Set packing.windows to pure.", ("packing",), PACKING_KEYS
        )
    room = {}
    for name, source in sources.items():
        share, used = fill(sample_lengths(source, WINDOWED), packing)
        each[name] *= share
        room[name] = each[name] / used
    return each, room


def _check_fitting(name: str, source: Source, packing: PackingSpec) -> None:
    """SpecError where all documents would be left out, or one that is tried would not fit where all have to."""
    all_fit = source.longest is not None and source.longest <= packing.length
    if all_fit or (packing.method == "concat" and packing.longer == "keep"):
        return
    lengths = sample_lengths(source, TRIED)
    if packing.whole and (longest := int(lengths.max())) > packing.length:
        raise SpecError(
            f"'{name}': a document has {longest} tokens, a sequence {packing.length}",
            f"Set packing.length to {longest} or more, or packing.longer to drop.",
            ("packing",),
            PACKING_KEYS,
        )
    if packing.longer == "drop" and (shortest := int(lengths.min())) > packing.length:
        raise SpecError(
            f"'{name}': none of {len(lengths)} documents has as few tokens as a sequence, {packing.length}",
            f"Set packing.length to more than {shortest}.",
            ("packing", "length"),
        )


def _check_columns(split: PlannedSplit) -> None:
    """SpecError for columns that cannot be made or would not hold their numbers, and for one that is missing."""
    for name, kind in COLUMNS.items():
        if name in split.columns:
            kind.check(split)
        else:
            kind.check_missing(split)


def _split_notices(
    spec: SplitSpec,
    sources: Mapping[str, Source],
    counts: Mapping[str, int],
    each: Mapping[str, Fraction],
    shards: int,
    blocks: Sequence[Block],
) -> Iterator[Notice]:
    names = list(sources)
    a_shard = sum((counts[name] * each[name] for name in names), Fraction(0)) / shards
    if spec.packing.length > LONG and spec.packing.method != "rows" and a_shard < spec.packing.length:
        held = f"a shard has about {whole(a_shard)} tokens, a sequence {spec.packing.length:,}"
        yield Notice(f"{held}: the rest of it is padding", "Raise shard_tokens, or lower packing.length.", lost=False)
    for name, source in sources.items():
        windows = counts[name] * each[name] / spec.packing.length / shards
        if spec.packing.pure(len(sources)) and windows < 10:
            filled = f"{name} fills {float(windows):.1f} pure windows a shard on average, the last of them padded"
            yield information(filled)
        if cut := 1 - each[name] / source.mean_tokens:
            yield Notice(
                f"{name}: about {float(cut):.1%} of its tokens are where a sequence is full, and are cut off",
                lost=source.world is not None,
                at=("packing",),
            )
        yield from lost.in_split(source, name, [block for block in blocks if block.source == names.index(name)])
