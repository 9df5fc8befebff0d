"""Where telemetry goes: which OTLP exporters the SDK builds."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from arc_semconv import attributes as semconv
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.util._importlib_metadata import entry_points  # cached: a scan takes tens of milliseconds

from arc_runtime.settings import Endpoint, Settings

__all__ = ["Destination", "Plan", "destination", "plan"]

Signal = Literal["traces", "metrics", "logs"]

_SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics", "logs")
_HTTP: Final = "http/protobuf"
_EXPORTER: Final = {_HTTP: "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_SPOKEN: Final = {name: protocol for protocol, name in _EXPORTER.items()}
"""What exporters speak whose names say so, whatever the protocol is set to."""


class Plan(NamedTuple):
    """What to tell the SDK's configurator."""

    env: Mapping[str, str]
    """OTEL_* defaults to hold while it reads the environment: Arc's defaults where the user set nothing."""
    exporter_args: Mapping[type, Mapping[str, Any]]
    """Arguments by exporter class: endpoint and key, when spans go to ARC_ENDPOINT."""
    warnings: tuple[str, ...]


def plan(settings: Settings) -> Plan:
    """The exporters that `settings` ask for.

    Spans go to OTEL_EXPORTER_OTLP_ENDPOINT when that is set, else to ARC_ENDPOINT, else to OpenTelemetry's default
    endpoint; the API key goes along in the second case only. The protocol is http/protobuf unless
    OTEL_EXPORTER_OTLP_PROTOCOL or the scheme of ARC_ENDPOINT asks for grpc.
    """
    env: dict[str, str] = {}
    if settings.traces_exporter is None:
        env["OTEL_TRACES_EXPORTER"] = "otlp"
    if settings.logs_exporter is None and settings.otlp_exporters("logs"):
        env["OTEL_LOGS_EXPORTER"] = "otlp"
    args: dict[type, Mapping[str, Any]] = {}
    warnings: list[str] = []
    for signal in _SIGNALS:
        endpoint = None if signal in settings.otel_endpoints else settings.endpoint
        asked = settings.otel_protocols.get(signal)
        demanded = endpoint.protocol if endpoint else None
        if demanded and asked and asked != demanded:
            warnings.append(
                f"OTEL_EXPORTER_OTLP_PROTOCOL={asked} gives way to ARC_ENDPOINT, whose scheme is {demanded}"
            )
        protocol = demanded or asked or _HTTP
        env[f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"] = protocol
        for spoken in {_SPOKEN.get(name, protocol) for name in settings.otlp_exporters(signal)}:
            if endpoint is not None and spoken in _EXPORTER:
                args[_exporter_class(spoken, signal)] = _arguments(endpoint, spoken, signal, settings.api_key)
    if settings.endpoint is not None and "traces" in settings.otel_endpoints:
        warnings.append("ARC_ENDPOINT gets no spans: OTEL_EXPORTER_OTLP_ENDPOINT is set, which comes first")
    return Plan(env, args, tuple(dict.fromkeys(warnings)))


class Destination(NamedTuple):
    """Where spans go by OTLP."""

    url: str
    """With an http or https scheme, for gRPC too."""
    protocol: str
    keyed: bool
    """Whether the API key goes along."""
    arguments: Mapping[str, Any]

    def exporter(self) -> SpanExporter:
        """A new exporter of spans to there."""
        found: SpanExporter = _exporter_class(self.protocol, "traces")(**self.arguments)
        return found


def destination(settings: Settings) -> Destination:
    """Where `settings` send spans by OTLP; the same rules as `plan`."""
    given = settings.otel_endpoints.get("traces")
    endpoint = None if given else settings.endpoint
    protocol = (endpoint.protocol if endpoint else None) or settings.otel_protocols.get("traces") or _HTTP
    if endpoint is not None:
        arguments = _arguments(endpoint, protocol, "traces", settings.api_key)
        return Destination(endpoint.url, protocol, settings.api_key is not None, arguments)
    default = "http://localhost:4317" if protocol == "grpc" else "http://localhost:4318"
    # The SDK reads its own variables, the per-signal endpoint among them.
    return Destination(given or default, protocol, keyed=False, arguments={})


def _exporter_class(protocol: str, signal: Signal) -> type:
    # Found as the SDK finds it, and only now: importing an exporter takes half a second.
    (found,) = entry_points(group=f"opentelemetry_{signal}_exporter", name=_EXPORTER[protocol])
    loaded: type = found.load()
    return loaded


def _arguments(endpoint: Endpoint, protocol: str, signal: Signal, key: str | None) -> dict[str, Any]:
    headers = {semconv.API_KEY_HEADER: key} if key else None
    if protocol == "grpc":
        return {
            "endpoint": endpoint.authority,
            "insecure": not endpoint.secure,
            "headers": tuple(headers.items()) if headers else None,
        }
    return {"endpoint": f"{endpoint.url}/v1/{signal}", "headers": headers}
