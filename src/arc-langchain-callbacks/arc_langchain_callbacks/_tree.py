"""The tree of spans: which callback run has a span, below which, and how it ends."""

import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from arc_runtime.capture import Recorder
from arc_runtime.instrumentation import ArcInstrumentor
from arc_runtime.spans import Announced, ambient, cancelled, complete, failed, in_job, interrupted, suppressed
from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from arc_langchain_callbacks import _actions, _mapping
from arc_langchain_callbacks._node import Node, node_at
from arc_langchain_callbacks._run import Graph, Run, Start
from arc_langchain_callbacks._share import Shares

__all__ = ["Tree"]

_RUN: Final = Kind.RUN
# A member of an enum is looked up by a function in Python.


class Tree:
    """The runs of the process that are under way, by the id that langchain-core gave them."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        # By the number of the id: a UUID hashes itself in Python, and each runnable comes by here five times.
        self._runs: dict[object, Run] = {}
        self._retrieving: dict[UUID, Announced] = {}
        self._opening = threading.Lock()
        self.has_spans = False
        """Whether any span was opened so far."""

    # --- what others ask ---

    @property
    def under_way(self) -> list[object]:
        """The runs, the latest first."""
        return list(reversed(tuple(self._runs)))

    def run(self, run_id: UUID | None) -> Run | None:
        """The run with this id; None when there is none under way."""
        return self._runs.get(getattr(run_id, "int", run_id))

    def writer_of(self, run_id: UUID) -> ArcInstrumentor | None:
        """The plugin whose span the run has; None when it has none of its own."""
        run = self._runs.get(getattr(run_id, "int", run_id))
        return run.writer if run is not None else None

    def context_of(self, run_id: UUID | None) -> Context | None:
        """The context for work inside the run `run_id`: its span is the current one; None when it has none."""
        run = self._runs.get(getattr(run_id, "int", run_id))
        return run.inside() if run is not None else None

    @property
    def graph_writer(self) -> ArcInstrumentor | None:
        """The plugin that writes graphs; None where none does at the moment."""
        return self._shares.graphs

    def place_for(self, parent_id: UUID | None) -> Context | None:
        """Where the span of work below the run `parent_id` belongs; None is the ambient context."""
        above = self.run(parent_id)
        if above is None or above.span is None:
            return above.start.within if above is not None and above.start is not None else None
        return _below(above, context.get_current())

    def forget(self) -> None:
        """Leave what is open to the process that opened it: this one is a fork of it."""
        self._runs.clear()
        self._retrieving.clear()
        self._opening = threading.Lock()

    # --- runs start ---

    def start(
        self,
        writer: ArcInstrumentor,
        ids: tuple[UUID, UUID | None],
        name: str | None,
        tags: Sequence[str],
        metadata: Mapping[str, Any],
    ) -> None:
        """A graph, a node, a chain, or something inside one starts; `ids` are those of its run and the run above."""
        run_id, parent_id = ids
        above = self._runs.get(getattr(parent_id, "int", parent_id))
        place = _mapping.place_of(metadata)
        # What runs inside a node or task inherits its place: only its own run has one that the run above has not.
        first = place is not None and (above is None or above.place != place)
        if first and above is not None and above.graph is None:
            self.is_graph(above)  # what has nodes is a graph: versions before 1.1 do not say so themselves
        node = (_mapping.node_of(name, tags, metadata) or _mapping.task_of(name, tags, metadata)) if first else None
        if node is not None and not suppressed():
            self._runs[getattr(run_id, "int", run_id)] = self._start_node(writer, above, node, place, metadata)
        else:
            self._runs[getattr(run_id, "int", run_id)] = self._start_chain(above, name, tags, place, metadata)

    def _start_node(
        self,
        writer: ArcInstrumentor,
        above: Run | None,
        node: str,
        place: str | None,
        metadata: Mapping[str, Any],
    ) -> Run:
        # Samplers see who it is; the rest is told when the span is read, which costs a node two thirds of the time.
        parent = above.inside() if above is not None else None
        span = writer.pen.spans.open(_RUN, node, {semconv.AGENT_NAME: node}, parent=parent)
        self.has_spans = True
        run = Run(above, span, writer, place)
        run.node = node_at(node, place, metadata, above.graph if above is not None else None)
        return run

    def _start_chain(
        self, above: Run | None, name: str | None, tags: Sequence[str], place: str | None, metadata: Mapping[str, Any]
    ) -> Run:
        """A run that lends the span above, unless it is a graph or a chain, or turns out to be one."""
        run = Run(above, None, None, place)
        if run.within is not None:
            return run
        # A thread that the program made by itself has no context: there the run above knows better.
        outer = above.start.within if above is not None and above.start is not None else None
        run.start = Start(name, metadata, ambient() or outer or Context(), time.time_ns())
        if place is not None:
            return run  # inside a node everything has inherited the mark of its graph; there the first node tells
        if _mapping.is_graph(metadata):
            self.is_graph(run)
        elif self._shares.chains is not None:
            if above is not None and above.span is None and _mapping.is_step(tags):
                self._open_chain(above)  # what has steps is a chain
                run.span = above.span
            if _mapping.is_chain(name):
                self._open_chain(run)
        return run

    def is_graph(self, run: Run) -> None:
        """`run` is a graph: give it a span of its own, unless it is inside a node, whose span it then lends."""
        with self._opening:  # the first nodes of a graph may start at once
            start, run.start = run.start, None
            around, run.graph = run.within, run.graph or Graph(run.within.root if run.within else None)
            run.within = run.graph
            writer = self._shares.graphs
            if start is None or around is not None or writer is None or suppressed():
                return
            name = _mapping.workflow_name(start.name)
            attributes = _mapping.workflow_attributes(start.name, start.metadata)
            self._open_late(run, writer, start, name, attributes)

    def _open_chain(self, run: Run) -> None:
        """`run` is a chain: the job where there is none; inside of one only an agent has a span of its own."""
        with self._opening:
            start, writer = run.start, self._shares.chains
            if start is None or writer is None or run.owned or suppressed():
                return
            if (run.span is not None or in_job(start.within)) and not _mapping.is_agent(start.name):
                return
            name = _mapping.chain_name(start.name)
            attributes = _mapping.workflow_attributes(name, start.metadata)
            self._open_late(run, writer, start, name, attributes)
            run.start = None

    def _open_late(
        self,
        run: Run,
        writer: ArcInstrumentor,
        start: Start,
        name: str | None,
        attributes: dict[str, AttributeValue],
    ) -> None:
        parent = _below(run, start.within)
        kind = Kind.RUN if in_job(parent) else Kind.JOB
        if kind is Kind.RUN and name:
            attributes[semconv.AGENT_NAME] = name
        run.opened(writer.pen.spans.open(kind, name, attributes, parent=parent, start_ns=start.at_ns), writer)
        self.has_spans = True

    def _open(  # noqa: PLR0913 - what starts a span, and whose it is
        self,
        kind: Kind,
        subject: str | None,
        attributes: Mapping[str, AttributeValue],
        above: Run | None,
        parent: Context | None,
        *,
        writer: ArcInstrumentor | None = None,
    ) -> Run:
        writer = writer or self._shares.graphs
        if writer is None or suppressed():
            return Run(above)
        span = writer.pen.spans.open(kind, subject, attributes, parent=parent)
        self.has_spans = True
        return Run(above, span, writer)

    # --- tools and retrievers ---

    def start_tool(
        self,
        run_id: UUID,
        parent_id: UUID | None,
        serialized: Mapping[str, Any],
        arguments: object,
        extra: Mapping[str, Any],
    ) -> None:
        """A tool starts: that of a graph or chain, or one that the program calls itself."""
        above = self.run(parent_id)
        if self._shares.chains is None and (above is None or above.span is None) and not in_job():
            return  # a tool that no graph runs is none of the graph's plugin
        attributes = _mapping.tool_attributes(serialized, extra)
        name = str(attributes.get(semconv.TOOL_NAME, "")) or None
        writer = self._shares.graphs if above is not None and above.within is not None else self._shares.chains
        run = self._open(Kind.TOOL, name, attributes, above, self.place_for(parent_id), writer=writer)
        if (recorder := _recorder(run)) is not None:
            run.late[semconv.TOOL_CALL_ARGUMENTS] = recorder.hold(arguments)
        self._runs[getattr(run_id, "int", run_id)] = run

    def tool_gave(self, run_id: UUID, output: object) -> None:
        """It gave `output`."""
        run = self._runs.get(getattr(run_id, "int", run_id))
        if run is None or run.span is None or not run.owned:
            return
        if isinstance(call := getattr(output, "tool_call_id", None), str):
            run.span.set_attribute(semconv.TOOL_CALL_ID, call)  # versions before 1.0 do not tell it before
        if (recorder := _recorder(run)) is not None:
            run.late[semconv.TOOL_CALL_RESULT] = recorder.hold(_mapping.tool_result(output))

    def start_retriever(
        self, run_id: UUID, parent_id: UUID | None, serialized: Mapping[str, Any], query: str, extra: Mapping[str, Any]
    ) -> None:
        """A retriever starts."""
        attributes = _mapping.retriever_attributes(serialized, extra)
        name = str(attributes.get(semconv.TOOL_NAME, "")) or None
        above, parent = self.run(parent_id), self.place_for(parent_id)
        run = self._open(Kind.TOOL, name, attributes, above, parent, writer=self._shares.chains)
        if (recorder := _recorder(run)) is not None:
            run.late[semconv.RETRIEVAL_QUERY] = recorder.hold(query)
        self._runs[getattr(run_id, "int", run_id)] = run
        # A retriever has no context of its own, as tools have: what it asks is told its place by this.
        self._retrieving[run_id] = Announced(run.inside())

    def retriever_found(self, run_id: UUID, documents: Sequence[object]) -> None:
        """It found `documents`."""
        run = self._runs.get(getattr(run_id, "int", run_id))
        if run is not None and (recorder := _recorder(run)) is not None:
            run.late[semconv.RETRIEVAL_DOCUMENTS] = recorder.hold(_mapping.found(documents))

    def retrieved(self, run_id: UUID) -> None:
        """The retriever has ended, one way or the other."""
        if (asking := self._retrieving.pop(run_id, None)) is not None:
            asking.over()

    # --- runs end ---

    def end(self, run_id: object, error: BaseException | None) -> None:
        """The run ended, in `error` where it raised one."""
        run = self._runs.pop(getattr(run_id, "int", run_id), None)
        if run is None:
            return
        if run.graph is not None and run.graph.actions:
            _actions.end(run.graph)
        if not run.owned or run.span is None:
            return
        try:
            self._mark(run, run.span, error)
        finally:
            node, writer = run.node, run.writer
            if writer is not None and (node is not None or run.late):
                links = node.links if node is not None and node.givers else None
                complete(run.span, partial(_recorded, writer.pen.recorder, node, run.late), links)
            run.span.end()

    def _mark(self, run: Run, span: Span, error: BaseException | None) -> None:
        """Say on `span` how `run` ended, and tell the graph around it what it cannot see for itself."""
        above, own, place = run.above, run.graph, run.place
        graph = above.graph if above is not None else None
        if graph is not None and place:
            graph.left[place] = span.get_span_context()
        if error is None and own is None:
            return
        if own is not None and own.checkpoint_id is not None:
            span.set_attribute(semconv.LANGGRAPH_CHECKPOINT_ID, own.checkpoint_id)
        asked = _mapping.interrupts_of(error) if error is not None else None
        if asked is not None:
            _asks(run, span, asked)
        elif error is not None and _mapping.is_failure(error):
            _lost(run)
            failed(span, error)
        elif own is not None and own.interrupted:
            interrupted(span)
        elif error is not None and _mapping.is_cancellation(error):
            _lost(run)  # LangGraph cancels an attempt that takes too long, and may make another
            cancelled(span)


def _lost(run: Run) -> None:
    """Count an attempt at a node or task that came to nothing."""
    graph = run.above.graph if run.above is not None else None
    if graph is not None and run.place:
        graph.failures[run.place] = graph.failures.get(run.place, 0) + 1


def _asks(run: Run, span: Span, asked: Sequence[object]) -> None:
    interrupted(span)
    if run.above is not None and run.above.graph is not None:
        run.above.graph.interrupted = True  # a graph whose node waits ends as if all were done
    if run.within is not None and run.writer is not None:
        _actions.open_for(run.within.root, asked, span, run.writer)


def _below(run: Run, ambient: Context) -> Context:
    """The context for a span below that of `run`: `ambient`, where that is inside of it.

    Where the run's own context has come along, the program may have opened spans of its own in it. Where it has not
    (a thread of the program's, a chain that runs its parts without one), a span further up is current, or none.
    """
    if run.span is None:
        return ambient
    if in_job(ambient):
        now, above = trace.get_current_span(ambient), run.above
        while above is not None and (above.span is not now or above.span is run.span):
            above = above.above
        if above is None:
            return ambient
    return run.inside() or ambient


def _recorder(run: Run) -> Recorder | None:
    """What records content on the span of `run`; None where none is wanted."""
    if run.writer is None or run.span is None:
        return None
    recorder = run.writer.pen.recorder
    return recorder if recorder.on_spans and run.span.is_recording() else None


def _recorded(recorder: Recorder, node: Node | None, late: Mapping[str, object]) -> dict[str, AttributeValue]:
    told, content = (node.attributes(), {**node.content(), **late}) if node is not None else ({}, late)
    return {**told, **{name: recorder.text(value) for name, value in content.items()}}
