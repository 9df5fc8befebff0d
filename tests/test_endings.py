"""However a program ends, and whatever it runs on: its calls are as without Arc, and each is one span."""

import socket

import pytest
from arc_core.demo import ReplayServer
from arc_testing import eventually

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-2025-04-14",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "fine"}}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
}  # fmt: skip
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1",
         "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}  # fmt: skip
NOBODY = "http://127.0.0.1:9"
STREAM = [{"data": CHUNK}, {"data": CHUNK}, {"data": "[DONE]"}]


@pytest.fixture
def model(request):
    """One that takes its time with whole answers, and between the chunks of streams, where a test says so."""
    slow = {"delay_ms": 1500} if "slow_model" in request.fixturenames else {}
    with ReplayServer([
        {"match": {"stream": True}, "response_sse": STREAM, "chunk_ms": 500 if slow else 0},
        {"match": {"stream": None}, "response": ANSWER, **slow},
        {"match": {"stream": False}, "response": ANSWER, **slow},
    ]) as server:  # fmt: skip
        yield server


@pytest.fixture
def slow_model(model):
    return model


def llm_spans(core, service):
    return [span for trace in core.traces(service) for span in trace["spans"]]


@pytest.mark.parametrize(
    "ending",
    [
        "unhandled", "exit-in-thread", "interrupt-in-call", "interrupt-in-stream", "sigterm-in-call",
        "sigterm-in-stream", "exit-with-daemon", "cancelled-call", "cancelled-stream", "fork-in-stream",
    ],
)  # fmt: skip
def test_a_program_that_ends_in_the_middle_ends_as_without_arc_and_its_call_is_one_span(
    arc_core, run, slow_model, ending
):
    service = f"ending-{ending}"
    bare = run(ending, program="endings.py", instrumented=False)
    done = run(ending, program="endings.py", ARC_ENDPOINT=arc_core.url, OTEL_SERVICE_NAME=service)
    assert (done.returncode, done.stdout) == (bare.returncode, bare.stdout)
    if not ending.startswith("cancelled"):  # the loop complains, or not, as the generators happen to be collected
        assert done.stderr.splitlines()[-1:] == bare.stderr.splitlines()[-1:]
    assert b"arc: " not in done.stderr
    (span,) = eventually(lambda: llm_spans(arc_core, service))
    assert (span["name"], span["status"]) == ("chat gpt-4.1", "cancelled")


@pytest.mark.parametrize(("ending", "code"), [("sigterm", -15), ("by-itself", 0)])
def test_a_pipeline_and_a_graph_that_nobody_closes_end_with_the_program(arc_core, run, ending, code):
    service = f"held-{ending}"
    done = run(ending, program="held_pipeline.py", ARC_ENDPOINT=arc_core.url, OTEL_SERVICE_NAME=service)
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")
    found = eventually(lambda: {span["name"]: span["status"] for span in llm_spans(arc_core, service)})
    assert found == {"agent.job loan": "cancelled", "agent.run review": "cancelled", "agent.run first": "ok"}


@pytest.mark.parametrize(
    "ground",
    [
        "no-stderr", "no-streams", "stderr-that-raises", "broken-pipe", "clock", "no-threads", "no-descriptors",
        "full-disk", "handlers", "near-the-limit", "many-and-huge",
    ],
)  # fmt: skip
def test_on_hostile_ground_the_program_s_calls_all_succeed(run, tmp_path, ground):
    bare = run(ground, program="hostile_ground.py", instrumented=False)
    done = run(
        ground,
        program="hostile_ground.py",
        ARC_ENDPOINT=NOBODY,
        ARC_SPOOL_DIR=str(tmp_path / "spool"),
        ARC_EXIT_SECONDS="1",
        OTEL_BSP_SCHEDULE_DELAY="50",
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_ONLY",
    )
    assert (done.returncode, done.stdout) == (bare.returncode, bare.stdout), done.stderr
    assert b"Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 3


@pytest.mark.parametrize("folder", ["/proc/arc", "/dev/null/arc"])
def test_a_spool_where_nothing_can_be_written_costs_a_line(run, folder):
    done = run("clock", program="hostile_ground.py", ARC_ENDPOINT=NOBODY, ARC_SPOOL_DIR=folder)
    assert done.returncode == 0
    (line,) = done.stderr.decode().splitlines()
    assert "they are lost" in line


def test_an_exporter_that_hangs_holds_up_neither_calls_nor_the_end(run, silent_server):
    done = run(
        "clock", program="hostile_ground.py", timeout=20, ARC_ENDPOINT=silent_server, ARC_EXIT_SECONDS="1",
        OTEL_BSP_SCHEDULE_DELAY="1", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1",
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout == b"3 {'fine'}\n"


@pytest.fixture
def silent_server():
    """The URL of a server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
