"""What a trace of the demo shows, and what of it is missing; pure."""

from typing import Final

from arc_semconv.api import Redactions, SpanView, TraceDetail

AGENTS_PROMISED: Final = 3
WATCHED: Final = ("shadow", "control")
"""Modes in which a fix matches and leaves the request as it is."""


def runs(detail: TraceDetail) -> list[SpanView]:
    """Return the turns of the agents, oldest first."""
    return [span for span in detail.spans if span.kind == "run"]


def mended(detail: TraceDetail) -> list[SpanView]:
    """Return the model calls that a fix changed, oldest first; one that was only watched is not among them."""
    return [span for span in detail.spans if span.fix is not None and span.fix.mode not in WATCHED]


def failed_tools(detail: TraceDetail) -> list[SpanView]:
    """Return the tool calls that ended in an error, oldest first."""
    return [span for span in detail.spans if span.kind == "tool" and span.status == "error"]


def agent_of(detail: TraceDetail, span: SpanView) -> str | None:
    """Return the agent that `span` belongs to: its own, else that of the nearest span around it."""
    known = {one.span_id: one for one in detail.spans}
    here: SpanView | None = span
    while here is not None and here.agent is None:
        here = known.pop(here.parent_id or "", None)
    return None if here is None else here.agent


def redacted(detail: TraceDetail) -> Redactions:
    """Return what was taken out of the whole trace; types are distinct and in the order they are first met."""
    found = [span.redactions for span in detail.spans if span.redactions is not None]
    return Redactions(detail.trace.redactions, list(dict.fromkeys(name for one in found for name in one.types)))


def missing(detail: TraceDetail) -> list[str]:
    """Return what the demo promises to show and `detail` does not hold, a sentence each; empty when all is there."""
    trace = detail.trace
    promises = {
        f"the job ended as {trace.status!r} and not as 'ok'": trace.status == "ok",
        f"{len(trace.agents)} agents are seen and not {AGENTS_PROMISED}": len(trace.agents) >= AGENTS_PROMISED,
        "no model call was mended": trace.fixes > 0 and bool(mended(detail)),
        "nothing was redacted": trace.redactions > 0,
        "no tool call failed": bool(failed_tools(detail)),
    }
    return [sentence for sentence, kept in promises.items() if not kept]
