"""`get_runtime_manager()`: requests by hand, trackers by code and entry point, instrumentors on and off."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "docs/examples/made_up_framework"

INSTRUMENTORS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import relay
from arc_runtime import get_runtime_manager
from arc_runtime.errors import ArcError
from relay_plugin import RelayInstrumentor

manager = get_runtime_manager()
told = [{one.name: one.state for one in manager.list_instrumentors()}]
manager.register_instrumentor(RelayInstrumentor())
original = RelayInstrumentor()._original
told.append([manager.enable("arc_langgraph").state, manager.enable("langgraph").state, manager.status("relay").state])
told.append([manager.disable("arc_langgraph").state, manager.disable("relay").state, manager.disable("relay").state])
told.append(relay.Relay.run_stage is original)
try:
    manager.enable("nothing")
except ArcError as error:
    told.append(str(error))
for name, value in (("granularity", "atom"), ("verbosity", "loud")):
    try:
        setattr(manager, name, value)
    except ValueError as error:
        told.append(str(error))
for wrong in (manager.register_tracker, manager.register_instrumentor):
    try:
        wrong(5)
    except TypeError as error:
        told.append(str(error))
print(json.dumps(told))
"""
REQUESTS = """
import threading
from arc_runtime import get_runtime_manager

manager = get_runtime_manager()
outer = manager.start_request("outer", inputs={"a": 1})
inner = manager.start_request("inner")
assert manager.current_request is inner and inner.parent is outer
assert manager.end_request(outputs=2) is inner
assert manager.current_request is outer

def elsewhere():
    assert manager.current_request is None
    assert manager.end_request() is None
    assert manager.end_request(error=ValueError("for jane.roe@example.com"), request=outer) is outer

thread = threading.Thread(target=elsewhere)
thread.start()
thread.join()
assert outer.status == "failed" and inner.outputs == 2
try:
    with manager.request("block") as block:
        raise KeyError("x")
except KeyError:
    pass
assert (block.status, block.inputs) == ("failed", {})
with manager.request("good", {"b": 2}) as good:
    good.outputs = 3
print(good.status, good.outputs, dict(good.inputs), [one.node_name for one in outer.executions])
"""
TRACKER = """
from arc_runtime import DefaultExecutionTracker

KEPT = DefaultExecutionTracker()


def tracker():
    return KEPT


def broken():
    raise RuntimeError("no tracker today")
"""


def ran(program, *words, **env):
    base = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_"))}
    given = {"OTEL_TRACES_EXPORTER": "none", "ARC_CONSOLE": "off", **env}
    done = subprocess.run(
        [*words, sys.executable, "-c", program, EXAMPLES], env=base | given, capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_instrumentors_are_listed_and_switched_on_and_off():
    done = ran(INSTRUMENTORS)
    listed, on, off, restored, unknown, *refused = json.loads(done.stdout)
    assert {name: state for name, state in listed.items() if name.startswith("arc_")} == {
        "arc_openai": "off", "arc_anthropic": "off", "arc_langgraph": "off", "arc_langchain": "off",
    }  # fmt: skip
    assert on == ["on", "on", "on"]
    assert off == ["off", "off", "off"]
    assert restored
    assert unknown.startswith("no instrumentor 'nothing'; there are: relay, ")
    assert refused == [
        "granularity 'atom' is none of job, run, tool, llm",
        "verbosity 'loud' is none of off, summary, live, json",
        "a tracker is an ExecutionTracker, and this is of type int",
        "an instrumentor is a FrameworkInstrumentor, and this is of type int",
    ]
    assert done.stderr == ""


def test_requests_by_hand_nest_and_can_be_ended_elsewhere():
    done = ran(REQUESTS)
    assert done.stdout == "completed 3 {'b': 2} ['inner']\n"
    assert done.stderr.splitlines() == [
        "arc: end_request: no request is under way in this thread or task; name it: end_request(request=...)"
    ]


@pytest.fixture
def installed(tmp_path):
    """A folder with the made-up framework and its plugin installed, and two trackers, one of which can't be loaded."""
    folder = tmp_path / "site"
    folder.mkdir()
    for name in ("relay.py", "relay_plugin.py"):
        (folder / name).write_text((EXAMPLES / name).read_text("utf-8"))
    (folder / "trackers.py").write_text(TRACKER)
    metadata = folder / "relay_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: relay-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[opentelemetry_instrumentor]\narc_relay = relay_plugin:RelayInstrumentor\n"
        "[arc.trackers]\nbroken = trackers:broken\nkept = trackers:tracker\n"
    )
    return str(folder)


@pytest.mark.parametrize("way", ["opentelemetry-instrument", "Arc()"])
def test_a_plugin_and_a_tracker_that_are_installed_are_found(installed, way):
    start = "" if way == "opentelemetry-instrument" else "from arc_runtime import Arc; Arc()\n"
    program = start + (
        "import relay, trackers\n"
        "def load(baton): return baton\n"
        "def fail(baton): raise KeyError(baton)\n"
        "try: relay.Relay(load, fail).run('x')\n"
        "except KeyError: pass\n"
        "for one in trackers.KEPT.get_executions(): print(one.framework, one.node_name, one.status, one.inputs, one.outputs)\n"
    )
    words = [str(Path(sys.executable).with_name(way))] if not start else []
    done = ran(program, *words, PYTHONPATH=installed)
    assert done.stdout.splitlines() == [
        "relay load completed {'baton': 'x'} {'baton': 'x'}",
        "relay fail failed {'baton': 'x'} None",
    ]
    (line,) = done.stderr.splitlines()
    assert "loading tracker broken failed" in line
    assert "no tracker today" in line
