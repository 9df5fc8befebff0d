"""How each subject is switched on for graphs: Arc, and its peers, with content, or `plain` where that is a switch."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rivals import CAPTURE, Options, otel_mode, otel_parts
from subjects import Mode, Nowhere, batching, nullcontext


def arc(_options: Options) -> list[Mode]:
    """Arc: spans alone, and with content."""
    from arc_instrumentation_langgraph import LangGraphInstrumentor
    from arc_runtime.instrumentation import Runtime
    from arc_runtime.processor import RedactingSpanProcessor
    from arc_runtime.settings import Settings

    provider, exporter = batching(RedactingSpanProcessor())
    plugin = LangGraphInstrumentor()

    def mode(name: str, capture: Any) -> Mode:
        runtime = Runtime.of(Settings(capture=capture))

        @contextmanager
        def state() -> Iterator[None]:
            plugin.instrument(skip_dep_check=True, tracer_provider=provider, runtime=runtime)
            try:
                yield
            finally:
                plugin.uninstrument()

        content = capture != "NO_CONTENT"
        return Mode(
            name, state, provider.force_flush, lambda: exporter.count, content, said=_said(exporter),
            recent=lambda: exporter.recent,
        )  # fmt: skip

    modes = [mode("arc", "NO_CONTENT"), mode("arc+content", "SPAN_ONLY")]
    with modes[0].state():
        pass  # what is wrapped once is wrapped now
    return modes


def _said(exporter: Nowhere) -> Callable[[], str]:
    return lambda: "".join(span.to_json() for span in exporter.recent)


def openinference(options: Options) -> list[Mode]:
    """OpenInference: openinference-instrumentation-langchain."""
    from openinference.instrumentation import TraceConfig
    from openinference.instrumentation.langchain import LangChainInstrumentor

    parts = otel_parts()
    hidden = "plain" in options
    LangChainInstrumentor().instrument(config=TraceConfig(hide_inputs=hidden, hide_outputs=hidden))
    return otel_mode("openinference-langchain", options, parts)


def openllmetry(options: Options) -> list[Mode]:
    """OpenLLMetry: opentelemetry-instrumentation-langchain."""
    os.environ["TRACELOOP_TRACE_CONTENT"] = "false" if "plain" in options else "true"
    from opentelemetry.instrumentation.langchain import LangchainInstrumentor

    parts = otel_parts()
    LangchainInstrumentor().instrument()
    return otel_mode("openllmetry-langchain", options, parts)


def genai(options: Options) -> list[Mode]:
    """OpenTelemetry's own: opentelemetry-instrumentation-genai-langchain."""
    if "plain" not in options:
        os.environ[CAPTURE] = "SPAN_ONLY"
    from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor

    parts = otel_parts()
    LangChainInstrumentor().instrument()
    return otel_mode("genai-langchain", options, parts)


def langsmith(options: Options) -> list[Mode]:
    """LangSmith's tracer, which sends to a server on this machine that takes anything, in a process of its own."""
    from langsmith import Client, tracing_context

    sink = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("sink.py")), str(os.getpid())], stdout=subprocess.PIPE, text=True
    )
    assert sink.stdout is not None
    address = sink.stdout.readline().strip()
    plain = "plain" in options
    client = Client(api_url=address, api_key="k", hide_inputs=plain, hide_outputs=plain, hide_metadata=False)

    def seen(what: str) -> str:
        with urllib.request.urlopen(f"{address}/seen/{what}") as answer:
            return str(answer.read().decode())

    return [
        Mode(
            "langsmith" if plain else "langsmith+content",
            lambda: tracing_context(enabled=True, client=client),
            client.flush,
            lambda: int(seen("count")),
            content=not plain,
            said=lambda: seen("last"),
        )
    ]


def langfuse(_options: Options) -> list[Mode]:
    """Langfuse's callback handler, with an exporter of ours."""
    from langfuse import Langfuse
    from langfuse.langchain import CallbackHandler

    exporter = Nowhere()
    client = Langfuse(
        public_key="pk-lf-bench", secret_key="sk-lf-bench", base_url="http://127.0.0.1:9", span_exporter=exporter
    )
    from opentelemetry import trace

    return [
        Mode(
            "langfuse-langchain+content",
            nullcontext,
            getattr(trace.get_tracer_provider(), "force_flush", client.flush),
            lambda: exporter.count,
            content=True,
            said=_said(exporter),
            config={"callbacks": [CallbackHandler()]},
        )
    ]


SUBJECTS: dict[str, Callable[[Options], list[Mode]]] = {
    "arc": arc,
    "openinference-langchain": openinference,
    "openllmetry-langchain": openllmetry,
    "genai-langchain": genai,
    "langsmith": langsmith,
    "langfuse-langchain": langfuse,
}
