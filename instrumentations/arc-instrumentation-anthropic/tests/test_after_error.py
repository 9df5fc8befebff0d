"""Requests that the API refuses: mended and sent once more inside the same call, or the API's own error."""

import asyncio
import copy
import gzip
import json
import time
from pathlib import Path

import anthropic
import pytest
from arc_semconv import attributes as semconv
from arc_testing import Answer, Provider, message, message_answer, message_error, message_events, message_request
from opentelemetry.trace import StatusCode

ERRORS = Path(__file__).parents[4] / "shared/data/cassettes/errors.jsonl.gz"
ASK = message_request()
USE = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}


def ids(body):
    return [block.get("type") for item in body["messages"] for block in item["content"] if isinstance(block, dict)]


KINDS = {
    "cap": (message_error("max_tokens: 99999 > 8192, which is the maximum allowed number of output tokens for claude-x"),
            {"max_tokens": 99999}, lambda b: b["max_tokens"] == 8192),
    "unanswered": (
        message_error("messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each `tool_use` block must have a corresponding `tool_result` block in the next message."),
        {"messages": [*ASK["messages"], {"role": "assistant", "content": [USE]}, {"role": "user", "content": "go on"}]},
        lambda b: ids(b) == ["tool_use", "tool_result", "text"]),
    "orphan": (
        message_error("messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_9. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."),
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_9", "content": "x"}, {"type": "text", "text": "hi"}]}]},
        lambda b: ids(b) == ["text"]),
    "samplers": (message_error("`temperature` and `top_p` cannot both be specified for this model. Please use only one."),
                 {"temperature": 0.1, "top_p": 0.1}, lambda b: "top_p" not in b),
    "empty": (message_error("messages: text content blocks must be non-empty"),
              {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "hi"}]}]},
              lambda b: b["messages"][0]["content"] == [{"type": "text", "text": "hi"}]),
    "empty message": (
        message_error("messages.1: all messages must have non-empty content except for the optional final assistant message"),
        {"messages": [*ASK["messages"], {"role": "assistant", "content": ""}, *ASK["messages"]]}, lambda b: b["messages"][1]["content"]),
    "budget": (message_error("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"),
               {"thinking": {"type": "enabled", "budget_tokens": 100}}, lambda b: b["thinking"]["budget_tokens"] == 1024 < b["max_tokens"]),
    "thinking and temperature": (
        message_error("`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation at https://docs.claude.com/x"),
        {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000, "temperature": 0.2}, lambda b: "temperature" not in b),
    "effort": (message_error("This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium."),
               {"output_config": {"effort": "xhigh"}}, lambda b: b["output_config"]["effort"] == "high"),
    "range": (message_error("temperature: Input should be less than or equal to 1"), {"temperature": 1.5}, lambda b: b["temperature"] == 1),
    "context": (message_error("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again"),
                {"max_tokens": 20000}, lambda b: b["max_tokens"] == 200000 - 190000 - 16),
    "system": (message_error('messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.').copy(),
               {"messages": [{"role": "system", "content": "brief"}, *ASK["messages"]]}, lambda b: b.get("system") == "brief" and len(b["messages"]) == 1),
    "deprecated": (message_error("`temperature` is deprecated for this model."), {"temperature": 0.4}, lambda b: "temperature" not in b),
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_request_is_mended_and_answered_in_the_same_call(spans, instrumented, connect, kind, stream, ask):
    body, given, is_mended = KINDS[kind]
    instrumented()
    before = copy.deepcopy(given)
    with Provider(lambda asked: message_answer(asked) if is_mended(asked.body) else Answer(400, body)) as server:
        result = ask(connect(server), stream=stream, **given)
        assert len(list(result)) == 6 if stream else result.content[0].text == "Hello"
        assert len(server.asked) == 2
    assert given == before
    assert spans.only.attributes[semconv.FIX_OUTCOME] == "ok"
    assert spans.only.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (529, message_error("Overloaded", "overloaded_error")), (429, message_error("slow down", "rate_limit_error")),
        (500, KINDS["cap"][0]), (400, message_error("prompt is too long: 208310 tokens > 200000 maximum")),
        (404, message_error("model: claude-sonnet-4-20250514", "not_found_error")), (400, message_error("who knows")),
    ],
)  # fmt: skip
def test_what_may_not_be_mended_is_the_provider_s_own_error(spans, instrumented, connect, status, body, ask):
    instrumented()
    with Provider(lambda _: Answer(status, body)) as server:
        with pytest.raises(anthropic.APIStatusError) as caught:
            ask(connect(server), max_tokens=99999)
        assert (caught.value.status_code, len(server.asked)) == (status, 1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_model_that_is_gone_is_replaced_where_that_is_allowed(spans, instrumented, connect, ask):
    instrumented(fixes_level="ask")
    gone = message_error("model: claude-sonnet-4-20250514", "not_found_error")
    with Provider(
        lambda asked: Answer(404, gone) if asked.body["model"].endswith("20250514") else message_answer(asked)
    ) as server:
        ask(connect(server), model="claude-sonnet-4-20250514")
        assert server.asked[1].body["model"] == "claude-sonnet-4-6"
    assert spans.only.attributes[semconv.FIX_IDS] == ("arc.model_retired",)


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_that_was_renamed_has_its_own_name_in_the_answer(instrumented, connect, stream, ask):
    tools = [{"name": "math.add", "input_schema": {"type": "object", "properties": {}}}]
    refused = message_error("tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'")

    def answering(asked):
        name = asked.body["tools"][0]["name"]
        if "." in name:
            return Answer(400, refused)
        return Answer(events=message_events(name)) if stream else Answer(body=message({**USE, "name": name}))

    instrumented()
    with Provider(answering) as server:
        result = ask(connect(server), tools=tools, stream=stream)
        name = (
            next(event for event in result if event.type == "content_block_start").content_block.name
            if stream
            else result.content[0].name
        )
        assert name == "math.add"


def test_the_header_that_keeps_fixes_away_does_not_leave(instrumented, connect, ask):
    instrumented()
    with Provider(lambda _: Answer(400, KINDS["deprecated"][0])) as server:
        with pytest.raises(anthropic.BadRequestError):
            ask(connect(server), temperature=0.1, extra_headers={"X-Arc-Fixes": "off", "X-Agent-Name": "a"})
        (asked,) = server.asked
        assert not {"x-arc-fixes", "x-agent-name"} & set(asked.headers)


# --- the error of the program's own request ---


def refused(client, ask, **given):
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask(client, **given)
    return caught.value


@pytest.mark.parametrize("own_spans", [False, True] if hasattr(anthropic.Anthropic, "open_telemetry") else [False])
def test_the_error_is_the_very_one_that_a_bare_client_raises(spans, instrumented, connect, ask, own_spans):
    told = {"open_telemetry": {"tracer_provider": spans.tracer_provider}} if own_spans else {}
    headers = {"request-id": "req_9"}
    with Provider(lambda _: Answer(400, KINDS["deprecated"][0], headers=headers)) as server:
        bare = refused(connect(server, **told), ask, temperature=0.1)
        plugin = instrumented()
        mended = refused(connect(server, **told), ask, temperature=0.1)
        plugin.uninstrument()
        assert len(server.asked) == 3
    for error in (bare, mended):
        assert (error.__cause__, error.request_id, error.message) == (None, "req_9", bare.message)
    assert (type(mended), str(mended), mended.body) == (type(bare), str(bare), bare.body)
    assert type(mended.__context__) is type(bare.__context__)


def test_when_the_mended_request_fails_too_the_first_error_is_raised(spans, instrumented, connect, ask):
    instrumented()
    with Provider(
        lambda asked: Answer(400, KINDS["deprecated"][0]) if "temperature" in asked.body else Answer(500, {})
    ) as server:
        assert refused(connect(server), ask, temperature=0.1).status_code == 400
        assert len(server.asked) == 2
    told = [
        event.attributes[semconv.HTTP_STATUS_CODE] for event in spans.only.events if event.name == semconv.EVENT_ATTEMPT
    ]
    assert told == [400, 500]
    assert spans.only.attributes[semconv.FIX_OUTCOME] == "error"


def test_a_refusal_in_the_midst_of_a_stream_is_the_program_s(spans, instrumented, connect, ask):
    instrumented()
    events = [*message_events()[:3], ("error", KINDS["deprecated"][0])]
    with Provider(lambda _: Answer(events=events)) as server:
        stream = ask(connect(server), temperature=0.1, stream=True)
        assert next(stream).type == "message_start"
        with pytest.raises(anthropic.APIStatusError, match="deprecated"):
            list(stream)
        assert len(server.asked) == 1
    assert spans.only.status.status_code is StatusCode.ERROR


def test_once_is_enough_whatever_the_client_retries(instrumented, connect, ask):
    instrumented()
    with Provider(lambda _: Answer(400, KINDS["deprecated"][0])) as server:
        refused(connect(server, max_retries=5), ask, temperature=0.1)
        assert len(server.asked) == 2


def test_without_time_left_nothing_is_sent_again(instrumented, connect, ask):
    def slow(_asked):
        time.sleep(0.6)  # the client's limit is for each of the waits, and the call's own for both
        return Answer(400, KINDS["deprecated"][0], pause_seconds=0.6)

    instrumented()
    with Provider(slow) as server:
        refused(connect(server), ask, temperature=0.1, timeout=1.2)
        assert len(server.asked) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["deprecated", "unanswered"])
def test_the_async_client_is_mended(spans, instrumented, connect, kind, stream):
    body, given, is_mended = KINDS[kind]
    instrumented()

    async def call(server):
        async with connect(server, anthropic.AsyncAnthropic) as client:
            result = await client.messages.create(**{**ASK, "extra_body": given}, stream=stream)
            return [event async for event in result] if stream else result.content

    with Provider(lambda asked: message_answer(asked) if is_mended(asked.body) else Answer(400, body)) as server:
        assert len(asyncio.run(call(server))) == (6 if stream else 1)
        assert len(server.asked) == 2
    assert spans.only.attributes[semconv.FIX_OUTCOME] == "ok"


def raw(client):
    return client.messages.with_raw_response.create(**ASK, extra_body={"temperature": 0.1}).parse()


def streaming_response(client):
    with client.messages.with_streaming_response.create(**ASK, extra_body={"temperature": 0.1}) as opened:
        return opened.parse()


def helper(client):
    with client.messages.stream(**ASK, extra_body={"temperature": 0.1}) as stream:
        return stream.get_final_message()


def beta(client):
    return client.beta.messages.create(**ASK, extra_body={"temperature": 0.1})


def copied(client):
    return client.with_options(timeout=30).messages.create(**ASK, extra_body={"temperature": 0.1})


@pytest.mark.parametrize("mode", [raw, streaming_response, helper, beta, copied])
def test_every_mode_of_the_client_is_mended(spans, instrumented, connect, mode):
    instrumented(capture="SPAN_ONLY")
    with Provider(
        lambda asked: Answer(400, KINDS["deprecated"][0]) if "temperature" in asked.body else message_answer(asked)
    ) as server:
        assert mode(connect(server)).content[0].text == "Hello"
        assert len(server.asked) == 2
    assert spans.only.attributes[semconv.FIX_OUTCOME] == "ok"
    assert "Hello" in spans.only.attributes[semconv.OUTPUT_MESSAGES]
    assert spans.only.attributes[semconv.USAGE_INPUT_TOKENS] == 7


# --- recorded refusals ---


def recorded():
    if not ERRORS.exists():
        return []
    with gzip.open(ERRORS, "rt") as file:
        return [line for line in map(json.loads, file) if line["provider"] == "anthropic"]


@pytest.mark.skipif(not ERRORS.exists(), reason="recorded exchanges are not beside this clone")
@pytest.mark.parametrize("level", ["safe", "ask"])
@pytest.mark.parametrize("line", recorded(), ids=lambda one: one["id"])
def test_recorded_refusals(instrumented, connect, line, level):
    sent = line["request"]
    counts = "count_tokens" in line["url_path"]
    mendable = level == "ask" and "claude-sonet-4-5" in json.dumps(line["response"]) and not counts

    def refusing(asked):
        # The name that was meant is itself on the list of models that end in 2026: its successor is asked.
        takes = mendable and asked.body == {**sent, "model": "claude-sonnet-5-5"}
        return message_answer(asked) if takes else Answer(line["status"], line["response"])

    instrumented(fixes_level=level)
    with Provider(refusing) as server:
        messages = connect(server).beta.messages

        def call():
            return messages.count_tokens(**sent) if counts else messages.create(**sent)

        if mendable:
            assert call().content[0].text == "Hello"
        else:
            with pytest.raises(anthropic.APIStatusError) as caught:
                call()
            assert (caught.value.status_code, caught.value.body) == (line["status"], line["response"])
        assert len(server.asked) == 1 + mendable
