"""Knowledge that gets lost between the parts of a recipe, as notices: what `strict: true` refuses.

What gets lost inside a source (nameless documents, repeated paraphrases, doubled full stops) the source says itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import reduce

import numpy as np

from pipeline.core.key import Key
from pipeline.core.notices import Notice, percent, quoted
from pipeline.core.permutation import Permutation
from pipeline.plan.blocks import Block, Exposures, repeated
from pipeline.recipe.recipe import AmountSpec
from pipeline.sources import Source
from pipeline.sources.source import Informative
from pipeline.text.shown import Shown
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds import repeated as names
from pipeline.worlds.world import World

LOOKED_AT = 1_000  # documents of a source in which tokens are looked at
AROUND = 12  # tokens of an example on either side of the one that is meant


def in_world(world: World, about: Sequence[Source], *, kept_apart: bool = False) -> Iterator[Notice]:
    """What is lost of a world. about: the sources about its individuals of which a split has documents.

    kept_apart: whether another world that is told is disjoint from it, which is use enough.
    """
    yield from world.notices
    yield from names.notices(world)
    if not about and not kept_apart:
        yield Notice("no split has a document about it", "Add a source about it to a mixture, or remove the world.")
    informative = [source for source in about if isinstance(source, Informative)]
    if informative:
        yield from _never_told(world, reduce(Shown.joined, (shown for source in informative for shown in source.shown)))


def _never_told(world: World, shown: Shown) -> Iterator[Notice]:
    """Attributes that no document shows, and those of which documents show a part only."""
    attributes = list(world.spec.expanded)
    never = [
        attribute
        for label, attribute in enumerate(attributes, 1)
        if label not in shown.labels and not _said_otherwise(world, attribute, shown)
    ]
    if never:
        yield Notice(
            f"no document of any split tells {', '.join(never)}",
            f"Write a sentence with {{{{ {never[0]} }}}}, or remove the attribute.",
            at=("attributes", world.spec.expanded[never[0]][0]),
        )
    for attribute in attributes:
        bits, all_ = world.bits_shown(attribute, shown), world.entropy(attribute)
        if attribute in never or attribute == world.of_kind("name") or bits >= all_ - 1e-9:
            continue  # of names documents are counted, by the sources
        yield Notice(
            f"of {attribute} documents tell {bits:.4g} bits only, of {all_:.4g}",
            f"Show the whole {{{{ {attribute} }}}}.",
            at=("attributes", world.spec.expanded[attribute][0]),
        )


def _said_otherwise(world: World, attribute: str, shown: Shown) -> bool:
    """Whether words that are no value say something of an attribute: of one that follows from another, all of it."""
    if own := world.slots_of(attribute):
        return bool(shown.bare & set(own))
    slots = world.fields[attribute].slots
    return slots <= shown.bare and shown.whole(slots)


def in_tokens(source: Source, tokenizer: Tokenizer, key: Key) -> Iterator[Notice]:
    """Tokens that stand for what the tokenizer has no token for: expected, or of a keyed sample."""
    token = tokenizer.unknown
    expected = source.unknown if isinstance(source, Informative) else None
    if token is None or expected == 0:
        return
    item = Permutation(len(source), key)(np.arange(min(LOOKED_AT, len(source)), dtype=np.int64))
    tokens = source.documents(item, np.zeros_like(item), spans=False).tokens
    places = np.flatnonzero(tokens.values[: tokens.offsets[-1]] == token)
    if expected is None and not places.size:
        return
    if expected is not None:
        share = f"about {percent(float(expected / source.mean_tokens))} of its tokens"
    else:
        share = f"{places.size:,} of {int(tokens.offsets[-1]):,} tokens of {item.size:,} documents looked at"
    example = f"none in {item.size:,} documents looked at"
    if places.size:
        document = int(np.searchsorted(tokens.offsets, places[0], side="right")) - 1
        first, last = (int(tokens.offsets[d]) for d in (document, document + 1))
        ids = tokens.values[max(first, int(places[0]) - AROUND) : min(last, int(places[0]) + AROUND + 1)]
        example = f"item {item[document]}, exposure 0: {quoted(tokenizer.decode(ids))}"
    yield Notice(
        f"{share} are {tokenizer.backend.id_to_token(token)}, for which the tokenizer has no other",
        "Train the tokenizer on these texts, or take one with a token for every byte, such as gpt2.",
        example,
    )


def in_split(source: Source, name: str, blocks: Sequence[Block]) -> Iterator[Notice]:
    """More exposures than a source that words each of them anew has documents of an item."""
    variants = source.variants if isinstance(source, Informative) else None
    most = Exposures.of(blocks, len(source)).most
    if variants is not None and most > variants:
        yield Notice(
            f"{name} is worded anew at each of {most:,} exposures, but of wordings and orders there "
            f"{'is 1 combination' if variants == 1 else f'are {variants:,} combinations'}, so documents repeat",
            "Write more wordings, or lower the exposures.",
            lost=False,
            at=("mixture", name),
        )


def between_splits(
    source: Source, name: str, amount: AmountSpec, blocks: Sequence[Block], earlier: Mapping[str, Sequence[Block]]
) -> Iterator[Notice]:
    """Documents of a source that words each exposure anew, which an earlier split has word for word."""
    if source.exposures is not None:
        return
    documents = sum(block.rows for block in blocks)
    for other, its in earlier.items():
        shared = repeated(blocks, its, len(source))
        if shared < 1:
            continue
        begin = f"from: {max(block.end for one in earlier.values() for block in one)}"
        if amount.count is not None:
            begin = f"exposures: {{count: {float(amount.count):g}, {begin}}}"
        yield Notice(
            f"{percent(float(min(shared / documents, Fraction(1))))} of the documents of {name} are word for word "
            f"those of {other}, at the exposures {_range(blocks, its)}",
            f"To tell new ones, begin at a later exposure: {name}: {{{begin}}}.",
            lost=False,
            at=("mixture", name),
        )


def _range(one: Sequence[Block], other: Sequence[Block]) -> str:
    """The exposures that two splits have in common."""
    first = max(min(block.exposure for block in blocks) for blocks in (one, other))
    last = min(max(block.end for block in blocks) for blocks in (one, other)) - 1
    return f"{first:,} to {last:,}" if last > first else f"{first:,}"
