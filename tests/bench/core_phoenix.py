"""What Phoenix takes of the same spans: CPU of its process until they are in its database, beside bare parsing.

    python tests/bench/core_phoenix.py [--requests 4]

It is installed into an environment of its own, with the versions of `pins/phoenix.txt`. Phoenix answers before it stores,
so what counts is when the rows are in its SQLite file.
"""

import argparse
import gzip
import http.client
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import core

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parents[1] / ".venv" / "peers" / "phoenix"
CONTENT = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}


def installed() -> Path:
    """Return the Python of the environment that has Phoenix."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, ENVIRONMENT], check=True)
        pins = HERE / "pins" / "phoenix.txt"
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "-r", pins], check=True)
    return python


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def cpu_seconds(pid: int) -> float:
    """CPU of `pid`, its threads with it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / core.TICKS


def stored(folder: Path) -> int:
    """How many spans are in Phoenix's database."""
    with sqlite3.connect(f"file:{folder / 'phoenix.db'}?mode=ro", uri=True, timeout=30) as database:
        return database.execute("SELECT count(*) FROM spans").fetchone()[0]


def up(process: subprocess.Popen[bytes], port: int) -> None:
    """Return when it answers."""
    while process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("Phoenix ended")


def main() -> None:
    """Send, wait until all is stored, and print what it took."""
    options = argparse.ArgumentParser()
    options.add_argument("--requests", type=int, default=4)
    told = options.parse_args()
    plain = [core.request(number, 100).SerializeToString() for number in range(told.requests)]
    spans = len(plain) * core.BATCH
    python, port = installed(), free_port()
    with tempfile.TemporaryDirectory(prefix="arc-bench-") as name:
        folder = Path(name)
        env = os.environ | {"PHOENIX_WORKING_DIR": name, "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(port),
                            "PHOENIX_GRPC_PORT": str(free_port()), "PHOENIX_TELEMETRY_ENABLED": "false"}  # fmt: skip
        began = time.monotonic()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([python, "-m", "phoenix.server.main", "serve"], env=env, stdout=log, stderr=log)
        try:
            up(process, port)
            print(f"ready in {time.monotonic() - began:.1f} s, load average {os.getloadavg()[0]:.1f}")
            cpu, began = cpu_seconds(process.pid), time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            for body in plain:
                connection.request("POST", "/v1/traces", gzip.compress(body, 6), CONTENT)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise SystemExit(f"Phoenix answered {answer.status}")
            while stored(folder) < spans:
                time.sleep(0.5)
            cpu, took = cpu_seconds(process.pid) - cpu, time.monotonic() - began
            ratio = cpu / core.parse_seconds(plain)
            print(
                f"{spans:,} spans: {spans / cpu:,.0f} a core-second, {spans / took:,.0f} a second, {ratio:,.0f} times bare parsing"
            )
        finally:
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    main()
