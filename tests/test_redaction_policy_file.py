"""`ARC_REDACTION_POLICY` in a program of its own: in force, or telemetry is off."""

import pytest

CONSOLE = {"OTEL_TRACES_EXPORTER": "console", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}


def test_a_policy_that_can_t_be_read_switches_telemetry_off_and_the_program_runs(run, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("actions: {EMAIL: burn}")
    done = run(ARC_REDACTION_POLICY=str(policy), **CONSOLE)
    assert done.returncode == run(instrumented=False).returncode
    assert b"telemetry is off: redaction policy" in done.stderr
    assert b"burn" in done.stderr
    assert b"trace_id" not in done.stdout


def test_a_policy_is_in_force(run, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("actions: {CARD: mask}")
    done = run(ARC_REDACTION_POLICY=str(policy), **CONSOLE)
    assert b"**** **** **** 1111" in done.stdout
    assert b"<EMAIL>" in done.stdout


def test_what_is_replaced_is_counted_in_a_metric_by_its_type(run):
    done = run(OTEL_METRICS_EXPORTER="console", **CONSOLE)
    metrics = done.stdout.decode(errors="replace").partition('"name": "arc.redaction.count"')[2]
    assert '"arc.redaction.type": "EMAIL"' in metrics


ROUND_ABOUT = """
import atexit
import os
import sys

from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

SAID = os.environ["SECRETS"].split("|")[0]
own = TracerProvider()
own.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
tracers = [trace.get_tracer("arc"), own.get_tracer("own")]
late = [tracer.start_span(f"late {SAID}") for tracer in tracers]
atexit.register(lambda: [(span.set_attribute("x", SAID), span.end()) for span in late])
for tracer in tracers:
    tracer.start_span("now", attributes={"note": SAID}).end()
metrics.get_meter("m").create_counter("c").add(1, {"who": SAID})
sys.stdout.flush()
if child := os.fork():
    os.waitpid(child, 0)
    print("went on")
else:
    tracers[0].start_span(f"forked {SAID}").end()
    sys.exit(0)
"""
FILE = """
file_format: "1.0"
tracer_provider: {processors: [{simple: {exporter: {console: {}}}}]}
meter_provider: {readers: [{periodic: {exporter: {console: {}}}}]}
"""


@pytest.fixture(params=["environment", "file"])
def configured(request, tmp_path):
    """Both ways to have telemetry on the console."""
    if request.param == "environment":
        return CONSOLE | {"OTEL_METRICS_EXPORTER": "console", "OTEL_LOGS_EXPORTER": "none"}
    (tmp_path / "otel.yaml").write_text(FILE)
    return {"OTEL_CONFIG_FILE": str(tmp_path / "otel.yaml")}


def test_a_program_with_a_provider_of_its_own_and_spans_at_its_end_is_redacted(run, configured, tmp_path):
    program = tmp_path / "round_about.py"
    program.write_text(ROUND_ABOUT)
    done = run(program=program, **configured)
    assert b"went on" in done.stdout
    assert b"forked <EMAIL>" in done.stdout
    assert done.stdout.count(b'"name": "late <EMAIL>"') >= 2
    assert b'"who": "<EMAIL>"' in done.stdout
    assert b"jane.roe" not in done.stdout + done.stderr


@pytest.mark.parametrize("policy", ["level: 2020-99-99", "actions: {EMIAL: mask}", "names: ending_module:load"])
def test_whatever_is_wrong_with_a_policy_nothing_is_sent_but_by_the_program_itself(run, configured, tmp_path, policy):
    (tmp_path / "policy.yaml").write_text(policy)
    (tmp_path / "ending_module.py").write_text("raise SystemExit(3)")
    program = tmp_path / "round_about.py"
    program.write_text(ROUND_ABOUT)
    env = {"ARC_REDACTION_POLICY": str(tmp_path / "policy.yaml"), "PYTHONPATH": str(tmp_path)}
    done = run(program=program, **configured, **env)
    assert b"went on" in done.stdout
    assert b"arc: telemetry is off: redaction policy, " in done.stderr
    assert done.stdout.count(b'"trace_id"') == 3  # by its own provider: one now, and a late one of it and of its child
    assert b"forked" not in done.stdout
    assert b"data_points" not in done.stdout
    assert b"jane.roe" not in done.stdout + done.stderr
