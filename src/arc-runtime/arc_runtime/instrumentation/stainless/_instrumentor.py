"""The base of a plugin for a client that Stainless generated: what to wrap beside the call itself."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ClassVar, Final

import wrapt

from arc_runtime.instrumentation._instrumentor import ArcInstrumentor
from arc_runtime.instrumentation.stainless._answers import followed_modules, wrap_class_methods
from arc_runtime.instrumentation.stainless._headers import settle

__all__ = ["StainlessInstrumentor"]

_COPIES: Final = ("copy", "with_options")
"""Methods of a client that give another one."""


class StainlessInstrumentor(ArcInstrumentor):
    """An instrumentor that also settles the headers of each attempt, and follows answers that are read later."""

    library: ClassVar[str]
    """The client's top module."""

    def hook(self) -> None:
        """Wrap the targets, what builds the headers of each attempt, and what reads or closes an answer."""
        super().hook()
        for module in followed_modules(self.library):
            self.when_imported(module, wrap_class_methods)
        self.when_imported(f"{self.library}._base_client", self._wrap_headers)

    def protect(self, client: object) -> bool:
        """Do the plugin's work for the calls of `client`, and of those that it makes with other options."""
        if client in self._protected:
            return True
        if not super().protect(client):
            return False
        for name in _COPIES:
            if callable(copy := getattr(client, name, None)):
                setattr(client, name, self._protecting(copy))
        return True

    def _protecting(self, copy: Callable[..., object]) -> Callable[..., object]:
        @wraps(copy)
        def copied(*args: Any, **kwargs: Any) -> object:
            client = copy(*args, **kwargs)
            self.guard.attempt("protecting a client", self.protect, client)
            return client

        return copied

    def _wrap_headers(self, module: Any) -> None:
        wrapt.wrap_function_wrapper(module, "BaseClient._build_headers", self._around_headers)

    def _around_headers(self, wrapped: Callable[..., Any], client: object, args: Any, kwargs: Any) -> Any:
        headers = wrapped(*args, **kwargs)
        self.guard.attempt("reading the headers", self._settle, client, headers, kwargs)
        return headers

    def _settle(self, client: object, headers: Any, options: Mapping[str, Any]) -> None:
        if self.works_for(client):
            settle(headers, options.get("retries_taken", 0))
