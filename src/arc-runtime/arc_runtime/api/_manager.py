"""`get_runtime_manager()`: requests by hand, trackers, and which instrumentors are on."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint
from typing import Any, Final, Literal, NamedTuple

from opentelemetry import trace
from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts
from opentelemetry.util._importlib_metadata import entry_points  # cached: a scan takes tens of milliseconds

from arc_runtime._stderr import LOGGER
from arc_runtime.api._start import GUARD, requests_when_started, started
from arc_runtime.distro import PLUGINS, is_on, requests, switch_on
from arc_runtime.errors import ArcError
from arc_runtime.settings import Console, Granularity
from arc_runtime.tracking import (
    ExecutionTracker,
    Feed,
    FrameworkInstrumentor,
    NodeExecution,
    RequestContext,
    Requests,
    current_request,
)

__all__ = ["InstrumentorStatus", "RuntimeManager", "get_runtime_manager"]

_CONSOLES: Final[tuple[Console, ...]] = ("off", "summary", "live", "json")
_GRANULARITIES: Final[tuple[Granularity, ...]] = ("job", "run", "tool", "llm")


class InstrumentorStatus(NamedTuple):
    """What is known of one instrumentor."""

    name: str
    """Of its entry point, e.g. `arc_langgraph`, or of the framework where it was registered in code."""
    framework: str
    state: Literal["on", "off", "unfit"]
    """`unfit`: its library is missing, or in a version that it is not for."""
    detail: str
    """What is unfit; empty otherwise."""


class RuntimeManager:
    """What is tracked in this process, and how; there is one, which `get_runtime_manager` gives.

    Nothing of it raises into the program but what is said of a method. Where Arc is switched off, requests are None
    and nothing is on.
    """

    def __init__(self) -> None:
        self._registered: dict[str, FrameworkInstrumentor] = {}
        self._lock = threading.RLock()

    # --- requests ---

    def start_request(self, entrypoint: str, inputs: Mapping[str, object] | None = None) -> RequestContext | None:
        """A request that is the current one of this thread or task until `end_request`; None where Arc is off.

        One that starts while another is under way is part of that. The first one starts Arc where nothing has.
        """
        found = requests_when_started()
        request = None if found is None else found.begin(entrypoint, inputs)
        if found is not None and request is not None:
            request.token = GUARD.attempt("entering a request", found.enter, request)
        return request

    def end_request(
        self,
        outputs: object = None,
        error: BaseException | None = None,
        *,
        request: RequestContext | None = None,
    ) -> RequestContext | None:
        """The request that ended with this, the current one unless `request` names another; None where there is none.

        `error` is what it ended in. A thread or task that did not start the request names it.
        """
        ended = request or current_request()
        found = requests_when_started()
        if ended is None or found is None:
            if found is not None:
                LOGGER.warning(
                    "end_request: no request is under way in this thread or task; name it: end_request(request=...)",
                    extra={"cause": "end_request"},
                )
            return None
        token, ended.token = ended.token, None
        if token is not None:
            GUARD.attempt("leaving a request", found.leave, token)
        found.end(ended, outputs, error)
        return ended

    @contextmanager
    def request(self, entrypoint: str, inputs: Mapping[str, object] | None = None) -> Iterator[RequestContext | None]:
        """The same as a `with` block; set `outputs` on what it gives."""
        request = self.start_request(entrypoint, inputs)
        try:
            yield request
        except BaseException as error:
            if request is not None:
                self.end_request(error=error, request=request)
            raise
        if request is not None:
            self.end_request(request.outputs, request=request)

    @property
    def current_request(self) -> RequestContext | None:
        """The request that the caller is part of; None outside of any."""
        return current_request()

    # --- trackers ---

    def register_tracker(self, tracker: ExecutionTracker) -> None:
        """Have `tracker` told of every node of every framework from now on; TypeError when it is no tracker."""
        if not isinstance(tracker, ExecutionTracker):
            raise TypeError(f"a tracker is an ExecutionTracker, and this is of type {type(tracker).__name__}")
        found = self._tracked()
        if found is not None:
            found.feed.add(tracker)
            found.feed.attach(trace.get_tracer_provider())

    def unregister_tracker(self, tracker: ExecutionTracker) -> bool:
        """Whether `tracker` was told of nodes; it is told no more."""
        found = self._tracked()
        return found is not None and found.feed.remove(tracker)

    @property
    def trackers(self) -> tuple[ExecutionTracker, ...]:
        """Those that are told, registered in code or named by an entry point of `arc.trackers`."""
        found = self._tracked()
        return () if found is None else found.feed.trackers

    def get_executions(self) -> list[NodeExecution]:
        """The nodes of the current request, in the order in which they started; none outside of any request."""
        request = current_request()
        return [] if request is None else request.executions

    # --- how much is told ---

    @property
    def granularity(self) -> Granularity:
        """The smallest piece of work that counts as a node: `job` (whole graphs), `run`, `tool` or `llm`.

        What is smaller is told only where it is not part of something larger. ValueError for another value.
        """
        feed = self._feed()
        return "run" if feed is None else feed.granularity

    @granularity.setter
    def granularity(self, granularity: Granularity) -> None:
        if granularity not in _GRANULARITIES:
            raise ValueError(f"granularity {granularity!r} is none of {', '.join(_GRANULARITIES)}")
        feed = self._feed()
        if feed is not None:
            feed.granularity = granularity

    @property
    def verbosity(self) -> Console:
        """What stderr says of each request: `off`, `summary`, `live` or `json`. ValueError for another value."""
        feed = self._feed()
        return "off" if feed is None else feed.console or feed.by_code

    @verbosity.setter
    def verbosity(self, verbosity: Console) -> None:
        if verbosity not in _CONSOLES:
            raise ValueError(f"verbosity {verbosity!r} is none of {', '.join(_CONSOLES)}")
        feed = self._feed()
        if feed is not None:
            feed.console = verbosity
            feed.attach(trace.get_tracer_provider())

    @staticmethod
    def _tracked() -> Requests | None:
        return GUARD.attempt("starting", requests) if started().settings.active else None

    def _feed(self) -> Feed | None:
        found = self._tracked()
        return None if found is None else found.feed

    # --- instrumentors ---

    def register_instrumentor(self, instrumentor: FrameworkInstrumentor) -> None:
        """Switch `instrumentor` on, and have it listed; TypeError when it is no FrameworkInstrumentor."""
        if not isinstance(instrumentor, FrameworkInstrumentor):
            raise TypeError(
                f"an instrumentor is a FrameworkInstrumentor, and this is of type {type(instrumentor).__name__}"
            )
        with self._lock:
            self._registered[instrumentor.framework_name] = instrumentor
        self.enable(instrumentor.framework_name)

    def list_instrumentors(self) -> list[InstrumentorStatus]:
        """Every instrumentor: those registered in code, and those that are installed, Arc's own and others'."""
        installed = [self._installed(one) for one in entry_points(group=PLUGINS)]
        with self._lock:
            return [*(self._of_code(name, one) for name, one in self._registered.items()), *installed]

    def status(self, name: str) -> InstrumentorStatus:
        """What is known of the instrumentor `name`; ArcError, which says what there is, where there is none."""
        found = self._find(name)
        return self._installed(found) if isinstance(found, EntryPoint) else self._of_code(name, found)

    def enable(self, name: str) -> InstrumentorStatus:
        """The status of the instrumentor `name`, once it is switched on; ArcError where there is none."""
        found = self._find(name)
        runtime = started()
        if runtime.settings.active:
            if not isinstance(found, EntryPoint):
                if not found.is_instrumented_by_opentelemetry:
                    GUARD.attempt(f"switching {name} on", lambda: found.instrument(runtime=runtime))
            elif found.name.startswith("arc_"):
                switch_on(found)
            elif not is_on(found) and self._installed(found).state == "off":
                GUARD.attempt(f"switching {name} on", lambda: found.load()().instrument())
        return self.status(name)

    def disable(self, name: str) -> InstrumentorStatus:
        """The status of the instrumentor `name`, once it is switched off; ArcError where there is none."""
        found = self._find(name)
        if isinstance(found, EntryPoint):
            if is_on(found):
                GUARD.attempt(f"switching {name} off", lambda: found.load()().uninstrument())
        elif found.is_instrumented_by_opentelemetry:
            GUARD.attempt(f"switching {name} off", found.uninstrument)
        return self.status(name)

    def _find(self, name: str) -> FrameworkInstrumentor | EntryPoint:
        """By its own name, or by that of the framework."""
        with self._lock:
            if name in self._registered:
                return self._registered[name]
        installed = entry_points(group=PLUGINS)
        for wanted in (name, f"arc_{name}"):
            for one in installed:
                if one.name == wanted:
                    return one
        known = ", ".join(one.name for one in self.list_instrumentors()) or "none"
        raise ArcError(f"no instrumentor {name!r}; there are: {known}")

    @staticmethod
    def _of_code(name: str, one: FrameworkInstrumentor) -> InstrumentorStatus:
        on = one.is_instrumented_by_opentelemetry and one.is_installed()
        return InstrumentorStatus(name, one.framework_name, "on" if on else "off", "")

    @staticmethod
    def _installed(one: EntryPoint) -> InstrumentorStatus:
        framework = one.name.removeprefix("arc_")
        if is_on(one):
            return InstrumentorStatus(one.name, framework, "on", "")
        try:
            conflict: Any = get_dist_dependency_conflicts(one.dist) if one.dist is not None else None
        except Exception as error:  # noqa: BLE001 - what a parser of others' metadata raises
            conflict = error
        if conflict is not None:
            return InstrumentorStatus(one.name, framework, "unfit", str(conflict))
        return InstrumentorStatus(one.name, framework, "off", "")


@cache
def _manager() -> RuntimeManager:
    return RuntimeManager()


def get_runtime_manager() -> RuntimeManager:
    """The one manager of this process; asking for it starts nothing."""
    return _manager()
