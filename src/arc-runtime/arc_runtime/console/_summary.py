"""What is told of one piece of work; pure."""

from typing import Literal

import msgspec

__all__ = ["State", "Step", "Summary"]

State = Literal["running", "completed", "failed", "cancelled", "interrupted"]
"""How a request or a step ended; `interrupted` waits for a person."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One node that ran: an agent's turn, a tool, a model call."""

    id: str
    """16 hex digits: the id of its span."""
    parent_id: str | None
    """The step that it is part of; None for one of the request's own."""
    node_id: str
    name: str
    framework: str
    """E.g. `langgraph`."""
    kind: str
    """`job`, `run`, `tool`, `action` or `llm`."""
    status: State
    offset_ms: float
    """From the start of the request."""
    duration_ms: float
    error: str | None = None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One request, and its steps in the order in which they started."""

    request_id: str
    entrypoint: str
    status: State
    duration_ms: float
    steps: tuple[Step, ...]
    error: str | None = None
    dropped_steps: int = 0
    """Steps that were not kept, because there were too many."""
