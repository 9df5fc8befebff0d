"""Arc for programs that start it in their code: `Arc()`, `@entrypoint`, `trace_agent`, `get_runtime_manager()`.

It is wired as `opentelemetry-instrument` wires it, and where that has done so already all of this works with it. Each
name is imported on use: a program that only says `Arc()` does not wait for the others.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from arc_runtime.api._agent import trace_agent
    from arc_runtime.api._arc import Arc, RegisteredPattern
    from arc_runtime.api._entrypoint import entrypoint
    from arc_runtime.api._manager import InstrumentorStatus, RuntimeManager, get_runtime_manager

__all__ = [
    "Arc",
    "InstrumentorStatus",
    "RegisteredPattern",
    "RuntimeManager",
    "entrypoint",
    "get_runtime_manager",
    "trace_agent",
]

_MODULES: Final = {
    "Arc": "_arc",
    "InstrumentorStatus": "_manager",
    "RegisteredPattern": "_arc",
    "RuntimeManager": "_manager",
    "entrypoint": "_entrypoint",
    "get_runtime_manager": "_manager",
    "trace_agent": "_agent",
}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return getattr(import_module(f"arc_runtime.api.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
