import asyncio
import copy
import gzip
import json
from pathlib import Path

import anthropic
import pytest
from arc_semconv import attributes as semconv
from arc_testing import Answer, Provider
from opentelemetry.trace import StatusCode

CASSETTES = Path(__file__).parents[4] / "shared/data/cassettes"
ASK = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "I am jane@example.com"}]}
USE = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
USAGE = {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 4}


def message(*blocks, reason="end_turn"):
    content = list(blocks) or [{"type": "text", "text": "Hello"}]
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x-1", "content": content,
        "stop_reason": reason, "stop_sequence": None, "usage": USAGE,
    }  # fmt: skip


def events(name=None):
    start = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}} if name else {"type": "text", "text": ""}
    delta = (
        {"type": "input_json_delta", "partial_json": '{"a": 1}'} if name else {"type": "text_delta", "text": "Hello"}
    )
    told = [
        {"type": "message_start", "message": {**message(), "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ]
    return [(event["type"], event) for event in told]


def answer(asked):
    return Answer(events=events()) if asked.body.get("stream") else Answer(body=message())


def refusal(text, kind="invalid_request_error"):
    return {"type": "error", "error": {"type": kind, "message": text}}


@pytest.fixture
def connect():
    opened = []

    def client(server, **options):
        # The client's own spans have a test of their own.
        options = {"open_telemetry": {"traces": False}, "max_retries": 0, **options}
        opened.append(anthropic.Anthropic(base_url=server.url, api_key="k", **options))
        return opened[-1]

    yield client
    for one in opened:
        one.close()


def test_a_message_is_one_client_span(spans, instrumented, connect):
    instrumented(cost="off")
    with Provider(answer) as server:
        ask(connect(server), temperature=0.5, top_k=3, stop_sequences=["x"])
    span = spans.only
    assert span.name == "chat claude-x"
    assert {key: value for key, value in span.attributes.items() if not key.startswith("server.")} == {
        "arc.span.kind": "llm", "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-x", "gen_ai.request.temperature": 0.5, "gen_ai.request.top_k": 3,
        "gen_ai.request.max_tokens": 9, "gen_ai.request.stop_sequences": ("x",), "gen_ai.response.id": "msg_1",
        "gen_ai.response.model": "claude-x-1", "gen_ai.response.finish_reasons": ("end_turn",),
        "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 2, "gen_ai.usage.cache_read.input_tokens": 4,
    }  # fmt: skip


@pytest.mark.parametrize("mode", ["stream=True", "helper", "async"])
def test_a_stream_is_one_span_that_ends_with_it(spans, instrumented, connect, mode):
    instrumented(cost="off", capture="SPAN_ONLY")
    with Provider(answer) as server:
        if mode == "async":

            async def read():
                async with anthropic.AsyncAnthropic(
                    base_url=server.url, api_key="k", open_telemetry={"traces": False}
                ) as client:
                    return [event async for event in await client.messages.create(**ASK, stream=True)]

            assert len(asyncio.run(read())) == 6
        elif mode == "helper":
            with connect(server).messages.stream(**ASK) as stream:
                assert "".join(stream.text_stream) == "Hello"
        else:
            stream = connect(server).messages.create(**ASK, stream=True)
            assert isinstance(stream, anthropic.Stream)
            assert spans.spans == ()
            assert len(list(stream)) == 6
    attributes = spans.only.attributes
    assert attributes["gen_ai.usage.input_tokens"] == 7
    assert "Hello" in attributes["gen_ai.output.messages"]
    assert "<EMAIL>" in attributes["gen_ai.input.messages"]


def ask(client, *, stream=False, **given):
    """A call whose parameters are not all in the client's signature: versions differ in what they still have."""
    first = {key: given.pop(key, value) for key, value in ASK.items()}
    headers = given.pop("extra_headers", None)
    return client.messages.create(**first, stream=stream, timeout=60, extra_body=given, extra_headers=headers)


def ids(body):
    return [block.get("type") for item in body["messages"] for block in item["content"] if isinstance(block, dict)]


KINDS = {
    "cap": (refusal("max_tokens: 99999 > 8192, which is the maximum allowed number of output tokens for claude-x"),
            {"max_tokens": 99999}, lambda b: b["max_tokens"] == 8192),
    "unanswered": (
        refusal("messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each `tool_use` block must have a corresponding `tool_result` block in the next message."),
        {"messages": [*ASK["messages"], {"role": "assistant", "content": [USE]}, {"role": "user", "content": "go on"}]},
        lambda b: ids(b) == ["tool_use", "tool_result", "text"]),
    "orphan": (
        refusal("messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_9. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."),
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_9", "content": "x"}, {"type": "text", "text": "hi"}]}]},
        lambda b: ids(b) == ["text"]),
    "samplers": (refusal("`temperature` and `top_p` cannot both be specified for this model. Please use only one."),
                 {"temperature": 0.1, "top_p": 0.1}, lambda b: "top_p" not in b),
    "empty": (refusal("messages: text content blocks must be non-empty"),
              {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "hi"}]}]},
              lambda b: b["messages"][0]["content"] == [{"type": "text", "text": "hi"}]),
    "empty message": (
        refusal("messages.1: all messages must have non-empty content except for the optional final assistant message"),
        {"messages": [*ASK["messages"], {"role": "assistant", "content": ""}, *ASK["messages"]]}, lambda b: b["messages"][1]["content"]),
    "budget": (refusal("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"),
               {"thinking": {"type": "enabled", "budget_tokens": 100}}, lambda b: b["thinking"]["budget_tokens"] == 1024 < b["max_tokens"]),
    "thinking and temperature": (
        refusal("`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation at https://docs.claude.com/x"),
        {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000, "temperature": 0.2}, lambda b: "temperature" not in b),
    "effort": (refusal("This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium."),
               {"output_config": {"effort": "xhigh"}}, lambda b: b["output_config"]["effort"] == "high"),
    "range": (refusal("temperature: Input should be less than or equal to 1"), {"temperature": 1.5}, lambda b: b["temperature"] == 1),
    "context": (refusal("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again"),
                {"max_tokens": 20000}, lambda b: b["max_tokens"] == 200000 - 190000 - 16),
    "system": (refusal('messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.').copy(),
               {"messages": [{"role": "system", "content": "brief"}, *ASK["messages"]]}, lambda b: b.get("system") == "brief" and len(b["messages"]) == 1),
    "deprecated": (refusal("`temperature` is deprecated for this model."), {"temperature": 0.4}, lambda b: "temperature" not in b),
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_request_is_mended_and_answered_in_the_same_call(spans, instrumented, connect, kind, stream):
    body, given, is_mended = KINDS[kind]
    instrumented()
    before = copy.deepcopy(given)
    with Provider(lambda asked: answer(asked) if is_mended(asked.body) else Answer(400, body)) as server:
        result = ask(connect(server), stream=stream, **given)
        assert len(list(result)) == 6 if stream else result.content[0].text == "Hello"
        assert len(server.asked) == 2
    assert given == before
    assert spans.only.attributes[semconv.FIX_OUTCOME] == "ok"
    assert spans.only.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (529, refusal("Overloaded", "overloaded_error")), (429, refusal("slow down", "rate_limit_error")),
        (500, KINDS["cap"][0]), (400, refusal("prompt is too long: 208310 tokens > 200000 maximum")),
        (404, refusal("model: claude-sonnet-4-20250514", "not_found_error")), (400, refusal("who knows")),
    ],
)  # fmt: skip
def test_what_may_not_be_mended_is_the_provider_s_own_error(spans, instrumented, connect, status, body):
    instrumented()
    with Provider(lambda _: Answer(status, body)) as server:
        with pytest.raises(anthropic.APIStatusError) as caught:
            ask(connect(server), max_tokens=99999)
        assert (caught.value.status_code, len(server.asked)) == (status, 1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_model_that_is_gone_is_replaced_where_that_is_allowed(spans, instrumented, connect):
    instrumented(fixes_level="ask")
    gone = refusal("model: claude-sonnet-4-20250514", "not_found_error")
    with Provider(
        lambda asked: Answer(404, gone) if asked.body["model"].endswith("20250514") else answer(asked)
    ) as server:
        ask(connect(server), model="claude-sonnet-4-20250514")
        assert server.asked[1].body["model"] == "claude-sonnet-4-6"
    assert spans.only.attributes[semconv.FIX_IDS] == ("arc.model_retired",)


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_that_was_renamed_has_its_own_name_in_the_answer(instrumented, connect, stream):
    tools = [{"name": "math.add", "input_schema": {"type": "object", "properties": {}}}]
    refused = refusal("tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'")

    def answering(asked):
        name = asked.body["tools"][0]["name"]
        if "." in name:
            return Answer(400, refused)
        return Answer(events=events(name)) if stream else Answer(body=message({**USE, "name": name}))

    instrumented()
    with Provider(answering) as server:
        result = ask(connect(server), tools=tools, stream=stream)
        name = (
            next(event for event in result if event.type == "content_block_start").content_block.name
            if stream
            else result.content[0].name
        )
        assert name == "math.add"


def test_the_header_that_keeps_fixes_away_does_not_leave(instrumented, connect):
    instrumented()
    with Provider(lambda _: Answer(400, KINDS["deprecated"][0])) as server:
        with pytest.raises(anthropic.BadRequestError):
            ask(connect(server), temperature=0.1, extra_headers={"X-Arc-Fixes": "off", "X-Agent-Name": "a"})
        (asked,) = server.asked
        assert not {"x-arc-fixes", "x-agent-name"} & set(asked.headers)


def test_counting_tokens_is_no_span_and_goes_as_it_is(spans, instrumented, connect):
    instrumented()
    with Provider(lambda _: Answer(body={"input_tokens": 3})) as server:
        assert connect(server).messages.count_tokens(model="m", messages=ASK["messages"]).input_tokens == 3
    assert spans.spans == ()


@pytest.mark.skipif(
    not hasattr(anthropic._base_client.SyncAPIClient, "_attempt_request"), reason="this client writes no spans"
)
def test_where_the_client_writes_a_span_there_is_no_second_one(spans, instrumented, connect):
    instrumented()
    with Provider(
        lambda asked: Answer(400, KINDS["deprecated"][0]) if "temperature" in asked.body else answer(asked)
    ) as server:
        client = connect(server, open_telemetry={"tracer_provider": spans.tracer_provider})
        ask(client, temperature=0.2)
    assert spans.only.instrumentation_scope.name != "arc-instrumentation-anthropic"
    assert spans.only.attributes[semconv.FIX_IDS] == ("arc.parameter_not_supported",)


def recorded(name):
    path = CASSETTES / f"{name}.jsonl.gz"
    with gzip.open(path, "rt") as file:
        lines = [json.loads(line) for line in file]
    return [line for line in lines if line["stream"] or "usage" in line["response"]][:60]


@pytest.mark.skipif(not CASSETTES.exists(), reason="recorded exchanges are not beside this clone")
@pytest.mark.parametrize("name", ["anthropic_messages", "anthropic_messages_stream"])
def test_recorded_answers_are_told_as_they_were(spans, instrumented, connect, name):
    instrumented(capture="SPAN_ONLY")
    lines = recorded(name)
    assert lines
    said = iter(lines)
    sse = name.endswith("stream")

    def replay(_asked):
        line = next(said)
        if not sse:
            return Answer(body=line["response"])
        return Answer(
            events=[(event.get("event") or event["data"]["type"], event["data"]) for event in line["response_sse"]]
        )

    with Provider(replay) as server:
        client = connect(server)
        for line in lines:
            spans.clear()
            result = client.post(
                "/v1/messages",
                cast_to=object,
                body={**ASK, "stream": sse},
                stream=sse,
                stream_cls=anthropic.Stream[object],
            )
            if sse:
                list(result)
            told = spans.only.attributes
            usage = line["response"]["usage"] if not sse else line["response_sse"][0]["data"]["message"]["usage"]
            counts = [
                usage.get(key) or 0
                for key in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
            ]
            assert told["gen_ai.usage.input_tokens"] == sum(counts) or sse
            assert told["gen_ai.response.finish_reasons"]
            assert told["gen_ai.output.messages"]
