"""What both transports do with a request once they have its bytes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final, Literal, NamedTuple

import msgspec
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from arc_core.errors import MalformedError, TooLargeError
from arc_core.ingest import _otlp_json, _otlp_protobuf
from arc_core.ingest._capacity import Held
from arc_core.ingest._group import Group
from arc_core.ingest._rows import CostOf, Rejected, log_rows, span_rows
from arc_core.model import Batch, LogRow, SpanRow, Table

MAX_REQUEST_BYTES: Final = 64 * 1024 * 1024
"""Largest request that is taken, inflated."""

MAX_ROWS_BYTES: Final = 2 * MAX_REQUEST_BYTES
"""Most that the rows of one request may take, encoded."""

_INLINE_BYTES: Final = 64 * 1024
"""Above this a request is decoded in a thread, so that other requests are answered meanwhile."""

_NO_METRICS: Final = "Arc Core 1.0 does not store metrics; set OTEL_METRICS_EXPORTER=none, or send them elsewhere"

Write = Callable[[Batch], Awaitable[None]]
"""Returns when the batch is durable; raises OverCapacityError or StoreError."""


class Signal(NamedTuple):
    """One of the three things OTLP carries."""

    name: Literal["traces", "logs", "metrics"]
    service: str
    """The gRPC service; its one method is `Export`."""


SIGNALS: Final = (
    Signal("traces", "opentelemetry.proto.collector.trace.v1.TraceService"),
    Signal("logs", "opentelemetry.proto.collector.logs.v1.LogsService"),
    Signal("metrics", "opentelemetry.proto.collector.metrics.v1.MetricsService"),
)


class Receiver:
    """Turns requests into rows, has them written, and says what became of them."""

    def __init__(self, write: Write, cost_of: CostOf) -> None:
        self._write = write
        self._cost_of = cost_of
        self._encoder = msgspec.json.Encoder()
        # Two threads would take turns at one interpreter: no faster, and twice the memory.
        self._decoding = asyncio.Semaphore(1)

    async def export(self, signal: Signal, body: bytes, held: Held, *, is_json: bool) -> Message:
        """Return the response to `body`, once all that it accepts is durable.

        Raise MalformedError when `body` is not such a request, TooLargeError when it holds more than is taken,
        OverCapacityError or StoreError when it should come again.
        """
        taken = partial(self._taken, signal, body, held, is_json=is_json)
        if len(body) > _INLINE_BYTES:
            async with self._decoding:
                response, batch = await asyncio.to_thread(taken)
        else:
            response, batch = taken()
        if batch is not None:
            await self._write(batch)
        return response

    def _taken(self, signal: Signal, body: bytes, held: Held, *, is_json: bool) -> tuple[Message, Batch | None]:
        try:
            match signal.name:
                case "traces":
                    spans = _otlp_json.read_traces(body, held) if is_json else _otlp_protobuf.read_traces(body)
                    return self._traces(spans, held)
                case "logs":
                    logs = _otlp_json.read_logs(body, held) if is_json else _otlp_protobuf.read_logs(body)
                    return ExportLogsServiceResponse(), self._batch("otel_logs", log_rows(logs), held)
                case "metrics":
                    points = _otlp_json.count_points(body, held) if is_json else _otlp_protobuf.count_points(body)
                    return _metrics_response(points), None
        except (RecursionError, DecodeError):  # protobuf refuses 100 levels also where they are built, not parsed
            raise MalformedError("an attribute value is nested too deeply") from None

    def _traces(self, groups: Iterable[Group[Span]], held: Held) -> tuple[ExportTraceServiceResponse, Batch | None]:
        rejected = Rejected()
        batch = self._batch("otel_traces", span_rows(groups, self._cost_of, rejected), held)
        response = ExportTraceServiceResponse()
        if rejected.spans:
            response.partial_success.rejected_spans = rejected.spans
            response.partial_success.error_message = f"{rejected.spans} spans rejected; the first: {rejected.reason}"
        return response, batch

    def _batch(self, table: Table, rows: Iterable[SpanRow | LogRow], held: Held) -> Batch | None:
        """Return `rows` encoded, one at a time; None when there are none."""
        lines = bytearray()
        count = held_bytes = 0
        for row in rows:
            self._encoder.encode_into(row, lines, -1)
            lines += b"\n"
            count += 1
            if len(lines) > MAX_ROWS_BYTES:
                raise TooLargeError(
                    f"the rows of the request are larger than {MAX_ROWS_BYTES} bytes: each repeats its resource; "
                    "send fewer at a time"
                )
            if len(lines) - held_bytes > _INLINE_BYTES:
                held.grow(len(lines) - held_bytes)
                held_bytes = len(lines)
        held.grow(len(lines) - held_bytes)
        return Batch(table, lines, count) if count else None


def _metrics_response(points: int) -> ExportMetricsServiceResponse:
    response = ExportMetricsServiceResponse()
    if points:
        response.partial_success.rejected_data_points = points
        response.partial_success.error_message = _NO_METRICS
    return response
