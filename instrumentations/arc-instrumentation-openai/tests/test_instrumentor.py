import asyncio
import copy
import gc
import json

import openai
import pytest
from arc_core.demo import ReplayServer
from arc_runtime.fixes import Entry
from arc_runtime.instrumentation import ArcInstrumentor
from arc_semconv import attributes as semconv
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind, StatusCode

ASK = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "I am jane@example.com"}]}
WHOLE = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-2025-04-14",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello Jane"}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12,
              "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 1}},
    "system_fingerprint": "fp_1", "service_tier": "default",
}  # fmt: skip


def chunk(**fields):
    return {
        "data": {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1-x", **fields}
    }


def delta(text, finish=None):
    return chunk(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": finish}])


STREAM = [delta("Hel"), delta("lo"), delta("", "stop"), {"data": "[DONE]"}]
WITH_USAGE = [
    *STREAM[:3],
    chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}),
    STREAM[3],
]


@pytest.fixture
def server():
    with ReplayServer([
        {"match": {"stream": True, "stream_options.include_usage": True}, "response_sse": WITH_USAGE},
        {"match": {"stream": True, "stream_options": None}, "response_sse": STREAM},
        {"match": {"model": "broken"}, "status": 400,
         "response": {"error": {"message": "no jane@example.com", "type": "invalid_request_error", "code": "bad"}}},
        {"match": {"model": "busy"}, "status": 429, "response": {"error": {"message": "slow down"}}},
        {"match": {"model": "gpt-4.1", "stream": None}, "response": WHOLE},
    ]) as running:  # fmt: skip
        yield running


def test_a_chat_call_is_one_client_span_with_request_and_answer(spans, instrumented, connect, server):
    instrumented()
    client = connect(server)
    client.chat.completions.create(**ASK, temperature=0.5, max_tokens=9)
    span = spans.only
    assert (span.name, span.kind, span.status.status_code) == ("chat gpt-4.1", SpanKind.CLIENT, StatusCode.UNSET)
    assert dict(span.attributes) == {
        "arc.span.kind": "llm",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "openai.api.type": "chat_completions",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "server.address": "127.0.0.1",
        "server.port": client.base_url.port,
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "gpt-4.1-2025-04-14",
        "openai.response.service_tier": "default",
        "openai.response.system_fingerprint": "fp_1",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 1,
        "gen_ai.response.finish_reasons": ("stop",),
    }


def test_a_known_failure_is_mended_before_it_leaves_and_recorded(spans, instrumented, connect, server):
    instrumented()
    ask = {**ASK, "temperature": 0.95}
    connect(server).chat.completions.create(**ask)
    assert server.requests[0].body["temperature"] == 0.7
    assert ask["temperature"] == 0.95
    attributes = spans.only.attributes
    assert attributes[semconv.FIX_IDS] == ("arc.gpt-4.1.temperature",)
    assert (attributes[semconv.FIX_MODE], attributes[semconv.FIX_TRIGGER]) == ("on", "before")
    assert json.loads(attributes[semconv.FIX_CHANGES]) == [{"path": "temperature", "old": 0.95, "new": 0.7}]
    assert attributes[semconv.FIX_OUTCOME] == "ok"
    assert attributes[semconv.REQUEST_TEMPERATURE] == 0.7


@pytest.mark.parametrize("extra", [{"temperature": 0.99}, {"model": "gpt-4.1", "temperature": 0.99}])
def test_what_a_caller_adds_with_extra_body_is_seen_and_mended(spans, instrumented, connect, server, extra):
    instrumented()
    ask = {**ASK, "model": "gpt-4.1" if "model" not in extra else "other"}
    connect(server).chat.completions.create(**ask, temperature=0.2, extra_body=extra)
    assert server.requests[0].body["temperature"] == 0.7
    assert spans.only.name == "chat gpt-4.1"
    assert json.loads(spans.only.attributes[semconv.FIX_CHANGES])[0]["old"] == 0.99


def test_in_shadow_what_would_change_is_recorded_and_nothing_changes(spans, instrumented, connect, server):
    instrumented(fixes="shadow")
    connect(server).chat.completions.create(**ASK, temperature=0.95)
    assert server.requests[0].body["temperature"] == 0.95
    assert spans.only.attributes[semconv.FIX_MODE] == "shadow"


def test_words_of_the_user_s_in_a_fix_are_content(spans, instrumented, connect, server):
    entry = Entry(id="t", pattern={"model": "gpt-4.1"}, fix={"stop": {"$delete": True}})
    for capture, expected in (
        ("NO_CONTENT", {"path": "stop", "op": "delete"}),
        ("SPAN_ONLY", {"path": "stop", "op": "delete", "old": "Mr <EMAIL>"}),
    ):
        plugin = instrumented(capture=capture)
        plugin.runtime.engine.registry.register(entry)
        connect(server).chat.completions.create(**ASK, stop="Mr jane@example.com")
        assert json.loads(spans.only.attributes[semconv.FIX_CHANGES]) == [expected]
        plugin.uninstrument()
        spans.clear()


def test_without_content_no_word_of_it_is_in_the_span(spans, instrumented, connect, server):
    instrumented()
    connect(server).chat.completions.create(**ASK)
    assert "Jane" not in spans.only.to_json()
    assert "jane" not in spans.only.to_json()


def test_content_is_recorded_redacted_where_it_is_asked_for(spans, instrumented, connect, server):
    instrumented(capture="SPAN_ONLY")
    connect(server).chat.completions.create(**ASK)
    attributes = spans.only.attributes
    assert json.loads(attributes[semconv.INPUT_MESSAGES])[0]["parts"][0]["content"] == "I am <EMAIL>"
    assert json.loads(attributes[semconv.OUTPUT_MESSAGES])[0] == {
        "role": "assistant", "parts": [{"type": "text", "content": "Hello Jane"}], "finish_reason": "stop"
    }  # fmt: skip
    assert server.requests[0].body["messages"] == ASK["messages"]
    assert spans.logs == []


@pytest.mark.parametrize(("capture", "on_span"), [("EVENT_ONLY", False), ("SPAN_AND_EVENT", True)])
def test_content_goes_to_an_event_where_that_is_asked_for(spans, instrumented, connect, server, capture, on_span):
    instrumented(capture=capture)
    connect(server).chat.completions.create(**ASK)
    (event,) = spans.logs
    assert event.event_name == "gen_ai.client.inference.operation.details"
    assert "I am <EMAIL>" in event.attributes[semconv.INPUT_MESSAGES]
    assert event.span_id == spans.only.context.span_id
    assert (semconv.INPUT_MESSAGES in spans.only.attributes) is on_span


@pytest.mark.parametrize("include_usage", [False, True])
def test_a_stream_keeps_type_laziness_and_chunks_and_ends_its_span_when_exhausted(
    spans, instrumented, connect, server, include_usage
):
    bare = connect(server)
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    expected = [one.model_dump() for one in bare.chat.completions.create(**ASK, stream=True, **options)]
    instrumented()
    stream = connect(server).chat.completions.create(**ASK, stream=True, **options)
    assert isinstance(stream, openai.Stream)
    assert spans.spans == ()
    first = next(stream)
    assert spans.spans == ()
    assert [first.model_dump(), *(one.model_dump() for one in stream)] == expected
    attributes = spans.only.attributes
    assert attributes[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
    assert attributes[semconv.RESPONSE_MODEL] == "gpt-4.1-x"
    assert 0 < attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] < 60
    assert attributes.get(semconv.USAGE_OUTPUT_TOKENS) == 2
    assert attributes.get(semconv.USAGE_ESTIMATED) is (None if include_usage else True)


def leave_by_with(stream):
    with stream as inner:
        for _ in inner:
            break


def leave_by_close(stream):
    next(stream)
    stream.close()


def leave_by_dropping(stream):
    next(stream)
    del stream


def never_touch(stream):
    del stream


@pytest.mark.parametrize("leave", [leave_by_with, leave_by_close, leave_by_dropping, never_touch])
def test_a_stream_that_is_left_ends_its_span_as_cancelled(spans, instrumented, connect, server, leave):
    instrumented()
    leave(connect(server).chat.completions.create(**ASK, stream=True))
    gc.collect()
    assert spans.only.attributes[semconv.RUN_STATE] == "cancelled"
    assert spans.only.status.status_code is StatusCode.UNSET


def test_an_error_reaches_the_program_untouched_and_the_span_redacted(spans, instrumented, connect, server):
    instrumented()
    with pytest.raises(openai.BadRequestError) as raised:
        connect(server).chat.completions.create(model="broken", messages=[])
    assert "jane@example.com" in str(raised.value)
    assert raised.value.__cause__ is None
    span = spans.only
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes[semconv.ERROR_TYPE] == "BadRequestError"
    assert span.attributes[semconv.HTTP_STATUS_CODE] == 400
    assert [event.name for event in span.events] == ["exception"]
    assert "jane@example.com" not in span.to_json()


def test_a_connection_that_fails_is_an_error_span(spans, instrumented):
    instrumented()
    with openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="k", max_retries=0) as client:
        with pytest.raises(openai.APIConnectionError):
            client.chat.completions.create(**ASK)
    assert spans.only.attributes[semconv.ERROR_TYPE] == "APIConnectionError"


def test_raw_responses_are_traced_with_usage_and_stay_raw(spans, instrumented, connect, server):
    instrumented()
    client = connect(server)
    raw = client.chat.completions.with_raw_response.create(**ASK)
    assert raw.parse().usage.total_tokens == 12
    assert spans.only.attributes[semconv.USAGE_INPUT_TOKENS] == 10
    spans.clear()
    assert client.chat.completions.with_raw_response.create(**ASK).parse().id == "chatcmpl-1"
    assert len(spans.spans) == 1
    spans.clear()
    assert len(list(client.chat.completions.with_raw_response.create(**ASK, stream=True).parse())) == 3
    assert spans.only.attributes[semconv.RESPONSE_FINISH_REASONS] == ("stop",)


def test_streamed_responses_are_traced_when_they_are_read(spans, instrumented, connect, server):
    instrumented()
    client = connect(server)
    with client.chat.completions.with_streaming_response.create(**ASK) as response:
        assert response.parse().id == "chatcmpl-1"
    gc.collect()
    assert spans.only.attributes[semconv.USAGE_OUTPUT_TOKENS] == 2
    spans.clear()
    with client.chat.completions.with_streaming_response.create(**ASK):
        pass
    del client
    gc.collect()
    assert len(spans.spans) == 1


def test_clients_and_resources_made_before_instrumentation_are_traced(spans, instrumented, connect, server):
    client = connect(server)
    cached = client.chat.completions.with_raw_response
    instrumented()
    client.chat.completions.create(**ASK)
    cached.create(**ASK)
    client.with_options(timeout=5).chat.completions.create(**ASK)
    client.post("/chat/completions", body=ASK, cast_to=openai.types.chat.ChatCompletion)
    assert len(spans.spans) == 4


def test_what_is_no_chat_completion_is_left_alone(spans, instrumented, connect, server):
    instrumented()
    assert connect(server).models.list().data is not None
    assert spans.spans == ()


def test_async_calls_streams_and_errors(spans, instrumented, server):
    instrumented()

    async def program():
        async with openai.AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
            await client.chat.completions.create(**ASK, temperature=0.95)
            stream = await client.chat.completions.create(**ASK, stream=True)
            assert isinstance(stream, openai.AsyncStream)
            assert [one.choices[0].delta.content async for one in stream] == ["Hel", "lo", ""]
            async with await client.chat.completions.create(**ASK, stream=True) as left:
                async for _ in left:
                    break
            with pytest.raises(openai.BadRequestError):
                await client.chat.completions.create(model="broken", messages=[])
            raw = await client.chat.completions.with_raw_response.create(**ASK)
            assert raw.parse().id == "chatcmpl-1"
            await asyncio.gather(*(client.chat.completions.create(**ASK) for _ in range(5)))

    asyncio.run(program())
    assert [span.attributes.get(semconv.RUN_STATE) for span in spans.spans].count("cancelled") == 1
    assert [span.status.status_code for span in spans.spans].count(StatusCode.ERROR) == 1
    assert len(spans.spans) == 10
    assert server.requests[0].body["temperature"] == 0.7


def test_a_cancelled_call_is_a_state_and_no_error(spans, instrumented):
    instrumented()
    with ReplayServer([{"request": {}, "response": WHOLE, "delay_ms": 2000}]) as slow:

        async def program():
            async with openai.AsyncOpenAI(base_url=slow.url, api_key="k", max_retries=0) as client:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await client.chat.completions.create(**ASK)

        asyncio.run(program())
    assert spans.only.attributes[semconv.RUN_STATE] == "cancelled"
    assert spans.only.status.status_code is StatusCode.UNSET


def test_the_call_s_span_is_current_during_the_call_and_not_after(spans, instrumented, connect, server):
    instrumented()
    seen = []
    client = connect(server)
    client._client.event_hooks = {"request": [lambda _: seen.append(trace.get_current_span())]}
    with spans.tracer_provider.get_tracer("program").start_as_current_span("outer") as outer:
        client.chat.completions.create(**ASK)
        assert trace.get_current_span() is outer
    assert [one.name for one in seen] == ["chat gpt-4.1"]
    assert spans.tree == "outer(chat gpt-4.1)"


def test_where_instrumentation_is_suppressed_there_is_no_span_and_the_call_is_still_mended(
    spans, instrumented, connect, server
):
    instrumented()
    with suppress_instrumentation():
        connect(server).chat.completions.create(**ASK, temperature=1)
    assert spans.spans == ()
    assert server.requests[0].body["temperature"] == 0.7


def test_switched_off_it_leaves_calls_alone_and_can_be_switched_on_again(spans, instrumented, connect, server):
    plugin = instrumented()
    client = connect(server)
    plugin.uninstrument()
    client.chat.completions.create(**ASK, temperature=1)
    assert spans.spans == ()
    assert server.requests[0].body["temperature"] == 1
    instrumented()
    client.chat.completions.create(**ASK)
    assert len(spans.spans) == 1


@pytest.mark.parametrize("setting", ["disabled", "sdk_disabled"])
def test_disabled_it_does_nothing(spans, instrumented, connect, server, setting):
    instrumented(**{setting: True})
    connect(server).chat.completions.create(**ASK, temperature=1)
    assert spans.spans == ()
    assert server.requests[0].body["temperature"] == 1


def test_span_names_follow_the_conventions_when_asked(spans, instrumented, connect, server):
    instrumented(span_names="genai")
    connect(server).chat.completions.create(**ASK)
    assert spans.only.name == "chat gpt-4.1"


@pytest.mark.parametrize(
    "seam",
    ["start_attributes", "request_attributes", "content", "with_body", "watch", "reply", "fold", "error_attributes"],
)
def test_whatever_fails_inside_the_program_s_calls_go_on_unchanged(
    spans, instrumented, connect, server, monkeypatch, seam
):
    from arc_runtime.instrumentation.stainless import ApiCall

    def fail(*_args):
        raise RuntimeError("a fault in Arc")

    monkeypatch.setattr(ApiCall, seam, fail)
    plugin = instrumented(capture="SPAN_ONLY")
    client = connect(server)
    assert client.chat.completions.create(**ASK, temperature=0.95).id == "chatcmpl-1"
    assert len(list(client.chat.completions.create(**ASK, stream=True))) == 3
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="broken", messages=[])
    assert all(span.end_time and dict(span.attributes) for span in spans.spans)
    assert plugin.guard.failures.total() >= 1


def test_a_stream_s_iterator_can_be_copied_as_far_as_it_could_without_arc(spans, instrumented, connect, server):
    instrumented()
    stream = connect(server).chat.completions.create(**ASK, stream=True)
    copied = copy.copy(stream._iterator)
    del copied
    assert len(list(stream)) == 3


def test_nothing_is_held_once_a_call_has_ended(spans, instrumented, connect, server):
    from arc_runtime.instrumentation._model_call import Flight

    instrumented()
    client = connect(server)
    gc.collect()
    gc.disable()
    try:
        client.chat.completions.create(**ASK)
        list(client.chat.completions.create(**ASK, stream=True))
        assert [one for one in gc.get_objects() if isinstance(one, Flight)] == []
    finally:
        gc.enable()


def test_it_is_for_the_versions_its_metadata_name():
    from arc_instrumentation_openai import OpenAIInstrumentor

    assert issubclass(OpenAIInstrumentor, ArcInstrumentor)
    assert list(OpenAIInstrumentor().instrumentation_dependencies()) == ["openai>=1.66"]


@pytest.mark.parametrize("capture", ["NO_CONTENT", "SPAN_ONLY"])
def test_what_the_program_does_to_its_answer_is_not_what_the_model_said(spans, instrumented, connect, server, capture):
    instrumented(capture=capture)
    answer = connect(server).chat.completions.create(**ASK)
    answer.usage.prompt_tokens = 999
    answer.choices[0].finish_reason = "length"
    answer.choices[0].message.content = "something else"
    attributes = spans.only.attributes
    assert attributes["gen_ai.usage.input_tokens"] == 10
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert "something else" not in attributes.get("gen_ai.output.messages", "Hello Jane")


def test_what_the_program_does_to_its_messages_is_not_what_it_asked(spans, instrumented, connect, server):
    instrumented(capture="SPAN_ONLY")
    parts = [{"type": "text", "text": "as asked"}]
    messages = [{"role": "user", "content": parts}]
    connect(server).chat.completions.create(model="gpt-4.1", messages=messages)
    parts[0]["text"] = messages[0]["role"] = "changed since"
    assert "as asked" in spans.only.attributes["gen_ai.input.messages"]
    assert "changed since" not in spans.only.attributes["gen_ai.input.messages"]


def test_no_content_is_kept_where_none_is_wanted(spans, instrumented, connect, server):
    class Word(str):
        """Text of the program's own, which can be told from any other."""

        __slots__ = ()

    instrumented()
    before = sum(type(one) is Word for one in gc.get_objects())
    body = {"model": "gpt-4.1", "messages": [{"role": "user", "content": [Word("held"), {"x": Word("held")}]}]}
    connect(server).post("/chat/completions", body=body, cast_to=object)
    del body
    gc.collect()
    held = [one for one in gc.get_objects() if isinstance(one, list | dict)]
    # By the methods of the plain kinds: other tests leave containers behind whose own raise.
    inside = [(one, dict.values(one) if isinstance(one, dict) else list.__iter__(one)) for one in held]
    words = [one for one, items in inside if any(type(item) is Word for item in items)]
    assert (before, words) == (0, [])


def test_a_log_processor_that_calls_the_model_itself_is_not_followed(spans, instrumented, connect, server):
    instrumented(capture="EVENT_ONLY")
    client = connect(server)
    made = []

    class Asking:
        """Asks the model what to think of each record, as a guardrail may."""

        def on_emit(self, _record):
            made.append(client.chat.completions.create(**ASK).id)

        def shutdown(self):
            pass

        def force_flush(self, timeout_millis=30_000):  # noqa: ARG002
            return True

    spans.logger_provider.add_log_record_processor(Asking())
    client.chat.completions.create(**ASK)
    assert len(made) == 1
    assert len(spans.spans) == 1


def test_words_that_a_fix_took_away_are_on_the_event_alone_where_content_is(spans, instrumented, connect, server):
    plugin = instrumented(capture="EVENT_ONLY")
    plugin.runtime.engine.registry.register(
        Entry(id="t", pattern={"stop": {"exists": True}}, fix={"stop": {"$delete": True}})
    )
    connect(server).chat.completions.create(**ASK, stop=["a word for ann@example.org"])
    assert "a word for" not in spans.only.attributes["arc.fix.changes"]
    (event,) = spans.logs
    assert "a word for <EMAIL>" in event.attributes["arc.fix.changes"]


def test_words_that_a_fix_took_away_are_redacted_where_no_processor_of_arc_is(instrumented, connect, server):
    from arc_instrumentation_openai import OpenAIInstrumentor
    from arc_runtime.instrumentation import Runtime
    from arc_runtime.settings import Settings
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    plugin, runtime = OpenAIInstrumentor(), Runtime.of(Settings(capture="SPAN_ONLY"))
    runtime.engine.registry.register(Entry(id="t", pattern={"stop": {"exists": True}}, fix={"stop": {"$delete": True}}))
    plugin.instrument(skip_dep_check=True, tracer_provider=provider, runtime=runtime)
    try:
        connect(server).chat.completions.create(**ASK, stop=["ann@example.org"])
    finally:
        plugin.uninstrument()
    (span,) = exporter.get_finished_spans()
    assert "<EMAIL>" in span.attributes["arc.fix.changes"]
    assert "ann@example.org" not in span.to_json()
