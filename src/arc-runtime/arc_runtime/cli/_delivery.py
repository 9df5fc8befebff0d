"""Checks of the way to the backend: address, TLS, key, and one span there and back."""

import http.client
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.metadata import version
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec
from arc_semconv import attributes as semconv
from arc_semconv.api import TraceDetail
from arc_semconv.kinds import Kind
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from arc_runtime.cli._check import Check, failed, passed, warned
from arc_runtime.cli._connection import TIMEOUT, check_connection, tls_context
from arc_runtime.cli._core_api import found_core
from arc_runtime.cli._errors import CoreError
from arc_runtime.cli._export import check_exporters, check_sampling
from arc_runtime.export import Destination, destination
from arc_runtime.processor import RedactingSpanProcessor
from arc_runtime.settings import Settings, masked
from arc_runtime.spans import SpanWriter

__all__ = ["check_delivery"]

_OWN: Final = "Arc Core"
_PROBE: Final = "doctor@example.com"
_REFUSALS: Final = (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN)


def check_delivery(settings: Settings, env: Mapping[str, str]) -> Iterator[Check]:
    """The way from here to the backend, up to the first thing that is broken or keeps spans from being sent."""
    yield from check_sampling(env)
    hindrances = list(check_exporters(settings))
    yield from hindrances
    if not hindrances:
        yield from _check_way(settings, env)


def _check_way(settings: Settings, env: Mapping[str, str]) -> Iterator[Check]:
    target = destination(settings)
    keyed = "with ARC_API_KEY" if target.keyed else "without a key"
    yield passed("endpoint", f"{masked(target.url)} over {target.protocol}, {keyed}")
    if settings.endpoint is None and "traces" not in settings.otel_endpoints:
        yield from _check_own(env, target.protocol)
    reached = check_connection(target, env)
    yield reached
    if reached.state == "problem":
        return
    span_check, trace_id = _send(target)
    yield span_check
    if span_check.state == "ok":
        yield _read_back(settings, env, trace_id)


def _check_own(env: Mapping[str, str], protocol: str) -> Iterator[Check]:
    """The Arc Core of this user where it is not at the port to which spans go that nobody sent anywhere."""
    try:
        running = found_core(env)
    except CoreError as error:
        yield warned(_OWN, str(error), "until then `arc run` and `arc traces` find none")
        return
    if running is None:
        return
    address, usual = (f"grpc://{running.grpc}", 4317) if protocol == "grpc" else (running.http, 4318)
    if urlsplit(address).port == usual:
        return
    key = " and ARC_API_KEY to its key" if running.keyed else ""
    finds = "" if running.keyed else "; `arc run` sends there by itself"
    yield warned(_OWN, f"one of yours runs at {running.http}{finds}", f"export ARC_ENDPOINT={address}{key}")


def _send(target: Destination) -> tuple[Check, str]:
    """Send one span with a made-up address in it, which must arrive without it."""
    exporter = target.exporter()
    memory = InMemorySpanExporter()
    # The sampler of the environment is the user's choice for his spans; this one is to arrive.
    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource.create({semconv.SERVICE_NAME: "arc-doctor"}))
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
    reason = _without_userinfo(reasons[-1], target.url) if reasons else "no reason given"
    return failed("span", f"refused: {reason}", _advice_on(reason)), trace_id


def _without_userinfo(reason: str, url: str) -> str:
    userinfo = urlsplit(url if "://" in url else f"//{url}").netloc.rpartition("@")[0]
    return reason.replace(userinfo, "***") if userinfo else reason


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


def _read_back(settings: Settings, env: Mapping[str, str], trace_id: str) -> Check:
    name = "read back"
    if settings.api_url is None:
        advice = "set ARC_CORE_URL to the http address of Arc Core to have it read back"
        return warned(name, "the span was accepted; where Arc Core's HTTP API is, is not known", advice)
    status, body = _get(settings, env, trace_id)
    for _ in range(20):
        if status != http.HTTPStatus.NOT_FOUND:
            break
        time.sleep(0.1)
        status, body = _get(settings, env, trace_id)
    keyless = settings.api_key is not None and not settings.api_keyed
    note = "; asked without ARC_API_KEY, which goes only where ARC_ENDPOINT leads" if keyless else ""
    if status != http.HTTPStatus.OK:
        advice = _advice_on_reading(status, keyless=keyless)
        return warned(name, f"{settings.api_url} answers {status or body!r}{note}", advice)
    found = _inspect(name, body)
    return msgspec.structs.replace(found, detail=found.detail + note)


def _advice_on_reading(status: int, *, keyless: bool) -> str:
    if status not in _REFUSALS:
        return "the endpoint may be a Collector; then set ARC_CORE_URL to Arc Core's own http address"
    if keyless:
        return "look for the trace in the workbench, or let ARC_ENDPOINT and ARC_CORE_URL name the same address"
    return _advice_on(str(status))


def _inspect(name: str, body: str) -> Check:
    try:
        spans = msgspec.json.decode(body, type=TraceDetail).spans
    except msgspec.DecodeError as error:
        return warned(name, f"what answers is no Arc Core of this version: {error}", "pip install --upgrade arc-core")
    if any(_PROBE in value for span in spans for value in span.attributes.values()):
        advice = "report this: spans must not be exported until it is solved; export ARC_DISABLE=1"
        return failed(name, "the personal value in the span was not redacted", advice)
    return passed(name, f"Arc Core shows the span, the address in it redacted ({len(spans)} span)")


def _get(settings: Settings, env: Mapping[str, str], trace_id: str) -> tuple[int, str]:
    """Status and body of the trace at Arc Core; 0 and the error when it can't be asked."""
    parts = urlsplit(settings.api_url or "")
    headers = {semconv.API_KEY_HEADER: settings.api_key} if settings.api_key and settings.api_keyed else {}
    try:
        with closing(_connect(parts, env, destination(settings).protocol)) as connection:
            connection.request("GET", f"{parts.path}/api/v1/traces/{trace_id}", headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
    except (OSError, UnicodeError, http.client.HTTPException) as error:  # UnicodeError: a name that can't be a host's
        return 0, str(error)


def _connect(parts: SplitResult, env: Mapping[str, str], protocol: str) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = tls_context(env, protocol)
        return http.client.HTTPSConnection(host, parts.port or 443, timeout=TIMEOUT, context=context)
    return http.client.HTTPConnection(host, parts.port or 80, timeout=TIMEOUT)
