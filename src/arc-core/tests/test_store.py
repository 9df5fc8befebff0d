"""The SQL and the adapter for a server, over a real engine: chDB behind ClickHouse's HTTP interface."""

import asyncio
import io
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from arc_core.access import Tenant as Holder
from arc_core.errors import RowsError, StartError, StoreError, UsageError
from arc_core.filters import parse, span_condition
from arc_core.ingest import Capacity, Receiver
from arc_core.ingest._receiver import SIGNALS
from arc_core.model import Tenant
from arc_core.model.dialects import CANONICAL, canonical
from arc_core.operations._retention import expire
from arc_core.reading import SpanRef, TenantDatabase, Traces
from arc_core.store import Database, Writer, index_texts, migrate, open_server
from arc_core.store._migrations import _known
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue
from pyarrow import parquet

TRACES, _, METRICS = SIGNALS
NAMES = itertools.count()
ACME = Tenant("acme")


class Server:
    """chDB behind HTTP, in a process that can go and come back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = "0"
        self.start()

    def start(self) -> None:
        script = Path(__file__).with_name("clickhouse_over_http.py")
        command = [sys.executable, "-W", "ignore", str(script), str(self.folder), self.port]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=self.folder.parent)
        self.port = self.process.stdout.readline().split()[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)
        self.process.stdout.close()

    def url(self, database: str) -> str:
        return f"clickhouse://127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("clickhouse"))
    yield running
    running.kill()


@pytest.fixture
def run(server) -> Callable[..., Any]:
    """Run a coroutine function with a database of its own, migrated unless told otherwise."""

    def in_database(work, *, migrated=True):
        async def opened():
            async with open_server(server.url(f"db{next(NAMES)}")) as database:
                if migrated:
                    await migrate(database)
                return await work(database)

        return asyncio.run(opened())

    return in_database


async def rows(database: Database, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await database.query(sql, **parameters)).splitlines()]


async def export(writer: Writer, body: bytes, *, signal=TRACES, tenant=ACME, is_json=False, cost_of=lambda *_: None):
    with Capacity(2**28).hold() as held:
        return await Receiver(writer.write, cost_of).export(signal, body, held, tenant, is_json=is_json)


async def taken(database: Database, *bodies: bytes, **told: Any) -> None:
    writer = Writer(database)
    await writer.remember()
    running = asyncio.ensure_future(writer.run())
    try:
        for body in bodies:
            await export(writer, body, **told)
    finally:
        writer.close()
        await running


def test_parameters_and_settings_arrive_as_they_are(run):
    text = "x'; DROP TABLE spans -- \\ \t\n{a:String} é\\N"

    async def ask(database):
        sql = "SELECT {a:String} AS a, {n:UInt64} AS n, {l:Array(String)} AS l"
        return await rows(database, sql, a=text, n=2**64 - 1, l="['a','b\\'c']")

    assert run(ask) == [{"a": text, "n": 2**64 - 1, "l": ["a", "b'c"]}]


def test_another_tenant_is_filtered_by_the_engine_too(run, wire):
    async def ask(database):
        await taken(database, wire.request(wire.span()).SerializeToString())
        count = "SELECT count() AS n FROM spans"
        theirs = {"additional_table_filters": "{'spans': 'TenantId = \\'other\\''}"}
        return await rows(database, count), json.loads(await database.query(count, settings=theirs))

    assert run(ask) == ([{"n": 1}], {"n": 0})


def test_rows_are_streamed_in_any_form(run, wire):
    async def ask(database):
        await taken(database, wire.request(*(wire.span() for _ in range(50))).SerializeToString())
        return b"".join([piece async for piece in database.stream("SELECT * FROM spans", form="Parquet")])

    assert parquet.read_table(io.BytesIO(run(ask))).num_rows == 50


STREAMED = """
import asyncio, sys
from pathlib import Path
from arc_core.store import open_database

async def main():
    async with open_database(Path(sys.argv[1])) as database:
        pieces = database.stream("SELECT number FROM numbers({n:UInt64})", form="Parquet", n=int(sys.argv[2]))
        sys.stdout.buffer.write(b"".join([piece async for piece in pieces]))

asyncio.run(main())
"""
"""By itself, as chDB knows one folder a process."""


@pytest.mark.parametrize("count", [0, 1, 300_000])
def test_a_table_out_of_chdb_is_one_file_however_many_blocks_it_has(tmp_path, count):
    command = [sys.executable, "-c", STREAMED, tmp_path / "data", str(count)]

    done = subprocess.run(command, capture_output=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    table = parquet.read_table(io.BytesIO(done.stdout))
    assert table.column("number").to_pylist() == list(range(count))


def test_the_server_says_how_it_is(run):
    health = run(lambda database: database.health())

    assert health.engine == "server"
    assert 0 < health.free_bytes <= health.total_bytes


def test_what_is_wrong_is_said(run):
    async def ask(database):
        with pytest.raises(StoreError, match="no_such_table"):
            await database.query("SELECT 1 FROM no_such_table")
        with pytest.raises(RowsError):
            await database.insert("otlp_traces", [b"\x05\xff\xff"], "Protobuf")

    run(ask)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8123/arc", "clickhouse:///arc", "clickhouse://h:x/arc", "nonsense"])
def test_an_address_that_is_none_is_refused(url):
    async def connect():
        async with open_server(url):
            pass

    with pytest.raises(UsageError, match="clickhouse://USER:PASSWORD@HOST:8123/DATABASE"):
        asyncio.run(connect())


def test_a_server_that_is_not_there_is_named():
    async def connect():
        async with open_server("clickhouse://127.0.0.1:9/arc"):
            pass

    with pytest.raises(StartError, match=r"127\.0\.0\.1:9 cannot be used"):
        asyncio.run(connect())


def test_a_server_that_goes_and_comes_back_loses_nothing(tmp_path, wire):
    server = Server(tmp_path)
    bodies = [wire.request(wire.span()).SerializeToString() for _ in range(3)]

    async def send():
        async with open_server(server.url("arc")) as database:
            await migrate(database)
            writer = Writer(database)
            running = asyncio.ensure_future(writer.run())
            await export(writer, bodies[0])
            server.kill()
            with pytest.raises(StoreError):
                await export(writer, bodies[1])
            server.start()
            for body in bodies:
                await export(writer, body)
            writer.close()
            await running
            return await rows(database, "SELECT count() AS n, uniq(SpanId) AS u FROM spans")

    try:
        assert asyncio.run(send()) == [{"n": 3, "u": 3}]
    finally:
        server.kill()


def test_a_request_that_comes_again_after_a_restart_is_stored_once(run, wire):
    body = wire.request(*(wire.span() for _ in range(5))).SerializeToString()

    async def send(database):
        await taken(database, body)
        await taken(database, body)  # another writer, which knows of it from the database
        return await rows(database, "SELECT count() AS n FROM spans")

    assert run(send) == [{"n": 5}]


@pytest.mark.parametrize("hours", [-30, -1, 1, 100_000])
def test_a_clock_that_jumped_does_not_store_twice(run, wire, hours):
    body = wire.request(*(wire.span() for _ in range(5))).SerializeToString()

    async def send(database):
        await taken(database, body)
        shift = "ALTER TABLE spans UPDATE ReceivedAt = ReceivedAt + toIntervalHour({h:Int64}) WHERE 1"
        await database.command(shift, h=hours)
        await taken(database, body)
        await database.command("OPTIMIZE TABLE spans FINAL")  # what came twice so long after is merged
        return await rows(database, "SELECT count() AS n FROM spans")

    assert run(send) == [{"n": 5}]


def test_what_a_kill_left_half_done_is_made_whole_by_the_retry(run, wire):
    span = wire.span()
    body = wire.request(span).SerializeToString()

    async def send(database):
        await taken(database, body)
        await database.command("TRUNCATE TABLE traces")  # as if it had been killed between the two
        reader = Traces(TenantDatabase(database, "acme"))
        assert (await reader.page(parse(""), 0, None, 3)).items == []
        await taken(database, body)
        return await rows(database, "SELECT TraceId FROM traces"), await rows(database, "SELECT TraceId FROM spans")

    assert run(send) == ([{"TraceId": span.trace_id.hex()}],) * 2


COLUMNS = (
    "TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName, ResourceAttributes, ScopeName,"
    " ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage, Events.Timestamp, Events.Name,"
    " Events.Attributes, Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes, CostUsd, Kind, InputTokens,"
    " toUnixTimestamp64Nano(Timestamp) AS start"
)


def test_the_engine_reads_what_python_reads(run, wire, otlp_json):
    doubles = [0.0, -0.0, 1.0, -2.5, 0.1, 1e15, 1e16, 1.5e20, 1e21, 1e300, 1e-6, 1e-7, 5e-324, 2.0**53 + 2, 123456.789,
               float("inf"), float("-inf"), float("nan")]  # fmt: skip
    root = wire.span(
        'chat é \x00 " \\ \n',
        attributes={
            **{f"double.{n}": number for n, number in enumerate(doubles)},
            "int": -(2**63), "zero": 0, "false": False, "true": True, "empty": "", "raw": b"\x00\xff",
            "texts": ["a", 'b"\\/\n é\x01'], "mixed": [1, -1.5, True, "x", b"\xff", float("nan"), 1e21],
            "arc.span.kind": "llm", "gen_ai.usage.input_tokens": 12, "arc.cost.usd": 0.25,
        },
        trace_state="a=b",
        error=True,
    )  # fmt: skip
    root.attributes.add(key="unset")
    root.attributes.add(key="unset in array").value.array_value.values.add()
    root.events.add(name="tick", time_unix_nano=wire.START_NS + 5).attributes.append(wire.attribute("n", 1.5))
    root.links.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, trace_state="c").attributes.append(
        wire.attribute("k", "v")
    )
    others = [
        wire.span(parent_span_id=bytes(8), kind=7, end_time_unix_nano=1),
        wire.span(end_time_unix_nano=2**64 - 1, parent_span_id=root.span_id, kind=5),
        wire.span(start_time_unix_nano=0, end_time_unix_nano=7),
    ]
    request = wire.request(root, *others)
    request.resource_spans[0].scope_spans.add().spans.append(wire.span("second scope"))
    request.resource_spans.add().scope_spans.add().spans.append(wire.span("no resource"))

    async def both(database):
        sql = f"SELECT {COLUMNS} FROM spans WHERE TenantId = {{t:String}} ORDER BY SpanId"  # noqa: S608 - a constant
        engine, python = Tenant("engine"), Tenant("python")
        await taken(database, request.SerializeToString(), tenant=engine)
        await taken(database, otlp_json(request), tenant=python, is_json=True)
        return await rows(database, sql, t="engine"), await rows(database, sql, t="python")

    by_engine, by_python = run(both)
    assert len(by_engine) == 6
    for one, other in zip(by_engine, by_python, strict=True):
        if "mixed" in one["SpanAttributes"]:  # JSON of another hand: 1e21 and 1e+21 are one number
            mixed = one["SpanAttributes"].pop("mixed"), other["SpanAttributes"].pop("mixed")
            assert json.loads(mixed[0]) == json.loads(mixed[1])
        assert one == other


@pytest.mark.parametrize(
    "value",
    [
        AnyValue(array_value=ArrayValue()),
        AnyValue(array_value=ArrayValue(values=[AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1)]))])),
        "pairs",
    ],
    ids=["empty array", "array in array", "pairs"],
)
def test_what_the_engine_cannot_read_is_stored_all_the_same(run, wire, value):
    span = wire.span()
    added = span.attributes.add(key="k").value
    if value == "pairs":
        added.kvlist_value.values.append(wire.attribute("a", [1, "x"]))
    else:
        added.CopyFrom(value)

    async def send(database):
        await taken(database, wire.request(span, wire.span()).SerializeToString())
        return await rows(database, "SELECT SpanAttributes['k'] AS k FROM spans ORDER BY k DESC")

    stored = {"pairs": '{"a":[1,"x"]}'}.get(value if isinstance(value, str) else "")
    got = [row["k"] for row in run(send)]
    assert got == [stored or ("[]" if not value.array_value.values else "[[1]]"), ""]


def test_a_large_request_of_many_resources_and_scopes_is_stored_whole(run, wire):
    filler = {f"key.{n}": "v" * 100 for n in range(20)}
    request = wire.request(*(wire.span(attributes=filler) for _ in range(600)))
    for number in range(3):
        scope = request.resource_spans[0].scope_spans.add()
        scope.scope.name = f"scope {number}"
        scope.spans.extend(wire.span(attributes=filler) for _ in range(100))
    body = request.SerializeToString()
    assert len(body) > 2 * 1024 * 1024 - 500_000

    async def send(database):
        await taken(database, body)
        sql = "SELECT count() AS n, uniq(SpanId) AS u, uniq(ScopeName) AS s, countIf(length(SpanAttributes) = 20) AS a FROM spans"
        return await rows(database, sql)

    assert run(send) == [{"n": 900, "u": 900, "s": 4, "a": 900}]


def test_model_calls_that_say_no_cost_are_priced_whoever_made_them(run, wire):
    spans = [
        wire.span("1", attributes={"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3}),
        wire.span("2", attributes={"openinference.span.kind": "LLM", "llm.token_count.prompt": 4}),
        wire.span("3", attributes={"arc.span.kind": "llm", "gen_ai.usage.input_tokens": 5, "arc.cost.usd": 9.0}),
        wire.span("4", attributes={"arc.span.kind": "tool"}),
    ]

    def cost_of(attributes, _start):
        told = attributes.get("arc.cost.usd")
        return float(told) if told else float(attributes["gen_ai.usage.input_tokens"])

    async def send(database):
        await taken(database, wire.request(*spans).SerializeToString(), cost_of=cost_of)
        return await rows(database, "SELECT SpanName AS n, CostUsd AS c FROM spans ORDER BY n")

    assert [row["c"] for row in run(send)] == [3.0, 4.0, 9.0, None]


def test_a_cost_that_is_none_spoils_no_sum(run):
    """As the Collector's exporter brings it, which reads the attribute with no check."""

    async def send(database):
        await database.command(
            "INSERT INTO otel_traces (TenantId, Timestamp, TraceId, SpanId, SpanAttributes) SELECT 'acme', now64(9), 't', c,"
            " map('arc.span.kind', 'llm', 'arc.cost.usd', arrayJoin(['nan', 'inf', '-1', '2']) AS c)"
        )
        return await rows(database, "SELECT sum(CostUsd) AS c, count(CostUsd) AS n FROM spans")

    assert run(send) == [{"c": 2.0, "n": 1}]


PART_TYPES = "SELECT DISTINCT part_type AS kind FROM system.parts WHERE active AND database = currentDatabase() AND table = 'spans'"

OTHERS = [
    (
        {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", "llm.provider": "openai", "session.id": "s1",
         "llm.token_count.prompt": 12, "llm.token_count.completion": 3, "user.id": "u1",
         "llm.token_count.prompt_details.cache_read": 2, "llm.input_messages.0.message.role": "user",
         "llm.input_messages.0.message.content": 'say "x"', "output.value": "x"},
        {"Dialect": "openinference", "Kind": "llm", "Operation": "chat", "Model": "gpt-4o", "Provider": "openai",
         "InputTokens": 12, "OutputTokens": 3, "CacheReadTokens": 2, "ConversationId": "s1", "UserId": "u1",
         "InputMessages": '[{"role":"user","parts":[{"type":"text","content":"say \\"x\\""}]}]', "OutputMessages": "x"},
    ),
    ({"openinference.span.kind": "AGENT", "agent.name": "planner"},
     {"Dialect": "openinference", "Kind": "run", "Operation": "invoke_agent", "AgentName": "planner"}),
    ({"openinference.span.kind": "TOOL"}, {"Kind": "tool", "ToolName": "the span", "Operation": "execute_tool"}),
    ({"openinference.span.kind": "EMBEDDING", "embedding.model_name": "e"}, {"Kind": "llm", "Operation": "embeddings", "Model": "e"}),
    ({"openinference.span.kind": "CHAIN"}, {"Kind": "job", "Dialect": "openinference"}),
    (
        {"gen_ai.system": "OpenAI", "llm.request.type": "completion", "gen_ai.request.model": "gpt-4",
         "gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.completion_tokens": 8, "gen_ai.prompt.0.role": "system",
         "gen_ai.prompt.0.content": "be", "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "hi",
         "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "ho"},
        {"Dialect": "openllmetry", "Kind": "llm", "Operation": "text_completion", "Provider": "openai", "InputTokens": 7,
         "OutputTokens": 8, "Model": "gpt-4",
         "InputMessages": '[{"role":"system","parts":[{"type":"text","content":"be"}]},{"role":"user","parts":[{"type":"text","content":"hi"}]}]',
         "OutputMessages": '[{"role":"assistant","parts":[{"type":"text","content":"ho"}]}]'},
    ),
    ({"traceloop.span.kind": "workflow", "traceloop.entity.name": "loan", "traceloop.entity.input": "in"},
     {"Dialect": "openllmetry", "Kind": "job", "WorkflowName": "loan", "InputMessages": "in"}),
    ({"traceloop.span.kind": "agent", "traceloop.entity.name": "planner"}, {"Kind": "run", "AgentName": "planner"}),
    ({"traceloop.span.kind": "tool", "traceloop.entity.name": "search"}, {"Kind": "tool", "ToolName": "search"}),
    ({"gen_ai.system": "anthropic", "gen_ai.operation.name": "chat", "gen_ai.usage.prompt_tokens": 5},
     {"Dialect": "genai before 1.37", "Kind": "llm", "Provider": "anthropic", "InputTokens": 5}),
    ({"gen_ai.provider.name": "openai", "gen_ai.system": "other", "gen_ai.operation.name": "chat"}, {"Provider": "openai"}),
    (  # as openinference-instrumentation-openai sends it: the whole request beside its messages, and a tool call
        {"openinference.span.kind": "LLM", "input.value": '{"messages": []}', "output.value": '{"choices": []}',
         "llm.request.model_name": "gpt-4o", "llm.response.model_name": "gpt-4o-2024", "llm.system": "azure",
         "llm.token_count.prompt_details.cache_input": 4,
         "llm.input_messages.0.message.role": "user",
         "llm.input_messages.0.message.contents.0.message_content.type": "image",
         "llm.input_messages.0.message.contents.0.message_content.image.image.url": "data:...",
         "llm.input_messages.0.message.contents.1.message_content.text": "what is it?",
         "llm.output_messages.0.message.role": "assistant",
         "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
         "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
         "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"at": "x"}'},
        {"Model": "gpt-4o-2024", "Provider": "azure.ai.openai", "CacheReadTokens": 4,
         "InputMessages": '[{"role":"user","parts":[{"type":"text","content":"what is it?"}]}]',
         "OutputMessages": '[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"look","arguments":"{\\"at\\": \\"x\\"}"}]}]'},
    ),
    (
        {"llm.request.type": "chat", "gen_ai.system": "az.ai.openai", "gen_ai.user": "u2", "llm.usage.reasoning_tokens": 3,
         "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "one moment",
         "gen_ai.completion.0.tool_calls.0.id": "c2", "gen_ai.completion.0.tool_calls.0.name": "look",
         "gen_ai.completion.0.tool_calls.0.arguments": "{}"},
        {"Operation": "chat", "Provider": "azure.ai.openai", "UserId": "u2", "ReasoningTokens": 3,
         "OutputMessages": '[{"role":"assistant","parts":[{"type":"text","content":"one moment"},'
                           '{"type":"tool_call","id":"c2","name":"look","arguments":"{}"}]}]'},
    ),
    ({"gen_ai.input.messages": "own", "llm.input_messages.0.message.role": "user", "input.value": "v"}, {"InputMessages": "own"}),
    ({"gen_ai.input.messages": "own", "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "out"},
     {"InputMessages": "own", "OutputMessages": '[{"role":"assistant","parts":[{"type":"text","content":"out"}]}]'}),
    ({"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "in", "llm.output_messages.0.message.role": "assistant",
      "llm.output_messages.0.message.content": "out"},
     {"InputMessages": '[{"role":"user","parts":[{"type":"text","content":"in"}]}]',
      "OutputMessages": '[{"role":"assistant","parts":[{"type":"text","content":"out"}]}]'}),
    ({"openinference.span.kind": "CHAIN", "input.value": "v"}, {"InputMessages": "v"}),
    ({"openinference.span.kind": "DECISION", "decision.model_name": "d", "decision.provider": "typesafe"},
     {"Kind": "other", "Model": "d", "Provider": "typesafe"}),
    ({"http.request.method": "GET"}, {"Dialect": "", "Kind": "other"}),
]  # fmt: skip


def test_what_an_insert_brings_is_one_file_and_columns_where_it_is_large(run, wire):
    body = wire.request(*(wire.span(start_time_unix_nano=n) for n in range(1, 41))).SerializeToString()

    async def send(database):
        await taken(database, body)
        small = await rows(database, PART_TYPES)
        await database.command("INSERT INTO spans SELECT * REPLACE (repeat('x', 1000000) AS InputMessages) FROM spans")
        return small, await rows(database, PART_TYPES)

    small, large = run(send)
    assert small == [{"kind": "Compact"}]
    assert {"kind": "Wide"} in large


def test_what_others_emit_comes_to_the_same_columns(run, wire):
    spans = [wire.span("the span", attributes=emitted, start_time_unix_nano=n) for n, (emitted, _) in enumerate(OTHERS)]

    async def send(database):
        await taken(database, wire.request(*spans).SerializeToString())
        return await rows(database, "SELECT * FROM spans ORDER BY Timestamp")

    found = run(send)
    for (_, expected), row in zip(OTHERS, found, strict=True):
        assert {name: row[name] for name in expected} == expected


def test_a_failure_has_the_type_of_its_exception_where_it_says_none_itself(run, wire):
    spans = [wire.span(name, error=name != "recovered") for name in ("raised", "told", "recovered", "silent")]
    for span in spans[:3]:
        span.events.add(name="log")
        span.events.add(name="exception").attributes.append(wire.attribute("exception.type", "TimeoutError"))
    spans[1].attributes.append(wire.attribute("error.type", "rate_limit"))

    async def send(database):
        await taken(database, wire.request(*spans).SerializeToString())
        return await rows(database, "SELECT SpanName AS n, ErrorType AS t FROM spans")

    assert {row["n"]: row["t"] for row in run(send)} == {
        "raised": "TimeoutError",
        "told": "rate_limit",
        "recovered": "",
        "silent": "",
    }


def test_names_of_others_mean_the_same_in_sql_and_in_python(run, wire):
    column = {
        "gen_ai.provider.name": "Provider", "gen_ai.usage.input_tokens": "InputTokens", "gen_ai.usage.output_tokens": "OutputTokens",
        "gen_ai.usage.cache_write.input_tokens": "CacheWriteTokens", "gen_ai.usage.cache_read.input_tokens": "CacheReadTokens",
        "gen_ai.usage.reasoning.output_tokens": "ReasoningTokens", "gen_ai.input.messages": "InputMessages",
        "gen_ai.output.messages": "OutputMessages", "user.id": "UserId", "gen_ai.operation.name": "Operation",
        "gen_ai.workflow.name": "WorkflowName", "gen_ai.conversation.id": "ConversationId", "gen_ai.response.model": "Model", "gen_ai.request.model": "Model",
        "arc.cost.usd": "CostUsd", "gen_ai.agent.name": "AgentName", "gen_ai.tool.name": "ToolName",
    }  # fmt: skip
    names = [name for name, known in CANONICAL.items() if known in column]
    spans = [
        wire.span(name, attributes={name: "7", "arc.span.kind": "llm"}, start_time_unix_nano=n)
        for n, name in enumerate(names)
    ]

    async def send(database):
        await taken(database, wire.request(*spans).SerializeToString())
        return await rows(database, "SELECT * FROM spans ORDER BY Timestamp")

    for name, row in zip(names, run(send), strict=True):
        known = CANONICAL[name]
        assert canonical({name: "7"}) == {name: "7", known: "7"}
        assert str(row[column[known]]).removesuffix(".0") == "7", name


def test_points_are_in_the_columns_of_the_exporter(run, wire):
    request = ExportMetricsServiceRequest()
    of_resource = request.resource_metrics.add(schema_url="r")
    of_resource.resource.attributes.append(wire.attribute("service.name", "loans"))
    of_scope = of_resource.scope_metrics.add(schema_url="s")
    of_scope.scope.name = "meter"
    when = {"time_unix_nano": wire.START_NS, "start_time_unix_nano": 5}
    point = of_scope.metrics.add(name="g", unit="1", description="d").gauge.data_points.add(
        as_double=float("nan"), **when
    )
    point.attributes.append(wire.attribute("k", "v"))
    point.exemplars.add(as_int=3, span_id=b"\x02" * 8, trace_id=b"\x01" * 16)
    total = of_scope.metrics.add(name="s").sum
    total.aggregation_temporality, total.is_monotonic = 2, True
    total.data_points.add(as_int=7, **when)
    of_scope.metrics.add(name="h").histogram.data_points.add(
        count=3, sum=1.5, min=0.1, max=1.0, bucket_counts=[1, 2], explicit_bounds=[0.5], **when
    )
    exponential = of_scope.metrics.add(name="e").exponential_histogram.data_points.add(
        count=4, scale=-1, zero_count=1, **when
    )
    exponential.positive.offset = -2
    exponential.positive.bucket_counts.extend([1, 2])
    of_scope.metrics.add(name="q").summary.data_points.add(count=2, sum=3.0, **when).quantile_values.add(
        quantile=0.5, value=9.0
    )
    of_scope.metrics.add(name="unknown kind")

    async def send(database):
        await taken(database, request.SerializeToString(), request.SerializeToString(), signal=METRICS)
        kinds = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
        return [await rows(database, "SELECT * FROM {t:Identifier}", t=f"otel_metrics_{kind}") for kind in kinds]

    gauge, total, histogram, exponential, summary = (found for (found,) in run(send))
    assert (gauge["TenantId"], gauge["ServiceName"], gauge["MetricName"], gauge["MetricUnit"]) == (
        "acme",
        "loans",
        "g",
        "1",
    )
    assert gauge["Value"] is None  # NaN, as JSON has it
    assert (gauge["Attributes"], gauge["ScopeName"], gauge["ResourceSchemaUrl"]) == ({"k": "v"}, "meter", "r")
    assert (gauge["Exemplars.Value"], gauge["Exemplars.TraceId"]) == ([3], ["01" * 16])
    assert gauge["TimeUnix"] == "2026-09-21 14:13:20.123456789"
    assert (total["Value"], total["IsMonotonic"], total["AggregationTemporality"]) == (7, True, 2)
    assert (histogram["BucketCounts"], histogram["ExplicitBounds"], histogram["Max"]) == ([1, 2], [0.5], 1)
    assert (exponential["Scale"], exponential["PositiveOffset"], exponential["PositiveBucketCounts"]) == (
        -1,
        -2,
        [1, 2],
    )
    assert (summary["ValueAtQuantiles.Quantile"], summary["ValueAtQuantiles.Value"]) == ([0.5], [9])


ROLLUPS = {
    "agents_by_hour": "SELECT AgentName, toStartOfHour(Timestamp) AS hour, count(), quantilesTDigest(0.5, 0.95, 0.99)(Duration)"
    " FROM spans WHERE TenantId = 'acme' AND toStartOfHour(Timestamp) >= '2026-09-01 00:00:00' AND Kind = 'run' GROUP BY AgentName, hour",
    "models_by_hour": "SELECT Model, toDate(toStartOfHour(Timestamp)) AS day, sum(CostUsd), sum(InputTokens) FROM spans"
    " WHERE TenantId = 'acme' AND Kind = 'llm' GROUP BY Model, day",
    "failures_by_hour": "SELECT Fingerprint, count(), max(Timestamp), any(StatusMessage) FROM spans"
    " WHERE TenantId = 'acme' AND Fingerprint != '' GROUP BY Fingerprint",
    "by_trace": "SELECT SpanName FROM spans WHERE TenantId = 'acme' AND TraceId = '01010101010101010101010101010101'",
}


def test_dashboards_read_rollups_in_place_of_spans(run, wire):
    spans = [wire.span(attributes={"arc.span.kind": "run"}, error=n % 7 == 0) for n in range(20_000)]
    spans[77].trace_id = b"\x01" * 16

    async def explain(database):
        for part in range(0, len(spans), 5000):
            await taken(database, wire.request(*spans[part : part + 5000]).SerializeToString())
        await database.command("OPTIMIZE TABLE spans FINAL")
        return {
            name: await rows(database, f"EXPLAIN indexes = 1, projections = 1 {sql}") for name, sql in ROLLUPS.items()
        }

    for name, plan in run(explain).items():
        assert any(name in line["explain"] for line in plan), (name, plan)


def test_failures_that_differ_in_numbers_alone_are_one(run, wire):
    spans = [wire.span(error=True) for _ in range(4)]
    for span, message in zip(spans, ["after 30 s", "after 7 s", "id 0a1b2c3d4e", "refused"], strict=True):
        span.status.message = message

    async def send(database):
        await taken(database, wire.request(*spans, wire.span()).SerializeToString())
        return await rows(database, "SELECT StatusMessage AS m, Fingerprint AS f FROM spans ORDER BY m")

    found = {row["m"]: row["f"] for row in run(send)}
    assert found["after 30 s"] == found["after 7 s"]
    assert len(set(found.values())) == 4
    assert found[""] == ""


async def older(database: Database, version: int) -> None:
    """Bring `database` to schema `version`, with a thousand spans of a hundred traces, and a log record."""
    for number in range(1, version + 1):
        for statement in _known()[number]:
            await database.command(statement)
    await database.command(
        "CREATE TABLE schema_version (Version UInt32, AppliedAt DateTime64(3) DEFAULT now64(3)) ENGINE = MergeTree ORDER BY Version"
    )
    await database.command(f"INSERT INTO schema_version (Version) SELECT {version}")
    await database.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, ServiceName, Duration, StatusCode, StatusMessage, SpanAttributes)"
        " SELECT toDateTime64('2026-09-21 14:13:20.5', 9, 'UTC') + number, lower(hex(MD5(toString(intDiv(number, 10))))),"
        " lower(hex(sipHash64(number))), 'chat', 'loans', 5, if(number < 4, 'Error', 'Ok'),"
        " multiIf(number = 0, 'refused', number < 4, concat('waited ', toString(number), ' s'), ''),"
        " map('arc.span.kind', 'llm', 'gen_ai.agent.name', 'planner', 'gen_ai.usage.input_tokens', '7', 'user.id', 'u', 'arc.cost.usd', '0.5')"
        " FROM numbers(1000)"
    )
    await database.command("INSERT INTO otel_logs (Timestamp, Body) SELECT now64(9), 'hello'")


async def brought_along(database: Database) -> list[list[dict[str, Any]]]:
    """What is left of `older`."""
    return [
        await rows(
            database,
            "SELECT count() AS n, uniq(TraceId) AS t, sum(InputTokens) AS i, sum(CostUsd) AS c, any(UserId) AS u FROM spans",
        ),
        await rows(database, "SELECT uniq(TraceId) AS t, groupUniqArrayArray(Agents) AS a FROM traces"),
        await rows(
            database,
            "SELECT Fingerprint != '' AS f, count() AS n FROM spans GROUP BY Fingerprint ORDER BY n",
        ),
        await rows(database, "SELECT Body AS b, TenantId AS t FROM otel_logs"),
    ]


BROUGHT_ALONG = [
    [{"n": 1000, "t": 100, "i": 7000, "c": 500, "u": "u"}],
    [{"t": 100, "a": ["planner"]}],
    [{"f": 1, "n": 1}, {"f": 1, "n": 3}, {"f": 0, "n": 996}],
    [{"b": "hello", "t": "default"}],
]


@pytest.mark.parametrize("version", sorted(_known())[:-1])
def test_data_of_every_earlier_schema_is_brought_along(run, version, wire):
    async def upgrade(database):
        await older(database, version)
        await migrate(database)
        await migrate(database)
        found = await brought_along(database)
        reader = Traces(TenantDatabase(database, "default"))
        page = (await reader.page(parse(""), 0, None, 3)).items
        await taken(database, wire.request(wire.span()).SerializeToString(), tenant=Tenant())
        return found, [trace.spans for trace in page], len((await reader.page(parse(""), 0, None, 200)).items)

    found, page, after = run(upgrade, migrated=False)
    assert found == BROUGHT_ALONG
    assert page == [10, 10, 10]
    assert after == 101


@pytest.mark.parametrize("version", sorted(_known())[:-1])
def test_a_migration_that_a_kill_cut_off_is_done_again_without_loss(run, version):
    async def upgrade(database):
        await older(database, version)
        for statement in _known()[version + 1]:  # all of it is done, but not yet said to be
            await database.command(statement)
        await migrate(database)
        return await brought_along(database)

    assert run(upgrade, migrated=False) == BROUGHT_ALONG


def test_spans_that_others_take_during_the_newest_migration_are_stored(run, wire):
    async def upgrade(database):
        newest = max(_known())
        await older(database, newest - 1)
        for statement in _known()[newest]:
            await database.command(statement)
            await taken(database, wire.request(wire.span()).SerializeToString())
        return await rows(database, "SELECT count() AS n FROM spans WHERE TenantId = 'acme'")

    assert run(upgrade, migrated=False) == [{"n": len(_known()[max(_known())])}]


def test_what_a_tenant_keeps_is_kept_whole_and_nothing_of_others_is_deleted(run, wire):
    half_past = wire.START_NS // 10**9 // 3600 * 3600 + 1800
    spans = [
        wire.span(name, start_time_unix_nano=(half_past + seconds) * 10**9)
        for name, seconds in (("old", -7200), ("same hour, before", -600), ("same hour, after", 600))
    ]
    body = wire.request(*spans).SerializeToString()
    keeps = Holder(id="acme", name="acme", created_ms=0, retention_days=1)

    async def send(database):
        await taken(database, body)
        await taken(database, body, tenant=Tenant("other"))
        await expire(database, keeps, (half_past + 86_400) * 1000)
        sql = "SELECT SpanName AS n FROM spans WHERE TenantId = {t:String} ORDER BY Timestamp"
        left = [[row["n"] for row in await rows(database, sql, t=tenant)] for tenant in ("acme", "other")]
        listed = await Traces(TenantDatabase(database, "acme")).page(parse(""), wire.START_NS * 2, None, 9)
        return left, sorted(trace.name for trace in listed.items)

    left, listed = run(send)
    assert left == [["same hour, before", "same hour, after"], ["old", "same hour, before", "same hour, after"]]
    assert listed == ["same hour, after", "same hour, before"]


SAID = [
    "The loan was Declined", "loan\nofficer", "tab\there", "d\u00e9clin\u00e9 \u8d37\u6b3e\u88ab\u62d2", "nothing of it", "reloaned", "1.5e-3 (ok)",
]  # fmt: skip
ASKED = {
    "loan": [0, 1], "LOAN declined": [0], '"declined loan"': [0], "officer": [1], "here": [2], "lo": [], "decl": [],
    "d\u00e9clin\u00e9": [3], "D\u00c9CLIN": [3], "\u6b3e\u88ab": [3], '"5e-3"': [6], '"("': [6], "absent": [], "chat": [0, 1, 2, 3, 4, 5, 6],
    '"' + " ".join(f"w{n}" for n in range(100)) + '"': [], "-loan": [2, 3, 4, 5, 6],
}  # fmt: skip


def test_texts_are_found_with_an_index_and_without(run, wire):
    messages = [
        json.dumps([{"role": "user", "parts": [{"type": "text", "content": said}]}], ensure_ascii=False)
        for said in SAID
    ]
    spans = [
        wire.span("chat", attributes={"gen_ai.input.messages": said}, start_time_unix_nano=wire.START_NS + n * 10**9)
        for n, said in enumerate(messages)
    ]
    numbers = {span.span_id.hex(): n for n, span in enumerate(spans)}

    async def found(database, *, texts_indexed):
        reader = Traces(TenantDatabase(database, "acme"), texts_indexed=texts_indexed)
        answers = {}
        for asked in ASKED:
            lines = await walked(partial(reader.spans, parse(asked), wire.START_NS + 10**12), limit=2)
            answers[asked] = [numbers[line.span_id] for line in reversed(lines)]
        return answers

    async def indexed(database):
        await database.command("OPTIMIZE TABLE spans FINAL")  # waits for what is indexed in the background
        condition = span_condition(parse("loan"), 0)
        explain = f"EXPLAIN indexes = 1 SELECT 1 FROM spans WHERE {condition.sql}"  # noqa: S608 - names of parameters
        plan = await rows(database, explain, **condition.parameters)
        return any("text_InputMessages" in line["explain"] for line in plan)

    async def send(database):
        await taken(database, wire.request(*spans[:4]).SerializeToString())
        told = [await index_texts(database, wanted=None)]
        before = await indexed(database)
        told += [await index_texts(database, wanted=wanted) for wanted in (True, True, None)]
        # Each span but one is there twice until it is merged, which an answer does not tell.
        await taken(database, *(wire.request(*spans[at:]).SerializeToString() for at in (1, 0, 4)))
        fresh = await found(database, texts_indexed=True)
        with_index = await indexed(database), await found(database, texts_indexed=True)
        told += [await index_texts(database, wanted=wanted) for wanted in (False, False, None)]
        without = await indexed(database), await found(database, texts_indexed=False)
        return told, (before, with_index[0], without[0]), (fresh, with_index[1], without[1])

    told, is_indexed, answers = run(send)
    assert told == [False, True, True, True, False, False, False]
    assert is_indexed == (False, True, False)
    assert answers == (ASKED, ASKED, ASKED)


def test_traces_come_newest_first_and_once_whatever_hours_they_span(run, wire):
    """Some last for hours, so that their newest spans are in hours which they did not begin in; some spans come twice."""

    def trace(n):
        start_ns = wire.START_NS - n * 600 * 10**9
        root = wire.span(
            "run",
            start_time_unix_nano=start_ns,
            end_time_unix_nano=start_ns + 10**9,
            attributes={"arc.span.kind": "run", "gen_ai.agent.name": f"agent-{n % 3}"},
        )
        later_ns = start_ns + (5 * 3600 if n % 4 == 0 else n) * 10**9
        told = {"arc.span.kind": "tool"} if n % 2 else {
            "arc.span.kind": "llm", "gen_ai.agent.name": "late", "gen_ai.request.model": f"model-{n % 5}", "gen_ai.usage.input_tokens": n,
            "arc.cost.usd": n / 7, "arc.fix.ids": ["json-mode"], "arc.fix.mode": ("on", "shadow")[n % 4 == 0], "arc.redaction.count": n,
        }  # fmt: skip
        of_trace = {"trace_id": root.trace_id, "parent_span_id": root.span_id, "span_id": os.urandom(8)}
        step, again = (
            wire.span(
                "late", start_time_unix_nano=later_ns, end_time_unix_nano=later_ns + took, attributes=told, **of_trace
            )
            for took in (10**6, 10**7)
        )
        return root, step, again

    traces = [trace(n) for n in range(48)]
    ids = [root.trace_id.hex() for root, _, _ in traces]
    passing = {"": ids, "kind:tool": ids[1::2], "-kind:tool": ids[::2], "attributes.arc.span.kind:llm": ids[::2]}

    async def send(database):
        # That of the second request is another span with the same ids: the longest is meant.
        await taken(
            database,
            wire.request(*(span for root, step, _ in traces for span in (root, step))).SerializeToString(),
            wire.request(*(again for _, _, again in traces[:20])).SerializeToString(),
        )
        reader = Traces(TenantDatabase(database, "acme"))
        pages = [
            {
                asked: await walked(partial(reader.page, parse(asked), wire.START_NS + 10**15), limit)
                for asked in passing
            }
            for limit in (5, 50)
        ]
        return pages, [(await reader.trace(trace_id))[0] for trace_id in ids[::5]]

    pages, alone = run(send)
    for page in pages:
        assert {asked: [trace.trace_id for trace in found] for asked, found in page.items()} == passing
        assert page[""][::5] == alone
    assert all(trace.spans == 2 for trace in alone)


@pytest.mark.parametrize("texts_indexed", [False, True])
def test_spans_of_clocks_that_are_wrong_are_on_the_pages_once(run, wire, texts_indexed):
    """From 1970 to 2106; what is later is on no page, and hides nothing."""
    starts = [*range(3), *(wire.START_NS + n for n in range(9)), *((2**32 - 3600 * n) * 10**9 for n in (3, 2, 1))]
    later = [(2**32 + 3600 * n) * 10**9 for n in (1, 2, 3)] + [2**63 - 1]
    said = {"gen_ai.input.messages": "loan"}
    spans = [wire.span(attributes=said, start_time_unix_nano=at, end_time_unix_nano=at) for at in starts + later]

    async def send(database):
        await index_texts(database, wanted=texts_indexed)
        await taken(database, wire.request(*spans).SerializeToString())
        reader = Traces(TenantDatabase(database, "acme"), texts_indexed=texts_indexed)
        return [
            [await walked(partial(page, parse(asked), wire.START_NS), limit) for page in (reader.page, reader.spans)]
            for asked, limit in itertools.product(("", "loan"), (4, 50))
        ]

    for traces, lines in run(send):
        assert [line.start_ns for line in lines] == starts[::-1]
        assert [trace.trace_id for trace in traces] == [line.trace_id for line in lines]


def test_spans_that_came_again_with_other_times_hide_no_others(run, wire):
    def span(name, at):
        of_name = {
            "trace_id": name.encode() * 16,
            "span_id": name.encode() * 8,
            "attributes": {"gen_ai.input.messages": "loan"},
        }
        return wire.span(name, start_time_unix_nano=wire.START_NS - at, **of_name)

    async def send(database):
        await index_texts(database, wanted=True)
        requests = ["adadbcef", "ad", "a"]
        bodies = (wire.request(*(span(name, at) for at, name in enumerate(names))) for names in requests)
        await taken(database, *(body.SerializeToString() for body in bodies))
        reader = Traces(TenantDatabase(database, "acme"), texts_indexed=True)
        return await walked(partial(reader.spans, parse("loan"), wire.START_NS), 3)

    assert [line.name for line in run(send)] == list("adbcef")


async def walked(page: Callable[..., Any], limit: int) -> list[Any]:
    """What is on all pages."""
    found, after, has_more = [], None, True
    while has_more:
        items, has_more = await page(after, limit)
        assert len(items) <= limit
        found += items
        if has_more:
            last = items[-1]
            after = SpanRef(last.start_ns, last.trace_id, getattr(last, "span_id", ""))
    return found


def test_the_schema_for_a_cluster_is_that_of_the_migrations_and_the_engine_reads_it(run):
    folder = Path(__file__).parents[3] / "docker" / "clickhouse"
    made = subprocess.run([sys.executable, folder / "generate.py"], capture_output=True, text=True, check=True)
    written = (folder / "cluster.sql").read_text()
    assert written == made.stdout, "run docker/clickhouse/generate.py"
    statements = [part for part in written.partition("\n\n")[2].split(";\n") if part.strip()]

    async def parse(database):
        for statement in statements:
            await database.query(f"EXPLAIN AST {statement}")

    assert len(statements) > 30
    run(parse)
