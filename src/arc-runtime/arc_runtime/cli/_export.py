"""Checks of the OTEL_* choices by which a program sends no spans: exporters, protocols, sampling."""

from collections.abc import Iterator, Mapping
from typing import Final

from arc_runtime.cli._check import Check, failed, warned
from arc_runtime.settings import Settings

__all__ = ["SILENT", "check_exporters", "check_sampling", "check_service_name"]

SILENT: Final = frozenset({"exporter", "sampling"})
"""The names of these findings: each says that the program sends nothing."""

_PROTOCOLS: Final = ("http/protobuf", "grpc")
_OFF: Final = {"always_off", "parentbased_always_off"}
_RATIO: Final = {"traceidratio", "parentbased_traceidratio"}


def check_exporters(settings: Settings) -> Iterator[Check]:
    """Why no span is sent by OTLP; nothing when they are."""
    for protocol in dict.fromkeys(_protocols(settings)):
        if protocol not in _PROTOCOLS:
            detail = f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol}: there is no such protocol, and telemetry stays off"
            yield failed("exporter", detail, f"set it to one of {', '.join(_PROTOCOLS)}")
    if not settings.otlp_exporters("traces"):
        detail = f"OTEL_TRACES_EXPORTER={settings.traces_exporter}: no span is sent by OTLP, and none was tried"
        yield warned("exporter", detail, "unset it to send spans to the endpoint")


def _protocols(settings: Settings) -> Iterator[str]:
    """The protocol of each signal that is sent by OTLP, where something names one."""
    for signal in sorted(signal for signal in ("traces", "logs", "metrics") if settings.otlp_exporters(signal)):
        endpoint = None if signal in settings.otel_endpoints else settings.endpoint
        protocol = (endpoint.protocol if endpoint else None) or settings.otel_protocols.get(signal)
        if protocol:
            yield protocol


def check_sampling(env: Mapping[str, str]) -> Iterator[Check]:
    """Whether the sampler drops every trace; nothing when it keeps some."""
    sampler = env.get("OTEL_TRACES_SAMPLER", "").lower()
    argument = env.get("OTEL_TRACES_SAMPLER_ARG", "")
    if sampler in _OFF:
        detail = f"OTEL_TRACES_SAMPLER={sampler} drops every trace that your program starts"
    elif sampler in _RATIO and _is_zero(argument):
        detail = f"OTEL_TRACES_SAMPLER={sampler} with {argument} drops every trace that your program starts"
    else:
        return
    yield warned("sampling", detail, "unset OTEL_TRACES_SAMPLER to send them")


def check_service_name(env: Mapping[str, str]) -> Iterator[Check]:
    """Whether the program is named by its user."""
    stated = {pair.partition("=")[0].strip() for pair in env.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")}
    if env.get("OTEL_SERVICE_NAME") or "service.name" in stated:
        return
    detail = "it has no name: spans are those of unknown_service: and the name of the program's file"
    yield warned("service name", detail, "export OTEL_SERVICE_NAME=my-app")


def _is_zero(value: str) -> bool:
    try:
        return float(value) == 0
    except ValueError:
        return False  # the SDK then keeps all
