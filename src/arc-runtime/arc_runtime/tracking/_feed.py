"""Spans told as nodes: to the requests that they are part of, to the trackers there are, and to the console.

A span processor does it, so that every plugin feeds it, those of others too. It works on what a span says when it
starts and on how it ends, and reads nothing else: what costs time is left to whoever reads the span.
"""

import threading
import weakref
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, TypeVar

from arc_semconv import attributes as semconv
from arc_semconv.kinds import RunState
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import StatusCode, TracerProvider

from arc_runtime.console import State, framework_of
from arc_runtime.console._spans import is_group, name_of, node_id_of, told_at
from arc_runtime.instrumentation import Guard
from arc_runtime.redaction import redact
from arc_runtime.settings import Console, Granularity
from arc_runtime.spans import LateAttributes
from arc_runtime.tracking._executions import DefaultExecutionTracker, ExecutionTracker, NodeExecution
from arc_runtime.tracking._report import Reporter
from arc_runtime.tracking._request import RequestContext, current_request, step_of

__all__ = ["ENDED_WITH", "GIVEN", "EndedWith", "Feed", "Given", "opening_a_request"]

T = TypeVar("T")

_BY_OPERATION: Final[Mapping[str, str]] = {
    "chat": "llm", "text_completion": "llm", "generate_content": "llm", "embeddings": "llm", "execute_tool": "tool",
    "retrieval": "tool", "invoke_agent": "run", "invoke_workflow": "job",
}  # fmt: skip
"""What spans of other instrumentors stand for, by `gen_ai.operation.name`."""
_MOST_OPEN: Final = 20_000
"""Spans under way that are remembered at most: one that never ends must not be so for ever."""
_STATES: Final[Mapping[object, State]] = {
    RunState.INTERRUPTED.value: "interrupted",
    RunState.CANCELLED.value: "cancelled",
}


class Given(NamedTuple):
    """What a framework's plugin says of a node beside its span."""

    node_id: str
    inputs: object
    metadata: Mapping[str, object]


class EndedWith(NamedTuple):
    """How a node ended, as a framework's plugin says it."""

    outputs: object
    error: BaseException | str | None


GIVEN: Final[ContextVar[Given | None]] = ContextVar("arc-node-given", default=None)
ENDED_WITH: Final[ContextVar[EndedWith | None]] = ContextVar("arc-node-ended-with", default=None)


_OPENING: Final[ContextVar[bool]] = ContextVar("arc-request-opening", default=False)


@contextmanager
def opening_a_request() -> Iterator[None]:
    """Have the span that starts in this block be taken for that of a request, which is no node of itself."""
    token = _OPENING.set(True)
    try:
        yield
    finally:
        _OPENING.reset(token)


class _Open(NamedTuple):
    """A span under way."""

    node: str | None
    """The innermost node that it is or is part of."""
    request: RequestContext | None
    root: bool
    """Whether it stands for a request of its own, one that nobody asked for in code."""
    execution: NodeExecution | None
    """None where it is no node."""
    told: tuple[tuple[ExecutionTracker, NodeExecution], ...]


class Feed:
    """Who is told of nodes, in one process. No method raises."""

    def __init__(self, granularity: Granularity, console: Console | None, *, guard: Guard) -> None:
        """`console` None is off, except for requests that somebody asked for in code, where `by_code` is set."""
        self.granularity: Granularity = granularity
        self.by_code: Console = "off"
        """What is said of a request that was asked for in code, while `console` is None."""
        self.guard = guard
        self._console = console
        self._reporters: dict[Console, Reporter] = {}
        self._trackers: tuple[ExecutionTracker, ...] = ()
        self._changing = threading.Lock()
        self._attached: weakref.WeakSet[TracerProvider] = weakref.WeakSet()
        self._open: dict[int, _Open] = {}
        self._roots: dict[int, RequestContext] = {}
        """Requests that nobody asked for in code, by trace."""

    # --- who is told ---

    @property
    def console(self) -> Console | None:
        """What is said of every request; None: of those only that were asked for in code."""
        return self._console

    @console.setter
    def console(self, mode: Console | None) -> None:
        self._console = mode

    @property
    def wanted(self) -> bool:
        """Whether anybody wants to know of nodes outside of requests that were asked for in code."""
        return bool(self._trackers) or self._console not in (None, "off")

    @property
    def trackers(self) -> tuple[ExecutionTracker, ...]:
        """The trackers there are, in the order in which they were added."""
        return self._trackers

    def add(self, tracker: ExecutionTracker) -> None:
        """Have `tracker` told of every node; once, however often it is added."""
        with self._changing:
            if not any(one is tracker for one in self._trackers):
                self._trackers = (*self._trackers, tracker)

    def remove(self, tracker: ExecutionTracker) -> bool:
        """Tell `tracker` no more; False when it was not told before."""
        with self._changing:
            left = tuple(one for one in self._trackers if one is not tracker)
            found = len(left) < len(self._trackers)
            self._trackers = left
            return found

    def attach(self, provider: TracerProvider) -> None:
        """Listen to the spans of `provider`, once; nothing, where it takes no processors: it has no spans either."""
        add: Callable[[SpanProcessor], None] | None = getattr(provider, "add_span_processor", None)
        if add is None:
            return
        with self._changing:
            if provider not in self._attached:
                self._attached.add(provider)
                add(_NodeProcessor(self))

    # --- requests ---

    def begun(self, request: RequestContext) -> None:
        """`request` began."""
        reporter = self._reporter(request)
        if reporter is not None and reporter.live:
            self.guard.attempt("telling of a request", reporter.started, request.request_id, request.entrypoint)

    def over(self, request: RequestContext) -> None:
        """`request` ended."""
        reporter = self._reporter(request)
        if reporter is not None:
            self.guard.attempt("telling of a request", self._tell_end, reporter, request)

    @staticmethod
    def _tell_end(reporter: Reporter, request: RequestContext) -> None:
        reporter.ended(request.summary, outermost=request.parent is None)

    def _reporter(self, request: RequestContext) -> Reporter | None:
        mode = self._console or (self.by_code if request.explicit else "off")
        if mode == "off":
            return None
        reporter = self._reporters.get(mode)
        if reporter is None:
            reporter = self._reporters.setdefault(mode, Reporter(mode))
        return reporter

    # --- spans ---

    def opened(self, span: Span, ambient: Context | None) -> None:
        """`span` started."""
        request = current_request(ambient)
        if request is None and not self.wanted:
            return
        if self.guard.at_work:
            return  # a tracker that runs a node itself would be told of that without end
        known = _early(span)
        kind = known.get(semconv.SPAN_KIND) or _BY_OPERATION.get(str(known.get(semconv.OPERATION)))
        if not isinstance(kind, str):
            self._pass_by(span, request)
            return
        if request is not None:
            self._open_inside(span, kind, known, request, group=is_group(kind, known))
        elif not _OPENING.get():
            self._open_outside(span, kind, known)

    def _pass_by(self, span: Span, request: RequestContext | None) -> None:
        """A span that is none of an agent's work: what is below it is part of the node that it is part of itself."""
        above = self._open.get(span.parent.span_id) if span.parent is not None else None
        if above is not None and above.node is not None:
            self._remember(span, _Open(above.node, request, root=False, execution=None, told=()))

    def _remember(self, span: Span, opened: _Open) -> None:
        if len(self._open) >= _MOST_OPEN:
            self._open.pop(next(iter(self._open)), None)
        self._open[span.context.span_id] = opened

    def _open_outside(self, span: Span, kind: str, known: Mapping[str, object]) -> None:
        """A span outside of any request that was asked for in code: the first one of a trace is a request."""
        trace_id = span.context.trace_id
        request, group = self._roots.get(trace_id), is_group(kind, known)
        root = request is None and self._console not in (None, "off")
        if root:
            request = RequestContext(name_of(kind, span.name, known), explicit=False)
            self._roots[trace_id] = request
            self.begun(request)
        # A graph is the request itself; a lone model call is a request with one node.
        self._open_inside(span, kind, known, request, group=group, root=root)

    def _open_inside(  # noqa: PLR0913 - what is known of a span, worked out by two callers
        self,
        span: Span,
        kind: str,
        known: Mapping[str, object],
        request: RequestContext | None,
        *,
        group: bool,
        root: bool = False,
    ) -> None:
        above = self._open.get(span.parent.span_id) if span.parent is not None else None
        node = above.node if above is not None else None
        execution: NodeExecution | None = None
        told: tuple[tuple[ExecutionTracker, NodeExecution], ...] = ()
        if told_at(self.granularity, kind, group=group, inside=node is not None) and not (root and group):
            execution = _execution(span, kind, known, request, node)
            told = self._tell_start(execution, request)
            node = f"{span.context.span_id:016x}"
        self._remember(span, _Open(node, request, root, execution, told))

    def _tell_start(
        self, execution: NodeExecution, request: RequestContext | None
    ) -> tuple[tuple[ExecutionTracker, NodeExecution], ...]:
        if request is not None:
            one: RequestContext | None = request
            while one is not None:
                one.tracker.keep(execution)
                one = one.parent
            reporter = self._reporter(request)
            if reporter is not None and reporter.live:
                step = step_of(execution, request.start_ns)
                self.guard.attempt("telling of a node", reporter.node_started, request.request_id, step)
        told = []
        for tracker in self._trackers:
            theirs = self._ask(
                tracker,
                tracker.start_node_execution,
                execution.node_id,
                execution.node_name,
                execution.framework,
                execution.inputs,
                execution.metadata,
            )
            if theirs is not None:
                told.append((tracker, theirs))
        return tuple(told)

    def ending(self, span: Span) -> None:
        """`span` ends."""
        opened = self._open.pop(span.context.span_id, None)
        if opened is None:
            return
        ended, state = ENDED_WITH.get(), _state(span)
        error = (ended.error if ended is not None else None) or _error(span)
        if opened.execution is not None:
            self._tell_end_of_node(span, opened, state, EndedWith(ended.outputs if ended else None, error))
        if opened.root and opened.request is not None:
            request = opened.request
            self._roots.pop(span.context.trace_id, None)
            request.start_ns, request.end_ns, request.status = span.start_time or 0, span.end_time, state
            self.over(request)

    def _tell_end_of_node(self, span: Span, opened: _Open, state: State, ended: EndedWith) -> None:
        execution, request = opened.execution, opened.request
        assert execution is not None  # noqa: S101 - for the type checker: the caller has just looked
        _end(execution, span, state)
        execution.outputs = ended.outputs
        execution.error = None if ended.error is None else _error(span) or str(ended.error)
        if request is not None:
            reporter = self._reporter(request)
            if reporter is not None and reporter.live:
                step = step_of(execution, request.start_ns)
                self.guard.attempt("telling of a node", reporter.node_ended, request.request_id, step)
        for tracker, theirs in opened.told:
            self._ask(tracker, tracker.end_node_execution, theirs, ended.outputs, ended.error)
            if isinstance(theirs, NodeExecution):
                # The span's own times and state: a tracker's clock runs on while the others are told.
                self._ask(tracker, _end, theirs, span, state)

    def _ask(self, tracker: ExecutionTracker, work: Callable[..., T], *args: object) -> T | None:
        """What `work(*args)` returns; None when it fails, by whatever `tracker` itself can have raised.

        What signals and watchdogs raise in whoever is at work (KeyboardInterrupt, SystemExit, ...) is the program's.
        """
        what = f"tracker {type(tracker).__qualname__}"
        try:
            return self.guard.attempt(what, work, *args)
        except (CancelledError, GeneratorExit) as error:  # no task is cancelled where nothing is awaited
            self.guard.report(what, error)
            return None

    def forget(self) -> None:
        """In a forked child: what is under way is the parent's."""
        self._open.clear()
        for request in self._roots.values():
            request.tracker.forked()
        for tracker in self._trackers:
            if isinstance(tracker, DefaultExecutionTracker):
                tracker.forked()
        self._roots.clear()
        self._changing = threading.Lock()


class _NodeProcessor(SpanProcessor):
    """Tells a feed of each span; a failure of its own is one warning."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tell of it."""
        feed = self._feed
        try:  # Guard.attempt, written out: this is the way of every span
            feed.opened(span, parent_context)
        except Exception as error:  # noqa: BLE001
            feed.guard.report("telling of a span", error)

    def _on_ending(self, span: Span) -> None:
        feed = self._feed
        try:  # as above
            feed.ending(span)
        except Exception as error:  # noqa: BLE001
            feed.guard.report("telling of a span", error)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing waits here
        """Nothing waits here."""
        return True


def _early(span: Any) -> Mapping[str, object]:
    """What `span` says by now, without any work that is put off."""
    held = getattr(span, "_attributes", None)
    if isinstance(held, LateAttributes):
        return held.early
    # The SDK's own dict where it has one: what it hands out instead takes a microsecond for each name.
    return getattr(held, "_dict", None) or span.attributes or {}


def _execution(
    span: Span, kind: str, known: Mapping[str, object], request: RequestContext | None, above: str | None
) -> NodeExecution:
    given = GIVEN.get()
    name = name_of(kind, span.name, known)
    scope = span.instrumentation_scope
    metadata: dict[str, object] = {
        **(given.metadata if given is not None else {}),
        "kind": kind,
        "request_id": request.request_id if request is not None else None,
        "trace_id": f"{span.context.trace_id:032x}",
        "span_id": f"{span.context.span_id:016x}",
        "parent_span_id": above,
        "attributes": dict(known),
    }
    return NodeExecution(
        node_id=given.node_id if given is not None else node_id_of(name),
        node_name=name,
        framework=framework_of(scope.name if scope is not None else ""),
        inputs=given.inputs if given is not None else None,
        metadata=metadata,
        start_ns=span.start_time or 0,
    )


def _end(execution: NodeExecution, span: Span, state: State) -> None:
    execution.start_ns, execution.end_ns, execution.status = span.start_time or 0, span.end_time, state


def _state(span: Span) -> State:
    if span.status.status_code is StatusCode.ERROR:
        return "failed"
    return _STATES.get(_early(span).get(semconv.RUN_STATE), "completed")


def _error(span: Span) -> str | None:
    """The text of the error that `span` ends in; Arc's processor may come after this one."""
    if span.status.status_code is not StatusCode.ERROR:
        return None
    return redact(span.status.description or str(_early(span).get(semconv.ERROR_TYPE) or "error"))
