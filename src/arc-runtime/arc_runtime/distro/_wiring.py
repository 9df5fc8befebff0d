"""What the distro, the configurator and the program's own code share in one process: it is made once."""

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.util._importlib_metadata import EntryPoint, entry_points  # cached: a scan takes tens of milliseconds

from arc_runtime._stderr import LOGGER, quieten
from arc_runtime.distro._choice import as_the_user_set_it
from arc_runtime.instrumentation import Guard, Runtime, untested_sdk
from arc_runtime.settings import Settings

if TYPE_CHECKING:
    from arc_runtime.tracking import ExecutionTracker, Requests

__all__ = ["TRACKERS", "by_code", "follow_spans", "requests", "wired", "wired_by_code"]

TRACKERS: Final = "arc.trackers"
"""Group of entry points that name trackers: each a class, or a function, that is called without arguments."""


class _Process:
    """What there is once."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.runtime: Runtime | None = None
        self.by_code = False
        self.requests: Requests | None = None


_PROCESS: Final = _Process()
_NOTHING: Final[Mapping[str, str]] = {}


def wired() -> Runtime:
    """The runtime of this process: settings from the environment, their warnings said, one fix engine."""
    return _PROCESS.runtime or _wire(_NOTHING, by_code=False)


def wired_by_code(given: Mapping[str, str]) -> Runtime:
    """The same, for a program that starts Arc in its code: `given` is laid over the environment if nothing is yet."""
    return _PROCESS.runtime or _wire(given, by_code=True)


def by_code() -> bool:
    """Whether it was the program's own code that started Arc, and not `opentelemetry-instrument`."""
    return _PROCESS.by_code


def _wire(given: Mapping[str, str], *, by_code: bool) -> Runtime:
    with _PROCESS.lock:
        if _PROCESS.runtime is not None:  # another thread was first
            return _PROCESS.runtime
        settings, warnings = Settings.from_env(as_the_user_set_it({**os.environ, **given}))
        quieten(settings.level)
        for warning in warnings:
            LOGGER.warning("%s", warning, extra={"cause": warning})
        for found in untested_sdk() if settings.active else ():
            LOGGER.warning("%s; what still fits works", found, extra={"cause": str(found)})
        _PROCESS.runtime, _PROCESS.by_code = Runtime.of(settings), by_code
        return _PROCESS.runtime


def requests() -> "Requests":
    """What opens the requests of this process and tells of their nodes; made at the first call."""
    found = _PROCESS.requests
    if found is None:
        from arc_runtime.tracking import Feed, Requests

        settings = wired().settings
        with _PROCESS.lock:
            if _PROCESS.requests is None:
                feed = Feed(settings.granularity, settings.console, guard=Guard("arc-runtime"))
                # Under opentelemetry-instrument stderr is silent unless ARC_CONSOLE asks.
                feed.by_code = "live" if _PROCESS.by_code else "off"
                for entry_point in entry_points(group=TRACKERS):
                    tracker = feed.guard.attempt(f"loading tracker {entry_point.name}", _loaded, entry_point)
                    if tracker is not None:
                        feed.add(tracker)
                _PROCESS.requests = Requests(feed, genai_names=settings.span_names == "genai")
            found = _PROCESS.requests
    return found


def _loaded(entry_point: EntryPoint) -> "ExecutionTracker":
    from arc_runtime.tracking import ExecutionTracker

    tracker = entry_point.load()()
    if not isinstance(tracker, ExecutionTracker):
        raise TypeError(f"{entry_point.value} gives a {type(tracker).__name__}, which is no ExecutionTracker")
    return tracker


def follow_spans(settings: Settings) -> None:
    """Have nodes told from now on, where somebody wants to know of them; else nothing of it is imported."""
    if settings.console not in (None, "off") or entry_points(group=TRACKERS):
        feed = requests().feed
        if feed.wanted:
            feed.attach(trace.get_tracer_provider())
