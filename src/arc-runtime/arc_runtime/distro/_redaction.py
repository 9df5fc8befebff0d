"""Redaction put in force on providers that are there already, and on those that the program makes for itself."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

import wrapt
from opentelemetry import _logs, metrics, trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import Meter, MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from arc_runtime._stderr import LOGGER
from arc_runtime.processor import RedactingLogProcessor, RedactingSpanProcessor, redact_resource
from arc_runtime.redaction import Policy, PolicyError, Tally, enforce, in_force, is_clean, scrub, tells
from arc_runtime.settings import Settings

__all__ = ["redact_providers_that_are_there", "redact_providers_to_come", "set_policy", "withdraw"]

_MARKS: Final = str.maketrans("<>", "__")


def set_policy(settings: Settings) -> bool:
    """Have everything redacted as `settings` say; False, and telemetry is off, when their policy can't be used.

    The strictest is then in force on whatever the program exports by itself.
    """
    key = settings.redaction_key or ""
    try:
        enforce(Policy.from_file(settings.redaction_policy, level=settings.redaction, key=key))
    except Exception as error:  # noqa: BLE001 - fail closed: whatever is wrong with it, it is not in force
        said = error if isinstance(error, PolicyError) else f"redaction policy: {type(error).__name__}: {error}"
        LOGGER.error("telemetry is off: %s", said, extra={"cause": "configure"})
        enforce(Policy(level="strict"))
        redact_providers_to_come()
        withdraw()
        return False
    return True


def redact_providers_that_are_there() -> None:
    """Have the global providers redact, whatever processors they have already."""
    tracers, loggers = trace.get_tracer_provider(), _logs.get_logger_provider()
    if isinstance(tracers, TracerProvider):
        tracers.add_span_processor(RedactingSpanProcessor())
    if isinstance(loggers, LoggerProvider):
        processors = loggers._multi_log_record_processor  # noqa: SLF001 - no public way to be the first
        processors._log_record_processors = (RedactingLogProcessor(), *processors._log_record_processors)  # noqa: SLF001


@cache
def redact_providers_to_come() -> None:
    """Have every provider that the program makes for itself redact too: what it exports leaves the process as well."""

    def spans(wrapped: Callable[..., None], provider: TracerProvider, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        _redact_resource(provider.resource)
        provider.add_span_processor(RedactingSpanProcessor())

    def logs(wrapped: Callable[..., None], provider: LoggerProvider, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        _redact_resource(provider.resource)
        provider.add_log_record_processor(RedactingLogProcessor())

    def meters(wrapped: Callable[..., None], provider: MeterProvider, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        _redact_resource(provider._sdk_config.resource)  # noqa: SLF001 - no public way

    wrapt.wrap_function_wrapper(TracerProvider, "__init__", spans)
    wrapt.wrap_function_wrapper(LoggerProvider, "__init__", logs)
    wrapt.wrap_function_wrapper(MeterProvider, "__init__", meters)
    _redact_measurements()


def _redact_resource(resource: Resource) -> None:
    """Redact `resource` in place; what fails is dropped whole."""
    try:
        redact_resource(resource)
    except Exception:  # noqa: BLE001 - fail closed; and the program that makes a provider is not to hear of it
        LOGGER.exception("a resource could not be redacted and is dropped", extra={"cause": "redaction"})
        resource._attributes = BoundedAttributes()  # noqa: SLF001 - it is frozen


def _redact_measurements() -> None:
    """Redact attributes of metrics before they are summed up: every reader is behind that, pulled or pushed.

    An exporter would be too late: two series that redaction makes one would be sent as two.
    """
    try:
        from opentelemetry.sdk.metrics._internal.metric_reader_storage import MetricReaderStorage
    except ImportError as error:  # an SDK with other insides than those that are tested
        LOGGER.error("metrics are off: they could not be redacted", exc_info=error, extra={"cause": "redaction"})
        _shut_down(metrics.get_meter_provider())
        return

    def consume(wrapped: Callable[..., None], _storage: object, args: Any, kwargs: Any) -> None:
        measurement, *rest = args
        wrapped(_redacted(measurement), *rest, **kwargs)

    def named(wrapped: Callable[..., Any], _made_by: object, args: Any, kwargs: Any) -> Any:
        return wrapped(*map(_cleaned, args), **{name: _cleaned(value) for name, value in kwargs.items()})

    wrapt.wrap_function_wrapper(MetricReaderStorage, "consume_measurement", consume)
    wrapt.wrap_function_wrapper(MeterProvider, "get_meter", named)
    for kind in ("counter", "up_down_counter", "histogram", "gauge"):
        wrapt.wrap_function_wrapper(Meter, f"create_{kind}", named)
    for kind in ("counter", "up_down_counter", "gauge"):
        wrapt.wrap_function_wrapper(Meter, f"create_observable_{kind}", named)


def _cleaned(given: Any) -> Any:
    """Names, units, descriptions and attributes without what is personal; nothing where that fails."""
    if not isinstance(given, str | Mapping) or is_clean(given):
        return given
    try:
        # A name with other marks would be refused.
        return scrub(given, Tally()) if isinstance(given, Mapping) else str(scrub(given, Tally())).translate(_MARKS)
    except Exception:  # noqa: BLE001 - fail closed
        return "unreadable" if isinstance(given, str) else {}


def _redacted(measurement: Any) -> Any:
    held = measurement.attributes
    if not held:
        return measurement
    try:
        if not in_force().keys and all(
            is_clean(name) and is_clean(value) and not tells(name) for name, value in held.items()
        ):
            return measurement
        clean = scrub(dict(held), Tally())
    except Exception:  # noqa: BLE001 - fail closed: the number is sent, what it was of is not
        LOGGER.exception("attributes of a metric could not be redacted and are dropped", extra={"cause": "redaction"})
        clean = {}
    return replace(measurement, attributes=clean)


def withdraw() -> None:
    """Shut down what was configured half: an exporter without redaction before it must not send."""
    for provider in (trace.get_tracer_provider(), _logs.get_logger_provider(), metrics.get_meter_provider()):
        _shut_down(provider)


def _shut_down(provider: object) -> None:
    if isinstance(provider, TracerProvider | LoggerProvider | MeterProvider):
        provider.shutdown()
