"""Calls that Arc's plugins do not see: the spans of another instrumentor say which entries match."""

import json
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
FIX = "arc.gpt-4.1.temperature"


def test_the_spans_of_another_instrumentor_say_what_would_have_helped(environment, run_in, model):
    python = environment("openai-v2", "opentelemetry-instrumentation-openai-v2", "openai-2")
    instrument = python.with_name("opentelemetry-instrument")
    program = PROGRAMS / "suggested.py"
    given = {"OPENAI_BASE_URL": model.url, "OTEL_TRACES_EXPORTER": "none"}
    stdout = run_in([instrument, python, program], OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="arc_openai", **given)
    spans = [json.loads(line) for line in stdout.splitlines()]
    assert [(span["temperature"], span["suggested"]) for span in spans] == [(0.95, [FIX]), (0.5, None)]
    assert {span["scope"] for span in spans} == {"opentelemetry.util.genai.handler"}  # which it writes its spans by
    assert [sent.body["temperature"] for sent in model.requests] == [0.95, 0.5]


def test_what_arc_itself_applied_is_no_suggestion(environment, run_in, model):
    python = environment("openai-v2", "opentelemetry-instrumentation-openai-v2", "openai-2")
    given = {"OPENAI_BASE_URL": model.url, "OTEL_TRACES_EXPORTER": "none"}
    stdout = run_in([python.with_name("opentelemetry-instrument"), python, PROGRAMS / "suggested.py"], **given)
    spans = [json.loads(line) for line in stdout.splitlines()]
    assert [(span["suggested"], span["applied"]) for span in spans] == [(None, [FIX]), (None, None)]
    assert [sent.body["temperature"] for sent in model.requests] == [0.7, 0.5]


@pytest.mark.parametrize("fixes", ["on", "off"])
def test_so_they_do_where_the_sdk_is_configured_by_a_file(run, tmp_path, fixes):
    file = tmp_path / "otel.yaml"
    processors = "processors: [{simple: {exporter: {console: {}}}}]"
    file.write_text(f'file_format: "1.0"\ntracer_provider: {{{processors}}}\n')
    done = run(program="foreign_spans.py", OTEL_CONFIG_FILE=str(file), ARC_FIXES=fixes)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().count('"name": "chat gpt-4.1"') == 2
    assert done.stdout.decode().count(FIX) == (1 if fixes == "on" else 0)
