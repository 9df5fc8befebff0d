import anthropic
import pytest
from arc_instrumentation_anthropic import AnthropicInstrumentor
from arc_testing import message_request


@pytest.fixture
def instrumented(spans):
    """Switch the plugin on for one test, with settings of the test's own."""
    with spans.told_by(AnthropicInstrumentor()) as switch_on:
        yield switch_on


@pytest.fixture
def connect():
    """Clients of a server, closed at the end; their own spans are off, as they have tests of their own."""
    opened = []

    def client(server, kind=anthropic.Anthropic, **options):
        own = {"open_telemetry": {"traces": False}} if hasattr(kind, "open_telemetry") else {}
        opened.append(kind(**{"base_url": server.url, "api_key": "k", "max_retries": 0, **own, **options}))
        return opened[-1]

    yield client
    for one in opened:
        if isinstance(one, anthropic.Anthropic):
            one.close()


@pytest.fixture
def ask():
    """A call whose parameters are not all in the client's signature: versions differ in what they still have."""

    def call(client, *, stream=False, **given):
        body = message_request()
        first = {key: given.pop(key, value) for key, value in body.items()}
        headers, seconds = given.pop("extra_headers", None), given.pop("timeout", 60)
        return client.messages.create(**first, stream=stream, timeout=seconds, extra_body=given, extra_headers=headers)

    return call
