"""Metrics and cost of a real program under `opentelemetry-instrument`: what a receiver got, what the page says."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from arc_core.demo import ReplayServer
from arc_testing import eventually
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROGRAMS = Path(__file__).parent / "programs"
BIN = Path(sys.executable).parent
ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-2025-04-14",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "fine"}}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
}  # fmt: skip
CHUNK = {
    "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1",
    "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}],
}  # fmt: skip
REFUSED = {"error": {"message": "no", "type": "invalid_request_error", "param": "model", "code": "bad"}}
SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864]
OWN = {
    "arc_requests_intercepted_total",
    "arc_fixes_applied_total",
    "arc_pattern_matches_total",
    "arc_interception_latency_ms",
}


@pytest.fixture
def model():
    with ReplayServer([
        {"match": {"model": "bad"}, "status": 400, "response": REFUSED},
        {"match": {"stream": True}, "response_sse": [*({"data": CHUNK} for _ in range(3)), {"data": "[DONE]"}]},
        {"match": {"stream": None}, "response": ANSWER},
    ]) as server:  # fmt: skip
        yield server


class Receiver:
    """An endpoint of OTLP over HTTP that keeps what it gets."""

    def __init__(self):
        self.metrics, self.spans = {}, []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.take(self.path, self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path, body):
        if path == "/v1/metrics":
            for one in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in one.scope_metrics:
                    self.metrics |= {metric.name: metric for metric in scope.metrics}
        elif path == "/v1/traces":
            for one in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.spans += [attributes(span) for scope in one.scope_spans for span in scope.spans]


@pytest.fixture
def receiver():
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()


def attributes(point):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in point.attributes}


def points(metric):
    return getattr(metric, metric.WhichOneof("data")).data_points


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def environment(model, **env):
    base = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_"))}
    return base | {
        "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "test", "OTEL_TRACES_EXPORTER": "none", **env,
    }  # fmt: skip


def command(*words):
    return [BIN / "opentelemetry-instrument", sys.executable, PROGRAMS / "metered.py", *words]


@pytest.fixture
def run(model):
    """Run the program to its end; what it wrote."""

    def run(*words, **env):
        return subprocess.run(
            command(*words), env=environment(model, **env), input="", capture_output=True, text=True,
            timeout=60, check=True,
        )  # fmt: skip

    return run


@pytest.fixture
def held(model):
    """Have the program run until it has done its words, and hold it there."""

    @contextmanager
    def held(*words, **env):
        with subprocess.Popen(
            command(*words), env=environment(model, **env), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as program:  # fmt: skip
            try:
                assert eventually(program.stdout.readline, within_seconds=60) == "done\n"
                yield
            finally:
                program.stdin.close()
                program.wait(30)
                assert program.stderr.read() == ""

    return held


def page(port):
    with urllib.request.urlopen(f"http://localhost:{port}/metrics", timeout=10) as answer:
        return answer.read().decode()


def value(text, name):
    return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)[1])


def counted(port):
    text = page(port)
    return [int(value(text, name)) for name in sorted(OWN) if name.endswith("_total")]


# --- by OTLP ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["always_on", "always_off"])
def test_the_metrics_of_the_conventions_arrive_by_otlp_whether_spans_are_sampled_or_not(run, receiver, sampler):
    run(
        "chat", "stream", "error",
        OTEL_METRICS_EXPORTER="otlp", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_TRACES_SAMPLER=sampler,
    )  # fmt: skip
    found = receiver.metrics
    assert set(found) == OWN | {
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
    }
    durations = points(found["gen_ai.client.operation.duration"])
    known = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "server.address": "127.0.0.1"}
    assert all(known.items() <= attributes(point).items() for point in durations)
    assert sorted(
        (one["gen_ai.request.model"], one.get("gen_ai.response.model"), one.get("error.type"))
        for one in map(attributes, durations)
    ) == [
        ("bad", None, "BadRequestError"),
        ("gpt-4.1", "gpt-4.1", None),
        ("gpt-4.1", "gpt-4.1-2025-04-14", None),
    ]  # fmt: skip
    assert all(list(point.explicit_bounds) == SECONDS and point.sum > 0 for point in durations)
    assert found["gen_ai.client.operation.duration"].unit == "s"
    # The stream told no usage: an estimate is no usage.
    tokens = points(found["gen_ai.client.token.usage"])
    assert {attributes(point)["gen_ai.token.type"]: point.sum for point in tokens} == {"input": 100, "output": 20}
    assert list(tokens[0].explicit_bounds) == TOKENS
    (first,) = points(found["gen_ai.client.operation.time_to_first_chunk"])
    assert (attributes(first)["gen_ai.response.model"], first.count) == ("gpt-4.1", 1)
    assert [point.as_int for point in points(found["arc_requests_intercepted_total"])] == [3]
    assert [point.as_int for point in points(found["arc_fixes_applied_total"])] == [1]
    assert [point.count for point in points(found["arc_interception_latency_ms"])] == [3]


def test_the_latest_names_are_there_for_the_asking(run, receiver):
    run(
        "chat", "stream", "error",
        OTEL_METRICS_EXPORTER="otlp", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
        OTEL_SEMCONV_STABILITY_OPT_IN="http,gen_ai_latest_experimental",
    )  # fmt: skip
    first = "gen_ai.client.inference"
    assert set(receiver.metrics) == OWN | {
        f"{first}.duration", f"{first}.time_to_first_chunk", f"{first}.usage.input_tokens",
        f"{first}.usage.output_tokens", f"{first}.operation.input_tokens", f"{first}.operation.output_tokens",
    }  # fmt: skip
    told = points(receiver.metrics[f"{first}.usage.input_tokens"])
    assert sorted(point.as_int for point in told) == [0, 0, 100]
    assert {attributes(point)["gen_ai.token.modality"] for point in told} == {"unknown"}


def test_no_content_or_junk_is_in_what_tells_series_apart(run, receiver):
    run(
        "jane.roe@example.com", "x" * 129, "junk",
        OTEL_METRICS_EXPORTER="otlp", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
    )  # fmt: skip
    models = {
        attributes(point)["gen_ai.request.model"] for point in points(receiver.metrics["gen_ai.client.token.usage"])
    }
    assert {"<EMAIL>", "_OTHER", "made-up-0"} <= models
    assert len(models) <= 201
    assert not any("jane" in str(metric) or "hello" in str(metric) for metric in receiver.metrics.values())


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_has_the_four_metrics_with_what_happened(held, port):
    with held("chat", "chat", "stream", "error", ARC_METRICS_PORT=str(port)):
        text = page(port)
    assert set(re.findall(r"^# TYPE (\S+) (?:counter|histogram)$", text, re.MULTILINE)) == OWN
    assert value(text, "arc_requests_intercepted_total") == 4
    assert value(text, "arc_fixes_applied_total") == value(text, "arc_pattern_matches_total") == 2
    buckets = [
        float(n) for n in re.findall(r'^arc_interception_latency_ms_bucket\{le="\S+"\} (\S+)$', text, re.MULTILINE)
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == value(text, "arc_interception_latency_ms_count") == 4
    assert value(text, "arc_interception_latency_ms_sum") > 0


def test_in_shadow_patterns_match_and_nothing_is_fixed(held, port):
    with held("chat", ARC_METRICS_PORT=str(port), ARC_FIXES="shadow"):
        assert counted(port) == [0, 1, 1]


def test_a_port_in_use_is_one_line_and_the_program_goes_on(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("chat", "fork", ARC_METRICS_PORT=str(port))
    assert done.stdout == "done\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"arc: there is no metrics page at http://127.0.0.1:{port}/metrics; set ARC_METRICS_PORT")


@pytest.mark.parametrize("off", [{"ARC_DISABLE": "1"}, {"OTEL_SDK_DISABLED": "true"}, {"ARC_METRICS_PORT": ""}])
def test_there_is_no_page_where_arc_is_off_or_none_was_asked_for(held, port, off):
    with held("chat", **{"ARC_METRICS_PORT": str(port), **off}):
        assert _got(port, "/metrics") == b""


def test_without_the_client_there_is_one_line_that_tells_the_way_out(run, port, tmp_path):
    (tmp_path / "prometheus_client.py").write_text("raise ImportError('not installed')")
    done = run("chat", ARC_METRICS_PORT=str(port), PYTHONPATH=str(tmp_path))
    assert (done.stdout, done.stderr) == (
        "done\n",
        "arc: ARC_METRICS_PORT needs the Prometheus client: pip install 'arc-runtime[prometheus]'\n",
    )


def test_processes_that_the_program_forks_or_starts_count_on_the_same_page(held, port):
    with held("chat", "fork", "spawn", "spawn", ARC_METRICS_PORT=str(port)):
        assert counted(port) == [3, 3, 4]


def test_the_page_goes_on_in_a_child_that_outlives_its_parent(held, port):
    with held("chat", "daemon", ARC_METRICS_PORT=str(port)):
        assert eventually(lambda: _counted_or_none(port)) == [1, 1, 2]


@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["gunicorn", "gunicorn --preload"])
def test_every_worker_of_a_server_counts_on_the_one_page(model, port, tmp_path, options):
    with socket.create_server(("127.0.0.1", 0)) as free:
        serving = free.getsockname()[1]
    words = ["gunicorn", "model_server:wsgi", *options, "--workers", "3", "--bind", f"127.0.0.1:{serving}"]
    with subprocess.Popen(
        [BIN / "opentelemetry-instrument", BIN / words[0], *words[1:]],
        env=environment(model, ARC_METRICS_PORT=str(port), STARTED=str(tmp_path)), cwd=PROGRAMS,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            # gunicorn forgets workers that still start when it is told to end
            eventually(lambda: len(list(tmp_path.iterdir())) == 3, within_seconds=30)
            answers = [_got(serving, "/ask") for _ in range(30)]
            assert answers == [b"up"] * 30
            assert counted(port) == [0, 0, 30]
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=20)
    assert "arc:" not in said


# --- cost -------------------------------------------------------------------------------------------------------------


def test_a_program_of_one_call_tells_what_it_cost(run, receiver):
    run(
        "modules", "chat", "stream",
        OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, ARC_COST_HOSTS="127.0.0.1", ARC_EXIT_SECONDS="60",
    )  # fmt: skip
    chat, stream = receiver.spans
    assert chat["arc.cost.usd"] == 0.00036
    assert chat["arc.cost.price_list"].startswith("genai-prices ")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", chat["arc.cost.price_date"])
    assert "arc.cost.estimated" not in chat
    assert stream["arc.usage.estimated"] is stream["arc.cost.estimated"] is True
    assert stream["arc.cost.usd"] > 0


@pytest.mark.parametrize("setting", [{}, {"ARC_COST_HOSTS": "127.0.0.1", "ARC_COST": "off"}])
def test_a_call_to_a_machine_of_one_s_own_has_no_cost_and_the_list_is_never_read(run, receiver, setting):
    done = run(
        "chat", "modules", OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **setting
    )  # fmt: skip
    (span,) = receiver.spans
    assert not any(name.startswith("arc.cost") for name in span)
    assert done.stdout == "\ndone\n"


def test_nothing_heavy_is_imported_before_the_first_answer(run):
    assert run("modules", ARC_COST_HOSTS="127.0.0.1").stdout == "\ndone\n"


def _got(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.read()
    except OSError:
        return b""


def _counted_or_none(port):
    try:
        return counted(port)
    except OSError:
        return None
