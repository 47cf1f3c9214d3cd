"""A local Ray: as few processes as possible, none of them left behind.

`ray.init` starts seven processes: the cluster's state server, a scheduler (the raylet), a log monitor, an autoscaler, a
dashboard, and the raylet's two agents (of the dashboard, of runtime environments). Five of them are Python programs
that take seconds to start. Our tasks need only the first two, and workers, so the others are not started. The raylet
exits when an agent exits, so each agent is replaced by `cat`, which reads from the raylet until that is gone. All
processes listen on the loopback device alone, require a token, and keep their files in one folder (`sessions.py`).

This uses private parts of Ray, of the release in the lock file.
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
from pipeline.core.system import stores
from pipeline.core.system.secrets import needed

OBJECT_STORE = 100 * 2**20  # bytes: a plan is a few megabytes, and shards never pass through Ray
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
AGENTS = ("--dashboard_agent_command", "--runtime_env_agent_command")
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",  # the handler writes a native stack trace
}
PROMPT = {  # connect the driver before workers have started; give workers the same priority as this process
    "RAY_prestart_worker_first_driver": "0",
    "RAY_worker_niceness": "0",
}


@contextmanager
def started(workers: int | None, url: str) -> Iterator[Callable[[], bool]]:
    """A running Ray of `workers` processes (default: all cores); yields a function that tells whether it still runs.

    url: the folder that its workers write to. Ray is stopped when the block is left, and so are processes that killed
    drivers left behind. Ray's own exceptions where it cannot be started.
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
        # From here on, signals are handled as before.
        yield ray._private.worker._global_node.remaining_processes_alive


@contextmanager
def kept_handlers() -> Iterator[Callable[[], None]]:
    """Restore this process's signal handlers after the block; yields a function that restores them inside it.

    `ray.init` sets its own SIGTERM handlers, in Python and in native code, which write a native stack trace to stderr;
    `ray.shutdown` sets the system's default, which ends the process at once.
    """
    before = signals.handlers()
    try:
        yield lambda: signals.install(before)
    finally:
        signals.install(before)


def stop() -> None:
    """Disconnect from Ray. Signals wait: an interrupted disconnection would be retried at exit, and hang."""
    with signals.held():
        _part("").shutdown()


@contextmanager
def _own_token(began: Session) -> Iterator[dict[str, str]]:
    """A token for this Ray alone, in a file that only the user can read; yields the environment of its processes.

    Ray by itself would keep one permanent token in ~/.ray, readable by everybody, and needs a home for it. A token that
    the user has set is used.
    """
    native = _part("._raylet")
    path = began.folder / "token"
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32))
    chosen = {} if "RAY_AUTH_TOKEN" in os.environ else {"RAY_AUTH_TOKEN_PATH": str(path)}
    before = {name: os.environ.get(name) for name in ("RAY_AUTH_MODE", *chosen)}  # Ray itself sets RAY_AUTH_MODE
    os.environ.update(chosen)
    native.AuthenticationTokenLoader.instance().reset_cache()
    try:
        yield {**QUIET, **PROMPT, **chosen, **began.environment}
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        native.AuthenticationTokenLoader.instance().reset_cache()
        native.Config.initialize("")  # the native code caches the mode


def _lean(
    began: Session, url: str, environment: Mapping[str, str], restore: Callable[[], None], late: ExitStack
) -> type:
    """A subclass of Ray's Node that starts only the processes that we need.

    While it starts, signals have the handlers that `restore` sets. Then they are held until `late` is left, because an
    interrupted connection would be closed at exit, and hang.
    """
    node, services, native = _part("._private.node"), _part("._private.services"), _part("._raylet")
    cat = shutil.which("cat") or "/bin/cat"

    def start(command: Sequence[str], kind: str, **options: Any) -> Any:
        """Start one of Ray's processes, with the mark of the session and without secrets that it does not need."""
        command = [f"{part.partition('=')[0]}={cat}" if part.startswith(AGENTS) else part for part in command]
        updates = {**(options.get("env_updates") or {}), **environment}
        process = subprocess.Popen(  # noqa: S603
            command,
            env={**needed(os.environ, url, *stores.asked()), **updates},
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
            ray_params.session_name = "s"  # short: the path of a socket has at most 107 bytes
            restore()
            with patch.object(services, "start_ray_process", start):
                super().__init__(ray_params, **options)
            late.enter_context(signals.held())

        def start_api_server(self, **options: Any) -> None:
            for name in PORTS:  # the agents would report their ports: none
                native.persist_port(self._session_dir, self._node_id, name, -1)

        def kill_all_processes(self, **options: Any) -> None:
            """Kill at once, with a short wait: all results are back by now."""
            super().kill_all_processes(check_alive=False, allow_graceful=False)
            began.end()

    return Node


def _part(name: str) -> Any:
    """A submodule of Ray, as Any since many parts have no types."""
    return import_module(f"ray{name}")


def _bound(fate_share: bool) -> Callable[[], None]:
    """What a process of Ray runs first: ignore Ctrl-C, which is the driver's; die with the driver (if `fate_share`)."""
    utils = _part("._private.utils")

    def begin() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        if fate_share:
            utils.set_kill_on_parent_death_linux()

    return begin
