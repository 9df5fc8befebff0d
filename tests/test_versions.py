"""Versions that the tests do not cover: what fits works, and one line says so; what is too old is refused in a line."""

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

ARC = Path(sys.executable).with_name("arc")


@pytest.fixture
def claim(tmp_path):
    """A PYTHONPATH with metadata that claim another version of a distribution; its code stays what it is."""

    def claim(name, release):
        info = tmp_path / f"{name.replace('-', '_')}-{release}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n")
        (info / "entry_points.txt").write_text(distribution(name).read_text("entry_points.txt") or "")
        return str(tmp_path)

    return claim


def lines(done):
    return [line for line in done.stderr.decode().splitlines() if line != "starting"]


@pytest.mark.parametrize(
    ("library", "release", "tested"),
    [
        ("openai", "4.0.0", "openai<4,>=1.66"),
        ("langgraph", "2.0.0rc1", "langgraph<2,>=0.6"),
        ("langchain-core", "2.1", "langchain-core<2,>=0.3.67"),
        ("opentelemetry-sdk", "1.46.0", "opentelemetry-sdk<1.46,>=1.45"),
    ],
)
def test_a_newer_version_works_and_is_warned_of(run, model, claim, library, release, tested):
    done = run(PYTHONPATH=claim(library, release), OTEL_TRACES_EXPORTER="console")
    (line,) = lines(done)
    assert line.startswith(f"arc: {library} {release} is outside of what Arc is tested with, {tested}")
    assert model.requests[0].body["temperature"] == 0.7
    for name in ("agent.job loan", "agent.run reviewer", "chat gpt-4.1"):
        assert f'"name": "{name}"' in done.stdout.decode("latin-1")


def test_a_version_that_is_too_old_is_refused_in_a_line(run, model, claim):
    done = run(PYTHONPATH=claim("openai", "1.2.0"), OTEL_TRACES_EXPORTER="none")
    (line,) = lines(done)
    assert line.startswith('arc: arc_openai only instruments "openai>=1.66')
    assert "1.2.0" in line
    assert model.requests[0].body["temperature"] == 0.95


def test_a_library_that_the_program_does_not_import_is_not_warned_of(run, claim):
    done = run(program="show_environment.py", PYTHONPATH=claim("openai", "4.0.0"), OTEL_TRACES_EXPORTER="none")
    assert lines(done) == []


@pytest.mark.parametrize(
    ("library", "release", "finding"),
    [("openai", "4.0.0", "plugin arc_openai"), ("opentelemetry-sdk", "1.46.0", "OpenTelemetry")],
)
def test_doctor_names_an_untested_version(claim, library, release, finding):
    env = os.environ | {"PYTHONPATH": claim(library, release), "OTEL_TRACES_EXPORTER": "none"}
    done = subprocess.run([ARC, "doctor", "--json"], env=env, capture_output=True, timeout=60, check=False)
    found = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert found[finding]["state"] == "warning"
    assert release in found[finding]["detail"]
