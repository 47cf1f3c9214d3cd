"""The state of a stream, a few values to save with a model and load again.

A `RowsState` states how many rounds are done, the same for all readers that keep step. So all readers can load the
state of any of them, also another number of readers. The state of a split's stream has its `Order` beside that, so it
is not loaded where rows come in another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pipeline.core.errors import PlanError
from pipeline.core.system.escaping import shortened
from pipeline.training.assignment import Assignment, whole_number
from pipeline.training.row_sources import Shards


@dataclass(slots=True)
class RowsState:
    """The state of a stream that assigns rows.

    epoch, shard: the shard being read, both from 0. rows_before: rows before that shard, earlier epochs included.
    next_row: the first row of the next round of all readers, counted from the beginning of the first epoch. readers:
    loader workers of all ranks (or the ranks, without workers).
    """

    epoch: int
    shard: int
    rows_before: int
    next_row: int
    readers: int


@dataclass(slots=True)
class ShardsState:
    """The state of a stream that assigns shards. epoch, shard: the shard being read. row: the next row in it."""

    epoch: int
    shard: int
    row: int
    readers: int


@dataclass(frozen=True, slots=True)
class Order:
    """What decides in which order a stream gives the rows of a split.

    seed: of the recipe. phase: the only one that is read; "" where all are. reshuffle: whether later epochs have an
    order of their own. shards: those that an epoch reads.
    """

    split: str
    seed: int
    phase: str
    reshuffle: bool
    shards: int


State = RowsState | ShardsState
KINDS: dict[str, type[State]] = {"rows": RowsState, "shards": ShardsState}
_EARLIER = {
    RowsState: {"before": "rows_before", "next": "next_row", "consumers": "readers"},
    ShardsState: {"row": "row", "consumers": "readers"},
}
"""Keys of states that earlier versions saved → fields. Beside them stood `turn`: epoch · shards + shard."""


def saved_state(state: State, order: Order | None) -> dict[str, Any]:
    """A state as it is saved: numbers, and the order of the rows. order: None for a stream of no split."""
    return asdict(state) | (asdict(order) if order else {})


def read_state(saved: Any, assignment: Assignment, shards: Shards, order: Order | None) -> State:
    """The state in a saved dict of this or an earlier version, which may not say of which order it is.

    PlanError where it is no state of such a stream, or that of another order.
    """
    kind = KINDS[assignment.assign]
    if isinstance(saved, Mapping):
        saved = _without_order(saved, order)
    names = [field.name for field in fields(kind)]
    if isinstance(saved, Mapping) and set(saved) == {"turn", *_EARLIER[kind]}:
        epoch, shard = divmod(whole_number("'turn' of the state", saved["turn"], 0), assignment.shards)
        saved = {"epoch": epoch, "shard": shard} | {name: saved[key] for key, name in _EARLIER[kind].items()}
    if not isinstance(saved, Mapping) or set(saved) != set(names):
        raise PlanError(
            f"this is no state of a stream that is shared by {assignment.assign}", "Load one of the same kind."
        )
    least = {"readers": 1}
    state = kind(**{name: whole_number(f"'{name}' of the state", saved[name], least.get(name, 0)) for name in names})
    _check(state, assignment, shards)
    return state


def _without_order(saved: Mapping[Any, Any], order: Order | None) -> dict[Any, Any]:
    """What a saved state says beside its order. PlanError where that is not the order of this stream."""
    names = [field.name for field in fields(Order)]
    own: dict[str, Any] = asdict(order) if order else {}
    given = {name: saved[name] for name in names if name in saved}
    differing = [name for name in names if given.get(name) != own.get(name)] if given else []
    if differing:
        named = differing[:-1] if differing[-1] == "shards" else differing  # phases have others
        theirs, ours = (", ".join(_said(name, of.get(name)) for name in named or differing) for of in (given, own))
        problem = f"the state is that of a stream with {theirs}, and this one has {ours}"
        raise PlanError(problem, "Load it where recipe, split, phase and reshuffle are the same.")
    return {name: value for name, value in saved.items() if name not in names}


def _said(name: str, value: Any) -> str:
    """A setting in an error: `seed 0`, `phase 'facts'`, `no phase`."""
    return f"no {name}" if value in ("", None) or value is False else f"{name} {shortened(repr(value))}"


def _check(state: State, assignment: Assignment, shards: Shards) -> None:
    """PlanError where a stream of these epochs and shards cannot have this state, as far as counts are known."""
    over = assignment.epochs is not None and state.epoch >= assignment.epochs
    if isinstance(state, ShardsState):
        may_be_over = state.row == 0  # a reader without any shard
    else:
        may_be_over = assignment.uneven == "pad"  # the last round is padded with the first rows
    if over and not may_be_over:
        raise PlanError(
            f"the state is in epoch {state.epoch + 1}, and this stream has {assignment.epochs}",
            "Load it with the same epochs.",
        )
    if state.shard >= assignment.shards or not _fits(state, assignment, shards):
        raise PlanError("the state is of other rows than these", "Load one of the same recipe and split.")


def _fits(state: State, assignment: Assignment, shards: Shards) -> bool:
    """Whether a state is possible with these shards, as far as their counts are known."""
    count = shards.of_epoch(state.epoch).known_count(state.shard)
    if isinstance(state, ShardsState):
        return count is None or state.row <= count
    ahead = state.next_row - state.rows_before
    if ahead < 0 or (count is not None and ahead > count + state.readers):
        return False
    return _rows_before(state.epoch, state.shard, assignment.shards, shards) in (None, state.rows_before)


def _rows_before(epoch: int, shard: int, number: int, shards: Shards) -> int | None:
    """Rows before a shard of an epoch, from the first epoch on; None where not all are counted. number: of shards."""
    before = [shards.of_epoch(epoch).known_count(k) for k in range(shard)]
    every = [shards.known_count(k) for k in range(number)] if epoch else []
    known = [count for count in (*before, *every) if count is not None]
    if len(known) < len(before) + len(every):
        return None
    return sum(known[:shard]) + epoch * sum(known[shard:])


def check_reader(state: ShardsState, assignment: Assignment) -> None:
    """PlanError unless the state is of this reader, and of the same number of readers."""
    if state.readers != assignment.readers:
        raise PlanError(
            f"the state is that of {state.readers} readers (ranks times loader workers), not of {assignment.readers}",
            "Where shards are assigned, a stream goes on with as many as before; assign rows.",
        )
    number = (state.epoch * assignment.shards + state.shard) % assignment.readers
    if number != assignment.number:
        raise PlanError(
            f"the state is that of reader {number}, not of {assignment.number}",
            "Where shards are assigned, each rank goes on with its own; assign rows.",
        )
