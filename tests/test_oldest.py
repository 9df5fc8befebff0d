"""Plugins with the oldest versions that they are for, in an environment of their own."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv" / "oldest" / "bin" / "python"


@pytest.fixture(scope="module")
def oldest():
    """The interpreter of that environment, which `make` fills from constraints-oldest.txt."""
    subprocess.run(["make", "--silent", ".venv/.done/oldest"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return PYTHON


def test_the_environment_holds_the_oldest_versions(oldest):
    names = ("langgraph", "langchain-core", "langchain", "anthropic")
    code = f"from importlib.metadata import version; print(*map(version, {names}))"
    done = subprocess.run([oldest, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0.6.0", "0.3.67", "0.3.26", "0.49.0"]


@pytest.mark.timeout(900)  # it is a run of its own, of a few hundred tests
@pytest.mark.parametrize(
    "tests",
    [
        ["instrumentations/arc-instrumentation-langgraph/tests"],
        ["instrumentations/arc-instrumentation-langchain/tests"],
        ["instrumentations/arc-instrumentation-anthropic/tests"],
        ["tests/test_state_graph.py", "tests/test_multiagent.py"],
    ],
    ids=["langgraph", "langchain", "anthropic", "pipelines"],
)
def test_what_holds_of_the_newest_versions_holds_of_the_oldest(oldest, tests):
    done = subprocess.run(
        [oldest, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
