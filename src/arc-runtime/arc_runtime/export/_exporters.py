"""The SDK's batch processors over exporters that lose nothing."""

from collections.abc import Sequence
from typing import Any, Final

from opentelemetry import metrics, trace
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk._shared_internal import BatchProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from arc_runtime.export._clock import ExitClock
from arc_runtime.export._delivery import Delivery, Exporter
from arc_runtime.export._line import line_of, try_once, watch
from arc_runtime.export._outbox import Outbox
from arc_runtime.export._spool import Spool
from arc_runtime.prices import Prices
from arc_runtime.settings import Settings

__all__ = ["Exports"]

_MIB: Final = 1024 * 1024
_FLUSH_MILLIS: Final = 30_000
_PRICING_SECONDS: Final = 10.0
"""How long a batch waits for the price list; it is read once."""


class Exports:
    """Builds the processors that the SDK's configurator asks for, and ends them together."""

    def __init__(self, settings: Settings, prices: Prices | None = None) -> None:
        self._prices = prices
        self.clock = ExitClock(settings.exit_seconds)
        self._root = settings.spool_dir if settings.spool_mib else None
        self._limit = settings.spool_mib * _MIB
        self._of_metrics: list[object] = []
        self._batching: list[tuple[Delivery, BatchProcessor[Any]]] = []

    def batching_spans(self, exporter: SpanExporter) -> BatchSpanProcessor:
        """The usual batch processor over `exporter`; what can't be delivered is kept."""
        delivery = Delivery(exporter, self._outbox(exporter, "traces", "spans"), self.clock, _encoded_spans)
        processor = _SpanProcessor(delivery, self._prices)
        self._batching.append((delivery, processor._batch_processor))  # noqa: SLF001
        return processor

    def batching_logs(self, exporter: LogRecordExporter) -> BatchLogRecordProcessor:
        """The same for log records."""
        delivery = Delivery(exporter, self._outbox(exporter, "logs", "log records"), self.clock, _encoded_logs)
        processor = _LogRecordProcessor(delivery)
        self._batching.append((delivery, processor._batch_processor))  # noqa: SLF001
        return processor

    def adopt(self) -> None:
        """See to the exporters that the SDK gave no say in: those of a configuration file, and of metrics."""
        tracers = getattr(trace.get_tracer_provider(), "_active_span_processor", None)
        for processor in getattr(tracers, "_span_processors", ()):
            if type(processor) is BatchSpanProcessor:
                self._adopt_spans(processor._batch_processor)  # noqa: SLF001
        for reader in getattr(metrics.get_meter_provider(), "_metric_readers", ()):
            if hasattr(reader, "_exporter"):
                watch(reader._exporter, "metrics")  # noqa: SLF001
                self._of_metrics.append(reader._exporter)  # noqa: SLF001

    def begin_end(self) -> None:
        """The program ends: metrics first, which nobody keeps, in one try."""
        self.clock.begin()
        for exporter in self._of_metrics:
            try_once(exporter)
        provider = metrics.get_meter_provider()
        if self._of_metrics and isinstance(provider, MeterProvider):
            # By itself it waits for half a minute. A provider without any time left raises.
            provider.shutdown(max(1.0, self.clock.remaining(_FLUSH_MILLIS) * 1000))

    def keep_rest(self) -> None:
        """Keep what is queued and on its way: the program ends now."""
        for delivery, queue in self._batching:
            if delivery.outbox is not None:
                delivery.outbox.land()
            delivery.keep_queued(queue)

    def _adopt_spans(self, queue: "BatchProcessor[Any]") -> None:
        exporter: Any = queue._exporter  # noqa: SLF001
        outbox = self._outbox(exporter, "traces", "spans")
        if outbox is not None:
            delivery = Delivery(exporter, outbox, self.clock, _encoded_spans)
            queue._exporter = _KeepingSpanExporter(delivery, self._prices)  # noqa: SLF001
            self._batching.append((delivery, queue))

    def _outbox(self, exporter: Exporter, signal: str, what: str) -> Outbox | None:
        """Where failed batches go; None when `exporter` is not by OTLP, or there is no spool."""
        watch(exporter, signal)
        line = line_of(exporter, signal)
        if line is None or self._root is None:
            return None
        return Outbox(line, Spool(self._root, line.identity, self._limit), self.clock, what)


def _encoded_spans(spans: Sequence[ReadableSpan]) -> bytes:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    return encode_spans(spans).SerializePartialToString()


def _encoded_logs(records: Sequence[ReadableLogRecord]) -> bytes:
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs

    return encode_logs(records).SerializePartialToString()


class _KeepingSpanExporter(SpanExporter):
    def __init__(self, delivery: Delivery, prices: Prices | None) -> None:
        self._delivery = delivery
        self._prices = prices

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._prices is not None:
            # Half of what time is left where the program ends: the other half is for sending them.
            self._prices.settle(spans, self._delivery.clock.remaining(_PRICING_SECONDS * 2) / 2)
        return SpanExportResult.SUCCESS if self._delivery.deliver(spans) else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._delivery.close()


class _KeepingLogExporter(LogRecordExporter):
    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        return LogRecordExportResult.SUCCESS if self._delivery.deliver(batch) else LogRecordExportResult.FAILURE

    def shutdown(self) -> None:
        self._delivery.close()

    def force_flush(self, timeout_millis: int = _FLUSH_MILLIS) -> bool:  # noqa: ARG002 - the processor flushes
        return True


class _SpanProcessor(BatchSpanProcessor):
    def __init__(self, delivery: Delivery, prices: Prices | None) -> None:
        super().__init__(_KeepingSpanExporter(delivery, prices))
        self._delivery = delivery

    def shutdown(self) -> None:
        self._delivery.finish(self._batch_processor)

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        return self._delivery.flush(self._batch_processor, (timeout_millis or _FLUSH_MILLIS) / 1000)


class _LogRecordProcessor(BatchLogRecordProcessor):
    def __init__(self, delivery: Delivery) -> None:
        super().__init__(_KeepingLogExporter(delivery))
        self._delivery = delivery

    def shutdown(self) -> None:
        self._delivery.finish(self._batch_processor)

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        return self._delivery.flush(self._batch_processor, (timeout_millis or _FLUSH_MILLIS) / 1000)
