"""The client's kin on other platforms, its copies, and clients that are protected one by one."""

import asyncio
import inspect
import threading

import anthropic
import pytest
from arc_instrumentation_anthropic._call import describe
from arc_runtime.fixes import Request
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings
from arc_semconv import attributes as semconv
from arc_testing import Answer, Provider, message, message_answer, message_error, message_request

ASK = message_request()
HTTP = getattr(anthropic._base_client, "httpx2", None) or anthropic._base_client.httpx
OWN_SPANS_OFF = {"open_telemetry": {"traces": False}} if hasattr(anthropic.Anthropic, "open_telemetry") else {}
GONE = message_error("`temperature` is deprecated for this model.")
BEDROCK = {"aws_region": "us-east-1", "api_key": "k"}
VERTEX = {"region": "us-east5", "project_id": "p", "access_token": "t"}
VERTEX_PATH = "/projects/p/locations/us-east5/publishers/anthropic/models"
PLATFORMS = [(anthropic.AnthropicVertex, VERTEX, "gcp.vertex_ai", f"{VERTEX_PATH}/claude-x:rawPredict")]
if hasattr(anthropic, "AnthropicFoundry"):
    PLATFORMS += [(anthropic.AnthropicFoundry, {"api_key": "k"}, "anthropic", "/v1/messages")]
if "api_key" in inspect.signature(anthropic.AnthropicBedrock).parameters:  # else it wants Amazon's own library
    PLATFORMS += [(anthropic.AnthropicBedrock, BEDROCK, "aws.bedrock", "/model/claude-x/invoke")]


def refusing(asked):
    return Answer(400, GONE) if "temperature" in asked.body else message_answer(asked)


def of(server, kind, given):
    return kind(base_url=server.url, max_retries=0, **OWN_SPANS_OFF, **given)


@pytest.mark.parametrize(("kind", "given", "provider", "path"), PLATFORMS, ids=lambda one: getattr(one, "__name__", ""))
def test_the_clients_of_other_platforms_are_mended_and_told_apart(spans, instrumented, kind, given, provider, path):
    instrumented()
    with Provider(refusing) as server, of(server, kind, given) as client:
        said = client.messages.create(**ASK, extra_body={"temperature": 0.1}, extra_headers={"X-Agent-Name": "a"})
        assert said.content[0].text == "Hello"
        assert [asked.path for asked in server.asked] == [path, path]
        assert all("x-agent-name" not in asked.headers for asked in server.asked)
    attributes = spans.only.attributes
    assert (attributes[semconv.PROVIDER], attributes[semconv.REQUEST_MODEL]) == (provider, "claude-x")
    assert (attributes[semconv.FIX_OUTCOME], attributes[semconv.AGENT_NAME]) == ("ok", "a")


def test_of_clients_that_are_protected_one_by_one_only_their_calls_are_mended(spans, instrumented, connect, ask):
    plugin = instrumented()
    plugin.uninstrument()
    plugin.prepare(Runtime.of(Settings()))
    with Provider(refusing) as server:
        protected, other = connect(server), connect(server)
        assert plugin.protect(protected)
        assert not plugin.protect(object())
        headers = {"X-Agent-Name": "a", "X-Arc-Fixes": "on"}
        assert ask(protected, temperature=0.1, extra_headers=headers)
        assert ask(protected.with_options(timeout=30), temperature=0.1, extra_headers=headers)
        with pytest.raises(anthropic.BadRequestError):
            ask(other, temperature=0.1)
        assert [asked.headers.get("x-agent-name") for asked in server.asked] == [None] * 4
        assert not any("x-arc-fixes" in asked.headers for asked in server.asked)
    plugin.rest()


def test_a_client_with_http_of_the_program_s_own_is_mended_by_it(instrumented, connect, ask):
    seen = []
    instrumented()
    with (
        Provider(refusing) as server,
        HTTP.Client(event_hooks={"request": [lambda request: seen.append(request.url.path)]}) as own,
    ):
        assert ask(connect(server, http_client=own), temperature=0.1)
    assert seen == ["/v1/messages", "/v1/messages"]


def test_a_task_that_is_cancelled_sends_nothing_again(spans, instrumented, connect):
    instrumented()

    sent_again, go_on = threading.Event(), threading.Event()

    async def call(server):
        async with connect(server, anthropic.AsyncAnthropic) as client:
            task = asyncio.create_task(client.messages.create(**ASK, extra_body={"temperature": 0.1}))
            assert await asyncio.to_thread(sent_again.wait, 20)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    def held(asked):
        if "temperature" in asked.body:
            return Answer(400, GONE)
        sent_again.set()
        go_on.wait(20)
        return Answer(body=message())

    with Provider(held) as server:
        asyncio.run(call(server))
        go_on.set()
        assert len(server.asked) == 2
    assert spans.only.attributes[semconv.FIX_OUTCOME] == "unknown"


def test_other_endpoints_are_not_calls_of_a_model():
    client = anthropic.Anthropic(api_key="k")
    asked = anthropic._base_client.FinalRequestOptions

    def call(method, url):
        return describe(client, (object, asked(method=method, url=url, json_data={"model": "m"})), {})

    for method, url in [
        ("post", "/v1/messages/count_tokens?beta=true"), ("post", "/v1/messages/batches"), ("get", "/v1/messages"),
        ("get", "/v1/models"), ("post", "/v1/complete"),
    ]:  # fmt: skip
        assert call(method, url) is None
    assert isinstance(call("post", "/v1/messages?beta=true").request, Request)
    client.close()
