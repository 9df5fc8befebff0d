"""Several agents that work on one thing, as one pipeline: one job, one id on all its spans, one summary."""

import asyncio
import contextvars
import os
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib.metadata import version
from itertools import islice
from types import TracebackType
from typing import Final, ParamSpec, Self, TypeVar

from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry import _logs, context, trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, Span, get_current_span
from opentelemetry.util.types import AttributeValue

from arc_runtime.capture import Recorder
from arc_runtime.errors import ArcError
from arc_runtime.instrumentation import Guard, Pen, Providers, also_land, land_all_at_exit
from arc_runtime.settings import Settings
from arc_runtime.spans import (
    Pipeline,
    SpanWriter,
    agent_of,
    cancelled,
    current,
    detach,
    failed,
    in_job,
    in_pipeline,
    pipeline_of,
    seat,
    suppressed,
)
from arc_runtime.tracking._ledger import Ledger
from arc_runtime.tracking._stamp import stamp_spans_of
from arc_runtime.tracking._summary import PipelineSummary, Status

__all__ = ["MultiAgentContext", "create_multiagent_context"]

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

_DISTRIBUTION: Final = "arc-runtime"
_GUARD: Final = Guard(_DISTRIBUTION)
_CANCELLATIONS: Final = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)
_MOST_KEYS: Final = 64
_NAMES: Final = Recorder("SPAN_ONLY", 128)
"""For names and keys: redacted, as a provider of the program's own may have no processor that does it, and cut."""
_MOST_OPEN: Final = 10_000
_OPEN: Final[dict["MultiAgentContext", None]] = {}
"""Contexts that are not left yet, the oldest first."""
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
        self._pipeline: Pipeline | None = None
        self._inside: Context | None = None
        self._left = False
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
        if self._token is not None:
            _GUARD.attempt("leaving a pipeline", self._step_out)
        self._end("ok" if error is None else "cancelled" if isinstance(error, _CANCELLATIONS) else "error", error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _open(self, pen: Pen) -> None:
        outer, above = pipeline_of(), get_current_span()
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
        if not self._span.is_recording():
            self._span = NonRecordingSpan(self._span.get_span_context())  # it may be one object for all
        agent = self._name if part else None
        ledger = self._ledger
        # What a seat holds must not lead to the span, nor to this context, which holds it: neither would ever go.
        failed_itself = _both(lambda _: ledger.failed(None), outer.failed if outer else None)
        seat(self._span, above, agent or agent_of(above), partial(failed_itself, agent))
        self._pipeline = Pipeline(
            attributes,
            ended=_both(ledger.ended, outer.ended if outer else None),
            turned=_both(ledger.turned, outer.turned if outer else None),
            failed=_both(ledger.failed, outer.failed if outer else None),
            left=self._take_back,
        )
        self._inside = in_pipeline(self._pipeline, current(self._span, of_job=True))
        self._token = context.attach(self._inside)
        self._remember()

    def _remember(self) -> None:
        """See to it that the span ends with the program, if nobody leaves the block."""
        _OPEN[self] = None
        if len(_OPEN) > _MOST_OPEN:  # a program that leaves none is not to run out of memory
            next(iter(_OPEN)).land()
        also_land(_land_all)
        land_all_at_exit()

    def _step_out(self) -> None:
        """Take the context back, where it is this thread's and nothing lies on top of it; else that is done later."""
        self._left = True
        if pipeline_of() is self._pipeline:
            self._detach()
        pipeline_of()  # what was left below, while this one lay on top, is taken back too

    def _take_back(self) -> bool:
        """Whether the context is taken back now: it was left elsewhere, and this is the thread that still has it."""
        return self._left and context.get_current() is self._inside and self._detach()

    def _detach(self) -> bool:
        token, self._token = self._token, None
        if token is None or detach(token):
            return token is not None
        self._token = token
        return False

    def _end(self, status: Status, error: BaseException | None) -> None:
        if self._status != "running":
            return
        self._status, self._ended = status, time.perf_counter()
        try:
            del _OPEN[self]
        except KeyError:  # nothing is recorded, or the span is that of the process this one was forked from
            return
        _GUARD.attempt("closing a pipeline", self._close, error)

    def land(self) -> None:
        """End the span of a block that nobody leaves; the program goes on in it."""
        self._end("cancelled", None)

    def forked(self) -> None:
        """Go on in a forked process, as part of the span that the process which opened it will end."""
        self._span = NonRecordingSpan(self._span.get_span_context())
        self._ledger.forked()

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
        pipeline_of()  # one that was left elsewhere, and is still the current one here, is not to come back afterwards
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
            _GUARD.attempt("recording a hand-off", self._hand_over, self._pen, from_agent, to_agent, context)

    def _hand_over(self, pen: Pen, from_agent: object, to_agent: object, passed: object) -> None:
        giver, taker = str(from_agent), str(to_agent)
        keys = _GUARD.attempt("reading the keys of a hand-off", _keys_of, passed) or []
        self._ledger.handed_over({"from": giver, "to": taker, "keys": keys})
        if not self._span.is_recording():
            return
        attributes: dict[str, AttributeValue] = {
            semconv.HANDOFF_FROM: _NAMES.text(giver),
            semconv.HANDOFF_TO: _NAMES.text(taker),
            semconv.HANDOFF_KEYS: [_NAMES.text(key) for key in keys],
        }
        recorder = pen.recorder
        content: dict[str, AttributeValue] = {}
        if recorder.wanted and passed is not None:
            told = _GUARD.attempt("recording the context of a hand-off", recorder.text, passed)
            content = {} if told is None else {semconv.HANDOFF_CONTEXT: told}
        self._span.add_event(semconv.EVENT_HANDOFF, {**attributes, **content} if recorder.on_spans else attributes)
        if recorder.on_events:
            pen.events.emit(
                context=current(self._span),
                severity_number=SeverityNumber.DEBUG,
                event_name=semconv.EVENT_HANDOFF,
                attributes={**attributes, **content},
            )

    def get_pipeline_summary(self, within_seconds: float = 0.0) -> PipelineSummary:
        """What the pipeline did so far, inside its block or after it; calls still under way are not in it.

        It does not wait: calls whose price is not read yet, which takes the first half second of a process that calls
        models, are among the `unpriced_calls`. `within_seconds` is how long it may wait for that.
        """
        _GUARD.attempt("pricing", self._ledger.settle, within_seconds)
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
    global ones. Where Arc is switched off, all of it works and nothing is recorded. TypeError: an argument is not of
    its type.
    """
    for argument, value in (("application_id", application_id), ("pipeline_id", pipeline_id), ("name", name)):
        _check(argument, value, str)
    _check("settings", settings, Settings)
    _check("providers", providers, Providers)
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


def _check(argument: str, value: object, kind: type) -> None:
    if not isinstance(value, kind | None):
        raise TypeError(
            f"create_multiagent_context takes {'a str' if kind is str else kind.__qualname__} as its {argument}, "
            f"and not {value!r}, of type {type(value).__qualname__}"
        )


def _both(inner: Callable[[S], None], outer: Callable[[S], None] | None) -> Callable[[S], None]:
    if outer is None:
        return inner

    def both(said: S) -> None:
        inner(said)
        outer(said)

    return both


def _keys_of(passed: object) -> list[str]:
    return [str(key) for key in islice(passed, _MOST_KEYS)] if isinstance(passed, Mapping) else []


def _land_all() -> None:
    for one in reversed(tuple(_OPEN)):
        one.land()


def _forked() -> None:
    for one in tuple(_OPEN):
        one.forked()
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@cache
def _release() -> str:
    return version(_DISTRIBUTION)
