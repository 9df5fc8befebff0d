"""OTLP/HTTP: what its specification says beyond what every transport does."""

import gzip
import json
import re
import socket
import time
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

MIB = 1024 * 1024
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", ""])
def test_another_content_type_is_refused_by_name(core, content_type):
    answer = core.post(b"{}", {"content-type": content_type} if content_type else {})

    assert answer.status == 415
    assert repr(content_type) in answer.json()["message"]


def test_parameters_of_the_content_type_do_not_matter(core):
    assert core.post(b"{}", {"content-type": "Application/JSON; charset=utf-8"}).status == 200


def test_another_encoding_is_refused_by_name(core, wire):
    answer = core.post(b"", wire.PROTOBUF | {"content-encoding": "br"})

    assert answer.status == 415
    assert "'br'" in Status.FromString(answer.body).message


@pytest.mark.parametrize(
    "body",
    [b"plain", gzip.compress(b"x" * 1000)[:-9], gzip.compress(b"") + b"junk"],
    ids=["plain", "cut short", "followed by junk"],
)
def test_broken_gzip_is_malformed(core, wire, body):
    answer = core.post(body, wire.PROTOBUF | wire.GZIP)

    assert answer.status == 400
    assert Status.FromString(answer.body).code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert "gzip" in Status.FromString(answer.body).message


def test_gzip_of_several_members_is_read_whole(core, wire):
    first, second = wire.span(), wire.span()
    members = [gzip.compress(wire.request(span).SerializeToString()) for span in (first, second)]

    assert core.post(b"".join(members), wire.PROTOBUF | wire.GZIP).status == 200
    assert core.has(first.trace_id)
    assert core.has(second.trace_id)


def test_a_bomb_is_not_inflated(start, wire):
    core = start()
    bomb = gzip.compress(bytes(16 * MIB)) * 64  # a gibibyte in a mebibyte
    before = _peak_bytes(core)

    assert core.post(bomb, wire.PROTOBUF | wire.GZIP).status == 413
    assert _peak_bytes(core) - before < 200 * MIB


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ('{"resourceSpans": 1}', "$.resourceSpans"),
        ('{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xy"}]}]}]}', "'xy'"),
        ('{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"soon"}]}]}]}', "'soon'"),
        ('{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":-1}]}]}]}', "-1"),
        ('{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"value":{"bytesValue":"!"}}]}]}]}]}', "'!'"),
        ('{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"\\ud800"}]}]}]}', "JSON"),
    ],
)
def test_malformed_json_is_told_where(core, wire, body, word):
    answer = core.post(body.encode(), wire.JSON)

    assert answer.status == 400
    assert word in answer.json()["message"]


@pytest.mark.parametrize("depth", [40, 120, 5000])
def test_deep_nesting_never_brings_the_server_down(core, wire, depth):
    value = '{"arrayValue":{"values":[' * depth + '{"intValue":"1"}' + "]}}" * depth
    span = f'{{"traceId":"{"ab" * 16}","spanId":"{"cd" * 8}","attributes":[{{"key":"k","value":{value}}}]}}'

    answer = core.post(f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}'.encode(), wire.JSON)

    assert answer.status == (200 if depth == 40 else 400)
    assert core.post(b"{}", wire.JSON).status == 200


def test_json_of_a_lenient_kind_is_read(core, wire):
    span = wire.span()
    body = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "js"}}], "new": 1},
                "scopeSpans": [
                    {
                        "scope": None,
                        "spans": [
                            {
                                "traceId": span.trace_id.hex().upper(),
                                "spanId": span.span_id.hex(),
                                "parentSpanId": "",
                                "name": "js",
                                "startTimeUnixNano": 1790000000000000000,
                                "endTimeUnixNano": "1790000000000000001",
                                "attributes": [
                                    {"key": "n", "value": {"doubleValue": "NaN"}},
                                    {"key": "big", "value": {"intValue": "-9223372036854775808"}},
                                    {"key": "none", "value": {}},
                                    {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a", "value": None}]}}},
                                ],
                            }
                        ],
                    }
                ],
            }
        ],
        "unknown": {},
    }

    assert core.post(json.dumps(body).encode(), wire.JSON).status == 200

    found = core.trace(span.trace_id)["spans"][0]
    assert found["service"] == "js"
    assert found["attributes"] == {"n": "NaN", "big": "-9223372036854775808", "none": "", "map": '{"a":null}'}


def test_only_post_is_taken(core):
    assert core.get("/v1/traces").status in (404, 405)
    assert core.request("PUT", "/v1/traces").status == 405


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("POST", "/v1/traces", {"host": "evil.example"}, 403, grpc.StatusCode.PERMISSION_DENIED),
        ("PUT", "/v1/traces", {}, 405, grpc.StatusCode.UNIMPLEMENTED),
        ("GET", "/v1/traces", {}, 404, grpc.StatusCode.UNIMPLEMENTED),
        ("POST", "/v1/nothing", {}, 405, grpc.StatusCode.UNIMPLEMENTED),
    ],
)
def test_what_is_refused_below_v1_is_a_status_in_the_encoding_of_the_request(
    core, wire, method, path, headers, status, code
):
    answer = core.request(method, path, headers=headers | wire.PROTOBUF)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert Status.FromString(answer.body).code == code.value[0]
    assert core.request(method, path, headers=headers | wire.JSON).json()["message"]


def test_a_body_that_never_ends_does_not_hold_up_the_end(start, capfd):
    core = start()
    with _stalled_request(core, 1000) as connection:
        time.sleep(0.2)  # for the request to be under way; there is nothing to ask
        began = time.monotonic()

        assert core.stop() == 0
        assert time.monotonic() - began < 8
        assert connection.recv(100).startswith(b"HTTP/1.1 503")
    assert "Traceback" not in capfd.readouterr().err


def test_odd_times_and_numbers_never_stop_the_neighbours(core, wire):
    odd = [
        wire.span("no time", start_time_unix_nano=0, end_time_unix_nano=0),
        wire.span("backwards", end_time_unix_nano=1),
        wire.span("endless", end_time_unix_nano=2**64 - 1),
        wire.span("last moment", start_time_unix_nano=2**63 - 1),
        wire.span("tokens", attributes={"gen_ai.usage.input_tokens": "many", "gen_ai.usage.output_tokens": -1}),
        wire.span("floats", attributes={"gen_ai.usage.input_tokens": 1e300, "arc.cost.usd": float("nan")}),
        wire.span("fix", attributes={"arc.fix.ids": "not a list", "arc.redaction.count": "1e999"}),
        wire.span("parent", parent_span_id=b"\x01"),
    ]
    months = [wire.span("month", start_time_unix_nano=month * 2_700_000_000_000_000) for month in range(1, 300)]

    core.export(wire.request(*odd, *months))

    for span in odd:
        assert core.trace(span.trace_id)["spans"][0]["name"] == span.name
    assert core.trace(odd[0].trace_id)["trace"]["started_at"] == "1970-01-01T00:00:00.000000000Z"
    assert core.has(months[-1].trace_id)


def test_a_span_after_the_last_moment_is_rejected(core, wire):
    answer = core.post(wire.request(wire.span(start_time_unix_nano=2**63)).SerializeToString(), wire.PROTOBUF)

    assert b"2262" in answer.body


def test_a_tenant_that_a_client_names_is_not_believed(core, wire):
    span = wire.span(attributes={"arc.tenant.id": "somebody"})

    core.export(wire.request(span))

    assert core.has(span.trace_id)


def test_more_than_fits_is_put_off_on_both_transports_until_there_is_room(start, wire, eventually):
    core = start("--max-pending-mib", "1")
    span = wire.span(attributes={"filler": "x" * 300_000})
    body = wire.request(span).SerializeToString()
    stalled = []

    def is_full():
        # A body that never ends holds its share; if it was itself put off, another one takes its place.
        stalled.append(_stalled_request(core, 900_000))
        time.sleep(0.2)
        return core.post(body, wire.PROTOBUF).status == 503

    eventually(is_full)
    answer = core.post(body, wire.PROTOBUF)
    with grpc.insecure_channel(core.grpc) as channel, pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(EXPORT)(body)
    for connection in stalled:
        connection.close()

    assert answer.headers["retry-after"] == "1"
    assert Status.FromString(answer.body).code == grpc.StatusCode.UNAVAILABLE.value[0]
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    trailers = dict(refused.value.trailing_metadata())
    assert RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"]).retry_delay.seconds == 1
    details = Status.FromString(trailers["grpc-status-details-bin"]).details
    assert [detail.Is(RetryInfo.DESCRIPTOR) for detail in details] == [True]
    eventually(lambda: core.post(body, wire.PROTOBUF).status == 200)
    assert core.has(span.trace_id)


@pytest.mark.parametrize("is_json", [True, False])
def test_metrics_are_taken_and_one_without_points_of_a_known_kind_is_told_of(core, wire, is_json):
    if is_json:
        points = (
            '{"name":"a","sum":{"dataPoints":[{"asInt":"1"},{}]}},{"name":"b","gauge":{"dataPoints":[{}]}},{"name":"c"}'
        )
        body = f'{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{points}]}}]}}]}}'.encode()
        partial = core.post(body, wire.JSON, "/v1/metrics").json()["partialSuccess"]
        rejected, message = int(partial["rejectedDataPoints"]), partial["errorMessage"]
    else:
        request = ExportMetricsServiceRequest()
        metrics = request.resource_metrics.add().scope_metrics.add().metrics
        metrics.add(name="a").histogram.data_points.add()
        metrics.add(name="c")
        answer = core.post(request.SerializeToString(), wire.PROTOBUF, "/v1/metrics")
        partial = ExportMetricsServiceResponse.FromString(answer.body).partial_success
        rejected, message = partial.rejected_data_points, partial.error_message

    assert rejected == 1
    assert "'c'" in message
    assert core.post(b"{}", wire.JSON, "/v1/metrics").json() == {}


@pytest.mark.parametrize("protocol", ["http-protobuf", "http-json", "grpc"])
def test_logs_are_acknowledged(core, wire, protocol):
    request = ExportLogsServiceRequest()
    record = (
        request.resource_logs.add()
        .scope_logs.add()
        .log_records.add(
            observed_time_unix_nano=wire.START_NS, severity_number=9, event_name="e", trace_id=b"\x01" * 16
        )
    )
    record.body.string_value = "hello"
    if protocol == "grpc":
        with grpc.insecure_channel(core.grpc) as channel:
            export = channel.unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export")
            assert (
                ExportLogsServiceResponse.FromString(export(request.SerializeToString())).partial_success.ByteSize()
                == 0
            )
    elif protocol == "http-json":
        log = {"timeUnixNano": "5", "body": {"stringValue": "hello"}, "flags": 1, "traceId": "01" * 16}
        body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]}
        assert core.post(json.dumps(body).encode(), wire.JSON, "/v1/logs").json() == {}
    else:
        assert core.post(request.SerializeToString(), wire.PROTOBUF, "/v1/logs").status == 200


def _stalled_request(core, size_bytes):
    host, port = core.http.split(":")
    connection = socket.create_connection((host, int(port)))
    head = f"POST /v1/traces HTTP/1.1\r\nHost: {core.http}\r\nContent-Type: application/x-protobuf\r\nContent-Length: "
    connection.sendall(f"{head}{size_bytes + 1}\r\n\r\n".encode() + bytes(size_bytes))
    return connection


def _peak_bytes(core) -> int:
    status = Path(f"/proc/{core.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024
