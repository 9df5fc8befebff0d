"""Carries the note of a graph that stopped on to the checkpoint that `update_state` makes.

A person who is asked may change the state before the graph goes on. It then goes on from another checkpoint than the
one it stopped at, and whoever resumes it there is to find the note all the same. Both methods are public.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import uuid4

from arc_runtime.instrumentation import ArcInstrumentor

from arc_langchain_callbacks._actions import NOTE

if TYPE_CHECKING:
    from arc_langchain_callbacks._handler import Handler

__all__ = ["follow"]

_MODULE: Final = "langgraph.pregel.main"
_CARRYING: Final = "carrying a note on"


def follow(plugin: ArcInstrumentor, handler: "Handler") -> None:
    """Wrap the two methods through which all updates go; `plugin` waits for their module."""

    def notes_of(*call: Any) -> "_Notes | None":
        return plugin.guard.attempt(_CARRYING, _Notes.of, handler, *call)

    def wrap(module: Any) -> None:
        kind = module.Pregel
        kind.bulk_update_state = _around(kind.bulk_update_state, notes_of, plugin)
        kind.abulk_update_state = _around_async(kind.abulk_update_state, notes_of, plugin)

    plugin.when_imported(_MODULE, wrap)


def _around(
    original: Callable[..., Any], notes_of: Callable[..., "_Notes | None"], plugin: ArcInstrumentor
) -> Callable[..., Any]:
    @wraps(original)
    def update(graph: Any, *args: Any, **kwargs: Any) -> Any:
        notes = notes_of(graph, args, kwargs)
        if notes is not None:
            plugin.guard.attempt(_CARRYING, notes.read)
        updated = original(graph, *args, **kwargs)
        if notes is not None:
            plugin.guard.attempt(_CARRYING, notes.write, updated)
        return updated

    return update


def _around_async(
    original: Callable[..., Awaitable[Any]], notes_of: Callable[..., "_Notes | None"], plugin: ArcInstrumentor
) -> Callable[..., Awaitable[Any]]:
    async def guarded(work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - Guard.attempt awaits nothing
            plugin.guard.report(_CARRYING, error)

    @wraps(original)
    async def update(graph: Any, *args: Any, **kwargs: Any) -> Any:
        notes = notes_of(graph, args, kwargs)
        if notes is not None:
            await guarded(notes.read_later())
        updated = await original(graph, *args, **kwargs)
        if notes is not None:
            await guarded(notes.write_later(updated))
        return updated

    return update


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
