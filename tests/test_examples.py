"""The examples of docs do what they say; and the documents that Arc was made after work as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from arc_testing import eventually

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs/examples"
SEEDS = ROOT.parent / "shared/seeds"
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
OLD_IMPORT = r"^from (runtime|gradient\.sdk|gradient\.runtime[\w.]*) import"
needs_seeds = pytest.mark.skipif(not SEEDS.is_dir(), reason="this clone has no ../shared/seeds")

# As the document prints it under "Output Example".
PRINTED = """\
[RUNTIME] Started request a1b2c3d4 for entrypoint: my_agent
[RUNTIME] Request a1b2c3d4 | Started langgraph node: data_loader (id: node_data_loader)
[RUNTIME] Request a1b2c3d4 | COMPLETED langgraph node: data_loader (45.2ms)
[RUNTIME] Request a1b2c3d4 | Started langgraph node: processor (id: node_processor)
[RUNTIME] Request a1b2c3d4 | COMPLETED langgraph node: processor (123.7ms)
[RUNTIME] Request a1b2c3d4 | Started langgraph node: generator (id: node_generator)
[RUNTIME] Request a1b2c3d4 | COMPLETED langgraph node: generator (89.1ms)
[RUNTIME] COMPLETED request a1b2c3d4 (258.3ms)

[RUNTIME] === Request Summary ===
[RUNTIME] Request ID: a1b2c3d4-5e6f-7890-abcd-ef1234567890
[RUNTIME] Entrypoint: my_agent
[RUNTIME] Status: completed
[RUNTIME] Duration: 258.3ms
[RUNTIME] Node Executions: 3
[RUNTIME] === Node Details ===
[RUNTIME]  1. [langgraph] data_loader - COMPLETED (45.2ms)
[RUNTIME]  2. [langgraph] processor - COMPLETED (123.7ms)
[RUNTIME]  3. [langgraph] generator - COMPLETED (89.1ms)
[RUNTIME] === End Summary ===
"""


def without_times(text):
    """`text` with the same id for each request, and no times."""
    whole = ID.search(text)
    if whole is not None:
        text = text.replace(whole[0], "<id>").replace(whole[0][:8], "<short>")
    return re.sub(r"\d+\.\d+ms", "<ms>", text)


def environment(model, core, service, **env):
    base = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_", "OPENAI_"))}
    known = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "test", "ARC_COST_HOSTS": "127.0.0.1"}
    return base | known | {"ARC_ENDPOINT": core.url, "OTEL_SERVICE_NAME": service} | env


@pytest.fixture
def example(model, arc_core):
    """Run an example as its first lines say; what it printed on stdout and on stderr."""

    def example(name, *words, **env):
        path = EXAMPLES / name
        done = subprocess.run(
            [sys.executable, path.name, *words], cwd=path.parent, env=environment(model, arc_core, name, **env),
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    return example


def names(core, service):
    details = eventually(lambda: core.traces(service))
    return sorted(span["name"] for detail in details for span in detail["spans"])


def test_basic_integration_is_mended_and_says_nothing_of_it(example, model, arc_core):
    assert example("basic_integration.py") == ("fine\n", "")
    assert model.requests[0].body["temperature"] == 0.7
    assert names(arc_core, "basic_integration.py") == ["chat gpt-4.1"]


def test_with_arc_core_sends_where_the_code_says(example, arc_core):
    out = example("with_arc_core.py", f"grpc://{arc_core.grpc}", ARC_ENDPOINT="http://127.0.0.1:9")
    assert out == ("fine\ndelivered\n", "")
    assert names(arc_core, "with_arc_core.py") == ["chat gpt-4.1"]


def test_multi_agent_pipeline_counts_calls_by_agent(example, model, arc_core):
    out, err = example("multi_agent_pipeline.py")
    assert err == ""
    assert out.splitlines() == [
        "LOAN-2024-001: 2 calls of 2 agents", "  loan_officer: 1 call, 100 + 20 tokens",
        "  credit_analyst: 1 call, 100 + 20 tokens", "  hand-offs: 1",
    ]  # fmt: skip
    assert all("x-agent-name" not in one.headers for one in model.requests)


def test_langgraph_workflow_traces_its_nodes(example, arc_core):
    out, err = example("langgraph_workflow.py", OTEL_TRACES_EXPORTER="none")
    assert (out, err) == ("{'application_id': 'APP-123', 'processed': True, 'verified': True}\n", "")


def test_custom_patterns_mend_and_are_refused_where_they_can_not_be_meant(example, model):
    out, err = example("custom_patterns.py")
    first, refused, removed = out.splitlines()
    assert (first, removed, err) == ("True", "True", "")
    assert "'above'" in refused
    assert "there are: > >= <" in refused
    assert model.requests[0].body["max_tokens"] == 64


def test_entrypoint_prints_what_the_document_shows(example, arc_core):
    out, err = example("entrypoint.py")
    assert out == "WHAT THE GRAPH MAKES OF IT\n"
    assert without_times(err) == without_times(PRINTED)
    assert names(arc_core, "entrypoint.py") == [
        "agent.job my_agent", "agent.run", "agent.run data_loader", "agent.run generator", "agent.run processor",
    ]  # fmt: skip


@needs_seeds
def test_what_is_held_against_is_what_the_document_prints():
    (seed,) = SEEDS.glob("001_*.txt")
    assert PRINTED in seed.read_text("utf-8")


def test_entrypoint_is_silent_where_the_environment_says_so(example):
    assert example("entrypoint.py", ARC_CONSOLE="off") == ("WHAT THE GRAPH MAKES OF IT\n", "")


@pytest.mark.parametrize(("console", "summaries"), [(None, 0), ("summary", 1)])
def test_under_opentelemetry_instrument_nothing_is_said_unless_asked_for(run, model, arc_core, console, summaries):
    asked = {} if console is None else {"ARC_CONSOLE": console}
    done = run(program=EXAMPLES / "entrypoint.py", ARC_ENDPOINT=arc_core.url, **asked)
    assert done.stdout == b"WHAT THE GRAPH MAKES OF IT\n"
    lines = done.stderr.decode()
    assert lines.count("=== Request Summary ===") == summaries
    assert "Started request" not in lines
    assert bool(lines) is bool(summaries)


def test_manual_requests_hold_what_ran_between_start_and_end(example):
    out, err = example("manual_requests.py")
    assert out == "completed {'result': 'success of test'} ['answer']\n"
    assert "[RUNTIME] Entrypoint: my_function\n" in err
    assert "[RUNTIME]  1. [langgraph] answer - COMPLETED" in err


def test_custom_tracker_is_told_of_each_node(example):
    out, err = example("custom_tracker.py")
    assert out.splitlines() == [
        "langgraph node answer started", "langgraph node answer ended: well, outputs=None", "Tracked 1 executions",
    ]  # fmt: skip
    assert err == ""


def test_a_made_up_framework_has_a_plugin_of_less_than_sixty_lines(example, arc_core):
    out, err = example("made_up_framework/program.py")
    assert out == "HAND ON\n"
    assert re.findall(r"\d\. (.*) - COMPLETED", err) == ["[relay] load", "[relay] shout"]
    assert names(arc_core, "made_up_framework/program.py") == [
        "agent.job my_relay", "agent.run load", "agent.run shout",
    ]  # fmt: skip
    assert len((EXAMPLES / "made_up_framework/relay_plugin.py").read_text("utf-8").splitlines()) < 60


def blocks(number):
    (seed,) = SEEDS.glob(f"{number}_*.txt")
    found = re.findall(r"^ *```python\n(.*?)^ *```", seed.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    margin = [
        re.sub(r"^   (?= *\S)", "", code, flags=re.MULTILINE) if code.startswith("   ") else code for code in found
    ]
    return [re.sub(OLD_IMPORT, "from arc_runtime import", code, flags=re.MULTILINE) for code in margin]


@needs_seeds
def test_the_python_of_document_000_works_as_it_is_printed(model, arc_core, tmp_path):
    functions = "process_fn = verify_fn = lambda state: {'seen': True}\n"
    # Where nobody listens is given once Arc has started already: nothing is sent there.
    program = "\n".join([functions, *blocks("000"), "print(result, summary['calls'])"])
    done = ran(program, tmp_path, environment(model, arc_core, "document-000"))
    assert done.stdout.splitlines()[-1] == "{'application_id': 'APP-123', 'seen': True} 2"
    assert model.requests[0].body["temperature"] == 0.7
    assert [line for line in done.stderr.splitlines() if "comes too late" not in line] == []


@needs_seeds
def test_the_python_of_document_001_works_as_it_is_printed(model, arc_core, tmp_path):
    automatic, manual, framework, registering, tracker, testing = blocks("001")
    register = registering.replace("self._instrumentors.append(", "runtime.register_instrumentor(")
    assert register != registering
    graph = (
        "from pathlib import Path\nimport sys\nsys.path.insert(0, sys.argv[1])\n"
        + (EXAMPLES / "entrypoint.py").read_text("utf-8").partition("@entrypoint")[0]
    )
    called = "print(my_agent('what is loaded'))"
    own = "    _installed = False\n"
    tracked = "runtime.register_tracker(MyCustomTracker())"
    program = "\n".join([graph, automatic, called, manual, framework + own, register, tracker, tracked, testing])
    done = ran(program, tmp_path, environment(model, arc_core, "document-001"))
    assert done.stdout == "WHAT IS LOADED\nTracked 1 executions\n"
    assert without_times(done.stderr).startswith(without_times(PRINTED))


def ran(program, folder, env):
    path = folder / "program.py"
    path.write_text(program)
    done = subprocess.run(
        [sys.executable, path, EXAMPLES], env=env, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done
