"""Has what a node hands to a pool of threads run as part of that node.

A thread of a pool has no context of whoever gave it the work: a model call there would be a trace of its own. Work that
is handed over inside a node, tool or chain gets the span that was current then, and nothing else of the program's
context. Anywhere else, and for work that brings its context along, nothing is changed.
"""

from collections.abc import Callable
from contextvars import Context
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final

from arc_runtime.instrumentation import ArcInstrumentor
from arc_runtime.spans import detach
from langchain_core.runnables.config import var_child_runnable_config
from opentelemetry import context

if TYPE_CHECKING:
    from arc_langchain_callbacks._handler import Handler

__all__ = ["follow"]

_MODULE: Final = "concurrent.futures.thread"


def follow(plugin: ArcInstrumentor, handler: "Handler") -> None:
    """Wrap the way into a pool; `plugin` waits for its module."""

    def carrying(work: Callable[..., Any]) -> Callable[..., Any]:
        try:  # Guard.attempt, written out: this is the way of all that a pool is given
            around = var_child_runnable_config.get()
            if around is None or _brings_its_own(work):
                return work
            if handler.tree.context_of(getattr(around.get("callbacks"), "parent_run_id", None)) is not None:
                return partial(_within, context.get_current(), work)
        except Exception as error:  # noqa: BLE001
            plugin.guard.report("handing work to a pool", error)
        return work

    def wrap(module: Any) -> None:
        original = module.ThreadPoolExecutor.submit

        @wraps(original)
        def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            return original(self, carrying(fn), *args, **kwargs)

        module.ThreadPoolExecutor.submit = submit

    plugin.when_imported(_MODULE, wrap)


def _brings_its_own(work: object) -> bool:
    """Whether it is `Context.run`, as LangGraph's own work is: that of langchain-core is a partial of it."""
    first = work.func if type(work) is partial else work
    return type(getattr(first, "__self__", None)) is Context


def _within(ambient: context.Context, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    token = context.attach(ambient)
    try:
        return work(*args, **kwargs)
    finally:
        detach(token)
