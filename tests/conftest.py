import os
import subprocess
import sys
from pathlib import Path

import pytest
from arc_core.demo import ReplayServer

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


@pytest.fixture
def model():
    with ReplayServer([
        {"match": {"stream": True}, "response_sse": STREAM},
        {"match": {"stream": None}, "response": ANSWER},
    ]) as server:  # fmt: skip
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
