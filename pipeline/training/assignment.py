"""Which rows of a split each reader has: a rank, or one loader worker of a rank.

W ranks (W is the world size) share the rows in one of two ways:

    rows     rank r has the rows r, r + W, r + 2W, … of the split. From W = 8 on it makes only these; below, it makes
             all, which is then quicker. Each round of W rows is the next W rows of the split, so a run may continue
             with another world size.
    shards   rank r makes the shards r, r + W, … of the split, and has all of their rows. For sources that are slow to
             make. Ranks get different numbers of rows.

Epochs follow each other without a gap: all epochs together are one sequence of T rows, and a round may begin in one
epoch and end in the next. Where W does not divide T, `uneven` decides about the last round, here for T = 7 and W = 3:

    keep     0 1 2 | 3 4 5 | 6        the first T mod W ranks get one row more; nothing is left out or repeated
    drop     0 1 2 | 3 4 5            all get ⌊T / W⌋ rows; the last T mod W rows of the last epoch are left out
    pad      0 1 2 | 3 4 5 | 6 0 1    all get ⌈T / W⌉ rows; the round is filled with the first rows of the split,
                                      or, where epochs are reshuffled, of the next epoch

The loader workers of a rank take its rounds in turn, whatever `uneven` is: together they give the rows that the rank
alone would give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from pipeline.core.errors import PlanError, suggest

Assign = Literal["rows", "shards"]
Uneven = Literal["keep", "drop", "pad"]
OPTIONS = ("epochs", "rank", "world_size", "assign", "uneven", "phase", "reshuffle")
RENAMED = {"consumer": "rank", "consumers": "world_size", "deal": "assign"}


@dataclass(frozen=True)
class Assignment:
    """What one reader has. shards: number in the split. epochs: None for endless ones. The others: see above.

    A visit is a shard in an epoch: visit v is shard v mod shards in epoch ⌊v / shards⌋. PlanError for invalid values.

    >>> reader = Assignment(shards=2, rank=1, world_size=3, worker=1, workers=2)
    >>> reader.number, reader.readers
    (4, 6)
    """

    shards: int
    epochs: int | None = 1
    rank: int = 0
    world_size: int = 1
    assign: Assign = "rows"
    uneven: Uneven = "keep"
    worker: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        self._set("shards", whole_number("shards", self.shards, 1))
        if self.epochs is not None:
            self._set("epochs", whole_number("epochs", self.epochs, 1, " or None"))
        self._set("world_size", whole_number("world_size", self.world_size, 1))
        self._set("rank", whole_number("rank", self.rank, 0))
        if self.rank >= self.world_size:
            raise PlanError(
                f"rank {self.rank} of {self.world_size}", f"They are 0 to {self.world_size - 1}: give one of them."
            )
        for name, value, choices in (("assign", self.assign, Assign), ("uneven", self.uneven, Uneven)):
            if value not in get_args(choices):
                raise PlanError(f"{name} is {value!r}", suggest(str(value), get_args(choices)))
        if self.assign == "shards" and self.uneven != "keep":
            raise PlanError(
                f"ranks that have whole shards cannot have equally many rows, as uneven='{self.uneven}' asks",
                "Assign rows, or keep what is uneven.",
            )

    def _set(self, name: str, value: int) -> None:
        object.__setattr__(self, name, value)

    @property
    def readers(self) -> int:
        """Loader workers of all ranks; the step between two rows (or shards) of one reader."""
        return self.workers * self.world_size

    @property
    def number(self) -> int:
        """This reader's index among all readers, in each of their rounds."""
        return self.lead + self.rank

    @property
    def lead(self) -> int:
        """Rows of a round of all readers before the part of this reader's worker, which is a round of ranks."""
        return self.worker * self.world_size

    def has_visit(self, visit: int) -> bool:
        """Whether a visit is within the epochs."""
        return self.epochs is None or visit < self.epochs * self.shards

    @property
    def visits(self) -> range:
        """The visits of this reader where shards are assigned. Only with a number of epochs."""
        assert self.epochs is not None
        return range(self.number, self.epochs * self.shards, self.readers)


def checked_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options, unchanged. PlanError for one that streams do not have."""
    for name in options:
        if name not in OPTIONS:
            remedy = f"It is called {RENAMED[name]}." if name in RENAMED else suggest(name, OPTIONS)
            raise PlanError(f"a stream has no option '{name}'", remedy)
    return options


def whole_number(name: str, value: Any, least: int, otherwise: str = "") -> int:
    """A value as an int. PlanError where it is no whole number, or below `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise PlanError(f"{name} is {value!r}", f"Give a whole number, {least} or more{otherwise}.")
    return int(value)
