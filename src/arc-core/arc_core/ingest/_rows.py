"""OTLP messages as rows."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import msgspec
from arc_semconv import attributes as names
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from arc_core.ingest._values import text, texts
from arc_core.model import SERVED_TENANT, LogRow, SpanRow

MAX_TIME_NS: Final = 2**63 - 1
"""The last moment that DateTime64(9) holds, in the year 2262."""

CostOf = Callable[[dict[str, str], int], float | None]
"""What a span with these attributes costs in US dollars, given its start in nanoseconds."""

_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_NO_TRACE: Final = bytes(_TRACE_ID_BYTES)
_NO_SPAN: Final = bytes(_SPAN_ID_BYTES)
_KINDS: Final = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
_STATUSES: Final = ("Unset", "Ok", "Error")
_SECOND: Final = 1_000_000_000


class Flattened(NamedTuple):
    """The rows of one request, and what was left out of it."""

    rows: list[SpanRow] | list[LogRow]
    rejected: int = 0
    reason: str = ""
    """Why the first one was rejected."""


def span_rows(request: ExportTraceServiceRequest, cost_of: CostOf) -> Flattened:
    """Return the spans of `request`; those that could not be found again are rejected, their neighbours are not."""
    rows: list[SpanRow] = []
    rejected, reason = 0, ""
    for resource_spans in request.resource_spans:
        resource = texts(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                if flaw := _flaw(span):
                    rejected += 1
                    reason = reason or flaw
                else:
                    rows.append(_span_row(span, scope_spans, resource, cost_of))
    return Flattened(rows, rejected, reason)


def _flaw(span: Span) -> str:
    if len(span.trace_id) != _TRACE_ID_BYTES or span.trace_id == _NO_TRACE:
        return f"span {span.name!r} has the trace_id {span.trace_id.hex()!r}; it must be 16 bytes, not all zero"
    if len(span.span_id) != _SPAN_ID_BYTES or span.span_id == _NO_SPAN:
        return f"span {span.name!r} has the span_id {span.span_id.hex()!r}; it must be 8 bytes, not all zero"
    if span.start_time_unix_nano > MAX_TIME_NS:
        return f"span {span.name!r} starts at {span.start_time_unix_nano} ns, after the year 2262"
    return ""


def _span_row(span: Span, scope_spans: ScopeSpans, resource: dict[str, str], cost_of: CostOf) -> SpanRow:
    attributes = texts(span.attributes)
    start_ns = span.start_time_unix_nano
    events, links = span.events, span.links
    return SpanRow(
        SERVED_TENANT,
        _seconds(start_ns),
        span.trace_id.hex(),
        span.span_id.hex(),
        "" if span.parent_span_id == _NO_SPAN else span.parent_span_id.hex(),
        span.trace_state,
        span.name,
        _word(_KINDS, span.kind),
        resource.get(names.SERVICE_NAME, ""),
        resource,
        scope_spans.scope.name,
        scope_spans.scope.version,
        attributes,
        max(0, min(span.end_time_unix_nano, MAX_TIME_NS) - start_ns),
        _word(_STATUSES, span.status.code),
        span.status.message,
        [_seconds(event.time_unix_nano) for event in events],
        [event.name for event in events],
        [texts(event.attributes) for event in events],
        [link.trace_id.hex() for link in links],
        [link.span_id.hex() for link in links],
        [link.trace_state for link in links],
        [texts(link.attributes) for link in links],
        cost_of(attributes, start_ns),
    )


def log_rows(request: ExportLogsServiceRequest) -> Flattened:
    """Return the log records of `request`; none is ever rejected."""
    return Flattened(list(_log_rows(request.resource_logs)))


def _log_rows(groups: Iterable[ResourceLogs]) -> Iterator[LogRow]:
    for resource_logs in groups:
        resource = texts(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            scope_attributes = texts(scope_logs.scope.attributes)
            for record in scope_logs.log_records:
                yield _log_row(record, resource_logs, scope_logs, resource, scope_attributes)


def _log_row(
    record: LogRecord,
    resource_logs: ResourceLogs,
    scope_logs: ScopeLogs,
    resource: dict[str, str],
    scope_attributes: dict[str, str],
) -> LogRow:
    return LogRow(
        tenant=SERVED_TENANT,
        timestamp=_seconds(record.time_unix_nano or record.observed_time_unix_nano),
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
        trace_flags=record.flags & 0xFF,
        severity_text=record.severity_text,
        severity_number=min(max(record.severity_number, 0), 255),
        service=resource.get(names.SERVICE_NAME, ""),
        body=text(record.body),
        resource_schema_url=resource_logs.schema_url,
        resource=resource,
        scope_schema_url=scope_logs.schema_url,
        scope_name=scope_logs.scope.name,
        scope_version=scope_logs.scope.version,
        scope_attributes=scope_attributes,
        attributes=texts(record.attributes),
        event_name=record.event_name,
    )


def _seconds(time_ns: int) -> msgspec.Raw:
    """`time_ns` as a JSON number of seconds with nine decimals, which ClickHouse reads exactly."""
    seconds, rest = divmod(min(time_ns, MAX_TIME_NS), _SECOND)
    return msgspec.Raw(b"%d.%09d" % (seconds, rest))


def _word(words: tuple[str, ...], number: int) -> str:
    return words[number] if 0 <= number < len(words) else words[0]
