"""All of Arc that runs in the user's process."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from arc_runtime.api import (
        Arc,
        InstrumentorStatus,
        RegisteredPattern,
        RuntimeManager,
        entrypoint,
        get_runtime_manager,
        trace_agent,
    )
    from arc_runtime.tracking import (
        DefaultExecutionTracker,
        Detection,
        ExecutionTracker,
        FrameworkInstrumentor,
        NodeExecution,
        RequestContext,
        create_multiagent_context,
        detect_agent,
    )
    from arc_runtime.tracking._state_graph import ArcStateGraph

    __all__ = [
        "Arc",
        "ArcStateGraph",
        "DefaultExecutionTracker",
        "Detection",
        "ExecutionTracker",
        "FrameworkInstrumentor",
        "InstrumentorStatus",
        "NodeExecution",
        "RegisteredPattern",
        "RequestContext",
        "RuntimeManager",
        "create_multiagent_context",
        "detect_agent",
        "entrypoint",
        "flush",
        "get_runtime_manager",
        "trace_agent",
    ]

_HOMES: Final = {
    "Arc": "api",
    "ArcStateGraph": "tracking._state_graph",
    "DefaultExecutionTracker": "tracking",
    "Detection": "tracking",
    "ExecutionTracker": "tracking",
    "FrameworkInstrumentor": "tracking",
    "InstrumentorStatus": "api",
    "NodeExecution": "tracking",
    "RegisteredPattern": "api",
    "RequestContext": "tracking",
    "RuntimeManager": "api",
    "create_multiagent_context": "tracking",
    "detect_agent": "tracking",
    "entrypoint": "api",
    "get_runtime_manager": "api",
    "trace_agent": "api",
}
"""Where each name is imported from, on use."""


def flush(timeout_seconds: float = 3.0) -> bool:
    """Whether every span and event that ended before this call is with its endpoint, within `timeout_seconds`.

    For the end of a serverless handler, before the platform freezes the process. False: not yet. What could not be
    delivered is in the spool, or still on its way. Never raises, and does nothing where Arc is off.
    """
    # Imported on use: everything below `arc_runtime` imports this module.
    from arc_runtime.export import flush as flush_all

    return flush_all(timeout_seconds)


def __getattr__(name: str) -> object:
    # As above; and LangGraph is only there where the program uses it.
    if name == "ArcStateGraph":
        return _state_graph()
    if name == "__all__":  # what `from arc_runtime import *` asks for is to be had
        return [name for name in __dir__() if name != "ArcStateGraph" or _has_state_graph()]
    if name in _HOMES:
        return getattr(import_module(f"arc_runtime.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*_HOMES, "flush"})


def _state_graph() -> object:
    try:
        from arc_runtime.tracking._state_graph import ArcStateGraph
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "langgraph":
            raise
        raise ImportError(
            "ArcStateGraph is a StateGraph of LangGraph 0.6 or newer, which is not installed: "
            "pip install langgraph arc-instrumentation-langgraph"
        ) from error
    return ArcStateGraph


def _has_state_graph() -> bool:
    try:
        _state_graph()
    except ImportError:
        return False
    return True
