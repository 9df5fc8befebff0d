"""Every API of the client as one span, and who asks, how often, and how it is read."""

import asyncio
import gc
import json
from importlib import import_module

import openai
import pytest
from arc_core.demo import ReplayServer
from arc_runtime.fixes import Entry
from arc_semconv import attributes as semconv
from openai._models import FinalRequestOptions

http = import_module("httpx2" if int(openai.__version__.partition(".")[0]) >= 3 else "httpx")
TEXT = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": '{"a": 1}', "annotations": []}]}  # fmt: skip
ANSWER = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4.1-x", "status": "completed", "output": [TEXT],
    "usage": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10,
              "input_tokens_details": {"cached_tokens": 2}, "output_tokens_details": {"reasoning_tokens": 1}},
    "conversation": {"id": "conv_1"}, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
}  # fmt: skip
UNDER_WAY = {**ANSWER, "status": "in_progress", "output": [], "usage": None}


def event(kind, number, **fields):
    return {"event": kind, "data": {"type": kind, "sequence_number": number, **fields}}


DELTA = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
EVENTS = [
    event("response.created", 0, response=UNDER_WAY),
    event("response.output_item.added", 1, output_index=0, item={**TEXT, "content": []}),
    event("response.content_part.added", 2, part={"type": "output_text", "text": "", "annotations": []}, **DELTA),
    event("response.output_text.delta", 3, delta='{"a"', **DELTA),
    event("response.output_text.delta", 4, delta=": 1}", **DELTA),
    event("response.completed", 5, response=ANSWER),
]
CHAT = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m-x",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}  # fmt: skip
CHUNKS = [
    {"data": {"id": "c2", "object": "chat.completion.chunk", "created": 1, "model": "m-x",
              "choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}]}},
    {"data": "[DONE]"},
]  # fmt: skip
ASK = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
USAGE = {"prompt_tokens": 4, "total_tokens": 4}


@pytest.fixture
def server():
    images = {"created": 1, "data": [{"b64_json": "AAAA"}], "usage": {"input_tokens": 3, "output_tokens": 9}}
    file = {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "a", "purpose": "batch"}
    with ReplayServer([
        {"url_path": "/v1/responses", "match": {"stream": True}, "response_sse": EVENTS},
        {"url_path": "/v1/responses", "match": {"background": True}, "response": {**UNDER_WAY, "status": "queued"}},
        {"url_path": "/v1/responses", "match": {"stream": None, "background": None}, "response": ANSWER},
        {"url_path": "/v1/embeddings", "response": {
            "object": "list", "model": "e-x", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
            "usage": USAGE}},
        {"url_path": "/v1/images/generations", "response": images},
        {"url_path": "/v1/audio/speech", "response": "sound", "response_headers": {"content-type": "audio/mpeg"}},
        {"url_path": "/v1/moderations", "response": {"id": "modr-1", "model": "mod-x", "results": []}},
        {"url_path": "/v1/batches", "response": {"id": "batch_1", "object": "batch", "endpoint": "/v1/responses",
            "completion_window": "24h", "created_at": 1, "input_file_id": "file-1", "status": "validating"}},
        {"url_path": "/v1/files", "response": file},
        {"match": {"stream": True}, "response_sse": CHUNKS},
        {"match": {"model": "refused"}, "status": 400,
         "response": {"error": {"message": "no", "code": "unsupported_value", "param": "temperature"}}},
        {"match": {"model": "m", "stream": None}, "response": CHAT},
        {"match": {"stream": False}, "response": CHAT},
    ]) as running:  # fmt: skip
        yield running


def facts(span):
    names = (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS, semconv.RESPONSE_FINISH_REASONS)
    return tuple(span.attributes.get(name) for name in names)


WHOLE = (7, 3, ("stop",))


def test_a_response_is_one_chat_span_with_its_facts_and_content(spans, instrumented, connect, server):
    instrumented(capture="SPAN_ONLY")
    connect(server).responses.create(
        model="gpt-4.1", input="Hi", instructions="be brief", previous_response_id="resp_0", max_output_tokens=50,
        reasoning={"effort": "low"}, text={"format": {"type": "json_object"}},
    )  # fmt: skip
    attributes = spans.only.attributes
    assert spans.only.name == "chat gpt-4.1"
    assert attributes[semconv.OPENAI_API_TYPE] == "responses"
    assert attributes[semconv.REQUEST_PREVIOUS_RESPONSE_ID] == "resp_0"
    assert attributes[semconv.REQUEST_MAX_TOKENS] == 50
    assert attributes[semconv.REQUEST_REASONING_LEVEL] == "low"
    assert attributes[semconv.OUTPUT_TYPE] == "json"
    assert attributes[semconv.CONVERSATION_ID] == "conv_1"
    assert (attributes[semconv.RESPONSE_ID], attributes[semconv.RESPONSE_MODEL]) == ("resp_1", "gpt-4.1-x")
    assert facts(spans.only) == WHOLE
    assert attributes[semconv.USAGE_CACHE_READ_INPUT_TOKENS] == 2
    assert attributes[semconv.USAGE_REASONING_OUTPUT_TOKENS] == 1
    assert json.loads(attributes[semconv.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "be brief"}]
    assert json.loads(attributes[semconv.OUTPUT_MESSAGES])[0]["parts"] == [{"type": "text", "content": '{"a": 1}'}]


def test_a_known_failure_of_a_response_is_mended(spans, instrumented, connect, server):
    instrumented()
    connect(server).responses.create(model="gpt-4.1", input="Hi", temperature=1)
    assert server.requests[0].body["temperature"] == 0.7
    assert spans.only.attributes[semconv.FIX_OUTCOME] == "ok"


def test_streams_of_responses_and_their_helpers(spans, instrumented, connect, server):
    instrumented()
    client = connect(server)
    assert len(list(client.responses.create(model="m", input="Hi", stream=True))) == len(EVENTS)
    with client.responses.stream(model="m", input="Hi") as stream:
        assert stream.get_final_response().id == "resp_1"
    assert len(list(client.responses.with_raw_response.create(model="m", input="Hi", stream=True).parse())) == 6
    assert [facts(span) for span in spans.spans] == [WHOLE] * 3
    assert all(semconv.USAGE_ESTIMATED not in span.attributes for span in spans.spans)


def test_a_stream_that_is_left_tells_what_was_seen_and_an_estimate(spans, instrumented, connect, server):
    instrumented(capture="SPAN_ONLY")
    with connect(server).responses.create(model="m", input="12345678", stream=True) as stream:
        for one in stream:
            if one.type == "response.output_text.delta":
                break
    attributes = spans.only.attributes
    assert attributes[semconv.RUN_STATE] == "cancelled"
    assert attributes[semconv.USAGE_ESTIMATED] is True
    assert (attributes[semconv.USAGE_INPUT_TOKENS], attributes[semconv.USAGE_OUTPUT_TOKENS]) == (2, 1)
    assert json.loads(attributes[semconv.OUTPUT_MESSAGES])[0]["parts"] == [{"type": "text", "content": '{"a"'}]


def test_a_response_in_the_background_has_no_end_yet(spans, instrumented, connect, server):
    instrumented()
    connect(server).responses.create(model="m", input="Hi", extra_body={"background": True})
    assert facts(spans.only) == (None, None, None)


@pytest.mark.parametrize(("background", "told"), [(True, WHOLE), (False, (None, None, ("stop",)))])
def test_a_retrieved_response_tells_its_tokens_only_when_nobody_else_did(spans, instrumented, background, told):
    instrumented()
    answer = http.MockTransport(lambda _: http.Response(200, json={**ANSWER, "background": background}))
    with openai.OpenAI(api_key="k", http_client=http.Client(transport=answer)) as client:
        assert client.responses.retrieve("resp_1").id == "resp_1"
    assert spans.only.name == "fetch_response"
    assert spans.only.attributes[semconv.RESPONSE_ID] == "resp_1"
    assert facts(spans.only) == told


def test_the_other_apis_are_spans_too(spans, instrumented, connect, server):
    instrumented(capture="SPAN_ONLY")
    client = connect(server)
    client.embeddings.create(model="e", input="Hi", dimensions=1, encoding_format="float")
    client.images.generate(model="i", prompt="a secret", n=2)
    assert client.audio.speech.create(model="s", voice="alloy", input="a secret").content == b'"sound"'
    with client.audio.speech.with_streaming_response.create(model="s", voice="alloy", input="Hi") as response:
        assert b"".join(response.iter_bytes()) == b'"sound"'
    client.moderations.create(model="mod", input="a secret")
    client.batches.create(input_file_id="f", endpoint="/v1/responses", completion_window="24h")
    assert [(span.name, span.attributes[semconv.REQUEST_API]) for span in spans.spans] == [
        ("embeddings e", "embeddings"),
        ("generate_content i", "images.generate"),
        ("generate_content s", "audio.speech"),
        ("generate_content s", "audio.speech"),
        ("moderations.create mod", "moderations.create"),
        ("batches.create", "batches.create"),
    ]
    embeddings, image, speech = (span.attributes for span in spans.spans[:3])
    assert embeddings[semconv.USAGE_INPUT_TOKENS] == 4
    assert embeddings[semconv.EMBEDDINGS_DIMENSION_COUNT] == 1
    assert embeddings[semconv.REQUEST_ENCODING_FORMATS] == ("float",)
    assert (image[semconv.OUTPUT_TYPE], image[semconv.USAGE_OUTPUT_TOKENS]) == ("image", 9)
    assert speech[semconv.OUTPUT_TYPE] == "speech"
    assert all("secret" not in span.to_json() for span in spans.spans)
    assert all(semconv.RUN_STATE not in span.attributes for span in spans.spans)


def test_files_that_are_sent_are_not_recorded(spans, instrumented):
    instrumented(capture="SPAN_ONLY")
    answers = {"/v1/files": {"id": "f", "object": "file"}, "/v1/audio/transcriptions": {"text": "a secret"}}
    transport = http.MockTransport(lambda request: http.Response(200, json=answers[request.url.path]))
    with openai.OpenAI(api_key="k", http_client=http.Client(transport=transport)) as client:
        assert client.files.create(file=b"a secret", purpose="batch").id == "f"
        assert client.audio.transcriptions.create(model="t", file=("a.wav", b"a secret")).text == "a secret"
    assert [span.name for span in spans.spans] == ["files.create", "generate_content t"]
    assert all("secret" not in span.to_json() for span in spans.spans)


# --- who asks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["request", "client"])
def test_agent_and_application_are_read_and_never_sent(spans, instrumented, connect, server, where):
    plugin = instrumented()
    plugin.runtime.engine.registry.register(
        Entry(id="mine", pattern={"$agent": "loan_officer", "temperature": {">": 0.5}}, fix={"temperature": 0.1})
    )
    mine = {"x-aGENT-name": "loan_officer", "X-Application-Id": "loans", "X-Other": "kept"}
    given = dict(mine)
    client = connect(server, **({"default_headers": mine} if where == "client" else {}))
    extra = {"extra_headers": mine} if where == "request" else {}
    client.chat.completions.create(**ASK, temperature=0.6, **extra)
    client.chat.completions.with_raw_response.create(**ASK, **extra)
    assert mine == given
    for request in server.requests:
        assert not {"x-agent-name", "x-application-id"} & set(request.headers)
        assert request.headers["x-other"] == "kept"
    assert server.requests[0].body["temperature"] == 0.1
    assert {span.attributes[semconv.AGENT_NAME] for span in spans.spans} == {"loan_officer"}
    assert {span.attributes[semconv.APPLICATION_ID] for span in spans.spans} == {"loans"}


def test_the_request_s_own_agent_wins_over_the_client_s(spans, instrumented, connect, server):
    instrumented()
    client = connect(server, default_headers={"X-Agent-Name": "first"})
    client.chat.completions.create(**ASK, extra_headers={"x-agent-name": "second"})
    assert spans.only.attributes[semconv.AGENT_NAME] == "second"


# --- how often -------------------------------------------------------------------------------------------------------


def flaky(failures):
    def answer(_request):
        failures.append(None)
        return (
            http.Response(200, json=CHAT) if len(failures) > 2 else http.Response(500, headers={"retry-after-ms": "1"})
        )

    return http.MockTransport(answer)


def test_retries_are_one_span_that_counts_them(spans, instrumented):
    instrumented()
    with openai.OpenAI(api_key="k", http_client=http.Client(transport=flaky([]))) as client:
        client.chat.completions.create(**ASK)
        assert spans.only.attributes[semconv.HTTP_RESEND_COUNT] == 2
        spans.clear()
        client.chat.completions.create(**ASK)
    assert semconv.HTTP_RESEND_COUNT not in spans.only.attributes


def test_retries_that_all_fail_are_counted_too(spans, instrumented):
    instrumented()

    async def program():
        failing = http.MockTransport(lambda _: http.Response(500, headers={"retry-after-ms": "1"}))
        async with openai.AsyncOpenAI(api_key="k", http_client=http.AsyncClient(transport=failing)) as client:
            with pytest.raises(openai.InternalServerError):
                await client.chat.completions.create(**ASK)

    asyncio.run(program())
    assert spans.only.attributes[semconv.HTTP_RESEND_COUNT] == 2
    assert spans.only.attributes[semconv.ERROR_TYPE] == "InternalServerError"


def test_code_and_parameter_of_an_error_are_recorded(spans, instrumented, connect, server):
    instrumented()
    with pytest.raises(openai.BadRequestError):
        connect(server).chat.completions.create(model="refused", messages=[])
    assert spans.only.attributes[semconv.ERROR_CODE] == "unsupported_value"
    assert spans.only.attributes[semconv.ERROR_PARAM] == "temperature"


# --- how it is read --------------------------------------------------------------------------------------------------


READS = {
    "read": lambda response: response.read(),
    "text": lambda response: response.text(),
    "json": lambda response: response.json(),
    "parse": lambda response: response.parse(),
    "iter_bytes": lambda response: list(response.iter_bytes()),
    "iter_text": lambda response: list(response.iter_text()),
    "iter_lines": lambda response: list(response.iter_lines()),
}


@pytest.mark.parametrize(
    ("way", "stream"),
    # A stream is no JSON, and what `parse` makes of one is tested where streams are.
    [(way, stream) for way in READS for stream in (False, True) if not (stream and way in ("parse", "json"))],
)
def test_whichever_way_an_open_response_is_read_its_usage_is_known(spans, instrumented, connect, server, way, stream):
    read = READS[way]
    method = connect(server).chat.completions.with_streaming_response.create
    with method(**ASK, stream=stream) as response:
        bare = read(response)
    instrumented()
    with method(**ASK, stream=stream) as response:
        assert spans.spans == ()
        assert read(response) == bare
    attributes = spans.only.attributes
    assert semconv.RUN_STATE not in attributes
    assert attributes[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
    assert attributes[semconv.USAGE_OUTPUT_TOKENS] == 2
    assert (semconv.RESPONSE_TIME_TO_FIRST_CHUNK in attributes) is stream


def test_an_open_response_that_is_closed_unread_ends_its_span(spans, instrumented, connect, server):
    instrumented()
    method = connect(server).chat.completions.with_streaming_response.create
    with method(**ASK):
        pass
    with method(**ASK, stream=True) as response:
        next(response.iter_lines())
    with method(**ASK, stream=True) as response:
        next(iter(response.parse()))
    assert [span.attributes.get(semconv.RUN_STATE) for span in spans.spans] == ["cancelled"] * 3


def test_http_responses_themselves_are_traced(spans, instrumented, connect, server):
    instrumented()
    client = connect(server)
    whole = client.post("/chat/completions", body=ASK, cast_to=http.Response)
    assert whole.json() == CHAT
    opened = client.post("/chat/completions", body=ASK, cast_to=http.Response, stream=True)
    assert len(spans.spans) == 1
    assert opened.read() == whole.content
    dropped = client.post("/chat/completions", body=ASK, cast_to=http.Response, stream=True)
    dropped.close()
    del client.post("/chat/completions", body=ASK, cast_to=http.Response, stream=True).stream
    gc.collect()
    assert [span.attributes.get(semconv.USAGE_INPUT_TOKENS) for span in spans.spans] == [5, 5, None, None]


def test_open_responses_are_read_and_closed_by_async_programs_too(spans, instrumented, server):
    instrumented()

    async def program():
        async with openai.AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
            method = client.chat.completions.with_streaming_response.create
            async with method(**ASK) as response:
                assert await response.json() == CHAT
            async with method(**ASK) as response:
                assert (await response.parse()).id == "c1"
            async with method(**ASK, stream=True) as response:
                assert [line async for line in response.iter_lines() if line][-1] == "data: [DONE]"
            async with method(**ASK, stream=True) as response:
                assert len([one async for one in await response.parse()]) == 1
            async with method(**ASK):
                pass

    asyncio.run(program())
    assert [span.attributes.get(semconv.USAGE_OUTPUT_TOKENS) for span in spans.spans] == [2, 2, 2, 2, None]
    assert [span.attributes.get(semconv.RUN_STATE) for span in spans.spans] == [None] * 4 + ["cancelled"]


def test_compressed_bodies_are_understood(spans, instrumented):
    import gzip

    instrumented()
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    packed = gzip.compress(json.dumps(CHAT).encode())

    def answer(_request):
        return http.Response(200, headers=headers, stream=http.ByteStream(packed))

    with openai.OpenAI(api_key="k", http_client=http.Client(transport=http.MockTransport(answer))) as client:
        with client.chat.completions.with_streaming_response.create(**ASK) as response:
            assert response.json() == CHAT
    assert facts(spans.only) == (5, 2, ("stop",))


def test_the_client_s_options_have_the_fields_that_are_read():
    assert {"method", "url", "headers", "json_data"} <= set(FinalRequestOptions.model_fields)


@pytest.mark.parametrize(
    "seam",
    [
        "arc_instrumentation_openai._call.route",
        "arc_instrumentation_openai._call.identity",
        "arc_runtime.instrumentation.stainless._instrumentor.settle",
        "arc_runtime.instrumentation.stainless._answers.tap",
        "arc_runtime.instrumentation.stainless._answers.fields_of",
    ],
)
def test_a_fault_at_any_other_seam_leaves_the_calls_as_they_are(
    spans, instrumented, connect, server, monkeypatch, seam
):
    def fail(*_args):
        raise RuntimeError("a fault in Arc")

    monkeypatch.setattr(seam, fail)
    plugin = instrumented(capture="SPAN_ONLY")
    client = connect(server)
    assert client.chat.completions.create(**ASK).id == "c1"
    assert client.responses.create(model="m", input="Hi").id == "resp_1"
    assert len(list(client.chat.completions.create(**ASK, stream=True))) == 1
    with client.chat.completions.with_streaming_response.create(**ASK) as response:
        assert response.json() == CHAT
    assert plugin.guard.failures.total() >= 1
    assert all(span.end_time for span in spans.spans)


def test_parsed_responses_and_async_helpers(spans, instrumented, connect, server):
    from pydantic import BaseModel

    class Answer(BaseModel):
        a: int

    instrumented()
    assert connect(server).responses.parse(model="m", input="Hi", text_format=Answer).output_parsed == Answer(a=1)

    async def program():
        async with openai.AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
            async with client.responses.stream(model="m", input="Hi") as stream:
                assert (await stream.get_final_response()).id == "resp_1"
            async with client.responses.with_streaming_response.create(model="m", input="Hi", stream=True) as response:
                assert len([one async for one in await response.parse()]) == len(EVENTS)

    asyncio.run(program())
    assert [facts(span) for span in spans.spans] == [WHOLE] * 3
    assert all(semconv.RUN_STATE not in span.attributes for span in spans.spans)


def test_azure_deployments_are_recognised(spans, instrumented, server):
    instrumented()
    options = {"azure_endpoint": server.url.removesuffix("/v1"), "api_version": "1", "api_key": "k", "max_retries": 0}
    with openai.AzureOpenAI(**options) as client, pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="e", input="Hi")
    assert spans.only.name == "embeddings e"
    assert spans.only.attributes[semconv.PROVIDER] == "azure.ai.openai"
