"""Real Arc Cores in processes of their own, spoken to over real sockets."""

import base64
import gzip
import http.client
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

READY = re.compile(r"arc core ready http=http://(\S+) grpc=(\S+) data=(.+)\n")
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
GZIP = {"content-encoding": "gzip"}
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
START_NS = 1_790_000_000_123_456_789


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Core:
    """One running `arc core`."""

    process: subprocess.Popen[str]
    http: str
    grpc: str
    data: Path

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection(self.http, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def post(self, body: bytes, headers: dict[str, str], path: str = "/v1/traces") -> Answer:
        return self.request("POST", path, body, headers)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers=headers)

    def export(self, request: ExportTraceServiceRequest) -> None:
        assert self.post(request.SerializeToString(), PROTOBUF).status == 200

    def trace(self, trace_id: bytes) -> Any:
        answer = self.get(f"/api/v1/traces/{trace_id.hex()}")
        assert answer.status == 200, answer.body
        return answer.json()

    def has(self, trace_id: bytes) -> bool:
        return self.get(f"/api/v1/traces/{trace_id.hex()}").status == 200

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)


def launch(data: Path, *options: str, files: int | None = None) -> Core:
    limited = [] if files is None else ["prlimit", f"--nofile={files}"]
    arguments = [*limited, sys.executable, "-m", "arc_core", "--data", str(data), *options]
    for option in ("--http", "--grpc"):
        if option not in options:
            arguments += [option, "127.0.0.1:0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ARC_")}
    environment["XDG_RUNTIME_DIR"] = str(data)  # its note is not for whoever runs the tests
    # Its stderr is the test's own: what it says there is shown when a test fails, and no pipe can fill up.
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment)
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True)
    reader.start()
    found = READY.fullmatch(lines.get(timeout=60))
    assert found, f"no ready line; exit status {process.poll()}"
    return Core(process, found[1], found[2], Path(found[3]))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Core]]:
    """Start an Arc Core with these options; all are killed at the end."""
    started: list[Core] = []

    def start_one(*options: str, data: Path | None = None, files: int | None = None) -> Core:
        started.append(launch(data or tmp_path / "data", *options, files=files))
        return started[-1]

    yield start_one
    for core in started:
        core.kill()
        assert core.process.stdout is not None
        core.process.stdout.close()


@pytest.fixture(scope="session")
def core(tmp_path_factory) -> Iterator[Core]:
    """One Arc Core for all tests that only send and read; it must be alive at the end."""
    running = launch(tmp_path_factory.mktemp("core"))
    yield running
    assert running.stop() == 0
    assert running.process.stdout is not None
    running.process.stdout.close()


@pytest.fixture(scope="module")
def launched() -> Iterator[Callable[..., Core]]:
    """Start an Arc Core for the tests of one module; all are killed at the end."""
    started: list[Core] = []

    def start_one(data: Path, *options: str) -> Core:
        started.append(launch(data, *options))
        return started[-1]

    yield start_one
    for core in started:
        core.kill()
        assert core.process.stdout is not None
        core.process.stdout.close()


@pytest.fixture(scope="session")
def guarded(tmp_path_factory) -> Iterator[Core]:
    """One Arc Core that asks for the key `sesame`."""
    running = launch(tmp_path_factory.mktemp("guarded"), "--api-key", "sesame")
    yield running
    running.kill()
    assert running.process.stdout is not None
    running.process.stdout.close()


class Wire:
    """Builds OTLP messages, and reads what comes back."""

    PROTOBUF = PROTOBUF
    JSON = JSON
    GZIP = GZIP
    START_NS = START_NS

    @staticmethod
    def attribute(key: str, value: object) -> KeyValue:
        return KeyValue(key=key, value=_any(value))

    @classmethod
    def span(cls, name: str = "agent.job loan", *, error: bool = False, **fields: Any) -> Span:
        attributes = fields.pop("attributes", {})
        values: dict[str, Any] = {
            "trace_id": os.urandom(16),
            "span_id": os.urandom(8),
            "start_time_unix_nano": START_NS,
            "end_time_unix_nano": START_NS + 1_500_000_000,
            "kind": Span.SPAN_KIND_INTERNAL,
            **fields,
        }
        if error:
            values["status"] = Status(code=Status.STATUS_CODE_ERROR, message="it broke")
        return Span(name=name, attributes=[cls.attribute(key, value) for key, value in attributes.items()], **values)

    @classmethod
    def call(cls, parent: Span, **attributes: object) -> Span:
        """A model call under `parent`; `_` in keyword names stands for `.`."""
        told = {"arc.span.kind": "llm", "gen_ai.provider.name": "openai"}
        told |= {key.replace("__", "."): value for key, value in attributes.items()}
        return cls.span("chat", trace_id=parent.trace_id, parent_span_id=parent.span_id, attributes=told)

    @classmethod
    def request(cls, *spans: Span, service: str = "loans") -> ExportTraceServiceRequest:
        resource = Resource(attributes=[cls.attribute("service.name", service)])
        scope = InstrumentationScope(name="arc_openai", version="1.0")
        return ExportTraceServiceRequest(
            resource_spans=[ResourceSpans(resource=resource, scope_spans=[ScopeSpans(scope=scope, spans=spans)])]
        )


@pytest.fixture(scope="session")
def wire() -> type[Wire]:
    return Wire


def _any(value: object) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[_any(item) for item in value]))
        case _:
            return AnyValue(string_value=str(value))


@dataclass
class Sent:
    """What became of a request, in words that hold for every transport."""

    outcome: str
    """`ok`, `malformed`, `too large`, `unauthenticated` or another word of the transport."""
    message: str = ""
    rejected: int = 0


@dataclass(frozen=True)
class Transport:
    """One way to send spans."""

    protocol: str
    gzip: bool
    malformed: bytes = field(default=b"\xff\xff\xff\xff")

    def send(self, core: Core, request: ExportTraceServiceRequest, key: str | None = None) -> Sent:
        body = _otlp_json(request) if self.protocol == "http-json" else request.SerializeToString()
        return self.send_bytes(core, body, key)

    def send_bytes(self, core: Core, body: bytes, key: str | None = None) -> Sent:
        headers = {} if key is None else {"x-api-key": key}
        return self._grpc(core, body, headers) if self.protocol == "grpc" else self._http(core, body, headers)

    def _grpc(self, core: Core, body: bytes, headers: dict[str, str]) -> Sent:
        words = {
            grpc.StatusCode.INVALID_ARGUMENT: "malformed",
            grpc.StatusCode.RESOURCE_EXHAUSTED: "too large",
            grpc.StatusCode.UNAUTHENTICATED: "unauthenticated",
        }
        with grpc.insecure_channel(core.grpc, [("grpc.max_send_message_length", -1)]) as channel:
            export = channel.unary_unary(EXPORT, response_deserializer=ExportTraceServiceResponse.FromString)
            compression = grpc.Compression.Gzip if self.gzip else grpc.Compression.NoCompression
            try:
                response = export(body, metadata=tuple(headers.items()), compression=compression, timeout=60)
            except grpc.RpcError as error:
                return Sent(words.get(error.code(), error.code().name), error.details())
        return Sent("ok", response.partial_success.error_message, response.partial_success.rejected_spans)

    def _http(self, core: Core, body: bytes, headers: dict[str, str]) -> Sent:
        is_json = self.protocol == "http-json"
        headers |= JSON if is_json else PROTOBUF
        if self.gzip:
            headers |= GZIP
            body = gzip.compress(body, 1)
        answer = core.post(body, headers)
        assert answer.headers["content-type"] == headers["content-type"]
        if answer.status == 200:
            return _accepted_json(answer.json()) if is_json else _accepted(answer.body)
        words = {400: "malformed", 413: "too large", 401: "unauthenticated"}
        message = answer.json()["message"] if is_json else answer.body.decode("utf-8", "replace")
        return Sent(words.get(answer.status, str(answer.status)), message)


def _accepted(body: bytes) -> Sent:
    partial = ExportTraceServiceResponse.FromString(body).partial_success
    return Sent("ok", partial.error_message, partial.rejected_spans)


def _accepted_json(response: Any) -> Sent:
    partial = response.get("partialSuccess", {})
    return Sent("ok", partial.get("errorMessage", ""), int(partial.get("rejectedSpans", "0")))


@pytest.fixture(scope="session")
def otlp_json() -> Callable[[ExportTraceServiceRequest], bytes]:
    """OTLP's JSON of a request: ProtoJSON, but ids are hex."""
    return _otlp_json


def _otlp_json(request: ExportTraceServiceRequest) -> bytes:
    return json.dumps(_with_hex_ids(MessageToDict(request, use_integers_for_enums=True))).encode()


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    ids = ("traceId", "spanId", "parentSpanId")
    return {k: base64.b64decode(v).hex() if k in ids else _with_hex_ids(v) for k, v in value.items()}


TRANSPORTS = [
    Transport(protocol, is_gzip) for protocol in ("grpc", "http-protobuf", "http-json") for is_gzip in (False, True)
]


@pytest.fixture(params=TRANSPORTS, ids=lambda transport: f"{transport.protocol}-{'gzip' if transport.gzip else 'none'}")
def transport(request) -> Transport:
    return request.param


@pytest.fixture(scope="session")
def transports() -> dict[str, Transport]:
    """The ways to send spans, plain, by protocol."""
    return {transport.protocol: transport for transport in TRANSPORTS if not transport.gzip}


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    def wait(holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline, "it did not happen within 20 s"
            time.sleep(0.02)

    return wait
