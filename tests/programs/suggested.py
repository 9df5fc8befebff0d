"""Calls that another vendor's instrumentor records; what its spans say is printed, one JSON object a span.

It runs under `opentelemetry-instrument`; without Arc's openai plugin only the span processor sees the calls.
"""

import json

import openai
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

kept = InMemorySpanExporter()
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(kept))
client = openai.OpenAI(max_retries=0)
for temperature in (0.95, 0.5):
    client.chat.completions.create(
        model="gpt-4.1", temperature=temperature, messages=[{"role": "user", "content": "hello"}]
    )
for span in kept.get_finished_spans():
    if span.attributes.get("gen_ai.operation.name") == "chat":
        told = {"scope": span.instrumentation_scope.name, "temperature": span.attributes["gen_ai.request.temperature"]}
        told |= {
            name: span.attributes.get(f"arc.fix.{key}")
            for name, key in (("suggested", "suggested"), ("applied", "ids"))
        }
        print(json.dumps(told))
