"""A pipeline on its whole way: `opentelemetry-instrument`, OTLP, Arc Core."""

import pytest
from arc_semconv import attributes as semconv
from arc_testing import eventually


@pytest.mark.parametrize("plugin", ["on", "off"])
def test_a_pipeline_is_one_trace_in_arc_core(run, arc_core, plugin):
    service = f"pipeline-{plugin}"
    off = {f"ARC_INSTRUMENT_{name}": "disabled" for name in ("LANGGRAPH", "LANGCHAIN") if plugin == "off"}
    done = run(
        program="pipeline.py", ARC_ENDPOINT=arc_core.url, OTEL_SERVICE_NAME=service, ARC_COST_HOSTS="127.0.0.1", **off
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    pipeline_id, _, rest = done.stdout.decode().partition(" ")
    (trace,) = eventually(lambda: arc_core.traces(service))
    names = [span["name"] for span in trace["spans"]]
    if off:  # whoever switches the plugins off means it
        assert names == ["agent.job loan", "chat gpt-4.1", "chat gpt-4.1"]
        assert "{'officer': 1, 'analyst': 0}" in rest
    else:
        assert names == ["agent.job loan", "chat gpt-4.1", "agent.run review", "agent.run analyst", "chat gpt-4.1"]
        assert "{'officer': 1, 'analyst': 1, 'review': 0}" in rest
    for span in trace["spans"]:
        assert span["attributes"][semconv.PIPELINE_ID] == pipeline_id
        assert span["attributes"][semconv.APPLICATION_ID] == "LOAN-2024-001"
    assert trace["trace"]["cost_usd"] == pytest.approx(float(rest.split()[-1]))
    (event,) = trace["spans"][0]["events"]
    assert event["attributes"][semconv.HANDOFF_TO] == "analyst"
