"""What a journal knows of a file of biographies that is being written: which are accepted, and what they cost.

The journal lies beside the file until that is complete: a line for each reply, accepted or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.core.system.journal import placed_entries
from pipeline.sources.rewritten.request import STREAMS, Progress


def journal_path(file: Path) -> Path:
    """The journal of a Parquet file."""
    return file.with_name(f"{file.name}.replies.jsonl")


@dataclass
class Replies:
    """The replies in a journal, to requests of one job. Letters: n individuals, g generations of each.

    offsets: int64 (n, g), where the entry of an accepted biography begins, -1 without one. attempts: int32 (n, g),
    requests so far. progress: sums over all of them.
    """

    offsets: I64
    attempts: NDArray[np.int32]
    progress: Progress

    @property
    def left(self) -> int:
        """Biographies without an accepted reply."""
        return int((self.offsets < 0).sum())


def replies_in(path: Path, job: str, people: range, generations: int) -> Replies:
    """The replies in a journal about these people; those of other jobs are ignored; none if it is missing."""
    offsets = np.full((len(people), generations), -1, np.int64)
    attempts = np.zeros(offsets.shape, np.int32)
    asked = read = written = 0
    seconds, streams = 0.0, STREAMS
    for at, entry in placed_entries(path):
        match entry:
            case {"streams": int(number)} if number > 0:
                streams = number
            case {
                "job": of, "individual": int(individual), "generation": int(generation), "tokens": [int(r), int(w)],
                "seconds": float(took),
            } if of == job and individual in people and 0 <= generation < generations:  # fmt: skip
                place = individual - people.start, generation
                attempts[place] += entry.get("asked", True) is True
                if is_accepted(entry):
                    offsets[place] = at
                if entry.get("asked", True) is True:
                    asked, read, written, seconds = asked + 1, read + r, written + w, seconds + took
    done = int((offsets >= 0).sum())
    return Replies(offsets, attempts, Progress(done, asked, read, written, seconds, streams))


def is_accepted(entry: dict[str, Any]) -> bool:
    """Whether an entry holds a biography."""
    return isinstance(entry.get("text"), str) and isinstance(entry.get("author"), str)
