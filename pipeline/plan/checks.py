"""The notices of `plan` about worlds, splits and tokens. `strict: true` refuses those about knowledge that gets lost.

A source's own notices cover what gets lost inside it (nameless documents, repeated paraphrases, doubled full stops).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import reduce

import numpy as np

from pipeline.core.key import Key
from pipeline.core.notices import Notice, information, percent, quoted, whole
from pipeline.core.permutation import Permutation
from pipeline.core.system.progress import duration
from pipeline.plan.blocks import Block
from pipeline.plan.cost import rendering_seconds
from pipeline.plan.order import SplitPlan
from pipeline.plan.overlaps import shared_documents
from pipeline.recipe.split_spec import SplitSpec
from pipeline.sources import Source
from pipeline.sources.abilities import Informative, Relating
from pipeline.text.shown_facts import Shown
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds import repeated_words
from pipeline.worlds.knowledge import bits_shown, entropy
from pipeline.worlds.world import World

SAMPLED = 1_000  # documents of each source that are searched for unknown tokens
AROUND = 12  # tokens of an example shown before and after the unknown one
LONG = 65_535  # tokens of a sequence: few shards are shorter than longer ones


def world_notices(
    world: World, about: Sequence[Source], others: Sequence[Source] = (), *, needed: bool = False
) -> Iterator[Notice]:
    """Notices about knowledge of a world that no document contains. about: its sources with documents in some split.

    others: sources about other worlds, or this one, whose documents may name its individuals at the end of a path.
    needed: whether a world with documents is disjoint from this one, or related to it; then it has a use without.
    """
    yield from world.notices
    yield from repeated_words.notices(world)
    if not about and not needed:
        yield Notice("no split has a document about it", "Add a source about it to a mixture, or remove the world.")
    shown = [shown for source in about if isinstance(source, Informative) for shown in source.shown]
    related = [source.others_shown for source in others if isinstance(source, Relating)]
    shown += [one.shown for kinds in related for kind in kinds for one in kind if one.world is world]
    if shown:
        yield from _attribute_notices(world, reduce(Shown.joined, shown))


def _attribute_notices(world: World, shown: Shown) -> Iterator[Notice]:
    """Notices about attributes that documents never state, or state only in part."""
    attributes = list(world.spec.expanded)
    absent = [
        attribute
        for label, attribute in enumerate(attributes, 1)
        if label not in shown.labels and not _implied(world, attribute, shown)
    ]
    if absent:
        yield Notice(
            f"no document of any split states {', '.join(absent)}",
            f"Write a sentence with {{{{ {absent[0]} }}}}, or remove the attribute.",
            at=("attributes", world.spec.expanded[absent[0]][0]),
        )
    for attribute in attributes:
        bits, whole = bits_shown(world, attribute, shown), entropy(world, attribute)
        if attribute in absent or attribute == world.of_kind("name") or bits >= whole - 1e-9:
            continue  # the sources count documents without names
        yield Notice(
            f"of {attribute} documents state {bits:.4g} bits only, of {whole:.4g}",
            f"Show the whole {{{{ {attribute} }}}}.",
            at=("attributes", world.spec.expanded[attribute][0]),
        )


def _implied(world: World, attribute: str, shown: Shown) -> bool:
    """Whether documents imply an attribute without its value: by words, or because it follows from another one."""
    if own := world.slots_of(attribute):
        return bool(shown.bare & set(own))
    slots = world.fields[attribute].slots
    return slots <= shown.bare and shown.whole(slots)


def token_notices(source: Source, tokenizer: Tokenizer, key: Key) -> Iterator[Notice]:
    """A notice where documents contain unknown tokens: by their expected share, or by a keyed sample of documents."""
    token = tokenizer.unknown
    expected = source.unknown if isinstance(source, Informative) else None
    if token is None or expected == 0:
        return
    item = Permutation(len(source), key)(np.arange(min(SAMPLED, len(source)), dtype=np.int64))
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


def slow_notices(split: SplitPlan, sources: Mapping[str, Source]) -> Iterator[Notice]:
    """How long the documents of each source of a split take that is on the slow path."""
    for name, source in sources.items():
        if source.rendered and (tokens := split.expected[name]):
            seconds = rendering_seconds(tokens)
            long = f"about {duration(seconds)}" if seconds >= 1 else "less than a second"
            yield information(f"{name} is on the slow path: its {float(tokens):,.0f} tokens take {long} of one core")


def split_notices(split: SplitPlan, sources: Mapping[str, Source]) -> Iterator[Notice]:
    """Notices about padding, cut tokens and repeated documents of a split. sources: those of the split, by name."""
    length = split.packing.length
    shard_tokens = sum(split.expected.values(), Fraction(0)) / split.shards
    if length > LONG and split.packing.method != "rows" and shard_tokens < length:
        sizes = f"a shard has about {whole(shard_tokens)} tokens, a sequence {length:,}"
        yield Notice(f"{sizes}: the rest of it is padding", "Raise shard_tokens, or lower packing.length.", lost=False)
    for name, source in sources.items():
        windows = split.expected[name] / length / split.shards
        if split.pure and windows < 10:
            filled = f"{name} fills {float(windows):.1f} pure windows a shard on average, the last of them padded"
            yield information(filled)
        if cut := 1 - split.document_tokens[name] / source.mean_tokens:
            yield Notice(
                f"{name}: about {float(cut):.1%} of its tokens are where a sequence is full, and are cut off",
                lost=source.world is not None,
                at=("packing",),
            )
        yield from _variant_notices(split, name, source)


def _variant_notices(split: SplitPlan, name: str, source: Source) -> Iterator[Notice]:
    """A notice where items have more exposures than the source has different documents of an item."""
    variants = source.variants if isinstance(source, Informative) else None
    most = split.exposures_of(name, len(source)).most
    if variants is not None and most > variants:
        yield Notice(
            f"{name} is worded anew at each of {most:,} exposures, but of wordings and orders there "
            f"{'is 1 combination' if variants == 1 else f'are {variants:,} combinations'}, so documents repeat",
            "Write more wordings, or lower the exposures.",
            lost=False,
            at=("mixture", name),
        )


def repetition_notices(
    source: Source, name: str, spec: SplitSpec, blocks: Sequence[Block], earlier: Mapping[str, Sequence[Block]]
) -> Iterator[Notice]:
    """Notices about documents that an earlier split has word for word, for a source that varies with the exposure.

    earlier: name of a split → its blocks of the source.
    """
    if source.exposures is not None:
        return
    documents = sum(block.rows for block in blocks)
    for split, earlier_blocks in earlier.items():
        shared = shared_documents(blocks, earlier_blocks, len(source))
        if shared < 1:
            continue
        path, amount = spec.first_amount(name)
        begin = f"from: {max(block.end_exposure for of_split in earlier.values() for block in of_split)}"
        if amount.count is not None:
            begin = f"exposures: {{count: {float(amount.count):g}, {begin}}}"
        yield Notice(
            f"{percent(float(min(shared / documents, Fraction(1))))} of the documents of {name} are word for word "
            f"those of {split}, at the exposures {_exposures_of_both(blocks, earlier_blocks)}",
            f"For new ones, begin at a later exposure: {name}: {{{begin}}}.",
            lost=False,
            at=path,
        )


def _exposures_of_both(left: Sequence[Block], right: Sequence[Block]) -> str:
    """The exposures that are in both splits, as text."""
    first = max(min(block.first_exposure for block in blocks) for blocks in (left, right))
    last = min(max(block.end_exposure for block in blocks) for blocks in (left, right)) - 1
    return f"{first:,} to {last:,}" if last > first else f"{first:,}"
