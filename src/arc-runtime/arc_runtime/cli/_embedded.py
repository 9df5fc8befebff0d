"""The Arc Core that `arc run` starts when there is none: by itself, for all commands of this user, until unused."""

import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final

from arc_semconv.running import RunningCore, runtime_folder

from arc_runtime.cli._core_api import found_core
from arc_runtime.cli._errors import CoreError

__all__ = ["IDLE_MINUTES", "running_or_started"]

IDLE_MINUTES: Final = 15
"""How long it stays when nobody uses it."""
_READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.02
_NOT_INHERITED: Final = ("OTEL_", "ARC_")


def running_or_started(env: Mapping[str, str]) -> RunningCore:
    """The Arc Core of this user on this machine; CoreError says why there is none.

    One that is started listens on free ports of 127.0.0.1 alone, has the usual data folder, and ends by itself after
    `IDLE_MINUTES` without use.
    """
    if running := _usable(env):
        return running
    if find_spec("arc_core") is None:
        raise CoreError("arc-core is not installed: pip install 'arc-core>=1.0', or set ARC_ENDPOINT to one elsewhere")
    try:
        folder = runtime_folder(env, Path.home())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(folder):
            if running := _usable(env):  # started by another `arc run` meanwhile
                return running
            return _started(env, folder / "core.log")
    except (OSError, RuntimeError) as error:  # RuntimeError: a user without a home
        raise CoreError(f"Arc Core can't be started: {error}") from None


def _usable(env: Mapping[str, str]) -> RunningCore | None:
    running = found_core(env)
    if running is not None and running.keyed:
        raise CoreError(f"the Arc Core at {running.http} wants a key: set ARC_ENDPOINT={running.http} and ARC_API_KEY")
    return running


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other command of this user starts one."""
    with (folder / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _started(env: Mapping[str, str], log: Path) -> RunningCore:
    listen = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--idle-minutes", str(IDLE_MINUTES)]
    with log.open("w") as said:
        log.chmod(0o600)
        process = subprocess.Popen(
            [sys.executable, "-m", "arc_core", *listen],
            env={name: value for name, value in env.items() if not name.startswith(_NOT_INHERITED)},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,  # it outlives this command and its terminal
        )
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if running := found_core(env):
            process.returncode = 0  # so that nobody waits for it: it goes on
            return running
        if process.poll() is not None:
            raise CoreError(f"Arc Core did not start: {_last_line(log) or f'status {process.returncode}'}")
        time.sleep(_POLL_SECONDS)
    process.kill()
    raise CoreError(f"Arc Core was not ready within {_READY_SECONDS:.0f} s; {log} may say why")


def _last_line(log: Path) -> str:
    with log.open(errors="replace") as lines:
        return _last(lines).removeprefix("arc core: ")


def _last(lines: IO[str]) -> str:
    return next((line for line in reversed(lines.read().splitlines()) if line.strip()), "")
