"""Stored rows as the shapes of the API; pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec
from arc_semconv import attributes as names
from arc_semconv.api import EventView, LinkView, Redactions, SpanView, Status, TraceDetail, TraceSummary
from arc_semconv.fixes import Change, Fix
from arc_semconv.kinds import RunState

from arc_core.model import StoredSpan, StoredTrace

T = TypeVar("T")

_SECOND_NS: Final = 1_000_000_000
_MS_NS: Final = 1_000_000


def trace_summary(trace: StoredTrace) -> TraceSummary:
    """One row of the list."""
    return TraceSummary(
        trace_id=trace.trace_id,
        name=trace.name,
        service=trace.service,
        status=trace.status,
        started_at=rfc3339(trace.start_ns),
        duration_ms=(trace.end_ns - trace.start_ns) / _MS_NS,
        spans=trace.spans,
        errors=trace.errors,
        input_tokens=trace.input_tokens,
        output_tokens=trace.output_tokens,
        cost_usd=trace.cost_usd,
        unpriced_calls=trace.unpriced_calls,
        fixes=trace.fixes,
        redactions=trace.redactions,
        agents=trace.agents,
        models=trace.models,
    )


def trace_detail(trace: StoredTrace, spans: Iterable[StoredSpan]) -> TraceDetail:
    """One trace with its spans in the order given."""
    return TraceDetail(trace=trace_summary(trace), spans=[span_view(span, trace.start_ns) for span in spans])


def span_view(span: StoredSpan, trace_start_ns: int) -> SpanView:
    """One span; a value that does not parse is shown as text or left out, never an error."""
    return SpanView(
        span_id=span.span_id,
        parent_id=span.parent_span_id or None,
        kind=span.kind,
        name=span.name,
        service=span.service,
        scope=span.scope_name,
        status=_status(span),
        status_message=span.status_message,
        started_at=rfc3339(span.start_ns),
        offset_ms=(span.start_ns - trace_start_ns) / _MS_NS,
        duration_ms=span.duration_ns / _MS_NS,
        agent=span.agent or None,
        model=span.model or None,
        tool=span.tool or None,
        input_tokens=span.input_tokens,
        output_tokens=span.output_tokens,
        cost_usd=span.cost_usd,
        fix=_fix(span),
        redactions=_redactions(span),
        input_messages=_system(span.system_instructions) + _messages(span.input_messages, "user"),
        output_messages=_messages(span.output_messages, "assistant"),
        attributes=span.attributes,
        resource=span.resource,
        events=_events(span, trace_start_ns),
        links=_links(span),
    )


def rfc3339(time_ns: int) -> str:
    """UTC with nine decimals and a `Z` (RFC 3339)."""
    seconds, rest = divmod(time_ns, _SECOND_NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _status(span: StoredSpan) -> Status:
    if span.status == "Error":
        return "error"
    if span.run_state == RunState.INTERRUPTED:
        return "interrupted"
    if span.run_state == RunState.CANCELLED:
        return "cancelled"
    return "ok"


def _events(span: StoredSpan, trace_start_ns: int) -> list[EventView]:
    return [
        EventView(name, (time_ns - trace_start_ns) / _MS_NS, attributes)
        for name, time_ns, attributes in zip(span.event_names, span.event_times_ns, span.event_attributes, strict=True)
    ]


def _links(span: StoredSpan) -> list[LinkView]:
    return [
        LinkView(trace_id, span_id, attributes)
        for trace_id, span_id, attributes in zip(
            span.link_trace_ids, span.link_span_ids, span.link_attributes, strict=True
        )
    ]


def _fix(span: StoredSpan) -> Fix | None:
    if not span.fix_ids:
        return None
    told = span.attributes
    return Fix(
        ids=span.fix_ids,
        mode=told.get(names.FIX_MODE, ""),
        trigger=told.get(names.FIX_TRIGGER, ""),
        outcome=told.get(names.FIX_OUTCOME, "unknown"),
        changes=_readable(told.get(names.FIX_CHANGES, ""), Change),
    )


def _redactions(span: StoredSpan) -> Redactions | None:
    types = _readable(span.attributes.get(names.REDACTION_TYPES, ""), str)
    if not types and not span.redaction_count:
        return None
    return Redactions(span.redaction_count, list(dict.fromkeys(types)))


def _readable(text: str, item: type[T]) -> list[T]:
    """Return the items of a JSON list that are what they should be; none when `text` is no list."""
    found = _decoded(text)
    if not isinstance(found, list):
        return []
    readable = []
    for each in found:
        try:
            readable.append(msgspec.convert(each, item))
        except msgspec.ValidationError:
            continue
    return readable


def _system(text: str) -> list[object]:
    """Return the system instructions as a message: the conventions hold them as bare parts."""
    if not text:
        return []
    found = _decoded(text)
    if isinstance(found, list) and all(isinstance(part, dict) for part in found):
        return [{"role": "system", "parts": found}]
    return [_text_message(found if isinstance(found, str) else text, "system")]


def _messages(text: str, role: str) -> list[object]:
    if not text:
        return []
    found = _decoded(text)
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list):
        return [_text_message(text, role)]
    return [_message(each, role) for each in found]


def _message(found: object, role: str) -> object:
    """Return a GenAI message; older shapes (`content`, bare text) are put into parts."""
    if not isinstance(found, dict):
        return _text_message(_as_text(found), role)
    message = {"role": role, **found}
    if not isinstance(message.get("parts"), list):
        content = message.pop("content", None)
        message["parts"] = [] if content is None else [_text_part(_as_text(content))]
    return message


def _text_message(content: str, role: str) -> object:
    return {"role": role, "parts": [_text_part(content)]}


def _text_part(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _decoded(text: str) -> object:
    """Return what the JSON `text` says; None when it is no JSON, as when it was cut."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
