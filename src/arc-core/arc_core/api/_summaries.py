"""Rows of lists and sums as the shapes of the API; pure."""

from arc_semconv.api import (
    AgentSummary,
    AuditItem,
    CostItem,
    FailureGroup,
    KeyView,
    ModelSummary,
    SessionSummary,
    SpanSummary,
    StatItem,
    Took,
)

from arc_core.access import Key
from arc_core.api._views import rfc3339
from arc_core.reading import AgentRow, CostRow, FailureRow, ModelRow, SessionRow, SpanLine, StatPoint
from arc_core.registry import AuditEntry, state_of

_MS_NS = 1_000_000
_SECOND_NS = 1_000_000_000


def span_summary(row: SpanLine) -> SpanSummary:
    """One row of the list of spans."""
    return SpanSummary(
        trace_id=row.trace_id,
        span_id=row.span_id,
        parent_id=row.parent_span_id or None,
        kind=row.kind,
        name=row.name,
        service=row.service,
        status=row.status,
        status_message=row.status_message,
        started_at=rfc3339(row.start_ns),
        duration_ms=row.duration_ns / _MS_NS,
        agent=row.agent or None,
        model=row.model or None,
        provider=row.provider or None,
        tool=row.tool or None,
        session=row.session or None,
        error_type=row.error or None,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_usd=row.cost_usd,
        fixes=row.fix_ids,
    )


def session_summary(row: SessionRow) -> SessionSummary:
    """One row of the list of conversations."""
    return SessionSummary(
        session=row.session,
        started_at=rfc3339(row.first_ns),
        last_at=rfc3339(row.last_ns),
        traces=row.traces,
        spans=row.spans,
        errors=row.errors,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_usd=row.cost_usd,
        agents=row.agents,
        models=row.models,
        users=row.users,
    )


def agent_summary(row: AgentRow) -> AgentSummary:
    """One agent."""
    return AgentSummary(
        agent=row.agent,
        runs=row.runs,
        errors=row.errors,
        calls=row.calls,
        tools=row.tools,
        took_ms=_took(row.quantiles),
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_usd=row.cost_usd,
    )


def model_summary(row: ModelRow) -> ModelSummary:
    """One model."""
    return ModelSummary(
        provider=row.provider,
        model=row.model,
        calls=row.calls,
        errors=row.errors,
        unpriced_calls=row.unpriced,
        took_ms=_took(row.quantiles),
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cache_read_tokens=row.cache_read_tokens,
        cache_write_tokens=row.cache_write_tokens,
        reasoning_tokens=row.reasoning_tokens,
        cost_usd=row.cost_usd,
    )


def cost_item(row: CostRow, *, is_cut: bool) -> CostItem:
    """What one key cost; with `is_cut`, in one piece of time."""
    return CostItem(
        at=rfc3339(row.start_s * _SECOND_NS) if is_cut else None,
        key=row.key,
        calls=row.calls,
        unpriced_calls=row.unpriced,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_usd=row.cost_usd,
    )


def failure_group(row: FailureRow) -> FailureGroup:
    """One sort of failure."""
    return FailureGroup(
        fingerprint=row.fingerprint,
        kind=row.kind,
        service=row.service,
        agent=row.agent or None,
        error_type=row.error or None,
        failure=row.failure or None,
        count=row.count,
        first_at=rfc3339(row.first_ns),
        last_at=rfc3339(row.last_ns),
        trace_id=row.trace_id,
        span_id=row.span_id,
        name=row.name,
        message=row.message,
    )


def stat_item(row: StatPoint) -> StatItem:
    """What happened in one piece of time."""
    return StatItem(
        at=rfc3339(row.start_s * _SECOND_NS),
        key=row.key,
        spans=row.spans,
        errors=row.errors,
        took_ms=_took(row.quantiles),
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_usd=row.cost_usd,
    )


def key_view(key: Key, now_ms: int, text: str | None = None) -> KeyView:
    """One API key; `text` is the whole of it, when it was just made."""
    return KeyView(
        id=key.id,
        prefix=key.prefix,
        tenant=key.tenant,
        name=key.name,
        scopes=sorted(key.scopes),
        state=state_of(key, now_ms),
        created_at=rfc3339(key.created_ms * _MS_NS),
        expires_at=_moment(key.expires_ms),
        revoked_at=_moment(key.revoked_ms),
        last_used_at=_moment(key.last_used_ms),
        key=text,
    )


def audit_item(entry: AuditEntry) -> AuditItem:
    """One entry of the audit log."""
    return AuditItem(
        number=entry.number,
        at=rfc3339(entry.at_ms * _MS_NS),
        actor=entry.actor,
        action=entry.action,
        tenant=entry.tenant,
        subject=entry.subject,
        detail=entry.detail,
        hash=entry.hash,
    )


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms * _MS_NS)


def _took(quantiles: list[float | None]) -> Took:
    p50, p95, p99 = [None if one is None else one / _MS_NS for one in quantiles] or (None, None, None)
    return Took(p50, p95, p99)
