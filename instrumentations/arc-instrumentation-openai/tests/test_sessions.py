"""Sessions over a WebSocket, against a real server that plays scripts of the API's own events.

The shapes are those of the OpenAI API reference (Realtime, Responses over WebSocket, Live).
"""

import asyncio
import gc
import json
import os
import socket
import subprocess
import sys
import threading
import time
import weakref
from contextlib import contextmanager, suppress

import openai
import pytest
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_runtime.fixes import Entry
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings
from arc_semconv import attributes as semconv
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind, StatusCode
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.sync.server import serve

MAJOR = int(openai.__version__.partition(".")[0])
by_responses = pytest.mark.skipif(MAJOR < 2, reason="openai 1 has no WebSocket of the Responses API")
by_newest = pytest.mark.skipif(MAJOR < 3, reason="only openai 3 has it")
# websockets 17 warns of how the client connects.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")
PCM = "AAAA" * 4096
SECRET = "jane@example.com"

# --- what the server says --------------------------------------------------------------------------------------------

SESSION = {
    "type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "gpt-realtime", "temperature": 0.8,
    "output_modalities": ["audio"], "instructions": f"Be kind to {SECRET}", "max_output_tokens": 900,
    "tools": [{"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}],
    "tool_choice": "auto", "audio": {"output": {"voice": "marin", "format": {"type": "audio/pcm", "rate": 24000}}},
}  # fmt: skip
USAGE = {
    "total_tokens": 253, "input_tokens": 132, "output_tokens": 121,
    "input_token_details": {"text_tokens": 119, "audio_tokens": 13, "image_tokens": 0, "cached_tokens": 64,
                            "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4, "image_tokens": 0}},
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}  # fmt: skip


def numbered(*events):
    return [{"event_id": f"event_{number}", **event} for number, event in enumerate(events)]


def realtime_answer(number=1, text="Hello Ann", *, conversation="conv_1", metadata=None, **final):
    """The events of one spoken response."""
    response_id, item_id = f"resp_{number}", f"item_{number}"
    whole = {"id": item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "assistant",
             "content": [{"type": "output_audio", "transcript": text}]}  # fmt: skip
    state = {"object": "realtime.response", "id": response_id, "status": "in_progress", "status_details": None, "output": [],
             "conversation_id": conversation, "output_modalities": ["audio"], "usage": None, "metadata": metadata}  # fmt: skip
    where = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    return numbered(
        {"type": "response.created", "response": state},
        {"type": "response.output_item.added", "response_id": response_id, "output_index": 0,
         "item": {**whole, "status": "in_progress", "content": []}},
        {"type": "response.output_audio_transcript.delta", "delta": text[:3], **where},
        {"type": "response.output_audio.delta", "delta": PCM, **where},
        {"type": "response.output_audio_transcript.delta", "delta": text[3:], **where},
        {"type": "response.output_audio.delta", "delta": PCM, **where},
        {"type": "response.output_item.done", "response_id": response_id, "output_index": 0, "item": whole},
        {"type": "response.done",
         "response": {**state, "status": "completed", "output": [whole], "usage": USAGE, **final}},
        {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "limit": 9, "remaining": 8, "reset_seconds": 1.5}]},
    )  # fmt: skip


TEXT = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "Hello Ann", "annotations": []}]}  # fmt: skip
CALL = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Bonn"}',
        "status": "completed"}  # fmt: skip


def response_answer(number=1, *, end="completed", output=(TEXT,), lane=None, **final):
    """The events of one response of the Responses API."""
    whole = {"id": f"resp_{number}", "object": "response", "created_at": 1, "model": "gpt-5.2-x", "status": end,
             "output": list(output), "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "temperature": 1.0,
             "usage": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10,
                       "input_tokens_details": {"cached_tokens": 2}, "output_tokens_details": {"reasoning_tokens": 1}},
             **final}  # fmt: skip
    begun = {**whole, "status": "in_progress", "output": [], "usage": None, "error": None, "incomplete_details": None}
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**TEXT, "content": []}},
        {"type": "response.output_text.delta", "delta": "Hello ", "logprobs": [], **where},
        {"type": "response.output_text.delta", "delta": "Ann", "logprobs": [], **where},
        {"type": f"response.{end}", "response": whole},
    ]
    on = {"stream_id": lane} if lane else {}
    return [{"sequence_number": index, **event, **on} for index, event in enumerate(events)]


def refusal(code="previous_response_not_found", **fields):
    return {"type": "error", "status": 400,
            "error": {"type": "invalid_request_error", "code": code, "message": f"no {SECRET}", "param": "input"}, **fields}  # fmt: skip


# --- the server ------------------------------------------------------------------------------------------------------


class Server:
    """Plays `talk(peer)` to each that connects; keeps what it was sent."""

    def __init__(self, talk):
        self.talk = talk
        self.headers = []
        self.heard = []
        self._server = serve(self._play, "127.0.0.1", 0, max_size=None)
        self.port = self._server.socket.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _play(self, ws):
        self.headers.append(ws.request.headers)
        with suppress(ConnectionClosed, OSError):
            self.talk(Peer(self, ws))

    def close(self):
        self._server.shutdown()


class Peer:
    def __init__(self, server, ws):
        self._server = server
        self._ws = ws
        self.turn = len(server.headers)

    def say(self, *events):
        for event in events:
            self._ws.send(event if isinstance(event, str) else json.dumps(event))

    def hear(self, kind=None):
        """The next message of `kind`; of any kind without it."""
        while True:
            event = json.loads(self._ws.recv())
            self._server.heard.append(event)
            if kind in (None, event["type"]):
                return event

    def cut(self):
        self._ws.socket.shutdown(socket.SHUT_RDWR)

    def close(self, code=1000):
        self._ws.close(code)

    def linger(self):
        while True:
            self.hear()


@pytest.fixture
def play():
    """Start a server that plays a script."""
    running = []

    def start(talk):
        running.append(Server(talk))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture
def reach():
    """Clients of a script's server."""
    opened = []

    def client(server, kind=openai.OpenAI, **options):
        made = kind(
            base_url=server.url.replace("ws", "http", 1), websocket_base_url=server.url, api_key="test", **options
        )
        opened.append(made)
        return made

    yield client
    for one in opened:
        if isinstance(one, openai.OpenAI):
            one.close()


def realtime_talk(peer):
    """A session in which each request gets an answer, and which the server ends after it hears `bye`."""
    peer.say(*numbered({"type": "session.created", "session": SESSION}))
    number = 0
    while True:
        heard = peer.hear()
        if heard["type"] == "response.create":
            number += 1
            peer.say(*realtime_answer(number, metadata=(heard.get("response") or {}).get("metadata")))
        elif heard["type"] == "session.update":
            peer.say(*numbered({"type": "session.updated", "session": {**SESSION, **heard["session"]}}))
        elif heard["type"] == "input_audio_buffer.clear":
            return


def responses_talk(peer):
    number = 0
    while True:
        heard = peer.hear()
        if heard["type"] == "response.create":
            number += 1
            peer.say(*response_answer(number))


def until(connection, kind):
    """The events up to the first of `kind`."""
    events = []
    while not events or events[-1].type != kind:
        events.append(connection.recv())
    return events


async def until_async(connection, kind):
    events = []
    while not events or events[-1].type != kind:
        events.append(await connection.recv())
    return events


def eventually(claim):
    until = time.monotonic() + 30
    while not claim():
        assert time.monotonic() < until
        time.sleep(0.01)


def llm(spans):
    return [span for span in spans.spans if span.attributes[semconv.SPAN_KIND] == "llm"]


def runs(spans):
    return [span for span in spans.spans if span.attributes[semconv.SPAN_KIND] == "run"]


# --- one session -----------------------------------------------------------------------------------------------------


def test_a_realtime_session_is_a_run_and_each_response_in_it_a_model_call(spans, instrumented, play, reach):
    instrumented()
    server = play(realtime_talk)
    with reach(server).realtime.connect(
        model="gpt-realtime", extra_headers={"X-Agent-Name": "concierge", "X-Application-Id": "hotel", "X-Own": "kept"}
    ) as connection:
        until(connection, "session.created")
        for _ in range(2):
            connection.response.create(response={"max_output_tokens": 50})
            until(connection, "response.done")
    assert spans.tree == "agent.run concierge(chat gpt-realtime chat gpt-realtime)"
    (run,) = runs(spans)
    assert (run.kind, run.status.status_code) == (SpanKind.INTERNAL, StatusCode.UNSET)
    assert dict(run.attributes) == {
        "arc.span.kind": "run",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "openai",
        "gen_ai.agent.name": "concierge",
        "gen_ai.request.model": "gpt-realtime",
        "gen_ai.request.temperature": 0.8,
        "gen_ai.request.max_tokens": 900,
        "gen_ai.output.type": "speech",
        "gen_ai.conversation.id": "conv_1",
        "arc.application.id": "hotel",
        "arc.request.api": "realtime.connect",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "session.id": "sess_1",
    }
    first, second = llm(spans)
    assert first.kind is SpanKind.CLIENT
    waited = first.attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK]
    assert 0 < waited < 60
    assert dict(first.attributes) == {
        "arc.span.kind": "llm",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.agent.name": "concierge",
        "gen_ai.request.model": "gpt-realtime",
        "gen_ai.request.temperature": 0.8,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.stream": True,
        "gen_ai.output.type": "speech",
        "gen_ai.conversation.id": "conv_1",
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": waited,
        "gen_ai.usage.input_tokens": 132,
        "gen_ai.usage.output_tokens": 121,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.audio.input_tokens": 13,
        "gen_ai.usage.audio.cache_read.input_tokens": 4,
        "gen_ai.usage.audio.output_tokens": 91,
        "arc.application.id": "hotel",
        "arc.request.api": "realtime",
        "server.address": "127.0.0.1",
        "server.port": server.port,
    }
    assert second.attributes[semconv.RESPONSE_ID] == "resp_2"
    sent = server.headers[0]
    assert ("X-Agent-Name" in sent, "X-Application-Id" in sent, sent["X-Own"]) == (False, False, "kept")


@by_responses
def test_a_session_of_responses_is_a_run_and_its_requests_are_mended(spans, instrumented, play, reach):
    instrumented()
    server = play(responses_talk)
    asked = {"model": "gpt-5.2", "input": "Hi", "temperature": 1, "previous_response_id": "resp_0"}
    event = {"type": "response.create", **asked, "model": "gpt-4.1"}
    with reach(server).responses.connect() as connection:
        connection.response.create(**asked)
        until(connection, "response.completed")
        connection.send(event)
        until(connection, "response.completed")
    assert spans.tree == "agent.run(chat gpt-5.2 chat gpt-4.1)"
    first, second = llm(spans)
    names = (semconv.OPENAI_API_TYPE, semconv.RESPONSE_ID, semconv.RESPONSE_MODEL, semconv.REQUEST_PREVIOUS_RESPONSE_ID,
             semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS, semconv.USAGE_CACHE_READ_INPUT_TOKENS,
             semconv.USAGE_REASONING_OUTPUT_TOKENS, semconv.RESPONSE_FINISH_REASONS)  # fmt: skip
    assert [first.attributes[name] for name in names] == [
        "responses", "resp_1", "gpt-5.2-x", "resp_0", 7, 3, 2, 1, ("stop",),
    ]  # fmt: skip
    assert second.attributes[semconv.FIX_OUTCOME] == "ok"
    assert second.attributes[semconv.REQUEST_TEMPERATURE] == 0.7
    assert server.heard[1] == {**event, "temperature": 0.7}
    assert event["temperature"] == 1
    assert runs(spans)[0].attributes[semconv.REQUEST_MODEL] == "gpt-5.2"


@pytest.mark.parametrize("way", ["realtime", pytest.param("responses", marks=by_responses)])
def test_async_sessions_are_recorded_alike(spans, instrumented, play, reach, way):
    instrumented()
    server = play(realtime_talk if way == "realtime" else responses_talk)

    async def main():
        client = reach(server, openai.AsyncOpenAI)
        manager = client.realtime.connect(model="m") if way == "realtime" else client.responses.connect()
        async with manager as connection:
            for _ in range(2):
                if way == "realtime":
                    await connection.response.create()
                    await until_async(connection, "response.done")
                else:
                    await connection.response.create(model="m", input="Hi")
                    await until_async(connection, "response.completed")
        await client.close()

    asyncio.run(main())
    assert spans.tree == "agent.run(chat m chat m)"
    assert [span.attributes[semconv.RESPONSE_ID] for span in llm(spans)] == ["resp_1", "resp_2"]


def test_the_beta_of_realtime_is_recorded(spans, instrumented, play, reach):
    instrumented()
    with reach(play(realtime_talk)).beta.realtime.connect(model="m") as connection:
        until(connection, "session.created")
        connection.response.create()
        until(connection, "response.done")
    assert spans.tree == "agent.run(chat m)"


@pytest.mark.parametrize("kind", [openai.AzureOpenAI, openai.AsyncAzureOpenAI])
def test_azure_is_known_by_its_client(spans, instrumented, play, kind):
    instrumented()
    server = play(realtime_talk)
    client = kind(azure_endpoint="https://no.test", websocket_base_url=server.url, api_key="t", api_version="v")

    async def main():
        async with client.realtime.connect(model="m", extra_headers={"X-Agent-Name": "a"}) as connection:
            await connection.response.create()
            await until_async(connection, "response.done")
        await client.close()

    if kind is openai.AsyncAzureOpenAI:
        asyncio.run(main())
    else:
        with client.realtime.connect(model="m", extra_headers={"X-Agent-Name": "a"}) as connection:
            connection.response.create()
            until(connection, "response.done")
        client.close()
    assert spans.tree == "agent.run a(chat m)"
    assert {span.attributes[semconv.PROVIDER] for span in spans.spans} == {"azure.ai.openai"}
    assert "X-Agent-Name" not in server.headers[0]


# --- what the program sees -------------------------------------------------------------------------------------------


def seen(event):
    return type(event).__qualname__, event.model_dump(warnings=False) if hasattr(event, "model_dump") else event


def by_iterating(connection):
    return [seen(event) for event in connection]


def by_recv(connection):
    events = []
    with suppress(ConnectionClosed):
        while True:
            events.append(seen(connection.recv()))
    return events


def by_bytes(connection):
    events = []
    with suppress(ConnectionClosed):
        while True:
            events.append(json.loads(connection.recv_bytes()))
    return events


def by_parsing_late(connection):
    frames = []
    with suppress(ConnectionClosed):
        while True:
            frames.append(connection.recv_bytes())
    return [seen(connection.parse_event(frame)) for frame in frames]


ODD = [
    {"type": "response.created"}, {"type": "response.created", "response": "text"}, {"type": ["list"]}, {}, [1], "3",
    {"type": "response.done", "response": {"id": {"a": 1}, "usage": {"input_tokens": "many"}, "output": 7}},
    {"type": "response.output_text.delta", "response_id": [1], "delta": 5}, {"type": "session.updated", "session": []},
    {"type": "error"}, {"type": "something.new", "response": None}, {"type": "response.done"},
]  # fmt: skip


@pytest.mark.parametrize("way", [by_iterating, by_recv, by_bytes, by_parsing_late])
def test_a_program_sees_what_it_sees_without_arc(spans, instrumented, play, reach, caplog, way):
    def talk(peer):
        peer.say(*numbered({"type": "session.created", "session": SESSION}))
        peer.hear("response.create")
        peer.say(*realtime_answer(), *ODD)
        peer.close()

    def run():
        with reach(play(talk)).realtime.connect(model="m") as connection:
            kinds = [type(one).__qualname__ for one in (connection, connection.response, connection.session)]
            connection.response.create(response={"instructions": "short"})
            return kinds, way(connection)

    bare = run()
    instrumented(capture="SPAN_ONLY")
    assert run() == bare
    assert len(bare[1]) == 1 + len(realtime_answer()) + len(ODD)
    assert llm(spans)[0].attributes[semconv.RESPONSE_ID] == "resp_1"
    assert "Failed to detach" not in caplog.text


def test_frames_that_the_program_reads_by_itself_tell_the_same(spans, instrumented, play, reach):
    instrumented()
    with reach(play(realtime_talk)).realtime.connect(model="m") as connection:
        connection.response.create()
        while json.loads(connection.recv_bytes())["type"] != "response.done":
            pass
    (call,) = llm(spans)
    assert call.attributes[semconv.RESPONSE_ID] == "resp_1"
    assert call.attributes[semconv.USAGE_INPUT_TOKENS] == 132
    assert semconv.RUN_STATE not in call.attributes
    assert call.attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] > 0


@by_responses
def test_text_that_the_program_made_itself_is_sent_as_it_is(spans, instrumented, play, reach):
    instrumented()
    server = play(responses_talk)
    text = json.dumps({"type": "response.create", "model": "gpt-4.1", "input": "Hi", "temperature": 1})
    with reach(server).responses.connect() as connection:
        connection.send_raw(text)
        until(connection, "response.completed")
    (call,) = llm(spans)
    assert (call.name, call.attributes[semconv.REQUEST_TEMPERATURE]) == ("chat gpt-4.1", 1)
    assert semconv.FIX_IDS not in call.attributes
    assert server.heard == [json.loads(text)]


def test_the_programs_context_is_its_own(spans, instrumented, play, reach):
    instrumented()
    current = []

    def look():
        current.append(trace.get_current_span().get_span_context().span_id)

    with spans.tracer_provider.get_tracer("app").start_as_current_span(
        "app", attributes={"arc.span.kind": "app"}
    ) as app:
        with reach(play(realtime_talk)).realtime.connect(model="m") as connection:
            look()
            connection.response.create()
            look()
            for event in connection:
                look()
                if event.type == "response.done":
                    break
        look()
    assert set(current) == {app.get_span_context().span_id}
    assert spans.tree == "app(agent.run(chat m))"


# --- several responses -----------------------------------------------------------------------------------------------


def test_responses_that_the_server_begins_and_those_out_of_band_are_told_apart(spans, instrumented, play, reach):
    instrumented()

    def talk(peer):
        mark = peer.hear("response.create")["response"]["metadata"]
        heard = realtime_answer(1, "I heard you")
        asked = realtime_answer(2, "Topic: dogs", conversation=None, metadata=mark)
        for pair in zip(heard, asked, strict=True):
            peer.say(*pair)
        peer.linger()

    with reach(play(talk)).realtime.connect(model="m") as connection:
        connection.response.create(response={"conversation": "none", "metadata": {"topic": "1"}, "temperature": 0.6})
        until(connection, "response.done")
        until(connection, "response.done")
    found = {span.attributes[semconv.RESPONSE_ID]: span.attributes for span in llm(spans)}
    assert set(found) == {"resp_1", "resp_2"}
    assert semconv.REQUEST_TEMPERATURE not in found["resp_1"]
    assert found["resp_2"][semconv.REQUEST_TEMPERATURE] == 0.6
    assert semconv.CONVERSATION_ID not in found["resp_2"]


@by_newest
def test_lanes_of_one_connection_are_told_apart(spans, instrumented, play, reach):
    from openai.lib.responses_websocket import ResponsesWebSocketLimits, ResponsesWebSocketSession

    instrumented()

    def talk(peer):
        asked = [peer.hear("response.create") for _ in range(2)]
        answers = [response_answer(number, lane=one["stream_id"]) for number, one in enumerate(asked, 1)]
        for pair in zip(*answers, strict=True):
            peer.say(*pair)
        peer.linger()

    server = play(talk)
    limits = ResponsesWebSocketLimits(4, 100, 400, 10**6, 10**7)
    with reach(server).responses.connect() as connection:
        with ResponsesWebSocketSession(connection, limits=limits) as session:
            lanes = [session.lane("a"), session.lane("b")]
            for lane, model in zip(lanes, ("gpt-5.2", "gpt-4.1"), strict=True):
                lane.send({"type": "response.create", "model": model, "input": "Hi", "temperature": 1})
            assert [lane.get_final_response(timeout=30).id for lane in lanes] == ["resp_1", "resp_2"]
    assert {span.name: span.attributes[semconv.RESPONSE_ID] for span in llm(spans)} == {
        "chat gpt-5.2": "resp_1", "chat gpt-4.1": "resp_2",
    }  # fmt: skip
    assert [heard["temperature"] for heard in server.heard] == [1, 0.7]


@by_responses
def test_what_is_queued_before_connecting_is_recorded(spans, instrumented, play, reach):
    instrumented()
    manager = reach(play(responses_talk)).responses.connect()
    manager.send({"type": "response.create", "model": "m", "input": "Hi"})
    with manager as connection:
        until(connection, "response.completed")
    assert spans.tree == "agent.run(chat m)"
    assert llm(spans)[0].attributes[semconv.RESPONSE_ID] == "resp_1"


@by_newest
def test_a_live_session_shows_the_responses_that_it_delegates(spans, instrumented, play, reach):
    def talk(peer):
        session = peer.hear("session.start")["session"]
        peer.say({"type": "session.started", "event_id": "e1", "session": {"id": "live_1", **session}})
        for inner in response_answer(output=[CALL]):
            peer.say({"type": "response.event", "event_id": "e2", "delegation_id": "d1", "event": inner})
        peer.linger()

    instrumented()
    with reach(play(talk)).live.connect() as connection:
        connection.session.start(session={
            "model": "gpt-live", "delegation": {"type": "responses", "responses": {"model": "gpt-5.2"}},
        })  # fmt: skip
        seen = 0
        while seen < len(response_answer()):
            seen += connection.recv().type == "response.event"
    assert spans.tree == "agent.run(chat gpt-5.2-x)"
    assert runs(spans)[0].attributes[semconv.REQUEST_MODEL] == "gpt-live"
    assert runs(spans)[0].attributes[semconv.SESSION_ID] == "live_1"
    assert llm(spans)[0].attributes[semconv.USAGE_INPUT_TOKENS] == 7


# --- failures and ends -----------------------------------------------------------------------------------------------


@by_responses
@pytest.mark.parametrize("end", ["failed", "incomplete", "error"])
def test_responses_that_fail_say_so(spans, instrumented, play, reach, end):
    instrumented()
    final = {"failed": {"error": {"code": "server_error", "message": "oh"}},
             "incomplete": {"incomplete_details": {"reason": "max_output_tokens"}}}  # fmt: skip

    def talk(peer):
        peer.hear("response.create")
        peer.say(*([refusal()] if end == "error" else response_answer(end=end, **final[end])))
        peer.hear("response.create")
        peer.say(*response_answer(2))
        peer.linger()

    with reach(play(talk)).responses.connect() as connection:
        connection.response.create(model="m", input="Hi")
        until(connection, "error" if end == "error" else f"response.{end}")
        connection.response.create(model="m", input="Hi")
        until(connection, "response.completed")
    bad, good = llm(spans)
    assert good.attributes[semconv.RESPONSE_ID] == "resp_2"
    if end == "failed":
        assert bad.attributes[semconv.FAILURE_TYPE] == "server_error"
        assert bad.attributes[semconv.RESPONSE_FINISH_REASONS] == ("error",)
    elif end == "incomplete":
        assert bad.attributes[semconv.RESPONSE_FINISH_REASONS] == ("length",)
    else:
        assert bad.status.status_code is StatusCode.ERROR
        assert bad.attributes[semconv.ERROR_TYPE] == "RejectedError"
        assert bad.attributes[semconv.ERROR_CODE] == "previous_response_not_found"
        assert bad.attributes[semconv.ERROR_PARAM] == "input"
        assert SECRET not in str(bad.to_json())
    assert runs(spans)[0].status.status_code is StatusCode.UNSET


def test_realtime_errors_go_to_the_request_that_they_name(spans, instrumented, play, reach):
    instrumented()

    def talk(peer):
        peer.hear("response.create")
        peer.say({"type": "error", "event_id": "e1", "error": {
            "type": "invalid_request_error", "code": "conversation_already_has_active_response", "message": "no", "event_id": "mine"}})  # fmt: skip
        peer.say(
            {
                "type": "error",
                "event_id": "e2",
                "error": {"type": "invalid_request_error", "code": "bad_voice", "message": "no"},
            }
        )
        failed = {"status": "failed", "output": [], "usage": None,
                  "status_details": {"type": "failed", "error": {"type": "server_error", "code": "overloaded"}}}  # fmt: skip
        peer.say(*realtime_answer(1, **failed))
        cancelled = {"status": "cancelled", "status_details": {"type": "cancelled", "reason": "turn_detected"}}
        peer.say(*realtime_answer(2, **cancelled))
        peer.linger()

    with reach(play(talk)).realtime.connect(model="m") as connection:
        connection.response.create(event_id="mine")
        until(connection, "response.done")
        until(connection, "response.done")
    refused, failed, cancelled = llm(spans)
    assert refused.status.status_code is StatusCode.ERROR
    assert refused.attributes[semconv.ERROR_CODE] == "conversation_already_has_active_response"
    assert failed.attributes[semconv.FAILURE_TYPE] == "overloaded"
    assert failed.attributes[semconv.RESPONSE_FINISH_REASONS] == ("error",)
    assert cancelled.attributes[semconv.RUN_STATE] == "cancelled"
    assert cancelled.status.status_code is StatusCode.UNSET
    assert runs(spans)[0].attributes[semconv.ERROR_CODE] == "bad_voice"


def cut_in_the_middle(peer):
    peer.hear("response.create")
    peer.say(*realtime_answer()[:4])
    peer.cut()


def test_a_server_that_drops_the_connection_fails_session_and_response(spans, instrumented, play, reach):
    instrumented(capture="SPAN_ONLY")
    with pytest.raises(ConnectionClosedError):
        with reach(play(cut_in_the_middle)).realtime.connect(model="m") as connection:
            connection.response.create()
            for _ in connection:
                pass
    assert spans.tree == "agent.run!(chat m!)"
    (call,) = llm(spans)
    assert call.attributes[semconv.ERROR_TYPE] == "ConnectionClosedError"
    assert call.attributes[semconv.RESPONSE_ID] == "resp_1"
    assert json.loads(call.attributes[semconv.OUTPUT_MESSAGES]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hel"}]}
    ]


def test_a_server_that_ends_the_session_ends_it_well(spans, instrumented, play, reach):
    instrumented()
    with reach(play(realtime_talk)).realtime.connect(model="m") as connection:
        connection.response.create()
        until(connection, "response.done")
        connection.input_audio_buffer.clear()
        assert [event.type for event in connection][-1:] == ["rate_limits.updated"]
        assert spans.tree == "agent.run(chat m)"
    assert runs(spans)[0].attributes[semconv.SESSION_CLOSE_CODE] == 1000
    assert runs(spans)[0].status.status_code is StatusCode.UNSET


def test_a_refused_handshake_is_a_failed_session(spans, instrumented, reach):
    instrumented()

    class Nobody:
        url = "ws://127.0.0.1:9/v1"

    with pytest.raises(ConnectionRefusedError):
        reach(Nobody).realtime.connect(model="m").enter()
    assert spans.tree == "agent.run!"
    assert spans.only.attributes[semconv.SERVER_PORT] == 9


def test_an_error_of_the_programs_own_fails_the_session(spans, instrumented, play, reach):
    instrumented()
    with pytest.raises(KeyError):
        with reach(play(realtime_talk)).realtime.connect(model="m") as connection:
            connection.response.create()
            connection.recv()
            raise KeyError("own")
    assert spans.tree == "agent.run!(chat m!)"
    assert runs(spans)[0].attributes[semconv.ERROR_TYPE] == "KeyError"


def test_closing_by_hand_in_the_middle_of_a_response(spans, instrumented, play, reach):
    instrumented()
    connection = reach(play(realtime_talk)).realtime.connect(model="m").enter()
    connection.response.create()
    until(connection, "response.output_audio_transcript.delta")
    connection.close()
    assert spans.tree == "agent.run(chat m:cancelled)"
    connection.close()
    assert len(spans.spans) == 2


def test_a_cancelled_task_leaves_a_cancelled_session(spans, instrumented, play, reach, caplog):
    instrumented()
    server = play(lambda peer: peer.linger())

    async def main():
        client = reach(server, openai.AsyncOpenAI)

        async def talk():
            async with client.realtime.connect(model="m") as connection:
                await connection.response.create()
                async for _ in connection:
                    pass

        task = asyncio.create_task(talk())
        await asyncio.to_thread(eventually, lambda: server.heard)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await client.close()

    asyncio.run(main())
    assert spans.tree == "agent.run:cancelled(chat m:cancelled)"
    assert "Failed to detach" not in caplog.text


def test_a_recv_that_times_out_leaves_the_session_open(spans, instrumented, play, reach):
    instrumented()
    server = play(realtime_talk)

    async def main():
        client = reach(server, openai.AsyncOpenAI)
        async with client.realtime.connect(model="m") as connection:
            await until_async(connection, "session.created")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(connection.recv(), 0.05)
            await connection.response.create()
            await until_async(connection, "response.done")
        await client.close()

    asyncio.run(main())
    assert spans.tree == "agent.run(chat m)"


def test_a_session_that_nobody_closes_ends_when_it_is_dropped(spans, instrumented, play, reach):
    instrumented()
    server = play(realtime_talk)
    connection = reach(server).realtime.connect(model="m").enter()
    transport, session = connection._connection, weakref.ref(connection._arc_session)
    connection.response.create()
    connection.recv()
    del connection
    gc.collect()
    assert session() is None
    assert spans.tree == "agent.run:cancelled(chat m:cancelled)"
    transport.close()


PROGRAM = """
import os
from arc_instrumentation_openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, ConsoleSpanExporter
import sys
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=lambda span: span.name + chr(10))))
OpenAIInstrumentor().instrument(tracer_provider=provider, skip_dep_check=True)
import openai
connection = openai.OpenAI(api_key="t", websocket_base_url=sys.argv[1]).realtime.connect(model="m").enter()
connection.response.create()
connection.recv()
"""


def test_a_program_that_ends_in_a_session_sends_it(play):
    server = play(realtime_talk)
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM, server.url], capture_output=True, text=True, timeout=60, check=True, env=os.environ
    )  # fmt: skip
    assert sorted(program.stdout.split("\n")) == ["", "agent.run", "chat m"], program.stderr


ASK = {"model": "m", "input": "Hi"}


def again_by_thread(client, server, **options):
    def ask_again():
        eventually(lambda: len(server.headers) == 2)
        connection.response.create(**ASK)

    with client.responses.connect(**options) as connection:
        connection.response.create(**ASK)
        helper = threading.Thread(target=ask_again)
        helper.start()
        for event in connection:
            if event.type == "response.completed":
                break
        helper.join()


def again_by_task(client, server, **options):
    async def ask_again(connection):
        await asyncio.to_thread(eventually, lambda: len(server.headers) == 2)
        await connection.response.create(**ASK)

    async def main():
        async with client.responses.connect(**options) as connection:
            await connection.response.create(**ASK)
            helper = asyncio.create_task(ask_again(connection))
            async for event in connection:
                if event.type == "response.completed":
                    break
            await helper
        await client.close()

    asyncio.run(main())


@pytest.mark.skipif(MAJOR < 2, reason="openai 1 does not connect again")
@pytest.mark.parametrize(("kind", "again"), [(openai.OpenAI, again_by_thread), (openai.AsyncOpenAI, again_by_task)])
def test_a_session_goes_on_when_the_client_connects_again(spans, instrumented, play, reach, kind, again):
    instrumented()

    def talk(peer):
        peer.hear("response.create")
        if peer.turn == 1:
            peer.say(*response_answer(1)[:3])
            peer.close(1011)
        else:
            peer.say(*response_answer(2))
            peer.linger()

    server = play(talk)
    again(
        reach(server, kind), server, initial_delay=0.01, extra_headers={"X-Agent-Name": "scout"},
        on_reconnecting=lambda _event: {"extra_headers": {"X-Agent-Name": "other"}},
    )  # fmt: skip
    assert spans.tree == "agent.run scout(chat m! chat m)"
    (run,) = runs(spans)
    assert run.attributes[semconv.SESSION_RECONNECTS] == 1
    assert run.attributes[semconv.SESSION_CLOSE_CODE] == 1011
    assert run.status.status_code is StatusCode.UNSET
    assert [one.get("X-Agent-Name") for one in server.headers] == [None, None]


# --- content ---------------------------------------------------------------------------------------------------------


def spoken_talk(peer):
    peer.say(*numbered({"type": "session.created", "session": SESSION}))
    peer.hear("input_audio_buffer.commit")
    peer.say({"type": "input_audio_buffer.committed", "event_id": "e1", "item_id": "item_u", "previous_item_id": None})
    peer.hear("response.create")
    peer.say(*realtime_answer(1, f"Hello, I write to {SECRET}"))
    peer.say({"type": "conversation.item.input_audio_transcription.completed", "event_id": "e2", "item_id": "item_u",
              "content_index": 0, "transcript": f"Write to {SECRET}", "usage": {"type": "duration", "seconds": 1}})  # fmt: skip
    peer.hear("response.create")
    call = {"id": "fc_1", "object": "realtime.item", "type": "function_call", "status": "completed", "name": "weather",
            "call_id": "call_1", "arguments": '{"city": "Bonn"}'}  # fmt: skip
    peer.say(*realtime_answer(2, output=[call]))
    peer.linger()


def speak(client):
    with client.realtime.connect(model="m") as connection:
        until(connection, "session.created")
        connection.input_audio_buffer.append(audio=PCM)
        connection.input_audio_buffer.commit()
        connection.response.create()
        until(connection, "conversation.item.input_audio_transcription.completed")
        item = {"type": "function_call_output", "call_id": "call_0", "output": f"it rains on {SECRET}"}
        connection.conversation.item.create(item=item)
        connection.response.create()
        until(connection, "response.done")


def test_content_is_recorded_as_asked_for_and_sound_never_is(spans, instrumented, play, reach):
    instrumented(capture="SPAN_ONLY")
    speak(reach(play(spoken_talk)))
    first, second = llm(spans)
    assert json.loads(first.attributes[semconv.INPUT_MESSAGES]) == [
        {"role": "user", "parts": [{"type": "blob", "modality": "audio", "content": "<blob 12288 bytes>"}]}
    ]
    assert json.loads(first.attributes[semconv.SYSTEM_INSTRUCTIONS])[0]["content"].startswith("Be kind to <")
    assert json.loads(first.attributes[semconv.TOOL_DEFINITIONS])[0]["name"] == "weather"
    assert json.loads(first.attributes[semconv.OUTPUT_MESSAGES])[0]["parts"][0]["content"].startswith(
        "Hello, I write to <"
    )
    asked = json.loads(second.attributes[semconv.INPUT_MESSAGES])
    assert [message["role"] for message in asked] == ["user", "assistant", "tool"]
    assert asked[0]["parts"][0]["content"].startswith("Write to <")
    assert json.loads(second.attributes[semconv.OUTPUT_MESSAGES]) == [
        {"role": "assistant",
         "parts": [{"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Bonn"}}]}
    ]  # fmt: skip
    (run,) = runs(spans)
    assert [len(json.loads(run.attributes[name])) for name in (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES)] == [
        2,
        2,
    ]
    told = "".join(span.to_json() for span in spans.spans)
    assert (SECRET in told, PCM[:64] in told) == (False, False)


def test_content_goes_to_events_alone_when_asked_so(spans, instrumented, play, reach):
    instrumented(capture="EVENT_ONLY")
    speak(reach(play(spoken_talk)))
    names = {semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS, semconv.TOOL_DEFINITIONS}
    assert not any(names & set(span.attributes) for span in spans.spans)
    assert [record.event_name for record in spans.logs] == [semconv.EVENT_INFERENCE_DETAILS] * 2
    assert names <= set(spans.logs[1].attributes)


def test_no_content_by_default(spans, instrumented, play, reach):
    instrumented()
    speak(reach(play(spoken_talk)))
    told = "".join(span.to_json() for span in spans.spans)
    assert ("Bonn" in told, "Hello" in told, "Be kind" in told) == (False, False, False)


# --- on, off and broken ----------------------------------------------------------------------------------------------


def test_a_plugin_that_is_off_records_nothing_more_and_ends_what_it_began(spans, instrumented, play, reach):
    plugin = instrumented()
    client = reach(play(realtime_talk))
    with client.realtime.connect(model="m", extra_headers={"X-Agent-Name": "a"}) as connection:
        connection.response.create()
        until(connection, "response.done")
        plugin.uninstrument()
        connection.response.create()
        until(connection, "response.done")
    with client.realtime.connect(model="m") as connection:
        connection.response.create()
        until(connection, "response.done")
    assert spans.tree == "agent.run a(chat m)"


def test_suppressed_sessions_have_no_span_and_pass_unharmed(spans, instrumented, play, reach):
    instrumented()
    server = play(realtime_talk)
    with suppress_instrumentation():
        connection = reach(server).realtime.connect(model="m", extra_headers={"X-Agent-Name": "a"}).enter()
    connection.response.create()
    until(connection, "response.done")
    connection.close()
    assert spans.spans == ()
    assert "X-Agent-Name" not in server.headers[0]


@contextmanager
def broken(monkeypatch, owner, name):
    def fail(*_args, **_kwargs):
        raise RuntimeError("Arc's own")

    monkeypatch.setattr(owner, name, fail)
    yield
    monkeypatch.undo()


SEAMS = [
    ("_sockets", None, "_peer"), ("_sockets", None, "_follow"), ("_sockets", None, "_without_ours"),
    ("_realtime_session", "RealtimeSession", "observe"), ("_realtime_session", "RealtimeSession", "sending"),
    ("_realtime_session", "RealtimeSession", "created"), ("_realtime_session", "RealtimeSession", "content"),
    ("_turn", "Turn", "start_attributes"), ("_turn", "Turn", "fold"), ("_turn", "Turn", "watch"),
    ("_sessions", None, "kinds_in"), ("_sessions", "Answering", "drop"), ("_realtime", "RealtimeFold", "add"),
    ("_realtime", "RealtimeFold", "reply"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "owner", "name"), SEAMS)
def test_a_fault_of_arcs_own_is_no_fault_of_the_programs(instrumented, play, reach, monkeypatch, module, owner, name):
    from importlib import import_module

    plugin = instrumented(capture="SPAN_ONLY")
    place = import_module(f"arc_instrumentation_openai.{module}")
    place = place if owner is None else getattr(place, owner)
    client = reach(play(realtime_talk))
    with broken(monkeypatch, place, name):
        with client.realtime.connect(model="m", extra_headers={"X-Agent-Name": "a"}) as connection:
            until(connection, "session.created")
            connection.response.create()
            assert len(until(connection, "response.done")) == len(realtime_answer()) - 1
            json.loads(connection.recv_bytes())
            connection.response.create()
            until(connection, "response.done")
    assert plugin.guard.failures


@by_responses
def test_a_fix_in_shadow_changes_nothing_that_is_sent(spans, instrumented, play, reach):
    plugin = instrumented()
    plugin.runtime.engine.registry.register(
        Entry(id="t.shadow", pattern={"model": "m"}, fix={"temperature": 0.1}, state="shadow")
    )
    server = play(responses_talk)
    with reach(server).responses.connect() as connection:
        connection.response.create(model="m", input="Hi", temperature=2)
        until(connection, "response.completed")
    assert server.heard[0]["temperature"] == 2
    assert llm(spans)[0].attributes[semconv.FIX_MODE] == "shadow"


def test_of_clients_that_are_protected_one_by_one_only_their_sessions_are_recorded(spans, play, reach, monkeypatch):
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", spans.tracer_provider)
    plugin = OpenAIInstrumentor()
    plugin.prepare(Runtime.of(Settings()))
    server = play(realtime_talk)
    protected, other = reach(server), reach(server)
    try:
        assert plugin.protect(protected)
        assert not plugin.protect(object())
        for client in (other, protected, protected.with_options(max_retries=0)):
            with client.realtime.connect(model="m") as connection:
                until(connection, "session.created")
                connection.response.create()
                until(connection, "response.done")
        assert spans.tree == "agent.run(chat m) agent.run(chat m)"
        plugin.rest()
        with protected.realtime.connect(model="m") as connection:
            until(connection, "session.created")
        assert len(spans.spans) == 4
    finally:
        plugin.rest()
