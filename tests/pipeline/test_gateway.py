"""What the gateway lets through: whose it is, under which names, and without personal data."""

import http.client
import json
import urllib.request
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from arc_testing import eventually, running_collector
from hops import CORE_SECRET, FRONT_SECRET, GATEWAY, OF_TENANT, TENANT, TENANT_HEADER, Core, Spans, post
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.trace import Link, SpanContext, SpanKind

OTHER = "bolt"
SERIES = 20
VALUES = 300
KEY = "arc_live_abcdefghijkl_0123456789012345678901234567890123456789"
"""A client's key, which an API gateway should have taken out."""
PERSONAL = (
    "jane.roe@example.com",
    "4111 1111 1111 1111",
    "078-05-1120",
    "+44 20 7946 0958",
    "sk-proj-abcDEF1234567890abcDEF",
)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("gateway")
    core = Core(folder / "core")
    core.create_tenant(OTHER)
    core.start()
    env = {
        "COLLECTOR_GATEWAY_SECRET": FRONT_SECRET,
        "COLLECTOR_ARC_GATEWAY_SECRET": CORE_SECRET,
        "COLLECTOR_ARC_URL": core.url,
        "COLLECTOR_SPAN_METRICS_EVERY": "100ms",
        "COLLECTOR_SPAN_METRICS_SERIES": str(SERIES),
        "COLLECTOR_VALUES": str(VALUES),
    }
    try:
        with running_collector(GATEWAY, folder / "gateway", **env) as gateway:
            yield gateway, core
    finally:
        core.stop()


def spans_of(service, name="chat gpt-4.1", attributes=None, resource=None):
    made = Spans(service, **(resource or {}))
    made.tracer.start_span(name, attributes=attributes).end()
    return made.taken()


def arrived(core, service, tenant=TENANT):
    """The spans of `service` with their attributes, once they are there."""

    def look():
        traces = core.get(f"/api/v1/traces?service={service}", tenant)["traces"]
        return [core.get(f"/api/v1/traces/{trace['trace_id']}", tenant) for trace in traces]

    return [span for trace in eventually(look, within_seconds=30) for span in trace["spans"]]


def test_it_starts_without_a_warning_of_deprecated_settings(pipeline):
    gateway, _ = pipeline
    assert "Everything is ready" in gateway.text()
    assert "deprecated" not in gateway.text()


def test_the_tenant_is_what_the_api_gateway_says_and_never_what_the_client_says(pipeline):
    gateway, core = pipeline
    lies = {"arc.tenant.id": TENANT}
    assert post(gateway, spans_of("liar", attributes=lies, resource=lies), OF_TENANT | {TENANT_HEADER: OTHER}) == 200
    (span,) = arrived(core, "liar", OTHER)
    assert "arc.tenant.id" not in span["attributes"]
    assert core.get("/api/v1/traces?service=liar")["traces"] == []


def test_a_client_that_says_its_tenant_several_times_is_not_believed_either(pipeline):
    gateway, core = pipeline
    request = encode_spans(spans_of("insistent", attributes={"kept": "yes"}))
    (of_resource,) = request.resource_spans
    (span,) = of_resource.scope_spans[0].spans
    for attributes in (of_resource.resource.attributes, of_resource.scope_spans[0].scope.attributes, span.attributes):
        for _ in range(4):
            attributes.add(key="arc.tenant.id").value.string_value = TENANT
    assert post(gateway, request, OF_TENANT | {TENANT_HEADER: OTHER}) == 200
    (stored,) = arrived(core, "insistent", OTHER)
    assert stored["attributes"] == {"kept": "yes"}
    assert core.get("/api/v1/traces?service=insistent")["traces"] == []


@pytest.mark.parametrize("headers", [{}, {TENANT_HEADER: TENANT}, {TENANT_HEADER: TENANT, "x-arc-gateway-secret": "guess"}, {"x-api-key": KEY}])  # fmt: skip
def test_whoever_does_not_come_through_the_api_gateway_is_refused(pipeline, headers):
    gateway, _ = pipeline
    before = gateway.count("receiver_accepted_spans", receiver="otlp")
    assert post(gateway, spans_of("stranger"), headers) == 401
    with grpc.insecure_channel(gateway.grpc) as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as refused:
            export(encode_spans(spans_of("stranger")).SerializeToString(), metadata=tuple(headers.items()), timeout=20)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert gateway.count("receiver_accepted_spans", receiver="otlp") == before


def test_what_is_of_no_tenant_is_dropped_and_counted(pipeline):
    gateway, core = pipeline
    before = gateway.count("processor_filter_spans_filtered", filter="filter/tenant")
    said = {"arc.tenant.id": TENANT}
    assert post(gateway, spans_of("nobody", resource=said), {"x-arc-gateway-secret": FRONT_SECRET}) == 200
    assert gateway.count("processor_filter_spans_filtered", filter="filter/tenant") == before + 1
    post(gateway, spans_of("somebody"), OF_TENANT)
    arrived(core, "somebody")
    assert core.get("/api/v1/traces?service=nobody")["traces"] == []


def test_a_tenant_that_arc_core_does_not_know_holds_up_nobody(pipeline):
    gateway, core = pipeline
    assert post(gateway, spans_of("unknown"), OF_TENANT | {TENANT_HEADER: "nosuch"}) == 200
    assert post(gateway, spans_of("known"), OF_TENANT) == 200
    assert arrived(core, "known")


def test_no_key_and_no_secret_is_on_disk_or_in_the_log(pipeline):
    gateway, core = pipeline
    core.kill()
    try:
        assert post(gateway, spans_of("kept"), OF_TENANT | {"x-api-key": KEY}) == 200
        eventually(lambda: b"kept" in gateway.on_disk())
        kept = gateway.on_disk() + gateway.log.read_bytes()
    finally:
        core.start()
    assert [value for value in (KEY, FRONT_SECRET, CORE_SECRET) if value.encode() in kept] == []
    assert arrived(core, "kept")


def test_personal_data_of_an_app_without_arc_never_passes(pipeline):
    gateway, core = pipeline
    made = Spans("leaky", owner=PERSONAL[0])
    attributes = {f"value.{n}": f"it is {value} here" for n, value in enumerate(PERSONAL)}
    attributes |= {"db.password": "hunter2hunter2", "list": list(PERSONAL), "json": json.dumps({"text": PERSONAL})}
    elsewhere = SpanContext(7, 9, is_remote=True)
    keys = {"password": "hunter2hunter2", **dict.fromkeys(PERSONAL[:4], "as a key")}
    links = [Link(elsewhere, {"arc.handoff.from": "broker", "n": 7} | attributes | keys), Link(elsewhere)]
    attributes |= {"arc.links.1/-n": "of a link, by a client's word"}
    with made.tracer.start_as_current_span(f"mail to {PERSONAL[0]}", attributes=attributes, links=links) as span:
        span.add_event(f"paid with {PERSONAL[1]}", {"text": " and ".join(PERSONAL)})
        span.record_exception(ValueError(PERSONAL[2]))
    core.kill()
    try:
        assert post(gateway, made.taken(), OF_TENANT) == 200
        assert post_metrics(gateway, exemplar()) == 200
        eventually(lambda: b"leaky" in gateway.on_disk() and b"leaking" in gateway.on_disk())
        assert [value for value in (*PERSONAL, "hunter2hunter2") if value.encode() in gateway.on_disk()] == []
    finally:
        core.start()
    spans = arrived(core, "leaky")
    stored = json.dumps(spans)
    assert [value for value in (*PERSONAL, "hunter2hunter2") if value in stored] == []
    assert "<EMAIL>" in stored
    first, second = (link["attributes"] for link in spans[0]["links"])
    assert (first["arc.handoff.from"], first["n"], first["value.0"]) == ("broker", "7", "it is <EMAIL> here")
    assert (first["db.password"], first["password"]) == ("****", "****")
    assert {key for key, value in first.items() if value == "as a key"} == {"<EMAIL>", "<CARD>", "<US_SSN>", "<PHONE>"}
    assert second == {}
    assert [key for key in spans[0]["attributes"] if key.startswith("arc.links") or "<" in key] == []
    shown = _get(gateway.span_metrics)
    assert PERSONAL[0] not in shown


def test_other_instrumentations_come_under_the_names_of_the_genai_conventions_and_are_counted(pipeline):
    gateway, core = pipeline
    attributes = {
        "llm.model_name": "gpt-4o",
        "llm.provider": "openai",
        "agent.name": "broker",
        "llm.token_count.prompt": 7,
    }
    # Three processes of one service are one series.
    made = [
        span for n in "abc" for span in spans_of("foreign", attributes=attributes, resource={"service.instance.id": n})
    ]
    probes = Spans("foreign")
    probes.tracer.start_span("GET /healthz", kind=SpanKind.SERVER, attributes={"url.path": "/healthz"}).end()
    assert post(gateway, made + probes.taken(), OF_TENANT) == 200
    spans = arrived(core, "foreign")
    assert len(spans) == 3
    assert {span["attributes"]["gen_ai.agent.name"] for span in spans} == {"broker"}
    wanted = ('service_name="foreign"', 'gen_ai_agent_name="broker"', f'arc_tenant_id="{TENANT}"')

    def calls():
        lines = [line for line in _get(gateway.span_metrics).splitlines() if "calls_total{" in line]
        return [line for line in lines if all(word in line for word in wanted) and line.endswith(" 3")]

    assert len(eventually(calls, within_seconds=20)) == 1
    assert "instance=" not in _get(gateway.span_metrics)


def test_a_service_with_too_many_series_has_one_more_for_the_rest(pipeline):
    gateway, _ = pipeline
    made = [span for n in range(SERIES + 5) for span in spans_of("names", name=f"order {n}")]
    assert post(gateway, made, OF_TENANT) == 200

    def rest():
        lines = [line for line in _get(gateway.span_metrics).splitlines() if "calls_total{" in line]
        wanted = ('otel_metric_overflow="true"', f'arc_tenant_id="{TENANT}"', 'service_name="names"')
        return [line for line in lines if all(word in line for word in wanted) and line.endswith(" 5")]

    assert len(eventually(rest, within_seconds=20)) == 1


@pytest.mark.parametrize(("said", "dropped"), [("yes", 1), ("false", 0)])
def test_only_false_lets_through_what_is_of_no_tenant(said, dropped, quick_gateway, tmp_path):
    env = {"COLLECTOR_GATEWAY_SECRET": FRONT_SECRET, "COLLECTOR_TENANT_REQUIRED": said}
    with running_collector(quick_gateway, tmp_path, **env) as gateway:
        assert post(gateway, spans_of("nobody"), {"x-arc-gateway-secret": FRONT_SECRET}) == 200
        assert gateway.count("processor_filter_spans_filtered", filter="filter/tenant") == dropped


def test_a_span_with_too_many_attributes_keeps_what_redaction_can_look_at(pipeline):
    gateway, core = pipeline
    request = encode_spans(spans_of("wide"))
    (span,) = request.resource_spans[0].scope_spans[0].spans
    deep = span.attributes.add(key="deep").value
    for _ in range(VALUES):
        deep = deep.array_value.values.add()
    many = span.attributes.add(key="many").value.kvlist_value
    for n in range(VALUES):
        many.values.add(key=f"key{n}").value.int_value = n
    for n in range(VALUES - 1):
        span.attributes.add(key=f"key{n}").value.int_value = n
    link = span.links.add(trace_id=span.trace_id, span_id=span.span_id)
    for key in ("fits", "no longer fits"):
        link.attributes.add(key=key).value.string_value = PERSONAL[0]
    assert post(gateway, request, OF_TENANT) == 200
    (stored,) = arrived(core, "wide")
    assert set(stored["attributes"]) == {f"key{n}" for n in range(VALUES - 1)}
    assert [one["attributes"] for one in stored["links"]] == [{"fits": "<EMAIL>"}]


def exemplar():
    """A metric with an exemplar that holds what `PERSONAL` is, as its own metadata do."""
    beside = [{"key": f"value.{n}", "value": {"stringValue": value}} for n, value in enumerate(PERSONAL)]
    point = {"asInt": "1", "exemplars": [{"asInt": "1", "filteredAttributes": beside}]}
    summed = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]}
    metric = {"name": "leaking", "metadata": beside, "sum": summed}
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}


def post_metrics(collector, body):
    """Send `body` over HTTP, once; the status."""
    with closing(http.client.HTTPConnection(collector.http, timeout=30)) as connection:
        headers = {"content-type": "application/json", **OF_TENANT}
        connection.request("POST", "/v1/metrics", json.dumps(body), headers)
        return connection.getresponse().status


def _get(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as response:
        return response.read().decode()
