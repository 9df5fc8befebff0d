"""SDK -> agent -> gateway -> Arc Core, while each of them is killed: what the agent acknowledged arrives, once."""

import os
import subprocess
import time

import pytest
from arc_testing import collector_program, eventually, running_collector
from hops import (
    CONFIGS,
    CORE_SECRET,
    FRONT_SECRET,
    GATEWAY,
    OF_TENANT,
    Core,
    Sender,
    Spans,
    chain,
    drained,
    ids,
    overlay,
    post,
)

SPANS = int(os.environ.get("ARC_TEST_SPANS", "9000"))
"""200,000 in `make soak`."""
AWAY_SECONDS = float(os.environ.get("ARC_TEST_AWAY_SECONDS", "3"))
"""120 in `make soak`."""
PATIENCE_SECONDS = 60 + SPANS / 200


def stored(core):
    """Trace and span ids in the store, how many rows there are, and how many before merges."""
    rows = core.rows("SELECT TraceId AS t, SpanId AS s FROM arc.spans FINAL")
    (raw,) = core.rows("SELECT count() AS n FROM arc.spans")
    return {(row["t"], row["s"]) for row in rows}, len(rows), raw["n"]


def counts(agent, gateway):
    """What each hop says it took and sent."""
    return {
        "agent took": agent.count("receiver_accepted_spans"),
        "agent refused": agent.count("receiver_refused_spans"),
        "agent sent": agent.count("exporter_sent_spans"),
        "gateway took": gateway.count("receiver_accepted_spans", receiver="otlp"),
        "gateway refused": gateway.count("receiver_refused_spans", receiver="otlp"),
        "gateway sent": gateway.count("exporter_sent_spans", exporter="otlp_http/arc"),
    }


def generated(agent):
    """How many spans of telemetrygen the agent took; what it made too fast, its own SDK drops."""
    words = ["traces", "--otlp-insecure", "--otlp-endpoint", agent.grpc, "--traces", "200", "--workers", "2"]
    words += ["--child-spans", "3", "--rate", "0", "--service", "generated"]
    done = subprocess.run([collector_program("telemetrygen"), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return agent.count("receiver_accepted_spans")


def test_what_the_agent_acknowledged_arrives_once_while_every_hop_is_killed(tmp_path, capsys):
    with chain(tmp_path) as (agent, gateway, core):
        over_grpc = generated(agent)
        sender = Sender(agent.http, SPANS)
        sender.start()

        def reaches(share):
            eventually(lambda: len(sender.acknowledged) >= SPANS * share, within_seconds=PATIENCE_SECONDS)

        for share, hop in ((0.15, agent), (0.3, gateway), (0.45, core)):
            reaches(share)
            hop.kill()
            hop.start()
        reaches(0.6)
        core.kill()
        time.sleep(AWAY_SECONDS)
        core.start()
        sender.join(PATIENCE_SECONDS)
        assert not sender.is_alive()
        eventually(drained(agent, gateway), within_seconds=PATIENCE_SECONDS)
        told = counts(agent, gateway)
        core.stop()
        found, rows, raw = stored(core)
    with capsys.disabled():
        print(f"\n  telemetrygen {over_grpc}; sent and acknowledged {len(sender.acknowledged)}, sent again {sender.refused} batches; {told}; rows {rows}, before merges {raw}")  # fmt: skip
    assert len(sender.acknowledged) == SPANS
    assert sender.acknowledged <= found
    assert rows == len(found) == SPANS + over_grpc > SPANS
    assert told["gateway sent"] >= len(found)


def test_an_agent_whose_disk_is_full_refuses_and_loses_nothing_it_took(tmp_path, small_disk, quick_gateway):
    core = Core(tmp_path / "core")
    core.start()
    env = {"COLLECTOR_GATEWAY_SECRET": FRONT_SECRET, "COLLECTOR_ARC_GATEWAY_SECRET": CORE_SECRET}
    front = overlay(tmp_path, "front", OF_TENANT)
    try:
        with running_collector(quick_gateway, tmp_path / "gateway", COLLECTOR_ARC_URL=core.url, **env) as gateway:
            url = f"http://{gateway.http}"
            gateway.stop()
            with running_collector((CONFIGS / "agent.yaml", front), small_disk, COLLECTOR_ARC_URL=url) as agent:
                sender = Sender(agent.http, 4000)
                ballast = small_disk / "ballast"
                with ballast.open("wb") as file, pytest.raises(OSError, match="No space"):
                    while True:
                        file.write(bytes(65536))
                        file.flush()
                sender.start()
                eventually(lambda: agent.count("receiver_refused_spans") > 0, within_seconds=60)
                agent.kill()
                ballast.unlink()
                agent.start()
                gateway.start()
                sender.join(60)
                assert not sender.is_alive()
                eventually(drained(agent, gateway), within_seconds=60)
        core.stop()
        found, rows, _ = stored(core)
    finally:
        core.stop()
    assert found == sender.acknowledged
    assert rows == 4000


def test_a_span_larger_than_a_batch_arrives(tmp_path):
    made = Spans("large")
    made.tracer.start_span("chat gpt-4.1", attributes={f"part.{n}": "loan " * 12_600 for n in range(100)}).end()
    batch = made.taken()
    core = Core(tmp_path / "core")
    core.start()
    env = {"COLLECTOR_GATEWAY_SECRET": FRONT_SECRET, "COLLECTOR_ARC_GATEWAY_SECRET": CORE_SECRET}
    front = overlay(tmp_path, "front", OF_TENANT)
    try:
        with running_collector(GATEWAY, tmp_path / "gateway", COLLECTOR_ARC_URL=core.url, **env) as gateway:
            url = f"http://{gateway.http}"
            with running_collector((CONFIGS / "agent.yaml", front), tmp_path / "agent", COLLECTOR_ARC_URL=url) as agent:
                assert post(agent, batch, {}) == 200
                eventually(
                    lambda: gateway.count("exporter_sent_spans", exporter="otlp_http/arc") >= 1, within_seconds=60
                )
        core.stop()
        assert stored(core)[0] == ids(batch)
    finally:
        core.stop()
