"""What the JSON API answers about traces that were sent over OTLP."""

import json

import pytest
from arc_core.api import failed
from arc_core.settings import MIB
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient


def test_a_trace_is_summed_up_over_its_model_calls(core, wire):
    job = wire.span("agent.job loan", attributes={"arc.span.kind": "job"})
    late = _under(wire, job, "agent.run offer", start_time_unix_nano=wire.START_NS + 9, attributes=_run("offer"))
    early = _under(wire, job, "agent.run credit", attributes=_run("credit") | {"gen_ai.usage.input_tokens": 999})
    priced = wire.call(
        early,
        gen_ai__request__model="gpt-4o",
        gen_ai__response__model="gpt-4o-2024-08-06",
        gen_ai__usage__input_tokens=1000,
        gen_ai__usage__output_tokens=100,
        gen_ai__usage__cache_read__input_tokens=10,
        arc__redaction__count=2,
        arc__redaction__types=["EMAIL", "PHONE", "EMAIL"],
        arc__fix__ids=["json-mode"],
        arc__fix__mode="on",
        arc__fix__trigger="before",
        arc__fix__outcome="ok",
        arc__fix__changes=json.dumps([{"path": "a", "old": 1, "new": 2}, {"path": "b", "op": "delete"}, "junk"]),
    )
    unknown = wire.call(late, gen_ai__request__model="nobody-knows-it", gen_ai__usage__input_tokens=5, error=True)
    told = wire.call(late, gen_ai__request__model="nobody-knows-it", arc__cost__usd=0.25)
    shadow = wire.call(late, gen_ai__request__model="gpt-4o", arc__fix__ids=["x"], arc__fix__mode="shadow")
    core.export(wire.request(shadow, told, unknown, priced, late, early, job))

    detail = core.trace(job.trace_id)

    trace = detail["trace"]
    assert trace["name"] == "agent.job loan"
    assert trace["agents"] == ["credit", "offer"]
    assert set(trace["models"]) == {"gpt-4o-2024-08-06", "nobody-knows-it", "gpt-4o"}
    assert (trace["input_tokens"], trace["output_tokens"]) == (1005, 100)
    assert trace["cost_usd"] == pytest.approx(0.2534875)
    assert trace["unpriced_calls"] == 2
    assert (trace["spans"], trace["errors"], trace["fixes"], trace["redactions"]) == (7, 0, 1, 2)
    spans = {span["span_id"]: span for span in detail["spans"]}
    assert spans[unknown.span_id.hex()]["cost_usd"] is None
    call = spans[priced.span_id.hex()]
    assert call["cost_usd"] == 0.0034875
    assert call["fix"] == {
        "ids": ["json-mode"],
        "mode": "on",
        "trigger": "before",
        "outcome": "ok",
        "changes": [{"path": "a", "old": 1, "new": 2}, {"path": "b", "op": "delete"}],
    }
    assert call["redactions"] == {"count": 2, "types": ["EMAIL", "PHONE"]}
    assert spans[early.span_id.hex()]["fix"] is None
    assert spans[early.span_id.hex()]["redactions"] is None


def test_an_agent_that_only_a_model_call_names_is_among_those_of_the_trace(core, wire):
    job = wire.span()
    call = wire.call(job, gen_ai__request__model="gpt-4o", gen_ai__agent__name="loan_officer")
    core.export(wire.request(job, call))

    assert core.trace(call.trace_id)["trace"]["agents"] == ["loan_officer"]


def test_content_is_shown_apart_and_broken_content_as_text(core, wire):
    root = wire.span()
    messages = [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}, {"role": "user", "content": "old"}, 3]
    good = wire.call(
        root,
        gen_ai__system_instructions=json.dumps([{"type": "text", "content": "be kind"}]),
        gen_ai__input__messages=json.dumps(messages),
        gen_ai__output__messages='[{"role": "assistant", "parts": [{"type": "te… (cut)',
    )
    core.export(wire.request(root, good))

    call = next(span for span in core.trace(root.trace_id)["spans"] if span["kind"] == "llm")

    assert call["input_messages"] == [
        {"role": "system", "parts": [{"type": "text", "content": "be kind"}]},
        {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
        {"role": "user", "parts": [{"type": "text", "content": "old"}]},
        {"role": "user", "parts": [{"type": "text", "content": "3"}]},
    ]
    assert call["output_messages"][0]["parts"][0]["content"].endswith("(cut)")
    assert not [key for key in call["attributes"] if "messages" in key or "system" in key]


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"arc.span.kind": "action"}, "action"),
        ({"arc.span.kind": "odd", "gen_ai.operation.name": "chat"}, "other"),
        ({"gen_ai.operation.name": "invoke_workflow"}, "job"),
        ({"gen_ai.operation.name": "invoke_agent"}, "run"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.operation.name": "embeddings"}, "llm"),
        ({"gen_ai.operation.name": "other"}, "other"),
        ({}, "other"),
    ],
)
def test_foreign_spans_have_the_kind_that_their_operation_says(core, wire, attributes, kind):
    span = wire.span(attributes=attributes)
    core.export(wire.request(span))

    assert core.trace(span.trace_id)["spans"][0]["kind"] == kind


@pytest.mark.parametrize(
    ("root", "status"),
    [
        ({}, "ok"),
        ({"error": True}, "error"),
        ({"attributes": {"arc.run.state": "interrupted"}}, "interrupted"),
        ({"attributes": {"arc.run.state": "cancelled"}}, "cancelled"),
        ({"attributes": {"arc.run.state": "cancelled"}, "error": True}, "error"),
        ({"parent_span_id": b"\x07" * 8}, "running"),
    ],
)
def test_the_root_says_how_a_trace_ended(core, wire, root, status):
    span = wire.span(**root)
    failed = _under(wire, span, "tool", error=True)
    core.export(wire.request(failed, service=f"status-{status}"))
    assert core.trace(span.trace_id)["trace"]["status"] == "running"
    core.export(wire.request(span, service=f"status-{status}"))

    assert core.trace(span.trace_id)["trace"]["status"] == status
    assert core.trace(span.trace_id)["trace"]["errors"] == 1 + root.get("error", False)
    found = core.get(f"/api/v1/traces?status={status}&service=status-{status}").json()["traces"]
    assert span.trace_id.hex() in [trace["trace_id"] for trace in found]


def test_a_request_sent_twice_is_shown_once(core, wire):
    root = wire.span()
    request = wire.request(root, wire.call(root, gen_ai__usage__input_tokens=7, gen_ai__request__model="gpt-4o"))

    for _ in range(3):
        core.export(request)

    detail = core.trace(root.trace_id)
    assert len(detail["spans"]) == detail["trace"]["spans"] == 2
    assert detail["trace"]["input_tokens"] == 7


def test_pages_follow_each_other_without_gap_or_repeat(core, wire):
    sent = [wire.span(start_time_unix_nano=wire.START_NS + number // 2) for number in range(7)]  # pairs tie
    core.export(wire.request(*sent, service="paged"))

    seen, path = [], "/api/v1/traces?service=paged&limit=3"
    page = core.get(path).json()
    seen += page["traces"]
    while page["next"]:
        page = core.get(f"{path}&before={page['next']}").json()
        seen += page["traces"]

    assert len(seen) == 7
    assert {trace["trace_id"] for trace in seen} == {span.trace_id.hex() for span in sent}
    assert [trace["started_at"] for trace in seen] == sorted((trace["started_at"] for trace in seen), reverse=True)
    assert "paged" in page["services"]


def test_a_service_of_any_length_is_found_by_its_name(core, wire):
    service = "s" * 1500
    span = wire.span()
    core.export(wire.request(span, service=service))

    page = core.get(f"/api/v1/traces?service={service}").json()

    assert [trace["trace_id"] for trace in page["traces"]] == [span.trace_id.hex()]
    assert service in page["services"]


@pytest.mark.parametrize("longest_first", [True, False])
def test_of_a_span_that_came_open_and_closed_the_closed_one_is_shown_everywhere(core, wire, longest_first):
    opened = wire.span("job", end_time_unix_nano=wire.START_NS)
    ids = {"trace_id": opened.trace_id, "span_id": opened.span_id}
    closed = wire.span("job", error=True, attributes={"arc.redaction.count": 2}, **ids)
    for span in (closed, opened) if longest_first else (opened, closed):
        core.export(wire.request(span))

    detail = core.trace(opened.trace_id)

    assert [span["status"] for span in detail["spans"]] == ["error"]
    assert detail["trace"]["status"] == "error"
    assert (detail["trace"]["errors"], detail["trace"]["redactions"]) == (1, 2)


def test_text_finds_names_and_the_beginning_of_ids(core, wire):
    span = wire.span("agent.job Über Loan 50%_x")
    core.export(wire.request(span))

    for text in ("%C3%BCber+loan", "50%25_x", span.trace_id.hex()[:9].upper()):
        found = core.get(f"/api/v1/traces?q={text}").json()["traces"]
        assert [trace["trace_id"] for trace in found] == [span.trace_id.hex()]
    assert core.get("/api/v1/traces?q=%27%20OR%201=1%20--%5C").json()["traces"] == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "'0'"),
        ("limit=201", "'201'"),
        ("limit=ten", "'ten'"),
        ("limit=%D9%A3", "limit"),
        ("status=great", "'great'"),
        ("before=x", "'x'"),
        (f"before=%D9%A3-{'a' * 32}", "before"),
        (f"before=9999999999999999999-{'a' * 32}", "9999999999999999999"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(core, query, named):
    answer = core.get(f"/api/v1/traces?{query}")

    assert answer.status == 400
    assert named in answer.json()["error"]


@pytest.mark.parametrize(("trace_id", "status"), [("0" * 32, 404), ("abc", 400), ("g" * 32, 400), ("%27", 400)])
def test_a_trace_that_is_not_there_is_a_problem(core, trace_id, status):
    answer = core.get(f"/api/v1/traces/{trace_id}")

    assert answer.status == status
    assert answer.json()["error"]


def test_health_says_the_version(core):
    assert core.get("/api/v1/health").json() == {"status": "ok", "version": "1.0.0"}


def test_the_api_asks_for_the_key(guarded):
    for path in ("/api/v1/health", "/api/v1/traces", f"/api/v1/traces/{'a' * 32}"):
        assert guarded.get(path).status == 401
        assert guarded.get(path, **{"x-api-key": "é"}).status == 401
        assert guarded.get(path, **{"x-api-key": "sesame"}).status != 401


@pytest.mark.parametrize("path", ["/", "/api/v1/health", "/api/v1/traces", "/v1/traces"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "", "127.0.0.1@evil", "[::2]", "10.0.0.1", "::1"],
)
def test_a_host_that_is_not_this_machine_is_refused(core, path, host):
    assert core.get(path, host=host).status == 403


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "localhost.:1", "127.0.0.1:80", "127.8.0.2", "[::1]", "[::1]:4318"]
)
def test_this_machine_is_known_by_all_its_names(core, host):
    assert core.get("/api/v1/health", host=host).status == 200


def test_with_a_key_any_host_is_answered(guarded):
    assert guarded.get("/api/v1/health", **{"host": "arc.example", "x-api-key": "sesame"}).status == 200


def test_browsers_are_told_to_be_strict_and_no_other_origin_is_let_in(core):
    answer = core.get("/api/v1/health", origin="http://evil.example")

    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/health", 405),
        ("OPTIONS", "/api/v1/health", 405),
        ("POST", "/api/v1/openapi.json", 405),
        ("POST", "/", 405),
        ("DELETE", "/traces/x", 405),
    ],
)
def test_another_method_is_refused_in_json(core, method, path, status):
    answer = core.request(method, path)

    assert answer.status == status
    assert method in answer.json()["error"]
    assert {"GET"} <= set(answer.headers["allow"].split(", ")) <= {"GET", "HEAD"}


def test_a_bug_is_told_in_json_without_its_details():
    def bug(_request):
        raise RuntimeError("secret")

    app = Starlette(routes=[Route("/api/x", bug), Route("/v1/x", bug)], exception_handlers={Exception: failed})
    client = TestClient(app, raise_server_exceptions=False)

    assert client.get("/api/x").status_code == client.get("/v1/x").status_code == 500
    assert "stderr" in client.get("/api/x").json()["error"]
    assert client.get("/v1/x").json()["code"] == 13
    assert "secret" not in client.get("/api/x").text + client.get("/v1/x").text


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/v2/traces", "/v1/nothing"])
def test_what_is_not_there_is_not_the_workbench(core, path):
    answer = core.get(path)

    assert answer.status == 404
    assert b"<html" not in answer.body.lower()


def test_a_large_trace_is_read_back_whole(core, wire):
    root = wire.span("large")
    text = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "word " * 3000}]}])
    calls = [wire.call(root, gen_ai__input__messages=text) for _ in range(400)]
    core.export(wire.request(root, *calls))

    answer = core.get(f"/api/v1/traces/{root.trace_id.hex()}", **{"accept-encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.body) < MIB
    assert len(core.trace(root.trace_id)["spans"]) == 401


def _under(wire, parent, name, **fields):
    return wire.span(name, trace_id=parent.trace_id, parent_span_id=parent.span_id, **fields)


def _run(agent):
    return {"arc.span.kind": "run", "gen_ai.agent.name": agent}
