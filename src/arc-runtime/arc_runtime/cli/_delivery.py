"""Checks of the way to the backend: address, TLS, key, and one span there and back."""

import http.client
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from arc_semconv import attributes as semconv
from arc_semconv.api import TraceDetail
from arc_semconv.kinds import Kind
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from arc_runtime.cli._check import Check, failed, passed, warned
from arc_runtime.export import destination
from arc_runtime.processor import RedactingSpanProcessor
from arc_runtime.settings import Settings
from arc_runtime.spans import SpanWriter

__all__ = ["check_delivery"]

_TIMEOUT: Final = 5.0
_PROBE: Final = "doctor@example.com"


def check_delivery(settings: Settings) -> Iterator[Check]:
    """The way from here to the backend, up to the first thing that is broken."""
    target = destination(settings)
    keyed = "with ARC_API_KEY" if target.keyed else "without a key"
    yield passed("endpoint", f"{target.url} over {target.protocol}, {keyed}")
    reached = _reach(target.url)
    yield reached
    if reached.state == "problem":
        return
    span_check, trace_id = _send(target.exporter())
    yield span_check
    if span_check.state == "ok":
        yield _read_back(settings, trace_id)


def _reach(url: str) -> Check:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "localhost", parts.port or (443 if secure else 80)
    try:
        with socket.create_connection((host, port), _TIMEOUT) as plain:
            if not secure:
                return passed("connection", f"{host}:{port} answers, without TLS")
            with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as sealed:
                return passed("connection", f"{host}:{port} answers, {sealed.version()}")
    except ssl.SSLError as error:
        advice = "check the certificate, or OTEL_EXPORTER_OTLP_CERTIFICATE for one of your own; http:// is without TLS"
        return failed("connection", f"{host}:{port}: no TLS: {error.reason or error}", advice)
    except OSError as error:
        advice = "start Arc Core with `arc core`, or point ARC_ENDPOINT at the one that runs"
        return failed("connection", f"{host}:{port}: {error.strerror or error}", advice)


def _send(exporter: SpanExporter) -> tuple[Check, str]:
    """Send one span with a made-up address in it, which must arrive without it."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({semconv.SERVICE_NAME: "arc-doctor"}))
    provider.add_span_processor(RedactingSpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(memory))
    writer = SpanWriter(provider.get_tracer("arc-runtime", version("arc-runtime")))
    span = writer.open(Kind.JOB, "doctor", {"arc.doctor.probe": f"written to {_PROBE}"})
    span.end()
    trace_id = f"{span.get_span_context().trace_id:032x}"
    with _reasons() as reasons:
        result = exporter.export(memory.get_finished_spans())
    exporter.shutdown()
    if result is SpanExportResult.SUCCESS:
        return passed("span", f"accepted, trace {trace_id}"), trace_id
    reason = reasons[-1] if reasons else "no reason given"
    return failed("span", f"refused: {reason}", _advice_on(reason)), trace_id


def _advice_on(reason: str) -> str:
    if "401" in reason or "403" in reason or "UNAUTHENTICATED" in reason or "PERMISSION_DENIED" in reason:
        return "set ARC_API_KEY to a key that the endpoint knows; it is sent only to the endpoint ARC_ENDPOINT names"
    if "404" in reason or "UNIMPLEMENTED" in reason:
        return "something else listens there: OTLP over HTTP is usually port 4318, over gRPC 4317 (grpc://)"
    return "see the log of the endpoint"


@contextmanager
def _reasons() -> Iterator[list[str]]:
    """What the SDK's exporter logs while the block runs: its result does not say why."""
    reasons: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            reasons.append(record.getMessage())

    logger, keep = logging.getLogger("opentelemetry.exporter"), Keep()
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(keep)
    try:
        yield reasons
    finally:
        logger.removeHandler(keep)
        logger.propagate = propagate


def _read_back(settings: Settings, trace_id: str) -> Check:
    name = "read back"
    if settings.api_url is None:
        advice = "set ARC_CORE_URL to the http address of Arc Core to have it read back"
        return warned(name, "the span was accepted; where Arc Core's HTTP API is, is not known", advice)
    status, body = _get(settings, trace_id)
    for _ in range(20):
        if status != http.HTTPStatus.NOT_FOUND:
            break
        time.sleep(0.1)
        status, body = _get(settings, trace_id)
    if status != http.HTTPStatus.OK:
        advice = "the endpoint may be a Collector; then set ARC_CORE_URL to Arc Core's own http address"
        return warned(name, f"{settings.api_url} answers {status or body!r}", advice)
    return _inspect(name, body)


def _inspect(name: str, body: str) -> Check:
    try:
        spans = msgspec.json.decode(body, type=TraceDetail).spans
    except msgspec.DecodeError as error:
        return warned(name, f"what answers is no Arc Core of this version: {error}", "pip install --upgrade arc-core")
    if any(_PROBE in value for span in spans for value in span.attributes.values()):
        advice = "report this: spans must not be exported until it is solved; export ARC_DISABLE=1"
        return failed(name, "the personal value in the span was not redacted", advice)
    return passed(name, f"Arc Core shows the span, the address in it redacted ({len(spans)} span)")


def _get(settings: Settings, trace_id: str) -> tuple[int, str]:
    """Status and body of the trace at Arc Core; 0 and the error when it can't be asked."""
    parts = urlsplit(settings.api_url or "")
    kind: Any = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {semconv.API_KEY_HEADER: settings.api_key} if settings.api_key else {}
    connection = kind(parts.netloc, timeout=_TIMEOUT)
    try:
        connection.request("GET", f"{parts.path}/api/v1/traces/{trace_id}", headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()
