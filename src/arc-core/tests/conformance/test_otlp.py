"""A test for each rule of OTLP 1.10 (opentelemetry-proto, docs/specification.md), in every way and for every signal."""

import gzip
import http.client
import os
import socket
import threading
from dataclasses import replace

import grpc
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics, ScopeMetrics
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

NOW_NS = 1_790_000_000_000_000_000
MIB = 1024 * 1024
OK, CANCELLED, INVALID_ARGUMENT, UNIMPLEMENTED, INTERNAL = b"0", b"1", b"3", b"12", b"13"
"""Statuses of gRPC as they are on the wire."""
HEADERS, END_STREAM, END_HEADERS = 1, 1, 4
UNKNOWN_FIELD = b"\xba\x3e\x03new"
"""Field 999, which no version of OTLP has."""


def record(signal, **attributes):
    """A request with one record."""
    pairs = [KeyValue(key=key, value=AnyValue(**value)) for key, value in attributes.items()]
    request = signal.request()
    if signal.name == "traces":
        request.resource_spans.add().scope_spans.add().spans.add(
            trace_id=os.urandom(16), span_id=os.urandom(8), name="s", start_time_unix_nano=NOW_NS,
            end_time_unix_nano=NOW_NS + 5, attributes=pairs,
        )  # fmt: skip
    elif signal.name == "logs":
        request.resource_logs.add().scope_logs.add().log_records.add(
            time_unix_nano=NOW_NS, body=AnyValue(string_value="b"), attributes=pairs
        )
    else:
        metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
        metric.gauge.data_points.add(time_unix_nano=NOW_NS, as_int=3, attributes=pairs)
    return request


def assert_accepted(answer):
    assert answer.outcome == "ok", answer
    assert not answer.response.HasField("partial_success")


def test_all_that_is_well_is_accepted_without_partial_success(endpoint, way, signal):
    assert_accepted(way.send(endpoint, signal, way.encode(record(signal))))


def test_an_empty_request_is_accepted(endpoint, way, signal):
    assert_accepted(way.send(endpoint, signal, way.encode(signal.request())))


def test_envelopes_without_records_are_accepted(endpoint, way, signal):
    request = {
        "traces": lambda: signal.request(resource_spans=[ResourceSpans(), ResourceSpans(scope_spans=[ScopeSpans()])]),
        "logs": lambda: signal.request(resource_logs=[ResourceLogs(), ResourceLogs(scope_logs=[ScopeLogs()])]),
        "metrics": lambda: signal.request(
            resource_metrics=[ResourceMetrics(), ResourceMetrics(scope_metrics=[ScopeMetrics()])]
        ),
    }[signal.name]()
    assert_accepted(way.send(endpoint, signal, way.encode(request)))


def test_unknown_fields_are_ignored(endpoint, way, signal):
    body = way.encode(record(signal))
    body = b'{"newField":{"a":[1]},' + body[1:] if way.is_json else body + UNKNOWN_FIELD
    assert_accepted(way.send(endpoint, signal, body))


@pytest.mark.parametrize("value", [
    {"bytes_value": b"\x00\xff"}, {"int_value": -(2**63)}, {"double_value": float("nan")}, {"bool_value": False}, {"string_value": ""}, {},
], ids=["bytes", "int", "nan", "false", "empty", "unset"])  # fmt: skip
def test_values_of_every_kind_are_accepted(endpoint, way, signal, value):
    assert_accepted(way.send(endpoint, signal, way.encode(record(signal, k=value))))


def test_lists_of_pairs_and_arrays_are_accepted(endpoint, way, signal):
    pairs = AnyValue()
    pairs.kvlist_value.values.append(KeyValue(key="a", value=AnyValue(int_value=1)))
    inner = AnyValue()
    inner.array_value.values.append(pairs)
    request = record(signal, a={"array_value": inner.array_value}, p={"kvlist_value": pairs.kvlist_value})
    assert_accepted(way.send(endpoint, signal, way.encode(request)))


def test_bad_data_is_refused_for_good(endpoint, way, signal):
    answer = way.send(endpoint, signal, b"\xff\xff\xff\xff")
    assert answer.outcome == "bad data"
    assert answer.message
    assert answer.wait_seconds is None


def test_a_cut_message_is_refused_for_good(endpoint, way, signal):
    assert way.send(endpoint, signal, way.encode(record(signal))[:-3]).outcome == "bad data"


@pytest.mark.parametrize("signal", ["traces"], indirect=True)
def test_what_is_too_large_once_inflated_is_refused_for_good(endpoint, way, signal):
    answer = way.send(endpoint, signal, b" " * (65 * MIB))
    assert answer.outcome == "too large"
    assert answer.wait_seconds is None
    assert_accepted(way.send(endpoint, signal, way.encode(record(signal))))


@pytest.mark.parametrize("signal", ["traces"], indirect=True)
def test_records_that_cannot_be_taken_are_counted_and_their_neighbours_kept(endpoint, way, signal):
    request = record(signal)
    spans = request.resource_spans[0].scope_spans[0].spans
    spans.add(trace_id=b"\x01", span_id=b"\x02" * 8, name="short")
    answer = way.send(endpoint, signal, way.encode(request))
    assert answer.outcome == "ok"
    assert answer.response.partial_success.rejected_spans == 1
    assert answer.response.partial_success.error_message


@pytest.mark.parametrize(
    "told", [{}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong"}], ids=["none", "key", "bearer"]
)
def test_who_may_not_send_is_refused_for_good(asking_for_a_key, way, signal, told):
    body = way.encode(record(signal))
    stranger = replace(asking_for_a_key, headers={})
    answer = way.send(stranger, signal, body, **told)
    assert answer.outcome == "auth"
    assert answer.message
    assert answer.wait_seconds is None
    assert_accepted(way.send(asking_for_a_key, signal, body))


def test_who_may_send_no_more_for_now_is_told_when_to_come_again(out_of_quota, way, signal):
    answer = way.send(out_of_quota, signal, way.encode(record(signal)))
    assert answer.outcome == "later"
    assert answer.message
    assert answer.wait_seconds >= 1
    assert answer.hints == (2 if way.protocol == "grpc" else 1)


@pytest.mark.parametrize("path", ["traces", "logs", "metrics"])
class TestHttp:
    """What HTTP alone has."""

    def test_another_method_is_refused(self, endpoint, path):
        assert _http(endpoint, "PUT", path)[0] in (404, 405)

    def test_another_content_type_is_refused(self, endpoint, path):
        assert _http(endpoint, "POST", path, b"{}", {"content-type": "text/plain"})[0] == 415

    def test_another_encoding_is_refused(self, endpoint, path):
        told = {"content-type": "application/json", "content-encoding": "br"}
        assert _http(endpoint, "POST", path, b"{}", told)[0] == 415

    @pytest.mark.parametrize(
        "damage",
        [b"no gzip", gzip.compress(b"{}" * 1000)[:-9], gzip.compress(b"{}")[:-8] + b"\0" * 8],
        ids=["none", "cut", "wrong sum"],
    )
    def test_damaged_gzip_is_bad_data(self, endpoint, path, damage):
        told = {"content-type": "application/json", "content-encoding": "gzip"}
        assert _http(endpoint, "POST", path, damage, told)[0] == 400

    def test_parameters_of_the_content_type_are_ignored(self, endpoint, path):
        assert _http(endpoint, "POST", path, b"{}", {"content-type": "application/json; charset=utf-8"})[0] == 200

    def test_a_connection_is_kept_alive(self, endpoint, path):
        connection = http.client.HTTPConnection(endpoint.http, timeout=30)
        try:
            told = endpoint.headers | {"content-type": "application/json"}
            for _ in range(3):
                connection.request("POST", f"/v1/{path}", b"{}", told)
                assert connection.getresponse().read() is not None
                assert connection.sock is not None
        finally:
            connection.close()


def _http(endpoint, method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection(endpoint.http, timeout=30)
    try:
        connection.request(method, f"/v1/{path}", body, endpoint.headers | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_sixty_bodies_that_never_end_hold_up_nobody(endpoint, way, signal):
    host, port = endpoint.http.split(":")
    head = f"POST /v1/{signal.name} HTTP/1.1\r\nHost: {endpoint.http}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    slow = [socket.create_connection((host, int(port)), timeout=30) for _ in range(60)]
    try:
        for one in slow:
            one.sendall(head.encode() + b"{")
        assert_accepted(way.send(endpoint, signal, way.encode(record(signal))))
    finally:
        for one in slow:
            one.close()


class TestGrpc:
    """What gRPC alone has."""

    def test_calls_without_a_message_do_not_hang(self, endpoint, signal):
        method = f"/opentelemetry.proto.collector.{signal.service}/Export"
        with grpc.insecure_channel(endpoint.grpc) as channel:
            with pytest.raises(grpc.RpcError) as refused:
                channel.stream_unary(method)(iter(()), timeout=10, metadata=tuple(endpoint.headers.items()))
        assert refused.value.code() is not grpc.StatusCode.DEADLINE_EXCEEDED

    @pytest.mark.parametrize("message", [b"", b"\0\0\0", b"\0\0\0\0\x64cut"], ids=["none", "no length", "cut"])
    def test_a_message_that_is_not_there_or_cut_on_the_wire_is_answered(self, endpoint, signal, message):
        assert _raw_call(endpoint, signal, message) in (INVALID_ARGUMENT, INTERNAL, UNIMPLEMENTED, CANCELLED)

    @pytest.mark.parametrize(
        "damage",
        [b"\x1f\x8bno gzip", gzip.compress(b"\x0a\0" * 1000)[:-9], gzip.compress(b"")[:-8] + b"\1" * 8],
        ids=["none", "cut", "wrong sum"],
    )
    def test_damaged_gzip_is_bad_data(self, endpoint, signal, damage):
        message = b"\1" + len(damage).to_bytes(4, "big") + damage
        assert _raw_call(endpoint, signal, message, (b"grpc-encoding", b"gzip")) == INVALID_ARGUMENT

    def test_a_connection_kept_alive_by_pings_stays(self, endpoint, signal):
        assert _raw_call(endpoint, signal, b"\0\0\0\0\0", pings=10) == OK

    def test_sixty_calls_whose_message_never_ends_hold_up_nobody(self, endpoint, signal):
        calls = [_raw_connection(endpoint, signal, b"\0\0\0\0\x64{", ends=False) for _ in range(60)]
        try:
            with grpc.insecure_channel(endpoint.grpc) as channel:
                export = channel.unary_unary(f"/opentelemetry.proto.collector.{signal.service}/Export")
                export(record(signal).SerializeToString(), timeout=30, metadata=tuple(endpoint.headers.items()))
        finally:
            for call in calls:
                call.close()

    def test_an_unknown_method_is_unimplemented(self, endpoint):
        with grpc.insecure_channel(endpoint.grpc) as channel:
            with pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Import")(b"", timeout=10)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED

    def test_one_channel_carries_many_calls_at_once(self, endpoint, signal):
        method = f"/opentelemetry.proto.collector.{signal.service}/Export"
        with grpc.insecure_channel(endpoint.grpc) as channel:
            export = channel.unary_unary(method)
            bodies = [record(signal).SerializeToString() for _ in range(50)]
            calls = [export.future(body, timeout=60, metadata=tuple(endpoint.headers.items())) for body in bodies]
            assert all(call.code() is grpc.StatusCode.OK for call in calls)


def _raw_connection(endpoint, signal, message, *more, pings=0, ends=True):
    """A connection with one call, written frame by frame (RFC 9113): no client of gRPC's would send these."""

    def frame(kind, flags, stream, content=b""):
        return len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content

    told = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"otlp"), (b"te", b"trailers"),
            (b":path", f"/opentelemetry.proto.collector.{signal.service}/Export".encode()),
            (b"content-type", b"application/grpc"), *more]  # fmt: skip
    told += [(name.encode(), value.encode()) for name, value in endpoint.headers.items()]
    heads = b"".join(b"\0" + bytes([len(k)]) + k + bytes([len(v)]) + v for k, v in told)
    host, port = endpoint.grpc.split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(HEADERS, END_HEADERS, 1, heads))
    connection.sendall(frame(6, 0, 0, b"pingpong") * pings + frame(0, END_STREAM if ends else 0, 1, message))
    return connection


def _raw_call(endpoint, signal, message, *more, pings=0):
    """The status that such a call ends with: what stands in its trailers, or CANCELLED where its stream is reset."""
    with (
        _raw_connection(endpoint, signal, message, *more, pings=pings) as connection,
        connection.makefile("rb") as file,
    ):
        while head := file.read(9):
            content = file.read(int.from_bytes(head[:3], "big"))
            if head[3] == HEADERS and head[4] & END_STREAM:
                told = content.partition(b"grpc-status")[2]
                return told[1 : 1 + told[0]]
            if head[3] == 3:
                return CANCELLED
    raise AssertionError("the connection was closed without an answer")


def test_many_senders_at_once_are_all_answered(endpoint, way, signal):
    answers = []

    def send():
        answers.append(way.send(endpoint, signal, way.encode(record(signal))).outcome)

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert answers == ["ok"] * 8
