"""What requests and answers of the messages API become on a span, part by part."""

import pytest
from arc_instrumentation_anthropic import _messages
from arc_testing import Answer, Provider, message

USAGE = {
    "input_tokens": 10_000, "cache_read_input_tokens": 40_000, "cache_creation_input_tokens": 20_000,
    "output_tokens": 3_000, "output_tokens_details": {"thinking_tokens": 2_000},
}  # fmt: skip
COUNTED = {
    "gen_ai.usage.input_tokens": 70_000,
    "gen_ai.usage.cache_read.input_tokens": 40_000,
    "gen_ai.usage.cache_write.input_tokens": 20_000,
    "gen_ai.usage.output_tokens": 3_000,
    "gen_ai.usage.reasoning.output_tokens": 2_000,
}
MILLION = 1_000_000
COST = (10_000 * 3.00 + 40_000 * 0.30 + 20_000 * 3.75 + 3_000 * 15.00) / MILLION
"""US dollars by Anthropic's list for Claude Sonnet 4.5, prompts of up to 200,000 tokens; thinking is output."""


@pytest.mark.parametrize(
    ("body", "attributes"),
    [
        ({"output_config": {"effort": "low"}}, {"gen_ai.request.reasoning.level": "low"}),
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, {"gen_ai.output.type": "json"}),
        ({"output_format": {"type": "json_schema", "schema": {}}}, {"gen_ai.output.type": "json"}),
        ({"output_format": {"type": "text"}, "output_config": {"format": None}}, {}),
        ({"top_p": 0.5, "top_k": 3}, {"gen_ai.request.top_p": 0.5, "gen_ai.request.top_k": 3}),
        ({"stream": True}, {"gen_ai.request.stream": True}),
        ({"temperature": True, "max_tokens": "9", "stop_sequences": 3, "output_config": [], "stream": None}, {}),
    ],
)
def test_the_attributes_of_a_request(body, attributes):
    assert _messages.request_attributes(body) == attributes


def test_the_usage_of_an_answer():
    assert _messages.reply({"usage": USAGE}).attributes == COUNTED
    assert _messages.reply({"usage": {"input_tokens": 3, "cache_read_input_tokens": None}}).attributes == {
        "gen_ai.usage.input_tokens": 3
    }


def begun(usage):
    return [
        {"type": "message_start", "message": {**message(), "content": [], "stop_reason": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
        {"type": "content_block_stop", "index": 0},
    ]


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")  # the client knows which models end soon
@pytest.mark.parametrize("stream", [False, True])
def test_tokens_from_and_into_the_cache_are_counted_and_priced(spans, instrumented, connect, ask, stream):
    model = "claude-sonnet-4-5"
    prices = instrumented(cost_hosts=("127.0.0.1",)).runtime.prices
    first = {**USAGE, "output_tokens": 1, "output_tokens_details": None}
    later = {name: USAGE[name] for name in ("output_tokens", "output_tokens_details")}
    events = [
        *begun(first),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": later},
        {"type": "message_stop"},
    ]
    events[0]["message"]["model"] = model
    whole = {**message(), "model": model, "usage": USAGE}
    answer = Answer(events=[(event["type"], event) for event in events]) if stream else Answer(body=whole)
    with Provider(lambda _: answer) as server:
        result = ask(connect(server), model=model, stream=stream)
        if stream:
            list(result)
    prices.settle(spans.spans, 60)  # what ended before the list was read is priced when it is exported
    told = spans.only.attributes
    assert {name: value for name, value in told.items() if name.startswith("gen_ai.usage.")} == COUNTED
    assert told["arc.cost.usd"] == pytest.approx(COST)


RESULT = [{"type": "web_search_result", "url": "https://example.com", "title": "x"}]


def test_blocks_of_a_request_become_parts():
    blocks = [
        {"type": "text", "text": "hi"},
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "AAAA"},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": RESULT},
        {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "f", "server_name": "s", "input": {}},
        {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "is_error": False, "content": "done"},
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "ok"}]},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/x.png"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        {"type": "of tomorrow", "x": 1},
    ]
    content = _messages.request_content(
        {"messages": [{"role": "user", "content": blocks}], "system": [{"type": "text", "text": "be brief"}]}
    )
    assert content["gen_ai.system_instructions"] == [{"type": "text", "content": "be brief"}]
    assert content["gen_ai.input.messages"][0]["parts"] == [
        {"type": "text", "content": "hi"},
        {"type": "reasoning", "content": "hm"},
        {"type": "redacted_thinking", "data": "AAAA"},
        {"type": "tool_call", "id": "srvtoolu_1", "name": "web_search", "arguments": {"query": "x"}},
        {"type": "tool_call_response", "id": "srvtoolu_1", "response": RESULT},
        {"type": "tool_call", "id": "mcptoolu_1", "name": "f", "arguments": {}},
        {"type": "tool_call_response", "id": "mcptoolu_1", "response": "done"},
        {"type": "tool_call_response", "id": "toolu_1", "response": [{"type": "text", "text": "ok"}]},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "data": "AAAA"},
        {"type": "uri", "modality": "image", "mime_type": None, "uri": "https://example.com/x.png"},
        {"type": "file", "modality": "document", "mime_type": None, "file_id": "file_1"},
        {"type": "text", "content": "words"},
        {"type": "of tomorrow", "x": 1},
    ]


def streamed(*blocks):
    """What the events of `blocks`, each with its deltas, amount to."""
    fold = _messages.EventFold()
    fold.add({"type": "message_start", "message": {**message(), "content": []}})
    fold.add({"type": "ping"})
    for index, (block, *deltas) in enumerate(blocks):
        if block is not None:
            fold.add({"type": "content_block_start", "index": index, "content_block": block})
        for delta in deltas:
            fold.add({"type": "content_block_delta", "index": index, "delta": delta})
        fold.add({"type": "content_block_stop", "index": index})
    fold.add({"type": "of tomorrow"})
    fold.add({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}})
    return fold.reply()


def test_blocks_of_a_stream_become_the_parts_of_the_whole_message():
    said = streamed(
        ({"type": "thinking", "thinking": "", "signature": ""}, {"type": "thinking_delta", "thinking": "h"},
         {"type": "thinking_delta", "thinking": "m"}, {"type": "signature_delta", "signature": "s"}),
        ({"type": "text", "text": "", "citations": []}, {"type": "text_delta", "text": "hi"},
         {"type": "citations_delta", "citation": {"cited_text": "x"}}),
        ({"type": "redacted_thinking", "data": "AAAA"},),
        ({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
         {"type": "input_json_delta", "partial_json": '{"query": '}, {"type": "input_json_delta", "partial_json": '"x"}'}),
        ({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": RESULT},),
        ({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}, {"type": "input_json_delta", "partial_json": '{"a'}),
        ({"type": "of tomorrow", "x": 1}, {"type": "of_tomorrow_delta", "y": 2}),
        (None, {"type": "text_delta", "text": "a block that did not begin"}),
    )  # fmt: skip
    assert said.attributes["gen_ai.response.finish_reasons"] == ("tool_use",)
    assert said.attributes["gen_ai.usage.output_tokens"] == 7
    assert list(said.messages) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "text", "content": "hi"},
                {"type": "redacted_thinking", "data": "AAAA"},
                {"type": "tool_call", "id": "srvtoolu_1", "name": "web_search", "arguments": {"query": "x"}},
                {
                    "type": "tool_call_response",
                    "id": "srvtoolu_1",
                    "response": RESULT,
                },
                {"type": "tool_call", "id": "toolu_1", "name": "f", "arguments": '{"a'},
                {"type": "of tomorrow", "x": 1},
                {"type": "text", "content": "a block that did not begin"},
            ],
            "finish_reason": "tool_use",
        }
    ]


def test_a_stream_of_unknown_blocks_is_the_program_s_and_one_span(spans, instrumented, connect, ask):
    instrumented(capture="SPAN_ONLY")
    events = begun({"input_tokens": 1, "output_tokens": 1})
    events[1]["content_block"] = {"type": "of_tomorrow", "x": "I am jane@example.com"}
    events[2]["delta"] = {"type": "of_tomorrow_delta", "y": 2}
    with Provider(lambda _: Answer(events=[(event["type"], event) for event in events])) as server:
        assert len(list(ask(connect(server), stream=True))) == len(events)
        list(ask(connect(server), stream=True))
    told = spans.spans[0].attributes["gen_ai.output.messages"]
    assert "of_tomorrow" in told
    assert "jane@example.com" not in told


def test_a_provider_s_own_tool_and_its_result_are_on_the_span(spans, instrumented, connect, ask):
    instrumented(capture="SPAN_ONLY")
    use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": RESULT}
    with Provider(lambda _: Answer(body=message(use, result))) as server:
        ask(connect(server))
    told = spans.only.attributes["gen_ai.output.messages"]
    assert '"tool_call"' in told
    assert '"tool_call_response"' in told
    assert "https://example.com" in told
