"""Providers that Arc does not configure itself, from a file or by the program: redaction is in force all the same."""

import json

import pytest

CONFIG = """
file_format: "1.0"
tracer_provider:
  processors:
    - simple:
        exporter:
          console: {}
logger_provider:
  processors:
    - simple:
        exporter:
          console: {}
"""


def test_with_a_configuration_file_spans_and_events_are_redacted(tmp_path, run, personal_values):
    file = tmp_path / "otel.yaml"
    file.write_text(CONFIG)
    done = run(OTEL_CONFIG_FILE=str(file), OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_AND_EVENT")
    said = done.stdout.decode("latin-1")
    assert done.returncode == 3
    assert '"chat gpt-4.1"' in said
    assert "<EMAIL>" in said
    for value in personal_values:
        assert value not in said
        assert json.dumps(value) not in said


def test_what_providers_of_the_program_s_own_export_is_redacted_too(run, personal_values):
    done = run(program="own_providers.py", OTEL_TRACES_EXPORTER="none")
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert '"own span"' in said
    assert said.count("<EMAIL>") >= 4  # attribute, message, stack, status; and the log record
    assert '"body"' in said
    for value in personal_values:
        assert value not in said


METRICS_FILE = """
file_format: "1.0"
meter_provider:
  readers:
    - periodic:
        exporter:
          console: {}
"""


@pytest.mark.parametrize("way", ["environment", "file"])
def test_attributes_of_metrics_are_redacted(run, personal_values, tmp_path, way):
    env = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "console"}
    if way == "file":
        file = tmp_path / "otel.yaml"
        file.write_text(METRICS_FILE)
        env = {"OTEL_CONFIG_FILE": str(file)}
    done = run(program="own_metrics.py", **env)
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert '"orders"' in said
    assert '"waiting"' in said
    assert '"/orders"' in said
    assert "<EMAIL>" in said
    for value in (*personal_values, "078051120"):
        assert value not in said
