"""LangGraph's plugin, lent to the graphs that ask for it: the runtime imports no plugin, it finds it as others do."""

import os
import threading
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from opentelemetry.instrumentation.dependencies import get_dependency_conflicts

from arc_runtime._stderr import LOGGER
from arc_runtime.instrumentation import ArcInstrumentor, Guard, Runtime
from arc_runtime.settings import Settings

__all__ = ["lent_plugin"]

_NAME: Final = "arc_langgraph"
_LIBRARY: Final = "langgraph"
_LOCK: Final = threading.Lock()


def lent_plugin(guard: Guard) -> ArcInstrumentor | None:
    """The plugin, ready to work on request.

    None where it sees every graph of the process anyway, where it is switched off, and where it is missing or can't
    work, which is said once.
    """
    plugin = _plugin()
    if plugin is None or plugin.active:
        return None
    with _LOCK:
        guard.attempt("preparing the plugin for LangGraph", _prepare, plugin)
    return plugin if plugin.prepared else None


def _prepare(plugin: ArcInstrumentor) -> None:
    if plugin.prepared:
        return
    settings, _ = Settings.from_env(os.environ)
    off = {_NAME, "*"}.intersection(settings.disabled_instrumentations)
    if settings.active and not off and settings.instrument.get(_LIBRARY) != "disabled":
        plugin.prepare(Runtime.of(settings))


@cache
def _plugin() -> ArcInstrumentor | None:
    for entry_point in entry_points(group="opentelemetry_instrumentor", name=_NAME):
        return _loaded(entry_point)
    LOGGER.warning(
        "ArcStateGraph runs its graphs without spans: pip install arc-instrumentation-langgraph",
        extra={"cause": _NAME},
    )
    return None


def _loaded(entry_point: EntryPoint) -> ArcInstrumentor | None:
    try:
        plugin = entry_point.load()()
        conflict = get_dependency_conflicts(plugin.instrumentation_dependencies())
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the plugin, graphs run
        LOGGER.warning(
            "ArcStateGraph runs its graphs without spans: plugin %s can't be loaded",
            _NAME,
            exc_info=error,
            extra={"cause": _NAME},
        )
        return None
    if conflict is not None:
        LOGGER.warning("ArcStateGraph runs its graphs without spans: %s", conflict, extra={"cause": _NAME})
        return None
    return plugin if isinstance(plugin, ArcInstrumentor) else None
