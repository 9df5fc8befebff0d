"""The rows that go into ClickHouse and come out of it.

Written rows carry the columns of the Collector's ClickHouse exporter (opentelemetry-collector-contrib,
exporter/clickhouseexporter/internal/sqltemplates), so that an exporter can write to the same tables.
"""

from typing import Final, Literal

import msgspec

SERVED_TENANT: Final = "default"
"""Stamped on every row and put into every query; what a client says about its tenant is never believed."""

Table = Literal["otel_traces", "otel_logs"]


class Batch(msgspec.Struct, frozen=True):
    """The rows of one request, ready to be inserted."""

    table: Table
    lines: bytes | bytearray
    """JSONEachRow: one JSON object a line."""
    rows: int


class SpanRow(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "tenant": "TenantId",
        "timestamp": "Timestamp",
        "trace_id": "TraceId",
        "span_id": "SpanId",
        "parent_span_id": "ParentSpanId",
        "trace_state": "TraceState",
        "name": "SpanName",
        "kind": "SpanKind",
        "service": "ServiceName",
        "resource": "ResourceAttributes",
        "scope_name": "ScopeName",
        "scope_version": "ScopeVersion",
        "attributes": "SpanAttributes",
        "duration_ns": "Duration",
        "status": "StatusCode",
        "status_message": "StatusMessage",
        "event_times": "Events.Timestamp",
        "event_names": "Events.Name",
        "event_attributes": "Events.Attributes",
        "link_trace_ids": "Links.TraceId",
        "link_span_ids": "Links.SpanId",
        "link_trace_states": "Links.TraceState",
        "link_attributes": "Links.Attributes",
        "cost_usd": "CostUsd",
    },
):
    """One span, as `otel_traces` takes it."""

    tenant: str
    timestamp: msgspec.Raw
    """Start in seconds since 1970 with nine decimals."""
    trace_id: str
    span_id: str
    parent_span_id: str
    """Empty for the root."""
    trace_state: str
    name: str
    kind: str
    """`Internal`, `Server`, `Client`, `Producer`, `Consumer` or `Unspecified`."""
    service: str
    resource: dict[str, str]
    scope_name: str
    scope_version: str
    attributes: dict[str, str]
    """Arrays and maps as JSON."""
    duration_ns: int
    status: str
    """`Unset`, `Ok` or `Error`."""
    status_message: str
    event_times: list[msgspec.Raw]
    event_names: list[str]
    event_attributes: list[dict[str, str]]
    link_trace_ids: list[str]
    link_span_ids: list[str]
    link_trace_states: list[str]
    link_attributes: list[dict[str, str]]
    cost_usd: float | None
    """US dollars; None when no price is known. The one column that the exporter does not have, beside the tenant."""


class LogRow(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "tenant": "TenantId",
        "timestamp": "Timestamp",
        "trace_id": "TraceId",
        "span_id": "SpanId",
        "trace_flags": "TraceFlags",
        "severity_text": "SeverityText",
        "severity_number": "SeverityNumber",
        "service": "ServiceName",
        "body": "Body",
        "resource_schema_url": "ResourceSchemaUrl",
        "resource": "ResourceAttributes",
        "scope_schema_url": "ScopeSchemaUrl",
        "scope_name": "ScopeName",
        "scope_version": "ScopeVersion",
        "scope_attributes": "ScopeAttributes",
        "attributes": "LogAttributes",
        "event_name": "EventName",
    },
):
    """One log record, as `otel_logs` takes it."""

    tenant: str
    timestamp: msgspec.Raw
    """Seconds since 1970 with nine decimals; the time of observation where the record has no other."""
    trace_id: str
    span_id: str
    trace_flags: int
    severity_text: str
    severity_number: int
    service: str
    body: str
    resource_schema_url: str
    resource: dict[str, str]
    scope_schema_url: str
    scope_name: str
    scope_version: str
    scope_attributes: dict[str, str]
    attributes: dict[str, str]
    event_name: str


class TraceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces are asked for; an empty text leaves that choice open."""

    service: str = ""
    """One of its spans comes from this service."""
    status: str = ""
    text: str = ""
    """Part of its name, or the beginning of its id."""
    invocation: str = ""
    """One of its spans comes from a program of this `arc run` (`arc.invocation.id`)."""
    since_ns: int = 0
    """It began then or later; 0 for any time."""
    before_ns: int = 0
    """With `before_id`, the last trace of the page before; 0 for the first page."""
    before_id: str = ""


class StoredTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One trace, summed up."""

    trace_id: str
    start_ns: int
    end_ns: int
    name: str
    service: str
    status: Literal["ok", "error", "interrupted", "cancelled", "running"]
    spans: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    unpriced_calls: int = 0
    fixes: int = 0
    redactions: int = 0
    agents: list[str] = []
    models: list[str] = []


class StoredSpan(msgspec.Struct, frozen=True, kw_only=True):
    """One span as the table `spans` holds it."""

    span_id: str
    parent_span_id: str
    kind: Literal["job", "run", "tool", "action", "llm", "other"]
    name: str
    service: str
    scope_name: str
    status: str
    status_message: str
    run_state: str
    start_ns: int
    duration_ns: int
    agent: str
    model: str
    tool: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    fix_ids: list[str]
    redaction_count: int
    input_messages: str
    output_messages: str
    system_instructions: str
    attributes: dict[str, str]
    resource: dict[str, str]
    event_times_ns: list[int]
    """Times since 1970."""
    event_names: list[str]
    event_attributes: list[dict[str, str]]
    link_trace_ids: list[str]
    link_span_ids: list[str]
    link_attributes: list[dict[str, str]]
