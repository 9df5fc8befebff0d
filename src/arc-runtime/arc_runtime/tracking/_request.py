"""One request: a call of an entrypoint, from its inputs to its outputs, carried in the context of its work."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Final, cast

from arc_semconv import attributes as semconv
from opentelemetry import context
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span
from opentelemetry.util.types import AttributeValue

from arc_runtime.console import State, Step, Summary
from arc_runtime.tracking._executions import DefaultExecutionTracker, NodeExecution, text_of

__all__ = ["REQUEST", "RequestContext", "current_request", "request_in", "step_of", "told_late"]

REQUEST: Final = context.create_key("arc-request")
_MOST: Final = 1_000
"""Nodes that a request keeps at most: one that runs for weeks must not fill the memory."""
_VARIANTS: Final = "89ab"
_NOWHERE: Final = Context()
_MAKING: Final = threading.Lock()


class RequestContext:
    """What is known of one request; requests make it, programs read it."""

    __slots__ = (
        "__weakref__",
        "_entrypoint",
        "_given",
        "_inputs",
        "_tracker",
        "end_ns",
        "error",
        "explicit",
        "forgotten",
        "inside",
        "late",
        "outputs",
        "parent",
        "span",
        "start_ns",
        "status",
        "token",
    )

    def __init__(
        self,
        entrypoint: str,
        inputs: Mapping[str, object] | Callable[[], Mapping[str, object]] | None = None,
        *,
        request_id: str | None = None,
        parent: "RequestContext | None" = None,
        explicit: bool = True,
    ) -> None:
        """`inputs` may be worked out when they are read; `explicit` is False for one that nobody asked for in code."""
        self._entrypoint = entrypoint
        self._given = inputs
        self._inputs: Mapping[str, object] | None = None
        self._tracker: DefaultExecutionTracker | None = None
        self.parent = parent
        """The request that this one is part of; None for one of its own."""
        self.explicit = explicit
        self.outputs: object = None
        """What it gave; None while it runs, and for a generator."""
        self.status: State = "running"
        self.error: BaseException | None = None
        """What it raised."""
        self.start_ns = time.time_ns()
        """Since the epoch, in nanoseconds."""
        self.end_ns: int | None = None
        self.span: Span = INVALID_SPAN
        self.late: dict[str, AttributeValue] = {} if request_id is None else {semconv.REQUEST_ID: request_id}
        """Attributes that are put on its span when that is read."""
        self.inside = _NOWHERE
        """The context of its work; while it runs, as it refers back to the request."""
        self.token: Token[Context] | None = None
        self.forgotten = False
        """Whether it is another process's from now on: this one is a fork of it."""

    @property
    def request_id(self) -> str:
        """A UUID, also on the span of the request as `arc.request.id`."""
        return id_in(self.late)

    @property
    def entrypoint(self) -> str:
        """What was called."""
        return self._entrypoint

    @property
    def inputs(self) -> Mapping[str, object]:
        """What it was called with, by name of the parameter."""
        if self._inputs is None:
            given = self._given
            self._inputs = (given() if callable(given) else given) or {}
        return self._inputs

    @property
    def start_time(self) -> float:
        """Since the epoch, in seconds."""
        return self.start_ns / 1e9

    @property
    def end_time(self) -> float | None:
        """Since the epoch, in seconds; None while it runs."""
        return None if self.end_ns is None else self.end_ns / 1e9

    @property
    def duration_ms(self) -> float:
        """How long it took, or takes until now, in milliseconds."""
        return round(((time.time_ns() if self.end_ns is None else self.end_ns) - self.start_ns) / 1e6, 3)

    @property
    def executions(self) -> list[NodeExecution]:
        """The nodes that ran in it, those of requests inside it too, in the order in which they started."""
        return self._tracker.get_executions() if self._tracker is not None else []

    @property
    def tracker(self) -> DefaultExecutionTracker:
        """What keeps its nodes."""
        if self._tracker is None:
            with _MAKING:
                if self._tracker is None:
                    self._tracker = DefaultExecutionTracker(_MOST)
        return self._tracker

    @property
    def summary(self) -> Summary:
        """The request as it is told; the text of errors is not redacted yet."""
        return Summary(
            request_id=self.request_id,
            entrypoint=self._entrypoint,
            status=self.status,
            duration_ms=self.duration_ms,
            steps=tuple(step_of(one, self.start_ns) for one in self.executions),
            error=None if self.error is None or self.status == "cancelled" else text_of(self.error),
            dropped_steps=self._tracker.dropped if self._tracker is not None else 0,
        )


def step_of(execution: NodeExecution, begun_ns: int) -> Step:
    """`execution` as a step of a request that began at `begun_ns`."""
    known = execution.metadata
    parent = known.get("parent_span_id")
    return Step(
        id=str(known.get("span_id", "")),
        parent_id=str(parent) if parent else None,
        node_id=execution.node_id,
        name=execution.node_name,
        framework=execution.framework,
        kind=str(known.get("kind", "run")),
        status=execution.status,
        offset_ms=round((execution.start_ns - begun_ns) / 1e6, 3),
        duration_ms=execution.duration_ms,
        error=execution.error,
    )


def request_in(ambient: Context | None) -> RequestContext | None:
    """The innermost request of `ambient`, by default of the current context; None outside of any."""
    # Written out: this is the way of every span.
    found = (context.get_current() if ambient is None else ambient).get(REQUEST)
    return cast("RequestContext | None", found)


def current_request(ambient: Context | None = None) -> RequestContext | None:
    """The innermost request under way that the caller is part of; None outside of any.

    One that has ended elsewhere, while this context goes on, is none.
    """
    found = request_in(ambient)
    while found is not None and found.end_ns is not None:
        found = found.parent
    return found


def id_in(late: dict[str, AttributeValue]) -> str:
    """The request id among attributes; made when it is first asked for, most by the exporter on a thread of its own."""
    return str(late.get(semconv.REQUEST_ID) or late.setdefault(semconv.REQUEST_ID, new_id()))


def told_late(late: dict[str, AttributeValue]) -> Mapping[str, AttributeValue]:
    """What is put on the span of a request when that is read: `late`, and its id."""
    id_in(late)
    return late


def new_id() -> str:
    """A random UUID (RFC 9562, version 4) as text; `uuid` takes three times as long to make one."""
    digits = os.urandom(16).hex()
    variant = _VARIANTS[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
