"""The way from an encoded batch to the endpoint and back: one try, and what the answer means.

The SDK's exporters keep trying in memory, tell their caller nothing but yes or no, and overlook `partial_success`. So
the batch is handed to the HTTP client or gRPC stub inside them: endpoint, headers, TLS, proxies and compression stay
those that the user chose for the exporter.
"""

import copy
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple, Protocol

from arc_runtime._stderr import LOGGER
from arc_runtime.export._calls import calling
from arc_runtime.export._counters import counters

__all__ = ["Line", "Reply", "line_of", "try_once", "watch"]

Meaning = Literal["accepted", "away", "unauthorised", "refused"]

# OTLP 1.9, "Retryable Response Codes" and "OTLP/gRPC Throttling"
_AWAY_HTTP: Final = frozenset({429, 502, 503, 504})
_AWAY_GRPC: Final = frozenset({"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"})
_UNAUTHORISED_HTTP: Final = frozenset({401, 403, 407})
_UNAUTHORISED_GRPC: Final = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
_NOT_OF_TENANT: Final = frozenset({"user-agent", "content-type", "content-encoding"})


class Reply(NamedTuple):
    """What came back for one batch."""

    meaning: Meaning
    reason: str = ""
    retry_after: float | None = None
    """Seconds that the endpoint asks to be left alone."""


class Line(Protocol):
    """One exporter's way to its endpoint."""

    url: str
    seconds: float
    """The exporter's own timeout."""

    @property
    def identity(self) -> str:
        """The same for everything that may be sent with the same endpoint and credentials."""

    def send(self, payload: bytes, seconds: float) -> Reply:
        """What the endpoint says to `payload`, an encoded OTLP request; never raises."""

    def reopen(self) -> None:
        """Use no connection that the parent process opened."""


def line_of(exporter: object, signal: str) -> Line | None:
    """The line inside one of the SDK's OTLP exporters; None when there is none as expected."""
    client = getattr(exporter, "_client", None)
    if hasattr(client, "_submit") and hasattr(client, "_compress"):
        return _HttpLine(client, signal)
    if hasattr(client, "Export") and hasattr(exporter, "_initialize_channel_and_stub"):
        return _GrpcLine(exporter, signal)
    return None


def watch(exporter: object, signal: str) -> None:
    """Have rejections counted that `exporter` itself overlooks, whoever sends by it."""
    client: Any = getattr(exporter, "_client", None)
    if hasattr(client, "_transport"):
        client._transport = _WatchedTransport(client._transport, signal)  # noqa: SLF001
    elif hasattr(exporter, "_stub"):
        made: Any = exporter._stub  # noqa: SLF001
        exporter._stub = lambda channel: _WatchedStub(made(channel), signal)  # noqa: SLF001
        setattr(exporter, "_client", _WatchedStub(client, signal))  # noqa: B010


def try_once(exporter: object) -> None:
    """Have `exporter` give up when a try fails, as it does while it shuts down."""
    client = getattr(exporter, "_client", None)
    told = getattr(client, "_shutdown_event", None) or getattr(exporter, "_shutdown_in_progress", None)
    if told is not None:
        told.set()


class _WatchedTransport:
    """An HTTP transport of the SDK whose answers are read."""

    def __init__(self, inner: Any, signal: str) -> None:
        self._inner = inner
        self._signal = signal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def request(self, *args: Any, **kwargs: Any) -> Any:
        result = self._inner.request(*args, **kwargs)
        if result.status_code == HTTPStatus.OK:
            with suppress(Exception):  # an answer that is no OTLP is a yes all the same
                _note(_answer(self._signal).FromString(result.content()))
        return result


class _WatchedStub:
    """A gRPC stub of OTLP whose answers are read."""

    def __init__(self, inner: Any, signal: str) -> None:
        self._inner = inner
        self._signal = signal

    def Export(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 - the name in the protocol
        answer = self._inner.Export(*args, **kwargs)
        with suppress(AttributeError, TypeError):
            _note(answer)
        return answer


def _note(answer: Any) -> None:
    partial = answer.partial_success
    (field,) = [name for name in partial.DESCRIPTOR.fields_by_name if name.startswith("rejected")]
    rejected, what = getattr(partial, field), field.removeprefix("rejected_").replace("_", " ")
    if rejected:
        counters.add(rejected=rejected)
        said = partial.error_message or "no reason given"
        LOGGER.warning("the endpoint rejected %d %s: %s", rejected, what, said, extra={"cause": f"rejected:{said}"})
    elif partial.error_message:
        said = partial.error_message
        LOGGER.warning("the endpoint warns: %s", said, extra={"cause": f"warned:{said}"})


def _answer(signal: str) -> Any:
    return _messages(signal)[1]


def _messages(signal: str) -> tuple[Any, Any]:
    """The request and the response of `signal`."""
    if signal == "traces":
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

        return traces.ExportTraceServiceRequest, traces.ExportTraceServiceResponse
    if signal == "logs":
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs

        return logs.ExportLogsServiceRequest, logs.ExportLogsServiceResponse
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics

    return metrics.ExportMetricsServiceRequest, metrics.ExportMetricsServiceResponse


def _identity(signal: str, url: str, headers: Mapping[str, str]) -> str:
    tenant = sorted((name.lower(), value) for name, value in headers.items() if name.lower() not in _NOT_OF_TENANT)
    return repr((signal, url, tenant))


class _HttpLine:
    def __init__(self, client: Any, signal: str) -> None:
        self._client = client
        self._signal = signal
        self.url: str = client._endpoint  # noqa: SLF001
        self.seconds: float = client._timeout  # noqa: SLF001

    @property
    def identity(self) -> str:
        return _identity(self._signal, self.url, self._client._headers)  # noqa: SLF001

    def send(self, payload: bytes, seconds: float) -> Reply:
        try:
            result = self._client._submit(self._client._compress(payload), seconds)  # noqa: SLF001
        except Exception as error:  # noqa: BLE001 - whatever a transport raises, the batch did not arrive
            return Reply("away", _said(error))
        status = result.status_code
        if status is None:
            # Of requests' errors those that are ValueErrors say that the URL or a header can never work.
            never = isinstance(result.error, ValueError)
            return Reply("refused" if never else "away", _said(result.error))
        return Reply(_meaning(status), f"{status} {result.reason or ''}".strip(), _retry_after(result))

    def reopen(self) -> None:
        session = getattr(self._client._transport, "_session", None)  # noqa: SLF001
        # Closing would take locks that a thread of the parent may have held; a copy begins without connections.
        for prefix, adapter in list(getattr(session, "adapters", {}).items()):
            session.adapters[prefix] = copy.copy(adapter)  # type: ignore[union-attr]


def _meaning(status: int) -> Meaning:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return "accepted"
    if status in _AWAY_HTTP:
        return "away"
    return "unauthorised" if status in _UNAUTHORISED_HTTP else "refused"


def _retry_after(result: Any) -> float | None:
    from opentelemetry.exporter.otlp.common.http import _extract_retry_after

    return _extract_retry_after(result)


def _said(error: object) -> str:
    # requests nests the reason in three others; the innermost is the one that says something.
    while isinstance(error, Exception):
        inner = getattr(error, "reason", None) or next((arg for arg in error.args if isinstance(arg, Exception)), None)
        if not isinstance(inner, Exception):
            break
        error = inner
    return str(error).rpartition(": ")[2] or type(error).__name__


class _GrpcLine:
    def __init__(self, exporter: Any, signal: str) -> None:
        self._exporter = exporter
        self._signal = signal
        self._decode: Callable[[bytes], Any] = _messages(signal)[0].FromString
        scheme = "http" if exporter._insecure else "https"  # noqa: SLF001
        self.url = f"{scheme}://{exporter._endpoint}"  # noqa: SLF001
        self.seconds: float = exporter._timeout  # noqa: SLF001

    @property
    def identity(self) -> str:
        return _identity(self._signal, f"grpc {self.url}", dict(self._exporter._headers))  # noqa: SLF001

    def send(self, payload: bytes, seconds: float) -> Reply:
        try:
            request, headers = self._decode(payload), self._exporter._headers  # noqa: SLF001
            with calling():
                self._exporter._client.Export(request=request, metadata=headers, timeout=seconds)  # noqa: SLF001
        except Exception as error:  # noqa: BLE001 - whatever the stub raises, the batch did not arrive
            return self._reply(error)
        return Reply("accepted")

    def _reply(self, error: Any) -> Reply:
        if not callable(getattr(error, "code", None)) or error.code() is None:
            return Reply("away", _said(error))
        code: str = error.code().name
        said = f"{code} {error.details() or ''}".strip()
        if code in _UNAUTHORISED_GRPC:
            return Reply("unauthorised", said)
        wait = _retry_info(error)
        if code in _AWAY_GRPC or (code == "RESOURCE_EXHAUSTED" and wait is not None):
            # A channel that failed waits longer and longer before it dials again, up to two minutes.
            self._redial()
            return Reply("away", said, wait)
        return Reply("refused", said)

    def _redial(self) -> None:
        with suppress(Exception):
            self._exporter._channel.close()  # noqa: SLF001
        self.reopen()

    def reopen(self) -> None:
        self._exporter._initialize_channel_and_stub()  # noqa: SLF001


def _retry_info(error: Any) -> float | None:
    from opentelemetry.exporter.otlp.proto.grpc import exporter

    packed = dict(error.trailing_metadata() or ()).get("google.rpc.retryinfo-bin")
    if packed is None:
        return None
    delay = exporter.RetryInfo.FromString(packed).retry_delay  # type: ignore[attr-defined]
    return float(delay.seconds + delay.nanos / 1e9)
