"""Model calls of the OpenAI client as spans, and known failures mended before they leave.

Everything the client sends by HTTP goes through one method, `request`; wrapping it there covers raw responses, clients
made before instrumentation and Azure alike. Sessions over a WebSocket are observed at their connection (`_sockets`).
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

import wrapt
from arc_runtime.capture import Recorder
from arc_runtime.instrumentation import ArcInstrumentor, Target
from arc_runtime.instrumentation.stainless import followed_modules, settle, wrap_class_methods
from arc_runtime.spans import within
from arc_semconv import attributes as semconv
from arc_semconv.kinds import Kind
from opentelemetry.instrumentation.utils import is_instrumentation_enabled, suppress_instrumentation
from opentelemetry.trace import INVALID_SPAN, Span

from arc_instrumentation_openai import _langfuse
from arc_instrumentation_openai._call import describe
from arc_instrumentation_openai._sessions import Peer, Session
from arc_instrumentation_openai._sockets import Sockets
from arc_instrumentation_openai._turn import Arguments, Turn

__all__ = ["OpenAIInstrumentor"]

_COPIES: Final = ("copy", "with_options")
"""Methods of a client that give another one."""


class OpenAIInstrumentor(ArcInstrumentor):
    """Instruments `openai.OpenAI`, `AsyncOpenAI` and their Azure twins: every model call, whole and streamed."""

    distribution = "arc-instrumentation-openai"
    targets = (
        Target("openai._base_client:SyncAPIClient.request", describe),
        Target("openai._base_client:AsyncAPIClient.request", describe),
    )

    @property
    def recorder(self) -> Recorder:
        """What makes text of content."""
        return self.pen.recorder

    def open_session(self, kind: type[Session], peer: Peer, api: str) -> Session:
        """A session of `kind` with `peer`, its span open unless nothing is to be recorded."""
        span: Span = INVALID_SPAN
        if self.writes_spans and is_instrumentation_enabled():
            attributes = {semconv.PROVIDER: peer.provider, semconv.REQUEST_API: api, **peer.known}
            if peer.model is not None:
                attributes[semconv.REQUEST_MODEL] = peer.model
            span = self.pen.spans.open(Kind.RUN, peer.agent, attributes)
        return kind(self, peer, span)

    def board(self, turn: Turn, session: Span) -> Arguments | None:
        """Open the span of `turn` below that of its session; the arguments to send with, where they are mended."""
        # A session that is not recorded is not so in part: what goes on in it may be outside of what suppressed it.
        with suppress_instrumentation() if session is INVALID_SPAN else within(session):
            target = Target("", lambda _instance, _args, _kwargs: turn)
            flight = self._boarded(target, None, (), {})
            if flight is None:
                return None
            flight.landed(None)  # no answer yet: the turn is handed the flight, to tell it of each event
            return flight.arguments

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

    def hook(self) -> None:
        """Wrap the targets, what builds the headers of each attempt, and what reads or closes an answer."""
        super().hook()
        for module in followed_modules("openai"):
            self.when_imported(module, wrap_class_methods)
        self.when_imported("openai._base_client", self._wrap_headers)
        Sockets(self).hook()
        self.when_imported("langfuse", _langfuse.follow)

    def _wrap_headers(self, module: Any) -> None:
        wrapt.wrap_function_wrapper(module, "BaseClient._build_headers", self._around_headers)

    def _around_headers(self, wrapped: Callable[..., Any], client: object, args: Any, kwargs: Any) -> Any:
        headers = wrapped(*args, **kwargs)
        self.guard.attempt("reading the headers", self._settle, client, headers, kwargs)
        return headers

    def _settle(self, client: object, headers: Any, options: Mapping[str, Any]) -> None:
        if self.works_for(client):
            settle(headers, options.get("retries_taken", 0))
