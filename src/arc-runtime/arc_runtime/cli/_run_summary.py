"""What a run came to, in five lines."""

import signal
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
from arc_semconv.api import SpanView, TraceDetail, TraceSummary
from arc_semconv.attributes import INVOCATION_ID

from arc_runtime.cli._core_api import Core
from arc_runtime.cli._shown import change, cost, counted, duration, short
from arc_runtime.errors import ArcError

__all__ = ["Outcome", "Run", "lines", "outcome"]

_PAGE: Final = 200
_MOST_TRACES: Final = 2000
_CHANGES: Final = 3
_NOTHING: Final = "no span arrived: look at `arc bootstrap --dry-run` and at `arc doctor`"


class Run(NamedTuple):
    """One run of a program, as it is known without looking at spans."""

    program: str
    status: int
    signal: int | None
    duration_ms: float
    invocation: str
    """What its spans bear as `arc.invocation.id`."""
    since: str
    """When it began, RFC 3339."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to."""

    program: str
    status: int
    """Exit status; 128 and the signal's number where it was killed by one."""
    signal: str | None
    duration_ms: float
    traces: list[TraceSummary] = []
    """Newest first, at most 2,000."""
    slowest: SpanView | None = None
    """The longest of the innermost spans of the longest trace, without its messages and attributes."""
    changes: list[str] = []
    """What was changed in requests, or would have been, each once."""
    url: str | None = None
    """Where a browser shows the longest trace."""
    problem: str = ""
    """Why nothing is known of its spans."""


def outcome(run: Run, core: Core | None, problem: str) -> Outcome:
    """What `core` holds of `run`; `problem` says why there is no Arc Core to ask."""
    told = Outcome(
        program=run.program,
        status=run.status,
        signal=None if run.signal is None else signal.Signals(run.signal).name,
        duration_ms=run.duration_ms,
        problem=problem or _NOTHING,
    )
    if core is None:
        return told
    try:
        return _found(told, core, run)
    except ArcError as error:
        return msgspec.structs.replace(told, problem=str(error))


def lines(told: Outcome) -> list[str]:
    """Five lines for a person, or two where nothing is known of the spans."""
    traces = told.traces
    ended = f"was ended by {told.signal}" if told.signal else f"ended with status {told.status}"
    first = f"{told.program} {ended} after {duration(told.duration_ms)}"
    if not traces:
        return [first, told.problem]
    spans, errors = sum(one.spans for one in traces), sum(one.errors for one in traces)
    models = ", ".join(dict.fromkeys(model for one in traces for model in one.models))
    tokens = f"{sum(one.input_tokens for one in traces):,} tokens in, {sum(one.output_tokens for one in traces):,} out"
    return [
        f"{first}: {counted(len(traces), 'trace')}, {counted(spans, 'span')}, {counted(errors, 'error')}",
        f"{tokens}, {cost(traces)}" + (f" ({models})" if models else ""),
        f"slowest step: {_step(told.slowest)}",
        _mended(told),
        f"{told.url} (or: arc traces show {short(_longest(traces).trace_id)})",
    ]


def _found(told: Outcome, core: Core, run: Run) -> Outcome:
    traces = _traces(core, run)
    if not traces:
        return told
    longest = _longest(traces)
    detail = core.trace(longest.trace_id)
    if not any(span.resource.get(INVOCATION_ID) == run.invocation for span in detail.spans):
        return told  # an Arc Core that knows nothing of invocations gives any trace
    mended = [
        core.trace(one.trace_id) for one in [one for one in traces if one.fixes and one is not longest][:_CHANGES]
    ]
    return msgspec.structs.replace(
        told,
        traces=traces,
        slowest=_slowest(detail),
        changes=list(dict.fromkeys(_changes([detail, *mended]))),
        url=core.page(longest.trace_id),
        problem="",
    )


def _longest(traces: list[TraceSummary]) -> TraceSummary:
    return max(traces, key=lambda one: one.duration_ms)


def _traces(core: Core, run: Run) -> list[TraceSummary]:
    found: list[TraceSummary] = []
    before = ""
    while len(found) < _MOST_TRACES:
        page = core.traces(limit=_PAGE, invocation=run.invocation, since=run.since, before=before)
        found += page.traces
        if page.next is None:
            break
        before = page.next
    return found


def _slowest(detail: TraceDetail) -> SpanView | None:
    parents = {span.parent_id for span in detail.spans}
    innermost = [span for span in detail.spans if span.span_id not in parents]
    found = max(innermost, key=lambda span: span.duration_ms, default=None)
    if found is None:
        return None
    return msgspec.structs.replace(
        found, input_messages=[], output_messages=[], attributes={}, resource={}, events=[], links=[]
    )


def _step(span: SpanView | None) -> str:
    if span is None:
        return "none"
    failed = f", {span.status}" if span.status != "ok" else ""
    return f"{span.name}, {duration(span.duration_ms)}{failed}" + (f", of {span.agent}" if span.agent else "")


def _changes(details: list[TraceDetail]) -> Iterator[str]:
    for detail in details:
        for span in detail.spans:
            if span.fix is not None:
                would = "" if span.fix.mode == "on" else "would be "
                for made in span.fix.changes:
                    yield f"{would}{change(made)} [{', '.join(span.fix.ids)}]"


def _mended(told: Outcome) -> str:
    fixes, redactions = sum(one.fixes for one in told.traces), sum(one.redactions for one in told.traces)
    changes = "; ".join(told.changes[:_CHANGES])
    more = f" and {len(told.changes) - _CHANGES} more" if len(told.changes) > _CHANGES else ""
    mended = f"{counted(fixes, 'request')} mended" + (f": {changes}{more}" if changes else "")
    return f"{mended}; {counted(redactions, 'value')} redacted"
