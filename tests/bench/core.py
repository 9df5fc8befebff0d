"""What Arc Core takes and answers: spans a core-second over gRPC and HTTP, bytes a span, and its API's answers.

    python tests/bench/core.py [--spans 1000000]

Machines are shared and noisy: what counts is CPU of the server's process (`/proc/PID/stat`), and its ratio to the time
that bare protobuf parsing of the same bytes takes here and now. Senders are threads with bodies made beforehand.
"""

import argparse
import gzip
import http.client
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

READY = re.compile(r"arc core ready http=http://(\S+) grpc=(\S+) data=(.+)\n")
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
BATCH = 512
"""Spans in a request: what the SDKs send."""

SENDERS = 32
TICKS = os.sysconf("SC_CLK_TCK")
WORDS = (
    "the loan agent asks for a credit score and income of the applicant before it decides whether policy allows".split()
)
DAY_NS = 86_400 * 10**9
DAYS = 7
START_NS = 1_790_000_000 * 10**9


def request(number: int, of: int) -> ExportTraceServiceRequest:
    """Request `number` of `of`: traces of 20 spans, 20 attributes each, a quarter of the model calls with messages."""
    chance = random.Random(number)  # noqa: S311 - the same bodies at every run
    made = ExportTraceServiceRequest()
    of_resource = made.resource_spans.add()
    resource = {"service.name": f"service-{number % 5}", "service.version": "1.2.3", "deployment.environment.name": "prod",
                "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "python", "process.pid": 123}  # fmt: skip
    of_resource.resource.attributes.extend(_pair(*one) for one in resource.items())
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name = "arc_instrumentation_openai"
    first_ns = START_NS + DAYS * DAY_NS * number // of
    for n in range(BATCH):
        kind = "job" if n % 20 == 0 else ("run", "tool", "llm")[n % 3]
        if kind == "job":
            trace_id, root = chance.randbytes(16), chance.randbytes(8)
        span = of_scope.spans.add(
            trace_id=trace_id, span_id=root if kind == "job" else chance.randbytes(8), name=f"agent.{kind} {n % 7}"
        )
        span.parent_span_id = b"" if kind == "job" else root
        span.start_time_unix_nano = first_ns + n * 10**6
        span.end_time_unix_nano = span.start_time_unix_nano + chance.randrange(10**6, 3 * 10**9)
        span.attributes.extend(_pair(*one) for one in _attributes(kind, n, trace_id, chance).items())
        if n % 40 == 7:
            span.status.code, span.status.message = 2, f"timed out after {n} s"
            span.attributes.append(_pair("error.type", ("TimeoutError", "RateLimitError")[n % 80 == 7]))
    return made


def _attributes(kind: str, n: int, trace_id: bytes, chance: random.Random) -> dict[str, object]:
    told: dict[str, object] = {
        "arc.span.kind": kind, "gen_ai.agent.name": f"agent-{n % 9}", "gen_ai.conversation.id": trace_id.hex()[:16],
        "gen_ai.provider.name": "openai", "thread.id": 1234567, "thread.name": "MainThread",
        "arc.request.id": chance.randbytes(8).hex(), "arc.agent.framework": "langgraph", "code.function.name": "run_agent",
        "arc.langgraph.step": n % 5, "arc.langgraph.node": f"node-{n % 6}", "app.tenant": "acme", "app.flag": True,
        "app.score": chance.random(), "app.text": " ".join(chance.choices(WORDS, k=8)),
    }  # fmt: skip
    if kind != "llm":
        return told | {
            "gen_ai.tool.name": f"tool-{n % 4}",
            "a.one": "1",
            "a.two": "two",
            "a.three": "three",
            "a.four": 4,
        }
    told |= {"gen_ai.operation.name": "chat", "gen_ai.response.model": ("gpt-4.1-2025-04-14", "gpt-4o-2024-08-06")[n % 2],
             "gen_ai.usage.input_tokens": chance.randrange(2000), "gen_ai.usage.output_tokens": chance.randrange(500),
             "arc.cost.usd": chance.random() / 100}  # fmt: skip
    if n % 4 == 0:
        rare = " zebra" if chance.random() < 0.01 else ""
        text = " ".join(chance.choices(WORDS, k=380)) + rare
        told["gen_ai.input.messages"] = json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])
    return told


def _pair(key: str, value: object) -> KeyValue:
    kind = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}[type(value)]
    return KeyValue(key=key, value=AnyValue(**{kind: value}))


class Core:
    """An `arc core` in a process of its own."""

    def __init__(self, data: Path, *options: str) -> None:
        began = time.monotonic()
        command = [
            sys.executable,
            "-m",
            "arc_core",
            "--data",
            str(data),
            "--http",
            "127.0.0.1:0",
            "--grpc",
            "127.0.0.1:0",
            *options,
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"XDG_RUNTIME_DIR": str(data.parent)}
        )
        found = READY.fullmatch(self.process.stdout.readline())
        self.ready_seconds = time.monotonic() - began
        self.http, self.grpc = found[1], found[2]

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mib(self, what: str = "VmRSS") -> float:
        return int(re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1]) / 1024

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def send(core: Core, protocol: str, bodies: list[bytes]) -> int:
    """Send `bodies`, gzip, from some senders at once; each again while it is put off. Return how often one was."""
    shares = [bodies[n::SENDERS] for n in range(SENDERS)]
    with ThreadPoolExecutor(SENDERS) as pool:
        return sum(pool.map(_send_grpc if protocol == "grpc" else _send_http, [core] * SENDERS, shares))


def _send_grpc(core: Core, bodies: list[bytes]) -> int:
    put_off = 0
    with grpc.insecure_channel(core.grpc) as channel:
        export = channel.unary_unary(EXPORT)
        for body in bodies:
            while True:
                try:
                    export(body, compression=grpc.Compression.Gzip, timeout=60)
                    break
                except grpc.RpcError as error:
                    if error.code() is not grpc.StatusCode.UNAVAILABLE:
                        raise
                    put_off += 1
                    time.sleep(1)
    return put_off


def _send_http(core: Core, bodies: list[bytes]) -> int:
    put_off = 0
    connection = http.client.HTTPConnection(core.http, timeout=60)
    for body in bodies:
        while True:
            connection.request(
                "POST", "/v1/traces", body, {"content-type": "application/x-protobuf", "content-encoding": "gzip"}
            )
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                break
            put_off += 1
            time.sleep(1)
    connection.close()
    return put_off


def parse_seconds(bodies: list[bytes]) -> float:
    """CPU seconds that bare parsing of `bodies` takes."""
    began = time.process_time()
    for body in bodies:
        ExportTraceServiceRequest.FromString(body)
    return time.process_time() - began


QUERIES = {
    "one trace": (30, "traces/{trace}"),
    "last 50 traces of a service": (20, "traces?limit=50&filter=service:service-1"),
    "agent by hour": (120, "stats?by=agent&interval=1h&filter=kind:run"),
    "cost by model by day": (90, "costs?by=model&interval=1d"),
    "text search": (40, "spans?limit=50&filter=zebra"),
    "text that is nowhere": (40, "spans?limit=50&filter=nowhere{number}"),
    "failures by sort": (100, "errors"),
}
"""Milliseconds at a million spans (four times that at ten million), and what is asked of the API."""

TIMES = 21


def ask(core: Core, path: str) -> tuple[float, float, bytes]:
    """Return milliseconds and CPU milliseconds of the server for `path`, both the median of some, and the last answer."""
    connection = http.client.HTTPConnection(core.http, timeout=600)
    took, cpu = [], core.cpu_seconds()
    for number in range(TIMES):
        began = time.perf_counter()
        # A word that was not asked for before: the engine remembers where a condition did not hold.
        connection.request("GET", "/api/v1/" + path.replace("{number}", str(number)))
        answer = connection.getresponse()
        body = answer.read()
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")
    connection.close()
    return statistics.median(took), (core.cpu_seconds() - cpu) * 1000 / TIMES, body


def stored(data: Path, spans: int) -> None:
    """Print what the store takes; the Arc Core that has it must have stopped."""
    done = subprocess.run([sys.executable, "-c", SIZES, str(data)], capture_output=True, text=True, check=True)
    for line in done.stdout.split("\n"):
        if not line:
            continue
        table = json.loads(line)
        print(
            f"{table['name']}: {table['bytes'] / spans:.0f} bytes a span, {table['parts']} parts, {table['rows']:,} rows"
        )


SIZES = """
import asyncio, sys
from pathlib import Path
from arc_core.store import open_database

async def main():
    async with open_database(Path(sys.argv[1])) as database:
        print((await database.query(
            "SELECT table AS name, sum(bytes_on_disk) AS bytes, count() AS parts, sum(rows) AS rows FROM system.parts"
            " WHERE active AND database = 'arc' AND table IN ('spans', 'traces') GROUP BY table ORDER BY table"
        )).decode())

asyncio.run(main())
"""


def ingest(core: Core, total: int) -> None:
    """Send `total` requests, over gRPC and HTTP by turns, and print what they took."""
    ratios = []
    share = 4 * SENDERS
    for at in range(0, total, share):
        protocol = "grpc" if (at // share) % 2 == 0 else "http"
        plain = [request(number, total).SerializeToString() for number in range(at, min(at + share, total))]
        bodies = plain if protocol == "grpc" else [gzip.compress(body, 6) for body in plain]
        bare = parse_seconds(plain)
        cpu, wall = core.cpu_seconds(), time.monotonic()
        put_off = send(core, protocol, bodies)
        cpu, wall = core.cpu_seconds() - cpu, time.monotonic() - wall
        spans = len(plain) * BATCH
        ratios.append((protocol, spans / cpu, spans / wall, cpu / bare, put_off))
    for protocol in ("grpc", "http"):
        mine = [one for one in ratios if one[0] == protocol]
        if not mine:
            continue
        a_core, a_second, ratio = (statistics.median(one[n] for one in mine) for n in (1, 2, 3))
        best = max(one[1] for one in mine)
        print(
            f"{protocol}: {a_core:,.0f} spans a core-second (best {best:,.0f}), {a_second:,.0f} a second,"
            f" {ratio:.1f} times bare parsing (medians of {len(mine)})"
        )
    print(f"peak {core.resident_mib('VmHWM'):.0f} MiB, put off {sum(one[4] for one in ratios)} times")


def queries(core: Core, spans: int) -> None:
    """Ask `core` each of `QUERIES`, and print how long it took."""
    scale = 1 if spans <= 1_000_000 else 4
    listed = json.loads(ask(core, "traces?limit=50")[2])["traces"]
    for name, (goal, path) in QUERIES.items():
        took, cpu, _ = ask(core, path.replace("{trace}", listed[-1]["trace_id"]))
        print(f"{name:28s} p50 {took:7.1f} ms (goal {goal * scale}), {cpu:7.1f} ms of CPU", flush=True)


def main() -> None:
    """Run it all, and print what came out."""
    options = argparse.ArgumentParser()
    options.add_argument("--spans", type=int, default=1_000_000)
    told = options.parse_args()
    total = max(told.spans // BATCH, 2 * SENDERS)
    spans = total * BATCH
    with tempfile.TemporaryDirectory(prefix="arc-bench-") as folder:
        data = Path(folder) / "data"
        core = Core(data)
        idle = core.resident_mib()
        load = os.getloadavg()[0]
        print(f"ready in {core.ready_seconds:.2f} s, {idle:.0f} MiB resident idle, load average {load:.1f}")
        ingest(core, total)
        core.stop()
        stored(data, spans)
        for option in ("--no-text-index", "--text-index"):
            core = Core(data, option)
            print(f"\narc core {option}: ready in {core.ready_seconds:.2f} s, load average {os.getloadavg()[0]:.1f}")
            if option == "--text-index":
                settle(core)
            queries(core, spans)
            core.stop()
        stored(data, spans)


def settle(core: Core) -> None:
    """Wait until what is stored is indexed: until the server has had nothing to do for two seconds."""
    busy = True
    while busy:
        cpu = core.cpu_seconds()
        time.sleep(2)
        busy = core.cpu_seconds() - cpu > 0.3


if __name__ == "__main__":
    main()
