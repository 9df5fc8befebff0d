"""Two tenants under load: whatever is asked, and however, not one row of the other comes back."""

import io
import json
import random
import subprocess
import sys
import threading
import time
import urllib.parse

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

MARKS = {"acme": "alpha-of-acme", "bolt": "bravo-of-bolt"}
"""Each tenant's own word: it is in every text that the tenant sends."""

SHARED = "both-send-this"
LISTS = ("traces", "spans", "sessions", "agents", "models", "costs", "errors", "stats", "export")


def arc(*arguments):
    """Run `arc core` with these arguments; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "arc_core", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tenants(launched, tmp_path_factory):
    """A running Arc Core and the keys of two tenants."""
    data = tmp_path_factory.mktemp("tenants")
    keys = {}
    for tenant in MARKS:
        arc("tenants", "create", tenant, "--data", str(data))
        made = arc("keys", "create", "--tenant", tenant, "--scope", "ingest", "--scope", "read", "--data", str(data))
        keys[tenant] = made.strip()
    core = launched(data)
    return core, keys


def spans_of(wire, tenant, number):
    """A trace of `tenant`: all that can be filtered by is the tenant's own, or the same in both."""
    mark = MARKS[tenant]
    job = wire.span(
        f"agent.run {mark}",
        trace_id=bytes([1 if tenant == "acme" else 2] * 8) + number.to_bytes(8, "big"),
        start_time_unix_nano=wire.START_NS + number * 1000,
        attributes={
            "arc.span.kind": "run",
            "gen_ai.agent.name": mark,
            "shared": SHARED,
            "number": number,
            "user.id": mark,
        },
        error=number % 3 == 0,
    )
    call = wire.call(
        job,
        gen_ai__request__model=f"model-{mark}",
        gen_ai__agent__name=SHARED,
        gen_ai__conversation__id=f"{mark}-{number % 5}",
        gen_ai__input__messages=json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": f"{mark} {SHARED}"}]}]
        ),
        gen_ai__usage__input_tokens=number,
        arc__fix__ids=[mark],
        arc__failure__type=mark,
        arc__cost__usd=0.5,
    )
    return wire.request(job, call, service=SHARED if number % 2 else mark)


def send(core, key, request):
    answer = core.post(request.SerializeToString(), {"content-type": "application/x-protobuf", "x-api-key": key})
    assert answer.status == 200, answer.body


@pytest.fixture(scope="module")
def loaded(tenants, wire):
    """Both tenants send for as long as the tests of this module run, half of it over gRPC."""
    core, keys = tenants
    for tenant, key in keys.items():
        for number in range(20):
            send(core, key, spans_of(wire, tenant, number))
    stop = threading.Event()
    failures = []

    def load(tenant, key):
        export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        with grpc.insecure_channel(core.grpc) as channel:
            call = channel.unary_unary(export)
            for number in range(20, 100_000):
                if stop.is_set():
                    return
                request = spans_of(wire, tenant, number)
                try:
                    if number % 2:
                        call(request.SerializeToString(), metadata=(("x-api-key", key),), timeout=30)
                    else:
                        send(core, key, request)
                except (grpc.RpcError, AssertionError) as error:
                    failures.append(error)
                    return
                time.sleep(0.05)

    threads = [threading.Thread(target=load, args=told) for told in keys.items()]
    for thread in threads:
        thread.start()
    yield core, keys
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


def other(tenant):
    return next(one for one in MARKS if one != tenant)


def ask(core, key, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    return core.get(f"/api/v1/{path}?{query}", **{"x-api-key": key})


words = st.sampled_from(
    [
        *MARKS.values(), SHARED, "*", "*-of-*", "model-*", "acme", "bolt", "default", "0" * 32, "01" * 8, "",
        "' OR TenantId = 'bolt' OR '", "\\' OR 1=1 --", "') OR (TenantId != '", "{tenant:String}", "{f0:String}", "%", "_",
        '"', "\\", "\n", "\0", "/*", "ü",
    ]
)  # fmt: skip
texts = words | st.text(max_size=12)
fields = st.sampled_from(
    [
        "service", "agent", "model", "provider", "operation", "tool", "name", "message", "fix", "failure", "error",
        "fingerprint", "session", "user", "workflow", "environment", "version", "scope", "invocation", "trace", "span",
        "attributes.shared", "attributes.gen_ai.input.messages", "resource.service.name", 'attributes."TenantId"',
    ]
)  # fmt: skip


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


conditions = st.one_of(
    st.builds(
        lambda field, op, value: f"{field}{op}{quoted(value)}", fields, st.sampled_from([":", "=", "!=", "~"]), texts
    ),
    st.builds(
        lambda field, op, number: f"{field}{op}{number}",
        st.sampled_from(["cost", "tokens", "input_tokens", "attempt", "attributes.number"]),
        st.sampled_from([">", ">=", "<", "<="]),
        st.integers(-1, 50),
    ),
    st.builds(lambda word: f"status:{word}", st.sampled_from(["ok", "error", "running", "interrupted"])),
    st.builds(lambda word: f"kind:{word}", st.sampled_from(["run", "llm", "job"])),
    st.sampled_from(["since:9999d", "until:1h", "since:2026-01-01T00:00:00Z", "duration>0s", "duration<1d"]),
    texts.filter(bool).map(quoted),
)
filters = st.recursive(
    conditions,
    lambda parts: st.one_of(
        parts.map(lambda part: f"-({part})"),
        st.lists(parts, min_size=2, max_size=3).map(lambda some: "(" + " OR ".join(some) + ")"),
        st.lists(parts, min_size=2, max_size=3).map(" ".join),
    ),
    max_leaves=6,
)


@settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_no_filter_shows_a_row_of_the_other(loaded, data):
    core, keys = loaded
    tenant = data.draw(st.sampled_from(list(keys)))
    path = data.draw(st.sampled_from(LISTS))
    parameters = {"filter": data.draw(filters | st.just(""))}
    if path in ("costs", "stats"):
        parameters["by"] = data.draw(st.sampled_from(["none", "service", "agent", "model", "user", "session"]))
    if path == "export":
        parameters["format"] = data.draw(st.sampled_from(["otlp", "jsonl", "parquet"]))
    answer = ask(core, keys[tenant], path, **parameters)

    assert answer.status == 200 or (answer.status == 400 and b"the filter" in answer.body), answer.body
    foreign = _mark_of_trace(other(tenant))
    if answer.status == 200:
        body = answer.body if parameters.get("format") != "parquet" else _cells(answer.body)
        assert MARKS[other(tenant)].encode() not in body, parameters
        assert foreign.encode() not in body, parameters


@settings(max_examples=20, suppress_health_check=list(HealthCheck), database=None)
@given(name=st.sampled_from(["service", "q", "invocation", "status", "after", "before"]), value=texts)
def test_no_other_parameter_does_either(loaded, name, value):
    core, keys = loaded
    answer = ask(core, keys["acme"], "traces", **{name: value})

    assert answer.status in (200, 400)
    if answer.status == 200:
        assert MARKS["bolt"].encode() not in answer.body


def test_a_cursor_of_the_other_leads_to_ones_own_rows(loaded):
    core, keys = loaded
    for path in ("traces", "spans", "sessions"):
        cursor = ask(core, keys["bolt"], path, limit=3).json()["next"]
        assert cursor
        answer = ask(core, keys["acme"], path, after=cursor, limit=200)
        assert answer.status == 200
        told = answer.body.replace(urllib.parse.quote(cursor).encode(), b"")
        assert MARKS["bolt"].encode() not in told


def test_a_trace_of_the_other_is_not_there(loaded):
    core, keys = loaded
    (trace,) = ask(core, keys["bolt"], "traces", limit=1).json()["traces"]
    span = ask(core, keys["bolt"], f"traces/{trace['trace_id']}").json()["spans"][0]["span_id"]

    for path in (f"traces/{trace['trace_id']}", f"traces/{trace['trace_id']}/spans/{span}"):
        assert ask(core, keys["bolt"], path).status == 200
        assert ask(core, keys["acme"], path).status == 404


def test_both_see_all_of_their_own(loaded):
    core, keys = loaded
    for tenant, key in keys.items():
        seen, cursor = set(), ""
        while cursor is not None:
            page = ask(core, key, "traces", limit=200, after=cursor).json()
            seen |= {trace["trace_id"] for trace in page["traces"]}
            cursor = page["next"]
        first = _mark_of_trace(tenant)
        assert all(trace.startswith(first) for trace in seen)
        assert {f"{first}{number:016x}" for number in range(20)} <= seen


def test_the_same_ids_in_both_are_two_traces(loaded, wire):
    core, keys = loaded
    ids = {"trace_id": b"\7" * 16, "span_id": b"\7" * 8}
    for tenant, key in keys.items():
        send(core, key, wire.request(wire.span(MARKS[tenant], **ids), service=MARKS[tenant]))

    for tenant, key in keys.items():
        detail = ask(core, key, f"traces/{'07' * 16}").json()
        assert [span["name"] for span in detail["spans"]] == [MARKS[tenant]]
        assert detail["trace"]["spans"] == 1


def test_what_a_client_says_of_its_tenant_is_not_believed(loaded, wire):
    core, keys = loaded
    span = wire.span("sneaky", attributes={"arc.tenant.id": "bolt", "TenantId": "bolt", "tenant": "bolt"})
    request = wire.request(span)
    headers = {
        "content-type": "application/x-protobuf", "x-api-key": keys["acme"], "x-consumer-custom-id": "bolt",
        "x-arc-tenant": "bolt", "x-arc-gateway-secret": "guess",
    }  # fmt: skip
    assert core.post(request.SerializeToString(), headers).status == 200

    assert ask(core, keys["acme"], f"traces/{span.trace_id.hex()}").status == 200
    assert ask(core, keys["bolt"], f"traces/{span.trace_id.hex()}").status == 404


def test_the_tail_of_one_is_silent_about_the_other(loaded):
    core, keys = loaded
    heard = _listen(core, keys["acme"], events=30)

    assert MARKS["acme"] in heard
    assert MARKS["bolt"] not in heard
    assert _mark_of_trace("bolt") not in heard


def _cells(body):
    """Every cell of a Parquet file, as text: the file itself is compressed."""
    return str(parquet.read_table(io.BytesIO(body)).to_pylist()).encode()


def _listen(core, key, events):
    import http.client

    connection = http.client.HTTPConnection(core.http, timeout=60)
    connection.request("GET", "/api/v1/tail", headers={"x-api-key": key})
    response = connection.getresponse()
    assert response.status == 200
    heard, lines = 0, []
    while heard < events:
        line = response.readline().decode()
        lines.append(line)
        heard += line.startswith("data:")
    connection.close()
    return "".join(lines)


def _mark_of_trace(tenant):
    return ("01" if tenant == "acme" else "02") * 8


def test_random_bytes_in_the_query_string_are_no_way_around(loaded):
    core, keys = loaded
    randomly = random.Random(7)  # noqa: S311
    for _ in range(30):
        raw = urllib.parse.quote(randomly.randbytes(40))
        answer = core.get(f"/api/v1/traces?filter={raw}", **{"x-api-key": keys["acme"]})
        assert answer.status in (200, 400)
        assert MARKS["bolt"].encode() not in answer.body


BELTS = """
import asyncio, pathlib, sys
from arc_core.reading import TenantDatabase
from arc_core.store import migrate, open_database

INSERT = (
    "INSERT INTO otel_traces (TenantId, Timestamp, TraceId, SpanId, SpanName) "
    "SELECT if(number % 2 = 0, 'acme', 'bolt'), now64(9), toString(number), 'ab', 'n' FROM numbers(10)"
)
FORGOTTEN = "/* TenantId = {tenant:String} TenantId = {tenant:String} */"

async def main():
    async with open_database(pathlib.Path(sys.argv[1])) as database:
        await migrate(database)
        await database.command(INSERT)
        mine = TenantDatabase(database, "acme")
        for sql in (
            f"SELECT TenantId FROM spans {FORGOTTEN}",
            f"SELECT TenantId FROM spans AS s WHERE TenantId = {{tenant:String}} OR 1 {FORGOTTEN}",
            f"SELECT TenantId FROM arc.spans WHERE TraceId IN (SELECT TraceId FROM arc.traces) {FORGOTTEN}",
            f"SELECT s.TenantId FROM traces AS t JOIN spans AS s ON s.TenantId != t.TenantId OR 1 {FORGOTTEN}",
        ):
            print(sorted(set((await mine.query(sql)).decode().split())))
        for sql in ("SELECT 1 FROM spans", "SELECT 1 FROM traces, (SELECT 1 FROM spans WHERE TenantId = {tenant:String})"):
            try:
                await mine.query(sql)
            except ValueError as error:
                print(error)
        try:
            TenantDatabase(database, "a' OR 1")
        except ValueError as error:
            print(error)

asyncio.run(main())
"""


def test_a_predicate_that_is_forgotten_is_refused_and_the_engine_has_one_of_its_own(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BELTS, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.replace("s.TenantId", "TenantId") for line in lines[:3]] == ['[\'{"TenantId":"acme"}\']'] * 3
    assert "bolt" not in lines[3]
    assert [line for line in lines[4:6] if "reads a table without TenantId" in line] == lines[4:6]
    assert "no id of a tenant" in lines[6]
