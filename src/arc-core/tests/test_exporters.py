"""The exporters of OpenTelemetry's Python and Go, against an Arc Core that is killed, started again, or puts them off."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

lacking = pytest.fail if "CI" in os.environ else pytest.skip
"""What a test needs and this machine has not: in CI a failure."""

GO_PROGRAM = Path(__file__).parents[3] / "tests" / "programs" / "go_exporter"
SPANS = 20
"""In a batch, both in Python and in Go."""

PYTHON_PROGRAM = """
import os, sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http
from opentelemetry import context, trace

protocol, address, end, key = sys.argv[1:]
told = {"headers": {"x-api-key": key}, "timeout": 90}
exporter = Grpc(address, insecure=True, **told) if protocol == "grpc" else Http(f"http://{address}/v1/traces", **told)
tracer = TracerProvider().get_tracer("test")
while not os.path.exists(end):
    root = tracer.start_span("root", context=context.Context())
    inside = trace.set_span_in_context(root)
    spans = [root, *(tracer.start_span("child", context=inside) for _ in range(19))]
    for span in spans:
        span.end()
    if exporter.export(spans) is not SpanExportResult.SUCCESS:
        sys.exit("given up")
    print(f"{root.get_span_context().trace_id:032x}", flush=True)
exporter.shutdown()
"""


@pytest.fixture(scope="module")
def go_program(tmp_path_factory):
    """The program with Go's exporter, built with the versions that its go.sum names."""
    if shutil.which("go") is None:
        lacking("no go here: what Go's exporter does cannot be tried")
    built = tmp_path_factory.mktemp("go") / "go_exporter"
    subprocess.run(["go", "build", "-o", built, "."], cwd=GO_PROGRAM, check=True, timeout=300)
    return [str(built)]


@pytest.fixture(params=["python", "go"])
def program(request):
    return (
        [sys.executable, "-c", PYTHON_PROGRAM] if request.param == "python" else request.getfixturevalue("go_program")
    )


@pytest.fixture
def ports():
    with socket.create_server(("127.0.0.1", 0)) as http, socket.create_server(("127.0.0.1", 0)) as grpc:
        return http.getsockname()[1], grpc.getsockname()[1]


class Running:
    """An exporter at work."""

    def __init__(self, program, protocol, address, end, key=""):
        self._end = end
        command = [*program, protocol, address, str(end), key]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        self.traces = []
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self._reader = threading.Thread(target=lambda: self.traces.extend(map(str.strip, self._process.stdout)))
        self._reader.start()

    def ended(self):
        """Its exit status, after what it sends now; 0 when all it sent was acknowledged."""
        self._end.touch()
        status = self._process.wait(120)
        self._reader.join()
        self._process.stdout.close()
        return status

    def kill(self):
        with suppress(OSError):
            self._process.kill()
        self.ended()


@pytest.fixture
def run(tmp_path):
    running = []

    def begin(program, protocol, address, key=""):
        running.append(Running(program, protocol, address, tmp_path / f"end-{len(running)}", key))
        return running[-1]

    yield begin
    for one in running:
        one.kill()


def test_what_an_exporter_was_told_is_stored_is_there_once_over_kills(start, run, program, ports, tmp_path, eventually):
    at = ("--http", f"127.0.0.1:{ports[0]}", "--grpc", f"127.0.0.1:{ports[1]}")
    # Nobody is there at first. Go's exporter over HTTP gives up where nobody listens; that is why people use a Collector.
    protocols = ["grpc", "http"] if program[0] == sys.executable else ["grpc"]
    exporters = [run(program, protocol, at[3 if protocol == "grpc" else 1]) for protocol in protocols]
    core = start(*at, data=tmp_path / "data")
    eventually(lambda: all(one.traces for one in exporters))
    core.kill()
    core = start(*at, data=tmp_path / "data")

    assert not any(one.ended() for one in exporters)

    core.stop()
    rows = _ask(core.data, "SELECT TraceId AS t, count() AS n, uniqExact(SpanId) AS u FROM arc.spans GROUP BY t")
    acknowledged = {trace for one in exporters for trace in one.traces}
    assert {row["t"] for row in rows} == acknowledged
    assert {(row["n"], row["u"]) for row in rows} == {(SPANS, SPANS)}


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_an_exporter_that_sends_more_than_it_may_waits_and_loses_nothing(
    start, run, program, protocol, tmp_path, eventually
):
    data = tmp_path / "data"
    _arc(data, "tenants", "create", "acme")
    _arc(data, "tenants", "limit", "acme", "--spans-per-second", str(SPANS))
    key = _arc(data, "keys", "create", "--tenant", "acme", "--scope", "ingest").strip()
    core = start("--api-key", "sesame", data=data)

    exporter = run(program, protocol, core.grpc if protocol == "grpc" else core.http, key)

    eventually(lambda: b'reason="over_quota"' in core.get("/metrics", **{"x-api-key": "sesame"}).body)
    assert exporter.ended() == 0
    core.stop()
    (row,) = _ask(core.data, "SELECT count() AS n, uniqExact(TraceId) AS t FROM arc.spans")
    assert row == {"n": SPANS * len(exporter.traces), "t": len(exporter.traces)}


def _arc(data, *arguments):
    command = [sys.executable, "-m", "arc_core", *arguments, "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def _ask(data, sql):
    code = (
        "import sys, chdb; c = chdb.connect(sys.argv[1]);"
        " c.query('SET output_format_json_quote_64bit_integers = 0');"
        " sys.stdout.write(c.query(sys.argv[2], 'JSONEachRow').bytes().decode())"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(data / "clickhouse"), sql]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
