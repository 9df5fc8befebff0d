"""Makes a node's span current in the context that LangGraph and langchain-core copy for the node's own work.

Attaching in the callbacks would leak into the caller of a stream and detach in other contexts. The copied context is
thrown away with the node, so nothing is ever detached. Both functions are private: where a version lacks them, model
calls stand beside the node instead of below it, and nothing else changes.
"""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from arc_runtime.instrumentation import ArcInstrumentor
from opentelemetry import context

if TYPE_CHECKING:
    from arc_langchain_callbacks._handler import Handler

__all__ = ["follow"]

_MODULES: Final = ("langgraph._internal._runnable", "langchain_core.runnables.config")
_FUNCTION: Final = "_set_config_context"


def follow(plugin: ArcInstrumentor, handler: "Handler") -> None:
    """Wrap the functions that enter a node's context; `plugin` waits for the modules."""
    context_of = handler.tree.context_of

    def around(original: Callable[..., object]) -> Callable[..., object]:
        @wraps(original)
        def entering(config: Any, *args: Any, **kwargs: Any) -> object:
            token = original(config, *args, **kwargs)
            try:  # Guard.attempt, written out: this is the way of every runnable
                inside = context_of(getattr(config.get("callbacks"), "parent_run_id", None))
                if inside is not None:
                    context.attach(inside)
            except Exception as error:  # noqa: BLE001
                plugin.guard.report("entering a run", error)
            return token

        return entering

    def wrap(module: Any) -> None:
        original = getattr(module, _FUNCTION, None)
        if original is not None:
            setattr(module, _FUNCTION, around(original))

    for module in _MODULES:
        plugin.when_imported(module, wrap)
