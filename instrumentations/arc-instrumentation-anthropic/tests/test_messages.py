import asyncio
import gzip
import json
from pathlib import Path

import anthropic
import pytest
from arc_testing import Answer, Provider, message_answer, message_request

ASK = message_request()
CASSETTES = Path(__file__).parents[4] / "shared/data/cassettes"


def test_a_message_is_one_client_span(spans, instrumented, connect, ask):
    instrumented(cost="off")
    with Provider(message_answer) as server:
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
    with Provider(message_answer) as server:
        if mode == "async":

            async def read():
                async with connect(server, anthropic.AsyncAnthropic) as client:
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


def test_counting_tokens_is_no_span_and_goes_as_it_is(spans, instrumented, connect):
    instrumented()
    with Provider(lambda _: Answer(body={"input_tokens": 3})) as server:
        assert connect(server).messages.count_tokens(model="m", messages=ASK["messages"]).input_tokens == 3
    assert spans.spans == ()


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
