"""A gateway in front of an Arc Core, and clients of it.

Without more, nginx and Envoy are started with the files in docker/gateway. Another gateway is asked by

    GATEWAY_HTTP=http://host:9080 GATEWAY_GRPC=host:9080 GATEWAY_KEY=... GATEWAY_REVOKED_KEY=... GATEWAY_TENANT=acme \
    GATEWAY_CORE=http://host:4318 GATEWAY_CORE_KEY=... pytest tests/gateway

where the last two are the Arc Core behind it and a key that reads everything of the tenant. What needs the gateway's own
files, or needs Arc Core to go away, is skipped there, with that reason.
"""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
import yaml
from arc_testing import eventually
from arc_testing._collector import free_ports, running_collector
from arc_testing._core import RunningCore, running_core
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

FILES = Path(__file__).parents[2] / "docker" / "gateway"
CONFIGS = FILES.parents[1] / "collector-config"
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SECRET = "between-gateway-and-core"
RATE, BURST = 5, 20
"""Requests a second, and so many at once: fewer than what the files say, so that a test is over them quickly."""


@dataclass(frozen=True)
class Answer:
    status: str
    """HTTP's number, or the name of gRPC's code."""
    retry_after: str | None = None
    message: str = ""


@dataclass(frozen=True)
class Gateway:
    """One that is up, and what is known of the Arc Core behind it."""

    http: str
    """`host:port`."""
    grpc: str
    key: str
    revoked_key: str
    tenant: str
    core: str
    core_key: str
    busy_key: str
    """Of a sender who may be made to send too much."""
    other_reader: str | None = None
    """A key that reads what another tenant has."""
    folder: Path | None = None
    """Everything that the gateway and Arc Core write, their logs too; None for one that was not started here."""

    def send(self, way: str, request: ExportTraceServiceRequest, **headers: str) -> Answer:
        """The answer to `request`; `_` in the names of `headers` is `-`."""
        with self._sender(way) as send:
            return send(request.SerializeToString(), _named_as_sent(headers))

    def flood(self, way: str, requests: list[ExportTraceServiceRequest], **headers: str) -> list[Answer]:
        """The answers to `requests`, sent as fast as eight senders can."""
        told, bodies = _named_as_sent(headers), [one.SerializeToString() for one in requests]

        def share(number: int) -> list[Answer]:
            with self._sender(way) as send:
                return [send(body, told) for body in bodies[number::8]]

        with ThreadPoolExecutor(8) as senders:
            shares = list(senders.map(share, range(8)))
        return [shares[place % 8][place // 8] for place in range(len(bodies))]

    @contextmanager
    def _sender(self, way: str) -> Iterator[Callable[[bytes, dict[str, str]], Answer]]:
        if way == "grpc":
            with grpc.insecure_channel(self.grpc, [("grpc.max_send_message_length", -1)]) as channel:
                yield lambda body, headers: _over_grpc(channel, body, headers)
        else:
            with closing(http.client.HTTPConnection(self.http, timeout=60)) as connection:
                yield lambda body, headers: _over_http(connection, body, headers)

    def stored(self, request: ExportTraceServiceRequest, tenant_key: str | None = None) -> bool:
        """Whether Arc Core has the trace of `request`, for whoever `tenant_key` is of."""
        trace_id = request.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()
        connection = http.client.HTTPConnection(self.core, timeout=10)
        try:
            connection.request("GET", f"/api/v1/traces/{trace_id}", headers={"x-api-key": tenant_key or self.core_key})
            return connection.getresponse().status == 200
        finally:
            connection.close()

    @staticmethod
    def spans(name: str = "agent.job loan", padding: int = 0) -> ExportTraceServiceRequest:
        """A request with one span, of a trace of its own, that has `padding` bytes of ballast."""
        ballast = [KeyValue(key="app.padding", value=AnyValue(bytes_value=bytes(padding)))] if padding else []
        now = time.time_ns()
        span = Span(
            name=name,
            trace_id=os.urandom(16),
            span_id=os.urandom(8),
            start_time_unix_nano=now - 1_000_000,
            end_time_unix_nano=now,
            attributes=ballast,
        )
        resource = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value="loans"))])
        scoped = ScopeSpans(scope=InstrumentationScope(name="test"), spans=[span])
        return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scoped])])


def _named_as_sent(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items() if value}


def _over_http(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> Answer:
    try:
        connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf", **headers})
        got = connection.getresponse()
    except (BrokenPipeError, ConnectionResetError):  # it was told "too large" before it had sent all
        got = http.client.HTTPResponse(connection.sock, method="POST")
        got.begin()
    return Answer(str(got.status), got.getheader("retry-after"), got.read().decode("utf-8", "replace"))


def _over_grpc(channel: grpc.Channel, body: bytes, headers: dict[str, str]) -> Answer:
    try:
        channel.unary_unary(EXPORT)(body, metadata=tuple(headers.items()), timeout=60)
    except grpc.RpcError as error:
        return Answer(error.code().name, None, error.details() or "")
    return Answer("OK")


@pytest.fixture(params=["grpc", "http"])
def way(request) -> str:
    return request.param


@pytest.fixture(scope="session", params=["nginx", "envoy"] if "GATEWAY_HTTP" not in os.environ else ["named"])
def gateway(request, tmp_path_factory) -> Iterator[Gateway]:
    """One gateway after the other, with an Arc Core of its own behind it; or the one that the environment names."""
    if request.param == "named":
        yield _named()
        return
    folder = tmp_path_factory.mktemp(request.param)
    data = folder / "core"
    _arc(data, "tenants", "create", "acme")
    _arc(data, "tenants", "create", "bolt")
    key, revoked = (_arc(data, "keys", "create", "--tenant", "acme", "--scope", "ingest") for _ in range(2))
    _arc(data, "keys", "revoke", revoked.split("_")[2])
    reader = _arc(data, "keys", "create", "--tenant", "acme", "--scope", "read")
    busy = _arc(data, "keys", "create", "--tenant", "bolt", "--scope", "ingest")
    other = _arc(data, "keys", "create", "--tenant", "bolt", "--scope", "read")
    with (
        (folder / "core.log").open("wb") as log,
        running_core(data, "--gateway-secret", SECRET, "--log-level", "info", stderr=log) as core,
        _running(request.param, folder, core_at(core), core.grpc, asks=core_at(core)) as (http_at, grpc_at),
    ):
        yield Gateway(http_at, grpc_at, key, revoked, "acme", core_at(core), reader, busy, other, folder)


def core_at(core: RunningCore) -> str:
    """`host:port` of its HTTP."""
    return core.url.removeprefix("http://")


@pytest.fixture(scope="session")
def before_collector(tmp_path_factory) -> Iterator[Gateway]:
    """nginx in front of the Collector with gateway.yaml, in front of an Arc Core with the keys."""
    folder = tmp_path_factory.mktemp("collector")
    data = folder / "core"
    _arc(data, "tenants", "create", "acme")
    _arc(data, "tenants", "create", "bolt")
    key, revoked = (_arc(data, "keys", "create", "--tenant", "acme", "--scope", "ingest") for _ in range(2))
    _arc(data, "keys", "revoke", revoked.split("_")[2])
    reader, other = (_arc(data, "keys", "create", "--tenant", name, "--scope", "read") for name in ("acme", "bolt"))
    secrets = {"COLLECTOR_GATEWAY_SECRET": SECRET, "COLLECTOR_ARC_GATEWAY_SECRET": SECRET}
    with (
        running_core(data, "--gateway-secret", SECRET) as core,
        running_collector(
            [CONFIGS / "redaction.yaml", CONFIGS / "gateway.yaml"], folder, COLLECTOR_ARC_URL=core.url, **secrets
        ) as collector,
        _running("nginx", folder, collector.http, collector.grpc, asks=core_at(core)) as (http_at, grpc_at),
    ):
        yield Gateway(http_at, grpc_at, key, revoked, "acme", core_at(core), reader, key, other, folder)


@pytest.fixture
def own(gateway: Gateway) -> Gateway:
    """The gateway, where it was started here: its files and those of Arc Core can be looked into."""
    if gateway.folder is None:
        pytest.skip("the gateway of GATEWAY_HTTP is not one of this test's own")
    return gateway


@pytest.fixture
def revoke(own: Gateway) -> Callable[[], tuple[str, Callable[[], object]]]:
    """Make a key of the tenant, and what revokes it."""

    def make() -> tuple[str, Callable[[], object]]:
        assert own.folder is not None
        data = own.folder / "core"
        key = _arc(data, "keys", "create", "--tenant", own.tenant, "--scope", "ingest")
        eventually(lambda: own.send("http", own.spans(), x_api_key=key).status == "200")
        return key, lambda: _arc(data, "keys", "revoke", key.split("_")[2])

    return make


def _named() -> Gateway:
    told = {name: os.environ[f"GATEWAY_{name}"] for name in ("HTTP", "GRPC", "KEY", "REVOKED_KEY", "TENANT", "CORE")}
    return Gateway(
        *(urlsplit(told[name]).netloc or told[name] for name in ("HTTP", "GRPC")),
        told["KEY"],
        told["REVOKED_KEY"],
        told["TENANT"],
        urlsplit(told["CORE"]).netloc,
        os.environ["GATEWAY_CORE_KEY"],
        os.environ.get("GATEWAY_BUSY_KEY", told["KEY"]),
    )


def _arc(data: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "arc_core", *arguments, "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.fixture(params=["nginx", "envoy"])
def without_core(request, tmp_path) -> Iterator[Gateway]:
    """A gateway behind which nobody is."""
    nobody = [f"127.0.0.1:{port}" for port in free_ports(2)]
    with _running(request.param, tmp_path, *nobody, asks=nobody[0]) as (http_at, grpc_at):
        yield Gateway(http_at, grpc_at, "key", "", "", nobody[0], "", "", None, tmp_path)


@contextmanager
def _running(kind: str, folder: Path, to_http: str, to_grpc: str, *, asks: str) -> Iterator[tuple[str, str]]:
    """`kind` of a gateway that asks the Arc Core at `asks`; yields `host:port` for HTTP and for gRPC."""
    start = {"nginx": _nginx, "envoy": _envoy}[kind]
    http_port, grpc_port = free_ports(2)
    command, grpc_at = start(folder, http_port, grpc_port, {"http": to_http, "grpc": to_grpc, "core": asks})
    environment = {**os.environ, "GATEWAY_SECRET": SECRET}
    with (
        (folder / "gateway.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process,
    ):
        try:
            eventually(lambda: process.poll() is not None or _listens(http_port), within_seconds=30)
            assert process.poll() is None, (folder / "gateway.log").read_text()
            yield f"127.0.0.1:{http_port}", grpc_at
        finally:
            process.terminate()
            process.wait(20)


def _nginx(folder: Path, http_port: int, grpc_port: int, behind: dict[str, str]) -> tuple[list[str], str]:
    told = {
        "GATEWAY_LISTEN_HTTP": f"127.0.0.1:{http_port}",
        "GATEWAY_LISTEN_GRPC": f"127.0.0.1:{grpc_port}",
        "GATEWAY_TO_HTTP": behind["http"],
        "GATEWAY_TO_GRPC": behind["grpc"],
        "GATEWAY_ASKS": behind["core"],
        "GATEWAY_SECRET": SECRET,
        "GATEWAY_RATE": str(RATE),
        "GATEWAY_BURST": str(BURST),
    }
    template = (FILES / "nginx.conf.template").read_text()
    # As envsubst in nginx's own image: only what is set, so nginx's variables stay.
    rendered = re.sub(r"\$\{(GATEWAY_\w+)\}", lambda found: told[found[1]], template)
    rendered = rendered.replace("/dev/stdout", str(folder / "access.log"))
    # The image has these in places that only root may write to.
    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        rendered = rendered.replace("http {", f"http {{\n    {kind}_temp_path {folder}/{kind};", 1)
    file = folder / "nginx.conf"
    file.write_text(rendered)
    # `debug` would have the headers of each request; what a gateway says by default is what is looked into.
    globals_ = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log info;"
    return ["/usr/sbin/nginx", "-p", str(folder), "-c", str(file), "-g", globals_], f"127.0.0.1:{grpc_port}"


def _envoy(folder: Path, http_port: int, grpc_port: int, behind: dict[str, str]) -> tuple[list[str], str]:
    config = yaml.safe_load((FILES / "envoy.yaml").read_text())
    listener = config["static_resources"]["listeners"][0]
    listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": http_port}
    for cluster in config["static_resources"]["clusters"]:
        host, _, port = behind[cluster["name"].removeprefix("arc_")].rpartition(":")
        endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        endpoint["address"]["socket_address"] = {"address": host, "port_value": int(port)}
    (limit,) = [
        one["typed_config"] for one in _filters(listener) if one["name"] == "envoy.filters.http.local_ratelimit"
    ]
    limit["descriptors"][0]["token_bucket"] |= {"max_tokens": BURST, "tokens_per_fill": RATE}
    file = folder / "envoy.yaml"
    file.write_text(json.dumps(config))
    command = [str(Path(sys.executable).parent / "envoy"), "--config-path", str(file), "--concurrency", "1"]
    # Shared memory is for restarts without a gap, and is the whole machine's: other tests have their own Envoy.
    return [*command, "--disable-hot-restart", "--log-level", "info"], f"127.0.0.1:{http_port}"


def _filters(listener: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    return found


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
