"""Spans that the client writes itself: Arc adds what it knows of fixes, before they end."""

import asyncio
import json

import anthropic
import pytest
from arc_runtime.fixes import Engine, Entry, Registry
from arc_runtime.processor import SuggestingSpanProcessor
from arc_semconv import attributes as semconv
from arc_testing import Answer, Provider, message, message_answer, message_error, message_request
from opentelemetry.trace import StatusCode

pytestmark = pytest.mark.skipif(
    not hasattr(anthropic._base_client.SyncAPIClient, "_attempt_request"), reason="this client writes no spans"
)
SCOPE = "com.anthropic.sdk.python"
ASK = message_request()
GONE = message_error("`temperature` is deprecated for this model.")


@pytest.fixture
def own(spans, connect):
    """A client that writes spans, as the distro has them looked at."""
    spans.tracer_provider.add_span_processor(SuggestingSpanProcessor(lambda: Engine(Registry([]))))
    return lambda server, **given: connect(server, open_telemetry={"tracer_provider": spans.tracer_provider}, **given)


def refusing(asked):
    return Answer(400, GONE) if "temperature" in asked.body else message_answer(asked)


@pytest.mark.parametrize("stream", [False, True])
def test_the_client_s_span_says_both_attempts_and_how_it_ended(spans, instrumented, own, stream, ask):
    instrumented()
    with Provider(refusing) as server:
        client = own(server)
        for expected in (2, 3):
            result = ask(client, temperature=0.2, stream=stream)
            assert len(list(result)) == 6 if stream else result.content[0].text == "Hello"
            assert len(server.asked) == expected
    first, second = spans.spans
    assert {span.instrumentation_scope.name for span in spans.spans} == {SCOPE}
    assert first.attributes[semconv.FIX_IDS] == ("arc.parameter_not_supported",)
    assert [span.attributes[semconv.FIX_OUTCOME] for span in spans.spans] == ["ok", "ok"]
    assert [span.status.status_code for span in spans.spans] == [StatusCode.OK, StatusCode.OK]
    assert (first.attributes[semconv.HTTP_RESEND_COUNT], second.attributes.get(semconv.HTTP_RESEND_COUNT)) == (1, None)
    [attempt] = [event for event in first.events if event.name == semconv.EVENT_ATTEMPT]
    assert attempt.attributes[semconv.HTTP_STATUS_CODE] == 400
    [learned] = [log for log in spans.logs if log.event_name == semconv.EVENT_FIX_PROPOSED]
    assert second.attributes[semconv.FIX_IDS] == learned.attributes[semconv.FIX_IDS]
    if not stream:
        assert first.attributes[semconv.FIX_PROPOSED] == learned.attributes[semconv.FIX_IDS]


@pytest.mark.usefixtures("own")
def test_so_it_does_for_the_async_client(spans, instrumented):
    instrumented()

    async def call(server):
        traces = {"tracer_provider": spans.tracer_provider}
        async with anthropic.AsyncAnthropic(base_url=server.url, api_key="k", open_telemetry=traces) as client:
            await client.messages.create(**ASK, extra_body={"temperature": 0.2})
            return [event async for event in await client.messages.create(**ASK, stream=True)]

    with Provider(refusing) as server:
        assert len(asyncio.run(call(server))) == 6
        assert len(server.asked) == 3
    mended, _ = spans.spans
    assert (mended.attributes[semconv.FIX_OUTCOME], mended.status.status_code) == ("ok", StatusCode.OK)


def test_a_call_that_can_t_be_mended_is_an_error_there(spans, instrumented, own, ask):
    instrumented()
    with Provider(lambda _: Answer(400, GONE)) as server:
        with pytest.raises(anthropic.BadRequestError):
            ask(own(server), temperature=0.2)
        assert len(server.asked) == 2
    span = spans.only
    assert (span.attributes[semconv.FIX_OUTCOME], span.status.status_code) == ("error", StatusCode.ERROR)
    assert [event.name for event in span.events if event.name == semconv.EVENT_ATTEMPT] == [semconv.EVENT_ATTEMPT] * 2


def test_a_stream_that_the_program_closes_leaves_the_outcome_open(spans, instrumented, own, ask):
    instrumented()
    with Provider(refusing) as server:
        stream = ask(own(server), temperature=0.2, stream=True)
        next(iter(stream))
        stream.close()
    assert spans.only.attributes[semconv.FIX_OUTCOME] == "unknown"


def test_an_answer_that_is_asked_for_again_is_the_one_the_span_tells(spans, instrumented, own, ask):
    instrumented(fixes_retry="on")
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    said = iter([{}, {"a": 1}])
    use = {"type": "tool_use", "id": "toolu_1", "name": "f"}
    with Provider(lambda _: Answer(body=message({**use, "input": next(said)}, reason="tool_use"))) as server:
        result = ask(own(server), tools=[{"name": "f", "input_schema": schema}])
        assert result.content[0].input == {"a": 1}
        assert "a is missing" in json.dumps(server.asked[1].body["messages"][-1])
    span = spans.only
    assert span.attributes[semconv.FIX_IDS] == ("arc.retry.invalid_tool_arguments",)
    assert span.attributes[semconv.FIX_OUTCOME] == "ok"


@pytest.mark.parametrize("part", ["ended", "attributes", "restore"])
def test_the_client_s_span_ends_and_the_call_is_mended_whatever_else_fails_in_arc(
    spans, instrumented, own, monkeypatch, ask, part
):
    def fail(*_args):
        raise RuntimeError("a fault of Arc's")

    instrumented()
    monkeypatch.setattr("arc_runtime.instrumentation._model_call.Fixing." + part, fail)
    with Provider(refusing) as server:
        assert ask(own(server), temperature=0.2).content[0].text == "Hello"
        assert len(server.asked) == 2
    assert spans.only.status.status_code is StatusCode.OK


def test_what_was_applied_is_no_suggestion_on_it(spans, instrumented, connect, ask):
    entry = Entry(id="mine", pattern={"model": "claude-x"}, fix={"top_k": 5})
    plugin = instrumented()
    plugin.runtime.engine.registry.register(entry)
    spans.tracer_provider.add_span_processor(SuggestingSpanProcessor(lambda: plugin.runtime.engine))
    with Provider(message_answer) as server:
        ask(connect(server, open_telemetry={"tracer_provider": spans.tracer_provider}))
        assert server.asked[0].body["top_k"] == 5
    assert spans.only.attributes[semconv.FIX_IDS] == ("mine",)
    assert semconv.FIX_SUGGESTED not in spans.only.attributes
