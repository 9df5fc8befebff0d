"""Carries the note of a graph that stopped on to the checkpoint that `update_state` makes.

A person who is asked may change the state before the graph goes on. It then goes on from another checkpoint than the
one it stopped at, and whoever resumes it there is to find the note all the same. Both methods are public.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Self
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
        notes = plugin.guard.attempt(_CARRYING, _Notes.of, handler, graph, args, kwargs)
        if notes is not None:
            plugin.guard.attempt(_CARRYING, notes.read)
        updated = wrapped(*args, **kwargs)
        if notes is not None:
            plugin.guard.attempt(_CARRYING, notes.write, updated)
        return updated

    async def update_later(wrapped: Callable[..., Awaitable[Any]], graph: Any, args: Any, kwargs: Any) -> Any:
        notes = plugin.guard.attempt(_CARRYING, _Notes.of, handler, graph, args, kwargs)
        if notes is not None:
            await guarded(notes.read_later())
        updated = await wrapped(*args, **kwargs)
        if notes is not None:
            await guarded(notes.write_later(updated))
        return updated

    async def guarded(work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - Guard.attempt awaits nothing
            plugin.guard.report(_CARRYING, error)

    def wrap(module: Any) -> None:
        wrapt.wrap_function_wrapper(module, "Pregel.bulk_update_state", update)
        wrapt.wrap_function_wrapper(module, "Pregel.abulk_update_state", update_later)

    plugin.when_imported(_MODULE, wrap)


class _Notes:
    """Those of the checkpoint that is updated."""

    def __init__(self, saver: Any, config: Mapping[str, Any]) -> None:
        self._saver = saver
        self._config = config
        self._found: list[tuple[str, Any]] = []

    @classmethod
    def of(cls, handler: "Handler", graph: Any, args: Any, kwargs: Any) -> Self | None:
        """None where `graph` has no checkpointer of its own, as subgraphs have none: they leave no notes."""
        saver = getattr(graph, "checkpointer", None)
        if handler.tree.graph_writer is None or not hasattr(saver, "get_tuple"):
            return None
        given: list[Mapping[str, Any]] = [graph.config or {}, args[0] if args else kwargs["config"]]
        said = {name: value for one in given for name, value in (one.get("configurable") or {}).items()}
        return cls(saver, {"configurable": {"checkpoint_ns": "", **said}})

    def read(self) -> None:
        self._keep(self._saver.get_tuple(self._config))

    async def read_later(self) -> None:
        self._keep(await self._saver.aget_tuple(self._config))

    def _keep(self, checkpoint: Any) -> None:
        writes = checkpoint.pending_writes if checkpoint is not None else None
        self._found = [(channel, value) for _, channel, value in writes or () if channel == NOTE]

    def write(self, updated: Any) -> None:
        if self._found:
            self._saver.put_writes(updated, self._found, str(uuid4()))

    async def write_later(self, updated: Any) -> None:
        if self._found:
            await self._saver.aput_writes(updated, self._found, str(uuid4()))
