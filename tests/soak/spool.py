"""Programs and Arc Core are killed again and again: what was flushed arrives, and nothing arrives twice."""

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from arc_testing import RunningCore, eventually
from arc_testing._core import running_core
from listing import environment, names_of
from verdicts import Verdicts

PROGRAM = Path(__file__).parent / "programs" / "checkpoints.py"
INSTRUMENT = Path(sys.executable).with_name("opentelemetry-instrument")
SERVICE = "soak"


class Writer:
    """One program, from its start until it is killed."""

    def __init__(self, name: str, env: dict[str, str]) -> None:
        self.name = name
        self.kept = 0
        """Spans that were delivered or spooled when it last said so."""
        self._process = subprocess.Popen(
            [INSTRUMENT, sys.executable, PROGRAM, name], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.kept = int(line)

    def end(self, how: signal.Signals) -> None:
        """End it by `how`, and read the last it said."""
        self._process.send_signal(how)
        self._process.wait(30)
        self._reader.join()


@contextmanager
def core_at(ports: tuple[int, int], data: Path) -> Iterator[RunningCore]:
    """Arc Core where it was before; killed, not stopped, at the end."""
    with running_core(data, "--http", f"127.0.0.1:{ports[0]}", "--grpc", f"127.0.0.1:{ports[1]}") as core:
        yield core
        core.process.kill()


def _batches(spool: Path) -> list[Path]:
    return list(spool.glob("*/*.otlp"))


def run(minutes: float, folder: Path) -> int:
    """How many claims fail; programs come and go for so many minutes, Arc Core every other time."""
    verdicts, chance = Verdicts("spool"), random.Random(7)  # noqa: S311
    with socket.create_server(("127.0.0.1", 0)) as http, socket.create_server(("127.0.0.1", 0)) as grpc:
        ports = (http.getsockname()[1], grpc.getsockname()[1])
    spool, data = folder / "spool", folder / "spooled"
    endpoints = [f"http://127.0.0.1:{ports[0]}", f"grpc://127.0.0.1:{ports[1]}"]
    writers: list[Writer] = []
    deadline = time.monotonic() + 60 * minutes
    rounds = 0

    def some(endpoint: str) -> None:
        two = [Writer(str(len(writers) + place), environment(endpoint, SERVICE, spool)) for place in range(2)]
        writers.extend(two)
        time.sleep(chance.uniform(2, 5))
        two[0].end(signal.SIGKILL)
        two[1].end(signal.SIGTERM if chance.random() < 0.3 else signal.SIGKILL)

    while time.monotonic() < deadline or rounds < 2:
        endpoint = endpoints[rounds % 2]
        some(endpoint)  # nobody listens
        verdicts.say(f"round {rounds}: {len(_batches(spool))} batches kept while Arc Core was away")
        with core_at(ports, data):
            some(endpoint)
        rounds += 1
    with core_at(ports, data) as core:
        # What is kept belongs to its endpoint: only a program that sends there sends it.
        last = [Writer(f"last.{place}", environment(one, SERVICE, spool)) for place, one in enumerate(endpoints)]
        writers += last
        with suppress(AssertionError):  # said below
            eventually(lambda: not _batches(spool), within_seconds=60)
        for one in last:
            one.end(signal.SIGTERM)
        left = _batches(spool)
        arrived = names_of(core, SERVICE)
    expected = {f"{one.name}/{number}" for one in writers for number in range(one.kept)}
    lost, twice = expected - set(arrived), [name for name, count in arrived.items() if count > 1]
    verdicts.say(f"{rounds} rounds, {len(writers)} programs, {len(expected):,} spans flushed, {len(arrived):,} arrived")
    verdicts.claim("programs flushed at all", holds=len(expected) > 100 * rounds, figure=len(expected))
    verdicts.claim("what was delivered or kept arrives", holds=not lost, figure=f"{len(lost)} lost {sorted(lost)[:3]}")
    verdicts.claim("nothing arrives twice", holds=not twice, figure=f"{len(twice)} twice {sorted(twice)[:3]}")
    verdicts.claim("nothing is left in the spool", holds=not left, figure=f"{len(left)} batches")
    return verdicts.failed
