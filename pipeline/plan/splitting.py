"""The plan of one split: its amounts become documents, these become rows in phases, and phases become shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction

from pipeline.columns import COLUMNS
from pipeline.columns.column import PlannedSplit
from pipeline.core.errors import KeyPath, SpecError, specified_at
from pipeline.core.key import Key
from pipeline.plan import checks
from pipeline.plan.document_counts import MOST_DOCUMENTS, places_of_amounts
from pipeline.plan.document_sizes import document_sizes
from pipeline.plan.laying_out import Rows
from pipeline.plan.order import SplitPlan
from pipeline.plan.orders.turns import MOST
from pipeline.plan.phase import Phase
from pipeline.plan.phases import Amounts, amounts_of_phases
from pipeline.plan.ramps import slices_of
from pipeline.recipe.order_spec import in_words
from pipeline.recipe.split_spec import MixtureSpec, SplitSpec
from pipeline.sources import Source


def split_of(name: str, spec: SplitSpec, rows: Rows, shard_tokens: int) -> SplitPlan:
    """The plan of a split. rows: with no phase yet. SpecError, its path below the split, if it cannot be planned."""
    sources = rows.sources
    planned = PlannedSplit(spec.packing, sources, spec.columns)
    for column, kind in COLUMNS.items():
        kind.check(planned) if column in spec.columns else kind.check_missing(planned)
    document_tokens, room = document_sizes(spec, sources)
    key = rows.key.child("order")
    phases = []
    paths = zip(spec.each_phase, amounts_of_phases(spec, sources, document_tokens), strict=True)
    for (path, of, _), amounts in paths:
        with specified_at(*path):
            phase_key = key.child("phase", of) if of else key
            phases.append(_phase(of, spec, amounts, rows, room, phase_key, shard_tokens))
    _check_files(spec, sources, sources, "any phase")
    documents = sum(phase.documents for phase in phases)
    if documents >= MOST_DOCUMENTS:
        raise SpecError(f"more than {MOST_DOCUMENTS:,} documents", "Lower an amount of its mixture.", ("mixture",))
    split = SplitPlan(
        name=name,
        sources=tuple(sources),
        attributes=planned.attributes,
        phases=tuple(phases),
        key=key,
        document_tokens=document_tokens,
        document_room=room,
        packing=spec.packing,
        columns=tuple(spec.columns),
    )
    for column in spec.columns:
        COLUMNS[column].check_shard(planned, max(split.tokens_of(phase) / phase.shards for phase in phases))
    slow = checks.slow_notices(split, sources)
    return replace(split, notices=(*checks.split_notices(split, sources), *slow))


def _phase(
    name: str,
    split: SplitSpec,
    amounts: Amounts,
    rows: Rows,
    room: Mapping[str, Fraction],
    key: Key,
    shard_tokens: int,
) -> Phase:
    """One phase, whose rows are added. SpecError, its path relative to the phase, where it cannot be planned."""
    counts = amounts.counts
    documents = sum(counts.values())
    if not documents:
        whose = f"the phase '{name}'" if name else "the split"
        among = [("share",), ("tokens",), *places_of_amounts(amounts.spec)]
        raise SpecError(f"{whose} has no documents", "Raise an amount of its mixture.", ("mixture",), among)
    spec, of_split = amounts.spec, ("..", "..") if name else ()
    _check_files(spec, spec.mixture, rows.sources, "the mixture")
    order_at: KeyPath = ("order",)
    if not spec.order and not (split.order == "file" and _reads_no_file(spec.mixture, rows.sources)):
        spec, order_at = spec.model_copy(update={"order": split.order}), (*of_split, "order")
    slices = slices_of(spec, amounts.by_source, counts)
    tokens = sum((counts[source] * room[source] for source in counts), Fraction(0))
    shards = int(min(max(1, -(-tokens // shard_tokens)), documents))
    with _order_written_at(order_at):
        blocks, own_orders = rows.add(spec, counts)
        phase = Phase(name, counts, tuple(blocks), shards, key, in_words(spec.order), own_orders, tuple(slices))
        if split.packing.pure(len(rows.sources)):
            _check_no_order(spec, phase, (*of_split, "packing", "windows"))
    _check_room(spec, phase)
    return phase


@contextmanager
def _order_written_at(path: KeyPath) -> Iterator[None]:
    """Let refusals of a phase's order point at the key that says it: its own, or that of the split."""
    try:
        yield
    except SpecError as error:
        if error.at[:1] != ("order",):
            raise
        at = (*path, *error.at[1:])
        raise SpecError(error.problem, error.remedy, at, [at, *error.among]) from None


def _reads_no_file(names: Iterable[str], sources: Mapping[str, Source]) -> bool:
    """Whether none of these sources is read from files."""
    return not any(sources[name].from_files for name in names)


def _check_files(spec: MixtureSpec, names: Iterable[str], sources: Mapping[str, Source], whose: str) -> None:
    """SpecError where the order is that of files and none of these sources is read from some."""
    if spec.order == "file" and _reads_no_file(names, sources):
        problem = f"no source of {whose} is read from files"
        raise SpecError(problem, "`order: file` is of corpora; take `rounds`, or leave it out.", ("order",))


def _check_room(spec: MixtureSpec, phase: Phase) -> None:
    """SpecError for more documents than sources can take turns with."""
    if phase.in_turns and phase.documents > MOST:
        raise SpecError(
            f"{phase.documents:,} documents are too many for sources in orders of their own",
            f"Take {MOST:,} at most, or shuffle (`order: shuffled`; of a corpus `order: global`).",
            ("mixture",),
            [("share",), ("tokens",), *places_of_amounts(spec)],
        )


def _check_no_order(spec: MixtureSpec, phase: Phase, windows: KeyPath) -> None:
    """SpecError where a phase in pure windows has an order or a ramp. windows: the path of the key `windows`."""
    ordered = spec.order not in (None, "shuffled")
    if ordered or phase.slices:
        kept = "order" if ordered else "changing share"
        ramps = [("mixture", name, "share") for name, amount in spec.mixture.items() if amount.ramp]
        raise SpecError(
            f"pure windows are shuffled within each shard, so the {kept} would not be kept",
            f"Mix documents within windows (`windows: mixed`), or leave the {kept} out.",
            ("order",) if ordered else ramps[0],
            [windows] if ordered else [*ramps, windows],
        )
