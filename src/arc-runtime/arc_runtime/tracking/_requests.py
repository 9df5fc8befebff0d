"""Requests opened and closed: their spans, their context, and who is told."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextvars import Token
from functools import cache, partial
from importlib.metadata import version
from typing import Final

from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import TracerProvider
from opentelemetry.util.types import AttributeValue

from arc_runtime.instrumentation import also_land
from arc_runtime.spans import SpanWriter, ambient, cancelled, complete, detach, failed, in_job, inside, suppressed
from arc_runtime.tracking._feed import Feed, opening_a_request
from arc_runtime.tracking._request import REQUEST, RequestContext, current_request, told_late

__all__ = ["CANCELLATIONS", "Inputs", "Requests"]

Inputs = Mapping[str, object] | Callable[[], Mapping[str, object]] | None

_DISTRIBUTION: Final = "arc-runtime"
CANCELLATIONS: Final = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)
_MOST_OPEN: Final = 10_000
"""Requests that are closed at the end of the program at most; more than that under way are left as they are."""
_NOWHERE: Final = Context()
_NOTHING: Final[Mapping[str, AttributeValue]] = {}


class Requests:
    """Opens and closes the requests of one process; what fails in it never reaches the program."""

    def __init__(self, feed: Feed, *, genai_names: bool = False, provider: TracerProvider | None = None) -> None:
        """`provider` None is the global one, whichever it is at the time."""
        self.feed = feed
        self._genai_names = genai_names
        self._given = provider
        self._provider: TracerProvider | None = None
        self._spans: SpanWriter | None = None
        self._open: set[RequestContext] = set()
        also_land(self.land)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def begin(
        self,
        entrypoint: str,
        inputs: Inputs = None,
        *,
        attributes: Mapping[str, AttributeValue] = _NOTHING,
        explicit: bool = True,
    ) -> RequestContext | None:
        """A request that is under way, and is not the current one yet; None where nothing is to be recorded."""
        try:  # Guard.attempt, written out: this is the way of every request
            around = ambient()
            if suppressed(around):
                return None
            request = RequestContext(entrypoint, inputs, parent=current_request(around), explicit=explicit)
            self._open_span(request, around, attributes)
        except Exception as error:  # noqa: BLE001
            self.feed.guard.report("opening a request", error)
            return None
        else:
            return request

    def _open_span(self, request: RequestContext, around: Context, attributes: Mapping[str, AttributeValue]) -> None:
        # One job a piece of work: what is part of a job already is a run of it.
        part, entrypoint, writer = in_job(around), request.entrypoint, self._writer()
        # Samplers see kind and name; the rest is put on when the span is read, which takes a third off a request.
        late = request.late
        late.update(attributes)
        kind, named = Kind.JOB, _NOTHING
        if part:
            kind, named = Kind.RUN, {semconv.AGENT_NAME: entrypoint}
        else:
            late[semconv.WORKFLOW_NAME] = entrypoint
        if self.feed.wanted and request.parent is None:
            with opening_a_request():
                request.span = writer.open(kind, entrypoint, named, parent=around, late=late)
        else:
            request.span = writer.open(kind, entrypoint, named, parent=around, late=late)
        request.inside = inside(around, request.span, {REQUEST: request})
        if len(self._open) < _MOST_OPEN:
            self._open.add(request)
        self.feed.begun(request)

    def _writer(self) -> SpanWriter:
        provider = self._given or trace.get_tracer_provider()
        if self._spans is None or provider is not self._provider:
            self.feed.attach(provider)
            tracer = trace.get_tracer(_DISTRIBUTION, _release(), provider)
            self._spans, self._provider = SpanWriter(tracer, genai_names=self._genai_names), provider
        return self._spans

    @staticmethod
    def enter(request: RequestContext) -> Token[Context]:
        """Make `request` the current one, until `leave`."""
        return context.attach(request.inside)

    @staticmethod
    def leave(token: Token[Context]) -> None:
        """Make the one before the current one again; nothing, where the context of `token` is gone."""
        detach(token)

    def end(self, request: RequestContext, outputs: object = None, error: BaseException | None = None) -> None:
        """`request` ended, with `outputs`, or in `error`; the second end of one changes nothing."""
        if request.end_ns is not None or request.forgotten:
            return
        try:  # Guard.attempt, written out
            self._end(request, outputs, error)
        except Exception as failure:  # noqa: BLE001
            self.feed.guard.report("closing a request", failure)

    def _end(self, request: RequestContext, outputs: object, error: BaseException | None) -> None:
        request.end_ns, request.outputs, request.error = time.time_ns(), outputs, error
        span = request.span
        if error is None:
            request.status = "completed"
        elif isinstance(error, CANCELLATIONS):
            request.status = "cancelled"
            cancelled(span)
        else:
            request.status = "failed"
            failed(span, error)
        self._open.discard(request)
        request.inside = _NOWHERE
        # It is held until the span is sent: what the program gave and got is not among it.
        complete(span, partial(told_late, request.late))
        span.end()
        self.feed.over(request)

    def land(self) -> None:
        """Close what is under way when the program ends: a span that never ends is never sent."""
        for request in list(self._open):
            self.end(request, error=GeneratorExit())

    def _forget(self) -> None:
        """In a forked child: what is under way is the parent's, which ends it and tells of it."""
        for request in list(self._open):
            request.forgotten = True
            request.tracker.forked()
        self._open.clear()
        self.feed.forget()


@cache
def _release() -> str:
    return version(_DISTRIBUTION)
