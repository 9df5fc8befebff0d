"""Requests that a provider refuses: mended and sent once more inside the same call, or the provider's own error."""

import asyncio
import copy
import gzip
import json
import threading
import time
from contextlib import suppress
from pathlib import Path

import openai
import pytest
from arc_runtime.fixes import Entry
from arc_semconv import attributes as semconv
from arc_testing import Answer, Provider
from opentelemetry.trace import StatusCode

ERRORS = Path(__file__).parents[4] / "shared/data/cassettes/errors.jsonl.gz"
ASK = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def chat(model, text="fine", **message):
    return {
        "id": "c", "object": "chat.completion", "created": 1, "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text, **message}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }  # fmt: skip


def chunk(delta, finish=None):
    return {
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip


def response(model):
    part = {"type": "output_text", "text": "fine", "annotations": []}
    item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "id": "r", "object": "response", "created_at": 1, "model": model, "output": [item], "status": "completed",
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    }  # fmt: skip


def answer(asked):
    model = asked.body.get("model")
    if asked.path.endswith("/responses"):
        if asked.body.get("stream"):
            return Answer(
                events=[
                    (
                        "response.completed",
                        {"type": "response.completed", "sequence_number": 1, "response": response(model)},
                    )
                ]
            )
        return Answer(body=response(model))
    if asked.path.endswith("/embeddings"):
        return Answer(
            body={
                "object": "list",
                "model": model,
                "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            }
        )
    if asked.body.get("stream"):
        return Answer(events=[chunk({"content": "fine"}), chunk({}, "stop"), "[DONE]"])
    return Answer(body=chat(model))


def refusal(message, param=None, code=None, kind="invalid_request_error"):
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


UNSUPPORTED = refusal(
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "max_tokens", "unsupported_parameter",
)  # fmt: skip


@pytest.fixture
def provider():
    """Servers that refuse with (status, body) what `is_mended` does not pass, and answer the rest."""
    running = []

    def start(body, is_mended, status=400):
        server = Provider(lambda asked: answer(asked) if is_mended(asked.body) else Answer(status, body))
        running.append(server.__enter__())
        return server

    yield start
    for server in running:
        server.__exit__()


KINDS = {
    "max tokens": (UNSUPPORTED, {"max_tokens": 9}, lambda b: "max_tokens" not in b and b["max_completion_tokens"] == 9),
    "temperature": (
        refusal("Unsupported value: 'temperature' does not support 0.3 with this model. Only the default (1) value is supported.", "temperature", "unsupported_value"),
        {"temperature": 0.3}, lambda b: "temperature" not in b),
    "top_p by another name": (
        refusal("Unsupported value: 'top_p' does not support 0.1 with this model. Only the default (1) value is supported.", "top_p", "unsupported_value"),
        {"top_p": 0.1}, lambda b: "top_p" not in b),
    "any parameter": (
        refusal("Unsupported parameter: 'presence_penalty' is not supported with this model.", "presence_penalty", "unsupported_parameter"),
        {"presence_penalty": 0.1}, lambda b: "presence_penalty" not in b),
    "an older server": (
        refusal("Unrecognized request argument supplied: verbosity"), {"verbosity": "low"}, lambda b: "verbosity" not in b),
    "a compatible server": (
        {"object": "error", "message": "temperature must be at least 0, got -1.0.", "type": "BadRequestError", "param": None, "code": 400},
        {"temperature": -1}, lambda b: b["temperature"] == 0),
    "another server": (
        {"error": {"message": "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", "type": "invalid_request_error", "param": None, "code": "invalid_request_error"}},
        {"max_tokens": 9000}, lambda b: b["max_tokens"] == 8192),
    "pydantic's form": (
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "logprobs"], "msg": "Extra inputs are not permitted"}]},
        {"logprobs": True}, lambda b: "logprobs" not in b),
    "cap": (
        refusal("max_tokens is too large: 99999. This model supports at most 16384 completion tokens, whereas you provided 99999.", "max_tokens"),
        {"max_tokens": 99999}, lambda b: b["max_tokens"] == 16384),
    "range": (
        refusal("Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.", "temperature", "decimal_above_max_value"),
        {"temperature": 3}, lambda b: b["temperature"] == 2),
    "context": (
        refusal("This model's maximum context length is 8192 tokens. However, you requested 8256 tokens (64 in the messages, 8192 in the completion). Please reduce the length of the messages or completion.", "messages", "context_length_exceeded"),
        {"max_tokens": 8192}, lambda b: b["max_tokens"] == 8192 - 64 - 16),
    "effort": (
        refusal("Unsupported value: 'reasoning_effort' does not support 'xhigh' with this model. Supported values are: 'low', 'medium', and 'high'.", "reasoning_effort", "unsupported_value"),
        {"reasoning_effort": "xhigh"}, lambda b: b["reasoning_effort"] == "high"),
    "samplers": (
        refusal("`temperature` and `top_p` cannot both be specified for this model. Please use only one."),
        {"temperature": 0.1, "top_p": 0.2}, lambda b: "top_p" not in b and b["temperature"] == 0.1),
    "tool results": (
        refusal("An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: call_9", "messages.[1].role"),
        {"messages": [*ASK, {"role": "assistant", "tool_calls": [{"id": "call_9", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, *ASK]},
        lambda b: [m["role"] for m in b["messages"]] == ["user", "assistant", "tool", "user"] and b["messages"][2]["tool_call_id"] == "call_9"),
    "orphan": (
        refusal("Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.", "messages.[1].role"),
        {"messages": [*ASK, {"role": "tool", "tool_call_id": "x", "content": "1"}]}, lambda b: len(b["messages"]) == 1),
    "array": (
        refusal("Invalid schema for function 'f': In context=('properties', 'x'), array schema missing items.", "tools[0].function.parameters", "invalid_function_parameters"),
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "array"}}}}}]},
        lambda b: "items" in b["tools"][0]["function"]["parameters"]["properties"]["x"]),
    "strict": (
        refusal("Invalid schema for response_format 'r': In context=('properties', 'a'), 'additionalProperties' is required to be supplied and to be false.", "response_format"),
        {"response_format": {"type": "json_schema", "json_schema": {"name": "r", "strict": True, "schema": {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}}}}}},
        lambda b: b["response_format"]["json_schema"]["schema"]["properties"]["a"].get("additionalProperties") is False),
    "json": (
        refusal("'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.", "messages"),
        {"response_format": {"type": "json_object"}}, lambda b: "JSON" in json.dumps(b["messages"])),
    "role": (
        refusal("Unsupported value: 'messages[0].role' does not support 'developer' with this model.", "messages[0].role", "unsupported_value"),
        {"messages": [{"role": "developer", "content": "be brief"}, *ASK]},
        lambda b: [m["role"] for m in b["messages"]] == ["user"] and "be brief" in b["messages"][0]["content"]),
    "tool choice": (
        {"error": {"message": "Tool choice is required, but model did not call a tool", "type": "invalid_request_error", "code": "tool_use_failed", "failed_generation": "no"}},
        {"tools": [TOOL], "tool_choice": "required"}, lambda b: b["tool_choice"] == "auto"),
    "tool arguments": (
        {"error": {"message": "Tool call validation failed: parameters for tool f did not match schema: errors: [missing properties: 'name']", "type": "invalid_request_error", "code": "tool_use_failed"}},
        {"tools": [TOOL]}, lambda b: "missing properties" in b["messages"][-1]["content"]),
}  # fmt: skip


ENVELOPES = {
    "a list of one": ([{"error": {"code": 400, "message": UNSUPPORTED["error"]["message"], "status": "INVALID_ARGUMENT"}}], KINDS["max tokens"]),
    "a text": ({"code": "Client specified an invalid argument", "error": "Model grok-4 does not support parameter presencePenalty."}, KINDS["any parameter"]),
    "a gateway": (refusal(f"litellm.BadRequestError: OpenAIException - {UNSUPPORTED['error']['message']}\nReceived Model Group=m", None, "400", None), KINDS["max tokens"]),
    "relayed": ({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": json.dumps(UNSUPPORTED)}}}, KINDS["max tokens"]),
}  # fmt: skip


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_what_a_gateway_laid_round_a_refusal_is_taken_off(instrumented, connect, provider, envelope):
    body, (_, given, is_mended) = ENVELOPES[envelope]
    server = provider(body, is_mended)
    instrumented()
    for expected in (2, 3):
        assert ask(connect(server), **given).choices[0].message.content == "fine"
        assert len(server.asked) == expected


def ask(client, **given):
    return client.chat.completions.create(**{"model": "some-model", "messages": ASK, **given})


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_request_is_mended_and_answered_in_the_same_call(spans, instrumented, connect, provider, kind):
    body, given, is_mended = KINDS[kind]
    server = provider(body, is_mended)
    instrumented()
    before = copy.deepcopy(given)
    assert ask(connect(server), **given).choices[0].message.content == "fine"
    assert given == before
    assert len(server.asked) == 2
    span = spans.only
    assert span.status.status_code is StatusCode.UNSET
    assert (span.attributes[semconv.FIX_TRIGGER], span.attributes[semconv.FIX_OUTCOME]) == ("after_error", "ok")
    (attempt,) = span.events
    assert (attempt.name, attempt.attributes[semconv.HTTP_STATUS_CODE]) == (semconv.EVENT_ATTEMPT, 400)


def mode_sync(client, **given):
    return ask(client, **given).choices[0].message.content


def mode_stream(client, **given):
    return "".join(c.choices[0].delta.content or "" for c in ask(client, stream=True, **given))


def mode_raw(client, **given):
    raw = client.chat.completions.with_raw_response.create(model="some-model", messages=ASK, **given)
    return raw.parse().choices[0].message.content


def mode_streaming_response(client, **given):
    with client.chat.completions.with_streaming_response.create(model="some-model", messages=ASK, **given) as opened:
        return opened.parse().choices[0].message.content


@pytest.mark.parametrize("mode", [mode_sync, mode_stream, mode_raw, mode_streaming_response])
def test_every_mode_of_the_client_is_mended(spans, instrumented, connect, provider, mode):
    server = provider(UNSUPPORTED, KINDS["max tokens"][2])
    instrumented()
    assert mode(connect(server), max_tokens=9) == "fine"
    assert len(server.asked) == 2
    assert spans.only.attributes[semconv.FIX_OUTCOME] == "ok"


@pytest.mark.parametrize("stream", [False, True])
def test_the_async_client_is_mended(spans, instrumented, provider, stream):
    server = provider(UNSUPPORTED, KINDS["max tokens"][2])
    instrumented()

    async def call():
        async with openai.AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
            result = await client.chat.completions.create(model="m", messages=ASK, max_tokens=9, stream=stream)
            if not stream:
                return result.choices[0].message.content
            return "".join([chunk.choices[0].delta.content or "" async for chunk in result])

    assert asyncio.run(call()) == "fine"
    assert len(server.asked) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_azure_is_mended_at_the_program_s_own_deployment(spans, instrumented, connect, provider, stream):
    server = provider(UNSUPPORTED, KINDS["max tokens"][2])
    instrumented()
    client = connect(server, openai.AzureOpenAI, api_version="2025-01-01")
    for expected in (2, 3):
        said = mode_stream(client, max_tokens=9) if stream else mode_sync(client, max_tokens=9)
        assert said == "fine"
        assert len(server.asked) == expected
    assert {asked.path for asked in server.asked} == {"/deployments/some-model/chat/completions?api-version=2025-01-01"}
    assert [span.attributes[semconv.FIX_OUTCOME] for span in spans.spans] == ["ok", "ok"]
    assert {span.attributes[semconv.PROVIDER] for span in spans.spans} == {"azure.ai.openai"}


def test_a_mended_call_runs_with_content_recorded_as_it_was_sent(spans, instrumented, connect, provider):
    body, given, is_mended = KINDS["role"]
    instrumented(capture="SPAN_ONLY")
    ask(connect(provider(body, is_mended)), **given)
    assert "be brief" in spans.only.attributes[semconv.INPUT_MESSAGES]
    assert "developer" not in spans.only.attributes[semconv.INPUT_MESSAGES]


# --- what stays as it is ---


def refused(client, **given):
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, **given)
    return caught.value


TRAPS = {
    "an error of the server": (500, UNSUPPORTED),
    "a limit of the account": (429, UNSUPPORTED),
    "no access": (403, UNSUPPORTED),
    "a conflict": (409, UNSUPPORTED),
    "a known message in an unknown one": (400, refusal(f"Upstream said: {UNSUPPORTED['error']['message']}")),
    "a known message before more": (400, refusal(UNSUPPORTED["error"]["message"] + " is what the log says; the real cause is your plan.")),
    "another code": (400, refusal(UNSUPPORTED["error"]["message"], "max_tokens", "policy_violation")),
    "another kind": (400, refusal(UNSUPPORTED["error"]["message"], "max_tokens", None, "server_error")),
    "another parameter": (400, refusal(UNSUPPORTED["error"]["message"], "temperature", "unsupported_parameter")),
    "a field that is not there": (400, refusal("Unsupported parameter: 'seed' is not supported with this model.", "seed", "unsupported_parameter")),
    "a field that no fix may touch": (400, refusal("Unsupported parameter: 'stream' is not supported with this model.", "stream", "unsupported_parameter")),
    "store": (400, refusal("Unsupported parameter: 'store' is not supported with this model.", "store", "unsupported_parameter")),
    "no JSON": (400, "bad gateway"),
    "a list": (400, [1, 2]),
    "nothing": (400, None),
}  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS)
def test_the_provider_s_own_error_is_raised_and_nothing_sent_again(spans, instrumented, connect, provider, trap):
    status, body = TRAPS[trap]
    server = provider(body, lambda _: False, status)
    instrumented()
    error = refused(connect(server), max_tokens=9, store=False)
    assert (error.status_code, len(server.asked)) == (status, 1)
    assert spans.only.status.status_code is StatusCode.ERROR


def test_the_error_is_the_very_one_that_a_bare_client_raises(instrumented, connect, provider):
    server = provider(UNSUPPORTED, lambda _: False)
    bare = refused(connect(server), max_tokens=9)
    plugin = instrumented()
    mended = refused(connect(server), max_tokens=9)
    plugin.uninstrument()
    for error in (bare, mended):
        assert (error.__cause__, error.__suppress_context__) == (None, True)
    assert (type(mended), str(mended), mended.body) == (type(bare), str(bare), bare.body)
    assert type(mended.__context__) is type(bare.__context__)


def test_when_the_mended_request_fails_too_the_first_error_is_raised(spans, instrumented, connect):
    other = refusal("The server is on fire", code="fire")
    with Provider(
        lambda asked: Answer(400, UNSUPPORTED) if "max_tokens" in asked.body else Answer(503, other)
    ) as server:
        instrumented()
        error = refused(connect(server), max_tokens=9)
        assert error.code == "unsupported_parameter"
        assert len(server.asked) == 2
    span = spans.only
    assert span.attributes[semconv.FIX_OUTCOME] == "error"
    assert [e.attributes.get(semconv.HTTP_STATUS_CODE) for e in span.events if e.name == semconv.EVENT_ATTEMPT] == [
        400,
        503,
    ]


def test_a_refusal_in_the_midst_of_a_stream_is_the_program_s(spans, instrumented, connect):
    events = [chunk({"content": "fi"}), {"error": UNSUPPORTED["error"]}]
    with Provider(lambda _: Answer(events=events)) as server:
        instrumented()
        stream = ask(connect(server), stream=True, max_tokens=9)
        assert next(stream).choices[0].delta.content == "fi"
        with pytest.raises(openai.APIError, match="Unsupported parameter"):
            next(stream)
        assert len(server.asked) == 1


def test_without_time_left_nothing_is_sent_again(instrumented, connect):
    def slow(asked):
        time.sleep(0.6)  # the client's limit is for each of the waits, and the call's own for both
        return Answer(400, UNSUPPORTED, pause_seconds=0.6)

    with Provider(slow) as server:
        instrumented()
        refused(connect(server, timeout=5), max_tokens=9, timeout=1.2)
        assert len(server.asked) == 1


@pytest.mark.parametrize("of", ["the client", "the call"])
@pytest.mark.parametrize("limit", [None, 30, openai.Timeout(30), openai.Timeout(None), openai.Timeout(30, read=None)])
def test_a_request_is_sent_again_under_any_limit_that_leaves_time(instrumented, connect, provider, limit, of):
    server = provider(UNSUPPORTED, KINDS["max tokens"][2])
    instrumented()
    client = connect(server, **({"timeout": limit} if of == "the client" else {}))
    assert ask(client, max_tokens=9, **({"timeout": limit} if of == "the call" else {}))
    assert len(server.asked) == 2


def test_what_is_sent_again_has_the_time_that_is_left(instrumented, connect):
    done = threading.Event()

    def slow(asked):
        if "max_tokens" in asked.body:
            time.sleep(0.5)
            return Answer(400, UNSUPPORTED)
        done.wait(20)
        return Answer(400, UNSUPPORTED)

    with Provider(slow) as server:
        instrumented()
        began = time.monotonic()
        error = refused(connect(server), max_tokens=9, timeout=1.5)
        assert error.code == "unsupported_parameter"
        assert time.monotonic() - began < 10
        done.set()


def test_once_is_enough_whatever_the_client_retries(instrumented, provider):
    server = provider(UNSUPPORTED, lambda _: False)
    instrumented()
    with openai.OpenAI(base_url=server.url, api_key="k", max_retries=5) as client:
        refused(client, max_tokens=9)
    assert len(server.asked) == 2


def test_what_the_client_sent_again_itself_is_counted_too(spans, instrumented):
    answers = iter([Answer(429, refusal("slow down"), headers={"retry-after-ms": "1"}), Answer(400, UNSUPPORTED)])
    instrumented()
    with Provider(lambda asked: next(answers, None) or answer(asked)) as server:
        with openai.OpenAI(base_url=server.url, api_key="k", max_retries=2) as client:
            assert ask(client, max_tokens=9)
        assert len(server.asked) == 3
    assert spans.only.attributes[semconv.HTTP_RESEND_COUNT] == 2


def test_a_header_keeps_fixes_away_from_one_call_and_never_leaves(spans, instrumented, connect, provider):
    server = provider(UNSUPPORTED, lambda b: "max_tokens" not in b)
    instrumented()
    client = connect(server)
    refused(client, max_tokens=9, extra_headers={"X-Arc-Fixes": "off"})
    assert len(server.asked) == 1
    assert ask(client, max_tokens=9, extra_headers={"X-Arc-Fixes": "on"})
    assert all("x-arc-fixes" not in asked.headers for asked in server.asked)


def test_a_key_of_idempotency_is_that_of_the_first_request_alone(instrumented, connect, provider):
    server = provider(UNSUPPORTED, lambda b: "max_tokens" not in b)
    instrumented()
    headers = {"Idempotency-Key": "mine", "X-Mine": "1"}
    ask(connect(server), max_tokens=9, extra_headers=headers)
    assert [asked.headers.get("idempotency-key") for asked in server.asked] == ["mine", None]
    assert [asked.headers["x-mine"] for asked in server.asked] == ["1", "1"]


@pytest.mark.parametrize(("mode", "sent"), [("on", 2), ("shadow", 1), ("off", 1)])
def test_the_mode_holds_after_an_error_too(spans, instrumented, connect, provider, mode, sent):
    server = provider(UNSUPPORTED, lambda b: "max_tokens" not in b)
    instrumented(fixes=mode)
    client = connect(server)
    if mode == "on":
        ask(client, max_tokens=9)
    else:
        refused(client, max_tokens=9)
    assert len(server.asked) == sent
    assert spans.only.attributes.get(semconv.FIX_MODE) == (None if mode == "off" else mode)


def test_a_fix_of_the_user_s_own_for_an_error_is_applied(spans, instrumented, connect, provider):
    server = provider(
        refusal("no such tier", "service_tier", "tier_unknown"), lambda b: b.get("service_tier") == "auto"
    )
    plugin = instrumented()
    plugin.runtime.engine.registry.register(
        Entry(
            id="mine", when="after_error", fix={"service_tier": "auto"},
            pattern={"$status": 400, "$error.code": "tier_unknown", "$error.message": {"glob": "no such*"}},
        )
    )  # fmt: skip
    assert ask(connect(server), service_tier="flex")
    assert spans.only.attributes[semconv.FIX_IDS] == ("mine",)


def test_what_only_a_person_can_mend_is_said_on_the_span(spans, instrumented, connect, provider):
    server = provider(
        refusal("You exceeded your current quota", None, "insufficient_quota", "insufficient_quota"),
        lambda _: False,
        429,
    )
    instrumented()
    refused(connect(server))
    assert spans.only.attributes[semconv.FIX_SUGGESTED] == ("arc.insufficient_quota",)
    assert "billing" in spans.only.attributes[semconv.FIX_ADVICE]
    assert semconv.FIX_IDS not in spans.only.attributes


# --- names of tools, and stops ---


BAD_NAME = refusal("Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", "tools[0].function.name", "invalid_value")  # fmt: skip


def calling(asked, name_of):
    if any("." in tool["function"]["name"] for tool in asked.body["tools"]):
        return Answer(400, BAD_NAME)
    call = {"index": 0, "id": "1", "type": "function", "function": {"name": name_of(asked), "arguments": "{}"}}
    if asked.body.get("stream"):
        return Answer(events=[chunk({"tool_calls": [call]}), chunk({}, "tool_calls"), "[DONE]"])
    return Answer(body=chat("m", None, tool_calls=[call]))


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_that_was_renamed_has_its_own_name_in_the_answer(spans, instrumented, connect, stream):
    tools = [{"type": "function", "function": {"name": "math.add", "parameters": {"type": "object", "properties": {}}}}]
    with Provider(lambda asked: calling(asked, lambda a: a.body["tools"][0]["function"]["name"])) as server:
        instrumented()
        result = ask(connect(server), tools=tools, stream=stream)
        if stream:
            first, *_ = result
            name = first.choices[0].delta.tool_calls[0].function.name
        else:
            name = result.choices[0].message.tool_calls[0].function.name
        assert name == "math.add"
        assert server.asked[1].body["tools"][0]["function"]["name"] == "math_add"
    assert semconv.FAILURE_TYPE not in spans.only.attributes
    assert tools[0]["function"]["name"] == "math.add"


def test_names_are_not_changed_where_they_can_t_be_changed_back(instrumented, connect):
    tools = [{"type": "function", "function": {"name": "math.add"}}]
    with Provider(lambda asked: calling(asked, lambda _: "x")) as server:
        instrumented()
        with pytest.raises(openai.BadRequestError):
            connect(server).chat.completions.with_raw_response.create(model="m", messages=ASK, tools=tools)
        assert len(server.asked) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_the_text_ends_at_a_stop_that_was_not_sent(instrumented, connect, stream):
    pieces = ["one ", "two E", "N", "D three", " four"]

    def answering(asked):
        if "stop" in asked.body:
            return Answer(
                400,
                refusal(
                    "Unsupported parameter: 'stop' is not supported with this model.", "stop", "unsupported_parameter"
                ),
            )
        if asked.body.get("stream"):
            return Answer(events=[*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop"), "[DONE]"])
        return Answer(body=chat("m", "".join(pieces)))

    with Provider(answering) as server:
        instrumented()
        client = connect(server)
        text = mode_stream(client, stop=["END"]) if stream else mode_sync(client, stop="END")
        assert text == "one two "


# --- recorded refusals ---


def recorded():
    if not ERRORS.exists():
        return []
    return [json.loads(line) for line in gzip.open(ERRORS, "rt")]


def pairs_calls(body):
    """Whether each call of a tool has its result right behind it, and each result its call."""
    items = [(item.get("type"), item.get("call_id")) for item in body["input"] if item.get("type")]
    called = [call_id for kind, call_id in items if kind == "function_call"]
    pairs = [(kind, one) for one in called for kind in ("function_call", "function_call_output")]
    return len(called) == 2 and items == pairs


def has_no_lone_reasoning(body):
    return [item.get("role") for item in body["input"]] == ["user", "assistant", "user"]


def says_nothing_of(role):
    return lambda body: (
        (
            [message["role"] for message in body["messages"]] == ["user"]
            and all(words in body["messages"][0]["content"] for words in ("You are a helpful assistant.", "Hello"))
        )
        and role not in json.dumps(body)
    )


def is_of_text(body):
    return {part["type"] for part in body["messages"][3]["content"]} <= {"text", "image_url"}


def without(word):
    return lambda body: word not in json.dumps(body) and "left out" in json.dumps(body)


RECORDED = {
    "decimal_below_min_value": ("safe", "temperature", lambda body: body["temperature"] == 0),
    "'developer'": ("safe", "messages", says_nothing_of("developer")),
    "'system'": ("safe", "messages", says_nothing_of("system")),
    "type 'reasoning'": ("safe", "input", has_no_lone_reasoning),
    "No tool output found": ("safe", "input", pairs_calls),
    "gpt-5.2-proo": ("ask", "model", lambda body: body["model"] == "gpt-5.2-pro"),
    "versatlie": ("ask", "model", lambda body: body["model"] == "llama-3.3-70b-versatile"),
    "Content blocks": ("ask", "messages", is_of_text),
    "Error while downloading": ("ask", "messages", without("http")),
    "MIME type": ("ask", "input", without("file_data")),
}
"""By what the error says: the level at which it is mended, in which field, and what the provider takes then."""


@pytest.mark.skipif(not ERRORS.exists(), reason="recorded exchanges are not beside this clone")
@pytest.mark.parametrize("level", ["safe", "ask"])
@pytest.mark.parametrize(
    "line", [one for one in recorded() if one["provider"] != "anthropic"], ids=lambda one: one["id"]
)
def test_recorded_refusals(spans, instrumented, connect, line, level):
    said, sent = json.dumps(line["response"]), line["request"]
    of, field, takes = next((rule for mark, rule in RECORDED.items() if mark in said), (None, None, lambda _: False))
    mendable = of in ("safe", level)

    def refusing(asked):
        rest = all(asked.body.get(name) == value for name, value in sent.items() if name != field)
        return answer(asked) if rest and takes(asked.body) else Answer(line["status"], line["response"])

    base = line["api"] if line["api"] in ("responses", "embeddings") else "chat/completions"
    with Provider(refusing) as server:
        instrumented(fixes_level=level)
        client = connect(server)
        given = {key: value for key, value in sent.items() if key != "stream"}

        def call():
            if base == "responses":
                return client.responses.create(**given, stream=sent["stream"])
            if base == "embeddings":
                return client.embeddings.create(**given)
            return client.chat.completions.create(**given, **({"stream": sent["stream"]} if "stream" in sent else {}))

        if mendable:
            result = call()
            assert list(result) if sent.get("stream") else result
            assert len(server.asked) == 2
        else:
            with pytest.raises(openai.APIStatusError) as caught:
                call()
            assert caught.value.status_code == line["status"]
            assert len(server.asked) == 1


# --- learning ---


def test_the_next_call_of_that_kind_needs_one_request(spans, instrumented, connect, provider):
    server = provider(UNSUPPORTED, KINDS["max tokens"][2])
    instrumented()
    client = connect(server)
    for expected in (2, 3, 4):
        ask(client, max_tokens=9)
        assert len(server.asked) == expected
    ask(client, model="another", max_tokens=9)
    assert len(server.asked) == 6
    first, second, *_ = spans.spans
    (learned,) = first.attributes[semconv.FIX_PROPOSED]
    assert (second.attributes[semconv.FIX_IDS], second.attributes[semconv.FIX_TRIGGER]) == ((learned,), "before")
    said = [log for log in spans.logs if log.event_name == semconv.FIX_PROPOSED]
    assert json.loads(said[0].attributes[semconv.FIX_ENTRY])["id"] == learned


def test_two_faults_in_one_request_are_learned_one_call_after_the_other(instrumented, connect):
    def refusing(asked):
        if "max_tokens" in asked.body:
            return Answer(400, UNSUPPORTED)
        return Answer(400, KINDS["temperature"][0]) if "temperature" in asked.body else answer(asked)

    with Provider(refusing) as server:
        instrumented()
        client = connect(server)
        assert refused(client, max_tokens=9, temperature=0.3).param == "max_tokens"
        assert len(server.asked) == 2
        assert ask(client, max_tokens=9, temperature=0.3)
        assert len(server.asked) == 4
        assert ask(client, max_tokens=9, temperature=0.3)
        assert len(server.asked) == 5


def test_nothing_is_learned_where_nothing_was_cured(instrumented, connect, provider):
    server = provider(UNSUPPORTED, lambda _: False)
    plugin = instrumented()
    refused(connect(server), max_tokens=9)
    assert plugin.runtime.engine.learner.known == []


def test_an_entry_under_test_that_does_harm_is_off_and_told_of_by_an_event(spans, instrumented, connect, tmp_path):
    entry = {
        "id": "harmful", "pattern": {"model": "m"}, "fix": {"seed": 1}, "state": "canary", "percent": 100,
        "guard": {"min_n": 5, "max_delta": 0.05},
    }  # fmt: skip
    path = tmp_path / "mine.json"
    path.write_text(json.dumps([entry]))
    instrumented(fixes_file=path)
    bodies = []

    def harmed(asked):
        bodies.append(asked.body)
        return Answer(500, {"error": {"message": "no"}}) if "seed" in asked.body else answer(asked)

    with Provider(harmed) as server:
        client = connect(server)
        for _ in range(60):  # one in twenty is of the control group
            with suppress(openai.InternalServerError):
                client.chat.completions.create(model="m", messages=ASK)
    [event] = [log for log in spans.logs if log.event_name == semconv.EVENT_FIX_TRIPPED]
    assert event.attributes[semconv.FIX_IDS] == ("harmful",)
    assert json.loads(event.attributes[semconv.FIX_ENTRY])["state"] == "canary"
    assert sum("seed" in body for body in bodies) == 5
    assert len(bodies) == 60
