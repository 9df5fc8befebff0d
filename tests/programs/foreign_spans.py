"""Spans of model calls as an instrumentor that Arc does not know would start them."""

from opentelemetry import trace

tracer = trace.get_tracer("somebody.else")
for temperature in (0.95, 0.5):
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.request.temperature": temperature,
    }
    with tracer.start_as_current_span("chat gpt-4.1", attributes=told):
        pass
