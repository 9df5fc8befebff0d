import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import arc_core.demo
import msgspec
import pytest
from arc_core.demo import Exchange, Received, ReplayServer
from arc_core.demo._replay import answers

HERE = Path(arc_core.demo.__file__).parent
EXCHANGES = json.loads((HERE / "exchanges.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def bare() -> tuple[subprocess.CompletedProcess[str], list[Received]]:
    """The application as a stranger runs it, without Arc, and what it asked the model."""
    with ReplayServer(EXCHANGES) as server:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_"))}
        env = inherited | {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "demo", "LANGSMITH_TRACING": "false"}
        command = [sys.executable, str(HERE / "loan_agents.py")]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done, server.requests


def test_the_application_succeeds_and_prints_its_decision_alone(
    bare: tuple[subprocess.CompletedProcess[str], list[Received]],
) -> None:
    done, _ = bare
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Application LN-20817 is approved")
    assert done.stdout.endswith("4 December.\n")


def test_it_asks_the_model_five_times_with_one_temperature_out_of_range(
    bare: tuple[subprocess.CompletedProcess[str], list[Received]],
) -> None:
    _, requests = bare
    asked = [(body["model"], body["temperature"], body.get("stream", False)) for _, body, _ in requests]
    assert asked == [
        ("gpt-4.1-mini", 0, False),
        ("gpt-4.1", 0.2, False),
        ("gpt-4.1", 0.2, False),
        ("gpt-4.1", 0.2, False),
        ("gpt-4.1", 0.95, True),
    ]


def test_only_the_first_request_holds_personal_data(
    bare: tuple[subprocess.CompletedProcess[str], list[Received]],
) -> None:
    _, requests = bare
    for secret in ("dana.whitfield@example.com", "536-22-8714", "+1 415-555-0132"):
        assert [secret in json.dumps(body) for _, body, _ in requests] == [True, False, False, False, False]


def test_the_bureau_that_fails_is_told_to_the_analyst_who_asks_the_other(
    bare: tuple[subprocess.CompletedProcess[str], list[Received]],
) -> None:
    _, requests = bare
    results = [body["messages"][-1]["content"] for _, body, _ in requests if body["messages"][-1]["role"] == "tool"]
    assert len(results) == 2
    assert "TimeoutError" in results[0]
    assert "score 731" in results[1]


def test_it_imports_nothing_of_arc_and_is_short() -> None:
    source = (HERE / "loan_agents.py").read_text("utf-8")
    nodes = list(ast.walk(ast.parse(source)))
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    assert not [name for name in modules if name.startswith(("arc", "opentelemetry"))]
    assert len(source.splitlines()) < 150


def test_every_exchange_answers_one_request(bare: tuple[subprocess.CompletedProcess[str], list[Received]]) -> None:
    _, requests = bare
    exchanges = msgspec.convert(EXCHANGES, list[Exchange])
    assert [[answers(exchange, request) for request in requests].count(True) for exchange in exchanges] == [1] * 5
