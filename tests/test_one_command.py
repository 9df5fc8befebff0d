"""The main job: a program runs under `opentelemetry-instrument`, is mended and redacted, and Arc Core shows it."""

import json

import pytest
from arc_testing import eventually


def trace_of(core, service):
    return eventually(lambda: core.traces(service))[0]


def shape(detail):
    """The trace as nested names."""
    spans = detail["spans"]

    def below(parent):
        inside = (f"{span['name']}{below(span['span_id'])}" for span in spans if span["parent_id"] == parent)
        joined = " ".join(inside)
        return f"({joined})" if joined and parent else joined

    return below(None)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_program_is_traced_mended_and_redacted_without_a_line_changed(arc_core, run, model, protocol):
    service = f"loan-{protocol}"
    endpoint = arc_core.url if protocol == "http" else f"grpc://{arc_core.grpc}"
    done = run(
        ARC_ENDPOINT=endpoint,
        OTEL_SERVICE_NAME=service,
        ARC_COST_HOSTS="127.0.0.1",
        ARC_EXIT_SECONDS="60",  # half of it is for the price list, which a busy machine reads slowly
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_ONLY",
    )
    assert (done.returncode, done.stderr) == (3, b"starting\n")
    assert model.requests[0].body["temperature"] == 0.7
    detail = trace_of(arc_core, service)
    assert shape(detail) == "agent.job loan(agent.run reviewer(chat gpt-4.1) agent.run refuser)"
    (call,) = [span for span in detail["spans"] if span["kind"] == "llm"]
    assert call["fix"] == {
        "ids": ["arc.gpt-4.1.temperature"],
        "mode": "on",
        "trigger": "before",
        "outcome": "ok",
        "changes": [{"path": "temperature", "old": 0.95, "new": 0.7}],
    }
    assert (call["input_tokens"], call["output_tokens"]) == (100, 20)
    assert call["cost_usd"] == 0.00036
    assert call["attributes"]["arc.cost.usd"] == "0.00036"
    assert call["attributes"]["arc.cost.price_list"].startswith("genai-prices ")
    assert sorted(call["redactions"]["types"]) == ["CARD", "EMAIL", "PHONE", "SECRET", "US_SSN"]
    assert "<EMAIL>, <CARD>, <US_SSN>, <PHONE>, <SECRET>" in json.dumps(call["input_messages"])
    assert detail["trace"]["status"] == "error"
    assert detail["trace"]["fixes"] == 1


def test_a_stream_that_the_program_still_holds_at_its_end_is_sent(arc_core, run):
    done = run(program="held_stream.py", ARC_ENDPOINT=arc_core.url, OTEL_SERVICE_NAME="held")
    assert (done.returncode, done.stderr) == (0, b"")
    (span,) = trace_of(arc_core, "held")["spans"]
    assert (span["name"], span["status"]) == ("chat gpt-4.1", "cancelled")


def test_no_personal_value_is_anywhere_in_what_is_stored_served_or_said(tmp_path, run, personal_values):
    from arc_testing._core import running_core

    data = tmp_path / "data"
    with running_core(data) as core:
        done = run(
            ARC_ENDPOINT=core.url,
            ARC_LOG_LEVEL="DEBUG",
            OTEL_SERVICE_NAME="private",
            OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_AND_EVENT",
        )
        detail = trace_of(core, "private")
        served = json.dumps([core.get("/api/v1/traces"), detail])
    assert "refuser" in served
    stored = raw_rows(data) + "".join(read(file) for file in data.rglob("*") if file.is_file())
    assert "reviewer" in stored
    assert "gen_ai.client.inference.operation.details" in stored
    said = done.stderr.decode()
    for secret in personal_values:
        for place, text in {"served": served, "stored": stored, "said": said}.items():
            assert secret not in text, f"{secret} is {place}"


def read(file):
    return file.read_bytes().decode("latin-1")


def raw_rows(data):
    """Every table of the store as text, read by an engine of its own: files on disk are compressed."""
    import subprocess
    import sys

    dump = (
        "import chdb, json, sys\n"
        "connection = chdb.connect(sys.argv[1])\n"
        "def ask(sql): return [json.loads(line) for line in connection.query(sql, 'JSONEachRow').bytes().splitlines()]\n"
        "tables = ask(\"SELECT database, name FROM system.tables WHERE database NOT IN ('system', 'INFORMATION_SCHEMA', "
        "'information_schema') AND engine NOT IN ('Null', 'MaterializedView')\")\n"
        "for table in tables:\n"
        "    sys.stdout.buffer.write(connection.query(f\"SELECT * FROM {table['database']}.{table['name']}\", 'JSONEachRow').bytes())\n"
    )
    done = subprocess.run([sys.executable, "-c", dump, str(data)], capture_output=True, check=True)
    return done.stdout.decode()
