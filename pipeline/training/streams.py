"""Sequences without a disk: the rows of a split, made as they are asked for, the same ones in the same order.

C consumers (ranks) share the rows in one of two ways:

    rows     consumer c has the rows c, c + C, c + 2C, … of the split, and makes no others (where C is below 8 it makes
             all, which is quicker then). Whatever C is, each round of C rows is the next C rows of the split, so a run
             may go on with other ranks than before.
    shards   consumer c makes the shards c, c + C, … of the split, and has all of their rows. For sources that are slow
             to tell. Consumers get different numbers of rows.

Epochs follow each other without a gap: all rows of the first, then all of the second, are one line of T rows, and a
round may begin in one epoch and end in the next. Where C does not divide T, `uneven` says what becomes of the last
round, here of T = 7 rows and C = 3 consumers:

    keep     0 1 2 | 3 4 5 | 6        the first T mod C consumers get a row more; nothing is left out, nothing repeated
    drop     0 1 2 | 3 4 5            all get ⌊T / C⌋ rows; the last T mod C rows of the last epoch are left out
    pad      0 1 2 | 3 4 5 | 6 0 1    all get ⌈T / C⌉ rows; the round is filled with the first rows of the split

Loader workers of one rank share the rows of that rank in turn, whatever `uneven` says: together they give what the rank
would have given alone. A state is a few numbers; nothing is kept but the shard that is being read.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from pipeline.core.errors import PlanError, suggest
from pipeline.core.table import Columns, Lists, Strings, length_of
from pipeline.training.access import Loaded, Made, Read, Shards

if TYPE_CHECKING:
    from datasets import IterableDataset

    from pipeline.dataset import Dataset
    from pipeline.plan.plan import Plan
    from pipeline.training.torch import SequenceDataset, SequenceTable

Row = dict[str, Any]
"""One row: an array (L,) of each dense column, a number, a text, or a dict of arrays of a column of lists."""
Deal = Literal["rows", "shards"]
Uneven = Literal["keep", "drop", "pad"]
STATES = {"rows": ("turn", "before", "next", "consumers"), "shards": ("turn", "row", "consumers")}


@dataclass
class Stream:
    """The rows of a split as an iterable that knows where it is, and as a table that is read at any place.

    shards: how many there are; load(k): the columns of one. epochs: how often all rows come (None: for ever). consumer,
    consumers: the rank and the world size. deal, uneven: which rows are this consumer's, see above. PlanError for
    options that cannot be.

    Iterating begins at the beginning, or where `load_state_dict` has set it, and `state_dict` tells at any time how far
    it has come: the rows that were given before do not come again. Consumers that share by rows and keep step have
    equal `next`, and the state of any of them may be loaded by all, also by another number of consumers.

    `len` is how many rows iterating from the beginning gives (TypeError where they do not end), and `stream[i]` is the
    i-th of them, made without the others; `stream[[3, 1, 2]]` is a list of rows. That is what map-style samplers of
    PyTorch and grain want. A built dataset knows its numbers of rows; of a plan they follow from the lengths of all
    documents before them, which takes more than half as long as making them, once (`list(stream)` asks for it too;
    `list(iter(stream))` does not). IndexError past the end.

        >>> stream = Stream(2, lambda k: {"input_ids": np.arange(4 * k, 4 * k + 4)}).shared(1, 3)
        >>> [int(row["input_ids"]) for row in stream], len(stream), int(stream[-1]["input_ids"])
        ([1, 4, 7], 3, 7)
    """

    shards: int
    load: Callable[[int], Columns] = field(repr=False)
    epochs: int | None = 1
    consumer: int = 0
    consumers: int = 1
    deal: Deal = "rows"
    uneven: Uneven = "keep"
    by_hand: bool = field(default=False, init=False)
    """Whether a caller has said which part this is, so that nobody need ask for the rank."""

    def __post_init__(self) -> None:
        self.shards = _number("shards", self.shards, 1)
        self.epochs = self.epochs if self.epochs is None else _number("epochs", self.epochs, 1, " or None")
        self.consumers = _number("consumers", self.consumers, 1)
        self.consumer = _number("consumer", self.consumer, 0)
        if self.consumer >= self.consumers:
            raise PlanError(
                f"consumer {self.consumer} of {self.consumers}",
                f"They are 0 to {self.consumers - 1}: give one of them.",
            )
        for name, value, known in (("deal", self.deal, Deal), ("uneven", self.uneven, Uneven)):
            if value not in get_args(known):
                raise PlanError(f"{name} is {value!r}", suggest(str(value), get_args(known)))
        if self.deal == "shards" and self.uneven != "keep":
            raise PlanError(
                f"consumers of whole shards cannot have equally many rows, as uneven='{self.uneven}' asks",
                "Share by rows, or keep what is uneven.",
            )
        self.by_hand = self.consumers > 1
        self._shards: Shards = self.load if isinstance(self.load, Shards) else Loaded(self.load)
        self._worker, self._workers = 0, 1
        self._ends: list[int] = []  # of the shards as far as they are counted: rows of the split up to there
        self._start: dict[str, int] = {}  # where the next `iter` begins
        self._state: dict[str, int] = {}

    # ── parts ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def shared(self, consumer: int, consumers: int) -> Stream:
        """The part of one of several consumers: from the beginning, or from a state that was loaded and not yet used.

        PlanError where this is already a part.
        """
        if self.by_hand:
            raise PlanError("this is already a part of a stream", "Share the whole one.")
        part = self.copied(consumer, consumers)
        part.by_hand = True
        return part

    def of_worker(self, worker: int, workers: int) -> Stream:
        """What one of several loader workers gives of this consumer's rows (or shards): every `workers`-th of them."""
        part = self.copied()
        part._worker, part._workers = worker, workers
        return part

    def copied(self, consumer: int | None = None, consumers: int | None = None) -> Stream:
        """The same, or the part of another consumer, with a position of its own: that where the next `iter` begins."""
        part = replace(
            self,
            consumer=self.consumer if consumer is None else consumer,
            consumers=self.consumers if consumers is None else consumers,
        )
        part.by_hand, part._worker, part._workers = self.by_hand, self._worker, self._workers
        part._shards, part._ends = self._shards, self._ends
        part._start, part._state = dict(self._start), dict(self._start)
        return part

    @property
    def _lead(self) -> int:
        """Rows between the beginning of a round of all loader workers and that of ours."""
        return self._worker * self.consumers

    @property
    def _step(self) -> int:
        """Readers there are in all: rows from one of ours to the next, or shards."""
        return self._workers * self.consumers

    # ── in order ──────────────────────────────────────────────────────────────────────────────────────────────────

    def __iter__(self) -> Iterator[Row]:
        start, self._start = self._start, {}
        self._state = start
        if self.deal == "rows":
            return self._by_rows(**(start or self._at(turn=0, before=0, next=0)))
        return self._by_shards(**(start or self._at(turn=self._lead + self.consumer, row=0)))

    def _at(self, **place: int) -> dict[str, int]:
        """Note how far it has come."""
        self._state = {**place, "consumers": self._step}
        return self._state

    def _by_rows(self, turn: int, before: int, next: int, consumers: int) -> Iterator[Row]:
        """turn: the shard, counted on over epochs. before: rows ahead of it. next: the row that the next round of all
        readers begins with, counted in the same way."""
        held: tuple[Row, int] | None = None  # a row whose round may not be complete, and where that would end
        total, empty = 0, 0
        while self._goes_on(turn) or (self.uneven == "pad" and next + self._lead < total):
            first = next + self._lead + self.consumer - before
            count, columns = self._shards.every(turn % self.shards, first, self._step)
            end = before + count
            if held and held[1] <= end:
                self._at(turn=turn, before=before, next=next)
                yield held[0]
                held = None
            for at in range(0 if columns is None else length_of(columns)):
                assert columns is not None
                begins = next + self._lead
                if not self._goes_on(turn) and begins >= total:
                    return
                next += self._step
                if self.uneven == "drop" and begins + self.consumers > end:
                    held = _row(columns, at), begins + self.consumers
                    break
                self._at(turn=turn, before=before, next=next)
                yield _row(columns, at)
            turn, before, empty = turn + 1, end, 0 if count else empty + 1
            if empty == self.shards:
                return
            if not self._goes_on(turn) and not total:
                total = end

    def _by_shards(self, turn: int, row: int, consumers: int) -> Iterator[Row]:
        """turn: as above; always one of ours. row: the next one in its shard."""
        mine = self._lead + self.consumer
        if consumers != self._step:
            raise PlanError(
                f"the state is that of {consumers} consumers, not of {self._step}",
                "Shared by shards, a stream goes on with as many as before; share it by rows.",
            )
        if turn % self._step != mine:
            raise PlanError(
                f"the state is that of consumer {turn % self._step}, not of {mine}",
                "Shared by shards, each goes on with its own; share by rows.",
            )
        empty = 0
        while self._goes_on(turn) and empty < self.shards:
            columns = None if self._shards.known(turn % self.shards) == 0 else self._shards(turn % self.shards)
            count = 0 if columns is None else length_of(columns)
            for at in range(row, count):
                assert columns is not None
                self._at(turn=turn, row=at + 1)
                yield _row(columns, at)
            turn, row, empty = turn + self._step, 0, 0 if count else empty + 1

    def _goes_on(self, turn: int) -> bool:
        return self.epochs is None or turn < self.epochs * self.shards

    # ── states ────────────────────────────────────────────────────────────────────────────────────────────────────

    def state_dict(self) -> dict[str, int]:
        """How far it has come: to be loaded by a stream with the same options, by rows also with other consumers."""
        return dict(self._state)

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from there at the next `iter`, once; {} is the beginning. PlanError for what is no state of it."""
        if state:
            self._check(state)
        self._start = {name: int(state[name]) for name in STATES[self.deal]} if state else {}
        self._state = dict(self._start)

    def _check(self, state: Mapping[str, int]) -> None:
        if not isinstance(state, Mapping) or set(state) != set(STATES[self.deal]):
            raise PlanError(f"this is no state of a stream that is shared by {self.deal}", "Load one of the same kind.")
        for name, value in state.items():
            _number(f"'{name}' of the state", value, 1 if name == "consumers" else 0)
        turn = state["turn"]
        may_end = self.uneven == "pad" or not state.get("row", 1)  # in the first rows again, or with no shard at all
        if not self._goes_on(turn) and not may_end:
            raise PlanError(
                f"the state is in epoch {turn // self.shards + 1}, and this stream has {self.epochs}",
                "Load it with the same epochs.",
            )
        count = self._shards.known(turn % self.shards)
        if self.deal == "shards":
            wrong = count is not None and state["row"] > count
        else:
            before = self._rows_before(turn)
            ahead = state["next"] - state["before"]
            wrong = before not in (None, state["before"]) or (turn == 0 and state["before"] > 0)
            wrong |= ahead < 0 or (count is not None and ahead > count + state["consumers"])
        if wrong:
            raise PlanError("the state is of other rows than these", "Load one of the same recipe and split.")

    def _rows_before(self, turn: int) -> int | None:
        """Rows of the line ahead of a turn; None where they have not been counted."""
        counts = [self._shards.known(k) for k in range(self.shards if turn >= self.shards else turn)]
        if any(count is None for count in counts):
            return None
        known = [count for count in counts if count is not None]
        epochs, shard = divmod(turn, self.shards)
        return epochs * sum(known) + sum(known[:shard])

    # ── at any place ──────────────────────────────────────────────────────────────────────────────────────────────

    def __len__(self) -> int:
        if self.epochs is None:
            raise TypeError("a stream without end has no length: give epochs")
        if self.deal == "shards":
            turns = range(self._lead + self.consumer, self.epochs * self.shards, self._step)
            return sum(self._shards.count(turn % self.shards) for turn in turns)
        rounds, rest = divmod(self.epochs * self._counted(None)[-1], self.consumers)
        rows = rounds + {"keep": self.consumer < rest, "drop": False, "pad": rest > 0}[self.uneven]
        return len(range(self._worker, rows, self._workers))

    def __bool__(self) -> bool:
        """True, without counting."""
        return True

    def __getitem__(self, index: Any) -> Any:
        """The row at an index, or a list of those at several."""
        if isinstance(index, slice):
            raise TypeError("a stream is not sliced: ask for stream[[3, 4, 5]], or use itertools.islice")
        if isinstance(index, Iterable) and not isinstance(index, str | bytes) and np.ndim(index) > 0:  # type: ignore[arg-type]
            return self.__getitems__(index)
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Iterable[Any]) -> list[Row]:
        """The rows at several indices, in their order, each shard asked once: what PyTorch's fetcher calls."""
        wanted = [self._place(self._index(index)) for index in indices]
        found: dict[tuple[int, int], Row] = {}
        for k in {k: None for k, _ in wanted}:
            rows = sorted({row for shard, row in wanted if shard == k})
            columns = self._shards.rows(k, np.array(rows, np.int64))
            found |= {(k, row): _row(columns, at) for at, row in enumerate(rows)}
        return [found[place] for place in wanted]

    def _index(self, index: Any) -> int:
        if isinstance(index, bool | np.bool_):
            raise TypeError(f"an index is a whole number, not {index}")
        number = operator.index(index)
        if number < 0 and self.epochs is None:
            raise IndexError(f"row {number} of a stream without end")
        return number + len(self) if number < 0 else number

    def _place(self, index: int) -> tuple[int, int]:
        """Shard, and row in it, of the row at an index of ours. IndexError where there is none."""
        place = None
        if index >= 0:
            place = self._of_turns(index) if self.deal == "shards" else self._of_line(index)
        if place is None:
            raise IndexError(f"row {index}, and there are fewer")
        return place

    def _of_line(self, index: int) -> tuple[int, int] | None:
        begins = (self._worker + index * self._workers) * self.consumers  # the round
        row = begins + self.consumer
        needed = {"keep": row, "drop": begins + self.consumers - 1, "pad": begins}[self.uneven]
        ends = self._counted(needed)
        rows = ends[-1]  # of an epoch, unless those that are needed lie before
        if needed >= rows and (not rows or (self.epochs is not None and needed >= self.epochs * rows)):
            return None
        ends = self._counted(row)
        row %= ends[-1]
        k = bisect_right(ends, row)
        return k, row - (ends[k - 1] if k else 0)

    def _of_turns(self, index: int) -> tuple[int, int] | None:
        turn, empty = self._lead + self.consumer, 0
        while self._goes_on(turn) and empty < self.shards:
            count = self._shards.count(turn % self.shards)
            if index < count:
                return turn % self.shards, index
            index, turn, empty = index - count, turn + self._step, 0 if count else empty + 1
        return None

    def _counted(self, row: int | None) -> list[int]:
        """Rows of the split up to the end of each shard: as many shards as reach beyond a row, or all (None)."""
        ends = self._ends
        while len(ends) < self.shards and (not ends or row is None or ends[-1] <= row):
            ends.append((ends[-1] if ends else 0) + self._shards.count(len(ends)))
        return ends

    # ── for others ────────────────────────────────────────────────────────────────────────────────────────────────

    def torch(self, columns: tuple[str, ...] | None = None) -> SequenceDataset:
        """As a torch.utils.data.IterableDataset of dicts of tensors; ranks and loader workers share the rows.

        The rank is that of torch.distributed or torchrun, unless this is a part that was shared by hand: of that, the
        workers share the rows, and nobody is asked for a rank again. columns: which ones; by default those that tensors
        can hold.
        """
        from pipeline.training.torch import SequenceDataset

        return SequenceDataset(self, columns)

    def table(self, columns: tuple[str, ...] | None = None) -> SequenceTable:
        """As a map-style torch.utils.data.Dataset of the same dicts of tensors, for samplers that choose the rows.

        It has all rows of this stream: a DistributedSampler, not this, divides them among ranks.
        """
        from pipeline.training.torch import SequenceTable

        return SequenceTable(self, columns)

    def datasets(self) -> IterableDataset:
        """As a datasets.IterableDataset: the rows that iterating this stream would give now, each time that it is read.

        It keeps states of its own. Of a whole stream from the beginning, or of one shared by shards, it has as many
        shards as there are turns, which `split_dataset_by_node`, loader workers and `shuffle` divide and reorder. A
        part that was shared by rows, a stream that goes on from a state, and one without end are one shard: nodes then
        skip each other's rows. So share either here, by `shared`, or there.
        """
        from datasets import Features, IterableDataset

        from pipeline.storage.arrow import record_batch

        features = Features.from_arrow_schema(record_batch(self._shards(0)).schema)
        options: dict[str, Any] = {"stream": self.copied()}
        if self.epochs is not None and not self._start and (self._step == 1 or self.deal == "shards"):
            turns = range(self._lead + self.consumer, self.epochs * self.shards, self._step)
            options |= {"turns": list(turns)} if turns else {}
        made: IterableDataset = IterableDataset.from_generator(_records_of, gen_kwargs=options, features=features)
        return made

    def _of_shards(self, turns: Iterable[int]) -> Iterator[Row]:
        """All rows of the shards of some turns."""
        for turn in turns:
            if self._shards.known(turn % self.shards) != 0:
                columns = self._shards(turn % self.shards)
                yield from (_row(columns, at) for at in range(length_of(columns)))


def of_plan(plan: Plan, split: str, **options: Any) -> Stream:
    """The rows of a plan's split, made here. PlanError where there is no such split, or no such option."""
    if split not in plan.splits:
        raise PlanError(f"no split '{split}'", suggest(split, plan.splits))
    return Stream(plan.splits[split].shards, Made(plan, split), **_known(options))


def of_dataset(dataset: Dataset, split: str, **options: Any) -> Stream:
    """The rows of a built split, read from its shards. StorageError where there is no such split."""
    return Stream(len(dataset.split(split)["shards"]), Read(dataset, split), **_known(options))


def _known(options: dict[str, Any]) -> dict[str, Any]:
    """The options. PlanError for one that there is not."""
    names = ("epochs", "consumer", "consumers", "deal", "uneven")
    for name in options:
        if name not in names:
            raise PlanError(f"a stream has no option '{name}'", suggest(name, names))
    return options


def _number(name: str, value: Any, least: int, otherwise: str = "") -> int:
    """The whole number that it is. PlanError for anything else, and for one below the least."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise PlanError(f"{name} is {value!r}", f"Give a whole number, {least} or more{otherwise}.")
    return int(value)


def _records_of(stream: Stream, turns: list[int] | None = None) -> Iterator[Row]:
    """Rows with lists of records, as `datasets` has them; those of some turns, or all."""
    rows = iter(stream.copied()) if turns is None else stream._of_shards(turns)
    for row in rows:
        yield {name: _records(value) if isinstance(value, dict) else value for name, value in row.items()}


def _records(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A list of records from arrays of their fields."""
    return [
        dict(zip(fields, values, strict=True)) for values in zip(*map(np.ndarray.tolist, fields.values()), strict=True)
    ]


def _row(columns: Columns, at: int) -> Row:
    return {name: _value(column, at) for name, column in columns.items()}


def _value(column: Any, at: int) -> Any:
    if isinstance(column, np.ndarray):
        return column[at]
    within = slice(int(column.offsets[at]), int(column.offsets[at + 1]))
    if isinstance(column, Strings):
        return column.bytes[within].tobytes().decode()
    assert isinstance(column, Lists)
    return {name: values[within] for name, values in column.fields.items()}
