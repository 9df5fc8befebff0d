"""Several agents that work on one thing, as one pipeline: one job, one id on all its spans, one summary."""

import asyncio
import contextvars
import os
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from types import TracebackType
from typing import Final, ParamSpec, Self, TypeVar

from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry import _logs, context, trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span
from opentelemetry.util.types import AttributeValue

from arc_runtime.capture import Recorder
from arc_runtime.errors import ArcError
from arc_runtime.instrumentation import Guard, Pen, Providers
from arc_runtime.redaction import Tally, scrub
from arc_runtime.settings import Settings
from arc_runtime.spans import (
    EndedCall,
    Pipeline,
    SpanWriter,
    cancelled,
    current,
    detach,
    failed,
    in_job,
    in_pipeline,
    pipeline_of,
    suppressed,
)
from arc_runtime.tracking._ledger import Ledger
from arc_runtime.tracking._stamp import stamp_spans_of
from arc_runtime.tracking._summary import PipelineSummary, Status

__all__ = ["MultiAgentContext", "create_multiagent_context"]

P = ParamSpec("P")
T = TypeVar("T")

_DISTRIBUTION: Final = "arc-runtime"
_GUARD: Final = Guard(_DISTRIBUTION)
_CANCELLATIONS: Final = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)
_PRICE_SECONDS: Final = 2.0
"""How long a summary waits at most for the prices to be read, which they are once in a process."""
_MOST_KEYS: Final = 64
_LONGEST_KEY: Final = 128
_GLOBAL: Final = Providers()


class MultiAgentContext:
    """A pipeline of agents, for a `with` or `async with` block; `create_multiagent_context` makes one."""

    def __init__(self, application_id: str | None, pipeline_id: str, name: str | None, pen: Pen | None) -> None:
        """`pen` None records nothing."""
        self.application_id = application_id
        """What the pipeline works on, as the program names it."""
        self.pipeline_id = pipeline_id
        self._name = name
        self._pen = pen
        self._ledger = Ledger()
        self._status: Status = "not_started"
        self._began = self._ended = 0.0
        self._span: Span = INVALID_SPAN
        self._inside: Context | None = None
        self._token: contextvars.Token[Context] | None = None

    # --- the block ---

    def __enter__(self) -> Self:
        if self._status != "not_started":
            raise ArcError(
                f"the multi-agent context {self.pipeline_id} was entered before; create another one for each pipeline"
            )
        self._status, self._began = "running", time.perf_counter()
        if self._pen is not None and not suppressed():
            _GUARD.attempt("opening a pipeline", self._open, self._pen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._status != "running":
            return
        self._ended = time.perf_counter()
        self._status = "ok" if error is None else "cancelled" if isinstance(error, _CANCELLATIONS) else "error"
        if self._token is not None:
            detach(self._token)
            self._token = None
        _GUARD.attempt("closing a pipeline", self._close, error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _open(self, pen: Pen) -> None:
        outer = pipeline_of()
        attributes: dict[str, AttributeValue] = {
            **(outer.attributes if outer else {}),
            semconv.PIPELINE_ID: self.pipeline_id,
        }
        if self.application_id is not None:
            attributes[semconv.APPLICATION_ID] = self.application_id
        # One job a piece of work: what is part of a job already is a run of it.
        part = in_job()
        kind, name = (Kind.RUN, semconv.AGENT_NAME) if part else (Kind.JOB, semconv.WORKFLOW_NAME)
        named: dict[str, AttributeValue] = {name: self._name} if self._name else {}
        self._span = pen.spans.open(kind, self._name, {**attributes, **named})
        pipeline = Pipeline(attributes, self._hears(outer), self._sees(outer))
        self._inside = in_pipeline(pipeline, current(self._span, of_job=True))
        self._token = context.attach(self._inside)

    def _hears(self, outer: Pipeline | None) -> Callable[[EndedCall], None]:
        if outer is None:
            return self._ledger.ended

        def both(call: EndedCall) -> None:
            self._ledger.ended(call)
            outer.ended(call)

        return both

    def _sees(self, outer: Pipeline | None) -> Callable[[str], None]:
        if outer is None:
            return self._ledger.turned

        def both(agent: str) -> None:
            self._ledger.turned(agent)
            outer.turned(agent)

        return both

    def _close(self, error: BaseException | None) -> None:
        span = self._span
        try:
            if self._status == "cancelled":
                cancelled(span)
            elif error is not None:
                failed(span, error)
        finally:
            span.end()

    # --- what the program says ---

    def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work(*args, **kwargs)` returns, run as part of this pipeline in whatever thread it is called.

        For threads that the program starts itself, which know nothing of the block that they were started in:
        `executor.submit(ctx.run, work, argument)`, and `ctx.run(asyncio.run, main())` for a loop in such a thread.
        """
        if self._inside is None:
            return work(*args, **kwargs)
        token = context.attach(self._inside)
        try:
            return work(*args, **kwargs)
        finally:
            detach(token)

    def add_context_handoff(self, from_agent: str, to_agent: str, context: Mapping[str, object] | None = None) -> None:
        """Record that `from_agent` passes `context` on to `to_agent`.

        It is an event of the pipeline's span with the keys of `context`; what is under them is content: redacted, and
        only recorded where that is asked for. Never raises.
        """
        if self._inside is not None and self._pen is not None:
            _GUARD.attempt("recording a hand-off", self._hand_over, self._pen, str(from_agent), str(to_agent), context)

    def _hand_over(self, pen: Pen, from_agent: str, to_agent: str, passed: object) -> None:
        keys = [str(key)[:_LONGEST_KEY] for key in list(passed)[:_MOST_KEYS]] if isinstance(passed, Mapping) else []
        self._ledger.handed_over({"from": from_agent, "to": to_agent, "keys": keys})
        # A provider that the program made itself may have no processor that redacts.
        attributes: dict[str, AttributeValue] = {
            semconv.HANDOFF_FROM: str(scrub(from_agent, Tally())),
            semconv.HANDOFF_TO: str(scrub(to_agent, Tally())),
            semconv.HANDOFF_KEYS: [str(scrub(key, Tally())) for key in keys],
        }
        if not self._span.is_recording():
            return
        recorder = pen.recorder
        content: dict[str, AttributeValue] = {}
        if recorder.wanted and passed is not None:
            content[semconv.HANDOFF_CONTEXT] = recorder.text(passed)
        self._span.add_event(semconv.EVENT_HANDOFF, {**attributes, **content} if recorder.on_spans else attributes)
        if recorder.on_events:
            pen.events.emit(
                context=current(self._span),
                severity_number=SeverityNumber.DEBUG,
                event_name=semconv.EVENT_HANDOFF,
                attributes={**attributes, **content},
            )

    def get_pipeline_summary(self) -> PipelineSummary:
        """What the pipeline did so far, inside its block or after it; calls still under way are not in it.

        The first summary of a process may wait for the price list to be read, half a second, at most two.
        """
        _GUARD.attempt("pricing", self._ledger.settle, _PRICE_SECONDS)
        figures, agents, handoffs, handed = self._ledger.told()
        return {
            "pipeline_id": self.pipeline_id,
            "application_id": self.application_id,
            "status": self._status,
            "duration_ms": round(self._seconds() * 1000, 3),
            **figures,
            "agents_executed": sum(1 for agent in agents if agent["runs"] or agent["calls"]),
            "agents": agents,
            "context_handoffs": handed,
            "handoffs": handoffs,
        }

    def _seconds(self) -> float:
        if self._status == "not_started":
            return 0.0
        return (time.perf_counter() if self._status == "running" else self._ended) - self._began


def create_multiagent_context(
    application_id: str | None = None,
    *,
    pipeline_id: str | None = None,
    name: str | None = None,
    settings: Settings | None = None,
    providers: Providers = _GLOBAL,
) -> MultiAgentContext:
    """A pipeline of agents about `application_id`, for a `with` or `async with` block.

    `pipeline_id` continues a pipeline of another process, by default it is a new UUID; `name` names the kind of
    pipeline, the same for each, and its span. `settings` are by default those of the environment, `providers` the
    global ones. Where Arc is switched off, all of it works and nothing is recorded.
    """
    chosen = settings or Settings.from_env(os.environ)[0]
    pen = _GUARD.attempt("preparing a pipeline", _pen, chosen, providers) if chosen.active else None
    return MultiAgentContext(application_id, pipeline_id or str(uuid.uuid4()), name, pen)


def _pen(settings: Settings, providers: Providers) -> Pen:
    stamp_spans_of(providers.tracer or trace.get_tracer_provider(), _GUARD)
    release = _release()
    return Pen(
        SpanWriter(
            trace.get_tracer(_DISTRIBUTION, release, providers.tracer), genai_names=settings.span_names == "genai"
        ),
        Recorder(settings.capture, settings.content_limit),
        _logs.get_logger(_DISTRIBUTION, release, providers.logger),
    )


@cache
def _release() -> str:
    return version(_DISTRIBUTION)
