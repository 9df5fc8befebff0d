"""What a program wrote arrives, whatever happened to Arc Core or to the program in between."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from arc_testing import eventually
from arc_testing._core import running_core

PROGRAM = Path(__file__).parent / "programs" / "steady.py"
BIN = Path(sys.executable).parent
CONFIG = """
file_format: "1.0"
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: http://127.0.0.1:{port}/v1/traces
"""


@pytest.fixture
def ports():
    """Two that are free, for HTTP and gRPC, so that Arc Core can come back where it was."""
    with socket.create_server(("127.0.0.1", 0)) as http, socket.create_server(("127.0.0.1", 0)) as grpc:
        return http.getsockname()[1], grpc.getsockname()[1]


@pytest.fixture(params=["http", "grpc"])
def endpoint(request, ports):
    return {"http": f"http://127.0.0.1:{ports[0]}", "grpc": f"grpc://127.0.0.1:{ports[1]}"}[request.param]


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def start(endpoint, spool):
    """Start steady.py under `opentelemetry-instrument`, or bare."""

    def start(*words, instrumented=True, **env):
        base = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_"))}
        given = {"ARC_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "steady", "ARC_SPOOL_DIR": str(spool), **env}
        command = [sys.executable, PROGRAM, *words]
        program = subprocess.Popen(
            [BIN / "opentelemetry-instrument", *command] if instrumented else command,
            env=base | given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.enter_context(program)
        running.callback(program.kill)
        return program

    with ExitStack() as running:
        yield start


def core_at(ports, data):
    return running_core(data, "--http", f"127.0.0.1:{ports[0]}", "--grpc", f"127.0.0.1:{ports[1]}")


def names(core, pages=200):
    found, page = [], core.get(f"/api/v1/traces?service=steady&limit={pages}")
    while True:
        found += [trace["name"] for trace in page["traces"]]
        if not page["next"]:
            return sorted(found)
        page = core.get(f"/api/v1/traces?service=steady&limit={pages}&before={page['next']}")


def batches(spool):
    return list(spool.glob("*/*.otlp"))


def test_nothing_is_lost_when_the_backend_is_killed_and_comes_back(ports, start, tmp_path, spool):
    told = tmp_path / "told"
    with core_at(ports, tmp_path / "data") as core:
        program = start("until-told", str(told), OTEL_BSP_SCHEDULE_DELAY="200")
        assert program.stdout.readline() == "ready\n"
        eventually(lambda: core.get("/api/v1/traces?service=steady")["traces"])
        core.process.send_signal(signal.SIGKILL)
        core.process.wait()
        eventually(lambda: len(batches(spool)) > 3)
    with core_at(ports, tmp_path / "data") as core:
        eventually(lambda: not batches(spool), within_seconds=60)  # half a minute is the longest that it is left alone
        told.touch()
        said, complaint = program.communicate(timeout=20)
        assert program.returncode == 0
        assert len(complaint.splitlines()) == 1
        assert names(core) == sorted(f"step {number}" for number in range(int(said)))


def test_what_one_process_could_not_send_the_next_one_does(ports, start, tmp_path, spool):
    first = start("some")
    _, complaint = first.communicate(timeout=30)
    assert len(complaint.splitlines()) == 1
    assert f"5 are kept in {spool}" in complaint
    assert len(batches(spool)) == 1
    with core_at(ports, tmp_path / "data") as core:
        next_one = start("nothing")
        assert next_one.communicate(timeout=30) == ("", "")
        assert names(core) == [f"step {number}" for number in range(5)]
    assert batches(spool) == []


def test_the_spool_holds_no_personal_value(start, spool, personal_values):
    start("some", NOTE=", ".join(personal_values)).communicate(timeout=30)
    (batch,) = batches(spool)
    content = batch.read_bytes()
    assert b"step 4" in content
    for value in personal_values:
        assert value.encode() not in content


@pytest.mark.parametrize("metrics", ["none", "otlp"])
def test_with_nobody_listening_the_program_ends_at_once(start, metrics, ports, tmp_path):
    def seconds():
        begun = time.monotonic()
        start("some", OTEL_METRICS_EXPORTER=metrics).communicate(timeout=30)
        return time.monotonic() - begun

    with core_at(ports, tmp_path / "data"):
        heard = min(seconds() for _ in range(3))  # with the same exporters to import
    assert any(seconds() < heard + 0.9 for _ in range(8))  # a wait would be in every one


def test_with_a_configuration_file_batches_are_kept_too(start, spool, tmp_path, ports):
    file = tmp_path / "otel.yaml"
    file.write_text(CONFIG.format(port=ports[0]))
    _, complaint = start("some", OTEL_CONFIG_FILE=str(file)).communicate(timeout=30)
    assert f"5 are kept in {spool}" in complaint
    assert len(batches(spool)) == 1


def test_sigterm_sends_what_waits_and_ends_the_program_as_ever(ports, start, tmp_path):
    with core_at(ports, tmp_path / "data") as core:
        program = start("wait")
        assert program.stdout.readline() == "ready\n"
        program.terminate()
        assert program.wait(10) == -signal.SIGTERM
        assert names(core) == ["step 0"]


def test_sigterm_with_the_backend_away_keeps_what_waits(start, spool):
    program = start("wait")
    assert program.stdout.readline() == "ready\n"
    begun = time.monotonic()
    program.terminate()
    assert program.wait(10) == -signal.SIGTERM
    assert time.monotonic() - begun < 2
    assert len(batches(spool)) == 1


@pytest.mark.parametrize("instrumented", [True, False])
def test_a_program_with_a_handler_of_its_own_keeps_it(ports, start, tmp_path, instrumented):
    with core_at(ports, tmp_path / "data") as core:
        program = start("own-handler", instrumented=instrumented)
        assert program.stdout.readline() == "ready\n"
        program.terminate()
        assert program.wait(10) == 7
        assert names(core) == (["step 0"] if instrumented else [])


def test_flush_says_whether_all_has_arrived(ports, start, tmp_path):
    with core_at(ports, tmp_path / "data") as core:
        program = start("flush", "5")
        assert program.communicate(timeout=30)[0] == "True True\n"
        assert names(core) == ["step 0"]


def test_flush_says_no_when_the_backend_is_away(start, spool):
    assert start("flush", "5").communicate(timeout=30)[0] == "False True\n"
    assert len(batches(spool)) == 1


def test_flush_of_an_endpoint_that_hangs_is_bounded(start, ports):
    with socket.create_server(("127.0.0.1", ports[0])), socket.create_server(("127.0.0.1", ports[1])):
        assert start("flush", "0.5").communicate(timeout=30)[0] == "False True\n"


def test_a_spool_that_can_t_be_written_is_a_line(start, spool):
    spool.write_text("in the way")
    program = start("some")
    _, complaint = program.communicate(timeout=30)
    assert program.returncode == 0
    assert len(complaint.splitlines()) == 1
    assert "they are lost" in complaint
