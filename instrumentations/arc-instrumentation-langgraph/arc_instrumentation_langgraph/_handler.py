"""The callback handler that turns a graph's callbacks into spans."""

import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
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

from arc_instrumentation_langgraph import _mapping

if TYPE_CHECKING:
    from arc_instrumentation_langgraph import LangGraphInstrumentor

__all__ = ["GraphHandler", "register"]


class _Run:
    """One callback run that is under way: it has a span of its own, lends that of the run above, or waits for one."""

    __slots__ = ("interrupted", "name", "owned", "root", "span", "started_ns", "within")

    def __init__(self, above: "_Run | None", *, span: Span | None = None) -> None:
        self.owned = span is not None
        self.span: Span | None = span or (above.span if above else None)
        self.root: _Run = above.root if above else self
        self.interrupted = False
        self.started_ns = time.time_ns()
        self.within: Context | None = None
        self.name: str | None = None


class GraphHandler(BaseCallbackHandler):
    """Opens and closes the spans of every graph of the process; a failure of its own never reaches the graph."""

    run_inline = True
    ignore_llm = True
    ignore_chat_model = True
    ignore_retriever = True

    def __init__(self, plugin: "LangGraphInstrumentor") -> None:
        self._plugin = plugin
        self._runs: dict[UUID, _Run] = {}

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
        if node := _mapping.node_of(name, tags, metadata):
            run = self._open(above, Kind.RUN, node, _mapping.run_attributes(node, metadata))
        elif above is not None:
            run = _Run(above)
        else:
            run = self._root(name, metadata)
        self._runs[run_id] = run

    def _root(self, name: str | None, metadata: Mapping[str, Any]) -> _Run:
        if _mapping.is_graph(metadata):
            return self._open_graph(_Run(None), name, metadata)
        run = _Run(None)
        run.name, run.within = name, context.get_current()
        return run

    def _open_graph(self, root: _Run, name: str | None, metadata: Mapping[str, Any]) -> _Run:
        """Give `root` its span: a job, or a run where a job is under way already."""
        kind = Kind.RUN if in_job(root.within) else Kind.JOB
        attributes = _mapping.workflow_attributes(name, metadata)
        subject = _mapping.workflow_name(name)
        if kind is Kind.RUN and subject:
            attributes = {**attributes, semconv.AGENT_NAME: subject}
        root.span = self._plugin.pen.spans.open(kind, subject, attributes, parent=root.within, start_ns=root.started_ns)
        root.owned = True
        return root

    def _open(self, above: _Run | None, kind: Kind, subject: str | None, attributes: dict[str, Any]) -> _Run:
        if above is not None and above.span is None and above.root is above:
            # The first node tells that the run above is a graph: versions before 1.1 do not say so themselves.
            self._open_graph(above, above.name, {})
        parent = current(above.span, of_job=True) if above is not None and above.span is not None else None
        span = self._plugin.pen.spans.open(kind, subject, attributes, parent=parent)
        return _Run(above, span=span)

    def _end(self, run_id: UUID, error: BaseException | None) -> None:
        run = self._runs.pop(run_id, None)
        if run is None or not run.owned or run.span is None:
            return
        if run.interrupted or isinstance(error, GraphInterrupt):
            run.root.interrupted = True
            interrupted(run.span)
        elif error is not None and _mapping.is_cancellation(error):
            cancelled(run.span)
        elif error is not None and not isinstance(error, GraphBubbleUp):
            failed(run.span, error)
        run.span.end()

    def _start_tool(
        self,
        run_id: UUID,
        parent_id: UUID | None,
        serialized: Mapping[str, Any] | None,
        arguments: object,
        extra: Mapping[str, Any],
    ) -> None:
        above = self._runs.get(parent_id) if parent_id else None
        if above is None and not in_job():
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


def register(handler: GraphHandler) -> None:
    """Have langchain-core hand every callback of the process to `handler`; there is no way back but its own flag."""
    register_configure_hook(ContextVar("arc_langgraph", default=handler), inheritable=True)
