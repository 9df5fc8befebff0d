import openai
import pytest
from arc_instrumentation_openai import OpenAIInstrumentor


@pytest.fixture
def instrumented(spans):
    """Switch the plugin on for one test, with settings of the test's own."""
    with spans.told_by(OpenAIInstrumentor()) as switch_on:
        yield switch_on


@pytest.fixture
def connect():
    """Clients of a replay server, closed at the end."""
    opened = []

    def client(server, kind=openai.OpenAI, **options):
        made = kind(base_url=server.url, api_key="test", max_retries=0, **options)
        opened.append(made)
        return made

    yield client
    for one in opened:
        if isinstance(one, openai.OpenAI):
            one.close()
