"""Twice as much as can be stored: what is refused may be sent again, and memory stays within bounds."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
from arc_testing._core import RunningCore, running_core
from core_load import EXPORT, Ledger, Maker, Sender, resident_mib, said, traces_in
from verdicts import Verdicts

MINUTES = 5
PENDING_MIB, PENDING_MIB_OF_A_MINUTE = 32, 4
"""What may wait; less in a run of less than a minute, in which 32 MiB never come together."""
MOST_MIB = 1280
"""Memory of the whole process, the engine's caches and merges with it."""
SPANS = 256


def run(share: float, folder: Path) -> int:
    """How many claims fail; `share` of 5 minutes of load."""
    verdicts, ledger, data = Verdicts("over"), Ledger(), folder / "overload"
    seconds = max(5.0, 60 * MINUTES * share)
    pending = PENDING_MIB if seconds > 60 else PENDING_MIB_OF_A_MINUTE
    with running_core(data, "--max-pending-mib", str(pending)) as core:
        pid = core.process.pid
        idle = resident_mib(pid)
        rate = _capacity(core, ledger, min(30.0, seconds / 2))
        stored_before, began, offered = sum(ledger.acknowledged.values()), time.monotonic(), 0
        resident = []
        with _hammering(core, ledger), grpc.insecure_channel(core.grpc) as channel:
            export, maker, calls = channel.unary_unary(EXPORT), Maker((SPANS,)), []
            while (passed := time.monotonic() - began) < seconds:
                rate = max(rate, (sum(ledger.acknowledged.values()) - stored_before) / max(passed, 5))
                while offered < 2 * rate * passed:
                    body = maker.body()
                    ledger.sends(body)
                    offered += body.spans
                    call = export.future(body.data, timeout=120, compression=grpc.Compression.Gzip)
                    call.add_done_callback(lambda call, body=body: ledger.answered(body, _answer(call)))
                    calls.append(call)
                calls = [call for call in calls if not call.done()]
                resident.append(resident_mib(pid))
                time.sleep(0.02)
            for call in calls:
                call.exception()
        kept = (sum(ledger.acknowledged.values()) - stored_before) / (time.monotonic() - began)
        peak = resident_mib(pid, "VmHWM")
        late = Sender(core.url, core.grpc, by_grpc=True)
        body = maker.body()
        ledger.sends(body)
        recovers = ledger.answered(body, late.send(body))
        late.close()
    there = traces_in(data)
    lost = [one for one, n in ledger.acknowledged.items() if there.get(one, (0, 0))[1] != n]
    twice = [one for one, (n, different) in there.items() if n != different]
    verdicts.say(f"{rate:,.0f} spans a second by themselves; {offered / seconds:,.0f} offered, {kept:,.0f} stored")
    verdicts.say(
        f"resident: {idle:.0f} MiB idle, {resident[len(resident) // 2]:.0f} half way, {resident[-1]:.0f} at the end"
    )
    verdicts.claim(f"memory stays under {MOST_MIB} MiB", holds=peak < MOST_MIB, figure=f"{peak:.0f} MiB at most")
    verdicts.claim("much is refused", holds=sum(ledger.put_off.values()) > 0, figure=dict(ledger.put_off))
    verdicts.claim("refusals may be repeated and say when", holds=not ledger.wrong, figure=dict(ledger.wrong) or "")
    verdicts.claim("what is acknowledged is there, once", holds=not lost and not twice, figure=f"{len(there):,} traces")
    verdicts.claim("nothing is there that nobody sent", holds=set(there) <= set(ledger.sent))
    verdicts.claim("afterwards all is as before", holds=recovers)
    return verdicts.failed


def _capacity(core: RunningCore, ledger: Ledger, seconds: float) -> float:
    """Spans a second that some senders get stored that wait for each answer."""
    until = time.monotonic() + seconds

    def send(_: int) -> int:
        sender, maker, done = Sender(core.url, core.grpc, by_grpc=True), Maker((SPANS,)), 0
        while time.monotonic() < until:
            body = maker.body()
            ledger.sends(body)
            done += body.spans * ledger.answered(body, sender.send(body))
        sender.close()
        return done

    with ThreadPoolExecutor(16) as pool:
        return sum(pool.map(send, range(16))) / seconds


@contextmanager
def _hammering(core: RunningCore, ledger: Ledger) -> Iterator[None]:
    """Two senders over HTTP that take no hint and come again at once."""
    stop = threading.Event()

    def send() -> None:
        sender, maker = Sender(core.url, core.grpc, by_grpc=False), Maker((SPANS,))
        while not stop.is_set():
            body = maker.body()
            ledger.sends(body)
            while not ledger.answered(body, sender.send(body)) and not stop.is_set():
                time.sleep(0.05)
        sender.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _answer(call: grpc.Future) -> str:
    return "ok" if call.exception() is None else said(call)
