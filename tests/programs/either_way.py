"""Arc's openai plugin and opentelemetry-util-genai, each inside a call of the other; prints the spans' scopes."""

import httpx2
import openai
from arc_instrumentation_openai import OpenAIInstrumentor
from opentelemetry import context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, set_span_in_context
from opentelemetry.util.genai.handler import TelemetryHandler

EXPORTER = InMemorySpanExporter()
PROVIDER = TracerProvider()
PROVIDER.add_span_processor(SimpleSpanProcessor(EXPORTER))
HANDLER = TelemetryHandler(tracer_provider=PROVIDER, instrumentation_scope_name="util-genai")
ANSWER = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}


def answer(_request):
    with HANDLER.inference("openai", request_model="m"):
        return httpx2.Response(200, json=ANSWER)


def call():
    client.chat.completions.create(model="gpt-4.1", temperature=0.95, messages=[])
    told = [
        (span.instrumentation_scope.name, span.attributes.get("arc.fix.ids")) for span in EXPORTER.get_finished_spans()
    ]
    EXPORTER.clear()
    print(told)


OpenAIInstrumentor().instrument(tracer_provider=PROVIDER)
client = openai.OpenAI(
    base_url="http://127.0.0.1/v1", api_key="test", http_client=httpx2.Client(transport=httpx2.MockTransport(answer))
)
call()
with HANDLER.inference("openai", request_model="m"):
    # Something between the two that hides the span, as a framework may: the key of the context is left.
    token = context.attach(set_span_in_context(INVALID_SPAN))
    client.chat.completions.create(model="gpt-4.1", temperature=0.95, messages=[])
    context.detach(token)
print([(span.instrumentation_scope.name, span.attributes.get("arc.fix.ids")) for span in EXPORTER.get_finished_spans()])
