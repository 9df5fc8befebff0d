"""Requests that the API refuses: mended and sent once more inside the same call, or the API's own error."""

import copy
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
