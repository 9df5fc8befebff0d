"""A real OpenTelemetry Collector in a process of its own, on free loopback ports."""

import http.client
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

from arc_testing._waiting import eventually

__all__ = ["RunningCollector", "collector_program", "free_ports", "running_collector"]

_COUNTER: Final = re.compile(r"^# TYPE (\w+?)(?:_total)? counter$", re.MULTILINE)
_SAMPLE: Final = re.compile(r"^(\w+?)(?:_total)?(?:\{(.*)\})? ([0-9.e+]+)$", re.MULTILINE)


class RunningCollector:
    """One that can be killed and started again at the same ports, over the same queue."""

    def __init__(self, configs: Sequence[Path], folder: Path, env: Mapping[str, str]) -> None:
        ports = free_ports(6)
        self.grpc, self.http = (f"127.0.0.1:{port}" for port in ports[:2])
        self.span_metrics = f"127.0.0.1:{ports[5]}"
        """Where a gateway shows its span metrics."""
        self.queue = folder / "queue"
        self.log = folder / "log"
        self._health, self.metrics_port = ports[2:4]
        """Where its own metrics are."""
        self._env = {
            "COLLECTOR_GRPC": self.grpc,
            "COLLECTOR_HTTP": self.http,
            "COLLECTOR_HEALTH": f"127.0.0.1:{self._health}",
            "COLLECTOR_METRICS_PORT": str(self.metrics_port),
            "COLLECTOR_STAMPED": f"127.0.0.1:{ports[4]}",
            "COLLECTOR_SPAN_METRICS": self.span_metrics,
            "COLLECTOR_QUEUE_DIR": str(self.queue),
            "COLLECTOR_RETRY_MAX": "1s",
            **env,
        }
        self._command = [str(collector_program()), *(word for config in configs for word in ("--config", str(config)))]
        self.process: subprocess.Popen[bytes] | None = None
        self._before: dict[str, float] = {}

    def start(self) -> None:
        """Start it, and wait until it takes requests."""
        with self.log.open("ab") as log:
            env = {name: value for name, value in os.environ.items() if not name.startswith("COLLECTOR_")}
            self.process = subprocess.Popen(self._command, env=env | self._env, stdout=log, stderr=log)
        eventually(self._is_up, within_seconds=120)  # a gateway reads its rules for seconds of CPU

    def kill(self) -> None:
        """End it at once, as the machine would; what it counted until now stays in `count`."""
        assert self.process is not None
        self._before = {key: value for key, value in self._counts().items() if "queue" not in key}
        self.process.kill()
        self.process.wait(20)

    def stop(self) -> None:
        """End it in order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            finally:
                self.process.kill()

    def count(self, name: str, **labels: str) -> int:
        """What it counts under `name` (without `otelcol_` and `_total`), over all series with these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        series = ((key, n) for key, n in self._counts().items() if key.split("{")[0] == f"otelcol_{name}")
        return round(sum(n for key, n in series if all(one in key for one in wanted)))

    def text(self) -> str:
        """What it has logged."""
        return self.log.read_text("utf-8", "replace")

    def on_disk(self) -> bytes:
        """All bytes of its queue."""
        return b"".join(path.read_bytes() for path in sorted(self.queue.rglob("*")) if path.is_file())

    def _counts(self) -> dict[str, float]:
        found = dict(self._before)
        answered = _get(self.metrics_port, "/metrics") or ""
        counters = set(_COUNTER.findall(answered))
        for name, labels, value in _SAMPLE.findall(answered):
            key = f"{name}{{{labels}}}"
            found[key] = float(value) + (self._before.get(key, 0) if name in counters else 0)
        return found

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.text()[-4000:]
        return _get(self._health, "/") is not None


@contextmanager
def running_collector(configs: Sequence[Path], folder: Path, **env: str) -> Iterator[RunningCollector]:
    """A Collector with `configs`, ended with the block; `folder` is for its queue and its log, `env` its settings."""
    folder.mkdir(parents=True, exist_ok=True)
    collector = RunningCollector(configs, folder, env)
    try:
        collector.start()
        yield collector
    finally:
        collector.stop()


def collector_program(name: str = "otelcol-arc") -> Path:
    """The program that `make collector` builds; `telemetrygen` is beside it."""
    program = Path(sys.prefix) / "collector" / name
    assert program.exists(), f"no {program}: `make collector` builds it"
    return program


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _get(port: int, path: str) -> str | None:
    """What GET answers; None when nobody does, or not with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except OSError:
        return None
    finally:
        connection.close()
    return body.decode() if response.status == HTTPStatus.OK else None
