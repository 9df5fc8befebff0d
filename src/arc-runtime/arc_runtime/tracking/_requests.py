"""Requests opened and closed: their spans, their context, and who is told."""

import asyncio
import os
import time
import weakref
from collections.abc import Callable, Mapping
from contextvars import Token
from functools import cache
from importlib.metadata import version
from typing import Final

from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import TracerProvider
from opentelemetry.util.types import AttributeValue

from arc_runtime.instrumentation import also_land
from arc_runtime.spans import SpanWriter, cancelled, current, detach, failed, in_job, suppressed
from arc_runtime.tracking._feed import Feed
from arc_runtime.tracking._request import REQUEST, RequestContext, current_request

__all__ = ["CANCELLATIONS", "Inputs", "Requests"]

Inputs = Mapping[str, object] | Callable[[], Mapping[str, object]] | None

_DISTRIBUTION: Final = "arc-runtime"
CANCELLATIONS: Final = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)
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
        self._open: weakref.WeakSet[RequestContext] = weakref.WeakSet()
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
            return None if suppressed() else self._begin(entrypoint, inputs, attributes, explicit)
        except Exception as error:  # noqa: BLE001
            self.feed.guard.report("opening a request", error)
            return None

    def _begin(
        self,
        entrypoint: str,
        inputs: Inputs,
        attributes: Mapping[str, AttributeValue],
        explicit: bool,  # noqa: FBT001 - handed on
    ) -> RequestContext:
        request = RequestContext(entrypoint, inputs, parent=current_request(), explicit=explicit)
        # One job a piece of work: what is part of a job already is a run of it.
        part = in_job()
        request.span = self._writer().open(
            Kind.RUN if part else Kind.JOB,
            entrypoint,
            {
                semconv.AGENT_NAME if part else semconv.WORKFLOW_NAME: entrypoint,
                semconv.REQUEST_ID: request.request_id,
                **attributes,
            },
        )
        self._open.add(request)
        self.feed.begun(request)
        return request

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
        return context.attach(context.set_value(REQUEST, request, current(request.span, of_job=True)))

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
        self._open.clear()
        self.feed.forget()


@cache
def _release() -> str:
    return version(_DISTRIBUTION)
