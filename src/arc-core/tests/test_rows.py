"""OTLP messages as rows, without a server."""

import msgspec
import pytest
from arc_core.errors import OverCapacityError
from arc_core.ingest import Capacity
from arc_core.ingest._otlp_protobuf import read_traces
from arc_core.ingest._rows import MAX_TIME_NS, Rejected, span_rows
from arc_core.ingest._values import text
from arc_core.model import Prices
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

PRICES = Prices()
CALL = {
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": "1000",
    "gen_ai.usage.output_tokens": "100",
}
NOW_NS = 1_790_000_000_000_000_000


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
        (AnyValue(double_value=1e300), "1e+300"),
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
    span = wire.span("chat", attributes={"a": 1}, start_time_unix_nano=5)

    line = msgspec.json.encode(_row(wire.request(span), cost=0.5))
    row = msgspec.json.decode(line)

    assert row["TenantId"] == "default"
    assert b'"Timestamp":0.000000005,' in line
    assert (row["TraceId"], row["SpanId"], row["ParentSpanId"]) == (span.trace_id.hex(), span.span_id.hex(), "")
    assert (row["SpanKind"], row["StatusCode"]) == ("Internal", "Unset")
    assert row["SpanAttributes"] == {"a": "1"}
    assert row["CostUsd"] == 0.5
    assert row["Events.Name"] == row["Links.TraceId"] == []


@given(start=st.integers(0, MAX_TIME_NS), end=st.integers(0, 2**64 - 1))
def test_no_duration_leads_out_of_time(wire, start, end):
    request = wire.request(wire.span(start_time_unix_nano=start, end_time_unix_nano=end))

    row = _row(request)

    assert 0 <= start + row.duration_ns <= MAX_TIME_NS


@pytest.mark.parametrize(
    ("attributes", "cost"),
    [
        ({}, 0.0035),
        ({"gen_ai.usage.cache_read.input_tokens": "10"}, 0.0034875),
        ({"gen_ai.provider.name": "azure.ai.openai"}, 0.0035),
        ({"gen_ai.provider.name": "somebody"}, 0.0035),
        ({"gen_ai.provider.name": ""}, 0.0035),
        ({"gen_ai.response.model": "unheard-of"}, 0.0035),
        ({"gen_ai.request.model": "unheard-of"}, None),
        ({"gen_ai.request.model": ""}, None),
        ({"arc.cost.usd": "0"}, 0.0),
        ({"arc.cost.usd": "1.5"}, 1.5),
        ({"arc.cost.usd": "NaN"}, 0.0035),
        ({"arc.cost.usd": "-1"}, 0.0035),
        ({"gen_ai.usage.cache_read.input_tokens": "1001"}, None),
        ({"gen_ai.usage.input_tokens": "many"}, None),
        ({"gen_ai.usage.input_tokens": "abc", "gen_ai.usage.output_tokens": "xyz"}, None),
        ({"gen_ai.usage.input_tokens": "-5", "gen_ai.usage.output_tokens": "-5"}, None),
        ({"gen_ai.usage.input_tokens": "nan"}, None),
        ({"gen_ai.usage.output_tokens": "nan"}, None),
        ({"gen_ai.usage.cache_read.input_tokens": "some"}, None),
        ({"gen_ai.usage.output_tokens": ""}, 0.0025),
        # No rate is not a rate of 0, unless the list calls the model free.
        ({"gen_ai.provider.name": "github-copilot", "gen_ai.request.model": "gpt-4.1"}, None),
        ({"gen_ai.provider.name": "cerebras", "gen_ai.request.model": "qwen-3-coder-480b"}, None),
        ({"gen_ai.request.model": "whisper-1"}, None),
        ({"gen_ai.request.model": "text-embedding-3-small"}, None),
        ({"gen_ai.request.model": "text-embedding-3-small", "gen_ai.usage.output_tokens": "0"}, 0.00002),
        ({"gen_ai.provider.name": "openrouter", "gen_ai.request.model": "deepseek/deepseek-r1:free"}, 0.0),
        # A provider that the list knows has its own prices, and a machine of one's own has none.
        ({"gen_ai.provider.name": "anthropic"}, None),
        ({"gen_ai.provider.name": "ollama", "gen_ai.request.model": "deepseek-r1"}, None),
    ],
)
def test_a_call_costs_what_the_list_says(attributes, cost):
    assert PRICES.cost(CALL | attributes, NOW_NS) == cost


def test_a_call_without_usage_has_no_price():
    assert PRICES.cost({"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}, NOW_NS) is None


def test_a_price_that_grows_with_the_request_is_the_library_s():
    from genai_prices import Usage, calc_price

    for tokens in (1000, 300_000):
        call = {"gen_ai.request.model": "gemini-2.5-pro", "gen_ai.usage.input_tokens": str(tokens)}
        expected = calc_price(Usage(input_tokens=tokens), "gemini-2.5-pro").total_price
        assert PRICES.cost(call, NOW_NS) == pytest.approx(float(expected))


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


def _row(request, cost=None):
    (row,) = span_rows(read_traces(request.SerializeToString()), lambda _attributes, _start_ns: cost, Rejected())
    return row
