"""Model calls of the OpenAI client as spans, and known failures mended before they leave.

Everything the client sends goes through one method, `request`; wrapping it there covers raw responses, clients made
before instrumentation and Azure alike.
"""

from arc_runtime.instrumentation import ArcInstrumentor, Target

from arc_instrumentation_openai._call import describe
from arc_instrumentation_openai._responses import FOLLOWED_MODULES, wrap_class_methods

__all__ = ["OpenAIInstrumentor"]


class OpenAIInstrumentor(ArcInstrumentor):
    """Instruments `openai.OpenAI`, `AsyncOpenAI` and their Azure twins: chat completions, whole and streamed."""

    distribution = "arc-instrumentation-openai"
    targets = (
        Target("openai._base_client:SyncAPIClient.request", describe),
        Target("openai._base_client:AsyncAPIClient.request", describe),
    )

    def hook(self) -> None:
        """Wrap the targets, and the methods through which streams and raw responses are read or closed."""
        super().hook()
        for module in FOLLOWED_MODULES:
            self.when_imported(module, wrap_class_methods)
