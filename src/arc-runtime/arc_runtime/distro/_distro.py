"""Arc as an OpenTelemetry distro: `opentelemetry-instrument python app.py` loads these two by their entry points."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, version
from typing import Any, ClassVar

from opentelemetry import trace
from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts
from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util._importlib_metadata import entry_points  # cached: a scan takes tens of milliseconds

from arc_runtime._stderr import LOGGER
from arc_runtime.distro._coexistence import rival_of
from arc_runtime.distro._redaction import (
    redact_providers_that_are_there,
    redact_providers_to_come,
    set_policy,
    withdraw,
)
from arc_runtime.distro._resource import settle_resources
from arc_runtime.distro._wiring import by_code, follow_spans, wired
from arc_runtime.export import Exports, destination, flush_at_every_end, plan
from arc_runtime.fixes import Engine
from arc_runtime.instrumentation import ArcInstrumentor, land_all
from arc_runtime.processor import RedactingLogProcessor, RedactingSpanProcessor, SuggestingSpanProcessor
from arc_runtime.settings import Settings, masked

__all__ = ["ArcConfigurator", "ArcDistro"]


class ArcDistro(BaseDistro):  # type: ignore[misc]
    """Loads plugins one by one: one that fails is one line on stderr, and the others load."""

    ran: ClassVar[bool] = False
    """Whether it is the distro that was loaded."""

    def __init__(self) -> None:
        self._failed: set[str] = set()
        self._yielded: dict[str, list[ArcInstrumentor]] = {}

    def _configure(self, **_kwargs: Any) -> None:
        ArcDistro.ran = True
        wired()
        _leave_out_unreadable()

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Load and switch on one instrumentor, Arc's or another's; never raises."""
        try:
            instrumentor = entry_point.load()()
            if isinstance(instrumentor, ArcInstrumentor):
                self._switch_on(instrumentor, entry_point, kwargs)
            else:
                instrumentor.instrument(**kwargs)
        except ModuleNotFoundError:
            self._reclaim(entry_point.name)
            raise  # the loader takes it for a library that is not installed, and goes on quietly
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin may raise what it likes; the program runs
            self._reclaim(entry_point.name)
            LOGGER.error(
                "plugin %s could not be loaded",
                entry_point.name,
                exc_info=error,
                extra={"cause": f"plugin:{entry_point.name}"},
            )

    def _switch_on(self, plugin: ArcInstrumentor, entry_point: EntryPoint, kwargs: Mapping[str, Any]) -> None:
        runtime = wired()
        name = entry_point.name.removeprefix("arc_")
        mode = runtime.settings.instrument.get(name, "auto")
        if mode == "disabled":
            LOGGER.info("plugin %s is switched off by ARC_INSTRUMENT_%s", entry_point.name, name.upper())
            return
        off = {*runtime.settings.disabled_instrumentations, *self._failed}
        rival = rival_of(entry_point, off, only_on=by_code()) if mode == "auto" else None
        if rival is not None:
            LOGGER.info("plugin %s leaves the spans to the instrumentor %s", entry_point.name, rival)
            self._yielded.setdefault(rival, []).append(plugin)
        plugin.instrument(runtime=runtime, spans=rival is None, **kwargs)

    def _reclaim(self, name: str) -> None:
        """The instrumentor `name` does not work: the spans that were left to it are Arc's."""
        self._failed.add(name)
        for plugin in self._yielded.pop(name, ()):
            LOGGER.info("plugin %s writes its spans: the instrumentor %s failed", plugin.distribution, name)
            plugin.writes_spans = True


def _leave_out_unreadable() -> None:
    """Disable the instrumentors whose metadata can't be read: the loader would stop at the first of them."""
    unreadable = []
    for entry_point in entry_points(group="opentelemetry_instrumentor"):
        try:
            if entry_point.dist is not None:
                get_dist_dependency_conflicts(entry_point.dist)
        except Exception as error:  # noqa: BLE001 - what a parser of others' metadata raises
            cause = f"plugin:{entry_point.name}"
            LOGGER.error("plugin %s is left out", entry_point.name, exc_info=error, extra={"cause": cause})
            unreadable.append(entry_point.name)
    if unreadable:
        name = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
        os.environ[name] = ",".join(filter(None, [os.environ.get(name, ""), *unreadable]))


class ArcConfigurator(_OTelSDKConfigurator):
    """Configures the SDK from the environment or OTEL_CONFIG_FILE, with redaction in force on either path."""

    ran: ClassVar[bool] = False
    """Whether it was called; what it does, it does once a process."""

    def _configure(self, **kwargs: Any) -> None:
        settings = wired().settings
        if ArcConfigurator.ran or not settings.active:
            return
        ArcConfigurator.ran = True
        try:
            if set_policy(settings):
                self._configure_sdk(settings, kwargs)
        except Exception as error:  # noqa: BLE001 - a program with a wrong setting runs without telemetry
            _say_off(settings, error)
            withdraw()

    def _configure_sdk(self, settings: Settings, kwargs: dict[str, Any]) -> None:
        exports = Exports(settings, wired().prices)
        if settings.config_file is None:
            wanted = plan(settings)
            for warning in wanted.warnings:
                LOGGER.warning("%s", warning, extra={"cause": warning})
            kwargs = {
                "exporter_args_map": wanted.exporter_args,
                "export_span_processor": exports.batching_spans,
                "span_processors": [SuggestingSpanProcessor(_engine), RedactingSpanProcessor(exports.clock.begin)],
                "export_log_record_processor": exports.batching_logs,
                "log_record_processors": [RedactingLogProcessor(exports.clock.begin)],
                **kwargs,
            }
            with _in_environment(wanted.env):
                super()._configure(**kwargs)  # type: ignore[no-untyped-call]
        else:
            # A configuration file leaves no room for arguments: redaction is put in afterwards.
            super()._configure(**kwargs)  # type: ignore[no-untyped-call]
            _suggest_where_there_is_a_provider()
            redact_providers_that_are_there()
        exports.adopt()
        settle_resources(settings.config_file)
        redact_providers_to_come()
        flush_at_every_end(exports, land_all)
        follow_spans(settings)
        _say_hello(settings)


def _suggest_where_there_is_a_provider() -> None:
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.add_span_processor(SuggestingSpanProcessor(_engine))


def _engine() -> Engine:
    return wired().engine


def _say_off(settings: Settings, error: Exception) -> None:
    """Say in one line that there is no telemetry, why, and the way out."""
    file, cause = settings.config_file, {"cause": "configure"}
    if file is None:
        LOGGER.error("telemetry is off: it could not be configured", exc_info=error, extra=cause)
    elif isinstance(error.__cause__, ImportError):
        way_out = "pip install 'arc-runtime[file-configuration]'"
        LOGGER.error("telemetry is off: OTEL_CONFIG_FILE=%s could not be used: %s", file, way_out, extra=cause)
    else:
        LOGGER.error("telemetry is off: OTEL_CONFIG_FILE=%s could not be used", file, exc_info=error, extra=cause)


def _say_hello(settings: Settings) -> None:
    """Say, where ARC_LOG_LEVEL asks for it, what is in force; no secret is in it."""
    if settings.config_file is not None:
        where = f"as {settings.config_file} says"
    elif not settings.otlp_exporters("traces"):
        where = f"to {settings.traces_exporter}"
    else:
        target = destination(settings)
        key = "ARC_API_KEY" if target.keyed else "no key of Arc's"
        where = f"to {masked(target.url)} over {target.protocol} with {key}"
    LOGGER.info(
        "arc %s: spans %s; fixes %s, level %s; content %s; %s",
        version("arc-runtime"),
        where,
        settings.fixes,
        settings.fixes_level,
        settings.capture,
        "; ".join(_beside_spans(settings)),
    )


def _beside_spans(settings: Settings) -> Iterator[str]:
    if settings.config_file is None:
        yield f"logs {settings.logs_exporter or ','.join(settings.otlp_exporters('logs')) or 'none'}"
        yield f"metrics {settings.metrics_exporter or 'none'}"
    yield f"spool {settings.spool_mib} MiB" if settings.spool_mib and settings.spool_dir else "no spool"
    yield f"cost {settings.cost}"
    port = settings.metrics_port
    yield "no metrics page" if port is None else f"metrics page at {settings.metrics_host}:{port}"
    off = {
        *settings.disabled_instrumentations,
        *(f"arc_{name}" for name, mode in settings.instrument.items() if mode == "disabled"),
    }
    ours = sorted(one.name for one in entry_points(group="opentelemetry_instrumentor") if one.name.startswith("arc_"))
    yield f"plugins {', '.join(name for name in ours if not off & {name, '*'}) or 'none'}"


@contextmanager
def _in_environment(env: Mapping[str, str]) -> Iterator[None]:
    """Have `env` in the environment for the length of this block: the program itself sees what its user set."""
    before = {name: os.environ.get(name) for name in env}
    os.environ.update(env)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
