"""The gateway writes into the store of Arc Core by the Collector's own exporter, over ClickHouse's HTTP interface.

chDB behind that interface stands in for the server; its native protocol is not spoken here.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from arc_testing import eventually, free_ports, running_collector, running_core
from hops import CONFIGS, FRONT_SECRET, OF_TENANT, TENANT_HEADER, Spans, post

SERVER = Path(__file__).parents[2] / "src/arc-core/tests/clickhouse_over_http.py"


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory):
    """The address of a ClickHouse that has Arc Core's tables in the database `arc`."""
    port = free_ports(1)[0]
    folder = tmp_path_factory.mktemp("clickhouse")
    with subprocess.Popen(
        [sys.executable, str(SERVER), str(folder / "store"), str(port)], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith("ready")
            yield f"127.0.0.1:{port}"
        finally:
            server.kill()


def test_what_the_exporter_writes_arc_core_shows_under_the_tenant_of_the_gateway(
    clickhouse, tmp_path, monkeypatch, quick_gateway
):
    monkeypatch.setenv("ARC_CORE_STORE", f"clickhouse://default@{clickhouse}/arc")
    with running_core(tmp_path / "core", "--gateway-secret", "reader") as core:
        env = {
            "COLLECTOR_GATEWAY_SECRET": FRONT_SECRET,
            "COLLECTOR_CLICKHOUSE_URL": f"http://{clickhouse}",
            "COLLECTOR_CLICKHOUSE_DATABASE": "arc",
            "COLLECTOR_CLICKHOUSE_COMPRESS": "none",
        }
        with running_collector([*quick_gateway, CONFIGS / "clickhouse.yaml"], tmp_path / "gateway", **env) as gateway:
            made = Spans("straight")
            attributes = {"arc.span.kind": "llm", "gen_ai.request.model": "gpt-4.1", "gen_ai.usage.input_tokens": 12}
            with made.tracer.start_as_current_span("agent.run broker", attributes={"arc.span.kind": "run"}) as root:
                made.tracer.start_span("chat gpt-4.1", attributes=attributes).end()
                root.add_event("told", {"word": "fine"})
            assert post(gateway, made.taken(), OF_TENANT | {TENANT_HEADER: "default"}) == 200
            other = Spans("straight")
            other.tracer.start_span("other").end()
            assert post(gateway, other.taken(), OF_TENANT | {TENANT_HEADER: "bolt"}) == 200
            read = {"x-arc-gateway-secret": "reader", TENANT_HEADER: "default"}

            def look():
                return core.get("/api/v1/traces?service=straight", **read)["traces"]

            eventually(lambda: gateway.count("exporter_sent_spans", exporter="clickhouse") == 3, within_seconds=30)
            (trace,) = eventually(look, within_seconds=20)
            found = core.get(f"/api/v1/traces/{trace['trace_id']}", **read)
    spans = {span["name"]: span for span in found["spans"]}
    assert set(spans) == {"agent.run broker", "chat gpt-4.1"}
    assert spans["chat gpt-4.1"]["kind"] == "llm"
    assert spans["chat gpt-4.1"]["attributes"]["gen_ai.usage.input_tokens"] == "12"
    assert spans["agent.run broker"]["events"][0]["name"] == "told"
