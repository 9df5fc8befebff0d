"""What both transports do with a request once they have its bytes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import msgspec
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from arc_core.errors import MalformedError
from arc_core.ingest._capacity import Held
from arc_core.ingest._otlp_json import read_logs, read_metrics, read_traces
from arc_core.ingest._rows import CostOf, Flattened, log_rows, span_rows
from arc_core.model import Batch, SpanRow, Table

MAX_REQUEST_BYTES: Final = 64 * 1024 * 1024
"""Largest request that is taken, inflated."""

_INLINE_BYTES: Final = 64 * 1024
"""Above this a request is decoded in a thread, so that other requests are answered meanwhile."""

_NO_METRICS: Final = "Arc Core 1.0 does not store metrics; set OTEL_METRICS_EXPORTER=none, or send them elsewhere"

Write = Callable[[Batch], Awaitable[None]]
"""Returns when the batch is durable; raises OverCapacityError or StoreError."""


class Signal(NamedTuple):
    """One of the three things OTLP carries."""

    name: str
    service: str
    """The gRPC service; its one method is `Export`."""
    request: type[Message]
    from_json: Callable[[bytes], Message]


SIGNALS: Final = (
    Signal(
        "traces",
        "opentelemetry.proto.collector.trace.v1.TraceService",
        ExportTraceServiceRequest,
        read_traces,
    ),
    Signal("logs", "opentelemetry.proto.collector.logs.v1.LogsService", ExportLogsServiceRequest, read_logs),
    Signal(
        "metrics",
        "opentelemetry.proto.collector.metrics.v1.MetricsService",
        ExportMetricsServiceRequest,
        read_metrics,
    ),
)


class Receiver:
    """Turns requests into rows, has them written, and says what became of them."""

    def __init__(self, write: Write, cost_of: CostOf) -> None:
        self._write = write
        self._cost_of = cost_of
        self._encoder = msgspec.json.Encoder()

    async def export(self, signal: Signal, body: bytes, held: Held, *, is_json: bool) -> Message:
        """Return the response to `body`, once all that it accepts is durable.

        Raise MalformedError when `body` is not such a request, OverCapacityError or StoreError when it should come
        again.
        """
        if len(body) > _INLINE_BYTES:
            response, batch = await asyncio.to_thread(self._taken, signal, body, is_json)
        else:
            response, batch = self._taken(signal, body, is_json)
        if batch is not None:
            held.grow(len(batch.lines))
            await self._write(batch)
        return response

    def _taken(self, signal: Signal, body: bytes, is_json: bool) -> tuple[Message, Batch | None]:  # noqa: FBT001
        try:
            request = signal.from_json(body) if is_json else _parsed(signal, body)
            match request:
                case ExportTraceServiceRequest():
                    return self._traces(request)
                case ExportLogsServiceRequest():
                    return self._logs(request)
                case ExportMetricsServiceRequest():
                    return _metrics_response(request), None
                case _:
                    raise TypeError(request)
        except (RecursionError, DecodeError):  # protobuf refuses 100 levels also where they are built, not parsed
            raise MalformedError("an attribute value is nested too deeply") from None

    def _traces(self, request: ExportTraceServiceRequest) -> tuple[ExportTraceServiceResponse, Batch | None]:
        flat = span_rows(request, self._cost_of)
        response = ExportTraceServiceResponse()
        if flat.rejected:
            response.partial_success.rejected_spans = flat.rejected
            response.partial_success.error_message = f"{flat.rejected} spans rejected; the first: {flat.reason}"
        return response, self._batch(flat)

    def _logs(self, request: ExportLogsServiceRequest) -> tuple[ExportLogsServiceResponse, Batch | None]:
        return ExportLogsServiceResponse(), self._batch(log_rows(request))

    def _batch(self, flat: Flattened) -> Batch | None:
        if not flat.rows:
            return None
        table: Table = "otel_traces" if isinstance(flat.rows[0], SpanRow) else "otel_logs"
        return Batch(table, self._encoder.encode_lines(flat.rows), len(flat.rows))


def _parsed(signal: Signal, body: bytes) -> Message:
    try:
        return signal.request.FromString(body)
    except DecodeError:
        raise MalformedError(f"the body is not a protobuf {signal.request.DESCRIPTOR.full_name}") from None


def _metrics_response(request: ExportMetricsServiceRequest) -> ExportMetricsServiceResponse:
    points = 0
    for resource_metrics in request.resource_metrics:
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                if (kind := metric.WhichOneof("data")) is not None:
                    points += len(getattr(metric, kind).data_points)
    response = ExportMetricsServiceResponse()
    if points:
        response.partial_success.rejected_data_points = points
        response.partial_success.error_message = _NO_METRICS
    return response
