"""What each tier of Collectors takes: spans by a core's second, and what it adds to the time of a request.

Beside each tier that has processors of Arc's: the same Collector, the same queue, without them. Times are of this machine;
the last column is what can be compared. The sink is a Collector too, which counts and forgets.
"""

import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from arc_testing import RunningCollector, running_collector
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

sys.path.insert(0, str(Path(__file__).parent.parent / "pipeline"))
from hops import CONFIGS, CORE_SECRET, FRONT_SECRET, GATEWAY, OF_TENANT, Spans

TICKS = os.sysconf("SC_CLK_TCK")
MESSAGE = "The applicant asks for 250,000 over thirty years and has an income of 84,000. " * 13
"""About 1 KB, in every fourth span."""
BARE = {
    "service": {
        "pipelines": {
            "traces/taken": {"processors": ["memory_limiter"], "exporters": ["forward"]},
            "traces": {"exporters": ["otlp_http/arc"]},
        }
    }
}
"""Laid over the gateway: nothing of Arc's between the receiver and the queue."""
BARE_SAMPLER = {"service": {"pipelines": {"traces": {"processors": ["memory_limiter"]}}}}
SECRETS = {
    "COLLECTOR_GATEWAY_SECRET": FRONT_SECRET,
    "COLLECTOR_SAMPLER_SECRET": FRONT_SECRET,
    "COLLECTOR_ARC_GATEWAY_SECRET": CORE_SECRET,
}


class Tier(NamedTuple):
    """A Collector to measure."""

    name: str
    configs: tuple[Path, ...]
    without: str = ""
    """The name of the same one without Arc's processors."""


class Figures(NamedTuple):
    """What was measured of a tier."""

    spans_per_core_second: float
    p50_ms: float
    p99_ms: float


def request(count: int) -> bytes:
    """An OTLP request of `count` spans with twenty attributes each."""
    spans = Spans("bench")
    for number in range(count):
        attributes: dict[str, str | int] = {f"app.attribute.{n}": f"value {n} of {number}" for n in range(14)}
        attributes |= {"arc.span.kind": "llm", "gen_ai.request.model": "gpt-4.1", "gen_ai.usage.input_tokens": number}
        attributes |= {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}
        if number % 4 == 0:
            attributes["gen_ai.input.messages"] = json.dumps([{"role": "user", "content": MESSAGE}])
        spans.tracer.start_span("chat gpt-4.1", attributes=attributes).end()
    return encode_spans(spans.taken()).SerializeToString()


class Posting:
    """A connection that sends one body again and again."""

    def __init__(self, address: str, body: bytes) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=60)
        self._body = body
        self._headers = {"content-type": "application/x-protobuf", **OF_TENANT}

    def once(self) -> int:
        """The status."""
        self._connection.request("POST", "/v1/traces", self._body, self._headers)
        response = self._connection.getresponse()
        response.read()
        return response.status


def cpu_seconds(pid: int) -> float:
    """What the process `pid` has spent until now."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / TICKS


def load(tier: RunningCollector, seconds: float, size: int) -> tuple[int, float]:
    """Spans taken and CPU seconds spent on them, until its queue is empty again."""
    assert tier.process is not None
    ends = time.monotonic() + seconds
    taken = [0, 0]
    body = request(size)

    def send(at: int) -> None:
        posting = Posting(tier.http, body)
        while time.monotonic() < ends:
            taken[at] += size * (posting.once() == http.HTTPStatus.OK)

    before = cpu_seconds(tier.process.pid)
    threads = [threading.Thread(target=send, args=(at,)) for at in range(len(taken))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while tier.count("exporter_queue_size"):
        time.sleep(0.1)
    return sum(taken), cpu_seconds(tier.process.pid) - before


def latencies(tier: RunningCollector, times: int) -> list[float]:
    """How long requests of ten spans take that nobody else sends beside, in milliseconds."""
    posting = Posting(tier.http, request(10))
    found = []
    for _ in range(times):
        began = time.perf_counter()
        posting.once()
        found.append((time.perf_counter() - began) * 1000)
        time.sleep(0.01)
    return sorted(found)


@contextmanager
def sink(folder: Path) -> Iterator[RunningCollector]:
    """A Collector that takes everything and keeps nothing."""
    path = folder / "sink.yaml"
    agent = msgspec.yaml.decode((CONFIGS / "agent.yaml").read_bytes())
    agent["exporters"] = {"debug": {"verbosity": "basic", "sampling_initial": 1, "sampling_thereafter": 1000000}}
    agent["service"]["extensions"] = ["health_check"]
    for pipeline in agent["service"]["pipelines"].values():
        pipeline["exporters"] = ["debug"]
    path.write_bytes(msgspec.yaml.encode(agent))
    with running_collector([path], folder / "sink") as running:
        yield running


def overlay(folder: Path, name: str, content: object) -> Path:
    """`content` as a configuration file."""
    path = folder / f"{name}.yaml"
    path.write_bytes(msgspec.yaml.encode(content))
    return path


def measured(tier: Tier, folder: Path, url: str, seconds: float) -> Figures:
    """Run `tier` before the sink at `url`."""
    with running_collector(tier.configs, folder / tier.name, COLLECTOR_ARC_URL=url, **SECRETS) as running:
        load(running, 1, 500)
        quiet = latencies(running, 100)
        spans, cpu = load(running, seconds, 500)
    return Figures(spans / cpu, statistics.median(quiet), quiet[98])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="how long each is under load; 8 unless told")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="arc-bench-") as name, sink(folder := Path(name)) as end:
        http_too = {"receivers": {"otlp": {"protocols": {"http": {"endpoint": "${env:COLLECTOR_HTTP}"}}}}}
        over_http = overlay(folder, "over-http", http_too)
        bare, bare_sampler = overlay(folder, "bare", BARE), overlay(folder, "bare-sampler", BARE_SAMPLER)
        sampler = (CONFIGS / "sampler.yaml", over_http)
        tiers = [
            Tier("agent", (CONFIGS / "agent.yaml",)),
            Tier("gateway without Arc's", (*GATEWAY, bare)),
            Tier("gateway", GATEWAY, "gateway without Arc's"),
            Tier("sampler without Arc's", (*sampler, bare_sampler)),
            Tier("sampler", sampler, "sampler without Arc's"),
        ]
        found: dict[str, Figures] = {}
        print(f"{'tier':<24}{'spans / core s':>15}{'p50 ms':>9}{'p99 ms':>9}{'CPU a span':>13}")  # noqa: T201
        for tier in tiers:
            one = found[tier.name] = measured(tier, folder, f"http://{end.http}", options.seconds)
            beside = found.get(tier.without)
            ratio = f"{beside.spans_per_core_second / one.spans_per_core_second:.1f} x" if beside else ""
            print(f"{tier.name:<24}{one.spans_per_core_second:>15,.0f}{one.p50_ms:>9.2f}{one.p99_ms:>9.2f}{ratio:>13}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
