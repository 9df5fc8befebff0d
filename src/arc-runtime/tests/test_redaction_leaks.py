"""A value of every kind in every place of spans, logs and metrics: none of them is in what an exporter would send."""

import json
from urllib.parse import quote

import pytest
from arc_runtime.processor import RedactingLogProcessor, RedactingSpanProcessor, redact_resource
from arc_testing import PLANTED, PLANTED_PARTS
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags


def carriers(value: str) -> list[str]:
    """`value` in the shapes that telemetry has."""
    once = json.dumps({"content": f"it is {value} thanks"})
    return [
        value,
        f"the value is {value}, thanks",
        once,
        json.dumps({"arguments": once}),
        json.dumps([{"arguments": json.dumps({"arguments": once})}]),
        f"GET /v2/search?q={quote(value)}&page=1",
        f"SELECT id FROM t WHERE v = '{value}' LIMIT 1",  # noqa: S608 - nobody runs it
        f"| field | value |\n|---|---|\n| x | **{value}** |\n\n_is {value}_",
    ]


def raise_with(text: str) -> None:
    raise ValueError(text)


@pytest.fixture(params=list(PLANTED))
def planted(request: pytest.FixtureRequest) -> tuple[list[str], list[bytes]]:
    """The carriers of one value, and what of it must not be in any export, as it may be written there."""
    value = PLANTED[request.param]
    gone = PLANTED_PARTS.get(request.param, value)
    return carriers(value), [gone.encode(), quote(gone).encode()]


def test_no_span_has_it_anywhere(planted):
    texts, gone = planted
    exporter = InMemorySpanExporter()
    resource = Resource({"process.command_args": texts, "deployment.note": texts[1]})
    redact_resource(resource)
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.add_span_processor(RedactingSpanProcessor())
    tracer = provider.get_tracer("test")
    link = Link(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1)), {"link.note": texts[2]})
    for text in texts:
        span = tracer.start_span(
            f"span {text}", links=[link], attributes={"one": text, "many": [text, "b"], f"key {text}": 1}
        )
        span.set_attribute("bytes", text.encode())
        span.add_event(f"event {text}", {"event.note": text})
        try:
            raise_with(text)
        except ValueError as error:
            span.record_exception(error)
        span.set_status(Status(StatusCode.ERROR, f"failed: {text}"))
        span.end()
    sent = encode_spans(exporter.get_finished_spans()).SerializeToString()
    assert [part for part in gone if part in sent] == []


def test_no_log_record_has_it_anywhere(planted):
    texts, gone = planted
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(RedactingLogProcessor())
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = provider.get_logger("test")
    for text in texts:
        for body in (text, {"message": text, "nested": [{"deep": text}]}, text.encode()):
            logger.emit(
                LogRecord(
                    body=body, attributes={"note": text, "parts": [text]}, event_name=f"e {text}",
                    severity_text=text, severity_number=SeverityNumber.INFO,
                )
            )  # fmt: skip
    sent = encode_logs(exporter.get_finished_logs()).SerializeToString()
    assert [part for part in gone if part in sent] == []


def test_no_metric_has_it(planted, redacting_providers):
    texts, gone = planted
    reader = InMemoryMetricReader()
    # An exemplar keeps what a view takes away.
    bare = View(instrument_name="bare", attribute_keys=set())
    provider = MeterProvider(metric_readers=[reader], views=[bare], exemplar_filter=AlwaysOnExemplarFilter())
    for name in ("c", "bare"):
        counter = provider.get_meter("test").create_counter(name)
        for text in texts:
            counter.add(1, {"note": text, f"k {text}": "v"})
    sent = repr(reader.get_metrics_data()).encode()
    assert b"filtered_attributes={'note':" in sent
    assert [part for part in gone if part in sent] == []
