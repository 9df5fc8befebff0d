"""Stored spans as OTLP's JSON (OTLP 1.11 §JSON Protobuf Encoding); pure."""

from collections.abc import Iterable
from typing import Any, Final

from arc_semconv import attributes as names

from arc_core.model import StoredSpan

_KINDS: Final = {"Internal": 1, "Server": 2, "Client": 3, "Producer": 4, "Consumer": 5}
_STATUSES: Final = {"Ok": 1, "Error": 2}

_WHOLE: Final = frozenset(
    (
        names.USAGE_INPUT_TOKENS,
        names.USAGE_OUTPUT_TOKENS,
        names.USAGE_CACHE_READ_INPUT_TOKENS,
        names.USAGE_CACHE_WRITE_INPUT_TOKENS,
        names.USAGE_REASONING_OUTPUT_TOKENS,
        names.REQUEST_MAX_TOKENS,
        names.REQUEST_SEED,
        names.REQUEST_CHOICE_COUNT,
        names.SERVER_PORT,
        names.HTTP_STATUS_CODE,
        names.HTTP_RESEND_COUNT,
        names.PROCESS_PID,
        names.REDACTION_COUNT,
    )
)
"""Attributes that are whole numbers. What is stored is text: others go out as text too."""

_REAL: Final = frozenset((names.REQUEST_TEMPERATURE, names.REQUEST_TOP_P, names.COST_USD))
"""Attributes that are numbers."""


def request_of(spans: Iterable[StoredSpan]) -> dict[str, Any]:
    """An ExportTraceServiceRequest of `spans`, those of one resource and scope together."""
    resources: dict[tuple[tuple[str, str], ...], dict[tuple[str, str], list[StoredSpan]]] = {}
    for span in spans:
        scopes = resources.setdefault(tuple(sorted(span.resource.items())), {})
        scopes.setdefault((span.scope_name, span.scope_version), []).append(span)
    return {"resourceSpans": [_resource(dict(resource), scopes) for resource, scopes in resources.items()]}


def _resource(resource: dict[str, str], scopes: dict[tuple[str, str], list[StoredSpan]]) -> dict[str, Any]:
    return {
        "resource": {"attributes": _attributes(resource)},
        "scopeSpans": [
            {"scope": {"name": name, "version": version}, "spans": [_span(span) for span in spans]}
            for (name, version), spans in scopes.items()
        ],
    }


def _span(span: StoredSpan) -> dict[str, Any]:
    texts = {
        names.SYSTEM_INSTRUCTIONS: span.system_instructions,
        names.INPUT_MESSAGES: span.input_messages,
        names.OUTPUT_MESSAGES: span.output_messages,
    }
    attributes = span.attributes | {name: text for name, text in texts.items() if text}
    if span.cost_usd is not None:
        attributes = {names.COST_USD: repr(span.cost_usd)} | attributes
    told: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_span_id,
        "traceState": span.trace_state,
        "name": span.name,
        "kind": _KINDS.get(span.span_kind, 0),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.start_ns + span.duration_ns),
        "attributes": _attributes(attributes),
        "events": [
            {"timeUnixNano": str(time_ns), "name": name, "attributes": _attributes(event)}
            for name, time_ns, event in zip(span.event_names, span.event_times_ns, span.event_attributes, strict=True)
        ],
        "links": [
            {"traceId": trace_id, "spanId": span_id, "traceState": state, "attributes": _attributes(link)}
            for trace_id, span_id, state, link in zip(
                span.link_trace_ids, span.link_span_ids, span.link_trace_states, span.link_attributes, strict=True
            )
        ],
        "status": {"code": _STATUSES.get(span.status, 0), "message": span.status_message},
    }
    return {name: value for name, value in told.items() if value not in ("", [])}


def _attributes(attributes: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(key, text)} for key, text in attributes.items()]


def _value(key: str, text: str) -> dict[str, Any]:
    if key in _WHOLE and text.removeprefix("-").isascii() and text.removeprefix("-").isdigit():
        return {"intValue": text}
    if key in _REAL:
        try:
            return {"doubleValue": float(text)}
        except ValueError:
            pass
    return {"stringValue": text}
