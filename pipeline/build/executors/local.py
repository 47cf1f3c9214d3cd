"""A Ray of our own on this machine: as few processes as there can be, and none of them left behind.

`ray.init` starts a server of the cluster's state, a scheduler (the raylet), a log monitor, an autoscaler and a
dashboard, and the raylet starts an agent of the dashboard and one of runtime environments: seven, of which five are
programs in Python that take seconds to start. Our tasks need the first two, and workers. The others are not started;
for the two agents, whose end would be the raylet's, stands `cat`, which reads from the raylet until that is gone. All
of it listens on the loopback device alone, asks for a token, and has its files in a folder of its own (`sessions.py`).

This reaches into parts of Ray that are not public, of the release that the lock file names.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pipeline.build.executors import signals
from pipeline.build.executors.sessions import Session, session
from pipeline.core.system.secrets import needed

OBJECT_STORE = 100 * 2**20  # bytes: a plan is a few megabytes, and shards never pass through Ray
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
AGENTS = ("--dashboard_agent_command", "--runtime_env_agent_command")
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",  # which writes a stack of native calls
}
PROMPT = {  # a driver is connected before workers have started; these are no less urgent than this process
    "RAY_prestart_worker_first_driver": "0",
    "RAY_worker_niceness": "0",
}


@contextmanager
def started(workers: int | None, url: str) -> Iterator[Callable[[], bool]]:
    """A Ray of `workers` processes (all cores by default) that write to a folder's `url`; gives whether it still lives.

    It is stopped when the block is left, whatever is raised, and so is what a driver that was killed has left behind.
    Whatever Ray raises where it cannot be started.
    """
    ray, node = _part(""), _part("._private.node")
    with ExitStack() as stack:
        began = stack.enter_context(session(Path(os.environ.get("RAY_TMPDIR") or "/tmp")))  # noqa: S108  (as Ray does)
        environment = stack.enter_context(_own_token(began))
        stack.callback(stop)
        with ExitStack() as late, kept_handlers() as restore:
            late.enter_context(patch.object(node, "Node", _lean(began, url, environment, restore, late)))
            ray.init(
                address="local",
                num_cpus=workers,
                object_store_memory=OBJECT_STORE,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=str(began.folder),
            )
        # From here on, signals come as they did before.
        yield ray._private.worker._global_node.remaining_processes_alive


@contextmanager
def kept_handlers() -> Iterator[Callable[[], None]]:
    """The signal handlers of this process are the same after the block; gives a function that sets them anew in it.

    `ray.init` sets its own for SIGTERM, in Python and again in native code, where it writes a stack of native calls to
    stderr; `ray.shutdown` sets the system's, which ends the process at once.
    """
    before = signals.handlers()
    try:
        yield lambda: signals.install(before)
    finally:
        signals.install(before)


def stop() -> None:
    """Disconnect from Ray. A signal comes afterwards: half a disconnection would be tried again at exit, and hang."""
    with signals.held():
        _part("").shutdown()


@contextmanager
def _own_token(began: Session) -> Iterator[dict[str, str]]:
    """A token for this Ray alone, in a file that nobody else can read; gives the environment of its processes.

    Ray's own way is one token for ever in ~/.ray, which everybody may read, and for which there must be a home. What a
    user has set stands.
    """
    native = _part("._raylet")
    path = began.folder / "token"
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32))
    chosen = {} if "RAY_AUTH_TOKEN" in os.environ else {"RAY_AUTH_TOKEN_PATH": str(path)}
    before = {name: os.environ.get(name) for name in ("RAY_AUTH_MODE", *chosen)}  # Ray sets the first one itself
    os.environ.update(chosen)
    native.AuthenticationTokenLoader.instance().reset_cache()
    try:
        yield {**QUIET, **PROMPT, **chosen, **began.environment}
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        native.AuthenticationTokenLoader.instance().reset_cache()
        native.Config.initialize("")  # which holds the mode


def _lean(
    began: Session, url: str, environment: Mapping[str, str], restore: Callable[[], None], late: ExitStack
) -> type:
    """Ray's class of a node, with what it starts cut down to what is needed.

    While it starts, signals have the handlers that `restore` sets. Then they are held until `late` is left: half a
    connection would be taken down again at exit, and hang.
    """
    node, services, native = _part("._private.node"), _part("._private.services"), _part("._raylet")
    cat = shutil.which("cat") or "/bin/cat"

    def start(command: Sequence[str], kind: str, **options: Any) -> Any:
        """One of Ray's processes, with the mark, and without the secrets that it has no use for."""
        command = [f"{part.partition('=')[0]}={cat}" if part.startswith(AGENTS) else part for part in command]
        updates = {**(options.get("env_updates") or {}), **environment}
        process = subprocess.Popen(  # noqa: S603
            command,
            env={**needed(os.environ, url), **updates},
            stdin=subprocess.PIPE if options.get("pipe_stdin") else subprocess.DEVNULL,
            stdout=options.get("stdout_file"),
            stderr=options.get("stderr_file"),
            preexec_fn=_bound(options.get("fate_share", False)),
        )
        return services.ProcessInfo(process=process, **dict.fromkeys(services.ProcessInfo._fields[1:]))

    whole: Any = node.Node

    class Node(whole):  # type: ignore[misc]
        def __init__(self, ray_params: Any, **options: Any) -> None:
            ray_params.include_log_monitor, ray_params.no_monitor = False, True
            ray_params.node_ip_address = "127.0.0.1"
            ray_params.session_name = "s"  # short: a socket's path has 107 bytes at most
            restore()
            with patch.object(services, "start_ray_process", start):
                super().__init__(ray_params, **options)
            late.enter_context(signals.held())

        def start_api_server(self, **options: Any) -> None:
            for name in PORTS:  # what the agents would say: that they are not in use
                native.persist_port(self._session_dir, self._node_id, name, -1)

        def kill_all_processes(self, **options: Any) -> None:
            """All that is worth keeping has come back by now, so nobody is asked to leave, nor waited for long."""
            super().kill_all_processes(check_alive=False, allow_graceful=False)
            began.end()

    return Node


def _part(name: str) -> Any:
    """A module of Ray's, of which many parts have no types."""
    return import_module(f"ray{name}")


def _bound(fate_share: bool) -> Callable[[], None]:
    """What a process of Ray's does before it begins: leave Ctrl-C to the driver, and die with it."""
    utils = _part("._private.utils")

    def begin() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        if fate_share:
            utils.set_kill_on_parent_death_linux()

    return begin
