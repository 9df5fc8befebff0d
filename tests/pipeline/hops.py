"""The hops of a pipeline as the tests, the soak and the bench start them, and what is sent through them."""

import http.client
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from arc_testing import RunningCollector, RunningCore, free_ports, running_collector, running_core
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

CONFIGS = Path(__file__).parents[2] / "collector-config"
GATEWAY = (CONFIGS / "redaction.yaml", CONFIGS / "gateway.yaml")
TENANT = "acme"
TENANT_HEADER = "x-consumer-custom-id"
FRONT_SECRET = "between-the-api-gateway-and-the-collector"
CORE_SECRET = "between-the-collector-and-arc-core"
OF_TENANT = {"x-arc-gateway-secret": FRONT_SECRET, TENANT_HEADER: TENANT}
"""What an API gateway adds to a request whose key it has checked."""


class Core:
    """Arc Core that believes the Collector; it can be killed and started again at the same port."""

    def __init__(self, data: Path, *, options: Sequence[str] = ()) -> None:
        self.data = data
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        self._options = ("--http", f"127.0.0.1:{port}", "--gateway-secret", CORE_SECRET, *options)
        self._running = ExitStack()
        self._core: RunningCore | None = None
        self.create_tenant(TENANT)

    def create_tenant(self, tenant: str) -> None:
        """Make `tenant`, before it is started."""
        create = ["tenants", "create", tenant, "--data", str(self.data)]
        subprocess.run([sys.executable, "-m", "arc_core", *create], check=True, capture_output=True)

    def start(self) -> None:
        """Start it."""
        self._core = self._running.enter_context(running_core(self.data, *self._options))

    def kill(self) -> None:
        """End it at once."""
        assert self._core is not None
        self._core.process.kill()
        self._running.close()

    def stop(self) -> None:
        """End it in order."""
        self._running.close()

    def get(self, path: str, tenant: str = TENANT) -> object:
        """The JSON that GET `path` answers to `tenant`."""
        assert self._core is not None
        return self._core.get(path, **{"x-arc-gateway-secret": CORE_SECRET, TENANT_HEADER: tenant})

    def rows(self, sql: str) -> list[dict[str, object]]:
        """What `sql` finds in its store, when it does not run."""
        program = "import chdb, sys; print(chdb.connect(sys.argv[1]).query(sys.argv[2], 'JSONEachRow'), end='')"
        command = [sys.executable, "-c", program, str(self.data / "clickhouse"), sql]
        done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return [msgspec.json.decode(line) for line in done.stdout.splitlines()]


def overlay(folder: Path, name: str, headers: dict[str, str]) -> Path:
    """A configuration that makes an agent send `headers` too, as the API gateway behind it would."""
    path = folder / f"{name}.yaml"
    path.write_bytes(msgspec.yaml.encode({"exporters": {"otlp_http/arc": {"headers": headers}}}))
    return path


@contextmanager
def chain(folder: Path, **agent_env: str) -> Iterator[tuple[RunningCollector, RunningCollector, Core]]:
    """Agent, gateway and Arc Core, each sending to the next."""
    core = Core(folder / "core")
    core.start()
    try:
        env = {"COLLECTOR_GATEWAY_SECRET": FRONT_SECRET, "COLLECTOR_ARC_GATEWAY_SECRET": CORE_SECRET}
        with running_collector(GATEWAY, folder / "gateway", COLLECTOR_ARC_URL=core.url, **env) as gateway:
            front = overlay(folder, "front", OF_TENANT)
            url = f"http://{gateway.http}"
            agent = running_collector(
                (CONFIGS / "agent.yaml", front), folder / "agent", COLLECTOR_ARC_URL=url, **agent_env
            )
            with agent as running:
                yield running, gateway, core
    finally:
        core.stop()


class Spans(SpanProcessor):
    """Spans of the SDK, as a program ends them, in batches."""

    def __init__(self, service: str = "pipeline", **resource: str) -> None:
        self._ended: list[ReadableSpan] = []
        self._provider = TracerProvider(resource=Resource({"service.name": service, **resource}))
        self._provider.add_span_processor(self)
        self.tracer = self._provider.get_tracer("pipeline")

    def on_end(self, span: ReadableSpan) -> None:
        """Keep it."""
        self._ended.append(span)

    def on_start(self, span: Span, parent_context: object = None) -> None:
        """Nothing to do."""

    def taken(self) -> list[ReadableSpan]:
        """Those ended since the last time."""
        ended, self._ended = self._ended, []
        return ended


def post(
    collector: RunningCollector, spans: Sequence[ReadableSpan] | ExportTraceServiceRequest, headers: dict[str, str]
) -> int:
    """Send `spans` over HTTP, once; the status."""
    request = spans if isinstance(spans, ExportTraceServiceRequest) else encode_spans(spans)
    body = request.SerializeToString()
    connection = http.client.HTTPConnection(collector.http, timeout=30)
    try:
        connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf", **headers})
        return connection.getresponse().status
    finally:
        connection.close()


def batches(count: int, size: int = 200) -> Iterator[list[ReadableSpan]]:
    """`count` spans, in traces of ten, `size` at a time."""
    spans = Spans()
    for _ in range(count // size):
        for _ in range(size // 10):
            with spans.tracer.start_as_current_span("agent.job loan", attributes={"arc.span.kind": "job"}):
                for step in range(9):
                    attributes = {"arc.span.kind": "llm", "gen_ai.request.model": "gpt-4.1", "step": step}
                    spans.tracer.start_span("chat gpt-4.1", attributes=attributes).end()
        yield spans.taken()


class Sender(threading.Thread):
    """Sends batches by the SDK's exporter, each until it is acknowledged, as Arc's spool does."""

    def __init__(self, address: str, count: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(daemon=True)
        self._exporter = OTLPSpanExporter(f"http://{address}/v1/traces", headers=dict(headers or {}), timeout=5)
        self._count = count
        self.acknowledged: set[tuple[str, str]] = set()
        """Trace and span id, in hex."""
        self.refused = 0
        self.stopped = False

    def run(self) -> None:
        """Send all."""
        for batch in batches(self._count):
            while not self._send(batch) and not self.stopped:
                self.refused += 1

    def _send(self, batch: list[ReadableSpan]) -> bool:
        if self._exporter.export(batch) is not SpanExportResult.SUCCESS:
            return False
        self.acknowledged |= ids(batch)
        return True


def ids(batch: Sequence[ReadableSpan]) -> set[tuple[str, str]]:
    """Trace and span id of each, in hex."""
    contexts = [span.context for span in batch]
    return {(f"{one.trace_id:032x}", f"{one.span_id:016x}") for one in contexts if one is not None}


def drained(*collectors: RunningCollector) -> Callable[[], bool]:
    """Whether nothing waits in the queues of `collectors`."""
    return lambda: all(one.count("exporter_queue_size") == 0 for one in collectors)
