"""How each peer is switched on: with content where it can record it, or `plain` where that is a switch.

Each is handed a batch processor whose exporter throws away; what would phone home or open a port is kept from it.
"""

import json
import logging
import os
import tempfile
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from subjects import SUBJECTS, Mode, Nowhere, batching, exporting, nullcontext

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
Options = frozenset[str]


class LogsNowhere(LogRecordExporter):
    """Throws log records away, all but the last batch."""

    def __init__(self) -> None:
        self.last: Any = ()

    def export(self, batch: Any) -> LogRecordExportResult:
        """Read `batch` as an exporter does, and forget it when the next one comes."""
        for one in batch:
            dict(one.log_record.attributes or {})
        self.last = batch
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing to do."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """Nothing waits here."""
        return True


def otel_parts() -> tuple[Any, Nowhere, Any, LogsNowhere]:
    """Global providers that export to nowhere, for spans and for the events that some peers put content on."""
    provider, exporter = batching()
    trace.set_tracer_provider(provider)
    logs, log_exporter = LoggerProvider(), LogsNowhere()
    logs.add_log_record_processor(BatchLogRecordProcessor(log_exporter))
    set_logger_provider(logs)
    return provider, exporter, logs, log_exporter


def otel_mode(name: str, options: Options, parts: tuple[Any, Nowhere, Any, LogsNowhere]) -> list[Mode]:
    """The one mode of a subject that writes to `parts`, the global providers."""
    provider, exporter, logs, log_exporter = parts

    def flush() -> None:
        provider.force_flush()
        logs.force_flush()

    def said() -> str:
        spans = "".join(span.to_json() for span in exporter.recent)
        return f"{spans}{[vars(one.log_record) for one in log_exporter.last]}"

    plain = "plain" in options
    return [
        Mode(name if plain else f"{name}+content", nullcontext, flush, lambda: exporter.count, not plain, said=said)
    ]


def openllmetry(options: Options) -> list[Mode]:
    """OpenLLMetry: opentelemetry-instrumentation-openai."""
    os.environ["TRACELOOP_TRACE_CONTENT"] = "false" if "plain" in options else "true"
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    parts = otel_parts()
    OpenAIInstrumentor().instrument()
    return otel_mode("openllmetry", options, parts)


def openai_v2(options: Options) -> list[Mode]:
    """OpenTelemetry's former one: opentelemetry-instrumentation-openai-v2."""
    if "plain" not in options:
        os.environ |= {CAPTURE: "SPAN_ONLY", "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    parts = otel_parts()
    OpenAIInstrumentor().instrument(skip_dep_check=True)
    return otel_mode("openai-v2", options, parts)


def genai_openai(options: Options) -> list[Mode]:
    """OpenTelemetry's present one: opentelemetry-instrumentation-genai-openai."""
    if "plain" not in options:
        os.environ[CAPTURE] = "SPAN_ONLY"
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    parts = otel_parts()
    OpenAIInstrumentor().instrument()
    return otel_mode("genai-openai", options, parts)


def openinference(options: Options) -> list[Mode]:
    """OpenInference: openinference-instrumentation-openai."""
    from openinference.instrumentation import TraceConfig
    from openinference.instrumentation.openai import OpenAIInstrumentor

    parts = otel_parts()
    hidden = "plain" in options
    OpenAIInstrumentor().instrument(config=TraceConfig(hide_inputs=hidden, hide_outputs=hidden))
    return otel_mode("openinference", options, parts)


def openlit(options: Options) -> list[Mode]:
    """OpenLIT, its price list from an empty file instead of the network."""
    import openlit as library

    parts = otel_parts()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as prices:
        json.dump({"chat": {}}, prices)
        prices.flush()
        library.init(pricing_json=prices.name, disable_metrics=True, capture_message_content="plain" not in options)
    return otel_mode("openlit", options, parts)


def logfire(options: Options) -> list[Mode]:
    """Logfire, which sends nothing and prints nothing."""
    import logfire as library
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = Nowhere()
    processor = BatchSpanProcessor(exporter)
    library.configure(
        send_to_logfire=False, console=False, metrics=False, additional_span_processors=[processor], inspect_arguments=False
    )  # fmt: skip
    library.instrument_openai()
    mode = exporting("logfire+content", processor, exporter)
    return [mode._replace(content=True, said=lambda: exporter.last.to_json() if exporter.last else "")]


def langfuse(options: Options) -> list[Mode]:
    """Langfuse, with an exporter of ours."""
    from langfuse import Langfuse

    exporter = Nowhere()
    client = Langfuse(
        public_key="pk-lf-bench", secret_key="sk-lf-bench", base_url="http://127.0.0.1:9", span_exporter=exporter
    )
    import langfuse.openai  # noqa: F401 - it patches the client as it is imported

    provider = trace.get_tracer_provider()
    flush = getattr(provider, "force_flush", client.flush)
    mode = Mode("langfuse+content", nullcontext, flush, lambda: exporter.count, content=True)
    return [mode._replace(said=lambda: exporter.last.to_json() if exporter.last else "")]


def ddtrace(options: Options) -> list[Mode]:
    """Datadog LLM Observability without an agent; what it would send is encoded and thrown away."""
    os.environ |= {
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "DD_APM_TRACING_ENABLED": "false",
        "DD_TRACE_STARTUP_LOGS": "false",
    }
    logging.getLogger("ddtrace").setLevel(logging.CRITICAL)
    from ddtrace.llmobs import LLMObs

    LLMObs.enable(ml_app="bench", agentless_enabled=True, api_key="k", site="datadoghq.com", integrations_enabled=False)
    from ddtrace import patch, tracer

    patch(openai=True)
    writer = LLMObs._instance._llmobs_span_writer
    seen = {"count": 0, "last": ""}

    class Sent:
        status = 200

    def thrown_away(payload: Any, count: int) -> Sent:
        seen["count"] += count
        seen["last"] = str(payload)
        return Sent()

    writer._send_payload_with_retry = thrown_away
    traces = tracer._span_aggregator.writer
    traces.write = lambda *_args, **_options: None

    return [
        Mode(
            "ddtrace+content",
            nullcontext,
            writer.periodic,
            lambda: seen["count"],
            content=True,
            said=lambda: str(seen["last"]),
        )
    ]


def arc_0_1_5(options: Options) -> list[Mode]:
    """The published arc-runtime 0.1.5 with its OpenTelemetry part on; its own events go nowhere."""
    import http.server

    def refuse(_server: object) -> None:
        raise OSError("the bench opens no port")

    parts = otel_parts()
    bind, http.server.HTTPServer.server_bind = http.server.HTTPServer.server_bind, refuse
    try:
        import runtime
    finally:
        http.server.HTTPServer.server_bind = bind
    logging.getLogger().setLevel(logging.ERROR)
    runtime._default_arc.telemetry_client._send_batch_with_retry = lambda _batch, _stub: None
    return [one._replace(name="arc-runtime 0.1.5+content") for one in otel_mode("", options, parts)]


RIVALS: dict[str, Callable[[Options], list[Mode]]] = {
    "openllmetry": openllmetry,
    "openai-v2": openai_v2,
    "genai-openai": genai_openai,
    "openinference": openinference,
    "openlit": openlit,
    "logfire": logfire,
    "langfuse": langfuse,
    "ddtrace": ddtrace,
    "arc-runtime-0.1.5": arc_0_1_5,
}
SUBJECTS.update(RIVALS)
