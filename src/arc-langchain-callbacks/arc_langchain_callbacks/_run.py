"""What is known of each callback run that is under way."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from arc_runtime.instrumentation import ArcInstrumentor
from arc_runtime.spans import current
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext

if TYPE_CHECKING:
    from arc_langchain_callbacks._node import Node

__all__ = ["Action", "Giver", "Graph", "Run", "Start"]


class Start(NamedTuple):
    """What was so when a run started that may turn out to be a graph or a chain."""

    name: str | None
    metadata: Mapping[str, Any]
    within: Context
    at_ns: int


class Giver(NamedTuple):
    """A node that passed control on, and with it what it changed of the state."""

    name: str
    span: SpanContext
    keys: tuple[str, ...]
    values: Mapping[str, object]
    """The changed values as a copy; empty where content is not recorded."""


class Action(NamedTuple):
    """A question that a graph stopped for."""

    type: str
    span: Span


class Graph:
    """What the nodes of one graph run share."""

    __slots__ = ("actions", "arriving", "checkpoint_id", "failures", "interrupted", "left", "root")

    def __init__(self, root: "Graph | None" = None) -> None:
        self.root = root or self
        """The graph that stops when a node inside asks a person: the outermost one that shares the checkpoints."""
        self.interrupted = False
        """Whether a node of this graph waits for a person."""
        self.failures: dict[str, int] = {}
        """How many attempts of a node or task failed so far, by place."""
        self.actions: dict[str, Action] = {}
        """What this graph stopped for, by id; only in a root."""
        self.checkpoint_id: str | None = None
        """The last checkpoint that was saved; None where none is."""
        self.left: dict[str, SpanContext] = {}
        """Spans of the nodes that ended in this step, by place."""
        self.arriving: dict[str, list[Giver]] = {}
        """Who passed control on to a node that has not run since, by name of the node."""


class Run:
    """One callback run that is under way: it has a span of its own, lends that of the run above, or has none."""

    __slots__ = ("_inside", "above", "graph", "late", "node", "owned", "place", "span", "start", "within", "writer")

    def __init__(
        self,
        above: "Run | None",
        span: Span | None = None,
        writer: ArcInstrumentor | None = None,
        place: str | None = None,
    ) -> None:
        self.above = above
        self.owned = span is not None
        self._inside: Context | None = None
        self.span: Span | None = span or (above.span if above else None)
        self.writer = writer
        """The plugin whose span it is; None where it has none of its own."""
        self.place: str | None = place or (above.place if above else None)
        """The checkpoint namespace of the node or task this is part of: the attempts of one execution share it."""
        self.graph: Graph | None = None
        """What its nodes share, where this is a graph."""
        self.within: Graph | None = above.within if above else None
        """The innermost graph this is part of, or is."""
        self.start: Start | None = None
        """There as long as it may turn out to be a graph or a chain."""
        self.node: Node | None = None
        """What its span tells when it is read, where this is a node."""
        self.late: dict[str, object] = {}
        """Content by attribute name, a copy that nobody changes; recorded when the span is read."""

    def inside(self) -> Context | None:
        """The context for work inside of it: its span is the current one; None where it has none. Made once."""
        if self._inside is None and self.span is not None:
            self._inside = current(self.span, of_job=True)
        return self._inside

    def opened(self, span: Span, writer: ArcInstrumentor) -> None:
        """It turned out to have a span of its own."""
        self.span, self.owned, self.writer, self._inside = span, True, writer, None
