"""Model calls of the Anthropic client as spans, and known failures mended before they leave or after a refusal.

The client's `request` is the one method through which it sends. Where the client writes spans itself (from version 2
on), the method inside of its own span is wrapped, so that Arc sees that the call has one.
"""

from collections.abc import Callable
from typing import Any

import wrapt
from arc_runtime.instrumentation import ArcInstrumentor, Target
from arc_runtime.instrumentation.stainless import followed_modules, settle, wrap_class_methods

from arc_instrumentation_anthropic._call import describe

__all__ = ["AnthropicInstrumentor"]

_MODULE = "anthropic._base_client"
_CLIENTS = ("SyncAPIClient", "AsyncAPIClient")


class AnthropicInstrumentor(ArcInstrumentor):
    """Instruments `anthropic.Anthropic`, `AsyncAnthropic` and their kin on Bedrock and Vertex."""

    distribution = "arc-instrumentation-anthropic"

    def hook(self) -> None:
        """Wrap what sends, what builds the headers of each attempt, and what reads or closes an answer."""
        self.when_imported(_MODULE, self._wrap_clients)
        for module in followed_modules("anthropic"):
            self.when_imported(module, wrap_class_methods)
        self.when_imported(_MODULE, self._wrap_headers)

    def _wrap_clients(self, module: Any) -> None:
        for name in _CLIENTS:
            # `_request` stood for one attempt before the client wrote spans, and stands for the call since.
            method = "_request" if hasattr(getattr(module, name), "_attempt_request") else "request"
            self._wrap(module, Target(f"{_MODULE}:{name}.{method}", describe), f"{name}.{method}")

    def _wrap_headers(self, module: Any) -> None:
        wrapt.wrap_function_wrapper(module, "BaseClient._build_headers", self._around_headers)

    def _around_headers(self, wrapped: Callable[..., Any], _client: object, args: Any, kwargs: Any) -> Any:
        headers = wrapped(*args, **kwargs)
        if self.active:
            self.guard.attempt("reading the headers", settle, headers, kwargs.get("retries_taken", 0))
        return headers
