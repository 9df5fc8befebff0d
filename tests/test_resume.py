"""A graph is interrupted in one process, which is killed, and resumed in another: one linked story in Arc Core."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from arc_testing import eventually

PROGRAM = Path(__file__).parent / "programs" / "approval.py"
COMMAND = [Path(sys.executable).with_name("opentelemetry-instrument"), sys.executable, "-W", "ignore", PROGRAM]


def environment(core, service):
    endpoints = {"OTEL_EXPORTER_OTLP_ENDPOINT": core.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    # What was asked is sent before the process is killed: it waits for its last batch.
    return {**os.environ, **endpoints, "OTEL_SERVICE_NAME": service, "OTEL_BSP_SCHEDULE_DELAY": "100"}


def spans_of(core, service, count):
    def look():
        traces = core.traces(service)
        return traces if len(traces) == count else None

    found = eventually(look, within_seconds=20)
    return [{**span, "trace_id": trace["trace"]["trace_id"]} for trace in found for span in trace["spans"]]


def assert_one_story(spans):
    """The job that resumed is linked to the one that was interrupted and to the action, wherever each of them ran."""
    jobs = {len(span["links"]): span for span in spans if span["name"] == "agent.job payment"}
    asked, resumed = jobs[0], jobs[2]
    (action,) = [span for span in spans if span["name"] == "agent.action interrupt"]
    assert asked["trace_id"] != resumed["trace_id"]
    links = {link["attributes"]["arc.link"]: link for link in resumed["links"]}
    assert (links["resumes"]["trace_id"], links["resumes"]["span_id"]) == (asked["trace_id"], asked["span_id"])
    assert (links["answers"]["trace_id"], links["answers"]["span_id"]) == (action["trace_id"], action["span_id"])
    told = resumed["attributes"]
    assert told["arc.action.id"] == action["attributes"]["arc.action.id"]
    assert told["arc.action.outcome"] == "answered"
    assert float(told["arc.action.wait_s"]) > 0
    assert told["gen_ai.conversation.id"] == asked["attributes"]["gen_ai.conversation.id"] == "payment-7"
    assert asked["attributes"]["arc.run.state"] == "interrupted"
    assert told["arc.langgraph.checkpoint_id"] != asked["attributes"]["arc.langgraph.checkpoint_id"]


@pytest.mark.timeout(300)  # three processes, of which each imports LangGraph
@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_a_graph_killed_while_it_waits_is_resumed_by_another_process(arc_core, request, tmp_path, database):
    service = f"payment-{uuid4().hex[:8]}"
    address = request.getfixturevalue("postgres") if database == "postgresql" else str(tmp_path / "checkpoints.sqlite")
    surroundings = environment(arc_core, service)
    with subprocess.Popen([*COMMAND, "ask", address], env=surroundings, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "asked\n"
        spans_of(arc_core, service, 1)
        asking.kill()
    assert asking.returncode == -9
    done = subprocess.run(
        [*COMMAND, "answer", address], env=surroundings, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "True\n"
    assert "Traceback" not in done.stderr
    assert_one_story(spans_of(arc_core, service, 2))


def test_with_checkpoints_in_memory_it_is_one_story_too(arc_core):
    service = f"payment-{uuid4().hex[:8]}"
    surroundings = environment(arc_core, service)
    subprocess.run([*COMMAND, "both", "memory"], env=surroundings, capture_output=True, check=True, timeout=120)
    assert_one_story(spans_of(arc_core, service, 2))
