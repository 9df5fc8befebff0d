"""A day of traffic in fifteen minutes: spans, logs and points, and people who look at them; memory stays flat."""

import http.client
import math
import statistics
import threading
import time
from pathlib import Path

from arc_testing._core import RunningCore, running_core
from core_load import Ledger, Maker, Sender, resident_mib, stored
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from verdicts import Verdicts

MINUTES = 15
SPANS_A_DAY = 1_000_000
DAY_NS = 86_400 * 10**9
SENDERS = 12
GROWTH, WARMING = 0.1, 0.5
"""Most that memory may grow from the second third to the last, of what it is: caches are full by then, but not in runs
of less than a minute."""
READ = ("/api/v1/traces?limit=50", "/api/v1/agents", "/api/v1/stats?interval=1h", "/api/v1/models")


class Day:
    """The traffic of a day over `seconds`, against one Arc Core."""

    def __init__(self, core: RunningCore, seconds: float) -> None:
        self._core, self._seconds = core, seconds
        self._began, self._midnight_ns = time.monotonic(), time.time_ns() - DAY_NS
        self.rate = SPANS_A_DAY / (60 * MINUTES)
        self.ledger = Ledger()
        self.logs = self.points = 0
        self.resident: list[float] = []

    def pass_by(self) -> None:
        """Return when it is over."""
        threads = [threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)]
        threads += [threading.Thread(target=one) for one in (self._look, self._watch)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _passed(self) -> float:
        return (time.monotonic() - self._began) / self._seconds

    def _send(self, number: int) -> None:
        sender, sent, hour = Sender(self._core.url, self._core.grpc, by_grpc=number % 2 == 0), 0, -1
        while (now := self._passed()) < 1:
            # Nights are quiet: from nothing to twice the mean.
            wanted = self.rate * self._seconds / SENDERS * (now - math.sin(2 * math.pi * now) / (2 * math.pi))
            if sent >= wanted:
                time.sleep(0.01)
                continue
            if int(24 * now) != hour:
                hour = int(24 * now)
                maker = Maker((100, 300), start_ns=self._midnight_ns + int(now * DAY_NS))
            body = maker.body()
            self.ledger.sends(body)
            while not self.ledger.answered(body, sender.send(body)):
                time.sleep(0.2)
            sent += body.spans
        sender.close()

    def _look(self) -> None:
        while self._passed() < 1:
            for path in READ:
                self._core.get(path)
            self.logs += _post(self._core, "logs", _logs())
            self.points += _post(self._core, "metrics", _points())
            time.sleep(0.5)

    def _watch(self) -> None:
        while self._passed() < 1:
            self.resident.append(resident_mib(self._core.process.pid))
            time.sleep(self._seconds / 300)


def run(share: float, folder: Path) -> int:
    """How many claims fail; `share` of a day in `share` of 15 minutes, at least ten seconds."""
    verdicts, data = Verdicts("day"), folder / "day"
    seconds = max(10.0, 60 * MINUTES * share)
    with running_core(data) as core:
        idle = resident_mib(core.process.pid)
        day = Day(core, seconds)
        day.pass_by()
        peak = resident_mib(core.process.pid, "VmHWM")
    resident, ledger = day.resident, day.ledger
    third = len(resident) // 3
    middle, last = statistics.median(resident[third : 2 * third]), statistics.median(resident[-third:])
    (spans,) = stored(data, "SELECT count() AS n, uniqExact(TraceId, SpanId) AS u FROM arc.spans")
    (logs,) = stored(data, "SELECT count() AS n FROM arc.otel_logs")
    (points,) = stored(data, "SELECT count() AS n FROM arc.otel_metrics_gauge")
    acknowledged = sum(ledger.acknowledged.values())
    tenths = ", ".join(f"{one:.0f}" for one in resident[:: max(1, len(resident) // 10)])
    meant = day.rate * seconds
    verdicts.say(
        f"{acknowledged:,} of {meant:,.0f} spans in {seconds / 60:.1f} minutes, put off: {dict(ledger.put_off)}"
    )
    verdicts.say(f"resident: {idle:.0f} MiB idle, then {tenths} MiB")
    most = GROWTH if seconds > 60 else WARMING
    verdicts.claim(
        f"memory grows by less than {most:.0%} in the last third",
        holds=last < middle * (1 + most),
        figure=f"{middle:.0f} MiB, then {last:.0f}; {peak:.0f} at most",
    )
    once = spans == {"n": acknowledged, "u": acknowledged}
    verdicts.claim("every acknowledged span is there once", holds=once, figure=spans)
    others = [logs["n"], points["n"]]
    verdicts.claim("logs and points are there", holds=others == [day.logs, day.points], figure=others)
    verdicts.claim("no refusal was final", holds=not ledger.wrong, figure=dict(ledger.wrong) or "")
    return verdicts.failed


def _post(core: RunningCore, signal: str, body: bytes) -> int:
    """1 when it is acknowledged."""
    connection = http.client.HTTPConnection(core.url.removeprefix("http://"), timeout=60)
    try:
        connection.request("POST", f"/v1/{signal}", body, {"content-type": "application/x-protobuf"})
        return int(connection.getresponse().status == http.client.OK)
    finally:
        connection.close()


def _logs() -> bytes:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=time.time_ns(), severity_text="INFO")
    return request.SerializeToString()


def _points() -> bytes:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="soak")
    metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_int=1)
    return request.SerializeToString()
