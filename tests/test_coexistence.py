"""Beside other instrumentors of the same library: no span twice, every request mended once."""

import os
import re
import textwrap

import pytest

RIVAL = """
    class Instrumentor:
        def instrument(self, skip_dep_check=False):
            pass  # takes no argument of Arc's, as many instrumentors do
"""


@pytest.fixture
def rival(tmp_path):
    """The PYTHONPATH of another vendor's instrumentor of the openai client."""
    info = tmp_path / "rival_openai-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: rival-openai\nVersion: 1.0\nProvides-Extra: instruments\n"
        'Requires-Dist: openai>=1; extra == "instruments"\n'
    )
    (info / "entry_points.txt").write_text("[opentelemetry_instrumentor]\nopenai = rival_openai:Instrumentor\n")
    (tmp_path / "rival_openai.py").write_text(textwrap.dedent(RIVAL))
    return os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])


def names(done):
    return re.findall(r'"name": "([^"]*)"', done.stdout.decode("latin-1"))


@pytest.mark.parametrize(
    ("settings", "model_spans"),
    [
        ({}, 0),
        ({"ARC_INSTRUMENT_OPENAI": "auto"}, 0),
        ({"ARC_INSTRUMENT_OPENAI": "enabled"}, 1),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "openai"}, 1),
    ],
)
def test_model_spans_are_left_to_an_instrumentor_that_is_there_and_requests_are_mended(
    run, model, rival, settings, model_spans
):
    done = run(PYTHONPATH=rival, OTEL_TRACES_EXPORTER="console", **settings)
    assert done.stderr == b"starting\n"
    assert names(done).count("chat gpt-4.1") == model_spans
    assert "agent.run reviewer" in names(done)
    assert model.requests[0].body["temperature"] == 0.7


@pytest.mark.parametrize(
    "settings", [{"ARC_INSTRUMENT_OPENAI": "disabled"}, {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "arc_openai"}]
)
def test_a_plugin_that_is_switched_off_neither_traces_nor_mends(run, model, settings):
    done = run(OTEL_TRACES_EXPORTER="console", **settings)
    assert "chat gpt-4.1" not in names(done)
    assert "agent.run reviewer" in names(done)
    assert model.requests[0].body["temperature"] == 0.95
