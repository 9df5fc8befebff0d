"""Nodes that ran, and who is told of them."""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from arc_runtime.console import State

__all__ = ["DefaultExecutionTracker", "ExecutionTracker", "NodeExecution", "text_of"]

_MOST: Final = 10_000
"""Executions that a tracker keeps at most, by default."""


@dataclass(slots=True, kw_only=True)
class NodeExecution:
    """One execution of one node: an agent's turn, a tool, a model call."""

    node_id: str
    """The same each time that the node runs, e.g. `node_data_loader`."""
    node_name: str
    framework: str
    """E.g. `langgraph`."""
    inputs: object = None
    """What it was given, where the framework's plugin tells; None where it does not."""
    metadata: Mapping[str, object] = field(default_factory=dict)
    """What else is known at the start. Of nodes that are told by spans: `kind` (`job`, `run`, `tool`, `action`, `llm`),
    `request_id` (None outside of a request), `span_id` and `trace_id` in hex digits, `parent_span_id` of the node that
    it is part of, and `attributes` of the span at its start."""
    outputs: object = None
    error: str | None = None
    """Type and text of what it raised."""
    status: State = "running"
    start_ns: int = field(default_factory=time.time_ns)
    """Since the epoch, in nanoseconds."""
    end_ns: int | None = None

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
        """How long it ran, or runs until now, in milliseconds."""
        return round(((time.time_ns() if self.end_ns is None else self.end_ns) - self.start_ns) / 1e6, 3)


class ExecutionTracker(ABC):
    """Is told of every node that starts and ends.

    Its methods are called in the thread that the node runs in, which waits for them: what takes long belongs elsewhere.
    What they raise is one warning, and the program goes on; KeyboardInterrupt, SystemExit and others that are no
    Exception end it as they do anywhere, asyncio's CancelledError does not.
    """

    @abstractmethod
    def start_node_execution(
        self,
        node_id: str,
        node_name: str,
        framework: str,
        inputs: object = None,
        metadata: Mapping[str, object] | None = None,
    ) -> NodeExecution:
        """The execution of a node that starts now; it is handed back to `end_node_execution`."""

    @abstractmethod
    def end_node_execution(
        self, execution: NodeExecution, outputs: object = None, error: BaseException | str | None = None
    ) -> None:
        """`execution` ended, with `outputs`, or in `error`."""

    def get_executions(self) -> list[NodeExecution]:
        """The executions that are kept, in the order in which they started; a tracker that keeps none has none."""
        return []


class DefaultExecutionTracker(ExecutionTracker):
    """Keeps executions in memory: the newest, up to a number of them. Safe to use from many threads."""

    def __init__(self, most: int = _MOST) -> None:
        """`most` is how many are kept at most; ValueError below 1."""
        if most < 1:
            raise ValueError(f"most={most!r}: a tracker keeps at least 1 execution")
        self._kept: deque[NodeExecution] = deque(maxlen=most)
        self._lock = threading.Lock()
        self._started = 0

    def start_node_execution(
        self,
        node_id: str,
        node_name: str,
        framework: str,
        inputs: object = None,
        metadata: Mapping[str, object] | None = None,
    ) -> NodeExecution:
        """A new execution, which is kept."""
        execution = NodeExecution(
            node_id=node_id, node_name=node_name, framework=framework, inputs=inputs, metadata=metadata or {}
        )
        self.keep(execution)
        return execution

    def keep(self, execution: NodeExecution) -> None:
        """Keep `execution`, which somebody else made."""
        with self._lock:
            self._started += 1
            self._kept.append(execution)

    def end_node_execution(
        self, execution: NodeExecution, outputs: object = None, error: BaseException | str | None = None
    ) -> None:
        """Enter what it ended with; the second end of one execution changes nothing."""
        if execution.end_ns is not None:
            return
        execution.end_ns = time.time_ns()
        execution.outputs = outputs
        execution.error = None if error is None else error if isinstance(error, str) else text_of(error)
        execution.status = "completed" if error is None else "failed"

    def get_executions(self) -> list[NodeExecution]:
        """The executions that are kept, in the order in which they started."""
        with self._lock:
            return list(self._kept)

    def forked(self) -> None:
        """Go on in a forked process: another thread may have held the lock when it was made."""
        self._lock = threading.Lock()

    @property
    def dropped(self) -> int:
        """How many are not kept any more."""
        with self._lock:
            return self._started - len(self._kept)


def text_of(error: BaseException) -> str:
    """Type and text of `error`; never raises."""
    try:
        text = str(error)
    except Exception as second:  # noqa: BLE001 - an error of the program's own whose text can't be had
        text = f"<no text: {type(second).__qualname__}>"
    return f"{type(error).__qualname__}: {text}" if text else type(error).__qualname__
