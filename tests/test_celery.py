"""Celery's prefork pool: what tasks in its children wrote arrives once, however a child ends, and nothing hangs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from arc_testing import eventually

PROGRAMS = Path(__file__).parent / "programs"
BIN = Path(sys.executable).parent
TASKS = 6


@pytest.fixture
def environment(tmp_path, model):
    (tmp_path / "control").mkdir()
    base = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_"))}
    return base | {
        "BROKER": str(tmp_path), "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "test", "PYTHONPATH": str(PROGRAMS),
    }  # fmt: skip


@pytest.mark.parametrize("options", [(), ("--max-tasks-per-child", "1")], ids=["long-lived", "one-task"])
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_spans_of_every_child_arrive_once_and_the_worker_ends_when_it_is_told(
    arc_core, model, environment, options, protocol
):
    service = f"celery-{protocol}-{len(options)}"
    endpoint = arc_core.url if protocol == "http" else f"grpc://{arc_core.grpc}"
    traced = environment | {"ARC_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": service, "ARC_EXIT_SECONDS": "5"}
    subprocess.run([sys.executable, PROGRAMS / "tasks.py", str(TASKS)], env=environment, check=True, timeout=60)
    words = ["celery", "-A", "tasks", "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "WARNING"]
    command = [BIN / "opentelemetry-instrument", BIN / words[0], *words[1:], *options]
    with subprocess.Popen(
        command, env=traced, cwd=PROGRAMS, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as worker:
        try:
            eventually(lambda: len(model.requests) == TASKS, within_seconds=60)
            worker.send_signal(signal.SIGTERM)
            _, said = worker.communicate(timeout=30)
        finally:
            if worker.poll() is None:
                worker.kill()
    assert worker.returncode == 0, said
    assert "Traceback" not in said
    spans = eventually(lambda: [span for trace in arc_core.traces(service) for span in trace["spans"]])
    assert sorted(span["name"] for span in spans) == sorted(f"chat gpt-{number}" for number in range(TASKS))
