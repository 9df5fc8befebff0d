"""Model calls of the OpenAI client as spans, and known failures mended before they leave.

Everything the client sends goes through one method, `request`; wrapping it there covers raw responses, clients made
before instrumentation and Azure alike.
"""

from collections.abc import Callable
from typing import Any

import wrapt
from arc_runtime.instrumentation import ArcInstrumentor, Target

from arc_instrumentation_openai import _headers
from arc_instrumentation_openai._answers import FOLLOWED_MODULES, wrap_class_methods
from arc_instrumentation_openai._call import describe

__all__ = ["OpenAIInstrumentor"]


class OpenAIInstrumentor(ArcInstrumentor):
    """Instruments `openai.OpenAI`, `AsyncOpenAI` and their Azure twins: every model call, whole and streamed."""

    distribution = "arc-instrumentation-openai"
    targets = (
        Target("openai._base_client:SyncAPIClient.request", describe),
        Target("openai._base_client:AsyncAPIClient.request", describe),
    )

    def hook(self) -> None:
        """Wrap the targets, what builds the headers of each attempt, and what reads or closes an answer."""
        super().hook()
        for module in FOLLOWED_MODULES:
            self.when_imported(module, wrap_class_methods)
        self.when_imported("openai._base_client", self._wrap_headers)

    def _wrap_headers(self, module: Any) -> None:
        wrapt.wrap_function_wrapper(module, "BaseClient._build_headers", self._around_headers)

    def _around_headers(self, wrapped: Callable[..., Any], _client: object, args: Any, kwargs: Any) -> Any:
        headers = wrapped(*args, **kwargs)
        if self.active:
            self.guard.attempt("reading the headers", _headers.settle, headers, kwargs.get("retries_taken", 0))
        return headers
