"""Rows as the statements here return them."""

from typing import Literal

import msgspec

from arc_core.model import StoredTrace


class TraceRow(msgspec.Struct, frozen=True):
    """A trace, of which only its own table was read."""

    trace_id: str
    start_ns: int
    end_ns: int
    face: tuple[str, str, int, str, str]
    """Of the root, or of the earliest span: name, service, is it a root, status, state."""

    def trace(self) -> StoredTrace:
        """The trace, with no sums. Its status is what `arc_core.filters.TRACE_STATUS` makes of it."""
        name, service, is_root, status, state = self.face
        return StoredTrace(
            trace_id=self.trace_id,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            name=name,
            service=service,
            status=_status(status, state) if is_root else "running",
        )


class NewestTraceRow(TraceRow, frozen=True):
    """A trace of the newest hours."""

    window_s: int
    """When the first of these hours began, in seconds since 1970."""
    window_rows: int
    """How many rows were asked for that made these hours, or all there are."""


class TotalsRow(msgspec.Struct, frozen=True):
    """What the spans of one trace add up to."""

    trace_id: str
    spans: int
    span_ids: int
    """How many of them differ."""
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    unpriced_calls: int
    fixes: int
    redactions: int
    agents: dict[str, str]
    """When each was first seen."""
    models: dict[str, str]

    def of(self, trace: StoredTrace) -> StoredTrace:
        """`trace` with these sums."""
        return msgspec.structs.replace(
            trace,
            spans=self.spans,
            errors=self.errors,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd,
            unpriced_calls=self.unpriced_calls,
            fixes=self.fixes,
            redactions=self.redactions,
            agents=_by_time(self.agents),
            models=_by_time(self.models),
        )


def _status(status: str, state: str) -> Literal["ok", "error", "interrupted", "cancelled"]:
    match status, state:
        case "Error", _:
            return "error"
        case _, "interrupted" | "cancelled":
            return state
        case _:
            return "ok"


def _by_time(seen: dict[str, str]) -> list[str]:
    return sorted(seen, key=lambda name: (seen[name], name))


class SpanLine(msgspec.Struct, frozen=True, kw_only=True):
    """One span of a list: everything but its messages, attributes, events and links."""

    trace_id: str
    span_id: str
    parent_span_id: str
    kind: str
    name: str
    service: str
    status: Literal["ok", "error", "interrupted", "cancelled"]
    status_message: str
    start_ns: int
    duration_ns: int
    agent: str
    model: str
    provider: str
    tool: str
    session: str
    error: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    fix_ids: list[str]


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """The spans of one conversation, summed up."""

    session: str
    first_ns: int
    last_ns: int
    traces: int
    spans: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    agents: list[str]
    models: list[str]
    users: list[str]


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one agent, summed up."""

    agent: str
    runs: int
    errors: int
    calls: int
    tools: int
    quantiles: list[float | None]
    """0.5, 0.95 and 0.99 of how long runs took, in nanoseconds; empty where there are none."""
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one model, summed up."""

    provider: str
    model: str
    calls: int
    errors: int
    unpriced: int
    quantiles: list[float | None]
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: float | None


class CostRow(msgspec.Struct, frozen=True, kw_only=True):
    """What model calls cost, in one bucket of time and for one key."""

    start_s: int
    """0 where time is not cut."""
    key: str
    calls: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


class FailureRow(msgspec.Struct, frozen=True, kw_only=True):
    """Failures of one sort."""

    fingerprint: str
    kind: str
    service: str
    agent: str
    error: str
    failure: str
    count: int
    first_ns: int
    last_ns: int
    trace_id: str
    span_id: str
    name: str
    message: str


class StatPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one bucket of time."""

    start_s: int
    key: str
    spans: int
    errors: int
    quantiles: list[float | None]
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
