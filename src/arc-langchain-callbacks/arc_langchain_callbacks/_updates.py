"""Carries the note of a graph that stopped on to the checkpoint that `update_state` makes.

A person who is asked may change the state before the graph goes on. It then goes on from another checkpoint than the
one it stopped at, and whoever resumes it there is to find the note all the same. Both methods are public.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import wrapt
from arc_runtime.instrumentation import ArcInstrumentor

from arc_langchain_callbacks._actions import NOTE

if TYPE_CHECKING:
    from arc_langchain_callbacks._handler import Handler

__all__ = ["follow"]

_MODULE: Final = "langgraph.pregel.main"
_CARRYING: Final = "carrying a note on"


def follow(plugin: ArcInstrumentor, handler: "Handler") -> None:
    """Wrap the two methods through which all updates go; `plugin` waits for their module."""

    def update(wrapped: Callable[..., Any], graph: Any, args: Any, kwargs: Any) -> Any:
        saver = _saver_of(graph) if handler.tree.graph_writer is not None else None
        found = plugin.guard.attempt(_CARRYING, lambda: saver.get_tuple(_config_of(graph, args, kwargs))) if saver else None
        updated = wrapped(*args, **kwargs)
        if found is not None and (notes := _notes_of(found)):
            plugin.guard.attempt(_CARRYING, lambda: saver.put_writes(updated, notes, str(uuid4())))
        return updated

    async def update_later(wrapped: Callable[..., Awaitable[Any]], graph: Any, args: Any, kwargs: Any) -> Any:
        saver = _saver_of(graph) if handler.tree.graph_writer is not None else None
        found = None
        if saver is not None:
            try:
                found = await saver.aget_tuple(_config_of(graph, args, kwargs))
            except Exception as error:  # noqa: BLE001 - Guard.attempt awaits nothing
                plugin.guard.report(_CARRYING, error)
        updated = await wrapped(*args, **kwargs)
        if found is not None and (notes := _notes_of(found)):
            try:
                await saver.aput_writes(updated, notes, str(uuid4()))
            except Exception as error:  # noqa: BLE001 - as above
                plugin.guard.report(_CARRYING, error)
        return updated

    def wrap(module: Any) -> None:
        wrapt.wrap_function_wrapper(module, "Pregel.bulk_update_state", update)
        wrapt.wrap_function_wrapper(module, "Pregel.abulk_update_state", update_later)

    plugin.when_imported(_MODULE, wrap)


def _saver_of(graph: Any) -> Any:
    """The checkpointer of `graph`; None where it has none of its own, as subgraphs have: they leave no notes."""
    saver = getattr(graph, "checkpointer", None)
    return saver if hasattr(saver, "get_tuple") else None


def _config_of(graph: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    given: list[Mapping[str, Any]] = [graph.config or {}, args[0] if args else kwargs["config"]]
    said = {name: value for one in given for name, value in one.get("configurable", {}).items()}
    return {"configurable": {"checkpoint_ns": "", **said}}


def _notes_of(found: Any) -> list[tuple[str, Any]]:
    return [(channel, value) for _, channel, value in found.pending_writes or () if channel == NOTE]
