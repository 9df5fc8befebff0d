"""Opening and closing spans of the five kinds."""

import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from arc_semconv import attributes as semconv
from arc_semconv.kinds import NAMING, Kind, RunState
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
)
from opentelemetry.util.types import AttributeValue

from arc_runtime.redaction import Clean, Tally, scrub
from arc_runtime.spans._failures import agent_of, fell, seat
from arc_runtime.spans._pipeline import Pipeline, pipeline_of

__all__ = ["SpanWriter", "cancelled", "failed", "interrupted"]

_TOLD_OTHERWISE: Final = (Kind.LLM, Kind.ACTION)
"""Kinds whose failures no pipeline is told by their spans: it is told each model call, and actions do not fail."""

# A member of an enum is looked up by a function in Python, and each span would do that.
_RUN: Final = Kind.RUN
_KINDS: Final = {kind: SpanKind.CLIENT if kind is Kind.LLM else SpanKind.INTERNAL for kind in Kind}


class SpanWriter:
    """Opens spans as the contract names them; the caller ends each."""

    def __init__(self, tracer: Tracer, *, genai_names: bool = False) -> None:
        self._tracer = tracer
        self._genai_names = genai_names

    def open(  # noqa: PLR0913 - what OpenTelemetry takes to start a span, no more
        self,
        kind: Kind,
        subject: str | None,
        attributes: Mapping[str, AttributeValue],
        *,
        parent: Context | None = None,
        links: Sequence[Link] = (),
        start_ns: int | None = None,
        late: dict[str, AttributeValue] | None = None,
    ) -> Span:
        """A started span of `kind` about `subject` (workflow, agent, tool, action type), not made current.

        `attributes` are those known at the start: samplers see them, so content never belongs here. A model call names
        its operation in them (`gen_ai.operation.name`); the other kinds have one of their own. `start_ns` is the time
        since the epoch when it began, by default now. `late` takes what Arc itself would add to them, for the caller to
        `complete` the span with: that costs nothing until somebody reads it, and samplers do not see it.
        """
        prefix, own = NAMING[kind]
        operation = attributes.get(semconv.OPERATION) or own
        given: dict[str, AttributeValue] = {semconv.SPAN_KIND: kind._value_}
        rest = given if late is None else late
        if operation:
            rest[semconv.OPERATION] = operation
        pipeline = pipeline_of(parent)
        if pipeline is not None:
            rest.update(pipeline.attributes)
        given.update(attributes)
        first = str(operation) if self._genai_names and operation else prefix or str(operation)
        span = self._tracer.start_span(
            f"{first} {subject}" if subject else first,
            context=parent,
            kind=_KINDS[kind],
            attributes=given,
            links=links,
            start_time=start_ns,
        )
        return span if pipeline is None else _seated(span, kind, attributes, pipeline, parent)


def _seated(
    span: Span, kind: Kind, attributes: Mapping[str, AttributeValue], pipeline: Pipeline, parent: Context | None
) -> Span:
    """`span` with its seat in `pipeline`, which hears whose turn it is."""
    if not span.is_recording():
        span = NonRecordingSpan(span.get_span_context())  # where nothing records, all spans may be one object
    above = get_current_span(parent)
    agent = attributes.get(semconv.AGENT_NAME) if kind is Kind.RUN else None
    if isinstance(agent, str):
        pipeline.turned(agent)
    else:
        agent = agent_of(above)
    seat(span, above, agent, None if kind in _TOLD_OTHERWISE else partial(pipeline.failed, agent))
    return span


def failed(span: Span, error: BaseException) -> None:
    """Record that what `span` stands for ended in `error`: status, `error.type`, one exception event.

    The text of the error is redacted here already: a provider that the program made has no processor of Arc's.
    """
    fell(span, error)
    if not span.is_recording():
        return
    kind = type(error).__qualname__
    message = _redacted(_text_of(error))
    span.set_attribute(semconv.ERROR_TYPE, kind)
    span.add_event(
        semconv.EXCEPTION_EVENT,
        {
            semconv.EXCEPTION_TYPE: _qualified(type(error)),
            semconv.EXCEPTION_MESSAGE: message,
            semconv.EXCEPTION_STACKTRACE: _redacted(_stack_of(error)),
        },
    )
    span.set_status(Status(StatusCode.ERROR, Clean.of(f"{kind}: {message}", message.tally)))


def _redacted(text: str) -> Clean:
    tally = Tally()
    return Clean.of(str(scrub(text, tally)), tally)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - an error of the program's own whose text can't be had
        return f"<no text: {type(second).__qualname__}>"


def _stack_of(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception as second:  # noqa: BLE001 - as above
        return f"<no stack: {type(second).__qualname__}>"


def _qualified(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def interrupted(span: Span) -> None:
    """Record that it waits for a person: a state, not an error."""
    span.set_attribute(semconv.RUN_STATE, RunState.INTERRUPTED.value)


def cancelled(span: Span) -> None:
    """Record that the caller stopped it: a state, not an error."""
    span.set_attribute(semconv.RUN_STATE, RunState.CANCELLED.value)
