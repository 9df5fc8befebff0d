"""What both transports do with a request once they have its bytes."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final, Literal, NamedTuple

import msgspec
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from arc_core.errors import MalformedError, TooLargeError
from arc_core.ingest import _otlp_json, _otlp_protobuf
from arc_core.ingest._capacity import Held
from arc_core.ingest._frames import trace_frames
from arc_core.ingest._points import PointRow, point_rows
from arc_core.ingest._rows import CostOf, Origin, Rejected, log_rows, span_rows
from arc_core.model import Batch, LogRow, SpanRow, Tenant

MAX_REQUEST_BYTES: Final = 64 * 1024 * 1024
"""Largest request that is taken, inflated."""

MAX_ROWS_BYTES: Final = 2 * MAX_REQUEST_BYTES
"""Most that the rows of one request may take, encoded."""

_INLINE_BYTES: Final = 64 * 1024
"""Above this a request is decoded in a thread, so that other requests are answered meanwhile."""

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


class _Request(NamedTuple):
    signal: Signal
    body: bytes
    held: Held
    tenant: Tenant
    is_json: bool

    def origin(self) -> Origin:
        """Return what the rows of this request say of it; the same request of the same tenant has the same id."""
        head = f"{self.signal.name} {self.is_json} {self.tenant.id}\n".encode()
        digest = hashlib.blake2b(self.body, digest_size=8, key=hashlib.sha256(head).digest()).digest()
        return Origin(self.tenant, int.from_bytes(digest, "little") or 1)


class Receiver:
    """Turns requests into rows, has them written, and says what became of them."""

    def __init__(self, write: Write, cost_of: CostOf) -> None:
        self._write = write
        self._cost_of = cost_of
        # Two threads would take turns at one interpreter: no faster, and twice the memory.
        self._decoding = asyncio.Semaphore(1)

    async def export(self, signal: Signal, body: bytes, held: Held, tenant: Tenant, *, is_json: bool) -> Message:
        """Return the response to `body`, once all that it accepts is durable.

        Raise MalformedError when `body` is not such a request, TooLargeError when it holds more than is taken,
        OverCapacityError or StoreError when it should come again.
        """
        taken = partial(self._taken, _Request(signal, body, held, tenant, is_json))
        if len(body) > _INLINE_BYTES:
            async with self._decoding:
                response, batches = await asyncio.to_thread(taken)
        else:
            response, batches = taken()
        for batch in batches:
            await self._write(batch)
        return response

    def _taken(self, request: _Request) -> tuple[Message, list[Batch]]:
        try:
            match request.signal.name:
                case "traces":
                    return self._traces(request)
                case "logs":
                    return _logs(request)
                case "metrics":
                    return _metrics(request)
        except (RecursionError, DecodeError):  # protobuf refuses 100 levels also where they are built, not parsed
            raise MalformedError("an attribute value is nested too deeply") from None

    def _traces(self, request: _Request) -> tuple[ExportTraceServiceResponse, list[Batch]]:
        origin = request.origin()
        rejected = Rejected()
        batch = None if request.is_json else self._framed(request, origin, rejected)
        if batch is None:
            rejected = Rejected()
            batch = self._span_rows(request, origin, rejected)
        response = ExportTraceServiceResponse()
        if rejected.count:
            response.partial_success.rejected_spans = rejected.count
            response.partial_success.error_message = f"{rejected.count} spans rejected; the first: {rejected.reason}"
        return response, _filled([batch])

    def _framed(self, request: _Request, origin: Origin, rejected: Rejected) -> Batch | None:
        """Return the request as the engine reads it; None when it cannot."""
        frames = trace_frames(request.body, origin, self._cost_of, rejected, request.held)
        if frames is None:
            return None
        return Batch(
            table="otlp_traces",
            stored="spans",
            chunks=frames.chunks,
            form="Protobuf",
            rows=frames.spans,
            tenant=origin.tenant.id,
            id=origin.batch_id,
            instead=partial(self._span_rows, request, origin, Rejected()),
        )

    def _span_rows(self, request: _Request, origin: Origin, rejected: Rejected) -> Batch:
        body, held = request.body, request.held
        groups = _otlp_json.read_traces(body, held) if request.is_json else _otlp_protobuf.read_traces(body)
        lines = _Lines(held)
        lines.add(span_rows(groups, origin, self._cost_of, rejected))
        return lines.batch("otel_traces", "spans", origin)


def _logs(request: _Request) -> tuple[ExportLogsServiceResponse, list[Batch]]:
    body, held, origin = request.body, request.held, request.origin()
    groups = _otlp_json.read_logs(body, held) if request.is_json else _otlp_protobuf.read_logs(body)
    lines = _Lines(held)
    lines.add(log_rows(groups, origin))
    return ExportLogsServiceResponse(), _filled([lines.batch("otel_logs", "otel_logs", origin)])


def _metrics(request: _Request) -> tuple[ExportMetricsServiceResponse, list[Batch]]:
    body, held, origin = request.body, request.held, request.origin()
    groups = _otlp_json.read_metrics(body, held) if request.is_json else _otlp_protobuf.read_metrics(body)
    rejected = Rejected()
    tables: dict[str, _Lines] = {}
    for table, row in point_rows(groups, origin, rejected):
        tables.setdefault(table, _Lines(held)).add([row])
    response = ExportMetricsServiceResponse()
    if rejected.count:
        response.partial_success.rejected_data_points = rejected.count
        response.partial_success.error_message = f"{rejected.count} points rejected; the first: {rejected.reason}"
    return response, _filled(lines.batch(table, table, origin) for table, lines in tables.items())


def _filled(batches: Iterable[Batch]) -> list[Batch]:
    return [batch for batch in batches if batch.rows]


class _Lines:
    """Rows encoded one at a time, as JSONEachRow."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._lines = bytearray()
        self._rows = self._held_bytes = 0
        self._encoder = msgspec.json.Encoder()

    def add(self, rows: Iterable[SpanRow | LogRow | PointRow]) -> None:
        """Encode `rows`; raise TooLargeError when they get too large, and what the request holds raises."""
        lines, encoder = self._lines, self._encoder
        for row in rows:
            encoder.encode_into(row, lines, -1)
            lines += b"\n"
            self._rows += 1
            if len(lines) > MAX_ROWS_BYTES:
                raise TooLargeError(
                    f"the rows of the request are larger than {MAX_ROWS_BYTES} bytes: each repeats its resource; "
                    "send fewer at a time"
                )
            if len(lines) - self._held_bytes > _INLINE_BYTES:
                self._hold()

    def batch(self, table: str, stored: str, origin: Origin) -> Batch:
        """Return the rows for `table`, which are then found in `stored`."""
        self._hold()
        return Batch(
            table=table,
            stored=stored,
            chunks=[self._lines],
            form="JSONEachRow",
            rows=self._rows,
            tenant=origin.tenant.id,
            id=origin.batch_id,
        )

    def _hold(self) -> None:
        self._held.grow(len(self._lines) - self._held_bytes)
        self._held_bytes = len(self._lines)
