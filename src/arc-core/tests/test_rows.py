"""OTLP messages as rows, without a server."""

import msgspec
import pytest
from arc_core.errors import OverCapacityError
from arc_core.ingest import Capacity
from arc_core.ingest._otlp_protobuf import read_traces
from arc_core.ingest._rows import MAX_TIME_NS, Origin, Rejected, Seen, flaw, span_rows
from arc_core.ingest._values import text
from arc_core.model import Tenant
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(AnyValue(), "", id="unset"),
        (AnyValue(string_value=""), ""),
        (AnyValue(string_value="a"), "a"),
        (AnyValue(bool_value=False), "false"),
        (AnyValue(int_value=-(2**63)), "-9223372036854775808"),
        (AnyValue(double_value=1.0), "1"),
        (AnyValue(double_value=0.1), "0.1"),
        (AnyValue(double_value=1e300), "1e300"),
        (AnyValue(double_value=float("inf")), "Infinity"),
        (AnyValue(double_value=float("-inf")), "-Infinity"),
        (AnyValue(bytes_value=b"\x00"), "AA=="),
        (AnyValue(array_value=ArrayValue()), "[]"),
        (AnyValue(array_value=ArrayValue(values=[AnyValue(), AnyValue(double_value=float("nan"))])), '[null,"NaN"]'),
        (AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="a", value=AnyValue(int_value=1))])), '{"a":1}'),
    ],
)
def test_values_are_text(value, expected):
    assert text(value) == expected


def test_a_row_has_the_columns_of_the_exporter(wire):
    span = wire.span("chat", attributes={"a": 1, "arc.cost.usd": 0.5}, start_time_unix_nano=5)

    line = msgspec.json.encode(_row(wire.request(span), cost=0.5))
    row = msgspec.json.decode(line)

    assert row["TenantId"] == "default"
    assert b'"Timestamp":0.000000005,' in line
    assert (row["TraceId"], row["SpanId"], row["ParentSpanId"]) == (span.trace_id.hex(), span.span_id.hex(), "")
    assert (row["SpanKind"], row["StatusCode"]) == ("Internal", "Unset")
    assert row["SpanAttributes"] == {"a": "1", "arc.cost.usd": "0.5"}
    assert row["CostUsd"] == 0.5
    assert row["Events.Name"] == row["Links.TraceId"] == []


@given(start=st.integers(0, MAX_TIME_NS), end=st.integers(0, 2**64 - 1))
def test_no_duration_leads_out_of_time(wire, start, end):
    request = wire.request(wire.span(start_time_unix_nano=start, end_time_unix_nano=end))

    row = _row(request)

    assert 0 <= start + row.duration_ns <= MAX_TIME_NS


def test_capacity_is_given_back_and_one_request_always_fits():
    capacity = Capacity(10)
    with capacity.hold() as large:
        large.grow(50)
        large.grow(50)
        with pytest.raises(OverCapacityError), capacity.hold() as other:
            other.grow(1)
    with capacity.hold() as one, capacity.hold() as two:
        one.grow(6)
        two.grow(4)
        with pytest.raises(OverCapacityError):
            two.grow(1)


_IDS = st.sampled_from([b"", b"\0" * 8, b"\0" * 16, b"a" * 8, b"b" * 8, b"a" * 16, b"b" * 16])
_SPANS = st.lists(
    st.builds(
        Span, trace_id=_IDS, span_id=_IDS, start_time_unix_nano=st.sampled_from([0, MAX_TIME_NS, MAX_TIME_NS + 1])
    ),
    max_size=4,
)


@given(_SPANS, _SPANS)
def test_spans_are_taken_together_only_where_each_would_be(first, second):
    together, apart = Seen(), Seen()
    for spans in (first, second):
        fine = all(not flaw(span) and not apart.has(span) for span in spans)
        assert together.takes(spans) is fine
        if not fine:
            return


def _row(request, cost=None):
    (row,) = span_rows(
        read_traces(request.SerializeToString()), Origin(Tenant(), 7), lambda _attributes, _start_ns: cost, Rejected()
    )
    return row
