"""What the resource says of the service and its process, and what it must not say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
PROGRAM = """
import json, os
from opentelemetry import _logs, trace

def tell(role):
    span, logger = trace.get_tracer_provider().resource, _logs.get_logger_provider().resource
    print(json.dumps({"role": role, "pid": os.getpid(), "span": dict(span.attributes), "log": dict(logger.attributes)}), flush=True)

tell("parent")
if os.fork() == 0:
    tell("child")
    os._exit(0)
os.wait()
"""
FILE = """
file_format: "1.0"
resource: {}
tracer_provider: {{processors: [{{simple: {{exporter: {{console: {{}}}}}}}}]}}
logger_provider: {{processors: [{{simple: {{exporter: {{console: {{}}}}}}}}]}}
"""


@pytest.fixture
def tell(tmp_path):
    """The resources of a program and of its forked child, by role; `words` are the program's arguments."""

    def tell(*words, **env):
        program = tmp_path / "app.py"
        program.write_text(PROGRAM)
        base = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_"))}
        done = subprocess.run(
            [BIN / "opentelemetry-instrument", sys.executable, program, *words],
            env=base | {"OTEL_TRACES_EXPORTER": "none", **env}, capture_output=True, check=True, timeout=60,
        )  # fmt: skip
        found = {line["role"]: line for line in map(json.loads, done.stdout.splitlines())}
        return found["parent"], found["child"]

    return tell


@pytest.fixture(params=["environment", "file"])
def way(request, tmp_path):
    """The variables of one way to configure the SDK, with or without resource attributes of the user's."""

    def way(**attributes):
        if request.param == "environment":
            stated = ",".join(f"{name}={value}" for name, value in attributes.items())
            return {"OTEL_RESOURCE_ATTRIBUTES": stated} if stated else {}
        file = tmp_path / "otel.yaml"
        listed = [{"name": name, "value": value} for name, value in attributes.items()]
        file.write_text(FILE.format(json.dumps({"attributes": listed} if listed else {})))
        return {"OTEL_CONFIG_FILE": str(file)}

    return way


def test_the_process_is_described_in_parent_and_child(tell, way):
    parent, child = tell(**way())
    for one in (parent, child):
        assert one["span"] == one["log"]
        assert one["span"]["process.pid"] == one["pid"]
        assert one["span"]["service.name"] == "unknown_service:app.py"
        assert one["span"]["telemetry.distro.name"] == "arc"
        assert one["span"]["process.runtime.name"] == "cpython"
    assert child["span"]["process.parent_pid"] == parent["pid"]


def test_what_the_user_states_wins_also_in_a_child(tell, way):
    stated = {"service.name": "mine", "service.instance.id": "one", "process.pid": "x", "telemetry.distro.name": "y"}
    for one in tell(**way(**stated)):
        assert {name: one["span"][name] for name in stated} == stated


def test_detectors_that_the_user_names_win(tell):
    parent, child = tell(OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="process,host", OTEL_SERVICE_NAME="named")
    for one in (parent, child):
        assert one["span"]["process.pid"] == one["pid"]
        assert one["span"]["service.name"] == "named"
        assert "host.name" in one["span"]
        assert "process.command" in one["span"]


def test_arguments_of_the_program_are_not_told(tell, personal_values):
    words = ["--token", "hunter2", "--key=hunter2", "-phunter2", "hunter2", *personal_values]
    parent, child = tell(*words, OTEL_RESOURCE_ATTRIBUTES="owner=jane.roe@example.com")
    for one in (parent, child):
        assert "app.py --token *** --key=*** -p*** ***" in one["span"]["process.command_line"]
        assert one["span"]["owner"] == "<EMAIL>"
        assert not any(value in json.dumps(one) for value in ("hunter2", *personal_values))
