"""OTLP as its specification says it, asked of any endpoint.

Without more, an Arc Core is started. `OTLP_HTTP=http://host:4318 OTLP_GRPC=host:4317 pytest src/arc-core/tests/conformance`
asks another one; `OTLP_HEADERS=name=value,...` are sent with every request, and are taken for what lets them in.
`OTLP_LIMITED=name=value,...` are those of a sender that may send nothing more for now.
"""

import base64
import gzip
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

IDS = ("traceId", "spanId", "parentSpanId")
RETRYABLE_HTTP = {429, 502, 503, 504}
RETRYABLE_GRPC = {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}


@dataclass(frozen=True)
class Endpoint:
    http: str
    """`host:port`."""
    grpc: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Signal:
    name: str
    service: str
    request: Any
    response: Any
    rejected: str

    def read(self, body: bytes, *, is_json: bool) -> Any:
        if not is_json:
            return self.response.FromString(body)
        from google.protobuf.json_format import Parse

        return Parse(body, self.response())


SIGNALS = [
    Signal(
        "traces",
        "trace.v1.TraceService",
        traces.ExportTraceServiceRequest,
        traces.ExportTraceServiceResponse,
        "rejected_spans",
    ),
    Signal(
        "logs",
        "logs.v1.LogsService",
        logs.ExportLogsServiceRequest,
        logs.ExportLogsServiceResponse,
        "rejected_log_records",
    ),
    Signal(
        "metrics",
        "metrics.v1.MetricsService",
        metrics.ExportMetricsServiceRequest,
        metrics.ExportMetricsServiceResponse,
        "rejected_data_points",
    ),
]


@dataclass(frozen=True)
class Answer:
    outcome: str
    """`ok`, `bad data`, `too large`, `later`, `auth` or what the transport calls it."""
    response: Any = None
    message: str = ""
    wait_seconds: int | None = None
    hints: int = 0
    """How many places say how long to wait."""


@dataclass(frozen=True)
class Way:
    protocol: str
    gzip: bool

    @property
    def is_json(self) -> bool:
        return self.protocol == "http-json"

    def encode(self, request: Any) -> bytes:
        return (
            json.dumps(_hex_ids(MessageToDict(request, use_integers_for_enums=True))).encode()
            if self.is_json
            else request.SerializeToString()
        )

    def send(self, endpoint: Endpoint, signal: Signal, body: bytes, **headers: str) -> Answer:
        told = endpoint.headers | headers
        return (
            self._grpc(endpoint, signal, body, told)
            if self.protocol == "grpc"
            else self._http(endpoint, signal, body, told)
        )

    def _grpc(self, endpoint: Endpoint, signal: Signal, body: bytes, headers: dict[str, str]) -> Answer:
        method = f"/opentelemetry.proto.collector.{signal.service}/Export"
        with grpc.insecure_channel(endpoint.grpc, [("grpc.max_send_message_length", -1)]) as channel:
            compression = grpc.Compression.Gzip if self.gzip else grpc.Compression.NoCompression
            try:
                raw = channel.unary_unary(method)(
                    body, metadata=tuple(headers.items()), compression=compression, timeout=60
                )
            except grpc.RpcError as error:
                return _refused(error)
        return Answer("ok", signal.response.FromString(raw))

    def _http(self, endpoint: Endpoint, signal: Signal, body: bytes, headers: dict[str, str]) -> Answer:
        kind = "application/json" if self.is_json else "application/x-protobuf"
        told = {"content-type": kind, **({"content-encoding": "gzip"} if self.gzip else {}), **headers}
        connection = http.client.HTTPConnection(endpoint.http, timeout=60)
        try:
            connection.request("POST", f"/v1/{signal.name}", gzip.compress(body, 1) if self.gzip else body, told)
            got = connection.getresponse()
            content = got.read()
        finally:
            connection.close()
        if got.status == 200:
            assert got.getheader("content-type").partition(";")[0] == kind, (
                "the answer is in the encoding of the request"
            )
            return Answer("ok", signal.read(content, is_json=self.is_json))
        message = json.loads(content)["message"] if self.is_json else Status.FromString(content).message
        words = {400: "bad data", 413: "too large", 401: "auth", 403: "auth"}
        wait = got.getheader("retry-after")
        return Answer(
            "later" if got.status in RETRYABLE_HTTP else words.get(got.status, str(got.status)),
            None,
            message,
            int(wait) if wait else None,
            1 if wait else 0,
        )


def _refused(error: Any) -> Answer:
    waits = _hints(dict(error.trailing_metadata() or ()))
    name = error.code().name
    if name in RETRYABLE_GRPC or (name == "RESOURCE_EXHAUSTED" and waits):
        assert len(set(waits)) <= 1, "both hints say the same"
        return Answer("later", None, error.details(), waits[0] if waits else None, len(waits))
    words = {
        "INVALID_ARGUMENT": "bad data",
        "RESOURCE_EXHAUSTED": "too large",
        "UNAUTHENTICATED": "auth",
        "PERMISSION_DENIED": "auth",
    }
    return Answer(words.get(name, name), None, error.details())


def _hints(trailers: dict[str, bytes]) -> list[int]:
    """Seconds to wait, as each of the two trailers says that clients look for: Go's exporter the one, Python's the other."""
    found = []
    if (packed := trailers.get("grpc-status-details-bin")) is not None:
        for detail in Status.FromString(packed).details:
            hint = RetryInfo()
            if detail.Unpack(hint):
                found.append(hint.retry_delay.seconds)
    if (packed := trailers.get("google.rpc.retryinfo-bin")) is not None:
        found.append(RetryInfo.FromString(packed).retry_delay.seconds)
    return found


def _hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {k: base64.b64decode(v).hex() if k in IDS else _hex_ids(v) for k, v in value.items()}


@pytest.fixture(params=[Way(protocol, is_gzip) for protocol in ("grpc", "http-protobuf", "http-json") for is_gzip in (False, True)],
                ids=lambda way: f"{way.protocol}-{'gzip' if way.gzip else 'none'}")  # fmt: skip
def way(request) -> Way:
    return request.param


@pytest.fixture(params=SIGNALS, ids=lambda signal: signal.name)
def signal(request) -> Signal:
    return SIGNALS[0] if request.param == "traces" else request.param


@pytest.fixture(scope="session")
def endpoint(request) -> Iterator[Endpoint]:
    """What is asked: another endpoint where one is named, else an Arc Core."""
    if "OTLP_HTTP" in os.environ:
        yield _named("OTLP_HEADERS")
    else:
        core = request.getfixturevalue("core")
        yield Endpoint(core.http, core.grpc)


@pytest.fixture(scope="session")
def asking_for_a_key(request) -> Iterator[Endpoint]:
    """An endpoint that lets nobody in without the headers it has here."""
    if "OTLP_HTTP" in os.environ:
        if not os.environ.get("OTLP_HEADERS"):
            pytest.skip("no OTLP_HEADERS: whether the endpoint asks for a key is not known")
        yield _named("OTLP_HEADERS")
    else:
        core = request.getfixturevalue("guarded")
        yield Endpoint(core.http, core.grpc, {"x-api-key": "sesame"})


@pytest.fixture(scope="module")
def out_of_quota(request, tmp_path_factory) -> Iterator[Endpoint]:
    """An endpoint, and the headers of a sender that has used up what it may send."""
    if "OTLP_HTTP" in os.environ:
        if not os.environ.get("OTLP_LIMITED"):
            pytest.skip("no OTLP_LIMITED: nobody is known who has used up what they may send")
        yield _named("OTLP_LIMITED")
        return
    data = tmp_path_factory.mktemp("limited")
    _arc(data, "tenants", "create", "acme")
    _arc(data, "tenants", "limit", "acme", "--spans-per-day", "0")
    key = _arc(data, "keys", "create", "--tenant", "acme", "--scope", "ingest").strip()
    core = request.getfixturevalue("launched")(data)
    yield Endpoint(core.http, core.grpc, {"x-api-key": key})


def _named(headers: str) -> Endpoint:
    told = dict(pair.split("=", 1) for pair in os.environ.get(headers, "").split(",") if pair)
    return Endpoint(urlsplit(os.environ["OTLP_HTTP"]).netloc, os.environ["OTLP_GRPC"], told)


def _arc(data: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "arc_core", *arguments, "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
