"""Two gateways, load balancing by trace, two samplers: traces are kept whole, and every outcome is counted."""

import time
from collections import Counter
from contextlib import ExitStack

from arc_testing import eventually, running_collector
from hops import CONFIGS, CORE_SECRET, FRONT_SECRET, OF_TENANT, Core, Spans, post
from opentelemetry.trace import StatusCode, set_span_in_context

SAMPLER_SECRET = "between-the-gateways-and-the-samplers"
SECOND = 1_000_000_000
EACH = 15
PLAIN = 150
SPANS = 6
"""In a trace, unless its kind has more."""
MANY = 12
KEPT = {
    "errors": {"status": StatusCode.ERROR},
    "fixed": {"attributes": {"arc.fix.ids": ["temperature"]}},
    "actions": {"attributes": {"arc.span.kind": "action"}},
    "slow": {"seconds": 40},
    "costly": {"attributes": {"arc.cost.usd": 0.5}},
    "many": {"more": 6},
}
"""What one span of a trace is like that each policy keeps."""


def trace(spans, kind):
    """The spans of a trace; one in the middle is what `KEPT` says."""
    now = time.time_ns() - 60 * SECOND
    root = spans.tracer.start_span(kind, start_time=now)
    context = set_span_in_context(root)
    for step in range(SPANS - 1 + KEPT.get(kind, {}).get("more", 0)):
        like = KEPT.get(kind, {}) if step == 2 else {}
        attributes = {"arc.cost.usd": 0.01} | like.get("attributes", {})
        child = spans.tracer.start_span(f"step {step}", context, attributes=attributes, start_time=now)
        if "status" in like:
            child.set_status(like["status"])
        child.end(now + int(like.get("seconds", 0.2) * SECOND))
    root.end(now + SECOND // 2)
    return spans.taken()


def test_two_gateways_and_two_samplers_keep_whole_traces_and_count_them(tmp_path, quick_gateway):
    core = Core(tmp_path / "core")
    core.start()
    with ExitStack() as running:
        running.callback(core.stop)
        shared = {"COLLECTOR_ARC_URL": core.url, "COLLECTOR_ARC_GATEWAY_SECRET": CORE_SECRET, "COLLECTOR_SAMPLER_SECRET": SAMPLER_SECRET}  # fmt: skip
        samplers = [
            running.enter_context(
                running_collector(
                    [CONFIGS / "sampler.yaml"], tmp_path / f"sampler{n}",
                    COLLECTOR_DECISION_WAIT="4s", COLLECTOR_SHARE_PERCENT="20", COLLECTOR_MANY_SPANS=str(MANY), **shared,
                )
            )
            for n in range(2)
        ]  # fmt: skip
        env = shared | {
            "COLLECTOR_GATEWAY_SECRET": FRONT_SECRET,
            "COLLECTOR_SAMPLER_1": samplers[0].grpc,
            "COLLECTOR_SAMPLER_2": samplers[1].grpc,
        }
        gateways = [
            running.enter_context(
                running_collector([*quick_gateway, CONFIGS / "load-balancing.yaml"], tmp_path / f"gateway{n}", **env)
            )
            for n in range(2)
        ]
        spans = Spans("sampled")
        kinds, sizes = {}, {}
        halves = ([], [])
        for kind in [*(kind for kind in KEPT for _ in range(EACH)), *(["plain"] * PLAIN)]:
            made = trace(spans, kind)
            trace_id = f"{made[0].context.trace_id:032x}"
            kinds[trace_id], sizes[trace_id] = kind, len(made)
            for at, span in enumerate(made):
                halves[at % 2].append(span)
        for gateway, half in zip(gateways, halves, strict=True):
            assert post(gateway, half, OF_TENANT) == 200

        def decided(policy, sampled):
            name = "processor_tail_sampling_count_traces_sampled"
            return sum(one.count(name, policy=policy, sampled=sampled) for one in samplers)

        total = len(kinds)
        eventually(lambda: decided("errors", "true") + decided("errors", "false") == total, within_seconds=40)
        outcomes = {kind: (decided(kind, "true"), decided(kind, "false")) for kind in KEPT}
        shares = decided("share", "true"), decided("share", "false")
        counted = sum(one.count("receiver_accepted_spans") for one in samplers)
        busy = [one.count("receiver_accepted_spans") for one in samplers]
        kept = sum(one.count("processor_tail_sampling_global_count_traces_sampled", sampled="true") for one in samplers)
        sent = lambda: sum(one.count("exporter_sent_spans") for one in samplers)  # noqa: E731
        # All of a trace with more spans are kept, by the policy for them.
        eventually(lambda: sent() == kept * SPANS + EACH * (MANY - SPANS), within_seconds=40)
        core.stop()
        rows = core.rows("SELECT TraceId AS t, count() AS n FROM arc.spans FINAL WHERE TenantId = 'acme' GROUP BY t")
    stored = {row["t"]: row["n"] for row in rows}
    of_kind = Counter(kinds[one] for one in stored)
    assert outcomes == dict.fromkeys(KEPT, (EACH, total - EACH))
    assert {kind: of_kind[kind] for kind in KEPT} == dict.fromkeys(KEPT, EACH)
    assert stored == {one: sizes[one] for one in stored}
    assert sum(shares) == total
    assert of_kind["plain"] <= shares[0] <= of_kind["plain"] + EACH * len(KEPT)
    assert 0 < of_kind["plain"] < PLAIN
    assert len(stored) == kept
    assert counted == sum(sizes.values())
    assert all(busy)


def test_a_sampler_that_is_found_in_dns_decides_what_it_has_before_it_ends(tmp_path):
    env = {"COLLECTOR_SAMPLER_SECRET": SAMPLER_SECRET}
    with running_collector(
        [CONFIGS / "sampler.yaml"], tmp_path / "sampler", COLLECTOR_DECISION_WAIT="1h", **env
    ) as sampler:
        host, port = sampler.grpc.split(":")
        configs = [CONFIGS / name for name in ("agent.yaml", "load-balancing.yaml", "load-balancing-dns.yaml")]
        env |= {"COLLECTOR_SAMPLERS": host, "COLLECTOR_SAMPLERS_PORT": port}
        with running_collector(configs, tmp_path / "agent", **env) as agent:
            assert post(agent, trace(Spans("pending"), "errors"), {}) == 200
            eventually(lambda: sampler.count("receiver_accepted_spans") == SPANS, within_seconds=20)
        assert b"pending" not in sampler.on_disk()
        sampler.stop()
        assert b"pending" in sampler.on_disk()
