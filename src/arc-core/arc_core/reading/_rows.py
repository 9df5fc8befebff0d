"""Rows as the statements here return them."""

from typing import Literal

import msgspec


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
