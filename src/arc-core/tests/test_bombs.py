"""Small requests that would become large ones: refused, and cheap to refuse."""

import gzip
import re
import time
from pathlib import Path

import pytest

MIB = 1024 * 1024
IDS = b"\x0a\x10" + b"\x01" * 16 + b"\x12\x08" + b"\x02" * 8


def _field(number, content):
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def _request(spans, resource=b""):
    return _field(1, _field(1, resource) + _field(2, spans))


def _json(inside):
    return b'{"resourceSpans":[' + inside + b"]}"


def _of_value(value):
    return _request(_field(2, IDS + _field(9, _field(1, b"k") + _field(2, value))))


_SPAN = (
    b'{"scopeSpans":[{"spans":[{"traceId":"' + b"01" * 16 + b'","spanId":"' + b"02" * 8 + b'","attributes":[%s]}]}]}'
)
_LARGE_RESOURCE = _field(1, _field(1, b"k") + _field(2, _field(1, b"x" * 256 * 1024)))

BOMBS = {
    "json groups": ("json", "traces", _json(b",".join([b"{}"] * (8 * MIB // 3)))),
    "json attributes": ("json", "traces", _json(_SPAN % b",".join([b"{}"] * (8 * MIB // 3)))),
    "json points": ("json", "metrics", b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":['
                    + b",".join([b"{}"] * (8 * MIB // 3)) + b"]}}]}]}]}"),
    "groups": ("x-protobuf", "traces", b"\x0a\x00" * (4 * MIB)),
    "spans": ("x-protobuf", "traces", _request(b"\x12\x00" * (4 * MIB))),
    "attributes": ("x-protobuf", "traces", _request(_field(2, IDS + b"\x4a\x00" * (4 * MIB)))),
    "values": ("x-protobuf", "traces", _of_value(_field(5, b"\x0a\x00" * (4 * MIB)))),
    "resource attributes": ("x-protobuf", "traces", _request(b"", b"\x0a\x00" * (4 * MIB))),
    "a resource on each row": ("x-protobuf", "traces", _request(_field(2, IDS) * 2000, _LARGE_RESOURCE)),
    "log records": ("x-protobuf", "logs", _request(b"\x12\x00" * (4 * MIB))),
    "metrics": ("x-protobuf", "metrics", _request(b"\x12\x00" * (4 * MIB))),
    "data points": ("x-protobuf", "metrics", _request(_field(2, _field(7, b"\x0a\x00" * (4 * MIB))))),
}  # fmt: skip


@pytest.fixture(scope="module")
def target(tmp_path_factory, launched):
    return launched(tmp_path_factory.mktemp("bombs"))


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_become_large_is_refused_cheaply(target, wire, name):
    content_type, signal, body = BOMBS[name]
    packed = gzip.compress(body, 9)
    before = _peak_bytes(target)
    began = time.monotonic()

    answer = target.post(packed, {"content-type": f"application/{content_type}"} | wire.GZIP, f"/v1/{signal}")

    assert answer.status == 413
    assert b"send fewer" in answer.body
    assert len(packed) < MIB
    assert time.monotonic() - began < 20
    assert _peak_bytes(target) - before < 450 * MIB


def test_just_under_the_limits_costs_what_it_should(target, wire):
    objects = _json(_SPAN % b",".join([b"{}"] * 1_400_000))
    spans = _request(_field(2, IDS) * 190_000)
    before = _peak_bytes(target)

    assert target.post(objects, wire.JSON).status == 200
    assert target.post(spans, wire.PROTOBUF).status == 200
    assert _peak_bytes(target) - before < 900 * MIB


@pytest.mark.parametrize("protocol", ["http-protobuf", "http-json"])
def test_a_large_batch_of_real_spans_is_taken(target, wire, transports, protocol):
    attributes = {f"app.attribute.number.{number}": f"value {number} of this span" for number in range(40)}
    root = wire.span("large batch")
    spans = [wire.span(trace_id=root.trace_id, attributes=attributes) for _ in range(10_000)]

    assert transports[protocol].send(target, wire.request(root, *spans)).outcome == "ok"
    assert target.has(root.trace_id)


def _peak_bytes(core) -> int:
    status = Path(f"/proc/{core.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024
