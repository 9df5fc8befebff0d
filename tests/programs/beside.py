"""Arc's openai plugin beside another vendor's instrumentor, in that vendor's own environment: beside.py PEER ORDER.

ORDER is `theirs-first` or `ours-first`: who instruments first, and who is taken off first. Every way of calling is gone
through bare, with the first alone, with both, with the second alone, and with both taken off. One JSON object a call
is printed: phase, way, what the caller got, and the spans of model calls that came of it.
"""

import asyncio
import importlib
import json
import os
import sys
from contextlib import suppress

import openai
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_semconv.attributes import FIX_IDS, SPAN_KIND
from arc_semconv.others import MODEL_CALL_MARKS
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

URL = os.environ["OPENAI_BASE_URL"]
EXPORTER = InMemorySpanExporter()
ASK = {"model": "gpt-4.1", "temperature": 0.95, "messages": [{"role": "user", "content": "hello"}]}


class Peer:
    """Another vendor's instrumentor of the openai client; this one is an OpenTelemetry instrumentor of `module`."""

    def __init__(self, module, name="OpenAIInstrumentor"):
        self._place = module, name

    def set_up(self):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
        trace.set_tracer_provider(provider)

    def on(self):
        module, name = self._place
        getattr(importlib.import_module(module), name)().instrument()

    def off(self):
        module, name = self._place
        getattr(importlib.import_module(module), name)().uninstrument()

    def clients(self):
        return openai.OpenAI(max_retries=0), openai.AsyncOpenAI(max_retries=0)


class Openlit(Peer):
    """Its instrumentors are switched on all at once, and never off."""

    off = None

    def __init__(self):
        pass

    def on(self):
        import openlit

        # Else it fetches its price list from the network.
        openlit.init(disable_metrics=True, disable_batch=True, pricing_json=os.environ["PRICES"])


class Logfire(Peer):
    def __init__(self):
        self._switch = None

    def set_up(self):
        import logfire

        processor = SimpleSpanProcessor(EXPORTER)
        logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[processor])

    def on(self):
        import logfire

        self._switch = logfire.instrument_openai()
        self._switch.__enter__()

    def off(self):
        self._switch.__exit__(None, None, None)


class Langfuse(Peer):
    """A drop-in client: who imports it has it, and it is never off."""

    off = None

    def __init__(self):
        pass

    def on(self):
        from langfuse import Langfuse

        Langfuse(public_key="pk", secret_key="sk", base_url=URL, tracer_provider=trace.get_tracer_provider())
        importlib.import_module("langfuse.openai")


class Langsmith(Peer):
    """It wraps clients, one by one; what it records are no spans of OpenTelemetry."""

    def __init__(self):
        self._wraps = False

    def on(self):
        self._wraps = True

    def off(self):
        self._wraps = False

    def clients(self):
        if not self._wraps:
            return super().clients()
        from langsmith.wrappers import wrap_openai

        return tuple(wrap_openai(client) for client in super().clients())


class Ddtrace(Peer):
    """What it records are no spans of OpenTelemetry."""

    def __init__(self):
        pass

    def on(self):
        import ddtrace

        ddtrace.patch(openai=True)

    def off(self):
        from ddtrace.contrib.internal.openai.patch import unpatch

        unpatch()


PEERS = {
    "openllmetry": lambda: Peer("opentelemetry.instrumentation.openai"),
    "openai-v2": lambda: Peer("opentelemetry.instrumentation.openai_v2"),
    "genai-openai": lambda: Peer("opentelemetry.instrumentation.genai.openai"),
    "openinference": lambda: Peer("openinference.instrumentation.openai"),
    "agentops": lambda: Peer("agentops.instrumentation.providers.openai", "OpenaiInstrumentor"),
    "openlit": Openlit,
    "logfire": Logfire,
    "langfuse": Langfuse,
    "langsmith": Langsmith,
    "ddtrace": Ddtrace,
}


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)


def streamed(create, **more):
    return plain(list(create(**ASK, stream=True, **more)))


def opened(client, **more):
    with client.chat.completions.with_streaming_response.create(**ASK, **more) as response:
        return plain(response.parse())


def helped(client, **more):
    with client.chat.completions.stream(**ASK, **more) as stream:
        return len(list(stream))


async def astreamed(client, **more):
    return plain([chunk async for chunk in await client.chat.completions.create(**ASK, stream=True, **more)])


async def raw_async(client, **more):
    return plain((await client.chat.completions.with_raw_response.create(**ASK, **more)).parse())


async def raw_astreamed(client, **more):
    response = await client.chat.completions.with_raw_response.create(**ASK, stream=True, **more)
    return plain([chunk async for chunk in response.parse()])


SYNC = {
    "whole": lambda c, **more: plain(c.chat.completions.create(**ASK, **more)),
    "stream": lambda c, **more: streamed(c.chat.completions.create, **more),
    "raw": lambda c, **more: plain(c.chat.completions.with_raw_response.create(**ASK, **more).parse()),
    "raw stream": lambda c, **more: plain(
        list(c.chat.completions.with_raw_response.create(**ASK, stream=True, **more).parse())
    ),
    "open response": opened,
    "stream helper": helped,
    "post": lambda c, **more: plain(c.post("/chat/completions", body={**ASK, **more}, cast_to=object)),
    "embeddings": lambda c, **more: plain(
        c.embeddings.create(model="text-embedding-3-small", input="hi", encoding_format="float", **more)
    ),
    "responses": lambda c, user: plain(c.responses.create(model="gpt-4.1", input="hello", extra_body={"user": user})),
    "refused": lambda c, **more: plain(c.chat.completions.create(**{**ASK, "model": "unknown"}, **more)),
}


async def whole_async(client, **more):
    return plain(await client.chat.completions.create(**ASK, **more))


ASYNC = {"async": whole_async, "async stream": astreamed, "async raw": raw_async, "async raw stream": raw_astreamed}


def stands_for_a_model_call(span):
    attributes = span.attributes
    return SPAN_KIND in attributes or any(attributes.get(name) in found for name, found in MODEL_CALL_MARKS.items())


def told(phase, way, outcome):
    spans = [
        {"scope": span.instrumentation_scope.name, "name": span.name, "fixes": list(span.attributes.get(FIX_IDS, ()))}
        for span in EXPORTER.get_finished_spans()
        if stands_for_a_model_call(span)
    ]
    EXPORTER.clear()
    print(json.dumps({"phase": phase, "way": way, "outcome": outcome, "spans": spans}), flush=True)


def failure(error):
    return f"{type(error).__name__}: {error}".partition(" - ")[0]  # what a server adds says what was asked


async def asynchronous(client, phase):
    for way, call in ASYNC.items():
        try:
            outcome = await call(client, user=f"{phase}/{way}")
        except Exception as error:
            outcome = failure(error)
        told(phase, way, outcome)
    with suppress(Exception):
        await client.close()


def go_through(peer, phase):
    client, aclient = peer.clients()
    for way, call in SYNC.items():
        try:
            outcome = call(client, user=f"{phase}/{way}")
        except Exception as error:
            outcome = failure(error)
        told(phase, way, outcome)
    asyncio.run(asynchronous(aclient, phase))


def main():
    name, order = sys.argv[1:]
    peer, arc = PEERS[name](), OpenAIInstrumentor()
    peer.set_up()
    go_through(peer, "bare")
    if order == "theirs-first":
        peer.on()
        go_through(peer, "theirs alone")
        arc.instrument()
        go_through(peer, "both")
        if peer.off is not None:
            peer.off()
            go_through(peer, "ours, theirs off")
        arc.uninstrument()
        go_through(peer, "theirs, ours off" if peer.off is None else "both off")
    else:
        arc.instrument()
        go_through(peer, "ours alone")
        peer.on()
        go_through(peer, "both")
        arc.uninstrument()
        go_through(peer, "theirs, ours off")
        if peer.off is not None:
            peer.off()
            go_through(peer, "both off")


main()
