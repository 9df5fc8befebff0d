"""What Arc Core answers under `/api/v1`: the JSON shapes that the workbench, `arc doctor` and `arc demo` read.

Times are RFC 3339 in UTC with nanoseconds; durations and offsets are milliseconds as floats; tokens are counts of the
model calls alone, never of the agents around them; cost is in US dollars, null where no price is known.
"""

from typing import Literal

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
    """Pass as `before` to get the traces that follow; null on the last page."""
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


class Problem(msgspec.Struct, frozen=True):
    """Why a request was refused, and the way out."""

    error: str
