"""The examples against OpenAI's own API: `make live` with OPENAI_API_KEY set; a run costs less than a cent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from arc_testing import eventually

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


@pytest.mark.parametrize("name", ["basic_integration.py", "multi_agent_pipeline.py", "custom_patterns.py"])
def test_the_examples_work_with_the_real_api(name, arc_core):
    assert "OPENAI_API_KEY" in os.environ, "set OPENAI_API_KEY to a key of OpenAI's API"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ARC_"))}
    service = f"real-{name}"
    done = subprocess.run(
        [sys.executable, name], cwd=EXAMPLES, env=env | {"ARC_ENDPOINT": arc_core.url, "OTEL_SERVICE_NAME": service},
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    calls = [span for detail in eventually(lambda: arc_core.traces(service)) for span in detail["spans"]]
    assert {span["status"] for span in calls} == {"ok"}
    assert all(span["input_tokens"] > 0 for span in calls if span["kind"] == "llm")
