"""The exporters of OpenTelemetry's own SDK, as users run them."""

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import StatusCode


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_span_of_the_sdk_is_found_by_its_trace_id(core, protocol):
    exporter = (
        GrpcExporter(core.grpc, insecure=True) if protocol == "grpc" else HttpExporter(f"http://{core.http}/v1/traces")
    )
    provider = TracerProvider(resource=Resource({"service.name": "sdk"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    span = provider.get_tracer("test").start_span("chat")
    span.record_exception(ValueError("oops"))
    span.set_status(StatusCode.ERROR)
    span.end()
    provider.shutdown()

    found = core.trace(span.get_span_context().trace_id.to_bytes(16))["spans"][0]
    assert (found["name"], found["service"], found["scope"], found["status"]) == ("chat", "sdk", "test", "error")
    assert found["events"][0]["attributes"]["exception.message"] == "oops"
