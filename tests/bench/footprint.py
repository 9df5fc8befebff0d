"""What switching one subject on costs a fresh process that has imported OpenAI, the SDK and the OTLP exporter."""

import gc
import json
import os
import sys
import time
from pathlib import Path

import openai
import rivals  # noqa: F401 - it adds the peers to the subjects
from growth import resident_kb
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from subjects import SUBJECTS

IDLE_SECONDS = 0.3


def _arc() -> None:
    from opentelemetry.instrumentation.auto_instrumentation import initialize

    initialize()


def _opentelemetry() -> None:
    os.environ |= {
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*",
        # As Arc sets them by default.
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    from opentelemetry.instrumentation.auto_instrumentation import _load
    from opentelemetry.instrumentation.distro import DefaultDistro
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator

    _load._load_instrumentors(DefaultDistro())
    _OTelSDKConfigurator().configure(auto_instrumentation_version="")


def _arc_in_code() -> None:
    from arc_runtime import Arc

    Arc()


# Switched on as users do it, by `opentelemetry-instrument` or in code; the third is what OpenTelemetry itself takes of
# the first.
WAYS = {"arc": _arc, "Arc()": _arc_in_code, "opentelemetry": _opentelemetry}


def _held() -> tuple[float, int, int]:
    gc.collect()
    return resident_kb(), len(sys.modules), len(list(Path("/proc/self/task").iterdir()))


def main() -> None:
    name, _, rest = sys.argv[1].partition("+")
    # What a program without the subject has anyway.
    TracerProvider().add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    openai.OpenAI(api_key="k").chat.completions  # noqa: B018 - imports the resources
    before = _held()
    begin = time.process_time()
    if name in WAYS:
        WAYS[name]()
    else:
        SUBJECTS[name](frozenset(filter(None, rest.split("+"))))
    spent = time.process_time() - begin
    time.sleep(IDLE_SECONDS)
    after = _held()
    kb, modules, threads = (late - early for late, early in zip(after, before, strict=True))
    figures = {"ms": spent * 1000, "kb": kb, "modules": modules, "threads": threads}
    sys.stdout.write(f"\n{json.dumps(figures)}\n")
    sys.stdout.flush()
    os._exit(0)  # exit handlers would send to an endpoint that nobody serves


if __name__ == "__main__":
    main()
