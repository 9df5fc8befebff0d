"""kill -9 at random moments of a load: every acknowledged span is there exactly once, and none that nobody sent."""

import random
import socket
import threading
import time
from pathlib import Path

from arc_testing._core import running_core
from core_load import Ledger, Maker, Sender, stored, traces_in
from verdicts import Verdicts

MINUTES, KILLS = 10, 50
SENDERS = 4
WAIT_SECONDS = 0.2
"""Before what was put off is sent again."""


def run(share: float, folder: Path) -> int:
    """How many claims fail; `share` of 50 kills in 10 minutes, at least two."""
    verdicts, chance = Verdicts("kills"), random.Random(7)  # noqa: S311 - moments, no secret
    kills = max(2, round(KILLS * share))
    data, ledger, stop = folder / "kills", Ledger(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as http, socket.create_server(("127.0.0.1", 0)) as grpc:
        ports = (http.getsockname()[1], grpc.getsockname()[1])
    where = [f"127.0.0.1:{port}" for port in ports]
    options = ("--http", where[0], "--grpc", where[1])
    senders = [
        threading.Thread(target=_send, args=(Sender(where[0], where[1], by_grpc=n % 2 == 0), ledger, stop))
        for n in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    began, ready = time.monotonic(), []
    for _ in range(kills):
        at = time.monotonic()
        with running_core(data, *options) as core:
            ready.append(time.monotonic() - at)
            before = len(ledger.acknowledged)
            while len(ledger.acknowledged) == before:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 2 * max(0.5, 60 * MINUTES * share / kills - 4)))
            core.process.kill()
    minutes = (time.monotonic() - began) / 60
    stop.set()
    with running_core(data, *options):
        for sender in senders:
            sender.join()
    there = traces_in(data)
    listed = {bytes.fromhex(row["t"]) for row in stored(data, "SELECT DISTINCT TraceId AS t FROM arc.traces")}
    spans, known = sum(ledger.acknowledged.values()), ledger.acknowledged
    lost = [one for one, n in known.items() if there.get(one, (0, 0))[1] != n]
    twice = [one for one, (n, different) in there.items() if n != different]
    verdicts.say(f"{kills} kills in {minutes:.1f} minutes, {len(known):,} requests with {spans:,} spans acknowledged")
    verdicts.say(f"ready again after {sorted(ready)[len(ready) // 2]:.1f} s; put off: {dict(ledger.put_off)}")
    verdicts.claim("every request is acknowledged in the end", holds=ledger.sent == known)
    verdicts.claim("every acknowledged span is there", holds=not lost, figure=f"{len(lost)} traces lack some")
    verdicts.claim("each is there once", holds=not twice, figure=f"{len(twice)} traces have some twice")
    verdicts.claim("none was invented", holds=set(there) <= set(ledger.sent))
    verdicts.claim("every trace is listed", holds=listed == set(known), figure=f"{len(listed):,}")
    verdicts.claim("no refusal was final", holds=not ledger.wrong, figure=dict(ledger.wrong) or "")
    return verdicts.failed


def _send(sender: Sender, ledger: Ledger, stop: threading.Event) -> None:
    maker = Maker((1, 20, 100))
    while not stop.is_set():
        body = maker.body()
        ledger.sends(body)
        while not ledger.answered(body, sender.send(body)):
            time.sleep(WAIT_SECONDS)
    sender.close()
