"""OTLP's JSON (OTLP 1.10 §JSON Protobuf Encoding) as the same messages that protobuf gives.

Ids are hex, not the base64 of plain ProtoJSON, and 64-bit numbers come as text or number. protobuf's own `json_format`
reads neither such ids nor more than 2,000 spans a second.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from arc_core.errors import MalformedError, TooLargeError
from arc_core.ingest._capacity import Held
from arc_core.ingest._group import Budget, Group
from arc_core.ingest._values import texts

T = TypeVar("T")

MAX_OBJECTS: Final = 1_500_000
"""JSON objects in one request: three times what 10,000 spans of 40 attributes take."""

_OBJECT_BYTES: Final = 128
"""About what one of them takes once it is decoded."""

_UINT64: Final = 2**64
_INT64: Final = 2**63

Whole = int | str | None
Decimal = float | str | None


class _Value(msgspec.Struct, rename="camel", gc=False):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Whole = None
    double_value: Decimal = None
    array_value: "_Array | None" = None
    kvlist_value: "_Pairs | None" = None
    bytes_value: str | None = None


class _Array(msgspec.Struct, gc=False):
    values: list[_Value] | None = None


class _Pair(msgspec.Struct, gc=False):
    key: str | None = None
    value: _Value | None = None


class _Pairs(msgspec.Struct, gc=False):
    values: list[_Pair] | None = None


class _Resource(msgspec.Struct, gc=False):
    attributes: list[_Pair] | None = None


class _Scope(msgspec.Struct, gc=False):
    name: str | None = None
    version: str | None = None
    attributes: list[_Pair] | None = None


class _Event(msgspec.Struct, rename="camel", gc=False):
    time_unix_nano: Whole = None
    name: str | None = None
    attributes: list[_Pair] | None = None


class _Link(msgspec.Struct, rename="camel", gc=False):
    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    attributes: list[_Pair] | None = None


class _Status(msgspec.Struct, gc=False):
    message: str | None = None
    code: int | None = None


class _Span(msgspec.Struct, rename="camel", gc=False):
    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    kind: int | None = None
    start_time_unix_nano: Whole = None
    end_time_unix_nano: Whole = None
    attributes: list[_Pair] | None = None
    events: list[_Event] | None = None
    links: list[_Link] | None = None
    status: _Status | None = None


class _ScopeSpans(msgspec.Struct, rename="camel", gc=False):
    scope: _Scope | None = None
    spans: list[_Span] | None = None


class _ResourceSpans(msgspec.Struct, rename="camel", gc=False):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None


class _Traces(msgspec.Struct, rename="camel", gc=False):
    resource_spans: list[_ResourceSpans] | None = None


class _LogRecord(msgspec.Struct, rename="camel", gc=False):
    time_unix_nano: Whole = None
    observed_time_unix_nano: Whole = None
    severity_number: int | None = None
    severity_text: str | None = None
    body: _Value | None = None
    attributes: list[_Pair] | None = None
    flags: Whole = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None


class _ScopeLogs(msgspec.Struct, rename="camel", gc=False):
    scope: _Scope | None = None
    log_records: list[_LogRecord] | None = None
    schema_url: str | None = None


class _ResourceLogs(msgspec.Struct, rename="camel", gc=False):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] | None = None
    schema_url: str | None = None


class _Logs(msgspec.Struct, rename="camel", gc=False):
    resource_logs: list[_ResourceLogs] | None = None


class _Exemplar(msgspec.Struct, rename="camel", gc=False):
    filtered_attributes: list[_Pair] | None = None
    time_unix_nano: Whole = None
    as_double: Decimal = None
    as_int: Whole = None
    span_id: str | None = None
    trace_id: str | None = None


class _Buckets(msgspec.Struct, rename="camel", gc=False):
    offset: int | None = None
    bucket_counts: list[int | str] | None = None


class _Quantile(msgspec.Struct, gc=False):
    quantile: Decimal = None
    value: Decimal = None


class _Point(msgspec.Struct, rename="camel", gc=False):
    """A point of any kind: their fields do not contradict each other."""

    attributes: list[_Pair] | None = None
    start_time_unix_nano: Whole = None
    time_unix_nano: Whole = None
    flags: Whole = None
    exemplars: list[_Exemplar] | None = None
    as_double: Decimal = None
    as_int: Whole = None
    count: Whole = None
    sum: Decimal = None
    min: Decimal = None
    max: Decimal = None
    bucket_counts: list[int | str] | None = None
    explicit_bounds: list[float | str] | None = None
    scale: int | None = None
    zero_count: Whole = None
    zero_threshold: Decimal = None
    positive: _Buckets | None = None
    negative: _Buckets | None = None
    quantile_values: list[_Quantile] | None = None


class _Points(msgspec.Struct, rename="camel", gc=False):
    data_points: list[_Point] | None = None
    aggregation_temporality: int | None = None
    is_monotonic: bool | None = None


class _Metric(msgspec.Struct, rename="camel", gc=False):
    name: str | None = None
    description: str | None = None
    unit: str | None = None
    gauge: _Points | None = None
    sum: _Points | None = None
    histogram: _Points | None = None
    exponential_histogram: _Points | None = None
    summary: _Points | None = None


class _ScopeMetrics(msgspec.Struct, rename="camel", gc=False):
    scope: _Scope | None = None
    metrics: list[_Metric] | None = None
    schema_url: str | None = None


class _ResourceMetrics(msgspec.Struct, rename="camel", gc=False):
    resource: _Resource | None = None
    schema_url: str | None = None
    scope_metrics: list[_ScopeMetrics] | None = None


class _Metrics(msgspec.Struct, rename="camel", gc=False):
    resource_metrics: list[_ResourceMetrics] | None = None


_TRACES: Final = msgspec.json.Decoder(_Traces)
_LOGS: Final = msgspec.json.Decoder(_Logs)
_METRICS: Final = msgspec.json.Decoder(_Metrics)


def read_traces(body: bytes, held: Held) -> Iterator[Group[Span]]:
    """Yield the spans of `body`; raise MalformedError, saying where, when it is no request.

    Raise TooLargeError when it holds too many objects, and what `held` raises when there is no room for them.
    """
    budget = Budget()
    for group in _spent(budget, _decoded(_TRACES, body, held).resource_spans):
        resource = _texts(group.resource)
        for scope in _spent(budget, group.scope_spans):
            yield Group(resource, "", _scope(scope.scope), "", (_span(span) for span in _spent(budget, scope.spans)))


def read_logs(body: bytes, held: Held) -> Iterator[Group[LogRecord]]:
    """Yield the log records of `body`; errors as in `read_traces`."""
    budget = Budget()
    for group in _spent(budget, _decoded(_LOGS, body, held).resource_logs):
        resource = _texts(group.resource)
        for scope in _spent(budget, group.scope_logs):
            records = (_log_record(record) for record in _spent(budget, scope.log_records))
            yield Group(resource, group.schema_url or "", _scope(scope.scope), scope.schema_url or "", records)


def read_metrics(body: bytes, held: Held) -> Iterator[Group[Metric]]:
    """Yield the metrics of `body`; errors as in `read_traces`."""
    budget = Budget()
    for group in _spent(budget, _decoded(_METRICS, body, held).resource_metrics):
        resource = _texts(group.resource)
        for scope in _spent(budget, group.scope_metrics):
            metrics = (_metric(metric, budget) for metric in _spent(budget, scope.metrics))
            yield Group(resource, group.schema_url or "", _scope(scope.scope), scope.schema_url or "", metrics)


def _decoded(decoder: "msgspec.json.Decoder[Any]", body: bytes, held: Held) -> Any:
    # Braces in texts are counted too: to tell them apart would take longer than to decode.
    objects = body.count(b"{")
    if objects > MAX_OBJECTS:
        raise TooLargeError(f"the request holds more than {MAX_OBJECTS} JSON objects; send fewer spans at a time")
    held.grow(objects * _OBJECT_BYTES)
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedError(f"the body is not OTLP JSON: {error}") from None


def _spent(budget: Budget, members: list[T] | None) -> list[T]:
    """Return the members of a list, taken off `budget`."""
    found = members or []
    budget.spend(len(found))
    return found


def _span(span: _Span) -> Span:
    status = span.status or _Status()
    return Span(
        trace_id=_id(span.trace_id, "traceId"),
        span_id=_id(span.span_id, "spanId"),
        trace_state=span.trace_state or "",
        parent_span_id=_id(span.parent_span_id, "parentSpanId"),
        name=span.name or "",
        kind=_enum(span.kind),  # type: ignore[arg-type]  # protobuf takes any number that fits
        start_time_unix_nano=_unsigned(span.start_time_unix_nano, "startTimeUnixNano"),
        end_time_unix_nano=_unsigned(span.end_time_unix_nano, "endTimeUnixNano"),
        attributes=_pairs(span.attributes),
        events=(_event(event) for event in span.events or ()),
        links=(_link(link) for link in span.links or ()),
        status=Status(message=status.message or "", code=_enum(status.code)),  # type: ignore[arg-type]
    )


def _event(event: _Event) -> Span.Event:
    return Span.Event(
        time_unix_nano=_unsigned(event.time_unix_nano, "timeUnixNano"),
        name=event.name or "",
        attributes=_pairs(event.attributes),
    )


def _link(link: _Link) -> Span.Link:
    return Span.Link(
        trace_id=_id(link.trace_id, "traceId"),
        span_id=_id(link.span_id, "spanId"),
        trace_state=link.trace_state or "",
        attributes=_pairs(link.attributes),
    )


def _log_record(record: _LogRecord) -> LogRecord:
    return LogRecord(
        time_unix_nano=_unsigned(record.time_unix_nano, "timeUnixNano"),
        observed_time_unix_nano=_unsigned(record.observed_time_unix_nano, "observedTimeUnixNano"),
        severity_number=_enum(record.severity_number),  # type: ignore[arg-type]
        severity_text=record.severity_text or "",
        body=_value(record.body),
        attributes=_pairs(record.attributes),
        flags=_unsigned(record.flags, "flags") & 0xFFFFFFFF,
        trace_id=_id(record.trace_id, "traceId"),
        span_id=_id(record.span_id, "spanId"),
        event_name=record.event_name or "",
    )


def _metric(metric: _Metric, budget: Budget) -> Metric:
    made = Metric(name=metric.name or "", description=metric.description or "", unit=metric.unit or "")
    for kind, make in _POINTS.items():
        points: _Points | None = getattr(metric, kind)
        if points is None:
            continue
        data = getattr(made, kind)
        data.SetInParent()
        data.data_points.extend(make(point) for point in _spent(budget, points.data_points))
        if kind not in ("gauge", "summary"):
            data.aggregation_temporality = _enum(points.aggregation_temporality)
        if kind == "sum":
            data.is_monotonic = bool(points.is_monotonic)
    return made


def _about_point(point: _Point) -> dict[str, Any]:
    """What points of every kind have."""
    return {
        "attributes": _pairs(point.attributes),
        "start_time_unix_nano": _unsigned(point.start_time_unix_nano, "startTimeUnixNano"),
        "time_unix_nano": _unsigned(point.time_unix_nano, "timeUnixNano"),
        "flags": _unsigned(point.flags, "flags") & 0xFFFFFFFF,
    }


def _number_point(point: _Point) -> NumberDataPoint:
    return NumberDataPoint(**_about_point(point), **_number(point), exemplars=_exemplars(point))


def _number(of: "_Point | _Exemplar") -> dict[str, Any]:
    if of.as_double is not None:
        return {"as_double": _double(of.as_double)}
    if of.as_int is not None:
        return {"as_int": _whole(of.as_int, "asInt", low=-_INT64, high=_INT64)}
    return {}


def _exemplars(point: _Point) -> Iterator[Exemplar]:
    return (
        Exemplar(
            filtered_attributes=_pairs(one.filtered_attributes),
            time_unix_nano=_unsigned(one.time_unix_nano, "timeUnixNano"),
            span_id=_id(one.span_id, "spanId"),
            trace_id=_id(one.trace_id, "traceId"),
            **_number(one),
        )
        for one in point.exemplars or ()
    )


def _about_sum(point: _Point) -> dict[str, Any]:
    told = {"sum": point.sum, "min": point.min, "max": point.max}
    return (
        _about_point(point)
        | {"count": _unsigned(point.count, "count"), "exemplars": _exemplars(point)}
        | {name: _double(value) for name, value in told.items() if value is not None}
    )


def _histogram_point(point: _Point) -> HistogramDataPoint:
    return HistogramDataPoint(
        **_about_sum(point),
        bucket_counts=(_unsigned(count, "bucketCounts") for count in point.bucket_counts or ()),
        explicit_bounds=(_double(bound) for bound in point.explicit_bounds or ()),
    )


def _exponential_point(point: _Point) -> ExponentialHistogramDataPoint:
    return ExponentialHistogramDataPoint(
        **_about_sum(point),
        scale=_small(point.scale),
        zero_count=_unsigned(point.zero_count, "zeroCount"),
        zero_threshold=_double(point.zero_threshold or 0.0),
        positive=_buckets(point.positive),
        negative=_buckets(point.negative),
    )


def _buckets(buckets: _Buckets | None) -> ExponentialHistogramDataPoint.Buckets:
    if buckets is None:
        return ExponentialHistogramDataPoint.Buckets()
    counts = (_unsigned(count, "bucketCounts") for count in buckets.bucket_counts or ())
    return ExponentialHistogramDataPoint.Buckets(offset=_small(buckets.offset), bucket_counts=counts)


def _summary_point(point: _Point) -> SummaryDataPoint:
    return SummaryDataPoint(
        **_about_point(point),
        count=_unsigned(point.count, "count"),
        sum=_double(point.sum or 0.0),
        quantile_values=(
            SummaryDataPoint.ValueAtQuantile(quantile=_double(one.quantile or 0.0), value=_double(one.value or 0.0))
            for one in point.quantile_values or ()
        ),
    )


_POINTS: Final[dict[str, Any]] = {
    "gauge": _number_point,
    "sum": _number_point,
    "histogram": _histogram_point,
    "exponential_histogram": _exponential_point,
    "summary": _summary_point,
}
"""Fields of a metric that hold points, and what makes one of theirs."""


def _small(number: int | None) -> int:
    if number is not None and not -(2**31) <= number < 2**31:
        raise MalformedError(f"{number} does not fit in 32 bits")
    return number or 0


def _texts(resource: _Resource | None) -> dict[str, str]:
    return texts(_pairs(resource.attributes if resource else None))


def _scope(scope: _Scope | None) -> InstrumentationScope:
    if scope is None:
        return InstrumentationScope()
    return InstrumentationScope(name=scope.name or "", version=scope.version or "", attributes=_pairs(scope.attributes))


def _pairs(pairs: Iterable[_Pair] | None) -> Iterator[KeyValue]:
    # One at a time: each message that Python holds has an arena of its own, a kilobyte of it.
    return (KeyValue(key=pair.key or "", value=_value(pair.value)) for pair in pairs or ())


def _value(value: _Value | None) -> AnyValue:
    if value is None:
        return AnyValue()
    if value.string_value is not None:
        return AnyValue(string_value=value.string_value)
    if value.bool_value is not None:
        return AnyValue(bool_value=value.bool_value)
    if value.int_value is not None:
        return AnyValue(int_value=_whole(value.int_value, "intValue", low=-_INT64, high=_INT64))
    if value.double_value is not None:
        return AnyValue(double_value=_double(value.double_value))
    if value.bytes_value is not None:
        return AnyValue(bytes_value=_bytes(value.bytes_value))
    return _nested(value)


def _nested(value: _Value) -> AnyValue:
    made = AnyValue()
    if value.array_value is not None:
        made.array_value.values.extend(_value(item) for item in value.array_value.values or ())
        made.array_value.SetInParent()
    elif value.kvlist_value is not None:
        made.kvlist_value.values.extend(_pairs(value.kvlist_value.values))
        made.kvlist_value.SetInParent()
    return made


def _id(digits: str | None, field: str) -> bytes:
    try:
        return binascii.unhexlify(digits or "")
    except ValueError:
        raise MalformedError(f"{field} {digits!r} is not hex") from None


def _bytes(coded: str) -> bytes:
    """ProtoJSON: base64, standard or URL-safe, with or without padding."""
    try:
        standard = coded.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        raise MalformedError(f"bytesValue {coded!r} is not base64") from None


def _unsigned(number: Whole, field: str) -> int:
    return 0 if number is None else _whole(number, field, low=0, high=_UINT64)


def _whole(number: int | str, field: str, *, low: int, high: int) -> int:
    try:
        whole = int(number)
    except ValueError:
        raise MalformedError(f"{field} {number!r} is not a whole number") from None
    if not low <= whole < high:
        raise MalformedError(f"{field} {number!r} does not fit in 64 bits")
    return whole


def _double(number: float | str) -> float:
    try:
        return float(number)
    except ValueError:
        raise MalformedError(f"doubleValue {number!r} is not a number") from None


def _enum(number: int | None) -> int:
    """Numbers out of any enum's range become 0: enums are open, protobuf's 32 bits are not."""
    return number if number is not None and 0 <= number < 2**31 else 0
