"""A summary of the spans of one trace: of the SDK's own, or of those that Arc Core's API answers."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from arc_semconv import attributes as semconv
from arc_semconv.api import SpanView
from arc_semconv.kinds import Kind
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from arc_runtime.console._summary import State, Step, Summary
from arc_runtime.settings import Granularity

__all__ = ["framework_of", "is_group", "name_of", "node_id_of", "summary_of", "told_at"]

_STATES: Final[Mapping[str, State]] = {
    "ok": "completed",
    "error": "failed",
    "interrupted": "interrupted",
    "cancelled": "cancelled",
    "running": "running",
}
_SCOPES: Final = ("arc-instrumentation-", "opentelemetry.instrumentation.", "openinference.instrumentation.")
_FINENESS: Final[Mapping[str, int]] = {"job": 0, "run": 1, "action": 2, "tool": 2, "llm": 3}


def framework_of(scope: str) -> str:
    """The framework whose instrumentation has the scope `scope`: `langgraph` for `arc-instrumentation-langgraph`."""
    for prefix in _SCOPES:
        if scope.startswith(prefix):
            return scope.removeprefix(prefix)
    return "arc" if scope == "arc-runtime" else scope


def is_group(kind: str, attributes: Mapping[str, object]) -> bool:
    """Whether a span is that of a whole graph or pipeline, whose nodes are told instead of itself."""
    if kind != Kind.RUN.value:
        return kind == Kind.JOB.value
    return semconv.WORKFLOW_NAME in attributes or semconv.AGENT_NAME not in attributes


def told_at(granularity: Granularity, kind: str, *, group: bool, inside: bool) -> bool:
    """Whether a span of `kind` is a node of its request; `inside` when it is part of one already.

    What is finer than `granularity` is told only where it is not part of something coarser.
    """
    if group or granularity == "job":
        return group and granularity == "job"
    return _FINENESS.get(kind, len(_FINENESS)) <= _FINENESS[granularity] or (kind in _FINENESS and not inside)


def name_of(kind: str, name: str, attributes: Mapping[str, object]) -> str:
    """What a node is called: its agent's or tool's name, else that of its span without Arc's own first words."""
    of_kind = {"run": semconv.AGENT_NAME, "job": semconv.WORKFLOW_NAME, "tool": semconv.TOOL_NAME}.get(kind)
    said = attributes.get(of_kind) if of_kind else None
    return str(said) if said else name.removeprefix(f"agent.{kind}").strip() or name


def node_id_of(name: str) -> str:
    """The id of the node `name`: the same each time that it runs."""
    return f"node_{name}"


class _One(NamedTuple):
    """What of a span is looked at, wherever it comes from."""

    id: str
    parent_id: str | None
    kind: str
    name: str
    scope: str
    state: State
    start_ns: int
    duration_ms: float
    error: str | None
    attributes: Mapping[str, object]
    trace_id: str


def summary_of(
    spans: Iterable[ReadableSpan | SpanView], granularity: Granularity = "run", *, trace_id: str = ""
) -> Summary:
    """The summary of a trace, given all its spans; ValueError when there are none.

    The request is the trace's root, or its earliest span where the root is not there. Where its span names no request
    id, `trace_id` stands for it: a SpanView does not say which trace it is of.
    """
    found = sorted(map(_read, spans), key=lambda one: one.start_ns)
    if not found:
        raise ValueError("a summary is of the spans of one trace, and there are none")
    by_id = {one.id: one for one in found}
    root = next((one for one in found if one.parent_id not in by_id), found[0])
    begun = found[0].start_ns
    node_above: dict[str, str | None] = {}
    steps = []
    for one in found:
        above = _node_above(one, by_id, node_above)
        group = is_group(one.kind, one.attributes)
        if not told_at(granularity, one.kind, group=group, inside=above is not None) or (one is root and group):
            node_above[one.id] = above
            continue
        node_above[one.id] = one.id
        steps.append(_step(one, above, begun))
    return Summary(
        request_id=str(root.attributes.get(semconv.REQUEST_ID) or root.trace_id or trace_id),
        entrypoint=name_of(root.kind, root.name, root.attributes),
        status=root.state,
        duration_ms=root.duration_ms,
        steps=tuple(steps),
        error=root.error,
    )


def _node_above(one: _One, by_id: Mapping[str, _One], known: Mapping[str, str | None]) -> str | None:
    """The innermost node that `one` is part of."""
    parent, seen = one.parent_id, set()
    while parent is not None and parent not in seen:
        if parent in known:
            return known[parent]
        seen.add(parent)
        parent = by_id[parent].parent_id if parent in by_id else None
    return None


def _step(one: _One, above: str | None, begun: int) -> Step:
    name = name_of(one.kind, one.name, one.attributes)
    return Step(
        id=one.id,
        parent_id=above,
        node_id=node_id_of(name),
        name=name,
        framework=framework_of(one.scope),
        kind=one.kind,
        status=one.state,
        offset_ms=round((one.start_ns - begun) / 1e6, 3),
        duration_ms=one.duration_ms,
        error=one.error,
    )


def _read(span: ReadableSpan | SpanView) -> _One:
    return _of_core(span) if isinstance(span, SpanView) else _of_sdk(span)


def _of_core(span: SpanView) -> _One:
    return _One(
        span.span_id, span.parent_id, span.kind, span.name, span.scope, _STATES[span.status],
        round(span.offset_ms * 1e6), span.duration_ms, _error(span.status, span.status_message, span.attributes),
        span.attributes, "",
    )  # fmt: skip


def _of_sdk(span: ReadableSpan) -> _One:
    attributes = span.attributes or {}
    context, scope = span.get_span_context(), span.instrumentation_scope
    state = str(attributes.get(semconv.RUN_STATE) or ("ok" if span.end_time else "running"))
    if span.status.status_code is StatusCode.ERROR:
        state = "error"
    begun = span.start_time or 0
    return _One(
        id=f"{context.span_id:016x}" if context else "",
        parent_id=f"{span.parent.span_id:016x}" if span.parent else None,
        kind=str(attributes.get(semconv.SPAN_KIND, "other")),
        name=span.name,
        scope=scope.name if scope else "",
        state=_STATES.get(state, "completed"),
        start_ns=begun,
        duration_ms=round(((span.end_time or begun) - begun) / 1e6, 3),
        error=_error(state, span.status.description or "", attributes),
        attributes=attributes,
        trace_id=f"{context.trace_id:032x}" if context else "",
    )


def _error(status: str, message: str, attributes: Mapping[str, object]) -> str | None:
    if status != "error":
        return None
    return message or str(attributes.get(semconv.ERROR_TYPE) or "error")
