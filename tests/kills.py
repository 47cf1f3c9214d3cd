"""`python -m tests.kills build|export DATASET PLACE`: killed at every step, and run again. It forks, so it runs alone.

A step is a file that takes its name, or an object that is sent or removed; it is killed before each, which is after
the one before. After a kill, whatever stands under its final name is right; the same call again makes all of it, and
leaves nothing else.
Prints the number of kills.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from pipeline.build.building import build
from pipeline.build.executors import Inline
from pipeline.core.errors import StorageError
from pipeline.core.system.stores import checked_protocol, store_of
from pipeline.dataset import Dataset
from pipeline.plan import compile_plan
from pipeline.publish.export import export
from pipeline.recipe import load
from pipeline.recipe.loading import export_spec
from pipeline.storage import STATE, LocalFolder, bucket
from pipeline.storage.bucket import BucketFolder

OVERRIDES = ["worlds.people.size=20", "shard_tokens=2048"]  # three shards
STEPS: tuple[tuple[Any, str], ...] = ((os, "replace"), (BucketFolder, "_send"), (BucketFolder, "remove"))


def child(work: Callable[[], object]) -> int:
    """Work in a child; how it has ended."""
    if not (process := os.fork()):
        try:
            work()
        except BaseException as error:
            print("FAILED", repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(process, 0)[1]


def killed(work: Callable[[], object], last: int) -> None:
    """Work, killed before one of its steps."""
    steps = count()

    def stepping(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            if next(steps) == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return step

    for owner, name in STEPS:
        setattr(owner, name, stepping(getattr(owner, name)))
    work()


def again(work: Callable[[], object], held: bool) -> None:
    """The same call. Where the dead one's lease still holds, it is refused; then as if the lease had run out."""
    if held:
        try:
            work()
        except StorageError as error:
            assert "another build is writing" in str(error), error
        else:
            raise AssertionError("the lease is not honoured")
        bucket.LEASE = timedelta(seconds=-1)
    work()


def files(place: str) -> dict[str, bytes]:
    """What lies in a place, the state of builds too."""
    if "://" not in place:
        root = Path(place)
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    store, below = store_of(place), f"{place.partition('://')[2]}/"
    return {path.removeprefix(below): store.cat_file(path) for path in store.find(place)}


def seen(place: str) -> dict[str, bytes]:
    """The same, seen by a child: a store's client starts threads, which are not there after the next fork."""
    with NamedTemporaryFile() as kept:
        assert child(lambda: Path(kept.name).write_bytes(pickle.dumps(files(place)))) == 0
        found: dict[str, bytes] = pickle.loads(Path(kept.name).read_bytes())
    return found


def shown(found: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those that are no state of builds."""
    return {name: data for name, data in found.items() if not name.startswith(STATE)}


def kinds(found: Mapping[str, bytes]) -> set[str]:
    """Which state of builds there is, whatever it says."""
    return {name for name in found if name.startswith(STATE)}


def kills(work: Callable[[str], object], place: str) -> Iterator[int]:
    """One after the other, until a call reaches its end before its turn to be killed."""
    quiet = f"{place}/quiet/data"
    assert child(lambda: work(quiet)) == 0
    right = seen(quiet)
    for step in count():
        out = f"{place}/{step}/data"
        if (status := child(lambda out=out, step=step: killed(lambda: work(out), step))) == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
        found = seen(out)
        assert shown(found).items() <= shown(right).items(), f"{out}: half a file under its name"
        ended = "export.json" in found  # then nothing is done anew, and a lease is left to run out
        held = "://" in out and f"{STATE}/lock" in found and not ended
        assert child(lambda out=out, held=held: again(lambda: work(out), held)) == 0, out
        found = seen(out)
        assert shown(found) == shown(right), out
        left = kinds(found) ^ kinds(right)
        assert left <= ({f"{STATE}/lock"} if ended else set()), f"{out}: {sorted(left)}"
        yield step


def main() -> None:
    """All kills of a build, or of an export."""
    what, dataset, place = sys.argv[1:]
    plan = compile_plan(load("tiny", OVERRIDES))
    spec = export_spec("megatron", [], {"columns": ["input_ids"]})
    made = Dataset(LocalFolder(Path(dataset)), build(plan, dataset, Inline()))
    export(made, spec, f"{dataset}-warm")  # so that children find all that it takes loaded
    if "://" in place:
        checked_protocol(place)  # its client too

    work: Callable[[str], object] = lambda out: build(plan, out, Inline())  # noqa: E731
    if what == "export":
        work = lambda out: export(made, spec, out)  # noqa: E731
    print(len(list(kills(work, place))))


if __name__ == "__main__":
    main()
