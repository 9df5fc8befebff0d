import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import arc_core.cli
import pytest
import typer
from arc_core.demo import Exit, ReplayServer
from arc_core.demo._children import app_environment, clean, running_core
from arc_core.demo._exit import DemoError
from arc_core.demo._run import _arrived, _check
from arc_core.demo._stop import Stop
from arc_core.demo._traces import Traces
from arc_semconv import attributes
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode
from typer.testing import CliRunner

RUN = """
{before}
import tempfile
from pathlib import Path
from arc_core.demo import run

tempfile.tempdir = {scratch!r}  # so that what the demo leaves behind can be looked for
raise SystemExit(run(once={once}, http_port={port}, data=None))
"""


def demo(scratch: Path, *, once: bool = True, port: int = 0, before: str = "") -> list[str]:
    return [sys.executable, "-c", RUN.format(before=before, scratch=str(scratch), once=once, port=port)]


def test_once_shows_the_trace_and_all_that_was_promised_and_leaves_nothing_behind(tmp_path: Path) -> None:
    start = time.monotonic()
    inherited = {**os.environ, "OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "none", "COLUMNS": "80"}
    done = subprocess.run(demo(tmp_path), env=inherited, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "arc:" in done.stderr) == (Exit.SHOWN, False), done.stderr
    assert done.stdout.startswith("Application LN-20817 is approved")
    summary = " ".join(done.stdout.split())
    assert "agent.job loan_review ✓ ok" in summary
    assert "temperature 0.95 → 0.7" in summary
    assert re.search(r"Redacted \d+ values: ", summary)
    assert "credit_bureau: " in summary
    assert "The job recovered." in summary
    assert list(tmp_path.iterdir()) == []
    assert time.monotonic() - start < 30  # 15 s is the promise; other tests may hold the cores


def test_it_stays_up_until_ctrl_c_and_then_leaves_quietly(tmp_path: Path) -> None:
    command = demo(tmp_path, once=False)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = iter(process.stdout.readline, "")
        told = next(line for line in printed if "Ctrl-C to stop" in line)
        address = ("127.0.0.1", int(re.findall(r"http://127.0.0.1:(\d+)", told)[0]))
        socket.create_connection(address).close()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in stderr) == (Exit.SHOWN, False), stderr
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_before_anything_was_shown_says_so_by_its_status(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(demo(tmp_path), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "starting Arc Core" in process.stderr.readline()
        process.send_signal(number)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (Exit.INTERRUPTED, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seconds", [0.2, 0.4, 0.8])
def test_ctrl_c_while_it_loads_leaves_no_traceback(seconds: float) -> None:
    code = "import arc_core.cli; print(flush=True); arc_core.cli.demo(once=True, port=0, data=None)"
    run = f"import typer\ntry:\n exec({code!r})\nexcept typer.Exit as end:\n raise SystemExit(end.exit_code)"
    command = [sys.executable, "-c", run]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)  # the moment is the case; whatever it meets, the end must be the same
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in stderr) == (Exit.INTERRUPTED, False), stderr


def test_a_reader_that_goes_away_is_no_failure(tmp_path: Path) -> None:
    with subprocess.Popen(demo(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        stderr = process.stderr.read()
    assert (process.returncode, "Traceback" in stderr) == (Exit.SHOWN, False), stderr


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = demo(tmp_path, port=taken.getsockname()[1])
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == Exit.NOT_READY
    _, told = done.stderr.splitlines()
    assert told.startswith("arc: Arc Core ended with status ")


def test_a_port_that_cannot_be_is_named_with_its_own_option() -> None:
    app = typer.Typer()
    app.command()(arc_core.cli.demo)
    done = CliRunner().invoke(app, ["--port", "99999"])
    assert done.exit_code == 2
    assert "--port" in done.output


def test_a_missing_extra_is_told_with_the_command_that_brings_it(tmp_path: Path) -> None:
    command = demo(tmp_path, before="import sys; sys.modules['langgraph'] = None")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == Exit.NOT_READY
    assert done.stderr == "arc: langgraph not installed: pip install 'arc-core[demo]'\n"


def test_no_telemetry_within_the_time_given_is_an_error_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Stop() as stop, running_core(clean(os.environ), http_port=0, data=tmp_path, log=log, stop=stop) as core:
        traces = Traces(core.url)
        with pytest.raises(DemoError, match="no finished trace of loan-agents") as caught:
            _arrived(traces, set(), core, stop, seconds=0.2)
        assert caught.value.exit_code == Exit.NO_TELEMETRY
        assert traces.of("loan-agents") == []


def test_a_trace_that_lacks_what_was_promised_is_told_apart_from_one_that_never_came(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Stop() as stop, running_core(clean(os.environ), http_port=0, data=tmp_path, log=log, stop=stop) as core:
        send_failing_job(core.url)
        detail = _arrived(Traces(core.url), set(), core, stop, seconds=10)
    assert [span.name for span in detail.spans] == ["agent.job loan_review", "agent.tool credit_bureau"]
    with pytest.raises(DemoError, match=r"ended as 'error'.*0 agents.*no model call was mended.*redacted$") as caught:
        _check(detail)
    assert caught.value.exit_code == Exit.PROMISE_MISSING


def send_failing_job(core_url: str) -> None:
    provider = TracerProvider(resource=Resource({attributes.SERVICE_NAME: "loan-agents"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{core_url}/v1/traces")))
    tracer = provider.get_tracer("test")
    failed = Status(StatusCode.ERROR, "no bureau answered")
    with tracer.start_as_current_span("agent.job loan_review", attributes={attributes.SPAN_KIND: "job"}) as job:
        with tracer.start_as_current_span(
            "agent.tool credit_bureau", attributes={attributes.SPAN_KIND: "tool"}
        ) as tool:
            tool.set_status(failed)
        job.set_status(failed)
    provider.shutdown()


def test_an_arc_core_that_does_not_answer_as_agreed_is_told() -> None:
    with ReplayServer([]) as server:
        root = server.url.removesuffix("/v1")
        with pytest.raises(DemoError, match=r"GET /api/v1/traces/ab with status 404"):
            Traces(root).detail("ab")
    with pytest.raises(DemoError, match="could not answer"):
        Traces(root).of("loan-agents")


def test_nothing_that_steers_telemetry_is_inherited() -> None:
    inherited = {
        "PATH": "/bin",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://elsewhere",
        "ARC_API_KEY": "arc_live_x",
        "OPENAI_ORG_ID": "org",
        "LANGSMITH_API_KEY": "ls",
        "NO_PROXY": "",
    }
    env = app_environment(inherited, core_url="http://127.0.0.1:1", model_url="http://127.0.0.1:2/v1")
    assert env == {
        "PATH": "/bin",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "OTEL_PYTHON_DISTRO": "arc",
        "OTEL_PYTHON_CONFIGURATOR": "arc",
        "OTEL_SERVICE_NAME": "loan-agents",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
        "ARC_ENDPOINT": "http://127.0.0.1:1",
        "ARC_COST_HOSTS": "127.0.0.1",
        "OPENAI_BASE_URL": "http://127.0.0.1:2/v1",
        "OPENAI_API_KEY": "demo",
        "LANGSMITH_TRACING": "false",
    }
