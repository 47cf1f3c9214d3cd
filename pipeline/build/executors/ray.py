"""Shards as Ray tasks, on a local Ray that is started and stopped here, or on a user's cluster."""

from __future__ import annotations

import errno
import logging
import os
import pickle
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pipeline.build.executors import local, signals
from pipeline.build.executors.executor import C, R, T
from pipeline.core.errors import PipelineError, RunError, StorageError
from pipeline.core.system import caches
from pipeline.core.system.secrets import redacted
from pipeline.recipe.writing import package_version
from pipeline.storage import STATE, Folder

RETRIES = 20  # of a shard whose worker or node died; exceptions are not retried
LOOK = 0.25  # seconds between two checks for signals and for a dead Ray, while no shard arrives
KNOCK = 5.0  # seconds between two checks that a cluster can be reached
SILENCE = 40.0  # seconds that a cluster may be unreachable; after 60, Ray would end this process
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOENT, errno.ENOTDIR)
AGAIN = "What is complete is kept: run the same command again."


class RayGone(Exception):
    """Ray did not start, or died. The work itself did not fail."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem, self.remedy = problem, remedy


@dataclass
class _Kept:
    """What a Ray that is kept for several runs has open. stack: ends it; None while nothing is to be kept.

    connection: the module ray, and a function that tells whether Ray still runs; None while none is started.
    """

    stack: ExitStack | None = None
    connection: tuple[Any, Callable[[], bool]] | None = None


@dataclass(frozen=True)
class Ray:
    """A local Ray of `workers` processes (all cores by default), started and stopped here; or the cluster at `address`.

    A worker or a node may die at any time: its shards are run again elsewhere, and give the same bytes.
    """

    workers: int | None = None
    address: str | None = None
    _kept: _Kept = field(default_factory=_Kept, init=False, repr=False, compare=False)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """One Ray for all runs in the block: it is started by the first, and stopped at the end of the block."""
        with ExitStack() as stack:
            self._kept.stack = stack
            try:
                yield
            finally:
                self._kept.stack = self._kept.connection = None

    @property
    def connected(self) -> bool:
        """Whether a Ray that an earlier run has started is still kept."""
        return self._kept.connection is not None

    def run(self, work: Callable[[C, T], R], common: C, items: Sequence[T], folder: Folder) -> Iterator[R]:
        try:
            for _, result in self.pairs(work, common, items, folder):
                yield result
        except RayGone as gone:
            raise RunError(gone.problem, gone.remedy) from None

    def pairs(self, work: Callable[[C, T], R], common: C, items: Sequence[T], folder: Folder) -> Iterator[tuple[T, R]]:
        """(item, result) in any order. RayGone where Ray does not start, or dies."""
        with self._connected(folder) as (ray, alive):
            if self.address:
                _check_nodes(ray, folder)
            shared = ray.put(pickle.dumps(common))  # as bytes, so that each worker gets its own, writable arrays
            task = ray.remote(num_cpus=1, max_retries=RETRIES)(_work)
            cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
            waiting = list(reversed(items))
            running: dict[Any, T] = {}
            while waiting or running:
                with signals.held():  # an exception of a signal handler would be replaced in native code
                    while waiting and len(running) < 2 * cpus:  # for each core, one runs and one is queued
                        item = waiting.pop()
                        running[task.remote(work, [shared], item)] = item
                    done, _ = ray.wait(list(running), num_returns=1, timeout=LOOK)
                    if not done and not alive():
                        raise RayGone(f"{self._name} has died", AGAIN)
                    results = [(running.pop(reference), self._result(ray, reference)) for reference in done]
                yield from results

    @property
    def _name(self) -> str:
        return f"the Ray cluster at '{self.address}'" if self.address else "the local Ray"

    @contextmanager
    def _connected(self, folder: Folder) -> Iterator[tuple[Any, Callable[[], bool]]]:
        """(the module ray, a function that tells whether Ray still runs); stopped or disconnected after the block."""
        for name, value in local.QUIET.items():  # before it is imported
            os.environ.setdefault(name, value)
        caches.lend_home()
        if self._kept.connection and not self._kept.connection[1]():  # it has died since the last run
            self._let_go()
        with ExitStack() as stack:
            ray, alive = self._kept.connection or self._connect(self._kept.stack or stack, folder)
            try:
                yield ray, alive
            except ray.exceptions.RayTaskError:  # raised by the work
                raise
            except RayGone:
                self._let_go()
                raise
            except ray.exceptions.RayError as error:
                self._let_go()
                raise RayGone(f"{self._name} has died: {_line(error)}", AGAIN) from None

    def _let_go(self) -> None:
        """End a kept Ray that has died, so that the next run starts another one."""
        if self._kept.stack:
            self._kept.connection = None
            self._kept.stack.close()

    def _connect(self, stack: ExitStack, folder: Folder) -> tuple[Any, Callable[[], bool]]:
        """What `_connected` yields, of a connection that ends with the stack."""
        try:
            import ray

            connection = self._cluster() if self.address else local.started(self.workers, folder.url)
            alive = stack.enter_context(connection)
        except Exception as error:  # Ray raises many types, plain Exception included
            problem = f"cannot connect to {self._name}" if self.address else "a local Ray does not start"
            raise RayGone(f"{problem}: {_line(error)}", _remedy(error, self.address)) from None
        if stack is self._kept.stack:
            self._kept.connection = ray, alive
        return ray, alive

    @contextmanager
    def _cluster(self) -> Iterator[Callable[[], bool]]:
        """Connect to the cluster at `address` for the block; yields a function that tells whether it can be reached."""
        import ray

        assert self.address, "or there is none"
        _knock(self.address)
        heard = knocked = time.monotonic()

        def alive() -> bool:
            nonlocal heard, knocked
            if time.monotonic() - knocked > KNOCK:
                knocked = time.monotonic()
                with suppress(OSError):
                    _knock(str(self.address))
                    heard = knocked
            return time.monotonic() - heard < SILENCE

        try:
            with local.kept_handlers():
                ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR)
            yield alive
        finally:
            local.stop()

    def _result(self, ray: Any, reference: Any) -> Any:
        """The result of a task. Raises what the work raised; RunError where its worker died too often."""
        errors = ray.exceptions
        try:
            return ray.get(reference)
        except errors.RayTaskError as error:
            if isinstance(error.cause, PipelineError):
                raise error.cause from None
            raise
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError) as error:
            raise RunError(
                f"a shard was lost {RETRIES + 1} times: {str(error).splitlines()[0]}",
                "Its worker may run out of memory: lower shard_tokens or --workers. What is complete is kept.",
            ) from None


def _work(work: Callable[[Any, Any], Any], shared: list[Any], item: Any) -> Any:
    """The work of a Ray task: `shared` holds the reference to what all items have in common.

    It has one core, so `tokenizers` shall start no threads for the others.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return work(_fetched(shared[0]), item)


@lru_cache(1)
def _fetched(reference: Any) -> Any:
    """The common argument of all items, fetched once per process."""
    import ray

    return pickle.loads(ray.get(reference))  # noqa: S301  (our own driver wrote it)


def _line(error: Exception) -> str:
    """The message of an exception, in one line that is not too long."""
    text = f"{error.place}: {error.problem}" if isinstance(error, PipelineError) else str(error)
    message = "; ".join(line.strip() for line in redacted(text).splitlines() if line.strip())
    return (message or type(error).__name__).rstrip(".")[:300]


def _remedy(error: Exception, address: str | None) -> str:
    """What to do about a Ray that could not be started or reached."""
    inline = "or use --executor inline."
    if isinstance(error, PipelineError):
        return error.remedy
    if isinstance(error, ImportError):
        return f"Install what requirements/run.txt names, {inline}"
    if "ersion mismatch" in str(error):
        return "Install the same lock file on every node."
    if address:
        return f"Check the address, {inline}"
    if "AF_UNIX path length" in str(error):
        return f"Set RAY_TMPDIR to a shorter path, {inline}"
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        return f"Set RAY_TMPDIR to a folder that can be written, {inline}"
    return f"The machine may be too busy, or out of memory: try again, {inline}"


def _knock(address: str) -> None:
    """OSError where nothing answers at host:port. (Ray itself would try for many minutes.)"""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _check_nodes(ray: Any, folder: Folder) -> None:
    """StorageError unless every node can read the folder and has this version of the package."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    name, secret = f"{STATE}/probe", uuid.uuid4().hex
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
            if version != (own := package_version()):
                raise RunError(
                    f"node {node['NodeManagerAddress']} has version {version} of this package, the driver {own}",
                    "Install the same version on every node.",
                )
    finally:
        folder.remove(name)


def _probe(folder: Folder, name: str) -> tuple[str | None, str]:
    """(text of a file that the driver wrote, None where a node cannot read it; the node's version of the package)."""
    try:
        return folder.read(name).decode(), package_version()
    except (FileNotFoundError, StorageError):
        return None, package_version()
