"""What lists and sums say of spans that were sent: each filter on each of them, pages, and sums that add up."""

import json
import urllib.parse

import pytest


@pytest.fixture(scope="module")
def filled(launched, wire, tmp_path_factory):
    """An Arc Core that holds three traces of two agents, each with a model call, one with a tool."""
    core = launched(tmp_path_factory.mktemp("filled"))
    traces = {}
    for number, (agent, model, failed) in enumerate(
        [("credit", "gpt-4o", False), ("credit", "gpt-4o", True), ("offer", "claude", False)]
    ):
        run = wire.span(
            f"agent.run {agent}",
            start_time_unix_nano=wire.START_NS + number * 10**9,
            end_time_unix_nano=wire.START_NS + (2 * number + 1) * 10**9,
            attributes={
                "arc.span.kind": "run",
                "gen_ai.agent.name": agent,
                "user.id": f"user-{number}",
                "http.code": 500 + number,
            },
            error=failed,
        )
        call = wire.call(
            run,
            gen_ai__request__model=model,
            gen_ai__agent__name=agent,
            gen_ai__conversation__id="talk" if number < 2 else "other",
            gen_ai__input__messages=json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"question {number} 100%"}]}]),
            gen_ai__usage__input_tokens=100 * (number + 1),
            gen_ai__usage__output_tokens=10,
            arc__cost__usd=0.25 * (number + 1),
            arc__fix__ids=["json-mode"] if number == 1 else [],
            arc__fix__mode="on",
        )  # fmt: skip
        spans = [run, call]
        if number == 2:
            told = {"arc.span.kind": "tool", "gen_ai.tool.name": "search", "error.type": "Timeout"}
            spans.append(
                wire.span(
                    "execute_tool search",
                    trace_id=run.trace_id,
                    parent_span_id=run.span_id,
                    attributes=told,
                    error=True,
                )
            )
        core.export(wire.request(*spans, service="loans" if number < 2 else "offers"))
        traces[run.trace_id.hex()] = number
    return core, traces


def ask(core, path, **parameters):
    answer = core.get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
    assert answer.status == 200, answer.body
    return answer.json()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", {0, 1, 2}),
        ("service:loans", {0, 1}),
        ("service:LOANS", set()),
        ("service:l*", {0, 1}),
        ("service:L*", {0, 1}),
        ("service!=loans", {2}),
        ("agent:credit,offer", {0, 1, 2}),
        ("agent~red", {0, 1}),
        ("model=claude", {2}),
        ("kind:tool", {2}),
        ("-kind:tool", {0, 1}),
        ("status:error", {1}),
        ("status:ok", {0, 2}),
        ("name~RUN", {0, 1, 2}),
        ('name:"agent.run offer"', {2}),
        ("fix:json-mode", {1}),
        ("-fix:*", {0, 2}),
        ("session:talk", {0, 1}),
        ("user:user-1", {1}),
        ("tool:search error:Timeout", {2}),
        ("duration>2s", {1, 2}),
        ("duration<=2s", {0}),
        ("cost>=0.5", {1, 2}),
        ("cost<0.5", {0}),
        ("tokens:210", {1}),
        ("input_tokens>100", {1, 2}),
        ("attributes.http.code>=501", {1, 2}),
        ("attributes.http.code:500", {0}),
        ("attributes.nothing:*", set()),
        ("attributes.user.id>5", set()),
        ("resource.service.name=offers", {2}),
        ('"question 1"', {1}),
        ("QUESTION", {0, 1, 2}),
        ('"100%"', {0, 1, 2}),
        ('"100_"', {0, 1, 2}),
        ('"1_0"', set()),
        ("QUEST", set()),
        ("agent:credit status:error", {1}),
        ("agent:credit OR kind:tool", {0, 1, 2}),
        ("(agent:offer OR status:error) -kind:tool", {1}),
        ("-(agent:credit status:ok)", {1, 2}),
        ("since:2026-01-01T00:00:00Z until:2036-01-01T00:00:00Z", {0, 1, 2}),
        ("until:2026-01-01T00:00:00Z", set()),
        ("since:1s", set()),
    ],
)
def test_traces_are_found_by_what_one_of_their_spans_has(filled, wanted, found):
    core, traces = filled
    page = ask(core, "traces", filter=wanted)

    assert {traces[trace["trace_id"]] for trace in page["traces"]} == found


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ("", 7),
        ("kind:llm", 3),
        ("kind:llm agent:credit", 2),
        ("status:error", 2),
        ("model:gpt-4o cost>0.3", 1),
        ("question", 3),
        ("duration>2s", 1),
        ("session:*", 3),
        ("attributes.gen_ai.input.messages~100%", 3),
    ],
)
def test_spans_are_found_by_what_they_have(filled, wanted, count):
    core, _ = filled

    assert len(ask(core, "spans", filter=wanted)["spans"]) == count


@pytest.mark.parametrize(("path", "name"), [("traces", "trace_id"), ("spans", "span_id"), ("sessions", "session")])
def test_pages_follow_each_other_without_gap_or_repeat(filled, path, name):
    core, _ = filled
    whole = [one[name] for one in ask(core, path)[path]]

    seen, after = [], ""
    while after is not None:
        page = ask(core, path, limit=1, after=after)
        seen += [one[name] for one in page[path]]
        after = page["next"]

    assert seen == whole
    assert len(set(seen)) == len(seen) > 1


def test_a_span_is_the_one_in_its_trace(filled):
    core, traces = filled
    trace = ask(core, f"traces/{next(iter(traces))}")

    for span in trace["spans"]:
        assert ask(core, f"traces/{trace['trace']['trace_id']}/spans/{span['span_id']}") == span
    assert core.get(f"/api/v1/traces/{trace['trace']['trace_id']}/spans/{'0' * 16}").status == 404


def test_sums_by_agent_model_session_and_failure(filled):
    core, traces = filled

    agents = {one["agent"]: one for one in ask(core, "agents")["agents"]}
    assert {name: (one["runs"], one["errors"], one["calls"]) for name, one in agents.items()} == {
        "credit": (2, 1, 2),
        "offer": (1, 0, 1),
    }
    assert agents["credit"]["input_tokens"] == 300
    assert agents["credit"]["cost_usd"] == 0.75
    assert agents["offer"]["took_ms"]["p50"] == 3000.0
    models = {one["model"]: (one["calls"], one["cost_usd"]) for one in ask(core, "models")["models"]}
    assert models == {"gpt-4o": (2, 0.75), "claude": (1, 0.75)}
    sessions = {one["session"]: one for one in ask(core, "sessions")["sessions"]}
    assert {name: (one["traces"], one["spans"]) for name, one in sessions.items()} == {"talk": (2, 2), "other": (1, 1)}
    errors = ask(core, "errors")["errors"]
    assert {(one["kind"], one["error_type"], one["count"]) for one in errors} == {
        ("run", None, 1),
        ("tool", "Timeout", 1),
    }
    assert {one["trace_id"] for one in errors} <= set(traces)


def test_sums_hold_what_the_filter_lets_pass(filled):
    core, _ = filled

    assert [one["agent"] for one in ask(core, "agents", filter="service:offers")["agents"]] == ["offer"]
    assert [one["model"] for one in ask(core, "models", filter="cost>0.6")["models"]] == ["claude"]
    assert ask(core, "errors", filter="kind:llm")["errors"] == []


def test_costs_and_numbers_over_time_add_up(filled):
    core, _ = filled

    for by in ("none", "model", "agent", "service", "session"):
        costs = ask(core, "costs", by=by)["costs"]
        assert sum(one["cost_usd"] for one in costs) == pytest.approx(1.5)
        assert all(one["at"] is None for one in costs)
    (day,) = ask(core, "costs", by="none", interval="1d")["costs"]
    assert day["at"].endswith("T00:00:00.000000000Z")
    for interval in ("1m", "1h", "1d"):
        stats = ask(core, "stats", by="kind", interval=interval)["stats"]
        assert sum(one["spans"] for one in stats) == 7
        assert sum(one["errors"] for one in stats) == 2
        assert {one["key"] for one in stats} == {"run", "llm", "tool"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("spans?limt=3", ["'limt'", "limit"]),
        ("spans?limit=1&limit=2", ["limit", "more than once"]),
        ("spans?after=x", ["'x'", "`next`"]),
        ("stats?interval=0h", ["'0h'", "5m"]),
        ("stats?by=colour", ["'colour'", "agent"]),
        ("export?format=csv", ["'csv'", "parquet"]),
        ("traces?filter=%28", ["the filter, at character 2"]),
    ],
)
def test_a_parameter_that_cannot_be_used_is_a_problem_that_names_it(filled, query, words):
    core, _ = filled
    answer = core.get(f"/api/v1/{query}")

    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["title"], problem["type"]) == (400, "Bad Request", "about:blank")
    assert problem["error"] == problem["detail"]
    assert all(word in problem["detail"] for word in words)


def test_another_method_is_told_which_are_taken(filled):
    core, _ = filled
    answer = core.request("PUT", "/api/v1/admin/keys")

    assert answer.status == 405
    assert answer.headers["allow"] == "GET, POST"
