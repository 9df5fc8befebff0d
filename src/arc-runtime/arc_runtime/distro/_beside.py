"""Arc where OpenTelemetry's loader took another distro or configurator than Arc's: the first it finds, or one named.

The loader calls this once the SDK is configured and before any plugin is loaded, whatever it took. What a user names is
honoured, as is what another vendor brings; opentelemetry-distro, which only does what the SDK does for itself, gives
way. Redaction is in force in each case.
"""

import logging
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import wrapt
from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation.distro import BaseDistro, DefaultDistro  # type: ignore[attr-defined]
from opentelemetry.instrumentation.version import __version__ as loader_version

from arc_runtime._stderr import LOGGER
from arc_runtime.distro._choice import CONFIGURATOR, DISTRO, is_plain, loaded
from arc_runtime.distro._distro import ArcConfigurator, ArcDistro
from arc_runtime.distro._redaction import (
    redact_providers_that_are_there,
    redact_providers_to_come,
    set_policy,
    withdraw,
)
from arc_runtime.distro._resource import settle_resources
from arc_runtime.distro._wiring import follow_spans, wired
from arc_runtime.export import Exports, flush_at_every_end
from arc_runtime.instrumentation import land_all
from arc_runtime.settings import Settings

__all__ = ["before_plugins", "join_providers"]


@cache
def before_plugins() -> None:
    """Do what Arc's distro and configurator would have done, as far as they did not; never raises."""
    try:
        settings = wired().settings
        if not settings.active:
            return
        if not ArcDistro.ran:
            _load_one_by_one()
        if not ArcConfigurator.ran and set_policy(settings):
            _configure(settings)
    except Exception as error:  # noqa: BLE001 - whatever is not as expected, nothing leaves unredacted
        LOGGER.error("telemetry is off: it could not be redacted", exc_info=error, extra={"cause": "configure"})
        withdraw()


def _load_one_by_one() -> None:
    """Have plugins loaded as Arc's distro loads them: its own, and those of others where their distro has no say."""
    chosen = loaded(DISTRO, os.environ)
    distro: type[BaseDistro] = DefaultDistro if chosen is None else chosen.load()
    arc = ArcDistro()
    plain = distro.load_instrumentor is BaseDistro.load_instrumentor

    def load(wrapped: Callable[..., None], _distro: object, args: Any, kwargs: Any) -> None:
        if plain or args[0].name.startswith("arc_"):
            arc.load_instrumentor(*args, **kwargs)
        else:
            wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(distro, "load_instrumentor", load)


def _configure(settings: Settings) -> None:
    variable = CONFIGURATOR[1]
    chosen = loaded(CONFIGURATOR, os.environ)
    if chosen is None:
        LOGGER.error("telemetry is off: %s=%s is not installed", variable, os.environ.get(variable))
    elif variable not in os.environ and is_plain(chosen) and settings.config_file is None:
        _take_over()
        # OpenTelemetry's loader has just said that Arc's was not loaded.
        LOGGER.warning(
            "the %s that was loaded gave way to Arc's: set %s=arc and %s=arc", chosen.name, DISTRO[1], variable
        )
        return
    else:
        _say_who_configures(settings, chosen.name)
    join_providers(settings, Exports(settings))


def join_providers(settings: Settings, exports: Exports) -> None:
    """Do on the providers that are there what is done on Arc's own: redact, lose nothing, name the service."""
    redact_providers_that_are_there()
    redact_providers_to_come()
    exports.adopt()
    settle_resources(settings.config_file)
    flush_at_every_end(exports, land_all)
    follow_spans(settings)


def _say_who_configures(settings: Settings, name: str) -> None:
    ignored = settings.endpoint is not None and settings.config_file is None
    level = logging.WARNING if ignored else logging.INFO
    what = "ARC_ENDPOINT gets no spans: " if ignored else ""
    LOGGER.log(
        level, "%sthe configurator %s was loaded, and spans go where it sends them, redacted; for Arc's own set %s=arc",
        what, name, CONFIGURATOR[1],
    )  # fmt: skip


def _take_over() -> None:
    """Configure the SDK as if Arc's configurator had been the one that was loaded."""
    # Imported on use: what is private here may be elsewhere in another version, and is needed in this one case.
    from opentelemetry._logs import _internal as api_of_logs
    from opentelemetry.metrics import _internal as api_of_metrics
    from opentelemetry.sdk._logs import LoggingHandler
    from opentelemetry.util._once import Once

    for provider in (trace.get_tracer_provider(), _logs.get_logger_provider(), metrics.get_meter_provider()):
        _end(provider)
    for handler in [one for one in logging.getLogger().handlers if isinstance(one, LoggingHandler)]:
        logging.getLogger().removeHandler(handler)
    # The API lets each be set once. No plugin is loaded yet, so that nobody holds what came from the ones before.
    trace._TRACER_PROVIDER_SET_ONCE, trace._TRACER_PROVIDER = Once(), None  # noqa: SLF001
    api_of_logs._LOGGER_PROVIDER_SET_ONCE, api_of_logs._LOGGER_PROVIDER = Once(), None  # noqa: SLF001
    api_of_metrics._METER_PROVIDER_SET_ONCE, api_of_metrics._METER_PROVIDER = Once(), None  # noqa: SLF001
    ArcConfigurator().configure(auto_instrumentation_version=loader_version)  # type: ignore[no-untyped-call]


def _end(provider: object) -> None:
    """Shut `provider` down without a word to its endpoint: nothing has been written yet."""
    for reader in getattr(provider, "_metric_readers", ()):
        exporter = getattr(reader, "_exporter", None)
        if exporter is not None:
            exporter.shutdown()
    shutdown = getattr(provider, "shutdown", None)
    if shutdown is not None:
        shutdown()
