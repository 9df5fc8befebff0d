"""A program with providers of its own, whose exporters write to stdout."""

import os

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

values = os.environ["SECRETS"].split("|")
tracers, loggers = TracerProvider(), LoggerProvider()
tracers.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
loggers.add_log_record_processor(SimpleLogRecordProcessor(ConsoleLogRecordExporter()))
try:
    with tracers.get_tracer("own").start_as_current_span("own span", attributes={"values": values}):
        raise RuntimeError(" and ".join(values))
except RuntimeError:
    pass
loggers.get_logger("own").emit(body=" and ".join(values))
