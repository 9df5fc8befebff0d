"""What holds for every way in: gRPC, HTTP with protobuf and HTTP with JSON, plain and gzip."""

import os

MIB = 1024 * 1024


def test_a_span_that_is_acknowledged_can_be_read_at_once(core, wire, transport):
    root = wire.span(
        attributes={
            "arc.span.kind": "job",
            "app.count": 7,
            "app.list": ["a", "b"],
            "app.on": True,
            "app.raw": b"\x00\xff",
        }
    )
    root.events.add(name="tick", time_unix_nano=wire.START_NS + 2_000_000).attributes.append(wire.attribute("n", 1.5))
    root.links.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8)

    assert transport.send(core, wire.request(root)).outcome == "ok"

    detail = core.trace(root.trace_id)
    span = detail["spans"][0]
    assert detail["trace"]["name"] == span["name"] == "agent.job loan"
    assert span["span_id"] == root.span_id.hex()
    assert span["started_at"] == "2026-09-21T14:13:20.123456789Z"
    assert span["duration_ms"] == 1500.0
    assert span["kind"] == "job"
    assert span["scope"] == "arc_openai"
    assert span["resource"] == {"service.name": "loans"}
    assert span["attributes"] == {
        "arc.span.kind": "job", "app.count": "7", "app.list": '["a","b"]', "app.on": "true", "app.raw": "AP8=",
    }  # fmt: skip
    assert span["events"] == [{"name": "tick", "offset_ms": 2.0, "attributes": {"n": "1.5"}}]
    assert span["links"] == [{"trace_id": "01" * 16, "span_id": "02" * 8, "attributes": {}}]


def test_bytes_that_are_no_request_are_refused_and_the_server_lives_on(core, wire, transport):
    sent = transport.send_bytes(core, transport.malformed)

    assert sent.outcome == "malformed"
    assert "the body is not" in sent.message
    _assert_alive(core, wire, transport)


def test_an_empty_request_is_accepted(core, wire, transport):
    assert transport.send(core, wire.request()).outcome == "ok"
    assert transport.send_bytes(core, b"{}" if transport.protocol == "http-json" else b"").outcome == "ok"


def test_a_request_over_the_limit_is_refused_before_it_is_inflated(core, wire, transport):
    sent = transport.send_bytes(core, b" " * (65 * MIB))

    assert sent.outcome == "too large"
    _assert_alive(core, wire, transport)


def test_a_span_with_a_bad_id_is_rejected_and_its_neighbour_kept(core, wire, transport):
    kept = wire.span("kept")
    short, zero = wire.span("short", trace_id=b"\x01\x02"), wire.span("zero", span_id=bytes(8))

    sent = transport.send(core, wire.request(short, kept, zero))

    assert (sent.outcome, sent.rejected) == ("ok", 2)
    assert "trace_id '0102'" in sent.message
    assert core.has(kept.trace_id)


def test_a_wrong_key_or_none_is_refused_and_the_right_one_let_in(guarded, wire, transport):
    span = wire.span()

    for key in (None, "", "Sesame", "sesame2"):
        assert transport.send(guarded, wire.request(span), key).outcome == "unauthenticated"
    assert guarded.get(f"/api/v1/traces/{span.trace_id.hex()}", **{"x-api-key": "sesame"}).status == 404
    assert transport.send(guarded, wire.request(span), "sesame").outcome == "ok"
    assert guarded.get(f"/api/v1/traces/{span.trace_id.hex()}", **{"x-api-key": "sesame"}).status == 200


def test_text_of_every_kind_comes_back_as_it_was(core, wire, transport):
    text = "x'; DROP TABLE spans;\nSELECT 1 -- \\N \x00\x1b \u2028 é 😀 {a:String} \t\\"
    span = wire.span(text, attributes={text: text})

    assert transport.send(core, wire.request(span)).outcome == "ok"

    found = core.trace(span.trace_id)["spans"][0]
    assert found["name"] == text
    assert found["attributes"] == {text: text}


def _assert_alive(core, wire, transport):
    span = wire.span()
    assert transport.send(core, wire.request(span)).outcome == "ok"
    assert core.has(span.trace_id)


def test_a_span_that_a_request_holds_twice_is_counted_once(core, wire, transport):
    root = wire.span(attributes={"arc.span.kind": "run", "gen_ai.agent.name": f"twice-{os.urandom(4).hex()}"})
    child = wire.call(root)
    longer = wire.span(trace_id=root.trace_id, span_id=os.urandom(8))
    request = wire.request(root, child, root, longer)
    request.resource_spans.add().CopyFrom(request.resource_spans[0])

    sent = transport.send(core, request)

    assert (sent.outcome, sent.rejected) == ("ok", 0)
    assert core.trace(root.trace_id)["trace"]["spans"] == 3
    agents = core.get("/api/v1/agents").json()["agents"]
    (mine,) = (agent for agent in agents if agent["agent"] == root.attributes[1].value.string_value)
    assert mine["runs"] == 1
