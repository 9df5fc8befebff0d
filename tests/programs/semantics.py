"""Upstream's instrumentor and Arc's plugin over the same exchanges: semantics.py EXCHANGES URL.

EXCHANGES is a file of JSON lines (`path`, `api`, `request`, `stream`); each is asked of the server at URL twice. One
JSON object a call is printed: who recorded it, which exchange, its span, and its event where there is one.
"""

import inspect
import json
import sys
from contextlib import suppress
from pathlib import Path

import openai
from arc_instrumentation_openai import OpenAIInstrumentor as Ours
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor as Upstream
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


def method(client, api):
    return {
        "chat": client.chat.completions.create,
        "responses": client.responses.create,
        "embeddings": client.embeddings.create,
    }[api]


def ask(client, url, exchange):
    client = client.with_options(base_url=url.removesuffix("/v1") + exchange["path"])
    call = method(client, exchange["api"])
    known = inspect.signature(call).parameters
    given = {name: value for name, value in exchange["request"].items() if name in known}
    rest = {name: value for name, value in exchange["request"].items() if name not in known}
    with suppress(openai.APIError):
        answer = call(**given, extra_body=rest or None)
        if exchange["stream"]:
            for _chunk in answer:
                pass


def facts(span):
    return {
        "name": span.name,
        "kind": span.kind.name,
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes),
        "events": [event.name for event in span.events],
    }


def main():
    exchanges = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    client = openai.OpenAI(api_key="test", max_retries=0)
    for who, plugin in (("upstream", Upstream()), ("ours", Ours())):
        spans, events = InMemorySpanExporter(), InMemoryLogRecordExporter()
        tracers, loggers = TracerProvider(), LoggerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(spans))
        loggers.add_log_record_processor(SimpleLogRecordProcessor(events))
        plugin.instrument(tracer_provider=tracers, logger_provider=loggers)
        for number, exchange in enumerate(exchanges):
            ask(client, sys.argv[2], exchange)
            emitted = [
                {"name": one.log_record.event_name, "attributes": dict(one.log_record.attributes)}
                for one in events.get_finished_logs()
            ]
            told = {"who": who, "number": number, "events": emitted}
            told["spans"] = [facts(span) for span in spans.get_finished_spans()]
            print(json.dumps(told, default=repr), flush=True)
            spans.clear()
            events.clear()
        plugin.uninstrument()


main()
