"""Model calls of the Anthropic client as spans, and known failures mended before they leave or after a refusal.

The client's `request` is the one method through which it sends. Where the client writes spans itself (from version 2
on), the method inside of its own span is wrapped, so that Arc sees that the call has one.
"""

from typing import Any

from arc_runtime.instrumentation import Target
from arc_runtime.instrumentation.stainless import StainlessInstrumentor

from arc_instrumentation_anthropic._call import describe
from arc_instrumentation_anthropic._own_spans import CLIENTS, OwnSpans

__all__ = ["AnthropicInstrumentor"]

_MODULE = "anthropic._base_client"


class AnthropicInstrumentor(StainlessInstrumentor):
    """Instruments `anthropic.Anthropic`, `AsyncAnthropic` and their kin on Bedrock, Vertex and elsewhere."""

    distribution = "arc-instrumentation-anthropic"
    library = "anthropic"

    def hook(self) -> None:
        """Wrap what sends, where that depends on the client's version, and what every such client has."""
        self.when_imported(_MODULE, self._wrap_clients)
        self.when_imported(_MODULE, OwnSpans(self.guard).follow)
        super().hook()

    def _wrap_clients(self, module: Any) -> None:
        for name in CLIENTS:
            # `_request` stood for one attempt before the client wrote spans, and stands for the call since.
            method = "_request" if hasattr(getattr(module, name), "_attempt_request") else "request"
            self._wrap(module, Target(f"{_MODULE}:{name}.{method}", describe), f"{name}.{method}")
