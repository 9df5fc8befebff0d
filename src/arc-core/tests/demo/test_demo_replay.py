import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest
from arc_core.demo import Exchange, Received, ReplayServer

ASK: Any = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "Say hello"}]}


def answer(text: str) -> dict[str, object]:
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 1795190400,
        "model": "gpt-4.1-2025-04-14",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
    }


def chunk(choices: list[object], **more: object) -> dict[str, object]:
    return {
        "data": {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices} | more
    }


STREAM = [
    chunk([{"index": 0, "delta": {"role": "assistant", "content": "Hel"}, "finish_reason": None}], usage=None),
    chunk([{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}], usage=None),
    chunk([], usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}),
    {"data": "[DONE]"},
]


@contextmanager
def asking(*exchanges: dict[str, object]) -> Iterator[tuple[openai.OpenAI, ReplayServer]]:
    with (
        ReplayServer(exchanges) as server,
        openai.OpenAI(base_url=server.url, api_key="k", max_retries=0, timeout=5) as client,
    ):
        yield client, server


def test_a_request_is_answered_and_recorded() -> None:
    with asking({"request": ASK, "response": answer("Hello")}) as (client, server):
        reply = client.chat.completions.create(**ASK, temperature=0.95)
    assert reply.choices[0].message.content == "Hello"
    ((headers, body, path),) = server.requests
    assert (path, headers["authorization"]) == ("/v1/chat/completions", "Bearer k")
    assert body == {**ASK, "temperature": 0.95}


def test_the_first_answer_not_yet_given_is_given_and_the_last_one_stays() -> None:
    with asking(*({"request": ASK, "response": answer(text)} for text in ("one", "two"))) as (client, _):
        told = [client.chat.completions.create(**ASK).choices[0].message.content for _ in range(3)]
    assert told == ["one", "two", "two"]


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({"messages.-1.role": "user", "messages.0.content": {"contains": "hello"}}, True),
        ({"messages.-1.content": "Say hello", "tools": None}, True),
        ({"messages.1.role": "user"}, False),
        ({"messages.-1.content": {"contains": "goodbye"}}, False),
        ({"model": {"contains": "gpt-5"}}, False),
    ],
)
def test_an_exchange_can_say_by_path_what_it_answers(match: dict[str, object], *, fits: bool) -> None:
    with asking({"match": match, "response": answer("Hello")}) as (client, _):
        if fits:
            client.chat.completions.create(**ASK)
        else:
            with pytest.raises(openai.NotFoundError):
                client.chat.completions.create(**ASK)


def test_how_requests_are_matched_can_be_replaced() -> None:
    def by_key(exchange: Exchange, received: Received) -> bool:
        return received.headers["authorization"] == exchange.request["key"]

    exchanges = [{"request": {"key": f"Bearer {name}"}, "response": answer(name)} for name in ("a", "b")]
    with ReplayServer(exchanges, match=by_key) as server, openai.OpenAI(base_url=server.url, api_key="b") as client:
        assert client.chat.completions.create(**ASK).choices[0].message.content == "b"


def test_what_no_exchange_answers_is_refused_with_what_was_asked() -> None:
    with (
        asking({"request": {**ASK, "model": "o3"}, "response": answer("")}) as (client, server),
        pytest.raises(openai.NotFoundError, match=r"no exchange answers /v1/chat/completions with .*Say hello"),
    ):
        client.chat.completions.create(**ASK)
    assert len(server.requests) == 1


def test_a_recorded_error_keeps_its_status_headers_and_body() -> None:
    error = {"message": "too many", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    line = {"request": ASK, "status": 429, "response_headers": {"Retry-After": "7"}, "response": {"error": error}}
    with asking(line) as (client, _), pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**ASK)
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.body == error


@pytest.mark.parametrize(("options", "usages"), [({}, []), ({"stream_options": {"include_usage": True}}, [11])])
def test_usage_is_streamed_only_when_asked_for(options: dict[str, Any], usages: list[int]) -> None:
    with (
        asking({"request": ASK, "response_sse": STREAM}) as (client, _),
        client.chat.completions.create(**ASK, stream=True, **options) as stream,
    ):
        chunks = list(stream)
    assert "".join(choice.delta.content or "" for piece in chunks for choice in piece.choices) == "Hello"
    assert [piece.usage.total_tokens for piece in chunks if piece.usage] == usages


def test_chunks_come_one_by_one_after_a_delay() -> None:
    line = {"request": ASK, "response_sse": STREAM, "delay_ms": 50, "chunk_ms": 60}
    with asking(line) as (client, _):
        start = time.monotonic()
        with client.chat.completions.create(**ASK, stream=True) as stream:
            times = [time.monotonic() - start for _ in stream]
    assert times[0] > 0.05
    assert times[1] - times[0] > 0.04


def test_one_connection_carries_json_and_streams_in_turn() -> None:
    with asking({"request": {"stream": True}, "response_sse": STREAM}, {"response": answer("Hello")}) as (_, server):
        connection = http.client.HTTPConnection(server.url.split("/")[2], timeout=5)
        for body in (b'{"stream": true}', b"{}", b'{"stream": true}'):
            connection.request("POST", "/v1/chat/completions", body)
            response = connection.getresponse()
            assert response.status == 200
            assert response.read()
            assert not response.will_close
        connection.close()


def test_events_keep_their_names_and_order() -> None:
    events = [{"event": "response.created", "data": {"type": "response.created"}}, {"event": "x", "data": "plain"}]
    with ReplayServer([{"url_path": "/v1/responses", "response_sse": events}]) as server:
        connection = http.client.HTTPConnection(server.url.split("/")[2], timeout=5)
        connection.request("POST", "/v1/responses", b"{}")
        text = connection.getresponse().read().decode()
        connection.close()
    assert text == 'event: response.created\ndata: {"type": "response.created"}\n\nevent: x\ndata: plain\n\n'


def test_models_are_those_the_exchanges_ask_for() -> None:
    with asking({"request": ASK}, {"match": {"model": "gpt-4.1-mini"}}) as (client, _):
        assert [model.id for model in client.models.list()] == ["gpt-4.1", "gpt-4.1-mini"]


@pytest.mark.parametrize("body", [b"", b"{", b"[1]"])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with ReplayServer([{"response": answer("Hello")}]) as server:
        connection = http.client.HTTPConnection(server.url.split("/")[2], timeout=5)
        connection.request("POST", "/v1/chat/completions", body)
        assert connection.getresponse().status == 400
        connection.close()


def test_nothing_is_written_to_stderr_even_when_a_client_goes_away(capfd: pytest.CaptureFixture[str]) -> None:
    with ReplayServer([{"response_sse": STREAM * 50, "chunk_ms": 1}]) as server:
        connection = http.client.HTTPConnection(server.url.split("/")[2], timeout=5)
        connection.request("POST", "/v1/chat/completions", b"{}")
        connection.close()
        _until(lambda: len(server.requests) == 1)
        time.sleep(0.1)
    assert capfd.readouterr() == ("", "")


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
