"""What `arc redact --export collector` finds in a real Collector: in every place that holds text, and nothing else."""

import http.client
import json
from contextlib import closing

import msgspec
import pytest
from arc_testing import eventually, running_collector
from hops import CONFIGS

EMAIL, CARD, KEY = "jane.roe@example.com", "4111 1111 1111 1111", "sk-proj-abcDEF1234567890abcDEF"
VALUES = 100
PLANTED = (EMAIL, CARD, CARD.replace(" ", ""), KEY, "hunter2hunter2", "AB123456C")


def value(held):
    if isinstance(held, bool):
        return {"boolValue": held}
    if isinstance(held, int):
        return {"intValue": str(held)}
    if isinstance(held, float):
        return {"doubleValue": held}
    if isinstance(held, list):
        return {"arrayValue": {"values": [value(one) for one in held]}}
    if isinstance(held, dict):
        return {"kvlistValue": {"values": attributes(held)}}
    return {"stringValue": held}


def attributes(held):
    return [{"key": key, "value": value(one)} for key, one in held.items()]


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("redaction")
    config = msgspec.yaml.decode((CONFIGS / "agent.yaml").read_bytes())
    config["exporters"] = {"debug": {"verbosity": "detailed"}}
    config["service"]["extensions"] = ["health_check"]
    config["service"]["telemetry"]["logs"] = {"level": "info"}
    config["processors"]["arc_limits"] = {"values": VALUES}
    for pipeline in config["service"]["pipelines"].values():
        pipeline |= {"processors": ["arc_limits", "transform/arc", "redaction/arc"], "exporters": ["debug"]}
    path = folder / "redacting.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    with running_collector([CONFIGS / "redaction.yaml", path], folder / "run") as running:
        yield running


def sent(collector, signal, body, ends):
    """What the Collector shows of `body`, up to the word that it ends with."""
    before = len(collector.text())
    with closing(http.client.HTTPConnection(collector.http, timeout=60)) as connection:
        connection.request("POST", f"/v1/{signal}", json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        assert (response.status, response.read()) == (http.HTTPStatus.OK, b'{"partialSuccess":{}}')
    eventually(lambda: ends in collector.text()[before:], within_seconds=20)
    return collector.text()[before:]


def spans(*made):
    trace = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "kind": 1}
    return {"scopeSpans": [{"scope": {"name": "s"}, "spans": [trace | one for one in made]}]}


def test_text_is_replaced_where_it_stands_and_all_else_is_left(collector):
    clean = {
        "name": "clean",
        "attributes": attributes({"n": 7, "list": ["a"], "share": 0.5, "at": 1790000000000000000}),
    }
    texts = {"a": f"to {EMAIL}", "b": f"paid\n{CARD}", "c": f"key={KEY}", "d": "nino AB123456C.", "n": 7, "list": ["b"]}
    texts |= {"db.password": "hunter2hunter2", "host.ip": "10.1.2.3", "peer": "10.9.8.7"}
    dirty = {"name": f"mail {EMAIL}", "status": {"code": 2, "message": f"no {CARD}"}, "attributes": attributes(texts)}
    dirty["events"] = [{"name": f"e {KEY}", "attributes": attributes({"exception.message": f"for {EMAIL}"})}]
    body = {
        "resourceSpans": [
            spans(clean, dirty, {"name": "last"})
            | {"resource": {"attributes": attributes({"o": EMAIL, "ip": "10.9.8.7"})}}
        ]
    }
    shown = sent(collector, "traces", body, ": last")
    assert [word for word in PLANTED if word in shown] == []
    wanted = (
        "Name           : mail <EMAIL>", "Status message : no <CARD>", "a: Str(to <EMAIL>)", "paid\n<CARD>", "<SECRET>",
        "nino <UK_NINO>.", "n: Int(7)", 'list: Slice(["a"])', 'list: Slice(["b"])', "host.ip: Str(10.1.2.3)", "peer: Str(<IP_ADDRESS>)",
        "exception.message: Str(for <EMAIL>)", "o: Str(<EMAIL>)", "ip: Str(10.9.8.7)", "db.password: Str(****)",
        "at: Int(1790000000000000000)",
    )  # fmt: skip
    assert [word for word in wanted if word not in shown] == []
    assert "arc:" not in shown


def test_lists_maps_and_numbers_are_no_way_out(collector):
    held = {
        "list": ["x", [f"to {EMAIL}"]],
        "map": {"deep": {"er": f"a\n{CARD}"}, "db.password": "hunter2hunter2"},
        "n": 7,
    }
    number = {"n": 7, "card": int(CARD.replace(" ", ""))}
    made = (
        {"name": "held", "attributes": attributes(held)},
        {"name": "number", "attributes": attributes(number)},
        {"name": "last"},
    )
    shown = sent(collector, "traces", {"resourceSpans": [spans(*made)]}, ": last")
    assert [word for word in PLANTED if word in shown] == []
    assert "to <EMAIL>" in shown
    assert "n: Int(7)" in shown


def test_keys_are_no_way_out_nor_are_two_of_one_name(collector):
    twice = [*attributes({"a.0": f"to {EMAIL}"}), *attributes({"a": "x"}), *attributes({"a": "y"})]
    made = (
        {"name": "twice", "attributes": twice},
        {"name": "beside", "attributes": attributes({"list.0": f"to {EMAIL}", "list": ["x", "y"]})},
        {"name": "keys", "attributes": attributes({EMAIL: 3, CARD: 4, "by": {EMAIL: {"n": 5}}, "plain.key": "stays"})},
        {"name": "last"},
    )
    shown = sent(collector, "traces", {"resourceSpans": [spans(*made)]}, ": last")
    assert [word for word in PLANTED if word in shown] == []
    assert shown.count("to <EMAIL>") == 2
    assert [word for word in ("<EMAIL>: Int(", "<CARD>: Int(4)") if word not in shown] == []
    assert "plain.key: Str(stays)" in shown


@pytest.mark.parametrize(
    "body", [f"to {EMAIL}", {"a": {"b": f"x\n{CARD}"}, "c": KEY}, ["x", {"y": EMAIL}], int(CARD.replace(" ", ""))]
)
def test_bodies_of_log_records(collector, body):
    records = [{"body": value(body), "attributes": attributes({"a": EMAIL})}, {"body": value("last one")}]
    shown = sent(collector, "logs", {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}, "last one")
    assert [word for word in PLANTED if word in shown] == []
    assert "a: Str(<EMAIL>)" in shown


def test_points_of_metrics(collector):
    points = [{"asInt": "1", "attributes": attributes({"user": EMAIL, "last": "one"})}]
    metrics = [{"name": "m", "gauge": {"dataPoints": points}}]
    body = {
        "resourceMetrics": [
            {"resource": {"attributes": attributes({"o": EMAIL})}, "scopeMetrics": [{"metrics": metrics}]}
        ]
    }
    shown = sent(collector, "metrics", body, "last: Str(one)")
    assert EMAIL not in shown
    assert "user: Str(<EMAIL>)" in shown


def test_more_values_than_redaction_can_look_at_are_dropped_from_log_records_and_points(collector):
    many = {f"key{n}": n for n in range(VALUES)}
    records = [
        {"body": value(many), "attributes": attributes({"a": "kept"})},
        {"body": value("short"), "attributes": attributes({"first": 1} | many)},
        {"body": value("last one")},
    ]
    shown = sent(collector, "logs", {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}, "last one")
    assert "Body: Empty()" in shown
    assert "a: Str(kept)" in shown
    assert "Body: Str(short)" in shown
    assert f"key{VALUES - 3}: Int" in shown
    assert f"key{VALUES - 2}: Int" not in shown
    wide = attributes(many | {"over": "x"})
    held = {"gauge": "asInt", "sum": "asInt", "histogram": "count", "exponentialHistogram": "count", "summary": "count"}
    for kind, number in held.items():
        metrics = [
            {"name": "wide", kind: {"dataPoints": [{number: "1", "attributes": wide}]}},
            {"name": f"end of {kind}"},
        ]
        body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
        shown = sent(collector, "metrics", body, f"end of {kind}")
        assert f"key{VALUES - 1}: Int" in shown
        assert "over: Str" not in shown
