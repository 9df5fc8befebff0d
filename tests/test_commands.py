"""`arc` as a user types it."""

import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from arc_testing._core import running_core

ARC = str(Path(sys.executable).with_name("arc"))


@pytest.fixture
def arc():
    def arc(*args, timeout=90, **env):
        base = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_"))}
        return subprocess.run(
            [ARC, *args], env=base | env, capture_output=True, text=True, timeout=timeout, check=False
        )

    return arc


def findings(done):
    return {found["name"]: found for found in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_doctor_sends_a_span_and_reads_it_back_redacted(arc, arc_core, protocol):
    env = {"ARC_ENDPOINT": arc_core.url}
    if protocol == "grpc":
        env = {"ARC_ENDPOINT": f"grpc://{arc_core.grpc}", "ARC_CORE_URL": arc_core.url}
    done = arc("doctor", "--json", **env)
    found = findings(done)
    assert done.returncode == 0
    assert {name for name, one in found.items() if one["state"] != "ok"} == set()
    assert "the address in it redacted" in found["read back"]["detail"]
    assert {"versions", "distro", "configurator", "plugin arc_openai", "plugin arc_langgraph", "connection"} <= set(
        found
    )


def test_doctor_reads_well_and_says_so_when_all_is_well(arc, arc_core):
    done = arc("doctor", ARC_ENDPOINT=arc_core.url, COLUMNS="100", PYTHONIOENCODING="utf-8")
    assert "telemetry works" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_doctor_says_what_to_do_when_nobody_listens(arc):
    done = arc("doctor", "--json", ARC_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 1
    assert findings(done)["connection"]["state"] == "problem"
    assert "arc core" in findings(done)["connection"]["advice"]


def test_doctor_says_what_to_do_when_the_key_is_refused(arc, tmp_path):
    with running_core(tmp_path / "data", "--api-key", "arc_live_right") as core:
        refused = arc("doctor", "--json", ARC_ENDPOINT=core.url)
        accepted = arc("doctor", "--json", ARC_ENDPOINT=core.url, ARC_API_KEY="arc_live_right")
    assert refused.returncode == 1
    assert "ARC_API_KEY" in findings(refused)["span"]["advice"]
    assert accepted.returncode == 0


def test_doctor_says_that_there_is_no_tls(arc, arc_core):
    done = arc("doctor", "--json", ARC_ENDPOINT=arc_core.url.replace("http", "https"))
    assert done.returncode == 1
    assert "no TLS" in findings(done)["connection"]["detail"]


def test_doctor_names_settings_plugins_and_distros_that_are_wrong(arc, arc_core):
    done = arc(
        "doctor",
        "--json",
        ARC_ENDPOINT=arc_core.url,
        ARC_ENDPIONT="x",
        OTEL_PYTHON_DISTRO="other",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="arc_openai",
    )
    found = findings(done)
    assert done.returncode == 1
    assert found["settings"]["state"] == "warning"
    assert found["plugin arc_openai"]["state"] == "warning"
    assert found["distro"]["advice"] == "export OTEL_PYTHON_DISTRO=arc"


@pytest.mark.parametrize("name", ["ARC_DISABLE", "OTEL_SDK_DISABLED"])
def test_doctor_says_that_arc_is_switched_off(arc, arc_core, name):
    done = arc("doctor", "--json", ARC_ENDPOINT=arc_core.url, **{name: "true"})
    assert done.returncode == 1
    assert findings(done)["switched off"]["advice"] == f"unset {name}"


def test_doctor_tells_a_collector_from_arc_core(arc):
    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self):
            self.send_error(404)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        done = arc("doctor", "--json", ARC_ENDPOINT=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0
    assert findings(done)["span"]["state"] == "ok"
    assert findings(done)["read back"]["state"] == "warning"
    assert "ARC_CORE_URL" in findings(done)["read back"]["advice"]


def test_the_demo_shows_a_fix_a_redaction_and_a_failing_tool_and_ends_well(arc):
    done = arc("demo", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "agent.job loan_review" in done.stdout
    assert "temperature 0.95" in done.stdout
    assert "Redacted" in done.stdout
    assert "Failed tools" in done.stdout
    assert "http://127.0.0.1:" in done.stdout


def test_the_demo_stays_up_until_it_is_interrupted():
    with subprocess.Popen(
        [ARC, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Trace " in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()


def test_help_names_every_command_and_a_wrong_one_is_an_error(arc):
    done = arc("--help")
    assert done.returncode == 0
    for command in ("core", "demo", "doctor"):
        assert command in done.stdout
    assert arc("nonsense").returncode == 2
    assert arc("--version").stdout == "arc 1.0.0\n"
