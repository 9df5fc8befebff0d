"""What Arc Core takes and answers: spans a core-second over gRPC and HTTP, bytes a span, and its queries.

    python tests/bench/core.py [--spans 1000000] [--text-index]

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

    def __init__(self, data: Path) -> None:
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
    "one trace": (30, "SELECT * FROM spans WHERE TenantId = 'default' AND TraceId = '{trace}'"),
    "last 50 traces of a service": (20, "SELECT TraceId, min(Start) AS s, argMinMerge(Face) FROM traces WHERE TenantId = 'default'"
        " AND Hour >= toDateTime('{last}', 'UTC') - INTERVAL 12 HOUR GROUP BY TraceId"
        " HAVING has(groupUniqArrayArray(Services), 'service-1') ORDER BY s DESC LIMIT 50"),
    "agent by hour": (120, "SELECT AgentName, toStartOfHour(Timestamp) AS h, count(), countIf(StatusCode = 'Error'),"
        " quantilesTDigest(0.5, 0.95, 0.99)(Duration) FROM spans WHERE TenantId = 'default' AND Kind = 'run' GROUP BY AgentName, h"),
    "cost by model by day": (90, "SELECT Model, toDate(toStartOfHour(Timestamp)) AS d, sum(CostUsd), sum(InputTokens) FROM spans"
        " WHERE TenantId = 'default' AND Kind = 'llm' GROUP BY Model, d"),
    "text search": (40, "SELECT TraceId, SpanId FROM spans WHERE TenantId = 'default' AND {text} ORDER BY Timestamp DESC LIMIT 50"),
    "failures by fingerprint": (100, "SELECT Fingerprint, any(StatusMessage), count(), max(Timestamp) FROM spans"
        " WHERE TenantId = 'default' AND Fingerprint != '' GROUP BY Fingerprint"),
}  # fmt: skip
"""Milliseconds at a million spans, and how it is asked."""

ASK = """
import asyncio, json, sys, time
from pathlib import Path
from arc_core.store import migrate, open_database

async def main():
    told = json.loads(sys.stdin.read())
    async with open_database(Path(told["data"])) as database:
        await migrate(database)
        one = json.loads(await database.query("SELECT any(TraceId) AS t, toString(max(Timestamp)) AS l, count() AS n FROM spans"))
        size = json.loads(await database.query("SELECT sum(bytes_on_disk) AS b, count() AS p FROM system.parts WHERE active AND database = 'arc'"))
        if told["text_index"]:
            await database.command("ALTER TABLE spans ADD INDEX IF NOT EXISTS text_in InputMessages TYPE text(tokenizer = 'splitByNonAlpha')")
            await database.command("ALTER TABLE spans MATERIALIZE INDEX text_in")
        text = "hasAllTokens(InputMessages, 'zebra')" if told["text_index"] else "InputMessages LIKE '%zebra%'"
        found = {"spans": one["n"], "bytes": size["b"], "parts": size["p"]}
        for name, sql in told["queries"].items():
            sql = sql.replace("{trace}", one["t"]).replace("{last}", one["l"][:19]).replace("{text}", text)
            times, cpu = [], time.process_time()
            for _ in range(15):
                began = time.perf_counter()
                await database.query(sql)
                times.append((time.perf_counter() - began) * 1000)
            found[name] = [sorted(times)[7], (time.process_time() - cpu) * 1000 / 15]
        print(json.dumps(found))

asyncio.run(main())
"""


def main() -> None:
    """Run it all, and print a table."""
    options = argparse.ArgumentParser()
    options.add_argument("--spans", type=int, default=1_000_000)
    options.add_argument("--text-index", action="store_true")
    told = options.parse_args()
    total = max(told.spans // BATCH, 2 * SENDERS)
    with tempfile.TemporaryDirectory(prefix="arc-bench-") as folder:
        data = Path(folder) / "data"
        core = Core(data)
        idle = core.resident_mib()
        print(
            f"ready in {core.ready_seconds:.2f} s, {idle:.0f} MiB resident idle, load average {os.getloadavg()[0]:.1f}"
        )
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
            a_core, a_second, ratio = (statistics.median(one[n] for one in mine) for n in (1, 2, 3))
            print(
                f"{protocol}: {a_core:,.0f} spans a core-second, {a_second:,.0f} a second, {ratio:.1f} times bare parsing (medians of {len(mine)})"
            )
        print(f"peak {core.resident_mib('VmHWM'):.0f} MiB, put off {sum(one[4] for one in ratios)} times")
        core.stop()
        asked = {
            "data": str(data),
            "text_index": told.text_index,
            "queries": {name: sql for name, (_, sql) in QUERIES.items()},
        }
        done = subprocess.run(
            [sys.executable, "-c", ASK], input=json.dumps(asked), capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        print(f"{found['spans']:,} spans, {found['bytes'] / found['spans']:.0f} bytes a span, {found['parts']} parts")
        for name, (limit, _) in QUERIES.items():
            wall, cpu = found[name]
            print(f"{name:32s} p50 {wall:6.1f} ms (goal at 1,000,000: {limit}), CPU {cpu:6.1f} ms")


if __name__ == "__main__":
    main()
