"""Who runs the shards: this process, or Ray. Results come back in any order; the output does not depend on it."""

from __future__ import annotations

import logging
import os
import pickle
import socket
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from pipeline.core import signals
from pipeline.core.errors import PipelineError, RunError, StorageError
from pipeline.storage import STATE, Folder

RETRIES = 20  # of a shard whose worker or node died; a shard that raises is not retried
C = TypeVar("C")
T = TypeVar("T")
R = TypeVar("R")

OBJECT_STORE = 100 * 2**20  # bytes: a plan is a few megabytes, and shards never pass through Ray


class Executor(Protocol):
    """Runs `work(common, item)` for every item."""

    def run(self, work: Callable[[C, T], R], common: C, items: Sequence[T], folder: Folder) -> Iterator[R]:
        """The results as they come. `common` goes to each worker once; all of them write below `folder`."""
        ...


class Inline:
    """This process, one item after the other."""

    def run(self, work: Callable[[C, T], R], common: C, items: Sequence[T], folder: Folder) -> Iterator[R]:
        for item in items:
            yield work(common, item)


@dataclass(frozen=True)
class Ray:
    """A local Ray of `workers` processes (all cores by default), started and stopped here; or the cluster at `address`.

    A worker or a node may die at any time: its shards are run again elsewhere, and give the same bytes.
    """

    workers: int | None = None
    address: str | None = None

    def run(self, work: Callable[[C, T], R], common: C, items: Sequence[T], folder: Folder) -> Iterator[R]:
        with self._connected() as ray:
            if self.address:
                _check_nodes(ray, folder)
            shared = ray.put(pickle.dumps(common))  # as bytes, so that workers get arrays of their own
            task = ray.remote(num_cpus=1, max_retries=RETRIES)(_work)
            cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
            waiting = list(reversed(items))
            running: set[Any] = set()
            while waiting or running:
                while waiting and len(running) < 2 * cpus:  # one queued behind each that runs
                    running.add(task.remote(work, [shared], waiting.pop()))
                done, rest = ray.wait(list(running), num_returns=1)
                running = set(rest)
                for reference in done:
                    yield _result(ray, reference)

    @property
    def _asked(self) -> dict[str, Any]:
        """What Ray is asked for: the cluster at an address, or one of its own."""
        if self.address:
            return {"address": self.address}
        return {
            "address": "local",
            "num_cpus": self.workers,
            "object_store_memory": OBJECT_STORE,
            "include_dashboard": False,
        }

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "1")  # which prints the stack of native code
        import ray

        try:
            if self.address:
                _knock(self.address)
            with signals.kept():
                ray.init(**self._asked, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError, RuntimeError) as error:
            where = f"to the Ray cluster at '{self.address}'" if self.address else "to a local Ray"
            raise RunError(
                f"cannot connect {where}: {str(error).splitlines()[0]}", "Or use --executor inline."
            ) from None
        try:
            yield ray
        finally:
            ray.shutdown()


def _work(work: Callable[[Any, Any], Any], shared: list[Any], item: Any) -> Any:
    """What a Ray task runs: `shared` holds the reference to what all items have in common."""
    return work(_fetched(shared[0]), item)


@lru_cache(1)
def _fetched(reference: Any) -> Any:
    """What all items have in common, taken from Ray once a process."""
    import ray

    return pickle.loads(ray.get(reference))  # noqa: S301  (our own driver wrote it)


def _result(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, PipelineError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise RunError(
            f"a shard was lost {RETRIES + 1} times: {str(error).splitlines()[0]}",
            "Its worker may run out of memory: lower shard_tokens or --workers. What is complete is kept.",
        ) from None


def _knock(address: str) -> None:
    """OSError where nobody answers at host:port; Ray itself would go on trying for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _check_nodes(ray: Any, folder: Folder) -> None:
    """StorageError unless every node sees the folder, and runs this version of the package."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    name, secret = f"{STATE}/probe-{uuid.uuid4().hex}", uuid.uuid4().hex
    folder.write(name, secret)
    try:
        for node in ray.nodes():
            if not node["Alive"] or not node["Resources"].get("CPU"):
                continue
            here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            probe = ray.remote(num_cpus=1, scheduling_strategy=here)(_probe)
            try:
                seen, version = ray.get(probe.remote(folder, name))
            except ray.exceptions.RayError as error:
                raise RunError(
                    f"node {node['NodeManagerAddress']} cannot run this package: {str(error).strip().splitlines()[-1]}",
                    "Install the same lock file on every node.",
                ) from None
            if seen != secret:
                raise StorageError(
                    f"node {node['NodeManagerAddress']} does not see this folder",
                    "Give an OUT on a file system that all nodes share.",
                    folder.url,
                )
            if version != _version():
                raise RunError(
                    f"node {node['NodeManagerAddress']} has version {version} of this package, the driver {_version()}",
                    "Install the same version on every node.",
                )
    finally:
        folder.remove(name)


def _probe(folder: Folder, name: str) -> tuple[str | None, str]:
    """What a node finds in a file that the driver wrote, and the version that it runs."""
    try:
        return folder.read(name).decode(), _version()
    except (FileNotFoundError, StorageError):
        return None, _version()


def _version() -> str:
    from importlib.metadata import version

    from pipeline.recipe import OUTPUT_VERSION

    return f"{version('pretraining-recipes')} (output {OUTPUT_VERSION})"
