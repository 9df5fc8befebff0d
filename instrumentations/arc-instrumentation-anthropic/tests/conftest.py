import pytest
from arc_instrumentation_anthropic import AnthropicInstrumentor
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings


@pytest.fixture
def instrumented(spans):
    """Switch the plugin on for one test, with settings of the test's own."""
    plugin = AnthropicInstrumentor()

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
