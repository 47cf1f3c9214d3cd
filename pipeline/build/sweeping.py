"""build_sweep: the datasets of all cells into one folder, each in a folder named after its cell; sweep.json last.

Cells with equal datasets have one of them. The shards of several datasets go to the executor together, so that a sweep
of small datasets keeps all workers busy; how many is bounded, since their plans are in memory.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.build import resume
from pipeline.build.building import MARGIN, Begun, begun, build_shard
from pipeline.build.executors import Auto, Executor, Ray
from pipeline.build.resume import Progress
from pipeline.core.errors import RunError, StorageError
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import MANIFEST, Manifest
from pipeline.dataset.shard_record import ShardRecord
from pipeline.dataset.sweep_index import SWEEP, SweepIndex
from pipeline.plan.plan import Plan
from pipeline.publish.export import Exported, export
from pipeline.storage import STATE, Folder, folder_at, place_below
from pipeline.sweeps import Cell, Sweep
from pipeline.sweeps.planning import PlannedCell, PlannedSweep, plan_of
from pipeline.sweeps.sweep import in_cell

MOST_TOGETHER = 32  # datasets whose shards are given to the executor together
LEAST_WEIGHT = 1e-6  # of a shard, in expected seconds


@dataclass(frozen=True)
class Part:
    """A dataset of a sweep. cells: those that have it. folder: its name, that of `cell`, which has it too."""

    cells: list[PlannedCell]
    cell: Cell

    @property
    def folder(self) -> str:
        """Its name below the folder of the sweep."""
        return self.cell.name

    @property
    def seconds(self) -> float:
        """Expected seconds of one core."""
        return float(self.cells[0].numbers["core_seconds"])


def build_sweep(
    sweep: Sweep,
    planned: PlannedSweep,
    out: str | Path,
    executor: Executor,
    *,
    built: Progress = lambda _: None,
    kept: Progress = lambda _: None,
    exporting: Callable[[int], object] = lambda _: None,
    exported: Callable[[Exported], object] = lambda _: None,
    finished: Callable[[Part, Manifest, int], object] = lambda *_: None,
) -> SweepIndex:
    """Build the datasets of planned cells below the path or URL `out`, and the index of them.

    built, kept, exporting, exported: as of `build`. finished: called with each complete dataset: what it is,
    its manifest, and how many shards were made.

    The first refusal of a cell that cannot be planned, before anything is built. StorageError where the folder holds
    anything else, as of `build`. A failure in one dataset ends the build; what is complete is kept, and the same call
    goes on.
    """
    if planned.refusals:
        raise planned.refusals[0]
    folder = folder_at(out)
    earlier = _earlier(folder, sweep)
    parts = _parts(sweep, planned, folder, earlier)
    with folder.locked() as check_held, _one_ray(executor):
        _check_parts(folder, sweep, parts)
        for first in range(0, len(parts), MOST_TOGETHER):
            together = parts[first : first + MOST_TOGETHER]
            batch = _Batch(sweep, together, out, kept)
            _weigh(executor, together, parts[first + MOST_TOGETHER :])
            with closing(batch.built(executor, folder, built, check_held)) as complete:
                for number, manifest in complete:
                    began = batch.begun[number]
                    for spec in began.plan.recipe.exports:
                        exported(export(Dataset(began.folder, manifest), spec, done=exporting))
                    finished(together[number], manifest, len(began.missing))
        index = _index(sweep, parts, earlier)
        check_held()
        folder.write(SWEEP, index.dumps())
    return index


class _Batch:
    """Several datasets, begun together."""

    def __init__(self, sweep: Sweep, parts: Sequence[Part], out: str | Path, kept: Progress) -> None:
        self.parts, self.begun = parts, dict[int, Begun]()
        self._sweep, self._out, self._kept = sweep, out, kept

    def built(
        self, executor: Executor, folder: Folder, built: Progress, check_held: Callable[[], None]
    ) -> Generator[tuple[int, Manifest]]:
        """(number, manifest) of each dataset, as soon as it is complete."""
        with ExitStack() as locks:
            open_locks: dict[int, ExitStack] = {}
            for number, part in enumerate(self.parts):
                open_locks[number] = locks.enter_context(ExitStack())
                plan = plan_of(self._sweep, part.cell)
                with in_cell(part.folder):
                    if plan.fingerprint != part.cells[0].fingerprint:
                        problem = "what its recipe names has changed since it was planned"
                        raise RunError(problem, "Run the same command again.")
                    build = begun(plan, place_below(self._out, part.folder), self._kept)
                    self.begun[number] = open_locks[number].enter_context(build)
            for number in [number for number, build in self.begun.items() if build.complete]:
                yield number, self._finished(number, open_locks[number])
            items = [(number, *shard) for number, build in self.begun.items() for shard in build.missing]
            common = [_Common(self.parts[at].folder, build.plan, build.folder) for at, build in self.begun.items()]
            for number, record in executor.run(_build_shard, common, items, folder) if items else ():
                check_held()
                with in_cell(self.parts[number].folder):
                    self.begun[number].take(record)
                built(record)
                if self.begun[number].complete:
                    yield number, self._finished(number, open_locks[number])

    def _finished(self, number: int, lock: ExitStack) -> Manifest:
        with in_cell(self.parts[number].folder), lock:
            return self.begun[number].finish()


class _Common:
    """What the shards of a dataset have in common. A worker unpacks only what it works at."""

    def __init__(self, cell: str, plan: Plan, folder: Folder) -> None:
        self._cell = cell
        self._parts: tuple[Plan, Folder] | None = (plan, folder)
        self._packed = b""

    def __getstate__(self) -> Mapping[str, Any]:
        return {"_cell": self._cell, "_parts": None, "_packed": self._packed or pickle.dumps(self._parts)}

    def build(self, shard: tuple[str, int]) -> ShardRecord:
        """Make one shard. Its errors name the cell."""
        with in_cell(self._cell):
            return build_shard(self._parts or _unpacked(self._packed), shard)


@lru_cache(1)  # shards come dataset by dataset, and a plan may be large
def _unpacked(packed: bytes) -> tuple[Plan, Folder]:
    parts: tuple[Plan, Folder] = pickle.loads(packed)  # noqa: S301  (our own driver wrote it)
    return parts


def _build_shard(common: Sequence[_Common], item: tuple[int, str, int]) -> tuple[int, ShardRecord]:
    """Make a shard, (number of the dataset, split, number): the work of an executor's worker."""
    number, split, k = item
    return number, common[number].build((split, k))


def _one_ray(executor: Executor) -> AbstractContextManager[None]:
    """Have an executor that starts a Ray keep it for all datasets."""
    return executor.kept() if isinstance(executor, Ray | Auto) else nullcontext()


def _weigh(executor: Executor, parts: Sequence[Part], later: Sequence[Part]) -> None:
    """Tell an executor that chooses how much there is to do."""
    if isinstance(executor, Auto):
        seconds = [max(LEAST_WEIGHT, part.seconds / part.cells[0].numbers["files"]) for part in parts]
        executor.weight = lambda item: seconds[item[0]]
        executor.later = sum(part.seconds for part in later)


# ── the folder ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _earlier(folder: Folder, sweep: Sweep) -> SweepIndex | None:
    """The index of an earlier build of this sweep. StorageError where the folder holds anything but its cells."""
    names = set(folder.names())
    strangers = sorted(names - {SWEEP, STATE} - {cell.name for cell in sweep.cells})
    if MANIFEST in strangers:
        raise StorageError("this is the folder of one dataset, and not of a sweep", "Give another folder.", folder.url)
    if strangers:
        shown = ", ".join(strangers[:3]) + (", …" if len(strangers) > 3 else "")
        raise StorageError(f"the sweep has no cells for what lies here: {shown}", "Give another folder.", folder.url)
    try:
        return SweepIndex.of(folder) if SWEEP in names else None
    except StorageError:
        return None  # it is made again


def _parts(sweep: Sweep, planned: PlannedSweep, folder: Folder, earlier: SweepIndex | None) -> list[Part]:
    """The datasets of planned cells, each in the folder of one of them.

    A cell keeps the folder in which an earlier build has put its dataset, or begun it. The others that have the same
    dataset share the first such folder, or else that of the first of them.
    """
    names = set(folder.names())
    parts: list[Part] = []
    for cells in planned.datasets.values():
        own = [_kept_folder(sweep, one, names, earlier) for one in cells]
        first = next((cell for cell in own if cell), cells[0].cell)
        by_folder: dict[str, Part] = {}
        for one, cell in zip(cells, own, strict=True):
            place = cell or first
            by_folder.setdefault(place.name, Part([], place)).cells.append(one)
        parts += by_folder.values()
    return parts


def _kept_folder(sweep: Sweep, one: PlannedCell, names: Set[str], earlier: SweepIndex | None) -> Cell | None:
    """The cell in whose folder an earlier build has put the dataset of a cell, or begun it; None where none has."""
    recorded = earlier.cells.get(one.cell.name) if earlier else None
    if recorded and recorded["folder"] in names and recorded["fingerprint"] == one.fingerprint:
        cell = next(cell for cell in sweep.cells if cell.name == recorded["folder"])  # all names are those of cells
        if cell.name == one.cell.name or plan_of(sweep, cell).fingerprint == one.fingerprint:
            return cell
    return one.cell if one.cell.name in names else None


def _check_parts(folder: Folder, sweep: Sweep, parts: Sequence[Part]) -> None:
    """StorageError, before anything is built, for a folder of another dataset, and where space is short."""
    names = set(folder.names())
    for part in parts:
        if part.folder in names:
            plan = plan_of(sweep, part.cell)
            with in_cell(part.folder):
                resume.refuse_foreign(folder.below(part.folder), plan)
    needed = sum(part.cells[0].numbers["bytes"] for part in parts if part.folder not in names) * MARGIN
    free = folder.free()
    if free is not None and free < needed:
        problem = f"about {needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free"
        raise StorageError(problem, "Free some space, choose cells by --cell, or give an OUT elsewhere.", folder.url)


def _index(sweep: Sweep, parts: Sequence[Part], earlier: SweepIndex | None) -> SweepIndex:
    """The index of these datasets, and of those that earlier builds of other cells have left; in the order of cells."""
    cells = dict(earlier.cells) if earlier else {}
    for part in parts:
        for one in part.cells:
            cells[one.cell.name] = {"folder": part.folder, "fingerprint": one.fingerprint}
    ordered = {cell.name: cells[cell.name] for cell in sweep.cells if cell.name in cells}
    axes = {axis: list(levels) for axis, levels in sweep.axes.items()}
    return SweepIndex(sweep.title, axes, ordered)
