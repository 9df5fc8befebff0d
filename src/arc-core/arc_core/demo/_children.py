"""The two child processes of the demo: Arc Core, and the application under `opentelemetry-instrument`."""

import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from arc_core.demo._exit import DemoError, Exit
from arc_core.demo._stop import Stop

SERVICE: Final = "loan-agents"
APP: Final = Path(__file__).with_name("loan_agents.py")
APP_SECONDS: Final = 60.0
READY_SECONDS: Final = 30.0
CLOSING_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.05
READY: Final = re.compile(r"arc core ready http=(?P<http>\S+)")
NOT_INHERITED: Final = ("OTEL_", "ARC_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_")


def clean(env: Mapping[str, str]) -> dict[str, str]:
    """Return `env` without what would steer telemetry or the model client elsewhere."""
    kept = {name: value for name, value in env.items() if not name.startswith(NOT_INHERITED)}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def app_environment(env: Mapping[str, str], *, core_url: str, model_url: str) -> dict[str, str]:
    """Return the environment in which the application is traced: all that a user has to set, and nothing inherited."""
    return clean(env) | {
        "OTEL_PYTHON_DISTRO": "arc",
        "OTEL_PYTHON_CONFIGURATOR": "arc",
        "OTEL_SERVICE_NAME": SERVICE,
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
        "ARC_ENDPOINT": core_url,
        # Else a machine of one's own has no price; the answers were recorded where it has.
        "ARC_COST_HOSTS": "127.0.0.1",
        "OPENAI_BASE_URL": model_url,
        "OPENAI_API_KEY": "demo",
        "LANGSMITH_TRACING": "false",
    }


def run_app(env: Mapping[str, str], stop: Stop, stdout: IO[str] | None) -> None:
    """Run the application to its end, its output shown as it comes, or on `stdout`; raise DemoError when it fails."""
    command = [_instrument(), sys.executable, str(APP)]
    with _child(command, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=None) as process:
        until = time.monotonic() + APP_SECONDS
        while (status := process.poll()) is None:
            if time.monotonic() > until:
                raise DemoError(f"the application did not end within {APP_SECONDS:.0f} s", Exit.APP_FAILED)
            stop.pause(POLL_SECONDS)
    if status != 0:
        raise DemoError(f"the application failed with status {status}; its output is above", Exit.APP_FAILED)


class Core:
    """Arc Core as it runs: `url` is where it listens."""

    def __init__(self, process: subprocess.Popen[str], url: str, log: Path) -> None:
        self.url = url
        self._process = process
        self._log = log

    def check(self) -> None:
        """Raise DemoError when Arc Core is no longer up."""
        if self._process.poll() is not None:
            raise _core_ended(self._process, self._log)


@contextmanager
def running_core(env: Mapping[str, str], *, http_port: int, data: Path, log: Path, stop: Stop) -> Iterator[Core]:
    """Start Arc Core and yield it once it is ready; `log` takes its stderr. Raise DemoError when it does not start."""
    listen = ["--grpc", "127.0.0.1:0", "--http", f"127.0.0.1:{http_port}", "--data", str(data)]
    # Its stdin ends with this process, even when that is killed, and Arc Core with it.
    command = [sys.executable, "-m", "arc_core", *listen, "--end-with-stdin"]
    with (
        log.open("w") as stderr,
        _child(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr) as process,
    ):
        lines = _lines(process)
        until = time.monotonic() + READY_SECONDS
        while (url := _ready(lines)) is None:
            if process.poll() is not None:
                raise _core_ended(process, log)
            if time.monotonic() > until:
                raise DemoError(f"Arc Core was not ready within {READY_SECONDS:.0f} s", Exit.NOT_READY)
            stop.pause(POLL_SECONDS)
        yield Core(process, url, log)


def _core_ended(process: subprocess.Popen[str], log: Path) -> DemoError:
    told = log.read_text(errors="replace").strip().splitlines() or ["it printed no reason"]
    reason = told[-1].removeprefix("arc core: ")
    return DemoError(f"Arc Core ended with status {process.poll()}: {reason}", Exit.NOT_READY)


def _instrument() -> str:
    """Return the `opentelemetry-instrument` of this very environment, else the one on PATH."""
    beside = Path(sys.executable).with_name("opentelemetry-instrument")
    if os.access(beside, os.X_OK):
        return str(beside)
    if found := shutil.which("opentelemetry-instrument"):
        return found
    raise DemoError("opentelemetry-instrument is not installed: pip install 'arc-core[demo]'", Exit.NOT_READY)


def _lines(process: subprocess.Popen[str]) -> queue.SimpleQueue[str]:
    """Return a queue that gets what `process` prints, read by a thread so that the pipe never fills."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read(stdout: IO[str]) -> None:
        with stdout:
            for line in stdout:
                lines.put(line)

    assert process.stdout is not None  # noqa: S101 - it was asked for
    threading.Thread(target=read, args=(process.stdout,), daemon=True).start()
    return lines


def _ready(lines: queue.SimpleQueue[str]) -> str | None:
    while not lines.empty():
        if found := READY.search(lines.get()):
            return found["http"]
    return None


@contextmanager
def _child(
    command: list[str], *, env: Mapping[str, str], stdin: int, stdout: IO[str] | int | None, stderr: IO[str] | None
) -> Iterator[subprocess.Popen[str]]:
    """Start `command` and end it with the block: asked to, and killed when it does not."""
    # In a process group of its own: Ctrl-C reaches the demo alone, which ends its children in order.
    process = subprocess.Popen(command, env=env, stdin=stdin, stdout=stdout, stderr=stderr, text=True, process_group=0)
    try:
        yield process
    finally:
        process.terminate()
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
