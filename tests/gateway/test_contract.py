"""What holds for every gateway in front of Arc, asked over real sockets."""

import http.client
import json
import os
from pathlib import Path

import grpc
import pytest
from arc_testing import eventually
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

MIB = 1024 * 1024
FLOOD = 120
EMPTY = ExportTraceServiceRequest()
"""Costs Arc Core almost nothing, so that even a slow machine sends too many of them."""
TAKEN = {"grpc": "OK", "http": "200"}
REFUSED = {"grpc": "UNAUTHENTICATED", "http": "401"}
FORBIDDEN = {"grpc": "PERMISSION_DENIED", "http": "403"}
TOO_LARGE = {"grpc": "RESOURCE_EXHAUSTED", "http": "413"}
LATER = {"grpc": "UNAVAILABLE", "http": "503"}


def contents(folder):
    """Every file below `folder`, but those that Arc Core's store takes away meanwhile, as it merges parts."""
    found = {}
    for above, _, names in os.walk(folder):
        for path in (Path(above, name) for name in names):
            try:
                found[str(path)] = path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:
                continue
    return found


def test_what_comes_with_a_key_is_stored_for_its_tenant(gateway, way):
    request = gateway.spans()

    assert gateway.send(way, request, x_api_key=gateway.key).status == TAKEN[way]

    assert gateway.stored(request)


@pytest.mark.parametrize("key", ["", "sesame", "arc_live_aaaaaaaaaaaa_" + "a" * 40])
def test_without_a_key_that_is_known_nothing_is_let_in(gateway, way, key):
    request = gateway.spans()

    assert gateway.send(way, request, x_api_key=key).status == REFUSED[way]

    assert not gateway.stored(request)


def test_a_revoked_key_is_refused(gateway, way):
    request = gateway.spans()

    assert gateway.send(way, request, x_api_key=gateway.revoked_key).status == REFUSED[way]

    assert not gateway.stored(request)


def test_a_key_that_may_not_send_is_refused(own, way):
    request = own.spans()

    assert own.send(way, request, x_api_key=own.core_key).status == FORBIDDEN[way]

    assert not own.stored(request)


def test_what_a_client_says_of_its_tenant_is_not_believed(gateway, way):
    lies = {"x_consumer_custom_id": "bolt", "x_consumer_id": "bolt", "x_consumer_username": "bolt"}

    request = gateway.spans()
    assert gateway.send(way, request, x_api_key=gateway.key, **lies).status == TAKEN[way]
    assert gateway.stored(request)
    assert gateway.other_reader is None or not gateway.stored(request, gateway.other_reader)


def test_a_client_that_knows_the_secret_of_the_gateway_gains_nothing(own, way):
    lies = {"x_consumer_custom_id": "bolt", "x_arc_gateway_secret": "between-gateway-and-core"}

    request = own.spans()
    assert own.send(way, request, **lies).status == REFUSED[way]
    assert not own.stored(request, own.other_reader)

    assert own.send(way, request, x_api_key=own.key, **lies).status == TAKEN[way]
    assert own.stored(request)
    assert not own.stored(request, own.other_reader)


def test_who_sends_too_much_is_told_to_send_it_again(gateway, way):
    # Not every eighth: one of the eight senders would have them all, and wait for one after the other to be written.
    requests = [gateway.spans() if number % 9 == 0 else EMPTY for number in range(FLOOD)]
    answers = gateway.flood(way, requests, x_api_key=gateway.busy_key)

    refused = [one for one in answers if one.status != TAKEN[way]]
    assert refused
    assert {one.status for one in refused} == {LATER[way]}
    assert way == "grpc" or all(one.retry_after for one in refused)
    if gateway.other_reader is not None:
        for request, answer in zip(requests, answers, strict=True):
            if request is not EMPTY:
                assert gateway.stored(request, gateway.other_reader) == (answer.status == TAKEN[way])


def test_who_sends_too_much_takes_nothing_from_others(own, way):
    answers = own.flood(way, [EMPTY] * FLOOD, x_api_key=own.busy_key)

    assert LATER[way] in {one.status for one in answers}
    assert own.send(way, own.spans(), x_api_key=own.key).status == TAKEN[way]


def test_the_sdk_sends_again_what_was_put_off(gateway, way):
    headers = {"x-api-key": gateway.busy_key}
    exporter = (
        GrpcExporter(f"http://{gateway.grpc}", insecure=True, headers=headers)
        if way == "grpc"
        else HttpExporter(f"http://{gateway.http}/v1/traces", headers=headers)
    )
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("put off")
    span.end()
    assert LATER[way] in {one.status for one in gateway.flood(way, [EMPTY] * FLOOD, x_api_key=gateway.busy_key)}

    assert exporter.export([span]) is SpanExportResult.SUCCESS

    exporter.shutdown()


def test_a_request_that_is_too_large_is_refused_for_good(gateway, way):
    request = gateway.spans(padding=65 * MIB)

    assert gateway.send(way, request, x_api_key=gateway.key).status == TOO_LARGE[way]

    assert not gateway.stored(request)


def test_a_large_request_is_let_in(gateway, way):
    request = gateway.spans(padding=6 * MIB)

    assert gateway.send(way, request, x_api_key=gateway.key).status == TAKEN[way]

    assert gateway.stored(request)


def test_while_nobody_can_be_asked_clients_are_told_to_send_again(without_core, way):
    answer = without_core.send(way, without_core.spans(), x_api_key="key")

    assert answer.status == LATER[way]
    assert answer.retry_after == (None if way == "grpc" else "1")


def test_nothing_but_telemetry_is_let_through(gateway):
    connection = http.client.HTTPConnection(gateway.http, timeout=10)
    for method, path in (("GET", "/api/v1/traces"), ("GET", "/metrics"), ("POST", "/gateway/ingest"), ("GET", "/")):
        connection.request(method, path, headers={"x-api-key": gateway.key})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 404, path
    connection.close()
    with grpc.insecure_channel(gateway.grpc) as channel:
        call = channel.unary_unary("/grpc.health.v1.Health/Check")
        with pytest.raises(grpc.RpcError) as refused:
            call(b"", metadata=(("x-api-key", gateway.key),), timeout=10)
    assert refused.value.code().name == "UNIMPLEMENTED"


def test_a_key_is_on_no_disk_in_no_log_and_on_no_span(own):
    for way in ("grpc", "http"):
        kept = own.spans("with a key")
        assert own.send(way, kept, x_api_key=own.key).status == TAKEN[way]
        own.send(way, own.spans(), x_api_key=own.revoked_key)
        own.send(way, own.spans(), x_api_key="arc_live_bbbbbbbbbbbb_" + "b" * 40)
        connection = http.client.HTTPConnection(own.core, timeout=10)
        trace_id = kept.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()
        connection.request("GET", f"/api/v1/traces/{trace_id}", headers={"x-api-key": own.core_key})
        shown = connection.getresponse().read()
        connection.close()
        assert json.loads(shown)["spans"][0]["name"] == "with a key"
        assert b"arc_live_" not in shown
    logs = [own.folder / name for name in ("gateway.log", "access.log", "core.log")]
    eventually(
        lambda: sum(one.read_bytes().count(b'"acme"') for one in logs if one.exists()) >= 2
    )  # of the two sent here

    files = contents(own.folder)

    for secret in (own.key, own.revoked_key, own.core_key, own.busy_key, "b" * 40):
        text = secret.rpartition("_")[2].encode()
        assert [name for name, content in files.items() if text in content] == []


def test_a_key_that_is_revoked_now_is_refused_soon_without_a_restart(own, way, revoke):
    key, revoked = revoke()
    assert own.send(way, own.spans(), x_api_key=key).status == TAKEN[way]

    revoked()

    eventually(lambda: own.send(way, own.spans(), x_api_key=key).status == REFUSED[way], within_seconds=15)
    request = own.spans()
    assert own.send(way, request, x_api_key=key).status == REFUSED[way]
    assert not own.stored(request)
