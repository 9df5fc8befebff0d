"""Starting Arc in code, once; what fails in it is said, and the program goes on without Arc."""

import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from arc_runtime.distro import configure_sdk, plugins, requests, switch_on, wired_by_code
from arc_runtime.instrumentation import ArcInstrumentor, Guard, Runtime
from arc_runtime.settings import Settings

if TYPE_CHECKING:
    from arc_runtime.tracking import Requests

__all__ = ["GUARD", "leave_to_choice", "requests_when_started", "started", "switch_off", "switch_on_all"]

GUARD: Final = Guard("arc-runtime")
_LOCK: Final = threading.RLock()
_NOTHING: Final[Mapping[str, str]] = {}


class _State:
    """What was done so far in this process."""

    all_on = False
    chosen = False
    """Whether the program switches on what it wants itself."""
    looked = False
    requests: "Requests | None" = None


def started(given: Mapping[str, str] = _NOTHING) -> Runtime:
    """The runtime of this process, with the SDK configured; `given` is laid over the environment by the first call."""
    runtime = GUARD.attempt("starting", wired_by_code, given)
    if runtime is None:
        return Runtime.of(Settings(disabled=True))
    if runtime.settings.active:
        GUARD.attempt("starting", configure_sdk)
    return runtime


def switch_on_all() -> None:
    """Have every plugin of Arc's on; one that is on already, by whomever, is left as it is."""
    with _LOCK:
        if not _State.all_on:
            _State.all_on = True
            for entry_point in plugins():
                GUARD.attempt(f"switching {entry_point.name} on", switch_on, entry_point)


def leave_to_choice() -> None:
    """Have nothing switched on by itself from now on, neither by an entrypoint."""
    _State.chosen = True


def switch_off() -> None:
    """Switch every plugin of Arc's off; `switch_on_all` alone has them on again, and no entrypoint does."""
    with _LOCK:
        _State.all_on, _State.looked, _State.requests = False, False, None
        _State.chosen = True
        for entry_point in plugins():
            GUARD.attempt(f"switching {entry_point.name} off", _off, entry_point.module, entry_point.attr)


def _off(module: str, name: str) -> None:
    kind = getattr(sys.modules.get(module), name, None)  # what is not imported is not on
    instrumentor = getattr(kind, "_instance", None)
    if instrumentor is not None and instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()
    elif isinstance(instrumentor, ArcInstrumentor):
        instrumentor.rest()  # it works on request, or for some clients only


def requests_when_started() -> "Requests | None":
    """What opens requests, with Arc started and its plugins on, at the first call; None where Arc is off."""
    if not _State.looked:
        with _LOCK:
            if not _State.looked:
                if started().settings.active:
                    if not _State.chosen:
                        switch_on_all()
                    _State.requests = GUARD.attempt("starting", requests)
                _State.looked = True
    return _State.requests
