"""OTLP's JSON (OTLP 1.10 §JSON Protobuf Encoding) as the same messages that protobuf gives.

Ids are hex, not the base64 of plain ProtoJSON, and 64-bit numbers come as text or number. protobuf's own `json_format`
reads neither such ids nor more than 2,000 spans a second.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from arc_core.errors import MalformedError

_UINT64: Final = 2**64
_INT64: Final = 2**63

Whole = int | str | None
Decimal = float | str | None


class _Value(msgspec.Struct, rename="camel"):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Whole = None
    double_value: Decimal = None
    array_value: "_Array | None" = None
    kvlist_value: "_Pairs | None" = None
    bytes_value: str | None = None


class _Array(msgspec.Struct):
    values: list[_Value] | None = None


class _Pair(msgspec.Struct):
    key: str | None = None
    value: _Value | None = None


class _Pairs(msgspec.Struct):
    values: list[_Pair] | None = None


class _Resource(msgspec.Struct):
    attributes: list[_Pair] | None = None


class _Scope(msgspec.Struct):
    name: str | None = None
    version: str | None = None
    attributes: list[_Pair] | None = None


class _Event(msgspec.Struct, rename="camel"):
    time_unix_nano: Whole = None
    name: str | None = None
    attributes: list[_Pair] | None = None


class _Link(msgspec.Struct, rename="camel"):
    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    attributes: list[_Pair] | None = None


class _Status(msgspec.Struct):
    message: str | None = None
    code: int | None = None


class _Span(msgspec.Struct, rename="camel"):
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


class _ScopeSpans(msgspec.Struct, rename="camel"):
    scope: _Scope | None = None
    spans: list[_Span] | None = None


class _ResourceSpans(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None


class _Traces(msgspec.Struct, rename="camel"):
    resource_spans: list[_ResourceSpans] | None = None


class _LogRecord(msgspec.Struct, rename="camel"):
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


class _ScopeLogs(msgspec.Struct, rename="camel"):
    scope: _Scope | None = None
    log_records: list[_LogRecord] | None = None
    schema_url: str | None = None


class _ResourceLogs(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] | None = None
    schema_url: str | None = None


class _Logs(msgspec.Struct, rename="camel"):
    resource_logs: list[_ResourceLogs] | None = None


class _Points(msgspec.Struct, rename="camel"):
    data_points: list[dict[str, object]] | None = None


class _Metric(msgspec.Struct, rename="camel"):
    """Metrics are counted, not stored: nothing else of them is read."""

    name: str | None = None
    gauge: _Points | None = None
    sum: _Points | None = None
    histogram: _Points | None = None
    exponential_histogram: _Points | None = None
    summary: _Points | None = None


class _ScopeMetrics(msgspec.Struct):
    metrics: list[_Metric] | None = None


class _ResourceMetrics(msgspec.Struct, rename="camel"):
    scope_metrics: list[_ScopeMetrics] | None = None


class _Metrics(msgspec.Struct, rename="camel"):
    resource_metrics: list[_ResourceMetrics] | None = None


_TRACES: Final = msgspec.json.Decoder(_Traces)
_LOGS: Final = msgspec.json.Decoder(_Logs)
_METRICS: Final = msgspec.json.Decoder(_Metrics)


def read_traces(body: bytes) -> ExportTraceServiceRequest:
    """Return the request that `body` is; raise MalformedError, saying where, when it is none."""
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=_resource(group.resource),
                scope_spans=[
                    ScopeSpans(scope=_scope(scope.scope), spans=[_span(span) for span in scope.spans or ()])
                    for scope in group.scope_spans or ()
                ],
            )
            for group in _decoded(_TRACES, body).resource_spans or ()
        ]
    )


def read_logs(body: bytes) -> ExportLogsServiceRequest:
    """Return the request that `body` is; raise MalformedError, saying where, when it is none."""
    return ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=_resource(group.resource),
                scope_logs=[_scope_logs(scope) for scope in group.scope_logs or ()],
                schema_url=group.schema_url or "",
            )
            for group in _decoded(_LOGS, body).resource_logs or ()
        ]
    )


def read_metrics(body: bytes) -> ExportMetricsServiceRequest:
    """Return the request that `body` is, its data points empty; raise MalformedError, saying where, when it is none."""
    return ExportMetricsServiceRequest(
        resource_metrics=[
            ResourceMetrics(
                scope_metrics=[
                    ScopeMetrics(metrics=[_metric(metric) for metric in scope.metrics or ()])
                    for scope in group.scope_metrics or ()
                ]
            )
            for group in _decoded(_METRICS, body).resource_metrics or ()
        ]
    )


def _decoded(decoder: "msgspec.json.Decoder[Any]", body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedError(f"the body is not OTLP JSON: {error}") from None


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
        events=[_event(event) for event in span.events or ()],
        links=[_link(link) for link in span.links or ()],
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


def _scope_logs(scope: _ScopeLogs) -> ScopeLogs:
    return ScopeLogs(
        scope=_scope(scope.scope),
        log_records=[_log_record(record) for record in scope.log_records or ()],
        schema_url=scope.schema_url or "",
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


def _metric(metric: _Metric) -> Metric:
    counts = [len(points.data_points or ()) if points else 0 for points in _kinds(metric)]
    gauge, total, histogram, exponential, summary = counts
    if total:
        return Metric(sum=Sum(data_points=[NumberDataPoint()] * total))
    if histogram:
        return Metric(histogram=Histogram(data_points=[HistogramDataPoint()] * histogram))
    if exponential:
        points = [ExponentialHistogramDataPoint()] * exponential
        return Metric(exponential_histogram=ExponentialHistogram(data_points=points))
    if summary:
        return Metric(summary=Summary(data_points=[SummaryDataPoint()] * summary))
    return Metric(gauge=Gauge(data_points=[NumberDataPoint()] * gauge))


def _kinds(metric: _Metric) -> tuple[_Points | None, ...]:
    return metric.gauge, metric.sum, metric.histogram, metric.exponential_histogram, metric.summary


def _resource(resource: _Resource | None) -> Resource:
    return Resource(attributes=_pairs(resource.attributes if resource else None))


def _scope(scope: _Scope | None) -> InstrumentationScope:
    if scope is None:
        return InstrumentationScope()
    return InstrumentationScope(name=scope.name or "", version=scope.version or "", attributes=_pairs(scope.attributes))


def _pairs(pairs: Iterable[_Pair] | None) -> list[KeyValue]:
    return [KeyValue(key=pair.key or "", value=_value(pair.value)) for pair in pairs or ()]


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
