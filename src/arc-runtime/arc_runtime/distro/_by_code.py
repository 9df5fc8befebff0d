"""Arc where a program starts it in its own code: the same wiring, as far as nothing has done it before."""

import threading
from importlib.metadata import EntryPoint
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util._importlib_metadata import entry_points  # cached: a scan takes tens of milliseconds

from arc_runtime._stderr import LOGGER
from arc_runtime.distro._beside import before_plugins, join_providers
from arc_runtime.distro._coexistence import is_on
from arc_runtime.distro._distro import ArcConfigurator, ArcDistro
from arc_runtime.distro._redaction import set_policy, withdraw
from arc_runtime.distro._wiring import wired
from arc_runtime.export import Exports, destination
from arc_runtime.instrumentation import ArcInstrumentor
from arc_runtime.settings import Settings

__all__ = ["PLUGINS", "configure_sdk", "plugin_of", "plugins", "switch_on"]

PLUGINS: Final = "opentelemetry_instrumentor"
"""Group of entry points that name instrumentors; the names of Arc's own start with `arc_`."""
_LOCK: Final = threading.RLock()


class _State:
    """Whether the providers of the program were joined."""

    joined = False


def configure_sdk() -> None:
    """Configure the SDK, or join the program's own set-up; once, and not where it is done already. Never raises."""
    settings = wired().settings
    with _LOCK:
        if not settings.active or ArcConfigurator.ran or _State.joined or before_plugins.cache_info().currsize:
            return
        try:
            if isinstance(trace.get_tracer_provider(), TracerProvider):
                _State.joined = True
                if set_policy(settings):
                    _join(settings)
            else:
                ArcConfigurator().configure(auto_instrumentation_version=None)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - whatever is not as expected, nothing leaves unredacted
            LOGGER.error("telemetry is off: it could not be redacted", exc_info=error, extra={"cause": "configure"})
            withdraw()


def _join(settings: Settings) -> None:
    """Have the program's own providers redact; spans go where they send them, and to the endpoint of Arc's, if set."""
    exports = Exports(settings, wired().prices)
    provider = trace.get_tracer_provider()
    extra = settings.endpoint is not None and "traces" not in settings.otel_endpoints
    if extra and isinstance(provider, TracerProvider):
        provider.add_span_processor(exports.batching_spans(destination(settings).exporter()))
    join_providers(settings, exports)


def plugins() -> list[EntryPoint]:
    """Arc's own plugins that are installed, as their entry points."""
    return [one for one in entry_points(group=PLUGINS) if one.name.startswith("arc_")]


def switch_on(entry_point: EntryPoint) -> None:
    """Switch on one of Arc's plugins, where its library is one that it is for; never raises."""
    settings = wired().settings
    off = {entry_point.name, "*"}.intersection(settings.disabled_instrumentations)
    if off or not settings.active:
        return
    with _LOCK:
        try:
            if entry_point.dist is not None and (found := get_dist_dependency_conflicts(entry_point.dist)) is not None:
                LOGGER.debug("plugin %s is not loaded: %s", entry_point.name, found)
                return
            if not is_on(entry_point):
                ArcDistro().load_instrumentor(entry_point, skip_dep_check=True)
        except ModuleNotFoundError as error:
            LOGGER.debug("plugin %s is not loaded: %s", entry_point.name, error)


def plugin_of(entry_point: EntryPoint) -> ArcInstrumentor | None:
    """The plugin behind `entry_point`; None where it can't be loaded or is no plugin of this kind."""
    try:
        plugin: Any = entry_point.load()()
    except Exception as error:  # noqa: BLE001 - a plugin may raise what it likes
        cause = f"plugin:{entry_point.name}"
        LOGGER.error("plugin %s could not be loaded", entry_point.name, exc_info=error, extra={"cause": cause})
        return None
    return plugin if isinstance(plugin, ArcInstrumentor) else None
