"""A server that forks, under load, whose workers are killed: spans of every answered request arrive once."""

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

from arc_testing import eventually
from arc_testing._core import running_core
from listing import environment, names_of
from verdicts import Verdicts

PROGRAMS = Path(__file__).parents[1] / "programs"
BIN = Path(sys.executable).parent
CLIENTS = 4
WORKERS = 4
WAYS = (("--preload",), (), ("--preload", "--threads", "4"))
END_SECONDS = 15


class Load:
    """Clients that ask one server until told to stop, and which worker answered what."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self.answered: dict[int, list[str]] = defaultdict(list)
        self._clients = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]
        for client in self._clients:
            client.start()

    def _ask(self, client: int) -> None:
        number = 0
        while not self._over.is_set():
            path = f"/{client}/{number}"
            number += 1
            if body := get(self._port, path):
                self.answered[int(body)].append(path)
            time.sleep(0.003)

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        for client in self._clients:
            client.join()


def get(port: int, path: str) -> bytes:
    """What the server answers; nothing when it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        connection.close()


def children(process: int) -> list[int]:
    """Its child processes."""
    return list(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))


def _storm(server: subprocess.Popen[bytes], seconds: float) -> set[int]:
    """Kill a worker now and then, half of them without warning: those."""
    chance, killed = random.Random(7), set()  # noqa: S311
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(chance.uniform(0.5, 1.5))
        workers = children(server.pid)
        if not workers:
            continue
        worker = chance.choice(workers)
        hard = chance.random() < 0.5
        try:
            os.kill(worker, signal.SIGKILL if hard else signal.SIGTERM)
        except ProcessLookupError:
            continue
        if hard:
            killed.add(worker)
    return killed


def run(minutes: float, folder: Path) -> int:
    """How many claims fail; each way to start the server gets its share of so many minutes."""
    verdicts = Verdicts("forks")
    with running_core(folder / "forks") as core:
        for place, way in enumerate(WAYS):
            service = f"forks-{place}"
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            env = environment(core.url, service, folder / f"spool-{service}") | {"PYTHONPATH": str(PROGRAMS)}
            words = ["server:wsgi", "--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}", "--graceful-timeout", "5"]
            with subprocess.Popen(
                [BIN / "opentelemetry-instrument", BIN / "gunicorn", *words, *way],
                env=env, cwd=PROGRAMS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            ) as server:  # fmt: skip
                eventually(lambda port=port: get(port, "/up"), within_seconds=60)
                load = Load(port)
                killed = _storm(server, max(10, 60 * minutes / len(WAYS)))
                load.stop()
                begun = time.monotonic()
                server.send_signal(signal.SIGTERM)
                try:
                    server.wait(60)
                except subprocess.TimeoutExpired:
                    server.kill()
                took = time.monotonic() - begun
            _judge(
                verdicts,
                " ".join(("gunicorn", *way)),
                load,
                killed,
                took,
                lambda service=service: names_of(core, service),
            )
    return verdicts.failed


def _judge(verdicts, way, load, killed, took, look) -> None:
    expected = {path for worker, paths in load.answered.items() if worker not in killed for path in paths}
    all_answered = sum(map(len, load.answered.values()))
    try:
        arrived = eventually(lambda: expected <= set(found := look()) and found, within_seconds=20)
    except AssertionError:
        arrived = look()
    lost, twice = expected - set(arrived), [name for name, count in arrived.items() if count > 1 and name != "/up"]
    verdicts.say(
        f"{way}: {all_answered:,} answers of {len(load.answered)} workers, {len(killed)} of them killed without warning"
    )
    verdicts.claim(f"{way}: it answered at all", holds=all_answered > 100, figure=all_answered)
    verdicts.claim(
        f"{way}: spans of workers that could end arrive", holds=not lost, figure=f"{len(lost)} lost {sorted(lost)[:3]}"
    )
    verdicts.claim(f"{way}: no span arrives twice", holds=not twice, figure=f"{len(twice)} twice {sorted(twice)[:3]}")
    verdicts.claim(f"{way}: it ends within {END_SECONDS} s", holds=took < END_SECONDS, figure=f"{took:.1f} s")
