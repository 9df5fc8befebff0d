"""Plugins for frameworks, written against trackers: each is an OpenTelemetry instrumentor as well."""

import os
from abc import abstractmethod
from collections.abc import Collection, Mapping
from contextvars import Token
from typing import Any, ClassVar, Final, Literal

from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.trace import Span, TracerProvider
from opentelemetry.util.types import AttributeValue

from arc_runtime.console import State
from arc_runtime.instrumentation import Guard, Runtime, instruments_of
from arc_runtime.settings import Settings
from arc_runtime.spans import SpanWriter, cancelled, current, detach, failed, in_job
from arc_runtime.tracking._executions import ExecutionTracker, NodeExecution, text_of
from arc_runtime.tracking._feed import ENDED_WITH, GIVEN, EndedWith, Given
from arc_runtime.tracking._requests import CANCELLATIONS

__all__ = ["FrameworkInstrumentor", "SpanTracker"]

NodeKind = Literal["job", "run", "tool"]

_KINDS: Final[Mapping[object, tuple[Kind, str]]] = {
    "job": (Kind.JOB, semconv.WORKFLOW_NAME),
    "run": (Kind.RUN, semconv.AGENT_NAME),
    "tool": (Kind.TOOL, semconv.TOOL_NAME),
}


class _SpanExecution(NodeExecution):
    """An execution that a span stands for."""

    __slots__ = ("span", "token")

    span: Span
    token: Token[Context]


class SpanTracker(ExecutionTracker):
    """Writes a span for each node that it is told of; what follows spans is told of the node by way of it.

    `metadata` may say `kind`: `run` (the default), `tool`, or `job` for a whole workflow. A node's span is the current
    one until it ends: what runs in between, model calls too, is below it. No method raises.
    """

    def __init__(self, framework: str, spans: SpanWriter) -> None:
        self._guard = Guard(f"plugin for {framework}")
        self._spans = spans

    def start_node_execution(
        self,
        node_id: str,
        node_name: str,
        framework: str,
        inputs: object = None,
        metadata: Mapping[str, object] | None = None,
    ) -> NodeExecution:
        """The execution of a node that starts now."""
        execution = _SpanExecution(
            node_id=node_id, node_name=node_name, framework=framework, inputs=inputs, metadata=metadata or {}
        )
        self._guard.attempt("opening a node", self._open, execution)
        return execution

    def _open(self, execution: _SpanExecution) -> None:
        kind, attribute = _KINDS.get(execution.metadata.get("kind", "run"), _KINDS["run"])
        if kind is Kind.JOB and in_job():
            kind = Kind.RUN  # one job a piece of work: a workflow in it is a run of that
        attributes: dict[str, AttributeValue] = {attribute: execution.node_name}
        token = GIVEN.set(Given(execution.node_id, execution.inputs, execution.metadata))
        try:
            execution.span = self._spans.open(kind, execution.node_name, attributes)
        finally:
            GIVEN.reset(token)
        execution.token = context.attach(current(execution.span, of_job=True))

    def end_node_execution(
        self, execution: NodeExecution, outputs: object = None, error: BaseException | str | None = None
    ) -> None:
        """`execution` ended; the second end of one changes nothing."""
        if isinstance(execution, _SpanExecution) and execution.end_ns is None and hasattr(execution, "token"):
            self._guard.attempt("closing a node", self._close, execution, outputs, error)

    @staticmethod
    def _close(execution: _SpanExecution, outputs: object, error: BaseException | str | None) -> None:
        span = execution.span
        detach(execution.token)
        if isinstance(error, CANCELLATIONS):
            cancelled(span)
        elif error is not None:
            failed(span, error if isinstance(error, BaseException) else NodeFailedError(error))
        token = ENDED_WITH.set(EndedWith(outputs, error))
        try:
            span.end()
        finally:
            ENDED_WITH.reset(token)
        execution.outputs, execution.end_ns = outputs, getattr(span, "end_time", None) or execution.start_ns
        execution.error = text_of(error) if isinstance(error, BaseException) else error
        stopped: State = "cancelled" if isinstance(error, CANCELLATIONS) else "failed"
        execution.status = "completed" if error is None else stopped


class NodeFailedError(Exception):
    """What a framework says of a node that failed, where it hands over no exception."""


class FrameworkInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """A plugin for one framework: it tells a tracker what runs.

    A subclass says four things: `framework_name`, `install`, `uninstall` and `is_installed`. It is an OpenTelemetry
    instrumentor too: named by an entry point of `opentelemetry_instrumentor` it is found by `opentelemetry-instrument`
    and by `Arc()`, and `RuntimeManager.register_instrumentor` takes it without one. As with every instrumentor of
    OpenTelemetry there is one object a class, whose `__init__` runs at each call of the class.
    """

    distribution: ClassVar[str | None] = None
    """Name of the distribution whose extra `instruments` says which versions of the framework it is for; None: any."""

    @property
    @abstractmethod
    def framework_name(self) -> str:
        """E.g. `langgraph`; it stands before the nodes in a summary."""

    @abstractmethod
    def install(self, tracker: ExecutionTracker) -> None:
        """Wrap what runs nodes in the framework, and tell `tracker` of each from now on."""

    @abstractmethod
    def uninstall(self) -> None:
        """Put back what `install` wrapped."""

    @abstractmethod
    def is_installed(self) -> bool:
        """Whether `install` was called, and `uninstall` was not since."""

    # --- as an instrumentor of OpenTelemetry ---

    def instrumentation_dependencies(self) -> Collection[str]:
        """The requirements of the extra `instruments` of `distribution`."""
        return [] if self.distribution is None else instruments_of(self.distribution)

    def _instrument(self, **kwargs: Any) -> None:
        runtime: Runtime | None = kwargs.get("runtime")
        settings = runtime.settings if runtime is not None else Settings.from_env(os.environ)[0]
        if not settings.active or self.is_installed():
            return
        provider: TracerProvider | None = kwargs.get("tracer_provider")
        tracer = trace.get_tracer(f"arc-instrumentation-{self.framework_name}", tracer_provider=provider)
        self.install(SpanTracker(self.framework_name, SpanWriter(tracer, genai_names=settings.span_names == "genai")))

    def _uninstrument(self, **_kwargs: Any) -> None:
        if self.is_installed():
            self.uninstall()
