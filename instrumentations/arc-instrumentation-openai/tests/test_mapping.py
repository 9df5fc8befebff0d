import json

import pytest
from arc_instrumentation_openai import _chat, _completions, _plain, _responses
from arc_instrumentation_openai._estimates import text_length
from arc_instrumentation_openai._provider import provider_of
from arc_instrumentation_openai._routes import route
from arc_semconv import attributes as semconv


@pytest.mark.parametrize(
    ("body", "attributes"),
    [
        ({"model": "gpt-4.1", "temperature": 0.2, "top_p": 1, "seed": 7}, {
            semconv.REQUEST_TEMPERATURE: 0.2, semconv.REQUEST_TOP_P: 1,
            semconv.REQUEST_SEED: 7}),
        ({"max_tokens": 5, "max_completion_tokens": 9}, {semconv.REQUEST_MAX_TOKENS: 9}),
        ({"max_completion_tokens": 9, "max_tokens": 5}, {semconv.REQUEST_MAX_TOKENS: 9}),
        ({"stop": "END"}, {semconv.REQUEST_STOP_SEQUENCES: ("END",)}),
        ({"stop": ["a", "b", 3]}, {semconv.REQUEST_STOP_SEQUENCES: ("a", "b")}),
        ({"n": 1}, {}), ({"n": 3}, {semconv.REQUEST_CHOICE_COUNT: 3}),
        ({"stream": True}, {semconv.REQUEST_STREAM: True}), ({"stream": False}, {}),
        ({"response_format": {"type": "json_schema"}}, {semconv.OUTPUT_TYPE: "json"}),
        ({"reasoning_effort": "low", "service_tier": "flex"}, {
            semconv.REQUEST_REASONING_LEVEL: "low", semconv.OPENAI_REQUEST_SERVICE_TIER: "flex"}),
        ({"temperature": True, "model": 4, "seed": "x", "response_format": 3, "stop": 5, "n": None}, {
            semconv.REQUEST_CHOICE_COUNT: None}),
    ],
)  # fmt: skip
def test_the_attributes_of_a_request(body, attributes):
    expected = {semconv.OPENAI_API_TYPE: "chat_completions"} | {k: v for k, v in attributes.items() if v is not None}
    assert _chat.request_attributes(body) == expected


def test_messages_become_roles_and_parts():
    content = _chat.request_content({"messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "text", "text": "what is this"},
            {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "later", "x": 1},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "not json"}},
        ]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ], "tools": [{"type": "function"}]})  # fmt: skip
    assert content[semconv.INPUT_MESSAGES] == [
        {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
        {"role": "user", "parts": [
            {"type": "text", "content": "what is this"},
            {"type": "uri", "modality": "image", "uri": "https://example.com/x.png"},
            {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "data": "AAAA"},
            {"type": "later", "x": 1},
        ]},
        {"role": "assistant", "parts": [
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
            {"type": "tool_call", "id": "c2", "name": "g", "arguments": "not json"},
        ]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "done"}]},
    ]  # fmt: skip
    assert content[semconv.TOOL_DEFINITIONS] == [{"type": "function"}]


@pytest.mark.parametrize("body", [{}, {"messages": None}, {"messages": [None, 3, "x", {}]}, {"messages": "text"}])
def test_content_of_any_shape_is_survived(body):
    for values in _chat.request_content(body).values():
        json.dumps(list(values))


@pytest.mark.parametrize("completion", [None, {}, {"choices": None}, {"choices": [None]}, {"usage": 3}, "text", []])
def test_an_answer_of_any_shape_is_survived(completion):
    reply = _chat.reply(completion)
    json.dumps(list(reply.messages))


def test_a_streamed_answer_amounts_to_what_a_whole_one_says():
    chunks = [
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}]},
        {"choices": [{"index": 0, "delta": {"content": "lo"}}, {"index": 1, "delta": {"content": "Hi"}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [
            {"index": 0, "id": "t1", "function": {"name": "f", "arguments": '{"a"'}}]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"},
                     {"index": 1, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
    ]  # fmt: skip
    fold = _chat.ChunkFold({})
    for chunk in chunks:
        fold.add(chunk)
    reply = fold.reply()
    assert reply.attributes == {
        semconv.RESPONSE_ID: "c",
        semconv.RESPONSE_MODEL: "m",
        semconv.USAGE_INPUT_TOKENS: 3,
        semconv.USAGE_OUTPUT_TOKENS: 4,
        semconv.RESPONSE_FINISH_REASONS: ("tool_calls", "stop"),
    }
    assert list(reply.messages) == [
        {"role": "assistant", "finish_reason": "tool_calls", "parts": [
            {"type": "text", "content": "Hello"},
            {"type": "tool_call", "id": "t1", "name": "f", "arguments": {"a": 1}}]},
        {"role": "assistant", "finish_reason": "stop", "parts": [{"type": "text", "content": "Hi"}]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("host", "client", "provider"),
    [
        ("api.openai.com", "OpenAI", "openai"),
        ("my.openai.azure.com", "AzureOpenAI", "azure.ai.openai"),
        ("proxy.internal", "AsyncAzureOpenAI", "azure.ai.openai"),
        ("api.groq.com", "OpenAI", "groq"),
        ("notapi.groq.com.evil.example", "OpenAI", "openai"),
        ("127.0.0.1", "OpenAI", "openai"),
    ],
)
def test_the_provider_is_told_by_the_host(host, client, provider):
    assert provider_of(host, client) == provider


@pytest.mark.parametrize(
    ("method", "url", "api"),
    [
        ("post", "/chat/completions", "chat.completions"),
        ("post", "/deployments/gpt-4o/chat/completions?api-version=1", "chat.completions"),
        ("post", "https://example.com/api/v1/chat/completions/", "chat.completions"),
        ("get", "/chat/completions", None),
        ("post", "/completions", "completions"),
        ("post", "/responses", "responses"),
        ("post", "/responses/compact", "responses.compact"),
        ("post", "/responses/input_tokens", "responses.input_tokens"),
        ("get", "/responses/resp_1", "responses.retrieve"),
        ("get", "https://example.com/v1/responses/resp_1?stream=true", "responses.retrieve"),
        ("get", "/responses/resp_1/input_items", None),
        ("post", "/responses/resp_1/cancel", "responses.cancel"),
        ("delete", "/responses/resp_1", "responses.delete"),
        ("post", "/embeddings", "embeddings"),
        ("post", "/images/generations", "images.generate"),
        ("post", "/images/edits", "images.edit"),
        ("post", "/audio/speech", "audio.speech"),
        ("post", "/audio/transcriptions", "audio.transcriptions"),
        ("post", "/audio/translations", "audio.translations"),
        ("post", "/moderations", "moderations.create"),
        ("get", "/files/file-1/content", "files.content"),
        ("post", "/files", "files.create"),
        ("post", "/vector_stores/vs_1/files", None),
        ("get", "/batches", "batches.list"),
        ("post", "/batches/batch_1/cancel", "batches.cancel"),
        ("get", "/models", None),
        ("post", "/mychat/completions_of_another_kind", None),
    ],
)
def test_method_and_path_tell_the_api(method, url, api):
    found = route(method, url)
    assert (found and found.api.name) == api


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"status": "completed"}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete"}, "incomplete"),
        ({"status": "failed"}, "error"),
        ({"status": "cancelled"}, "error"),
        ({"status": "queued"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_status_and_details_tell_why_a_response_ended(response, reason):
    assert _responses.finish_reason(response) == reason


def test_input_items_become_messages():
    content = _responses.request_content({"instructions": "be brief", "input": [
        {"role": "user", "content": "Hi"},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "what is this"},
            {"type": "input_image", "image_url": "https://example.com/x.png"},
            {"type": "later", "x": 1}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "xyz"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
        {"type": "compaction", "encrypted_content": "xyz"},
    ], "tools": [{"type": "function"}]})  # fmt: skip
    assert content[semconv.SYSTEM_INSTRUCTIONS] == [{"type": "text", "content": "be brief"}]
    assert content[semconv.INPUT_MESSAGES] == [
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
        {"role": "user", "parts": [
            {"type": "text", "content": "what is this"},
            {"type": "uri", "modality": "image", "uri": "https://example.com/x.png"},
            {"type": "later", "x": 1}]},
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "done"}]},
        {"role": "assistant", "parts": [{"type": "compaction"}]},
    ]  # fmt: skip


@pytest.mark.parametrize("body", [{}, {"input": None}, {"input": [None, 3, "x", {}]}, {"input": 3, "tools": "x"}])
def test_a_request_of_any_shape_is_survived(body):
    for mapping in (_responses, _completions):
        mapping.request_attributes(body)
        for values in mapping.request_content(body).values():
            json.dumps(list(values))


@pytest.mark.parametrize("answer", [None, {}, {"output": None}, {"output": [None]}, {"usage": 3}, "text", [], b"\0"])
@pytest.mark.parametrize("mapping", [_responses, _completions, _plain])
def test_any_answer_is_survived_by_every_mapping(answer, mapping):
    json.dumps(list(mapping.reply(answer).messages))


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "response.created", "response": {"id": "r", "status": "in_progress"}}],
        [{"type": "error", "code": "server_error"}],
        [{"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error"}}}],
        [{}, None, "text", {"type": "response.output_text.delta"}],
    ],
)
def test_events_that_tell_no_usage_lead_to_an_estimate(events):
    fold = _responses.EventFold({"input": "12345"})
    for event in events:
        fold.add(event)
    attributes = fold.reply().attributes
    assert attributes[semconv.USAGE_ESTIMATED] is True
    assert (attributes[semconv.USAGE_INPUT_TOKENS], attributes[semconv.USAGE_OUTPUT_TOKENS]) == (2, 0)
    failed = any(isinstance(one, dict) and one.get("type") in ("error", "response.failed") for one in events)
    assert attributes.get(semconv.FAILURE_TYPE) == ("server_error" if failed else None)


def test_what_is_not_in_the_request_is_not_estimated():
    fold = _responses.EventFold({"input": "12345", "previous_response_id": "resp_0"})
    assert semconv.USAGE_INPUT_TOKENS not in fold.reply().attributes


@pytest.mark.parametrize(
    ("value", "length"),
    [
        ("four", 4),
        ([{"role": "user", "content": [{"type": "text", "text": "four"}]}], 4),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], None),
        ([{"type": "input_image", "file_id": "f"}], None),
        ({"a": None, "b": 3, "c": True}, 0),
        (object(), None),
    ],
)
def test_only_text_has_a_length(value, length):
    assert text_length(value) == length


def test_a_value_that_holds_itself_has_no_length():
    cyclic = []
    cyclic.append(cyclic)
    assert text_length(cyclic) is None
