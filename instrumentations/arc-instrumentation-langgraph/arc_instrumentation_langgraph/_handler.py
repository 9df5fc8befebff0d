"""The callback handler that turns a graph's callbacks into spans."""

import asyncio
import atexit
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import UUID

from arc_runtime.spans import cancelled, current, failed, in_job, interrupted
from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from opentelemetry import context
from opentelemetry.context import Context
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from arc_instrumentation_langgraph import _mapping

if TYPE_CHECKING:
    from arc_instrumentation_langgraph import LangGraphInstrumentor

__all__ = ["GraphHandler", "register"]


class _Start(NamedTuple):
    """What was so when a run started that may turn out to be a graph."""

    name: str | None
    metadata: Mapping[str, Any]
    within: Context
    at_ns: int


class _Run:
    """One callback run that is under way: it has a span of its own, lends that of the run above, or has none."""

    __slots__ = ("above", "failures", "interrupted", "owned", "place", "span", "start")

    def __init__(self, above: "_Run | None", *, span: Span | None = None, place: str | None = None) -> None:
        self.above = above
        self.owned = span is not None
        self.span: Span | None = span or (above.span if above else None)
        self.place: str | None = place or (above.place if above else None)
        """The checkpoint namespace of the node or task this is part of: the attempts of one execution share it."""
        self.start: _Start | None = None
        self.interrupted = False
        """Whether a node of this graph waits for a person."""
        self.failures: dict[str, int] = {}
        """How many attempts of a node or task below failed so far, by place."""


class GraphHandler(BaseCallbackHandler):
    """Opens and closes the spans of every graph of the process; a failure of its own never reaches the graph."""

    run_inline = True
    ignore_llm = True
    ignore_chat_model = True
    ignore_retriever = True

    def __init__(self, plugin: "LangGraphInstrumentor") -> None:
        self._plugin = plugin
        self._runs: dict[UUID, _Run] = {}
        self._opening = threading.Lock()
        self._closes_at_exit = False

    # Nodes copy and pickle the callbacks they are given; what is behind this handler (locks, exporters) is no value.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, object]) -> Self:
        return self

    def __reduce__(self) -> tuple[type[BaseCallbackHandler], tuple[()]]:
        # A handler that does nothing, and that a process without Arc has too; one with Arc adds its own.
        return BaseCallbackHandler, ()

    def context_of(self, run_id: UUID | None) -> Context | None:
        """The context for work inside the run `run_id`: its span is the current one; None when it has none."""
        run = self._runs.get(run_id) if run_id else None
        return current(run.span, of_job=True) if run is not None and run.span is not None else None

    # --- callbacks of langchain-core ---

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: object,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """A graph, a node, or something inside a node starts."""
        del serialized, inputs
        if self._plugin.active and self._plugin.writes_spans:
            said = (kwargs.get("name"), kwargs.get("tags") or [], kwargs.get("metadata") or {})
            self._plugin.guard.attempt("opening a run", self._start, run_id, parent_run_id, *said)

    def on_chain_end(self, outputs: object, *, run_id: UUID, **kwargs: Any) -> None:
        """It ended."""
        del outputs, kwargs
        self._plugin.guard.attempt("closing a run", self._end, run_id, None)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It raised `error`, which may be a control flow of LangGraph's."""
        del kwargs
        self._plugin.guard.attempt("closing a run", self._end, run_id, error)

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """A tool starts."""
        if self._plugin.active and self._plugin.writes_spans:
            arguments = kwargs.get("inputs") or input_str
            self._plugin.guard.attempt(
                "opening a tool", self._start_tool, run_id, parent_run_id, serialized, arguments, kwargs
            )

    def on_tool_end(self, output: object, *, run_id: UUID, **kwargs: Any) -> None:
        """It gave `output`."""
        del kwargs
        self._plugin.guard.attempt("closing a tool", self._end_tool, run_id, output)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It raised `error`."""
        del kwargs
        self._plugin.guard.attempt("closing a tool", self._end, run_id, error)

    # --- spans ---

    def _start(
        self, run_id: UUID, parent_id: UUID | None, name: str | None, tags: Sequence[str], metadata: Mapping[str, Any]
    ) -> None:
        above = self._runs.get(parent_id) if parent_id else None
        place = _mapping.place_of(metadata)
        # What runs inside a node or task inherits its place: only its own run has one that the run above has not.
        first = place is not None and (above is None or above.place != place)
        if first and above is not None and above.span is None:
            self._open_graph(above)  # what has nodes is a graph: versions before 1.1 do not say so themselves
        node = _mapping.node_of(name, tags, metadata) or (_mapping.task_of(name, tags, metadata) if first else None)
        if node is not None:
            self._runs[run_id] = self._start_node(above, node, place, metadata)
        else:
            self._runs[run_id] = self._start_chain(above, name, place, metadata)

    def _start_node(self, above: _Run | None, node: str, place: str | None, metadata: Mapping[str, Any]) -> _Run:
        attributes = _mapping.run_attributes(node, metadata)
        if above is not None and place in above.failures:
            attributes[semconv.RUN_ATTEMPT] = above.failures[place] + 1
        return self._open(above, Kind.RUN, node, attributes, place=place)

    def _start_chain(
        self, above: _Run | None, name: str | None, place: str | None, metadata: Mapping[str, Any]
    ) -> _Run:
        """A run that lends the span above; where there is none, a graph opens one and others may yet turn out to be."""
        run = _Run(above, place=place)
        if run.span is None:
            # A thread that the program made by itself has no context: there the run above knows better.
            outer = above.start.within if above is not None and above.start is not None else None
            run.start = _Start(name, metadata, context.get_current() or outer or Context(), time.time_ns())
            # Inside a node everything has inherited the mark of its graph; there the first node tells.
            if place is None and _mapping.is_graph(metadata):
                self._open_graph(run)
        return run

    def _open_graph(self, run: _Run) -> None:
        """Give `run` its span: a job, or a run where a job is under way already."""
        with self._opening:  # the first nodes of a graph may start at once
            start, run.start = run.start, None
            if start is None:
                return
            kind = Kind.RUN if in_job(start.within) else Kind.JOB
            subject = _mapping.workflow_name(start.name)
            attributes = _mapping.workflow_attributes(start.name, start.metadata)
            if kind is Kind.RUN and subject:
                attributes[semconv.AGENT_NAME] = subject
            spans = self._plugin.pen.spans
            run.span = spans.open(kind, subject, attributes, parent=start.within, start_ns=start.at_ns)
            run.owned = True
            self._close_at_exit()

    def _open(
        self,
        above: _Run | None,
        kind: Kind,
        subject: str | None,
        attributes: Mapping[str, AttributeValue],
        *,
        place: str | None = None,
    ) -> _Run:
        parent = current(above.span, of_job=True) if above is not None and above.span is not None else None
        return _Run(above, span=self._plugin.pen.spans.open(kind, subject, attributes, parent=parent), place=place)

    def _end(self, run_id: UUID, error: BaseException | None) -> None:
        run = self._runs.pop(run_id, None)
        if run is None or not run.owned or run.span is None:
            return
        try:
            _mark(run, run.span, error)
        finally:
            run.span.end()

    def _close_at_exit(self) -> None:
        # Once there is a span, its provider is there too, and has registered its own shutdown: the last in runs first.
        if not self._closes_at_exit:
            self._closes_at_exit = True
            atexit.register(self._leave)

    def _leave(self) -> None:
        """End what is still open, innermost first: streams that the program holds on to and never finished."""
        for run_id in reversed(tuple(self._runs)):
            self._plugin.guard.attempt("closing a run", self._end, run_id, asyncio.CancelledError())

    def forget(self) -> None:
        """Leave what is open to the process that opened it: this one is a fork of it."""
        self._runs.clear()
        self._opening = threading.Lock()

    def _start_tool(
        self,
        run_id: UUID,
        parent_id: UUID | None,
        serialized: Mapping[str, Any] | None,
        arguments: object,
        extra: Mapping[str, Any],
    ) -> None:
        above = self._runs.get(parent_id) if parent_id else None
        if (above is None or above.span is None) and not in_job():
            return  # a tool that no graph runs is none of this plugin's
        attributes = _mapping.tool_attributes(serialized, extra)
        run = self._open(above, Kind.TOOL, str(attributes.get(semconv.TOOL_NAME, "")) or None, attributes)
        recorder = self._plugin.pen.recorder
        if recorder.on_spans and run.span is not None and run.span.is_recording():
            run.span.set_attribute(semconv.TOOL_CALL_ARGUMENTS, recorder.text(arguments))
        self._runs[run_id] = run

    def _end_tool(self, run_id: UUID, output: object) -> None:
        run = self._runs.get(run_id)
        recorder = self._plugin.pen.recorder
        if run is not None and run.span is not None and recorder.on_spans and run.span.is_recording():
            run.span.set_attribute(semconv.TOOL_CALL_RESULT, recorder.text(_mapping.tool_result(output)))
        self._end(run_id, None)


def _mark(run: _Run, span: Span, error: BaseException | None) -> None:
    """Say on `span` how `run` ended, and tell the run above what it cannot see for itself."""
    graph = run.above
    if isinstance(error, GraphInterrupt):
        interrupted(span)
        if graph is not None:
            graph.interrupted = True  # a graph whose node waits ends as if all were done
    elif error is not None and not isinstance(error, GraphBubbleUp) and not _mapping.is_cancellation(error):
        if graph is not None and run.place:
            graph.failures[run.place] = graph.failures.get(run.place, 0) + 1
        failed(span, error)
    elif run.interrupted:
        interrupted(span)
    elif error is not None and _mapping.is_cancellation(error):
        cancelled(span)


def register(handler: GraphHandler) -> None:
    """Have langchain-core hand every callback of the process to `handler`; there is no way back but its own flag."""
    register_configure_hook(ContextVar("arc_langgraph", default=handler), inheritable=True)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=handler.forget)
