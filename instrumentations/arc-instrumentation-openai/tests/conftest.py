import openai
import pytest
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings


@pytest.fixture
def instrumented(spans):
    """Switch the plugin on for one test, with settings of the test's own."""
    plugin = OpenAIInstrumentor()

    def switch_on(**settings):
        plugin.instrument(
            skip_dep_check=True,
            tracer_provider=spans.tracer_provider,
            logger_provider=spans.logger_provider,
            runtime=Runtime.of(Settings(**settings)),
        )
        return plugin

    yield switch_on
    plugin.uninstrument()


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
