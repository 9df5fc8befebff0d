"""Checks of a program that is configured by OTEL_CONFIG_FILE: the file, its exporters, and redaction on their way."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, Final

from arc_semconv.kinds import Kind
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from arc_runtime.cli._check import Check, failed, passed, warned
from arc_runtime.distro import redact_providers_that_are_there
from arc_runtime.settings import masked
from arc_runtime.spans import SpanWriter

__all__ = ["check_config_file"]

_NAME: Final = "OTEL_CONFIG_FILE"
_INSTALL: Final = "pip install 'arc-runtime[file-configuration]'"
_PROBE: Final = "doctor@example.com"


def check_config_file(path: str, *, endpoint_ignored: bool) -> Iterator[Check]:
    """Whether `path` can be used, what it names, and whether a span sent by it is redacted on the way."""
    try:
        from opentelemetry.configuration import configure_sdk, load_config_file
    except ImportError as error:
        yield failed(_NAME, f"{path}: {error}: telemetry stays off", _INSTALL)
        return
    try:
        with _quiet():
            config = load_config_file(path)
    except Exception as error:  # noqa: BLE001 - whatever a parser raises is the finding
        yield failed(_NAME, f"{path}: {' '.join(str(error).split())}", "correct the file; until then telemetry is off")
        return
    if config.disabled:
        yield warned(_NAME, f"{path}: it says disabled: true, and nothing is sent", "remove that to send spans")
        return
    found = [f"{signal} to {', '.join(names)}" for signal, names in _exporters(config).items() if names]
    yield passed(_NAME, f"{path}: {'; '.join(found) or 'it names no exporter'}")
    if endpoint_ignored:
        yield warned("endpoint", "the file says where spans go: ARC_ENDPOINT is not looked at", "name it in the file")
    try:
        with _quiet() as said:
            configure_sdk(config)
            redact_providers_that_are_there()
            check = _check_span()
    except Exception as error:  # noqa: BLE001 - an exporter that is not installed, a value that it can't take
        yield failed("span", f"{type(error).__name__}: {' '.join(str(error).split())}", "correct the file")
        return
    yield failed("span", f"not delivered: {said[-1]}", "see the log of the endpoint") if said else check


def _exporters(config: Any) -> dict[str, list[str]]:
    """What the file names by signal, with its endpoint where it gives one."""
    tracers, meters, loggers = config.tracer_provider, config.meter_provider, config.logger_provider
    return {
        "traces": [name for one in getattr(tracers, "processors", None) or () for name in _named(one)],
        "metrics": [name for one in getattr(meters, "readers", None) or () for name in _named(one)],
        "logs": [name for one in getattr(loggers, "processors", None) or () for name in _named(one)],
    }


def _named(holder: object) -> Iterator[str]:
    """The exporters of one processor or reader."""
    for _, part in _set_in(holder):
        for name, exporter in _set_in(getattr(part, "exporter", None)):
            endpoint = exporter.get("endpoint") if isinstance(exporter, dict) else getattr(exporter, "endpoint", None)
            yield f"{name} {masked(str(endpoint))}" if endpoint else name


def _set_in(part: Any) -> Iterator[tuple[str, Any]]:
    if part is None:
        return
    for field in fields(part):
        value = getattr(part, field.name)
        if value is not None:
            yield field.name, value
    yield from (getattr(part, "additional_properties", None) or {}).items()


def _check_span() -> Check:
    """Send one span with a made-up address, and look at what every exporter was given of it."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        return warned("span", "the file has no tracer_provider, and no span is sent", "add one to send spans")
    memory = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    span = SpanWriter(provider.get_tracer("arc-runtime")).open(
        Kind.JOB, "doctor", {"arc.doctor.probe": f"written to {_PROBE}"}
    )
    span.end()
    provider.shutdown()
    seen = memory.get_finished_spans()
    if not seen:
        return warned("span", "the sampler of the file dropped it", "let it keep traces to send spans")
    if _PROBE in seen[0].to_json():
        return failed("span", "the personal value in the span was not redacted", "report this; export ARC_DISABLE=1")
    return passed("span", "sent as the file says, the address in it redacted before any exporter got it")


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Keep what is logged by OpenTelemetry, and what exporters write to stdout, off the findings; the errors of it."""
    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(" ".join(record.getMessage().split()))

    logger, keep = logging.getLogger("opentelemetry"), Keep(logging.ERROR)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(keep)
    # The console exporter holds the stream itself, so that only the file descriptor can lead elsewhere.
    sys.stdout.flush()
    stdout, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield said
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(nowhere)
        logger.removeHandler(keep)
        logger.propagate = propagate
