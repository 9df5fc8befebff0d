import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from arc_core.demo import ReplayServer

# Modules beside the tests are imported by name: tests are collected with import mode importlib.
sys.path.insert(0, str(Path(__file__).parent))
ROOT = Path(__file__).parent.parent
PLUGIN = ("src/arc-semconv", "src/arc-prices", "src/arc-runtime", "instrumentations/arc-instrumentation-openai")
PROGRAMS = Path(__file__).parent / "programs"
ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-2025-04-14",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "fine"}}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
}  # fmt: skip
STREAM = [
    {"data": {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1",
              "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}},
] * 3 + [{"data": "[DONE]"}]  # fmt: skip
SECRETS = (
    "jane.roe@example.com",
    "4111 1111 1111 1111",
    "078-05-1120",
    "+44 20 7946 0958",
    "sk-proj-abcDEF1234567890abcDEF",
)
"""Values that must be nowhere but in the program and on its way to the model."""


@pytest.fixture
def personal_values():
    return SECRETS


@pytest.fixture(scope="session")
def recorded():
    """What the model answers: streams to those who ask for one, whole answers to others."""
    return [{"match": {"stream": True}, "response_sse": STREAM}, {"match": {"stream": None}, "response": ANSWER}]


@pytest.fixture
def model(recorded):
    with ReplayServer(recorded) as server:
        yield server


@pytest.fixture
def run(model):
    """Run a program, bare or under `opentelemetry-instrument`; the finished process."""

    def run(*words, instrumented=True, program="loan.py", timeout=60, **env):
        command = [sys.executable, str(PROGRAMS / program), *words]
        if instrumented:
            command.insert(0, str(Path(sys.executable).with_name("opentelemetry-instrument")))
        base = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_"))}
        given = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "test", "SECRETS": "|".join(SECRETS), **env}
        return subprocess.run(command, env=base | given, capture_output=True, timeout=timeout, check=False)

    return run


def build(folder, requirement, pins):
    uv = str(Path(sys.executable).with_name("uv"))
    ours = [word for package in PLUGIN for word in ("--editable", str(ROOT / package))]
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", folder / "bin/python", "--constraint", pins]
    subprocess.run([*install, *ours, "openai", requirement], check=True)


@pytest.fixture
def environment():
    """The Python of an environment with the openai plugin and another distribution, by the versions in tests/peers.

    It is under .venv/peers, and made anew when what it is made of has changed.
    """

    def environment(name, requirement, pins):
        pinned = ROOT / f"tests/peers/{pins}.txt"
        sources = [pinned, *(ROOT / package / "pyproject.toml" for package in PLUGIN)]
        made_of = hashlib.sha256(b"".join(path.read_bytes() for path in sources) + requirement.encode()).hexdigest()
        folder = ROOT / ".venv/peers" / f"{name}-{pins}"
        folder.parent.mkdir(exist_ok=True)
        stamp = folder / "made-of"
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # test workers are several processes
            if not stamp.exists() or stamp.read_text() != made_of:
                build(folder, requirement, pinned)
                stamp.write_text(made_of)
        return folder / "bin/python"

    return environment


@pytest.fixture
def run_in(tmp_path):
    """Run a command in one of those environments, where nothing sends anything anywhere; its output."""
    prices = tmp_path / "prices.json"
    prices.write_text("{}")
    nowhere = "http://127.0.0.1:9"
    quiet = {
        "OPENAI_API_KEY": "test", "PRICES": str(prices),
        "LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": nowhere, "LANGSMITH_API_KEY": "test",
        "DD_TRACE_AGENT_URL": nowhere, "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    }  # fmt: skip

    def run_in(command, **env):
        # The first program compiles what it imports, for those that come after.
        others = ("OTEL_", "ARC_", "PYTHONDONTWRITEBYTECODE")
        base = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        done = subprocess.run(command, env=base | quiet | env, capture_output=True, text=True, timeout=110, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        assert "Failed to detach context" not in done.stderr
        assert "arc-instrumentation-openai:" not in done.stderr, done.stderr[-4000:]
        return done.stdout

    return run_in
