"""What Arc Core answers under `/api/v1`: the JSON shapes that the workbench, `arc doctor` and `arc demo` read.

Times are RFC 3339 in UTC with nanoseconds; durations and offsets are milliseconds as floats; tokens are counts of the
model calls alone, never of the agents around them; cost is in US dollars, null where no price is known.
"""

from typing import Annotated, Literal

import msgspec

from arc_semconv.fixes import Fix

Status = Literal["ok", "error", "interrupted", "cancelled", "running"]
"""How a trace or span ended; a trace is `running` while its root span has not arrived."""


class TraceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the trace list."""

    trace_id: str
    """32 hex digits."""
    name: str
    """Name of the root span, or of the earliest span while the root has not arrived."""
    service: str
    status: Status
    started_at: str
    duration_ms: float
    spans: int
    errors: int
    """Spans that ended in an error; a trace that recovered has errors and the status `ok`."""
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """Sum over the model calls with a known price; null when there is none."""
    unpriced_calls: int
    """Model calls whose price is not known: the cost is then a lower bound."""
    fixes: int
    """Model calls that were mended."""
    redactions: int
    """Values replaced before the spans left the process."""
    agents: list[str]
    """Names of the agents that ran, in the order of their first run."""
    models: list[str]


class TracePage(msgspec.Struct, frozen=True):
    """Traces, newest first."""

    traces: list[TraceSummary]
    next: str | None
    """Pass as `after` to get the traces that follow; null on the last page."""
    services: list[str]
    """Every service there is, for the filter."""


class Redactions(msgspec.Struct, frozen=True):
    """What was taken out of one span."""

    count: int
    types: list[str]
    """Distinct types, e.g. `EMAIL`."""


class EventView(msgspec.Struct, frozen=True):
    """One event of a span."""

    name: str
    offset_ms: float
    """From the start of the trace."""
    attributes: dict[str, str]


class LinkView(msgspec.Struct, frozen=True):
    """A link to another span."""

    trace_id: str
    span_id: str
    attributes: dict[str, str]


class SpanView(msgspec.Struct, frozen=True, kw_only=True):
    """One span of a trace, as the detail page shows it."""

    span_id: str
    """16 hex digits."""
    parent_id: str | None
    kind: Literal["job", "run", "tool", "action", "llm", "other"]
    name: str
    service: str
    scope: str
    """The instrumentation that made it."""
    status: Status
    status_message: str
    started_at: str
    offset_ms: float
    """From the start of the trace."""
    duration_ms: float
    agent: str | None
    model: str | None
    tool: str | None
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    fix: Fix | None
    redactions: Redactions | None
    input_messages: list[object]
    """GenAI messages (`role`, `parts`), system instructions first; empty when content was not captured."""
    output_messages: list[object]
    attributes: dict[str, str]
    """Every attribute but the messages."""
    resource: dict[str, str]
    events: list[EventView]
    links: list[LinkView]


class TraceDetail(msgspec.Struct, frozen=True):
    """One trace with all its spans, oldest first."""

    trace: TraceSummary
    spans: list[SpanView]


class SpanSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a list of spans."""

    trace_id: str
    span_id: str
    parent_id: str | None
    kind: str
    """`job`, `run`, `tool`, `action`, `llm` or `other`."""
    name: str
    service: str
    status: Status
    status_message: str
    started_at: str
    duration_ms: float
    agent: str | None
    model: str | None
    provider: str | None
    tool: str | None
    session: str | None
    error_type: str | None
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    fixes: list[str]
    """Ids of the fixes that were applied or tried."""


class SpanPage(msgspec.Struct, frozen=True):
    """Spans, newest first."""

    spans: list[SpanSummary]
    next: str | None
    """Pass as `after` to get the spans that follow; null on the last page."""


class SessionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation (`gen_ai.conversation.id`)."""

    session: str
    started_at: str
    last_at: str
    """When its last span began."""
    traces: int
    spans: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    agents: list[str]
    models: list[str]
    users: list[str]


class SessionPage(msgspec.Struct, frozen=True):
    """Conversations, the last active first."""

    sessions: list[SessionSummary]
    next: str | None
    """Pass as `after` to get those that follow; null on the last page."""


class Took(msgspec.Struct, frozen=True):
    """How long things took, in milliseconds; null where there were none."""

    p50: float | None
    p95: float | None
    p99: float | None


class AgentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The spans of one agent, summed up."""

    agent: str
    runs: int
    errors: int
    """Runs that ended in an error."""
    calls: int
    """Model calls."""
    tools: int
    """Tool calls."""
    took_ms: Took
    """Of its runs."""
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


class AgentList(msgspec.Struct, frozen=True):
    """Agents, most runs first."""

    agents: list[AgentSummary]


class ModelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one model, summed up."""

    provider: str
    model: str
    calls: int
    errors: int
    unpriced_calls: int
    """Calls whose price is not known: the cost is then a lower bound."""
    took_ms: Took
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: float | None


class ModelList(msgspec.Struct, frozen=True):
    """Models, most calls first."""

    models: list[ModelSummary]


class CostItem(msgspec.Struct, frozen=True, kw_only=True):
    """What model calls cost, for one key and one piece of time."""

    at: str | None
    """The beginning of the piece of time; null when time is not cut."""
    key: str
    calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


class CostList(msgspec.Struct, frozen=True):
    """Costs, oldest first, then dearest first."""

    costs: list[CostItem]


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Failures that differ in numbers and ids alone."""

    fingerprint: str
    kind: str
    service: str
    agent: str | None
    error_type: str | None
    failure: str | None
    """`arc.failure.type`."""
    count: int
    first_at: str
    last_at: str
    trace_id: str
    """One of them."""
    span_id: str
    name: str
    message: str


class FailureList(msgspec.Struct, frozen=True):
    """Sorts of failures, most frequent first."""

    errors: list[FailureGroup]


class StatItem(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one piece of time, for one key."""

    at: str
    """Its beginning."""
    key: str
    spans: int
    errors: int
    took_ms: Took
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


class StatList(msgspec.Struct, frozen=True):
    """Numbers over time, oldest first; pieces of time without spans are left out."""

    interval_seconds: int
    stats: list[StatItem]


class Imported(msgspec.Struct, frozen=True):
    """What an import brought."""

    spans: int
    rejected: int
    message: str
    """Why the first one was rejected; empty when none was."""


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without its secret. Times are RFC 3339, null for none."""

    id: str
    prefix: str
    tenant: str
    name: str
    scopes: list[str]
    """`ingest`, `read`, `admin`."""
    state: str
    """`in force`, `expired` or `revoked`."""
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    key: str | None = None
    """The whole key, only in the answer that it was made by."""


class KeyList(msgspec.Struct, frozen=True):
    """Keys, oldest first."""

    keys: list[KeyView]


Seconds = Annotated[float, msgspec.Meta(ge=0, le=3_162_240_000)]
"""At most a hundred years."""


Name = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
"""What something is called, without control characters (ECMA-48)."""


class KeyOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be made."""

    scopes: Annotated[list[Literal["ingest", "read", "admin"]], msgspec.Meta(min_length=1, max_length=3)]
    name: Name = ""
    expires_seconds: Seconds | None = None
    """How long it lasts; null for ever."""


class RotationOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be replaced."""

    overlap_seconds: Seconds = 86400
    """How long the old one still works."""


class AuditItem(msgspec.Struct, frozen=True, kw_only=True):
    """One change to tenants, keys or data."""

    number: int
    at: str
    actor: str
    action: str
    tenant: str
    subject: str
    detail: dict[str, object]
    hash: str
    """SHA-256 over the entry and the hash of the one before."""


class AuditPage(msgspec.Struct, frozen=True):
    """The audit log, newest first."""

    entries: list[AuditItem]
    next: str | None
    """Pass as `after` to get those that follow; null on the last page."""


class Health(msgspec.Struct, frozen=True):
    """That Arc Core is up."""

    status: str
    version: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Why a request was refused, and the way out (RFC 9457)."""

    type: str = "about:blank"
    title: str = ""
    """What the HTTP status is called."""
    status: int = 0
    """The HTTP status."""
    detail: str = ""
    """What is wrong with this request."""
    error: str
    """The same as `detail`, for clients of Arc Core 1.0."""
