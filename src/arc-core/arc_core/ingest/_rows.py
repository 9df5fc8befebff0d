"""OTLP messages as rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from arc_semconv import attributes as names
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from arc_core.ingest._group import Group
from arc_core.ingest._values import text, texts
from arc_core.model import LogRow, SpanRow, Tenant
from arc_core.model.dialects import TOKENS, canonical

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


class Rejected:
    """What was left out of a request."""

    def __init__(self) -> None:
        self.count = 0
        self.reason = ""
        """Why the first one was."""

    def add(self, reason: str) -> None:
        """Count one more."""
        self.count += 1
        self.reason = self.reason or reason


_Key = tuple[bytes, bytes, int, int]
"""Ids, start and end of a span."""


class Seen:
    """The spans of a request so far: one that it holds twice is stored once, so that no total counts it twice."""

    def __init__(self) -> None:
        self._spans: set[_Key] = set()

    def has(self, span: Span) -> bool:
        """Whether `span` was there before; from now on it was. One of other times is not the same."""
        key = _key(span)
        if key in self._spans:
            return True
        self._spans.add(key)
        return False

    def takes(self, spans: Sequence[Span]) -> bool:
        """Whether none of `spans` has a `flaw`, nor was there before or twice; from now on they were, if so.

        The same as to ask for each of them, in a third of the time.
        """
        keys = [_key(span) for span in spans]
        new = set(keys)
        if len(new) < len(keys) or not self._spans.isdisjoint(new):
            return False
        trace_ids, span_ids = {key[0] for key in new}, {key[1] for key in new}
        if (
            any(len(one) != _TRACE_ID_BYTES for one in trace_ids)
            or any(len(one) != _SPAN_ID_BYTES for one in span_ids)
            or _NO_TRACE in trace_ids
            or _NO_SPAN in span_ids
            or any(key[2] > MAX_TIME_NS for key in new)
        ):
            return False
        self._spans |= new
        return True


def _key(span: Span) -> _Key:
    return span.trace_id, span.span_id, span.start_time_unix_nano, span.end_time_unix_nano


class Origin(NamedTuple):
    """Whose rows they are, and of which request."""

    tenant: Tenant
    batch_id: int


def span_rows(groups: Iterable[Group[Span]], origin: Origin, cost_of: CostOf, rejected: Rejected) -> Iterator[SpanRow]:
    """Yield the spans of `groups`, each once; those that could not be found again are `rejected`, no others."""
    seen = Seen()
    for group in groups:
        for span in group.records:
            if reason := flaw(span):
                rejected.add(reason)
            elif not seen.has(span):
                yield _span_row(span, group, origin, cost_of)


def flaw(span: Span) -> str:
    """Return why `span` could not be found again; empty when it could."""
    if len(span.trace_id) != _TRACE_ID_BYTES or span.trace_id == _NO_TRACE:
        return f"span {span.name!r} has the trace_id {span.trace_id.hex()!r}; it must be 16 bytes, not all zero"
    if len(span.span_id) != _SPAN_ID_BYTES or span.span_id == _NO_SPAN:
        return f"span {span.name!r} has the span_id {span.span_id.hex()!r}; it must be 8 bytes, not all zero"
    if span.start_time_unix_nano > MAX_TIME_NS:
        return f"span {span.name!r} starts at {span.start_time_unix_nano} ns, after the year 2262"
    return ""


def _span_row(span: Span, group: Group[Span], origin: Origin, cost_of: CostOf) -> SpanRow:
    attributes = texts(span.attributes)
    start_ns = span.start_time_unix_nano
    events, links = span.events, span.links
    return SpanRow(
        origin.tenant.id,
        seconds(start_ns),
        span.trace_id.hex(),
        span.span_id.hex(),
        "" if span.parent_span_id == _NO_SPAN else span.parent_span_id.hex(),
        span.trace_state,
        span.name,
        _word(_KINDS, span.kind),
        group.resource.get(names.SERVICE_NAME, ""),
        group.resource,
        group.scope.name,
        group.scope.version,
        attributes,
        max(0, min(span.end_time_unix_nano, MAX_TIME_NS) - start_ns),
        _word(_STATUSES, span.status.code),
        span.status.message,
        [seconds(event.time_unix_nano) for event in events],
        [event.name for event in events],
        [texts(event.attributes) for event in events],
        [link.trace_id.hex() for link in links],
        [link.span_id.hex() for link in links],
        [link.trace_state for link in links],
        [texts(link.attributes) for link in links],
        _cost(attributes, start_ns, cost_of),
        origin.batch_id,
    )


def _cost(attributes: dict[str, str], start_ns: int, cost_of: CostOf) -> float | None:
    if names.COST_USD not in attributes and TOKENS.isdisjoint(attributes):
        return None
    return cost_of(canonical(attributes), start_ns)


def log_rows(groups: Iterable[Group[LogRecord]], origin: Origin) -> Iterator[LogRow]:
    """Yield the log records of `groups`; none is ever rejected."""
    for group in groups:
        scope_attributes = texts(group.scope.attributes)
        for record in group.records:
            yield _log_row(record, group, scope_attributes, origin)


def _log_row(record: LogRecord, group: Group[LogRecord], scope_attributes: dict[str, str], origin: Origin) -> LogRow:
    return LogRow(
        tenant=origin.tenant.id,
        timestamp=seconds(record.time_unix_nano or record.observed_time_unix_nano),
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
        trace_flags=record.flags & 0xFF,
        severity_text=record.severity_text,
        severity_number=min(max(record.severity_number, 0), 255),
        service=group.resource.get(names.SERVICE_NAME, ""),
        body=text(record.body),
        resource_schema_url=group.resource_schema_url,
        resource=group.resource,
        scope_schema_url=group.scope_schema_url,
        scope_name=group.scope.name,
        scope_version=group.scope.version,
        scope_attributes=scope_attributes,
        attributes=texts(record.attributes),
        event_name=record.event_name,
        batch_id=origin.batch_id,
    )


def seconds(time_ns: int) -> msgspec.Raw:
    """`time_ns` as a JSON number of seconds with nine decimals, which ClickHouse reads exactly."""
    seconds, rest = divmod(min(time_ns, MAX_TIME_NS), _SECOND)
    return msgspec.Raw(b"%d.%09d" % (seconds, rest))


def _word(words: tuple[str, ...], number: int) -> str:
    return words[number] if 0 <= number < len(words) else words[0]
