"""Arc for programs that start it in their code: `Arc()`, `@entrypoint`, `trace_agent`, `get_runtime_manager()`.

It is wired as `opentelemetry-instrument` wires it, and where that has done so already all of this works with it.
"""

from arc_runtime.api._agent import trace_agent
from arc_runtime.api._arc import Arc
from arc_runtime.api._entrypoint import entrypoint
from arc_runtime.api._manager import InstrumentorStatus, RuntimeManager, get_runtime_manager

__all__ = [
    "Arc",
    "InstrumentorStatus",
    "RuntimeManager",
    "entrypoint",
    "get_runtime_manager",
    "trace_agent",
]
