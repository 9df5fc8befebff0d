"""What every plugin of a process shares; built in one place and handed to each."""

import os
from collections.abc import Mapping
from importlib.metadata import version
from typing import NamedTuple, Self

from opentelemetry import _logs, trace
from opentelemetry._logs import Logger, LoggerProvider
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from arc_runtime.capture import Recorder
from arc_runtime.fixes import Engine
from arc_runtime.instrumentation._engine import engine_of
from arc_runtime.metrics import Counts, Meters, open_page
from arc_runtime.prices import Prices
from arc_runtime.settings import Settings
from arc_runtime.spans import SpanWriter

__all__ = ["Providers", "Runtime"]


class Providers(NamedTuple):
    """Where spans and events go; None is the global one."""

    tracer: TracerProvider | None = None
    logger: LoggerProvider | None = None
    meter: MeterProvider | None = None


class Runtime(NamedTuple):
    """Settings, the fix engine, the prices and the counts of this process."""

    settings: Settings
    engine: Engine
    counts: Counts
    prices: Prices | None
    """None where ARC_COST is off."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """A runtime with the default entries, as `settings` say; its metrics page is open, where they ask for one."""
        counts = Counts()
        open_page(settings, counts)
        engine = engine_of(settings, counts.matched)
        return cls(settings, engine, counts, Prices(settings.cost_hosts) if settings.cost == "on" else None)

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        """A runtime for a plugin that is switched on by hand, without the distro."""
        settings, _ = Settings.from_env(env)
        return cls.of(settings)

    def pen(self, distribution: str, providers: Providers) -> "Pen":
        """What one plugin writes with; `distribution` names the scope of its spans."""
        release = version(distribution)
        return Pen(
            SpanWriter(
                trace.get_tracer(distribution, release, providers.tracer),
                genai_names=self.settings.span_names == "genai",
            ),
            Recorder(self.settings.capture, self.settings.content_limit),
            _logs.get_logger(distribution, release, providers.logger),
            Meters.of((distribution, release), self.counts, providers.meter, latest_names=self.settings.latest_genai),
            self.prices,
        )


class Pen(NamedTuple):
    """What one plugin writes with."""

    spans: SpanWriter
    recorder: Recorder
    events: Logger
    meters: Meters | None = None
    """None where nobody asked for metrics."""
    prices: Prices | None = None
